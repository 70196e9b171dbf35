"""The penalty on weights and its gradient."""

cdef double penalty(const Plan *plan, double l1, double l2) noexcept nogil:
    """l1 * sum |w| + l2/2 * sum w^2 over the weights, not the biases."""
    cdef const Layer *layer
    cdef const real *w
    cdef Py_ssize_t j
    cdef double size = 0, squares = 0
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if layer.kind == DENSE:
            w = plan.params + layer.weight_at
            for j in range(layer.n_in * layer.n_out):
                size += real_abs(w[j])
            squares += sum_squares(layer.n_in * layer.n_out, w)
    return l1 * size + l2 / 2 * squares


cdef void add_penalty(Py_ssize_t n, const real *w, real l1, real l2, real *g) noexcept nogil:
    """g += the derivative of l1 |w| + l2/2 w^2, n numbers; 0 for |w| at 0."""
    cdef Py_ssize_t i
    for i in range(n):
        g[i] += l2 * w[i] + l1 * (<real>(w[i] > 0) - <real>(w[i] < 0))


cdef void add_penalties(const Plan *plan, real l1, real l2, real *grads) noexcept nogil:
    """grads (n_params,) += the derivative of the penalty on all weights."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if layer.kind == DENSE:
            add_penalty(layer.n_in * layer.n_out, plan.params + layer.weight_at, l1, l2, grads + layer.weight_at)
