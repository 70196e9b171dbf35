"""Many models of one shape, trained in one call: each in its own row of arrays, one after another.

Design
------
- A training's steps work on pointers. So one Training serves all models: it is pointed at the next one's parameters,
  slots, settings and rows, and makes the steps that a training of that model alone would make, with the same bits.
  Nothing of Python is touched between two models.
- A model, or as many as share the lanes of vectors (lanes.pxi), goes through all epochs of a call while its parameters
  are in the cache. What lanes do not take of an epoch, such as a last batch of fewer rows, follows model by model.
- A model whose step is refused keeps the parameters of its last good step, and is left out from then on.
- A call that is interrupted leaves every model between two epochs: the one under way goes back to where its epoch
  began. Signals reach the main thread alone; it asks calls of other threads to stop.
"""

cdef enum:                     # columns of the models' options
    RATE_OPTION, L1_OPTION, L2_OPTION, CLIP_NORM_OPTION, CLIP_VALUE_OPTION, DECAY_OPTION, GROWTH_OPTION, N_OPTIONS

cdef struct Lap:               # how a call goes through the rows of a model
    Py_ssize_t size            # rows of a step
    Py_ssize_t batch           # rows of a batch, which a step may have several of
    Py_ssize_t epochs
    bint shuffles, drops_last
    const double *rates        # of a model's steps, rates_row from model to model; NULL: its own rate
    double *sums               # (epochs, N_SUMS) of a model, sums_row from model to model
    Py_ssize_t rates_row, sums_row


cdef struct Before:            # what an epoch of a model began with
    Py_ssize_t number
    real *numbers              # (1 + n_slots, n_params)
    double *mean               # (n_params,)
    double scalars[N_SCALARS]


cdef inline Py_ssize_t samples_of(const Lap *lap, Py_ssize_t n) noexcept nogil:
    """Return how many of n rows an epoch takes."""
    return n - n % min(lap.batch, n) if lap.drops_last else n


