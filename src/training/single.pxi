"""A step of plain gradient descent on one row: each weight is changed as soon as it has been read on the way back.

Design
------
- A layer's delta is known only when the weights behind it have been read, and so changed. So before any is, a bound has
  to show that the step cannot overflow: a delta is at most that of the layer behind it, times the norm of the weight
  between them, times the steepest slope. If it does not show that, the two passes of step.pxi make the step, with the
  same bits.
- A weight is read and changed in one pass if its rows are wide, if it is small, or if some of its inputs are 0, which
  are left out.
- The norm of all parameters bounds that of each weight. It is measured once in a call, and then moves with the norms of
  the steps.
"""

cdef enum:
    STEEPEST = 2    # No activation with a parameter of at most 1 is steeper; selu has 1.76.


cdef bint is_single(const Descent *of) noexcept nogil:
    """Return whether single rows may take this step: dense layers, plain gradient descent, no options."""
    cdef const Plan *plan = of.plan
    cdef int i
    for i in range(plan.n_layers):
        if not plan.layers[i].kind.multiplies or plan.layers[i].frozen:
            return False
    if plan.n_layers > TINY_LAYERS or of.factors != NULL or of.layers.scratch != NULL or of.clip_value != INFINITY:
        return False
    return RULES[of.update.rule].is_memoryless != NULL and is_plain(&of.update) and not of.layers.penalized \
        and of.variables.n_slots == 0


cdef double single_bound(
    const Descent *of, const Pass *batch,
    const double *inputs,    # (n_layers,): squares of each layer's inputs, plus 1 for the bias
) noexcept nogil:
    """Return a bound on the gradient's norm, from the delta behind the last layer."""
    cdef const Plan *plan = of.plan
    cdef double delta = sqrt(sum_squares(plan.n_out, batch.plan.workspaces[0].delta[plan.last])), squares = 0
    cdef int i
    for i in range(plan.n_layers - 1, -1, -1):
        delta *= STEEPEST * max(1.0, abs(plan.layers[i].option))
        squares += delta * delta * inputs[i]
        delta *= of.guard.reach
    return sqrt(squares)


cdef bint single_begins(Descent *of, const Pass *batch, const double *inputs) noexcept nogil:
    """Return whether a bound shows that the step cannot overflow; it is measured anew where the last one does not."""
    cdef Guard *guard = &of.guard
    cdef double growth = guard.growth * (1 + of.learning_rate)
    cdef int tries
    for tries in range(2):
        if tries or guard.reach_step != of.count:
            guard.reach = guard.bound = sqrt(sum_squares(of.plan.n_params, of.plan.params))
            guard.reach_step = of.count
        if growth * guard.bound + push_bound(of.learning_rate, single_bound(of, batch, inputs), 0, 0) < guard.limit:
            return True
    return False


cdef double single_backward(Descent *of, const Pass *batch, const double *inputs) noexcept nogil:
    """Go back from the last delta, update every layer on the way, and return the gradient's sum of squares."""
    cdef const Plan *plan = of.plan
    cdef const Workspace *space = &plan.workspaces[0]
    cdef const Layer *layer
    cdef WeightRows rows
    cdef WeightPass single
    cdef double rate = of.update.learning_rate, squares = 0, deltas
    cdef int i
    for i in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[i]
        multiply_slope(layer.activation, layer.option, space.z[i], space.a[i], space.delta[i], layer.out_row)
        see_weight(&rows, batch, space, i, 0, 1)
        deltas = sum_squares(layer.n_out, rows.delta)
        squares += deltas * inputs[i]
        if i and layer.n_out > 1:
            see_pass(
                layer, plan.params, rows.active if plan.layers[i - 1].activation.dies else NULL, rows.delta,
                space.delta[i - 1], &single,
            )
            single.x, single.rate = rows.x, rate
            if single.active != NULL or layer.n_out > ALIGNED_VECTORS * LANES \
                    or layer.n_weights * <Py_ssize_t>sizeof(real) <= ONE_PASS_BYTES:
                weight_dots_and_move(&single)
            else:
                weight_dots(&single)
                subtract_gradient(&rows, rate, plan.params)
        else:
            if i:
                dense_input_delta(layer, plan.params, rows.delta, 1, space.delta[i - 1], &plan.workers[0])
            subtract_gradient(&rows, rate, plan.params)
        if layer.bias_at >= 0:
            update_apply(&of.update, plan.params + layer.bias_at, rows.delta, NULL, 0, layer.n_out)
    return squares


cdef bint single_step(Descent *of, Pass *batch) noexcept nogil:
    """Make a step from the last delta. If a bound does not show that it is safe, return False and change nothing."""
    cdef double inputs[TINY_LAYERS]
    cdef Guard *guard = &of.guard
    cdef WeightRows rows
    cdef int i
    for i in range(of.plan.n_layers):
        see_weight(&rows, batch, &of.plan.workspaces[0], i, 0, 1)
        inputs[i] = sum_squares(of.plan.layers[i].n_in, rows.x) + (of.plan.layers[i].bias_at >= 0)
    if not single_begins(of, batch, inputs):
        return False
    of.update.scale, of.update.learning_rate, of.update.step = 1, of.learning_rate, of.count + 1
    begin_rule(of)
    of.torn = True
    of.gradient_norm = sqrt(single_backward(of, batch, inputs))
    of.torn = False
    guard.bound = guard.growth * (1 + of.learning_rate) * guard.bound \
        + push_bound(of.learning_rate, of.gradient_norm, 0, 0)
    guard.reach = (guard.reach + of.learning_rate * of.gradient_norm) * 1.000001    # and roundoff
    end_step(of)
    guard.reach_step = of.count
    return True


cdef void single_deltas(Pass *batch) noexcept nogil:
    """Go from the last delta of a batch of one to those of all layers."""
    cdef Stretch of
    of.space, of.worker, of.at, of.rows, of.start = &batch.plan.workspaces[0], &batch.plan.workers[0], 0, 1, 0
    of.key, of.lead, of.looks, of.place, of.inputs = batch.key, 0, False, 0, NULL
    delta_rows(batch.plan, &of)
