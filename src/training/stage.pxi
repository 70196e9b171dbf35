"""A stage of a pipeline: some consecutive layers of a network, which another process continues.

Design
------
- A batch comes in micro-batches, several of which are on their way at once. Each takes a slot: a workspace of its own.
- Micro-batches stand to the batch as blocks do (plan.pxi): dropout masks follow from a row's place in the batch, deltas
  are divided by what the whole batch counts, and gradients add up in the order of the calls.
- Rows never lie in the lanes and blocks are micro-batches, so every number follows from its own layer and the
  micro-batch: bits do not depend on how the layers are cut into stages, nor on threads.
- The update comes in steps (penalize, risk, update, settle), between which the stages agree about norm and overflow.
"""

cdef struct StagePass:      # a micro-batch on its way
    Pass batch
    real *inputs            # (rows, in_row): where d loss / d inputs goes, or NULL


cdef void stage_task(void *context, int task, int thread) noexcept nogil:
    """Take some rows of a micro-batch forward, or back to their inputs."""
    cdef StagePass *on = <StagePass *>context
    cdef Pass *batch = &on.batch
    cdef Plan *plan = batch.plan
    cdef Py_ssize_t at = task * batch.share
    cdef Py_ssize_t end = at + batch.share if at + batch.share < batch.n - 1 else batch.n
    cdef Rows block
    cdef Stretch of
    of.space, of.worker, of.start, of.key = &plan.workspaces[0], &plan.workers[thread], batch.start, batch.key
    of.place, of.lead, of.inputs = 0, 0, on.inputs
    while at < end:
        of.at = at
        of.rows = plan.poll_rows if plan.poll_rows < end - at - 1 else end - at
        of.looks = of.rows * batch.row_work > POLL_WORK
        if stops(of.worker, of.rows * batch.row_work):
            return
        if batch.backward:
            delta_rows(plan, &of)
        else:
            take_rows(batch.data, plan.n_in, plan.n_out, batch.first + batch.start + at, of.rows, &of.space.gathered,
                      at, &block)
            forward_rows(plan, &of, &block)
        at += of.rows


