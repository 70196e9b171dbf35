"""The penalty on weights, its gradient, and the gradient's norm."""

cdef enum:
    SUM_RUN = 1024        # squares added in `real` before they go to double


cdef void add_penalty_gradient(
    Py_ssize_t n, const real *w, real *grad,    # (n,)
    real l1, real l2,
) noexcept nogil:
    """grad += the derivative of the penalty, with 0 for |w| at 0."""
    cdef Py_ssize_t i
    for i in range(n):
        grad[i] += l2 * w[i] + l1 * (<real>(w[i] > 0) - <real>(w[i] < 0))


cdef double penalty(Py_ssize_t n, const real *w, double l1, double l2) noexcept nogil:
    """l1 * sum |w| + l2/2 * sum w^2 over w (n,)."""
    cdef Py_ssize_t i
    cdef double size = 0
    for i in range(n):
        size += real_abs(w[i])
    return l1 * size + l2 / 2 * sum_squares(n, w)


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
