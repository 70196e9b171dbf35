"""A network bound to its parameters and its workspace: the methods that Python calls.

Design
------
- Buffers are taken at the beginning of a call that needs more than any before it: more rows, or more threads. A step
  passes pointers. Those that hold rows of inputs are apart, since calls with sparse inputs do without them.
- A network is used by one thread of Python at a time: its lock makes a second one wait (lock.pxi). The networks over
  one vector of parameters share the lock, so a prediction never meets a step that is half made.
- Dropout takes part where a key is given. It is left out, not scaled, where the key is 0.
"""

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX


cdef class Network:
    """Layers as tuples, in order; behind an "affine" or a "log1p" there is a "dense". `bind` of the kind takes them.

    ("dense", n_in, n_out, bias, activation, l1, l2, max_norm), the last three None where the layer has none of its own,
    the activation a name or, with another parameter than its default, (name, option);
    ("dropout", width, rate), ("affine", width, shift, factor, offset) with shift and factor (width,), ("log1p", width),
    ("layer_norm", width, eps).
    """

    cdef Plan plan
    cdef list buffers            # capsules that own what stays
    cdef list workspace          # and what is taken anew for larger batches,
    cdef list inputs             # and for larger batches of dense inputs
    cdef Py_ssize_t widest
    cdef ParameterLock held
    cdef unsigned long long uses         # calls so far
    cdef unsigned long long forward_use  # the call that `outputs` was
    cdef Poll poll
    cdef readonly object params          # (n_params,)
    cdef readonly bint trains
    cdef bint partial            # whether some finite inputs have no finite output

    def __cinit__(
        self, tuple layers, real[::1] params not None, Py_ssize_t rows, bint trains, bint blocks=True,
        ParameterLock lock=None,
    ):
        cdef Py_ssize_t at = 0, per_row = 0
        cdef Layer *layer
        cdef int i
        self.held = ParameterLock() if lock is None else lock
        self.plan.layers = <Layer *>PyMem_RawCalloc(len(layers), sizeof(Layer))
        if self.plan.layers == NULL:
            raise MemoryError("no memory for the network's tables")
        self.buffers = []
        self.workspace = []
        self.inputs = []
        self.trains = trains
        self.params = params.base
        self.plan.params = &params[0]
        self.plan.first = -1
        for i, description in enumerate(layers):
            layer = &self.plan.layers[i]
            layer.activation = IDENTITY
            layer.kind = kind_of(description[0])
            layer.place = i
            layer.weight_at, layer.bias_at = at, -1
            layer.max_norm = INFINITY
            layer.kind.bind(self, layer, description)
            at += layer.n_params
            self.partial = self.partial or layer.kind.partial
            if layer.n_params:
                self.plan.last = i
                self.plan.first = i if self.plan.first < 0 else self.plan.first
            layer.in_row = padded(layer.n_in)
            layer.out_row = padded(layer.n_out)
            layer.z_row = max(layer.z_row, layer.out_row)
            per_row += layer.out_row * (1 + trains) + (layer.z_row if layer.keeps_z else 0)
            self.widest = max(self.widest, layer.n_out, layer.n_in)
            self.plan.n_layers += 1
        if at != params.shape[0] or self.plan.first < 0:
            raise ValueError(f"the layers have {at} parameters, but params has {params.shape[0]}")
        self.plan.n_params = at
        self.plan.lowest = self.plan.first
        self.plan.takes_entries = self.plan.layers[self.plan.first].kind.sparse_forward != NULL
        for i in range(self.plan.first):
            self.plan.takes_entries &= self.plan.layers[i].kind.entry != NULL
        self.plan.n_in = self.plan.layers[0].n_in
        self.plan.n_out = self.plan.layers[self.plan.n_layers - 1].n_out
        self.plan.row_bytes = per_row * sizeof(real)
        self.plan.most = most_rows(self.plan.row_bytes, at * sizeof(real)) if blocks else PY_SSIZE_T_MAX
        settle_order(&self.plan)
        settle_tasks(&self.plan)
        if trains:
            self.plan.squares = <double *>take_bytes(self.plan.weight_tasks * sizeof(double), self.buffers)
            self.plan.clipped = <bint *>take_bytes(self.plan.weight_tasks * sizeof(bint), self.buffers)
        self.prepare(max(<Py_ssize_t>1, rows), 1, False)

    def __dealloc__(self):
        PyMem_RawFree(self.plan.layers)

    @property
    def block(self):
        """The most rows that go through the layers together."""
        return self.plan.most

    cdef real *keep(self, const real[::1] values, Py_ssize_t n) except NULL:
        """Return a copy of n numbers that lives as long as the network."""
        if values.shape[0] != n:
            raise ValueError(f"an affine layer has {values.shape[0]} numbers; expected {n}")
        cdef real *kept = <real *>take_bytes(n * sizeof(real), self.buffers)
        memcpy(kept, &values[0], n * sizeof(real))
        return kept

    cdef real *take(self, Py_ssize_t count) except NULL:
        """Return room for `count` numbers, until the workspace is taken anew."""
        return <real *>take_bytes(count * sizeof(real), self.workspace)

    cdef int prepare(self, Py_ssize_t rows, int threads, bint dense) except -1:
        """Make room for batches of `rows` rows on `threads` threads. If memory runs out, the next call begins anew.

        `dense` says whether the inputs are.
        """
        cdef Plan *plan = &self.plan
        cdef bint grouped = in_groups(plan, rows)
        cdef Py_ssize_t room = min(rows, plan.most)    # a smaller batch may have larger blocks
        cdef Py_ssize_t inputs = plan.input_room + plan.input_room // 2
        cdef int i
        if room > plan.room:
            plan.n_workspaces = 0
            memset(plan.workers, 0, sizeof(plan.workers))
            self.workspace.clear()
            plan.room = min(max(room, plan.room + plan.room // 2), plan.most)
            plan.input_room = 0    # the workspaces' tables have gone
        if room > plan.input_room and dense:
            plan.n_inputs = 0
            self.inputs.clear()
            plan.input_room = min(max(room, inputs), plan.room)
        try:
            for i in range(threads):
                if plan.workers[i].panels == NULL:
                    plan.workers[i].panels = self.take(scratch_size(plan))
                    plan.workers[i].poll, plan.workers[i].thread = &self.poll, i
            while plan.n_workspaces < (threads if grouped else 1):
                self.take_workspace(&plan.workspaces[plan.n_workspaces])
                plan.n_workspaces += 1
            while dense and plan.n_inputs < plan.n_workspaces:
                self.take_inputs(&plan.workspaces[plan.n_inputs])
                plan.n_inputs += 1
            if grouped and self.trains and plan.group_grads == NULL:
                plan.group_grads = <real *>take_bytes(
                    (MAX_GROUPS - 1) * plan.n_params * sizeof(real), self.buffers,
                )
        except BaseException:
            plan.room = plan.input_room = 0
            raise
        return 0

    cdef int take_workspace(self, Workspace *space) except -1:
        """Take the buffers of one workspace, for `room` rows."""
        cdef Plan *plan = &self.plan
        cdef Layer *layer
        cdef int i
        space.a = <real **>take_bytes(plan.n_layers * sizeof(void *), self.workspace)
        space.z = <real **>take_bytes(plan.n_layers * sizeof(void *), self.workspace)
        space.delta = <real **>take_bytes(plan.n_layers * sizeof(void *), self.workspace)
        space.active = <ActiveList *>take_bytes(plan.n_layers * sizeof(ActiveList), self.workspace)
        for i in range(plan.first, plan.n_layers):
            layer = &plan.layers[i]
            space.active[i].places = <int32_t *>take_bytes((layer.n_in + 1) * sizeof(int32_t), self.workspace)
            space.a[i] = self.take(block_size(plan, plan.room, layer.n_out, layer.out_row))
            space.z[i] = space.a[i]
            if layer.keeps_z:
                space.z[i] = self.take(block_size(plan, plan.room, layer.n_out, layer.z_row))
            if layer.n_params and (self.trains or i == plan.last):
                space.delta[i] = self.take(block_size(plan, plan.room, layer.n_out, layer.out_row))
        space.value = <double *>take_bytes(plan.room * sizeof(double), self.workspace)
        space.gathered.target = self.take(block_size(plan, plan.room, plan.n_out, plan.n_out))
        space.gathered.labels = <int64_t *>take_bytes(plan.room * sizeof(int64_t), self.workspace)
        space.gathered.weight = self.take(plan.room)
        return 0

    cdef int take_inputs(self, Workspace *space) except -1:
        """Take what holds rows of dense inputs: gathered ones, and the outputs of the layers before the first dense."""
        cdef Plan *plan = &self.plan
        cdef Py_ssize_t row = padded(plan.n_in), size
        cdef int i
        space.gathered.x_row = row
        size = block_size(plan, plan.input_room, plan.n_in, row)
        space.gathered.x = <real *>take_bytes(size * sizeof(real), self.inputs)
        for i in range(plan.first):
            size = block_size(plan, plan.input_room, plan.layers[i].n_out, plan.layers[i].out_row)
            space.a[i] = space.z[i] = <real *>take_bytes(size * sizeof(real), self.inputs)
        return 0

    cdef int acquire(self, Py_ssize_t rows, bint dense=True) except -1:
        """Begin a call: take the lock, and room for so many rows, whose inputs are dense or sparse."""
        take_lock(&self.held.lock)
        self.uses += 1
        flag_set(&self.poll.stopped, False)
        self.plan.threads = n_threads
        if n_threads > 1 or rows > self.plan.room or (dense and rows > self.plan.input_room):
            try:
                self.prepare(rows, n_threads, dense)
            except BaseException:
                release_lock(&self.held.lock)
                raise
        return 0

    cdef int release(self) except -1:
        """End a call; raise what a signal handler has raised in it."""
        cdef bint stopped = flag_up(&self.poll.stopped)
        release_lock(&self.held.lock)
        return -1 if stopped else 0

    cdef Py_ssize_t bind(self, Rows *data, const real[:, ::1] dense, object X) except -1:
        """Point at inputs that a method was given: dense ones, or SparseRows; return the number of rows."""
        return bind_inputs(data, self.plan.n_in, self.plan.takes_entries, dense, X)

    def predict(self, X not None):
        """Return the raw outputs of X (n, n_in), an array (n, n_out). X must be finite; dropout is left out.

        X may have any format that `hold` takes; Unfit is raised for others, and for NaN and infinity.
        """
        cdef Held inputs
        cdef Rows data
        cdef Py_ssize_t rows
        hold_nothing(&inputs)
        try:
            rows = hold_inputs(&data, self.plan.n_in, self.plan.takes_entries, &inputs, X)
            return self.predictions(&data, rows)
        finally:
            let_go(&inputs)

    cdef object predictions(self, const Rows *data, Py_ssize_t rows):
        """Return the raw outputs of so many rows."""
        cdef real *numbers
        cdef bint finite
        out = new_matrix(rows, self.plan.n_out, &numbers)
        self.acquire(min(rows, most_predicted(&self.plan)), data.x != NULL)
        with nogil:
            finite = predict_rows(&self.plan, data, rows, self.partial, numbers)
        self.release()
        if not finite:
            raise _Unfit("X contains NaN or infinity, or numbers that log1p does not take")
        return out

    def loss(
        self, str loss, double option, X not None, const real[:, ::1] target=None,
        const int64_t[::1] labels=None, const real[::1] weight=None, unsigned long long dropout_key=0,
        real[::1] grads=None,
    ):
        """Return the mean loss over X (n, n_in), and write its gradient into grads (n_params,) if given."""
        cdef const real[:, ::1] dense = None if type(X) is _SparseRows else X
        cdef BoundLoss of
        cdef Rows data
        cdef Pass batch
        cdef double value
        of.loss = &LOSS_ROWS[<int>loss_code(loss)]
        of.option = <real>option
        of.outputs = self.plan.n_out
        batch.rows = self.bind(&data, dense, X)
        bind_targets(&data, batch.rows, self.plan.n_out, of.loss.takes_labels, target, labels, weight)
        batch.plan = &self.plan
        batch.data = &data
        batch.of = &of
        batch.outputs = NULL
        batch.first = 0
        batch.key = dropout_key
        batch.sink.grads = self.gradient_at(grads)
        batch.backward = grads is not None
        self.acquire(batch.rows, data.x != NULL)
        with nogil:
            value = run_batch(&batch)
        self.release()
        return value

    cdef real *gradient_at(self, real[::1] grads) except? NULL:
        """Return where to write a gradient, or NULL for None."""
        if grads is None:
            return NULL
        if not self.trains or grads.shape[0] != self.plan.n_params:
            raise ValueError(f"grads has shape ({grads.shape[0]},); expected ({self.plan.n_params},)")
        return &grads[0]

    def penalty(self, double l1, double l2, real[::1] grads=None):
        """Return l1 * sum |w| + l2/2 * sum w^2 over the weights, not the biases, and add its gradient to grads.

        A layer's own l1 or l2 stands in their place.
        """
        cdef real *to = self.gradient_at(grads)
        if to != NULL:
            add_penalties(&self.plan, <real>l1, <real>l2, to)
        return penalty(&self.plan, l1, l2)

    def outputs(self, X not None, unsigned long long dropout_key=0, Py_ssize_t place=0):
        """Return the outputs of all layers at work for X (n, n_in), a list of (n, n_out of the layer), the raw last.

        They are for a loss that Python computes. What `gradient_from` needs afterwards is kept. With sparse inputs the
        layers before the first dense one are left out. The first row has the place `place` in its step.
        """
        cdef Plan *plan = &self.plan
        cdef Layer *layer
        cdef const real[:, ::1] dense = None if type(X) is _SparseRows else X
        cdef Rows data, block
        cdef Py_ssize_t n = self.bind(&data, dense, X)
        cdef real[:, ::1] out
        cdef Stretch of
        cdef int i
        if n > plan.most:
            raise ValueError("X does not fit the network")
        self.acquire(n, data.x != NULL)
        self.forward_use = self.uses
        of.space, of.worker, of.at, of.rows, of.start, of.key = (
            &plan.workspaces[0], &plan.workers[0], 0, n, 0, dropout_key
        )
        data.place = of.place = place
        of.looks = n * plan.n_params > POLL_WORK
        of.lead = lead_of(n) if is_transposed(plan, &data, n) else 0
        try:
            with nogil:
                block = data
                if of.lead:
                    take_transposed(plan, &data, 0, &of, &block)
                forward_rows(plan, &of, &block)
            found = []
            for i in range(plan.first if data.x == NULL else 0, 0 if flag_up(&self.poll.stopped) else plan.n_layers):
                layer = &plan.layers[i]
                if at_work(layer, dropout_key):
                    out = numpy.empty((n, layer.n_out), PRECISION)
                    if of.lead:
                        copy_transposed(n, layer.n_out, plan.workspaces[0].a[i], of.lead, &out[0, 0])
                    else:
                        copy_matrix(n, layer.n_out, plan.workspaces[0].a[i], layer.out_row, &out[0, 0], layer.n_out)
                    found.append(out.base)
        except BaseException:
            release_lock(&self.held.lock)
            raise
        self.release()
        return found

    def gradient_from(
        self, X not None, const real[:, ::1] delta not None, real[::1] grads not None,
        unsigned long long dropout_key=0, Py_ssize_t place=0,
    ):
        """Write the gradient for delta = d loss / d outputs (n, n_out) of the rows that `outputs` has just seen."""
        cdef Plan *plan = &self.plan
        cdef Workspace *space = &plan.workspaces[0]
        cdef const Worker *worker = &plan.workers[0]
        cdef const real[:, ::1] dense = None if type(X) is _SparseRows else X
        cdef Rows data, block
        cdef Py_ssize_t n = self.bind(&data, dense, X)
        cdef Pass batch
        cdef Stretch of
        if n > plan.room or delta.shape[0] != n or delta.shape[1] != plan.n_out:
            raise ValueError("X and delta do not fit the network")
        data.place = place
        batch.plan = plan
        batch.data = &data
        batch.outputs = NULL
        batch.first = 0
        batch.rows = batch.block = n
        batch.key = dropout_key
        batch.transposed = is_transposed(plan, &data, n)
        batch.sink.grads = self.gradient_at(grads)
        batch.sink.adds = False
        batch.sink.squares = 0
        self.acquire(n, data.x != NULL)
        if self.uses != self.forward_use + 1:
            release_lock(&self.held.lock)
            raise RuntimeError(
                "the network was called, by another thread or by the loss, between the outputs of a batch and their "
                "gradient; let one thread train it, and the loss call another model"
            )
        with nogil:
            of.space, of.worker, of.at, of.rows, of.start, of.key = space, worker, 0, n, 0, dropout_key
            of.place, of.looks, of.inputs = place, n * plan.n_params > POLL_WORK, NULL
            of.lead = lead_of(n) if batch.transposed else 0
            if of.lead:
                take_transposed(plan, &data, 0, &of, &block)
                transpose_rows(n, plan.n_out, &delta[0, 0], NULL, of.lead, space.delta[plan.last])
            else:
                take_rows(&data, plan.n_in, plan.n_out, 0, n, &space.gathered, 0, &block)
                copy_matrix(n, plan.n_out, &delta[0, 0], plan.n_out, space.delta[plan.last], padded(plan.n_out))
            delta_rows(plan, &of)
            weight_rows(&batch, space, worker, &batch.sink, 0, n)
        self.release()
