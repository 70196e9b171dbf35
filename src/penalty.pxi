"""The penalty on weights, its gradient, and the gradient's norm."""

cdef enum:
    SUM_RUN = 1024        # squares added in `real` before they go to double


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


cdef void add_penalty(const Plan *plan, real l1, real l2, real *grads) noexcept nogil:
    """grads (n_params,) += the derivative of the penalty, with 0 for |w| at 0."""
    cdef const Layer *layer
    cdef const real *w
    cdef real *g
    cdef Py_ssize_t j
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if layer.kind == DENSE:
            w = plan.params + layer.weight_at
            g = grads + layer.weight_at
            for j in range(layer.n_in * layer.n_out):
                g[j] += l2 * w[j] + l1 * (<real>(w[j] > 0) - <real>(w[j] < 0))


cdef double sum_squares(Py_ssize_t n, const real *x) noexcept nogil:
    """Sum of x[i]^2; not finite exactly where an x[i] is not."""
    cdef Py_ssize_t i = 0
    cdef double total = 0
    while i < n:
        total += dot(min(<Py_ssize_t>SUM_RUN, n - i), x + i, x + i)
        i += SUM_RUN
    if not isfinite(total):    # float squares overflow from 1e19 on
        total = 0
        for i in range(n):
            total += <double>x[i] * x[i]
    return total


cdef bint all_finite(Py_ssize_t n, const real *x) noexcept nogil:
    """Whether x (n,) holds neither NaN nor infinity."""
    cdef Py_ssize_t i
    if isfinite(sum_squares(n, x)):
        return True
    for i in range(n):
        if not isfinite(x[i]):
            return False
    return True
