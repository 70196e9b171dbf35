# Gradient descent, with Polyak's momentum or Nesterov's. See rules.pxi for the design.


cdef void sgd_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step."""
    cdef double momentum = u.hyper[0], dampening = u.hyper[1], weight_decay = u.hyper[2]
    cdef bint nesterov = u.hyper[3] != 0
    u.c[DECAY] = weight_decay
    u.c[MOMENTUM] = momentum
    u.c[GAIN] = 1 if u.step == 1 else 1 - dampening
    u.c[GRADIENT_RATE] = u.learning_rate if nesterov or momentum == 0 else 0
    u.c[MOMENT_RATE] = u.learning_rate * (momentum if nesterov else 1)
    u.c[CUMULATES] = u.hyper[4]
    if u.c[CUMULATES] != 0:
        u.scalars[0] += u.learning_rate * u.scale
        u.c[RATE_SUM] = u.scalars[0]


cdef bint sgd_is_memoryless(const Update *u) noexcept nogil:
    """Return whether there is no momentum."""
    return u.c[MOMENTUM] == 0


cdef void sgd_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *b,            # (n,) momentum buffer, where momentum > 0; otherwise not read
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Move n parameters along the gradient, and the momentum if there is any."""
    cdef real scale = u.scale, weight_decay = <real>u.c[DECAY], momentum = <real>u.c[MOMENTUM], gain = <real>u.c[GAIN]
    cdef real rate_d = <real>u.c[GRADIENT_RATE], rate_b = <real>u.c[MOMENT_RATE], d
    cdef Py_ssize_t i
    if u.c[MOMENTUM] == 0:
        for i in range(n):
            p[i] -= rate_d * (scale * g[i] + weight_decay * p[i])
    else:
        for i in range(n):
            d = scale * g[i] + weight_decay * p[i]
            b[i] = momentum * b[i] + gain * d
            p[i] -= rate_d * d + rate_b * b[i]
