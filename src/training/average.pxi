"""What is kept of the steps on request: a mean of the parameters, and the sum of the gradients.

Design
------
Both are vectors of doubles whatever the precision of the parameters: a mean of n steps moves by 1/n of a difference,
which float32 would round away long before a long run is over.
"""

cdef struct Kept:
    double *mean           # (n_params,) of the parameters after each step, or NULL
    double decay           # of an exponential mean; below 0: all steps count the same
    long long start        # steps that come before the first one that counts
    double *sum            # (n_params,) of the steps' gradients, or NULL


cdef void mean_step(const Kept *kept, Py_ssize_t n, const real *params, long long step) noexcept nogil:
    """mean += share * (params - mean) after the step of this number, counted from 1. Of the first the share is all."""
    cdef long long count = step - kept.start
    cdef double share
    cdef Py_ssize_t i
    if count < 1:
        return
    share = 1 - kept.decay if kept.decay >= 0 and count > 1 else 1 / <double>count
    for i in range(n):
        kept.mean[i] += share * (params[i] - kept.mean[i])


cdef void sum_step(const Kept *kept, Py_ssize_t n, const real *grads) noexcept nogil:
    """sum += grads."""
    cdef Py_ssize_t i
    for i in range(n):
        kept.sum[i] += grads[i]


cdef double *sum_at(double[::1] total, Py_ssize_t n) except? NULL:
    """Where n sums are kept; None: nowhere."""
    if total is not None and total.shape[0] != n:
        raise ValueError("the sum does not fit the parameters")
    return NULL if total is None else &total[0]
