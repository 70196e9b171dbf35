"""The steps of models that share lanes: which batches these are, and what makes the update.

Design
------
- Lanes take batches that a model alone would take with rows in the lanes (network/transposed.pxi), and sum in the same
  order: the bits are those of the model alone. So speed alone decides, and the number of models may.
- Linear models that linear.h trains have steps of their own, many/linear.h.
- Under plain gradient descent the parameters stay in the lanes for an epoch, and descent.h makes the updates. A step
  that is not certainly good is made for its model alone.
- Otherwise only losses and gradients come from the lanes. What follows in a step (penalties, clipping, the rule, the
  guard) is that of step.pxi, model by model. A model whose step is refused is left out, and the others go on.
"""


cdef bint takes_wide(const Descent *of, const Rows *rows, Py_ssize_t size) noexcept nogil:
    """Return whether small.h takes batches of this size, with rows in the lanes."""
    cdef SmallSteps steps
    if size <= TINY_ROWS or not takes_small(of, rows, size):
        return False
    bind_small(of, rows, size, NULL, &steps)
    return wide_numbers(&steps, small_lead(size)) <= SMALL_NUMBERS


cdef inline bint is_lane_plain(const Descent *of) noexcept nogil:
    """Return whether descent.h knows the rule and the options."""
    if RULES[of.update.rule].is_memoryless == NULL or not is_plain(&of.update) or of.kept.mean != NULL:
        return False
    if of.layers.penalized or of.layers.apart or of.layers.scratch != NULL or of.factors != NULL:
        return False
    if is_cumulative(&of.update) and not of.small:    # These count the rates of steps.
        return False
    return of.clip_norm == INFINITY and of.clip_value == INFINITY


cdef inline bint takes_lane_linear(const Descent *of, const Rows *rows, Py_ssize_t size) noexcept nogil:
    """Return whether many/linear.h knows the loss and makes such steps in the order of a model alone."""
    if rows.weight != NULL or is_cumulative(&of.update):
        return False
    return takes_models_linear(of.bound_loss.loss.values, of.plan.n_in, size)


cdef inline bint takes_lanes(const Descent *of, const Rows *rows, Py_ssize_t size) noexcept nogil:
    """Return whether a model alone would take batches of this size as one block, with rows in the lanes."""
    if size > min(of.plan.most, of.plan.poll_rows):
        return False
    if size <= TINY_ROWS and (of.tiny or (of.small and has_narrow_layers(of.plan))):
        return False
    if takes_linear(of, rows, size):
        return is_lane_plain(of) and takes_lane_linear(of, rows, size)
    return is_transposed(of.plan, rows, size) or (is_lane_plain(of) and takes_wide(of, rows, size))


cdef int finish_lane(LaneModel *model, double loss) except -1 nogil:
    """Make the update of one model from its gradient, and count the step."""
    cdef Descent *of = &model.of
    of.batch_weight = model.total
    of.plan.params = of.variables.params
    if not isfinite(loss):
        model.outcome = BAD_LOSS
        return 0
    model.outcome = finish_step(of, sum_squares(of.plan.n_params, of.grads))
    if model.outcome != GOOD:
        return 0
    model.sums[LOSS_SUM] = plus_product(model.sums[LOSS_SUM], loss, of.batch_weight)
    model.sums[WEIGHT_SUM] += of.batch_weight
    model.sums[NORM_SUM] += of.gradient_norm
    model.sums[CLIPPED_SUM] += of.update.scale != 1 or of.clipped
    keep_step(of)
    return 0


cdef int lane_alone(
    LaneSpace *space, LaneModel *model, int q, Py_ssize_t first, Py_ssize_t rows, long long made,
) except -1 nogil:
    """Make the step of the model in lane q, which has made so many, as it would be made alone."""
    cdef Descent *of = &model.of
    cdef models_descent *all = &space.descent
    cdef Py_ssize_t n = of.plan.n_params
    cdef double loss
    models_part_one(n, <const vector *>space.params, q, of.variables.params)
    of.plan.params = of.variables.params
    of.guard.bound, of.learning_rate, of.count = all.bound[q], all.rate[q], made
    model.outcome = batch_step(of, &model.rows, first, rows, &loss)
    all.taken[q] = model.outcome == GOOD
    if all.taken[q]:
        all.bound[q] = of.guard.bound
        all.loss_sum[q] = plus_product(all.loss_sum[q], loss, of.batch_weight)
        all.share_sum[q] += of.batch_weight
        all.norm_sum[q] += of.gradient_norm
        models_join_one(n, of.variables.params, q, <vector *>space.params)
    return 0


