"""Steps of a small network that small.h makes, and which steps those are.

Design
------
- As in linear.pxi, network, loss, rule, options and the number of rows decide, never the call that makes the step, so
  `step` and `epoch` give the same bits. Weighted rows are the others' too.
- Signals are looked at between stretches of steps. Averages are kept step by step.
"""

cdef extern from "training/small.h" nogil:
    ctypedef struct SmallLayer:
        Py_ssize_t n_in, n_out, weight_at, bias_at
        void (*values)(const real *z, real *a, Py_ssize_t n, real option) noexcept nogil
        void (*slopes)(const real *z, const real *a, real *delta, Py_ssize_t n, real option) noexcept nogil
        real option
    ctypedef struct SmallSteps:
        int n_layers
        SmallLayer layers[TINY_LAYERS]
        Py_ssize_t n_params, batch
        real *params
        real *grads
        const real *x
        const real *y
        const int64_t *order
        bint keeps
        void (*losses)(
            const real *z, const real *y, Py_ssize_t n, real option, real *value, real *slope,
        ) noexcept nogil
        real option
        double rate
        const double *rates
        double bound, limit, growth, push
        double loss_sum, share_sum, norm_sum, loss, share, norm
    Py_ssize_t wide_numbers(const SmallSteps *of, Py_ssize_t lead)
    Py_ssize_t small_lead(Py_ssize_t rows)
    Py_ssize_t narrow_steps(SmallSteps *of, Py_ssize_t first, Py_ssize_t end)
    Py_ssize_t wide_steps(SmallSteps *of, Py_ssize_t first, Py_ssize_t end)


cdef bint is_small(Descent *of) noexcept nogil:
    """Return whether small.h knows the layers, the loss, the rule and the options of a training."""
    cdef const Plan *plan = of.plan
    cdef const Layer *layer
    cdef int i
    if plan.n_layers < 2 or plan.n_layers > TINY_LAYERS or plan.n_params > SMALL_PARAMS or plan.n_params < LANES:
        return False
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if not layer.kind.multiplies or layer.frozen or layer.l1 > 0 or layer.l2 > 0:
            return False
        if layer.bias_at >= 0 and layer.bias_at != layer.weight_at + layer.n_weights:
            return False
    if of.bound_loss.loss == NULL or of.bound_loss.loss.row != NULL or of.bound_loss.loss.values == NULL:
        return False
    if of.factors != NULL or of.layers.penalized or of.layers.scratch != NULL:
        return False
    if of.clip_norm != INFINITY or of.clip_value != INFINITY:
        return False
    return RULES[of.update.rule].is_memoryless != NULL and is_plain(&of.update)


cdef void settle_paths(Descent *of) noexcept nogil:
    """Note which loops of their own the steps may take, with the present options."""
    of.linear, of.small, of.single = is_linear(of), is_small(of), is_single(of)


cdef bint has_narrow_layers(const Plan *plan) noexcept nogil:
    """Return whether every layer is no wider than a vector, and all their weights are few vectors."""
    cdef Py_ssize_t vectors = 0
    cdef int i
    for i in range(plan.n_layers):
        if max(plan.layers[i].n_in, plan.layers[i].n_out) > LANES:
            return False
        vectors += max(plan.layers[i].n_in + 1, plan.layers[i].n_out)
    return vectors <= SMALL_VECTORS


cdef Py_ssize_t widest(const Plan *plan) noexcept nogil:
    """Return the most features of a layer, in or out."""
    cdef Py_ssize_t most = plan.n_in
    cdef int i
    for i in range(plan.n_layers):
        most = max(most, plan.layers[i].n_out)
    return most


cdef bint takes_small(const Descent *of, const Rows *data, Py_ssize_t rows) noexcept nogil:
    """Return whether small.h makes the steps of so many rows in this call."""
    if not of.small or data.x == NULL or data.weight != NULL or data.target == NULL or of.outputs.total != NULL:
        return False
    if rows <= TINY_ROWS:
        return has_narrow_layers(of.plan)
    if rows > SMALL_ROWS or forced_order == COLUMN_LANES:
        return False
    return is_transposed(of.plan, data, rows) or (rows >= LANES and widest(of.plan) <= SMALL_WIDTH)


cdef void bind_small(
    const Descent *of, const Rows *data, Py_ssize_t batch, const double *rates, SmallSteps *steps,
) noexcept nogil:
    """Describe the steps of a call."""
    cdef const Layer *layer
    cdef int i
    steps.n_layers, steps.n_params, steps.batch = of.plan.n_layers, of.plan.n_params, batch
    for i in range(of.plan.n_layers):
        layer = &of.plan.layers[i]
        steps.layers[i].n_in, steps.layers[i].n_out = layer.n_in, layer.n_out
        steps.layers[i].weight_at, steps.layers[i].bias_at = layer.weight_at, layer.bias_at
        steps.layers[i].values, steps.layers[i].slopes = layer.activation.values, layer.activation.multiply_slopes
        steps.layers[i].option = layer.option
    steps.params, steps.grads, steps.keeps = of.plan.params, of.grads, of.kept.sum != NULL
    steps.x, steps.y, steps.order = data.x, data.target, data.order
    steps.losses, steps.option = of.bound_loss.loss.values, of.bound_loss.option
    steps.rate, steps.rates = of.learning_rate, rates
    steps.limit, steps.growth, steps.push = LOOP_BOUND, of.guard.growth, PUSH
    steps.share = averaged_over(&of.bound_loss, batch)
    steps.loss_sum, steps.share_sum, steps.norm_sum = 0, 0, 0


cdef Py_ssize_t small_stretch(Descent *of, SmallSteps *steps, Py_ssize_t first, Py_ssize_t end) except -1 nogil:
    """Make steps on rows from `first` on, add them to the sums of `steps`, and return how many.

    Where an average is kept, it is one step.
    """
    cdef Py_ssize_t most = max(<Py_ssize_t>1, SMALL_STRETCH // (steps.batch * steps.n_params)) * steps.batch
    cdef bint keeps = of.kept.mean != NULL or of.kept.sum != NULL
    cdef Py_ssize_t made
    if keeps:
        most = steps.batch
    most = min(most, (end - first) // steps.batch * steps.batch)
    if stops(&of.plan.workers[0], most * of.plan.n_params + CALL_WORK * (most // steps.batch)):
        return -1
    steps.bound = of.guard.bound
    if steps.batch <= TINY_ROWS:
        made = narrow_steps(steps, first, first + most) // steps.batch
    elif wide_numbers(steps, small_lead(steps.batch)) <= SMALL_NUMBERS:
        made = wide_steps(steps, first, first + most) // steps.batch
    else:
        made = 0
    of.guard.bound = steps.bound
    if made:
        of.count += made
        of.learning_rate, of.gradient_norm, of.batch_weight = steps.rate, steps.norm, steps.share
        of.update.scale, of.clipped = 1, False
        if keeps:
            keep_step(of)
    return made
