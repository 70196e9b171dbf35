"""Many models of one shape, trained in one call: each in its own row of arrays, one after another.

Design
------
- A training's steps work on pointers. So one Training serves all models: it is pointed at the next one's parameters,
  slots, settings and rows, and makes the steps that a training of that model alone would make, with the same bits.
  Nothing of Python is touched between two models.
- A model goes through all epochs of a call while its parameters are in the cache.
- A model whose step is refused keeps the parameters of its last good step, and is left out from then on.
- A call that is interrupted leaves every model between two epochs: the one under way goes back to where its epoch
  began. Signals reach the main thread alone; it asks calls of other threads to stop.
"""

cdef enum:                     # columns of the models' options
    RATE_OPTION, L1_OPTION, L2_OPTION, CLIP_NORM_OPTION, CLIP_VALUE_OPTION, DECAY_OPTION, GROWTH_OPTION, N_OPTIONS

cdef enum:                     # columns of the sums of an epoch
    LOSS_SUM, WEIGHT_SUM, NORM_SUM, CLIPPED_SUM, N_SUMS

cdef struct Lap:               # how a call goes through the rows of a model
    Py_ssize_t size            # rows of a step
    Py_ssize_t batch           # rows of a batch, which a step may have several of
    Py_ssize_t epochs
    bint shuffles, drops_last


cdef inline Py_ssize_t samples_of(const Lap *lap, Py_ssize_t n) noexcept nogil:
    """Return how many of n rows an epoch takes."""
    return n - n % min(lap.batch, n) if lap.drops_last else n