cdef void begin_lanes(LaneSpace *space, const LaneModel *models, int count, Py_ssize_t size) noexcept nogil:
    """Settle what all batches of an epoch have in common."""
    cdef models_descent *all = &space.descent
    cdef const Rows *rows
    cdef int q
    space.plain = True
    space.joined.alike = True
    space.joined.n_in, space.joined.n_out = models[0].of.plan.n_in, models[0].of.plan.n_out
    for q in range(LANES):
        rows = &models[q].rows
        space.plain = space.plain and is_lane_plain(&models[q].of)
        space.joined.x[q], space.joined.y[q], space.joined.order[q] = rows.x, rows.target, rows.order
        if rows.order != models[0].rows.order or rows.x != models[0].rows.x or rows.target != models[0].rows.target:
            space.joined.alike = False
        all.rate[q], all.growth[q] = models[q].of.learning_rate, models[q].of.guard.growth
        all.bound[q], all.taken[q] = INFINITY, q < count
        all.loss_sum[q] = all.share_sum[q] = all.norm_sum[q] = 0
    all.limit, all.push = LOOP_BOUND, PUSH
    space.linear = takes_linear(&models[0].of, &models[0].rows, size)
    if space.plain:
        join_params(space, models)


cdef void end_lanes(LaneSpace *space, LaneModel *models, int count, Py_ssize_t steps) noexcept nogil:
    """Give the models what plain gradient descent has made in the steps of an epoch."""
    cdef models_descent *all = &space.descent
    cdef LaneModel *model
    cdef int q
    for q in range(count):
        model = &models[q]
        model.sums[LOSS_SUM], model.sums[WEIGHT_SUM] = all.loss_sum[q], all.share_sum[q]
        model.sums[NORM_SUM] = all.norm_sum[q]
        if all.taken[q]:
            model.of.count, model.of.learning_rate = model.begun + steps, all.rate[q]
            model.of.guard.bound = all.bound[q]
            models_part_one(model.of.plan.n_params, <const vector *>space.params, q, model.of.variables.params)


cdef unsigned int linear_lanes(LaneSpace *space, const Plan *plan, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
    """Make a step of linear models, and return the bits of those that have to make it alone."""
    cdef models_linear of
    of.n_in, of.rows, of.first, of.has_bias = plan.n_in, rows, first, plan.layers[0].bias_at >= 0
    of.data, of.x, of.y = &space.joined, <vector *>space.x, <vector *>space.target
    of.p, of.g, of.pull = <vector *>space.params, <vector *>space.grads, <vector *>space.values
    return models_linear_step(&of, &space.descent)


cdef int lanes_step(
    LaneSpace *space, LaneModel *models, int count, Py_ssize_t first, Py_ssize_t rows,
) except -1 nogil:
    """Make a step of the first `count` models; the other lanes repeat the first one."""
    cdef Plan *plan = models[0].of.plan
    cdef models_descent *all = &space.descent
    cdef double total[LANES]
    cdef Py_ssize_t at = 0, block
    cdef unsigned int left
    cdef Pass batch
    cdef int q
    if stops(&plan.workers[0], LANES * rows * plan.n_params):
        return -1
    if space.linear:
        left = linear_lanes(space, plan, first, rows)
        for q in range(count if left else 0):
            if left >> q & 1:
                lane_alone(space, &models[q], q, first, rows, models[q].begun + first // rows)
        return 0
    for q in range(LANES if first == 0 or models[0].rows.weight != NULL else 0):
        if q == 0 or models[q].rows.weight != NULL:
            batch.of, batch.data, batch.first, batch.rows = &models[q].of.bound_loss, &models[q].rows, first, rows
            settle_factors(&batch)
        models[q].total, models[q].mean, models[q].factor = batch.total_weight, batch.mean, batch.factor
        all.mean[q], all.share[q] = batch.mean, batch.total_weight
    if not space.plain:
        join_params(space, models)
    join_batch(space, models, first, rows)
    while at < rows:
        block = min(space.block, rows - at)
        forward_lanes(space, plan, at, block)
        lanes_loss(space, models, plan, first, at, block)
        backward_lanes(space, plan, at, block)
        at += block
    lane_gradients(space, plan, rows)
    models_totals(rows, space.value, total)
    if space.plain:
        left = models_descend(plan.n_params, total, <const vector *>space.grads, <vector *>space.params, all)
        for q in range(count if left else 0):
            if left >> q & 1:
                lane_alone(space, &models[q], q, first, rows, models[q].begun + first // rows)
        return 0
    models_part(plan.n_params, <const vector *>space.grads, space.own_grads, plan.n_params)
    for q in range(count):
        if models[q].outcome == GOOD:
            finish_lane(&models[q], models[q].mean * total[q])
    return 0
