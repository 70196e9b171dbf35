# Lion: the sign of a blend of gradient and running mean. See rules.pxi for the design.


cdef void lion_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step."""
    cdef double beta1 = u.hyper[0], beta2 = u.hyper[1], weight_decay = u.hyper[2]
    u.c[KEEP] = 1 - u.learning_rate * weight_decay
    u.c[BLEND_KEEP] = beta1
    u.c[BLEND_GAIN] = 1 - beta1
    u.c[MEAN_KEEP] = beta2
    u.c[MEAN_GAIN] = 1 - beta2
    u.c[RATE] = u.learning_rate


cdef void lion_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *m,            # (n,) momentum
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Move n parameters by the sign of a blend of gradient and mean."""
    cdef real scale = u.scale, keep = <real>u.c[KEEP], beta1 = <real>u.c[BLEND_KEEP], gain1 = <real>u.c[BLEND_GAIN]
    cdef real beta2 = <real>u.c[MEAN_KEEP], gain2 = <real>u.c[MEAN_GAIN], rate = <real>u.c[RATE], d, blend, sign
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i]
        blend = beta1 * m[i] + gain1 * d
        sign = 1 if blend > 0 else -1 if blend < 0 else blend    # 0 and NaN stay what they are
        p[i] = keep * p[i] - rate * sign
        m[i] = beta2 * m[i] + gain2 * d