cdef class PipelineStage:
    """Layers that a Training updates, whose first one has the place `place` in the whole network and has parameters.

    It has `slots` slots for micro-batches of at most `rows` rows. The Training makes no steps of its own.
    """

    cdef Training training
    cdef Network network
    cdef list owned
    cdef Workspace *spaces      # (slots,)
    cdef Py_ssize_t *counts     # (slots,): rows that each slot holds
    cdef real *before           # (rows, in_row): d loss / d inputs
    cdef Py_ssize_t rows
    cdef int slots

    def __cinit__(self, Training training not None, Py_ssize_t rows, int slots, int place):
        cdef Network network = training.network
        cdef Plan *plan = &network.plan
        cdef int i
        if rows < 1 or slots < 1 or place < 0 or (place > 0 and plan.first > 0):
            raise ValueError("a stage needs room for a row and a slot, and begins with a layer that has parameters")
        self.training, self.network, self.rows, self.slots = training, network, rows, slots
        for i in range(plan.n_layers):
            plan.layers[i].place += place
        plan.transposes, plan.most = False, PY_SSIZE_T_MAX
        plan.room = plan.input_room = 0
        network.prepare(rows, 1, True)
        self.owned = []
        self.spaces = <Workspace *>take_bytes(slots * sizeof(Workspace), self.owned)
        self.counts = <Py_ssize_t *>take_bytes(slots * sizeof(Py_ssize_t), self.owned)
        self.before = NULL
        if place > 0:
            self.before = <real *>take_bytes(rows * padded(plan.n_in) * sizeof(real), self.owned)
        self.spaces[0] = plan.workspaces[0]
        for i in range(slots):
            self.counts[i] = 0
            if i > 0:
                network.take_workspace(&self.spaces[i])
                network.take_inputs(&self.spaces[i])
        self.owned += network.workspace + network.inputs

    cdef int begin(self, StagePass *on, Rows *data, int slot, const real[:, ::1] X, Py_ssize_t start) except -1:
        """Take the network for a micro-batch, whose first row is row `start` of its batch; return the threads."""
        cdef Plan *plan = &self.network.plan
        cdef Pass *batch = &on.batch
        batch.n = bind_inputs(data, plan.n_in, False, X, None)
        if slot < 0 or slot >= self.slots or batch.n > self.rows or start < 0:
            raise ValueError("the micro-batch does not fit the stage")
        batch.plan, batch.data, batch.of, batch.outputs = plan, data, &self.training.descent.bound_loss, NULL
        batch.rows = batch.block = batch.n
        batch.first, batch.start = -start, start
        batch.key = dropout_key(&self.training.descent)
        batch.transposed = False
        batch.row_work = plan.n_params
        on.inputs = NULL
        self.network.acquire(batch.n, True)
        plan.workspaces[0] = self.spaces[slot]
        return 1 if batch.n * batch.row_work * 3 < THREAD_WORK else plan.threads

    cdef void share(self, StagePass *on, int threads) noexcept nogil:
        """Take the micro-batch through the layers on several threads."""
        cdef Pass *batch = &on.batch
        cdef int tasks = 1
        batch.share = batch.n
        if threads > 1:
            batch.share = thread_share(batch, threads)
            tasks = <int>(max(<Py_ssize_t>0, batch.n - 2) // batch.share + 1)
        pool_run(stage_task, on, tasks, threads)

    def forward(self, int slot, const real[:, ::1] X not None, Py_ssize_t start, real[:, ::1] out not None):
        """Fill a slot with a micro-batch X (n, n_in), and write its outputs into out (n, n_out).

        `start` is the place of its first row in the batch. X stays as it is until `backward`.
        """
        cdef Plan *plan = &self.network.plan
        cdef StagePass on
        cdef Rows data
        cdef int threads = self.begin(&on, &data, slot, X, start), last
        cdef Py_ssize_t n = on.batch.n
        if out.shape[0] != n or out.shape[1] != plan.n_out:
            release_lock(&self.network.held.lock)
            raise ValueError(f"out has shape ({out.shape[0]}, {out.shape[1]}); expected ({n}, {plan.n_out})")
        on.batch.backward = False
        with nogil:
            self.share(&on, threads)
            last = output_layer(plan, on.batch.key)
            copy_matrix(n, plan.n_out, self.spaces[slot].a[last], plan.layers[last].out_row, &out[0, 0], plan.n_out)
        self.counts[slot] = n
        self.network.release()

    def predict(self, const real[:, ::1] X not None, real[:, ::1] out not None):
        """Write the outputs of X (n, n_in), at most `rows` rows, without dropout, into out (n, n_out)."""
        cdef Descent *of = &self.training.descent
        cdef bint drops = of.drops
        of.drops = False
        try:
            self.forward(0, X, 0, out)
        finally:
            of.drops = drops

    def loss(
        self, int slot, Py_ssize_t start, const real[:, ::1] target=None, const int64_t[::1] labels=None,
        const real[::1] weight=None,
    ):
        """Return the sum of a slot's losses and what the whole batch's are divided by; keep their slopes in the slot.

        Targets, labels and weights are those of the whole batch, of which the slot has the rows from `start` on.
        """
        cdef Plan *plan = &self.network.plan
        cdef Workspace *space = &self.spaces[slot]
        cdef BoundLoss *of = &self.training.descent.bound_loss
        cdef Py_ssize_t n = self.counts[slot], k = plan.n_out, row = padded(plan.n_out)
        cdef Py_ssize_t whole = target.shape[0] if labels is None else labels.shape[0]
        cdef double total, factor, found
        cdef uint64_t key = dropout_key(&self.training.descent)
        cdef Rows data, block
        memset(&data, 0, sizeof(Rows))
        bind_targets(&data, whole, k, of.loss.takes_labels, target, labels, weight)
        if n < 1 or start < 0 or start + n > whole:
            raise ValueError("the targets do not fit the micro-batch")
        data.mean_weight = 1
        self.network.acquire(n)
        with nogil:
            total = total_weight(of, &data, 0, whole)
            factor = mean_factor(total)
            if data.weight != NULL:
                factor = gradient_factor(of, &data, whole, factor)
            take_rows(&data, 0, k, start, n, &space.gathered, 0, &block)
            loss_block(of, &block, n, space.a[output_layer(plan, key)], row, factor, space.delta[plan.last],
                       space.value)
            found = sum_values(n, space.value)
        self.network.release()
        return found, total

    def backward(
        self, int slot, const real[:, ::1] X not None, Py_ssize_t start, const real[:, ::1] delta=None,
        real[:, ::1] before=None, bint adds=False,
    ):
        """Write a slot's gradient into the Training's, or add it; write d loss / d X into before (n, n_in) if given.

        Delta (n, n_out) is d loss / d outputs; without it, what `loss` has kept.
        """
        cdef Plan *plan = &self.network.plan
        cdef StagePass on
        cdef Rows data
        cdef int threads = self.begin(&on, &data, slot, X, start)
        cdef Py_ssize_t n = on.batch.n
        cdef bint fits = n == self.counts[slot]
        if delta is not None:
            fits = fits and delta.shape[0] == n and delta.shape[1] == plan.n_out
        if before is not None:
            fits = fits and self.before != NULL and before.shape[0] == n and before.shape[1] == plan.n_in
            on.inputs = self.before
        if not fits:
            release_lock(&self.network.held.lock)
            raise ValueError("X, delta and before do not fit the micro-batch")
        on.batch.backward = True
        on.batch.sink.grads = self.training.descent.grads
        with nogil:
            if delta is not None:
                copy_matrix(n, plan.n_out, &delta[0, 0], plan.n_out, self.spaces[slot].delta[plan.last],
                            padded(plan.n_out))
            self.share(&on, threads)
            if on.inputs != NULL:
                copy_matrix(n, plan.n_in, self.before, padded(plan.n_in), &before[0, 0], plan.n_in)
            # `weights_task` adds to what is there behind the first row of a batch, and masks need the row no more.
            on.batch.start, on.batch.first = (1, -1) if adds else (0, 0)
            gradient_tasks(&on.batch, plan.weight_tasks, threads)
        self.network.release()

    cdef void squares_of_layers(self, double[::1] squares) noexcept:
        """Write the sum of squares of each layer's gradient, in the order of the layers with parameters."""
        cdef Plan *plan = &self.network.plan
        cdef Layer *layer
        cdef int i, at = 0
        for i in range(plan.n_layers):
            layer = &plan.layers[i]
            if layer.n_params and at < squares.shape[0]:
                squares[at] = sum_squares(layer.n_params, self.training.descent.grads + layer.weight_at)
                at += 1

    def penalize(self, double[::1] squares not None):
        """Add the penalties to the gradient, and write each layer's sum of squares (layers with parameters,)."""
        cdef Descent *of = &self.training.descent
        self.training.begin(1, True, True, NULL)
        if of.layers.penalized:
            pull_penalties(&of.update, of.plan, of.l1, of.l2, of.grads)
        self.squares_of_layers(squares)
        self.training.end()

    def clip(self, double[::1] squares not None):
        """Clip the gradient's values, write the sums of squares again, and return whether something was clipped."""
        cdef Descent *of = &self.training.descent
        self.training.begin(1, True, True, NULL)
        of.clipped = clip_values(of.plan.n_params, <real>of.clip_value, of.grads)
        self.squares_of_layers(squares)
        self.training.end()
        return of.clipped

    def risk(self, double norm, double clipped_norm):
        """Note the whole gradient's norm and its norm behind `clip`; return whether the update may overflow here."""
        cdef Descent *of = &self.training.descent
        cdef bint risky
        of.gradient_norm = norm
        self.training.begin(1, True, True, NULL)
        risky = is_risky(of, clipped_norm)
        self.training.end()
        return risky

    def update(self, bint saves):
        """Update the parameters; if it `saves`, keep a copy of them and return whether the result is finite."""
        cdef Descent *of = &self.training.descent
        cdef bint finite = True
        self.training.begin(1, True, True, NULL)
        try:
            with nogil:
                if saves:
                    save_variables(&of.guard, &of.variables)
                begin_rule(of)
                update_all(of)
                if saves:
                    finite = finite_variables(&of.variables)
        finally:
            self.training.end()
        return finite

    def settle(self, bint good, double loss=0.0, double weight=0.0):
        """Count the step of this mean loss and its divisor as one of the epoch, or put back what `update` has saved."""
        cdef Descent *of = &self.training.descent
        self.training.begin(1, True, True, NULL)
        if good:
            end_step(of)
            self.training.count_step(loss, weight)
            keep_step(of)
        else:
            restore_variables(&of.guard, &of.variables)
        self.training.end()
