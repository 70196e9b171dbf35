"""Training: a network, a loss and an optimizer bound together. A step or an epoch is one call.

Design
------
- Steps are made by step.pxi from the struct `Descent`. This class owns the memory that the struct points to, takes the
  network for a call, counts steps into epochs, and raises RefusedStep(outcome, batch) for a step that was not made;
  Python explains it to the user.
- A step and all its counters change together, with no look at signals in between: an interrupt finds whole steps.
- `turns` says which of Python's calls trains at present (turn.pxi). A `step` of any other call is refused.
"""


cdef class Training:
    """Bound to a Network's parameters, an optimizer's state and a gradient vector; allocates nothing per step.

    `rule` and `options` are a `RuleState` and a `StepOptions` of gdcore/_kernels/records.py.
    """

    cdef Network network
    cdef Descent descent
    cdef list owned                       # the arrays and capsules that `descent` points into
    cdef double[::1] mean                 # the average that `descent.kept` points into
    cdef double[:, ::1] output_sums       # what `descent.outputs` points into
    cdef bint hides_inputs                # whether loss and gradient can be finite although an input is not
    cdef public double norm_sum           # of the epoch's gradient norms
    cdef public long long clipped_steps   # the epoch's steps that clipping has changed
    cdef public double loss_sum           # of the epoch's batch losses, each times its weight
    cdef public double total_weight       # of the epoch's batches
    cdef public long long epoch_samples, epoch_of_steps    # the size of the last epoch begun
    cdef public long long epoch_steps     # its steps made so far
    cdef public long long epochs_done     # epochs all of whose steps were made
    cdef dict turns
    cdef readonly unsigned long running   # the identifier of the thread that is in a call; 0: none

    def __cinit__(
        self, Network network not None, str loss, double option, rule not None, real[::1] grads, options not None,
    ):
        cdef Descent *of = &self.descent
        cdef const double[::1] hyper = rule.hyper
        cdef const double[:, ::1] factors = options.factors
        cdef double[::1] scalars = rule.scalars
        cdef real[:, ::1] slots = rule.slots
        cdef int i
        if not network.trains or grads.shape[0] != network.plan.n_params or slots.shape[1] < grads.shape[0]:
            raise ValueError("the network, the gradients and the optimizer's slots do not fit")
        self.network = network
        self.owned, self.turns = [hyper, scalars, slots, grads, factors], {}
        of.plan, of.grads = &network.plan, &grads[0]
        of.bound_loss.loss = &LOSS_ROWS[<int>loss_code(loss)]
        of.bound_loss.option = <real>option
        of.bound_loss.outputs = network.plan.n_out
        of.update.rule = rule_index(rule.name)
        of.update.hyper = &hyper[0] if hyper.shape[0] else NULL
        of.update.scalars = of.variables.scalars = &scalars[0]
        of.variables.params, of.variables.n_params = network.plan.params, network.plan.n_params
        of.variables.slots = &slots[0, 0] if slots.shape[0] else NULL
        of.variables.n_slots, of.variables.stride = slots.shape[0], slots.shape[1]
        if factors is not None:
            of.factors = &factors[0, 0]
        if options.clip_value != INFINITY:
            of.unclipped = <real *>take_bytes(network.plan.n_params * sizeof(real), self.owned)
        of.learning_rate, of.seed = options.learning_rate, options.seed
        of.l1, of.l2 = options.l1, options.l2
        of.clip_norm, of.clip_value = options.clip_norm, options.clip_value
        of.guard.growth, of.guard.decay = rule.growth, rule.decay
        of.guard.bound, of.guard.limit = INFINITY, SAFE_BOUND
        if RULES[of.update.rule].is_memoryless != NULL:
            settle_rule(&of.update)
        settle_layers(network, factors, of.l1, of.l2, self.owned, &of.layers)
        for i in range(network.plan.n_layers):
            of.drops = of.drops or network.plan.layers[i].kind.drops
        of.tiny = factors is None and is_tiny(of.plan)
        settle_paths(of)
        self.hides_inputs = network.plan.layers[network.plan.first].frozen
        for i in range(network.plan.first):
            self.hides_inputs = self.hides_inputs or network.plan.layers[i].kind.drops

    def __dealloc__(self):
        free(self.descent.guard.backup)

    @property
    def learning_rate(self):
        """The rate of the next step."""
        return self.descent.learning_rate

    @learning_rate.setter
    def learning_rate(self, double rate):
        self.descent.learning_rate = rate

    @property
    def step_count(self):
        """Number of steps made so far."""
        return self.descent.count

    @step_count.setter
    def step_count(self, long long count):
        self.descent.count = count

    @property
    def torn(self):
        """Whether the parameters are those of an incomplete step."""
        return self.descent.torn

    @torn.setter
    def torn(self, bint torn):
        self.descent.torn = torn

    @property
    def gradient_norm(self):
        """The norm of the last step's gradient, with penalties, before clipping."""
        return self.descent.gradient_norm

    @property
    def has_turn(self):
        """Whether this thread holds the turn, in an outer call."""
        entry = self.turns.get(_TURN)
        cdef Turn turn = None if entry is None else held_turn(entry)
        return turn is not None and turn.thread == PyThread_get_thread_ident()

    def turn(self, str call not None, settle):
        """Return a `Turn` for a call."""
        return Turn(self.turns, call, settle)

    cdef inline void count_step(self, double loss, double weight) noexcept nogil:
        """Add the last step to the counters of its epoch."""
        cdef const Layer *first = &self.descent.plan.layers[0]
        self.norm_sum += self.descent.gradient_norm
        self.clipped_steps += self.descent.update.scale != 1 or self.descent.clipped
        self.loss_sum = plus_product(self.loss_sum, loss, weight)
        self.total_weight += weight
        self.epoch_steps += 1
        self.epochs_done += self.epoch_steps == self.epoch_of_steps
        if self.descent.outputs.total != NULL:
            count_outputs(
                &self.descent.outputs, self.descent.plan.n_out,
                update_of(first, first.weight_at, &self.descent.update).learning_rate * self.descent.update.scale,
                own_or(first.l2, self.descent.l2),
            )

    cdef Py_ssize_t linear_steps(
        self, const Rows *rows, Py_ssize_t first, Py_ssize_t count, Py_ssize_t end, const double *rates,
    ) except -1 nogil:
        """Make steps of `count` rows, from row `first` on, that linear.h takes, count them, and return their rows."""
        cdef LinearSteps steps
        cdef Py_ssize_t made
        bind_linear(&self.descent, rows, count, rates, &steps)
        steps.loss_sum, steps.share_sum, steps.norm_sum = self.loss_sum, self.total_weight, self.norm_sum
        made = linear_stretch(&self.descent, &steps, first, end)
        if made:
            self.loss_sum, self.total_weight, self.norm_sum = steps.loss_sum, steps.share_sum, steps.norm_sum
            self.clipped_steps += steps.clipped
            self.epoch_steps += made
            self.epochs_done += self.epoch_steps == self.epoch_of_steps
        return made * count

    cdef Py_ssize_t small_steps(
        self, const Rows *rows, Py_ssize_t first, Py_ssize_t count, Py_ssize_t end, const double *rates,
    ) except -1 nogil:
        """Make steps of `count` rows, from row `first` on, that small.h takes, count them, and return their rows."""
        cdef SmallSteps steps
        cdef Py_ssize_t made
        bind_small(&self.descent, rows, count, rates, &steps)
        steps.loss_sum, steps.share_sum, steps.norm_sum = self.loss_sum, self.total_weight, self.norm_sum
        made = small_stretch(&self.descent, &steps, first, end)
        if made:
            self.loss_sum, self.total_weight, self.norm_sum = steps.loss_sum, steps.share_sum, steps.norm_sum
            self.epoch_steps += made
            self.epochs_done += self.epoch_steps == self.epoch_of_steps
        return made * count

    cdef int batches(
        self, const Rows *rows, Py_ssize_t *first, Py_ssize_t n, Py_ssize_t batch_size, const double *rates,
    ) except -1 nogil:
        """Make steps on the rows first[0] … n of the data's order, count them, and return the last one's Outcome.

        `first` moves on to the row behind the last step made. Rates, if not NULL, are those of the batches from row 0.
        """
        cdef Descent *of = &self.descent
        cdef Py_ssize_t count, taken
        cdef const double *rate = NULL
        cdef double loss
        cdef int outcome
        while first[0] < n:
            count = min(batch_size, n - first[0])
            if rates != NULL:
                rate = rates + first[0] // batch_size
            if takes_linear(of, rows, count):
                taken = self.linear_steps(rows, first[0], count, n, rate)
            elif takes_small(of, rows, count):
                taken = self.small_steps(rows, first[0], count, n, rate)
            else:
                taken = 0
            if taken:
                first[0] += taken
                continue
            if rates != NULL:
                of.learning_rate = rate[0]
            outcome = batch_step(of, rows, first[0], count, &loss)
            if outcome != GOOD:
                return outcome
            self.count_step(loss, of.batch_weight)
            keep_step(of)
            first[0] += count
        return GOOD

    cdef int begin(self, Py_ssize_t rows, bint dense, bint holds, double *sum_to) except -1:
        """Take the network for a call on dense or sparse inputs, whose gradients are added to sum_to, or NULL.

        Raises RefusedStep if another call has the turn.
        """
        if not holds and len(self.turns):
            raise _RefusedStep("turn", 0)
        self.network.acquire(rows, dense)
        if not holds and len(self.turns):
            release_lock(&self.network.held.lock)
            raise _RefusedStep("turn", 0)
        self.descent.kept.sum = sum_to
        self.running = PyThread_get_thread_ident()
        self.descent.guard.bound = INFINITY
        self.descent.guard.reach_step = -1
        return 0

    cdef inline void end(self) noexcept:
        """Give the network back, with no row of its weights behind."""
        if self.descent.lazy.on:
            end_window(&self.descent.lazy)
            self.descent.lazy.on = self.descent.torn = False
        self.descent.kept.sum = NULL
        self.running = 0
        release_lock(&self.network.held.lock)

    cdef int let_wait(self, const Rows *data, Py_ssize_t n, Py_ssize_t batch_size) except -1:
        """Let rows of the first weight wait in this call if the inputs are sparse, settings allow it, and it pays."""
        cdef Descent *of = &self.descent
        cdef Layer *layer = &of.plan.layers[of.plan.first]
        if data.x != NULL or not may_wait(of):
            return 0
        if data.entries.starts[n] * WAIT_ENTRIES * batch_size >= <double>layer.n_in * n:
            return 0
        if of.lazy.change == NULL:
            settle_lazy(of, layer, &self.norm_sum, self.owned)
        of.lazy.bound, of.lazy.on = INFINITY, True
        return 0

    def step(self, X not None, target=None, labels=None, const real[::1] weight=None, bint holds=False):
        """Update once on exactly these rows, and return their mean loss before the update.

        X, target and labels may have any format that `hold` takes; else Unfit is raised. Weights count relative to 1.
        `holds` says that the caller has the turn.
        """
        cdef Held inputs, targets
        hold_nothing(&inputs)
        hold_nothing(&targets)
        try:
            return self.held_step(X, &inputs, target, labels, &targets, weight, holds)
        finally:
            let_go(&inputs)
            let_go(&targets)

    cdef double held_step(
        self, object X, Held *inputs, object target, object labels, Held *targets, const real[::1] weight, bint holds,
    ) except? -1:
        """Do what `step` says, on arrays that it lets go."""
        cdef Rows data
        cdef LinearSteps steps
        cdef SmallSteps small
        cdef Py_ssize_t n, made = 0
        cdef double loss
        cdef int outcome
        cdef Descent *of = &self.descent
        n = hold_inputs(&data, of.plan.n_in, of.plan.takes_entries, inputs, X)
        hold_targets(&data, n, of.plan.n_out, of.bound_loss.loss.takes_labels, targets, target, labels)
        check_targets(&of.bound_loss, &data, n)
        bind_weights(&data, n, weight)
        data.mean_weight = 1
        self.begin(n, data.x != NULL, holds, NULL)
        try:
            with nogil:
                if takes_linear(of, &data, n):
                    bind_linear(of, &data, n, NULL, &steps)
                    steps.loss_sum, steps.share_sum, steps.norm_sum = 0, 0, 0
                    made = linear_stretch(of, &steps, 0, n)
                    loss = steps.loss
                elif takes_small(of, &data, n):
                    bind_small(of, &data, n, NULL, &small)
                    made = small_stretch(of, &small, 0, n)
                    loss = small.loss
                if made:
                    outcome = GOOD
                elif self.hides_inputs and not finite_inputs(&data, n, of.plan.n_in):
                    outcome = BAD_LOSS
                else:
                    outcome = batch_step(of, &data, 0, n, &loss)
                if outcome == GOOD and not made:
                    keep_step(of)
        finally:
            self.end()
        if outcome != GOOD:
            raise _RefusedStep(OUTCOMES[outcome], 0)
        return loss

    def epoch(
        self, tuple data not None, const int64_t[::1] order, Py_ssize_t batch_size,
        const double[::1] rates=None, const real[::1] weights=None, double[::1] total=None,
    ):
        """Make steps on mini-batches of all rows, which continue the epoch that `begin_epoch` has begun.

        `data` is (X, target, labels, weight), as `step` takes them. The rows are visited in `order` (n,), if given.
        If the epoch comes in parts, `weights` are those of all its rows. Each batch has its own rate of `rates`
        (number of batches,), if given; the last one remains set. The steps' gradients, with penalties and before
        clipping, are added to `total` (n_params,), if given.
        """
        cdef const real[:, ::1] dense = None if type(data[0]) is _SparseRows else data[0]
        cdef const real[:, ::1] target
        cdef const int64_t[::1] labels
        cdef const real[::1] weight
        X, target, labels, weight = data
        cdef Rows rows
        cdef const double *rate = NULL
        cdef Py_ssize_t n = self.network.bind(&rows, dense, X), of_rows = n
        cdef Descent *of = &self.descent
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        bind_targets(&rows, n, of.plan.n_out, of.bound_loss.loss.takes_labels, target, labels, weight)
        bind_whole(&rows, weight if weights is None else weights)
        if order is not None:
            rows.order = rows.entries.order = &order[0]
            n = order.shape[0]
        if rates is not None:
            if rates.shape[0] != (n + batch_size - 1) // batch_size:
                raise ValueError(f"rates has shape ({rates.shape[0]},); expected one for each batch")
            rate = &rates[0]
        all_batches(self, &rows, of_rows, n, batch_size, rate, sum_at(total, of.plan.n_params))

    def keep_mean(self, double[::1] mean not None, double decay, long long start):
        """Keep an average (n_params,) of the parameters after each step but the first `start` ones: see `Kept`."""
        if mean.shape[0] != self.descent.plan.n_params:
            raise ValueError("the mean does not fit the parameters")
        self.mean = mean
        self.descent.kept.mean = &mean[0]
        self.descent.kept.decay = decay
        self.descent.kept.start = start

    def sum_outputs(self, double[:, ::1] sums not None):
        """Let epochs sum the losses of each output into sums[0], and its squared norms of weights into sums[1].

        Sums (2, k + 1) are those of the last epoch begun, with the numbers of rows and steps at the end. Losses are not
        weighted; there is a norm for each step, of the weights before it, and it is right under plain gradient descent
        row by row, without l1, decay, clip_value and max_norm. The network is one linear layer of k > 1 outputs, and
        the loss is computed number by number.
        """
        cdef Descent *of = &self.descent
        cdef const Layer *layer = &of.plan.layers[0]
        cdef Py_ssize_t k = of.plan.n_out
        if of.plan.n_layers > 1 or not layer.kind.multiplies or layer.activation != IDENTITY:
            raise ValueError("sum_outputs needs a network of one linear layer")
        if k == 1 or of.bound_loss.loss.row != NULL or sums.shape[0] != 2 or sums.shape[1] != k + 1:
            raise ValueError(f"sums must have shape (2, {k + 1}), for several outputs under a loss of single numbers")
        of.outputs.losses = <double *>take_bytes(MAX_GROUPS * k * sizeof(double), self.owned)
        of.outputs.squares = <double *>take_bytes(k * sizeof(double), self.owned)
        of.outputs.cross = <double *>take_bytes(k * sizeof(double), self.owned)
        of.outputs.own = <double *>take_bytes(k * sizeof(double), self.owned)
        sums[...] = 0
        self.output_sums = sums
        of.outputs.total = &sums[0, 0]

    def begin_epoch(self, long long samples, long long of_steps):
        """Begin an epoch over `samples` samples in `of_steps` steps."""
        take_lock(&self.network.held.lock)
        self.epoch_samples, self.epoch_of_steps, self.epoch_steps = samples, of_steps, 0
        self.loss_sum = self.total_weight = self.norm_sum = 0
        self.clipped_steps = 0
        if self.descent.outputs.total != NULL:
            memset(self.descent.outputs.total, 0, 2 * (self.descent.plan.n_out + 1) * sizeof(double))
        release_lock(&self.network.held.lock)

    def next_key(self):
        """Return the key of the next step's dropout masks, or 0 if no layer drops."""
        return dropout_key(&self.descent)

    def apply_gradient(self, bint counts, double loss=0.0, double weight=0.0, double[::1] total=None):
        """Penalize, clip and update from the bound gradient, which Python has filled.

        If `counts`, it counts as a step of the epoch, with this mean loss and its weight. `total` as in `epoch`.
        """
        cdef Descent *of = &self.descent
        cdef int outcome
        self.begin(1, True, True, sum_at(total, of.plan.n_params))
        try:
            with nogil:
                outcome = finish_step(of, sum_squares(of.plan.n_params, of.grads))
                if outcome == GOOD and counts:
                    self.count_step(loss, weight)
                if outcome == GOOD:
                    keep_step(of)
        finally:
            self.end()
        if outcome != GOOD:
            raise _RefusedStep(OUTCOMES[outcome], 0)
