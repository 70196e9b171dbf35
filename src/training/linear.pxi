"""Steps of a linear model with one output that linear.h makes, and which steps those are.

Design
------
- Model, loss, rule, options and the number of rows decide, never the call that makes the step. So `step` and `epoch`
  give the same bits.
- linear.h stops before a step that is not certainly good. That one is made as for every network, which says what is
  wrong with it.
- Signals are looked at between stretches of steps. Averages are kept step by step.
"""

cdef extern from "training/linear.h" nogil:
    ctypedef struct LinearSteps:
        Py_ssize_t n_in, batch
        real *weight
        real *bias
        const real *x
        const real *y
        const real *shares
        const int64_t *order
        double mean_share
        void (*values)(const real *z, const real *y, Py_ssize_t n, real option, real *value, real *slope)
        real option
        double l1, l2, rate, clip_norm
        const double *rates
        real *grads
        real *received
        double rate_sum
        double bound, limit, growth, push
        double loss_sum, share_sum, norm_sum, loss, share, norm, scale
        Py_ssize_t clipped
    Py_ssize_t linear_steps(LinearSteps *of, Py_ssize_t first, Py_ssize_t end)


cdef bint is_linear(Descent *of) noexcept nogil:
    """Return whether linear.h knows the model, the loss, the rule and the options of a training."""
    cdef const Plan *plan = of.plan
    cdef const Layer *layer = &plan.layers[0]
    if plan.n_layers > 1 or plan.n_out > 1 or layer.activation != IDENTITY:
        return False
    if of.bound_loss.loss.row != NULL or plan.n_in > LINEAR_FEATURES:
        return False
    if of.factors != NULL or of.layers.scratch != NULL or of.clip_value != INFINITY:
        return False
    if RULES[of.update.rule].is_memoryless == NULL or not is_plain(&of.update):
        return False
    return of.layers.l1 == 0 or is_cumulative(&of.update)


cdef inline bint takes_linear(const Descent *of, const Rows *data, Py_ssize_t rows) noexcept nogil:
    """Return whether linear.h makes the steps of so many rows in this call."""
    cdef Py_ssize_t most = LINEAR_ROWS if of.plan.n_in <= LINEAR_VECTORS * LANES else LINEAR_FEW_ROWS
    return of.linear and data.x != NULL and rows <= most


cdef void bind_linear(
    const Descent *of, const Rows *data, Py_ssize_t batch, const double *rates, LinearSteps *steps,
) noexcept nogil:
    """Describe the steps of a call."""
    cdef const Layer *layer = &of.plan.layers[0]
    steps.n_in, steps.batch = layer.n_in, batch
    steps.weight = of.plan.params + layer.weight_at
    steps.bias = of.plan.params + layer.bias_at if layer.bias_at >= 0 else NULL
    steps.x, steps.y, steps.shares, steps.order = data.x, data.target, data.weight, data.order
    steps.mean_share = 0 if data.whole_rows == batch else data.mean_weight
    steps.values, steps.option = of.bound_loss.loss.values, of.bound_loss.option
    steps.l1, steps.l2 = own_or(layer.l1, of.l1), own_or(layer.l2, of.l2)
    steps.received = of.variables.slots + layer.weight_at if <real>steps.l1 != 0 else NULL
    steps.rate_sum = of.update.scalars[0]
    steps.rate, steps.rates = of.learning_rate, rates
    steps.clip_norm = of.clip_norm
    steps.bound, steps.limit, steps.growth, steps.push = INFINITY, LOOP_BOUND, of.guard.growth, PUSH


cdef Py_ssize_t linear_stretch(
    Descent *of, LinearSteps *steps, Py_ssize_t first, Py_ssize_t end,
) except -1 nogil:
    """Make steps on rows from `first` on, add them to the sums of `steps`, and return how many.

    Where an average is kept, it is one step.
    """
    cdef Py_ssize_t most = max(<Py_ssize_t>1, LINEAR_STRETCH // steps.batch) * steps.batch
    cdef bint keeps = of.kept.mean != NULL or of.kept.sum != NULL
    cdef Py_ssize_t made
    if keeps:
        most = steps.batch
    most = min(most, (end - first) // steps.batch * steps.batch)
    if stops(&of.plan.workers[0], most * (of.plan.n_params + CALL_WORK)):
        return -1
    steps.bound = of.guard.bound
    steps.grads = of.grads if of.kept.sum != NULL else NULL
    made = linear_steps(steps, first, first + most) // steps.batch
    of.guard.bound = steps.bound
    if made:
        if is_cumulative(&of.update):
            of.update.scalars[0] = steps.rate_sum
        of.count += made
        of.learning_rate, of.gradient_norm, of.batch_weight = steps.rate, steps.norm, steps.share
        of.update.scale, of.clipped = <real>steps.scale, False
        if keeps:
            keep_step(of)
    return made
