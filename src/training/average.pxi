"""Averages over steps: a mean of the parameters, and the sum of the gradients.

Design
------
Both are vectors of doubles for every precision of the parameters: a mean of n steps moves by 1/n of a difference,
which float32 would lose to rounding in a long run.
"""

cdef struct Kept:
    double *mean           # (n_params,), of the parameters after each step; NULL: it is not kept
    double decay           # of an exponential mean; below 0 all steps have the same weight
    long long start        # number of first steps that the mean leaves out
    double *sum            # (n_params,), of the steps' gradients; NULL: it is not kept


cdef void mean_step(const Kept *kept, Py_ssize_t n, const real *params, long long step) noexcept nogil:
    """Move the mean towards the parameters after step number `step`, from 1. The first step that counts sets it."""
    cdef long long count = step - kept.start
    cdef double share
    cdef Py_ssize_t i
    if count < 1:
        return
    share = 1 - kept.decay if kept.decay >= 0 and count > 1 else 1 / <double>count
    for i in range(n):
        kept.mean[i] += share * (params[i] - kept.mean[i])


cdef void sum_step(const Kept *kept, Py_ssize_t n, const real *grads) noexcept nogil:
    """Add a step's gradient to the sum."""
    cdef Py_ssize_t i
    for i in range(n):
        kept.sum[i] += grads[i]


cdef double *sum_at(double[::1] total, Py_ssize_t n) except? NULL:
    """Return a pointer to n sums, or NULL for None."""
    if total is not None and total.shape[0] != n:
        raise ValueError("the sum does not fit the parameters")
    return NULL if total is None else &total[0]
