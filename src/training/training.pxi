"""Training: a network, a loss and an optimizer bound together; a step or an epoch is one call.

Design
------
- gradient -> penalty -> norm -> clip -> update. Without clipping by norm nobody has to know the norm first: strips of
  the gradient stream through penalty, norm and update while they are in the cache, once a bound on the norm
  has shown that the step is good. With it, the norm comes with the gradient's sums, and the update is a second pass.
- What a layer has of its own stands with the layer: penalties, a rate, a limit of its weights' norms (layerwise.pxi).
- A step that has begun to update is not left before its end, whatever signals come: so one that streams is short, and
  the last look at signals is just before the update.
- A step whose loss or gradient is not finite changes nothing and raises RefusedStep(what, batch);
  Python tells the user where it came from. The squared norm proves every entry finite, so no entry is tested.
- `reach` bounds what parameters and slots can have grown to (reach.pxi). Only a step that may overflow even when it is
  measured anew is worth a copy of the state to return to.
- A step and all that counts it change together, with no look at signals between: an interrupt finds whole steps.
- `turns` says which call of Python's trains at present (training/turn.py): a `step` of anyone else is refused then.
"""

cdef enum Outcome:
    GOOD, BAD_LOSS, BAD_GRADIENT, BAD_UPDATE

OUTCOMES = ("good", "loss", "gradient", "parameters")

cdef enum:
    DROPOUT_PURPOSE = 1