cdef class Models:
    """Models that share a Training's network, loss and rule.

    `states` is a `ModelStates` of gdcore/_kernels/records.py.
    """

    cdef Training training
    cdef readonly Py_ssize_t n_models
    cdef readonly long long shared_steps    # of models in the lanes of vectors, so far
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
    cdef int64_t *order            # (LANES, longest): of the epochs that are under way
    cdef Py_ssize_t longest
    cdef Before before[LANES]      # of the models that are under way
    cdef int under_way             # how many these are
    cdef LaneModel *models         # (LANES,)
    cdef LaneSpace space
    cdef Py_ssize_t room           # rows of a step that `space` holds
    cdef real *grads               # of the training
    cdef bint shares               # whether models may share lanes
    cdef list owned

    def __cinit__(self, Training training not None, states not None):
        cdef const Descent *of = &training.descent
        cdef Py_ssize_t n_slots = of.variables.n_slots, n_params = of.plan.n_params, n
        cdef bint fits
        cdef int q
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
        fits = fits and (n_slots == 0 or n_params <= self.slots.shape[2] <= of.variables.stride)
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
        if of.guard.backup == NULL:    # Every model's copy of the guard has the same one.
            training.descent.guard.backup = <real *>malloc((1 + n_slots) * of.variables.stride * sizeof(real))
            if of.guard.backup == NULL:
                raise MemoryError("no memory for a copy of the parameters")
        self.models = <LaneModel *>take_bytes(LANES * sizeof(LaneModel), self.owned)
        for q in range(LANES):
            self.before[q].numbers = <real *>take_bytes((1 + n_slots) * n_params * sizeof(real), self.owned)
            if self.means is not None:
                self.before[q].mean = <double *>take_bytes(n_params * sizeof(double), self.owned)

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
        of.guard.bound, of.guard.reach_step, of.clipped = INFINITY, -1, False
        of.seed, of.count = self.seeds[i], self.counts[i, 0]
        if self.means is not None:
            of.kept.mean = &self.means[i, 0]
        if RULES[of.update.rule].is_memoryless != NULL:
            settle_rule(&of.update)
        settle_penalties(of.plan, of.l1, of.l2, of.factors != NULL, &of.layers)
        settle_paths(of)
        for j in range(of.plan.n_layers if self.dropout is not None else 0):
            layer = &of.plan.layers[j]
            if layer.kind.drops:
                layer.rate = self.dropout[i, j]

    cdef int settle_order(
        self, Py_ssize_t i, const Rows *at, Py_ssize_t n, int64_t *order,
    ) except -1 nogil:
        """Write the order of model i's next epoch over n rows, which are at's."""
        cdef uint64_t state = key_of(self.seeds[i], <uint64_t>SHUFFLE_PURPOSE, <uint64_t>self.counts[i, 1])
        cdef Py_ssize_t j, high = n
        for j in range(n):
            order[j] = j
        while high > 1:
            if stops(&self.training.descent.plan.workers[0], min(high, <Py_ssize_t>SHUFFLE_STRETCH)):
                return -1
            state = shuffle(state, order, max(<Py_ssize_t>1, high - SHUFFLE_STRETCH), high)
            high -= SHUFFLE_STRETCH
        for j in range(n if at.order != NULL else 0):
            order[j] = at.order[order[j]]
        return 0

    cdef inline bint draws_as(self, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
        """Return whether the next epochs of models i and j are shuffled alike."""
        return self.seeds[i] == self.seeds[j] and self.counts[i, 1] == self.counts[j, 1]

    cdef int begin_epoch(
        self, Py_ssize_t i, const Lap *lap, const Rows *at, Py_ssize_t n, Rows *rows,
    ) except -1 nogil:
        """Point the training at model i, copy what its epoch changes, and settle the order of its n rows."""
        cdef const Descent *of = &self.training.descent
        cdef Before *before = &self.before[self.under_way]
        cdef Py_ssize_t n_params = of.plan.n_params, j
        cdef const LaneModel *first = &self.models[0]
        self.choose(i)
        rows[0] = at[0]
        if lap.shuffles and not min(lap.size, n) == samples_of(lap, n) == n:
            if self.under_way and n == first.n and at.order == first.given and self.draws_as(i, first.number):
                rows.order = first.rows.order
            else:
                rows.order = self.order + self.under_way * self.longest
                self.settle_order(i, at, n, <int64_t *>rows.order)
        memcpy(before.numbers, of.plan.params, n_params * sizeof(real))
        for j in range(of.variables.n_slots):
            memcpy(
                before.numbers + (1 + j) * n_params, of.variables.slots + j * of.variables.stride,
                n_params * sizeof(real),
            )
        if self.means is not None:
            memcpy(before.mean, &self.means[i, 0], n_params * sizeof(double))
        memcpy(before.scalars, of.variables.scalars, sizeof(before.scalars))
        before.number = i
        self.under_way += 1
        return 0

    cdef void undo_epochs(self) noexcept nogil:
        """Put back what epochs that were interrupted have changed."""
        cdef Py_ssize_t n = self.params.shape[1], i, j
        cdef const Before *before
        cdef int q
        for q in range(self.under_way):
            before = &self.before[q]
            i = before.number
            if i < 0:
                continue
            memcpy(&self.params[i, 0], before.numbers, n * sizeof(real))
            for j in range(self.slots.shape[1]):
                memcpy(&self.slots[i, j, 0], before.numbers + (1 + j) * n, n * sizeof(real))
            if self.means is not None:
                memcpy(&self.means[i, 0], before.mean, n * sizeof(double))
            memcpy(&self.scalars[i, 0], before.scalars, sizeof(before.scalars))

    cdef int end_epoch(self, int q, const Lap *lap, Py_ssize_t n, Py_ssize_t first, Py_ssize_t e) except -1 nogil:
        """Make the steps of epoch number e of the model in lane q, from its row `first` on, and record it."""
        cdef LaneModel *model = &self.models[q]
        cdef Py_ssize_t i = model.number, size = min(lap.size, n)
        cdef double *sums = lap.sums + i * lap.sums_row + e * N_SUMS
        cdef const double *rates = self.rates_of(lap, i, n, e)
        self.training.descent = model.of
        self.training.descent.plan.params, self.training.descent.grads = model.of.variables.params, self.grads
        self.training.loss_sum, self.training.total_weight = model.sums[LOSS_SUM], model.sums[WEIGHT_SUM]
        self.training.norm_sum, self.training.epoch_steps = model.sums[NORM_SUM], 0
        self.training.clipped_steps = <long long>model.sums[CLIPPED_SUM]
        if model.outcome == GOOD:
            model.outcome = self.training.batches(&model.rows, &first, samples_of(lap, n), size, rates)
        sums[LOSS_SUM], sums[WEIGHT_SUM] = self.training.loss_sum, self.training.total_weight
        sums[NORM_SUM], sums[CLIPPED_SUM] = self.training.norm_sum, self.training.clipped_steps
        self.counts[i, 0] = self.training.descent.count
        self.counts[i, 1] += model.outcome == GOOD
        if model.outcome != GOOD:
            self.outcomes[i], self.active[i] = model.outcome, False
        self.before[q].number = -1
        return 0

    cdef const double *rates_of(self, const Lap *lap, Py_ssize_t i, Py_ssize_t n, Py_ssize_t e) noexcept nogil:
        """Return the rates of model i's steps in epoch number e of the call, or NULL."""
        if lap.rates == NULL:
            return NULL
        return lap.rates + i * lap.rates_row + e * ((samples_of(lap, n) - 1) // min(lap.size, n) + 1)

    cdef int run_epoch(self, ModelData data, const Lap *lap, int count, Py_ssize_t e) except -1 nogil:
        """Run epoch number e of the first `count` models: batches that lanes take together, the others one by one."""
        cdef Py_ssize_t together = PY_SSIZE_T_MAX, n, b
        cdef LaneModel *model
        cdef const double *rates
        cdef Rows at
        cdef int q
        self.under_way = 0
        for q in range(count):
            model = &self.models[q]
            n = data.see(model.number, self.training.network, &at)
            self.begin_epoch(model.number, lap, &at, n, &model.rows)
            model.of, model.outcome, model.n, model.given = self.training.descent, GOOD, n, at.order
            model.begun = model.of.count
            memset(model.sums, 0, sizeof(model.sums))
            together = min(together, samples_of(lap, n) // lap.size)
            if not self.shares or not takes_lanes(&model.of, &model.rows, lap.size):
                together = 0
            elif takes_linear(&model.of, &model.rows, lap.size) != takes_linear(
                &self.models[0].of, &self.models[0].rows, lap.size,
            ):
                together = 0    # alone, their steps would be those of two loops
        if MODELS_SHARE * count < LANES:
            together = 0
        for q in range(LANES if together else 0):
            if q >= count:
                self.models[q] = self.models[0]
            self.models[q].of.grads = self.space.own_grads + q * self.params.shape[1]
        if together:
            begin_lanes(&self.space, self.models, count, lap.size)
        for b in range(together):
            for q in range(count if lap.rates != NULL else 0):
                rates = self.rates_of(lap, self.models[q].number, data.places[self.models[q].number, 1], e)
                self.models[q].of.learning_rate = self.space.descent.rate[q] = rates[b]
            lanes_step(&self.space, self.models, count, b * lap.size, lap.size)
        if together and self.space.plain:
            end_lanes(&self.space, self.models, count, together)
        self.shared_steps += together * count
        for q in range(count):
            self.end_epoch(q, lap, data.places[self.models[q].number, 1], together * lap.size, e)
        return 0

    cdef int run_models(self, ModelData data, const Lap *lap, int count) except -1 nogil:
        """Train the first `count` models for the epochs of a call, as long as their steps are good."""
        cdef Py_ssize_t e
        cdef int q, left
        for e in range(lap.epochs):
            left = 0
            for q in range(count):
                if self.active[self.models[q].number]:
                    self.models[left].number = self.models[q].number
                    left += 1
            count = left
            if count:
                self.run_epoch(data, lap, count, e)
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
        cdef Lap how
        cdef Py_ssize_t i, n
        cdef real *params
        cdef Descent before
        cdef int count = 0
        how.size, how.batch, how.epochs, how.shuffles, how.drops_last = lap
        if how.size < 1 or how.batch < 1 or data.n_models != self.n_models or not data.targets:
            raise ValueError("the data do not fit the models")
        if sums.shape[0] != self.n_models or sums.shape[1] != how.epochs or sums.shape[2] != N_SUMS:
            raise ValueError(f"sums must have shape ({self.n_models}, {how.epochs}, {<int>N_SUMS})")
        if rates is not None:
            n = how.epochs * ((samples_of(&how, data.longest) - 1) // min(how.size, data.longest) + 1)
            if rates.shape[0] not in (1, self.n_models) or rates.shape[1] < n:
                raise ValueError(f"rates must have {n} columns, for every step of a model")
        how.rates, how.rates_row = NULL, 0
        if rates is not None:
            how.rates, how.rates_row = &rates[0, 0], rates.shape[1] if rates.shape[0] > 1 else 0
        how.sums, how.sums_row = &sums[0, 0, 0], how.epochs * N_SUMS
        if data.longest > self.longest:
            self.order = <int64_t *>take_bytes(LANES * data.longest * sizeof(int64_t), self.owned)
            self.longest = data.longest
        n = min(how.size, data.longest)
        self.shares = may_share_lanes(&run.descent, n)
        if self.shares and n > self.room:
            take_lane_space(&self.space, run.descent.plan, n, self.owned)
            self.room = n
        self.under_way = 0
        run.begin(n, True, True, NULL)
        before, params, self.grads = run.descent, run.descent.plan.params, run.descent.grads
        try:
            with nogil:
                for i in range(self.n_models):
                    if self.active[i]:
                        self.models[count].number = i
                        count += 1
                    if count == (LANES if self.shares else 1) or (count and i == self.n_models - 1):
                        self.run_models(data, &how, count)
                        count = 0
        except BaseException:
            self.undo_epochs()
            raise
        finally:
            run.descent = before
            run.descent.plan.params = params
            run.end()

    def stop(self):
        """Ask a call of another thread to raise KeyboardInterrupt, as Ctrl-C does in the main thread."""
        flag_set(&self.training.network.poll.asked, True)