cdef class Models:
    """Models that share a Training's network, loss and rule.

    `states` is a `ModelStates` of gdcore/_kernels/records.py.
    """

    cdef Training training
    cdef readonly Py_ssize_t n_models
    cdef real[:, ::1] params
    cdef real[:, :, ::1] slots
    cdef double[:, ::1] scalars
    cdef const double[:, ::1] hyper
    cdef const double[:, ::1] options
    cdef const double[:, ::1] dropout
    cdef const uint64_t[::1] seeds
    cdef int64_t[:, ::1] counts
    cdef double[:, ::1] means
    cdef unsigned char[::1] active
    cdef int64_t[::1] outcomes
    cdef int64_t *order            # (longest,): of an epoch
    cdef Py_ssize_t longest
    cdef real *kept                # (1 + n_slots, n_params): what an epoch began with
    cdef double *kept_mean         # (n_params,)
    cdef double kept_scalars[N_SCALARS]
    cdef Py_ssize_t under_way      # the model whose epoch that is; -1: none
    cdef list owned

    def __cinit__(self, Training training not None, states not None):
        cdef const Descent *of = &training.descent
        cdef Py_ssize_t n_slots = of.variables.n_slots, n_params = of.plan.n_params, n
        cdef bint fits
        self.training, self.owned = training, []
        self.params, self.slots, self.scalars, self.hyper = states.params, states.slots, states.scalars, states.hyper
        self.options, self.dropout, self.seeds = states.options, states.dropout, states.seeds
        self.counts, self.means, self.active, self.outcomes = (
            states.counts, states.means, states.active, states.outcomes
        )
        n = self.n_models = self.params.shape[0]
        fits = self.params.shape[1] == n_params and self.scalars.shape[1] == N_SCALARS
        fits = fits and self.options.shape[1] == N_OPTIONS and self.counts.shape[1] == 2
        fits = fits and self.slots.shape[0] == n and self.slots.shape[1] == n_slots
        fits = fits and (n_slots == 0 or self.slots.shape[2] >= n_params)
        for rows in (
            states.scalars, states.hyper, states.options, states.seeds, states.counts, states.active, states.outcomes,
        ):
            fits = fits and len(rows) == n
        if self.dropout is not None:
            fits = fits and self.dropout.shape[0] == n and self.dropout.shape[1] == of.plan.n_layers
        if self.means is not None:
            fits = fits and self.means.shape[0] == n and self.means.shape[1] == n_params
        if not fits or (self.means is None) != (of.kept.mean == NULL) or of.outputs.total != NULL:
            raise ValueError("the models' arrays do not fit the training")
        self.kept = <real *>take_bytes((1 + n_slots) * n_params * sizeof(real), self.owned)
        if self.means is not None:
            self.kept_mean = <double *>take_bytes(n_params * sizeof(double), self.owned)

    cdef void choose(self, Py_ssize_t i) noexcept nogil:
        """Point the training at model i."""
        cdef Descent *of = &self.training.descent
        cdef const double *options = &self.options[i, 0]
        cdef Layer *layer
        cdef int j
        of.plan.params = of.variables.params = &self.params[i, 0]
        if of.variables.n_slots:
            of.variables.slots, of.variables.stride = &self.slots[i, 0, 0], self.slots.shape[2]
        of.update.hyper = &self.hyper[i, 0] if self.hyper.shape[1] else NULL
        of.update.scalars = of.variables.scalars = &self.scalars[i, 0]
        of.learning_rate = options[RATE_OPTION]
        of.l1, of.l2 = options[L1_OPTION], options[L2_OPTION]
        of.clip_norm, of.clip_value = options[CLIP_NORM_OPTION], options[CLIP_VALUE_OPTION]
        of.guard.decay, of.guard.growth = options[DECAY_OPTION], options[GROWTH_OPTION]
        of.guard.bound, of.clipped = INFINITY, False
        of.seed, of.count = self.seeds[i], self.counts[i, 0]
        if self.means is not None:
            of.kept.mean = &self.means[i, 0]
        if RULES[of.update.rule].is_memoryless != NULL:
            settle_rule(&of.update)
        settle_penalties(of.plan, of.l1, of.l2, of.factors != NULL, &of.layers)
        of.linear = is_linear(of)
        for j in range(of.plan.n_layers if self.dropout is not None else 0):
            layer = &of.plan.layers[j]
            if layer.kind.drops:
                layer.rate = self.dropout[i, j]

    cdef int settle_order(self, Py_ssize_t i, const Rows *at, Py_ssize_t n) except -1 nogil:
        """Write the order of model i's next epoch over n rows, which are at's."""
        cdef uint64_t state = key_of(self.seeds[i], <uint64_t>SHUFFLE_PURPOSE, <uint64_t>self.counts[i, 1])
        cdef Py_ssize_t j, high = n
        for j in range(n):
            self.order[j] = j
        while high > 1:
            if stops(&self.training.descent.plan.workers[0], min(high, <Py_ssize_t>SHUFFLE_STRETCH)):
                return -1
            state = shuffle(state, self.order, max(<Py_ssize_t>1, high - SHUFFLE_STRETCH), high)
            high -= SHUFFLE_STRETCH
        for j in range(n if at.order != NULL else 0):
            self.order[j] = at.order[self.order[j]]
        return 0

    cdef int run_epoch(
        self, Py_ssize_t i, const Lap *lap, const Rows *at, Py_ssize_t n, const double *rates, double *sums,
    ) except -1 nogil:
        """Make the steps of an epoch of the chosen model i, over its n rows, and return an Outcome."""
        cdef Rows rows = at[0]
        cdef Py_ssize_t size = min(lap.size, n), samples = samples_of(lap, n), first = 0
        cdef int outcome
        if lap.shuffles and not size == samples == n:
            self.settle_order(i, at, n)
            rows.order = rows.entries.order = self.order
        self.training.loss_sum = self.training.total_weight = self.training.norm_sum = 0
        self.training.clipped_steps = self.training.epoch_steps = 0
        outcome = self.training.batches(&rows, &first, samples, size, rates)
        sums[LOSS_SUM], sums[WEIGHT_SUM] = self.training.loss_sum, self.training.total_weight
        sums[NORM_SUM], sums[CLIPPED_SUM] = self.training.norm_sum, self.training.clipped_steps
        self.counts[i, 0] = self.training.descent.count
        self.counts[i, 1] += outcome == GOOD
        return outcome

    cdef void begin_epoch(self, Py_ssize_t i) noexcept nogil:
        """Copy what an epoch of the chosen model i changes."""
        cdef const Descent *of = &self.training.descent
        cdef Py_ssize_t n = of.plan.n_params, j
        memcpy(self.kept, of.plan.params, n * sizeof(real))
        for j in range(of.variables.n_slots):
            memcpy(self.kept + (1 + j) * n, of.variables.slots + j * of.variables.stride, n * sizeof(real))
        if self.means is not None:
            memcpy(self.kept_mean, &self.means[i, 0], n * sizeof(double))
        memcpy(self.kept_scalars, of.variables.scalars, sizeof(self.kept_scalars))
        self.under_way = i

    cdef void undo_epoch(self) noexcept nogil:
        """Put back what an epoch that was interrupted has changed."""
        cdef Descent *of = &self.training.descent
        cdef Py_ssize_t n = of.plan.n_params, j
        if self.under_way < 0:
            return
        memcpy(of.plan.params, self.kept, n * sizeof(real))
        for j in range(of.variables.n_slots):
            memcpy(of.variables.slots + j * of.variables.stride, self.kept + (1 + j) * n, n * sizeof(real))
        if self.means is not None:
            memcpy(&self.means[self.under_way, 0], self.kept_mean, n * sizeof(double))
        memcpy(of.variables.scalars, self.kept_scalars, sizeof(self.kept_scalars))

    cdef int run_model(
        self, Py_ssize_t i, const Lap *lap, const Rows *at, Py_ssize_t n, const double *rates, double *sums,
    ) except -1 nogil:
        """Train model i for the epochs of a call, or until a step is refused; sums (epochs, N_SUMS)."""
        cdef Py_ssize_t e
        cdef int outcome
        self.choose(i)
        for e in range(lap.epochs):
            self.begin_epoch(i)
            outcome = self.run_epoch(i, lap, at, n, rates, sums + e * N_SUMS)
            self.under_way = -1
            if outcome != GOOD:
                self.outcomes[i], self.active[i] = outcome, False
                break
            if rates != NULL:
                rates += (samples_of(lap, n) - 1) // min(lap.size, n) + 1
        return 0

    def run(
        self, ModelData data not None, lap not None, double[:, :, ::1] sums not None, const double[:, ::1] rates=None,
    ):
        """Train every active model for some epochs, each on its rows of the data.

        `lap` is (rows of a step, rows of a batch, epochs, whether rows are shuffled, whether a last batch that is not
        full is left out). Each epoch's losses times their weights, weights, gradient norms and clipped steps are summed
        in `sums` (n_models, epochs, 4). `rates` (n_models or 1, all steps of the longest model) are the rates of its
        steps, if given.
        """
        cdef Training run = self.training
        cdef Network network = run.network
        cdef Lap how
        cdef Rows rows
        cdef Py_ssize_t i, n
        cdef const double *rate = NULL
        cdef real *params
        cdef Descent before
        how.size, how.batch, how.epochs, how.shuffles, how.drops_last = lap
        if how.size < 1 or how.batch < 1 or data.n_models != self.n_models or not data.targets:
            raise ValueError("the data do not fit the models")
        if sums.shape[0] != self.n_models or sums.shape[1] != how.epochs or sums.shape[2] != N_SUMS:
            raise ValueError(f"sums must have shape ({self.n_models}, {how.epochs}, {<int>N_SUMS})")
        if rates is not None:
            n = how.epochs * ((data.longest - 1) // min(how.size, data.longest) + 1)
            if rates.shape[0] not in (1, self.n_models) or rates.shape[1] < n:
                raise ValueError(f"rates must have {n} columns, for every step of a model")
        if data.longest > self.longest:
            self.order = <int64_t *>take_bytes(data.longest * sizeof(int64_t), self.owned)
            self.longest = data.longest
        self.under_way = -1
        run.begin(min(how.size, data.longest), True, True, NULL)
        before = run.descent
        params = before.plan.params
        try:
            with nogil:
                for i in range(self.n_models):
                    if not self.active[i]:
                        continue
                    n = data.see(i, network, &rows)
                    if rates is not None:
                        rate = &rates[i if rates.shape[0] > 1 else 0, 0]
                    self.run_model(i, &how, &rows, n, rate, &sums[i, 0, 0])
        except BaseException:
            self.undo_epoch()
            raise
        finally:
            before.guard.backup = run.descent.guard.backup
            run.descent = before
            run.descent.plan.params = params
            run.end()

    def stop(self):
        """Ask a call of another thread to raise KeyboardInterrupt, as Ctrl-C does in the main thread."""
        flag_set(&self.training.network.poll.asked, True)


def many_losses(
    Network network not None, tuple loss not None, const real[:, ::1] params not None, ModelData data not None,
    double[::1] out not None,
):
    """Write the mean loss of each model, of parameters (n_models, n_params), into out (n_models,).

    `loss` is its name and option. A model whose place in `out` is NaN is left out.
    """
    cdef BoundLoss of
    cdef Rows rows
    cdef Pass batch
    cdef Py_ssize_t i
    cdef real *before = network.plan.params
    check_many(network, params, data, out.shape[0])
    name, option = loss
    of.loss, of.option, of.outputs = &LOSS_ROWS[<int>loss_code(name)], <real><double>option, network.plan.n_out
    batch.plan, batch.data, batch.of, batch.outputs = &network.plan, &rows, &of, NULL
    batch.first, batch.key, batch.backward, batch.sink.grads = 0, 0, False, NULL
    network.acquire(data.longest)
    try:
        with nogil:
            for i in range(params.shape[0]):
                if flag_up(&network.poll.stopped):
                    break
                if out[i] == out[i]:
                    network.plan.params = <real *>&params[i, 0]
                    batch.rows = data.see(i, network, &rows)
                    out[i] = run_batch(&batch)
    finally:
        network.plan.params = before
        network.release()


def many_outputs(
    Network network not None, const real[:, ::1] params not None, ModelData data not None, list out not None,
):
    """Write the raw outputs of each model for its rows into its array (rows, n_out) of the list `out`.

    The data have no index. Returns the first model whose inputs or outputs are not finite, or -1.
    """
    cdef Py_ssize_t i, n
    cdef real[:, ::1] to
    cdef Rows rows
    cdef real *before = network.plan.params
    cdef bint finite = True
    check_many(network, params, data, len(out))
    if data.index is not None:
        raise ValueError("outputs are computed of rows in their own order")
    network.acquire(min(data.longest, most_predicted(&network.plan)))
    try:
        for i in range(params.shape[0]):
            n = data.see(i, network, &rows)
            to = out[i]
            if to.shape[0] != n or to.shape[1] != network.plan.n_out:
                raise ValueError(f"outputs of model {i} must have shape ({n}, {network.plan.n_out})")
            network.plan.params = <real *>&params[i, 0]
            with nogil:
                finite = predict_rows(&network.plan, &rows, n, network.partial, &to[0, 0])
            if not finite or flag_up(&network.poll.stopped):
                break
    finally:
        network.plan.params = before
        network.release()
    return -1 if finite else i


cdef int check_many(Network network, const real[:, ::1] params, ModelData data, Py_ssize_t n_out) except -1:
    """Check for memory's sake that models, data and results fit."""
    if params.shape[1] != network.plan.n_params or params.shape[0] != data.n_models or n_out != data.n_models:
        raise ValueError("parameters, data and results do not fit the network")
    return 0