cdef class Training:
    """Bound to a Network's parameters, an optimizer's state and a gradient vector; allocates nothing per step."""

    cdef Network network
    cdef Objective objective
    cdef Update update
    cdef const double[::1] hyper
    cdef double[::1] scalars
    cdef real[:, ::1] slots               # (number of slots, at least n_params)
    cdef real[::1] grads
    cdef real *backup
    cdef double l1, l2, clip_norm, clip_value, decay, growth
    cdef Layerwise layers
    cdef const double[::1] factors        # (n_layers,) on the layers' rates; None: one rate
    cdef list owned                       # capsules of what `layers` points to
    cdef bint clipped                     # whether clip_value has changed the last gradient
    cdef double reach, limit              # what no parameter or slot exceeds; up to where a step cannot overflow
    cdef uint64_t seed
    cdef bint drops, hides_inputs         # has dropout; may leave loss and gradient finite at an infinite input
    cdef public double learning_rate
    cdef public long long step_count      # updates made so far
    cdef readonly double gradient_norm    # of the last step, with penalties, before clipping
    cdef public double norm_sum           # of the epoch's gradient norms, since begin_epoch
    cdef public long long clipped_steps   # steps of the epoch that clipping has changed
    cdef public double loss_sum, mass     # of the epoch's losses, each times its weight, and of their weights
    cdef public long long epoch_samples, epoch_steps, epoch_of_steps    # the last epoch begun, what is made of it; 0
    cdef public long long epochs_done     # whose steps were all made
    cdef readonly dict turns
    cdef readonly unsigned long running   # the thread that a call is at work in; 0: none
    cdef public bint torn                 # whether the parameters are those of no whole step
    cdef Kept kept
    cdef double batch_weight                # what the last batch's mean loss is divided by
    cdef double[::1] mean                 # what `kept` points into

    def __cinit__(
        self, Network network not None, str loss, double option, str rule, const double[::1] hyper,
        double[::1] scalars, real[:, ::1] slots, real[::1] grads, *, double learning_rate, double decay,
        double growth, double l1, double l2, double clip_norm, double clip_value, unsigned long long seed,
        const double[::1] factors=None,
    ):
        cdef int i
        if not network.trains or grads.shape[0] != network.plan.n_params or slots.shape[1] < grads.shape[0]:
            raise ValueError("the network, the gradients and the optimizer's slots do not fit")
        self.network = network
        self.objective.loss = &LOSS_ROWS[<int>loss_code(loss)]
        self.objective.option = <real>option
        self.objective.outputs = network.plan.n_out
        self.hyper, self.scalars, self.slots, self.grads = hyper, scalars, slots, grads
        self.update.rule = rule_index(rule)
        self.update.hyper = &hyper[0] if hyper.shape[0] else NULL
        self.update.scalars = &scalars[0]
        self.learning_rate = learning_rate
        self.l1, self.l2, self.decay, self.growth = l1, l2, decay, growth
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.reach = INFINITY
        self.limit = 1e30 if REAL_IS_FLOAT else 1e290
        self.seed = seed
        for i in range(network.plan.n_layers):
            self.drops = self.drops or network.plan.layers[i].kind.drops
        self.factors = factors
        self.owned, self.turns = [], {}
        settle_layers(network, factors, l1, l2, self.owned, &self.layers)
        self.hides_inputs = network.plan.layers[network.plan.first].frozen
        for i in range(network.plan.first):
            self.hides_inputs = self.hides_inputs or network.plan.layers[i].kind.drops

    def __dealloc__(self):
        free(self.backup)

    cdef uint64_t dropout_key(self) noexcept nogil:
        """The key of the coming step's masks."""
        return (key_of(self.seed, DROPOUT_PURPOSE, self.step_count) | 1) if self.drops else 0

    cdef inline void count_step(self, double loss, double weight) noexcept nogil:
        """What the last step adds to its epoch; apart from the step, which nothing may slow down."""
        self.norm_sum += self.gradient_norm
        self.clipped_steps += self.update.scale != 1 or self.clipped
        self.loss_sum += loss * weight
        self.mass += weight
        self.epoch_steps += 1
        self.epochs_done += self.epoch_steps == self.epoch_of_steps

    cdef int begin(self, Py_ssize_t rows, bint holds, double *sum_to) except -1:
        """Take the network for a call; RefusedStep where it is not its turn. Gradients are added to sum_to, or NULL."""
        if not holds and len(self.turns):
            raise _RefusedStep("turn", 0)
        self.network.acquire(rows)
        if not holds and len(self.turns):
            release_lock(&self.network.lock)
            raise _RefusedStep("turn", 0)
        self.kept.sum = sum_to
        self.running = PyThread_get_thread_ident()
        self.reach = INFINITY
        return 0

    cdef inline void end(self) noexcept:
        """Give the network back."""
        self.kept.sum = NULL
        self.running = 0
        release_lock(&self.network.lock)

    cdef inline void keep_step(self) noexcept nogil:
        """What is wanted of the step that was made."""
        if self.kept.mean != NULL:
            mean_step(&self.kept, self.network.plan.n_params, self.network.plan.params, self.step_count)
        if self.kept.sum != NULL:
            sum_step(&self.kept, self.network.plan.n_params, &self.grads[0])

    cdef int apply(self, double squares) except -1 nogil:
        """Penalty, clipping and the optimizer's update, from self.grads and the sum of its squares."""
        cdef real *grads = &self.grads[0]
        cdef Py_ssize_t n = self.network.plan.n_params
        if self.layers.penalized:
            pull_penalties(&self.network.plan, self.l1, self.l2, grads)
            squares = sum_squares(n, grads)
        self.gradient_norm = sqrt(squares)
        if not isfinite(squares):
            return BAD_GRADIENT
        if self.clip_value != INFINITY:
            self.clipped = clip_values(n, <real>self.clip_value, grads)
            squares = sum_squares(n, grads)
        if self.begin_update(sqrt(squares)):
            return self.apply_risky()
        self.update_all()
        self.end_step()
        return GOOD

    cdef void update_all(self) noexcept nogil:
        """The update from self.grads, after its beginning."""
        cdef Plan *plan = &self.network.plan
        cdef Sink sink
        if self.layers.apart:
            self.bind_sink(&sink)
            update_layers(&sink, plan, &self.grads[0])
        else:
            update_apply(
                &self.update, plan.params, &self.grads[0], self.slots_at(), self.slots.shape[1], plan.n_params,
            )

    cdef void bind_sink(self, Sink *sink) noexcept nogil:
        """What becomes of a gradient in this training."""
        sink.update, sink.params = &self.update, self.network.plan.params
        sink.slots, sink.stride = self.slots_at(), self.slots.shape[1]
        sink.l1, sink.l2, sink.clip_value = self.l1, self.l2, <real>self.clip_value

    cdef inline void begin_rule(self) noexcept nogil:
        """The coefficients of the coming step."""
        cdef double scalars[N_SCALARS]
        if self.factors is None:
            update_begin(&self.update)
            return
        memcpy(scalars, self.update.scalars, sizeof(scalars))
        update_begin(&self.update)
        begin_layers(&self.network.plan, &self.update, scalars, &self.factors[0])

    cdef inline void end_step(self) noexcept nogil:
        """What follows a good update: limited norms, and the count."""
        self.step_count += 1
        if self.layers.scratch != NULL:
            limit_weights(&self.network.plan, self.layers.scratch)

    cdef bint begin_update(self, double norm) noexcept nogil:
        """Coefficients of the coming step, clipped by the gradient's norm. True, with nothing begun, if it is risky."""
        cdef double rate = self.learning_rate * self.layers.factor
        cdef double growth = self.growth * (1 + rate * (1 + self.decay))
        cdef double push = push_bound(rate, norm, self.decay, self.reach)
        self.update.scale = 1
        if self.clip_norm < norm + 1e-6:
            self.update.scale = <real>(self.clip_norm / (norm + 1e-6))
        self.update.learning_rate = self.learning_rate
        self.update.step = self.step_count + 1
        if not growth * self.reach + push < self.limit:
            self.reach = sqrt(
                sum_squares(self.network.plan.n_params, self.network.plan.params)
                + sum_squares(self.slots.shape[0] * self.slots.shape[1], self.slots_at())
            )
            push = push_bound(rate, norm, self.decay, self.reach)
        self.reach = growth * self.reach + push
        if not self.reach < self.limit:
            return True
        self.begin_rule()
        return False

    cdef inline real *slots_at(self) noexcept nogil:
        return &self.slots[0, 0] if self.slots.shape[0] else NULL

    cdef int apply_risky(self) except -1 nogil:
        """An update that may overflow: made, and taken back where it did."""
        cdef Py_ssize_t n = self.network.plan.n_params
        cdef Py_ssize_t n_slots = self.slots.shape[0] * self.slots.shape[1]
        cdef double scalars[N_SCALARS]
        if self.backup == NULL:
            self.backup = <real *>malloc((n + n_slots) * sizeof(real))
            if self.backup == NULL:
                with gil:
                    raise MemoryError("no memory for a copy of the parameters")
        memcpy(self.backup, self.network.plan.params, n * sizeof(real))
        if n_slots:
            memcpy(self.backup + n, self.slots_at(), n_slots * sizeof(real))
        memcpy(scalars, self.update.scalars, self.scalars.shape[0] * sizeof(double))
        self.begin_rule()
        self.update_all()
        if every_finite(n, self.network.plan.params) and every_finite(n_slots, self.slots_at()):
            self.end_step()
            return GOOD
        memcpy(self.network.plan.params, self.backup, n * sizeof(real))
        if n_slots:
            memcpy(self.slots_at(), self.backup + n, n_slots * sizeof(real))
        memcpy(self.update.scalars, scalars, self.scalars.shape[0] * sizeof(double))
        return BAD_UPDATE

    cdef int batch(self, const Rows *data, Py_ssize_t first, Py_ssize_t rows, double *loss) except -1 nogil:
        """One step on rows first … first + rows of the data's order -> an Outcome."""
        cdef Pass batch
        cdef Plan *plan = &self.network.plan
        batch.plan = plan
        batch.data = data
        batch.of = &self.objective
        batch.first = first
        batch.rows = rows
        batch.key = self.dropout_key()
        batch.backward = True
        batch.sink.grads = &self.grads[0]
        self.bind_sink(&batch.sink)
        if self.streams(rows):
            return self.streamed(&batch, loss)
        loss[0] = run_batch(&batch)
        self.batch_weight = batch.total_weight
        if self.is_left(&batch):
            return -1
        if not isfinite(loss[0]):
            return BAD_LOSS
        return self.apply(batch.sink.squares)

    cdef bint streams(self, Py_ssize_t rows) noexcept nogil:
        """Whether the gradient of so many rows comes in one piece, need not be known whole, and is worth streaming."""
        cdef const Plan *plan = &self.network.plan
        if self.clip_norm != INFINITY or self.kept.sum != NULL or rows > min(plan.most, <Py_ssize_t>MOST_DEPTH):
            return False
        if rows > STREAM_ROWS and rows * plan.n_params > STREAM_WORK:
            return False
        return rows == 1 or plan.n_params >= STREAM_PARAMS

    cdef inline bint is_left(self, Pass *batch) noexcept nogil:
        """Whether a signal handler raises before the update of a batch."""
        return stops(&batch.plan.workers[0], batch.plan.n_params * UPDATE_WORK)

    cdef int streamed(self, Pass *batch, double *loss) except -1 nogil:
        """A step whose gradient goes into the update strip by strip, and is kept only where the step is risky."""
        cdef int threads = begin_batch(batch)
        self.batch_weight = batch.total_weight
        batch.loss[0] = 0
        batch.start = 0
        block_deltas(batch, threads)
        if self.is_left(batch):
            return -1
        loss[0] = batch.mean * batch.loss[0]
        if not isfinite(loss[0]):
            return BAD_LOSS
        if self.begin_update(norm_bound(batch, &self.layers)):
            block_gradient(batch, threads)
            return -1 if self.is_left(batch) else self.apply(batch.sink.squares)
        batch.sink.grads = NULL
        self.torn = True
        block_gradient(batch, threads)
        self.torn = False
        self.gradient_norm = sqrt(batch.sink.squares)
        self.clipped = batch.sink.clipped
        self.end_step()
        return GOOD

    def step(
        self, const real[:, ::1] X not None, const real[:, ::1] target=None,
        const int64_t[::1] labels=None, const real[::1] weight=None, bint holds=False,
    ):
        """One update on exactly these rows, weights counting relative to 1 -> their mean loss before the update.

        `holds`: the caller has the turn.
        """
        cdef Rows data
        cdef double loss
        cdef int outcome
        cdef Network net = self.network
        bind_rows(&data, net.plan.n_in, net.plan.n_out, self.objective.loss.row != NULL, X, target, labels, weight)
        data.mean_weight = 1
        self.begin(X.shape[0], holds, NULL)
        try:
            with nogil:
                outcome = BAD_LOSS
                if not self.hides_inputs or every_finite(X.shape[0] * X.shape[1], data.x):
                    outcome = self.batch(&data, 0, X.shape[0], &loss)
                if outcome == GOOD:
                    self.keep_step()
        finally:
            self.end()
        if outcome != GOOD:
            raise _RefusedStep(OUTCOMES[outcome], 0)
        return loss

    def epoch(
        self, const real[:, ::1] X not None, const real[:, ::1] target, const int64_t[::1] labels,
        const real[::1] weight, const int64_t[::1] order, Py_ssize_t batch_size,
        const double[::1] rates=None, const real[::1] weights=None, double[::1] total=None,
    ):
        """Mini-batches of all rows, in order (n,) where given, as steps of the epoch that `begin_epoch` has begun.

        An epoch may come in parts: `weights` are those of all its rows. Each batch has its own rate of `rates` (number
        of batches,) where given; the last one stays behind. The steps' gradients, with penalties and before clipping,
        are added to `total` (n_params,) where given.
        """
        cdef Rows data
        cdef const double *rate = NULL
        cdef Py_ssize_t first = 0, rows, n = X.shape[0]
        cdef double loss
        cdef int outcome = GOOD
        cdef Network net = self.network
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        bind_rows(&data, net.plan.n_in, net.plan.n_out, self.objective.loss.row != NULL, X, target, labels, weight)
        bind_whole(&data, weight if weights is None else weights)
        if order is not None:
            data.order = &order[0]
            n = order.shape[0]
        if rates is not None:
            if rates.shape[0] != (n + batch_size - 1) // batch_size:
                raise ValueError(f"rates has shape ({rates.shape[0]},); expected one for each batch")
            rate = &rates[0]
        self.begin(min(batch_size, n), True, sum_at(total, self.network.plan.n_params))
        try:
            with nogil:
                while first < n:
                    if rate != NULL:
                        self.learning_rate = rate[first // batch_size]
                    rows = min(batch_size, n - first)
                    outcome = self.batch(&data, first, rows, &loss)
                    if outcome != GOOD:
                        break
                    self.count_step(loss, self.batch_weight)
                    self.keep_step()
                    first += rows
        finally:
            self.end()
        if outcome != GOOD:
            raise _RefusedStep(OUTCOMES[outcome], first // batch_size)

    def keep_mean(self, double[::1] mean not None, double decay, long long start):
        """Keep a mean (n_params,) of the parameters after each step but the first `start`: see `Kept`."""
        if mean.shape[0] != self.network.plan.n_params:
            raise ValueError("the mean does not fit the parameters")
        self.mean = mean
        self.kept.mean = &mean[0]
        self.kept.decay = decay
        self.kept.start = start

    def begin_epoch(self, long long samples, long long of_steps):
        """An epoch over so many samples, of so many steps: none is made yet."""
        take_lock(&self.network.lock)
        self.epoch_samples, self.epoch_of_steps, self.epoch_steps = samples, of_steps, 0
        self.loss_sum = self.mass = self.norm_sum = 0
        self.clipped_steps = 0
        release_lock(&self.network.lock)

    def next_key(self):
        """The key of the coming step's dropout masks, 0 where no layer drops."""
        return self.dropout_key()

    def apply_gradient(self, bint counts, double loss=0.0, double mass=0.0, double[::1] total=None):
        """Penalty, clipping and update from the bound gradient, which Python has filled.

        Where it counts, as a step of the epoch, with this mean loss and its weight. `total` as in `epoch`.
        """
        cdef int outcome
        self.begin(1, True, sum_at(total, self.network.plan.n_params))
        try:
            with nogil:
                outcome = self.apply(sum_squares(self.network.plan.n_params, &self.grads[0]))
                if outcome == GOOD and counts:
                    self.count_step(loss, mass)
                if outcome == GOOD:
                    self.keep_step()
        finally:
            self.end()
        if outcome != GOOD:
            raise _RefusedStep(OUTCOMES[outcome], 0)
