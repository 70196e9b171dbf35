"""The penalty on all weights and its gradient. A layer's own l1 or l2 replaces the model's, which is an argument."""

cdef double penalty(const Plan *plan, double l1, double l2) noexcept nogil:
    """Return l1 * sum |w| + l2/2 * sum w^2 over the weights, without the biases."""
    cdef const Layer *layer
    cdef const real *w
    cdef Py_ssize_t j
    cdef double size, total = 0
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if not layer.n_weights:
            continue
        w = plan.params + layer.weight_at
        if own_or(layer.l1, l1) != 0:        # Otherwise 0 times an infinite sum would be NaN.
            size = 0
            for j in range(layer.n_weights):
                size += real_abs(w[j])
            total += own_or(layer.l1, l1) * size
        if own_or(layer.l2, l2) != 0:
            total += own_or(layer.l2, l2) / 2 * sum_squares(layer.n_weights, w)
    return total


cdef void add_penalties(const Plan *plan, double l1, double l2, real *grads) noexcept nogil:
    """Add the derivative of the penalty on all weights to grads (n_params,); the derivative of |w| at 0 counts as 0."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if layer.n_weights:
            add_penalty(
                layer.n_weights, plan.params + layer.weight_at,
                <real>own_or(layer.l1, l1), <real>own_or(layer.l2, l2), grads + layer.weight_at,
            )


cdef void pull_penalties(const Update *update, const Plan *plan, double l1, double l2, real *grads) noexcept nogil:
    """Add the penalties' derivative to grads (n_params,), in the form that a step uses, for layers that are trained."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if layer.n_weights and not layer.frozen:
            pull_for(
                update, layer.n_weights, plan.params + layer.weight_at,
                <real>own_or(layer.l1, l1), <real>own_or(layer.l2, l2), grads + layer.weight_at,
            )
