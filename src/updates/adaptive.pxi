# Adagrad, RMSprop, Adadelta: each parameter has a rate of its own. See rules.pxi for the design.

# Adagrad


cdef void adagrad_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of Adagrad."""
    cdef double lr_decay = u.hyper[0], weight_decay = u.hyper[1], initial_accumulator_value = u.hyper[2]
    cdef double eps = u.hyper[3]
    u.c[DECAY] = weight_decay
    u.c[START] = initial_accumulator_value if u.step == 1 else 0
    u.c[RATE] = u.learning_rate / (1 + (u.step - 1) * lr_decay)
    u.c[OFFSET] = eps


cdef void adagrad_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *s,            # (n,) sum of squares
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update n parameters by the gradient, divided by the root of the sum of its squares."""
    cdef real scale = u.scale, weight_decay = <real>u.c[DECAY], start = <real>u.c[START]
    cdef real rate = <real>u.c[RATE], eps = <real>u.c[OFFSET], d
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        s[i] = s[i] + start + d * d
        p[i] -= rate * d / (real_sqrt(s[i]) + eps)


# RMSprop


cdef void rmsprop_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of RMSprop."""
    cdef double alpha = u.hyper[0], eps = u.hyper[1], weight_decay = u.hyper[2], momentum = u.hyper[3]
    u.c[DECAY] = weight_decay
    u.c[SQUARE_KEEP] = alpha
    u.c[SQUARE_GAIN] = 1 - alpha
    u.c[OFFSET] = eps
    u.c[MOMENTUM] = momentum
    u.c[RATE] = u.learning_rate


cdef inline void rmsprop_body(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # as in rmsprop_apply
    Py_ssize_t stride,
    Py_ssize_t n,
    bint centered,
    bint with_momentum,
) noexcept nogil:
    """Update n parameters; the options are constants, so that each combination has its own loop."""
    cdef real *v = slots
    cdef real *m = slots + stride
    cdef real *b = slots + (1 + centered) * stride
    cdef real scale = u.scale, weight_decay = <real>u.c[DECAY]
    cdef real alpha = <real>u.c[SQUARE_KEEP], beta = <real>u.c[SQUARE_GAIN]
    cdef real eps = <real>u.c[OFFSET], momentum = <real>u.c[MOMENTUM], rate = <real>u.c[RATE], d, variance, move
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        v[i] = alpha * v[i] + beta * (d * d)
        variance = v[i]
        if centered:
            m[i] = alpha * m[i] + beta * d
            variance -= m[i] * m[i]
            # Rounding can make the variance of a constant gradient negative, and its root NaN.
            variance = 0 if variance < 0 else variance
        move = d / (real_sqrt(variance) + eps)
        if with_momentum:
            b[i] = momentum * b[i] + move
            move = b[i]
        p[i] -= rate * move


cdef void rmsprop_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (1 + centered + with momentum, stride): mean square, mean, momentum buffer
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update n parameters by the gradient, divided by the root of its mean square."""
    cdef bint with_momentum = u.hyper[3] != 0, centered = u.hyper[4] != 0
    if centered and with_momentum:
        rmsprop_body(u, p, g, slots, stride, n, True, True)
    elif centered:
        rmsprop_body(u, p, g, slots, stride, n, True, False)
    elif with_momentum:
        rmsprop_body(u, p, g, slots, stride, n, False, True)
    else:
        rmsprop_body(u, p, g, slots, stride, n, False, False)


# Adadelta


cdef void adadelta_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of Adadelta."""
    cdef double rho = u.hyper[0], eps = u.hyper[1], weight_decay = u.hyper[2]
    u.c[DECAY] = weight_decay
    u.c[SQUARE_KEEP] = rho
    u.c[SQUARE_GAIN] = 1 - rho
    u.c[OFFSET] = eps
    u.c[RATE] = u.learning_rate


cdef void adadelta_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2, stride): mean square of the gradient, of the moves
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update n parameters by the gradient, in the ratio of the moves' size to the gradient's."""
    cdef real scale = u.scale, weight_decay = <real>u.c[DECAY]
    cdef real rho = <real>u.c[SQUARE_KEEP], beta = <real>u.c[SQUARE_GAIN]
    cdef real eps = <real>u.c[OFFSET], rate = <real>u.c[RATE], d, move
    cdef real *v = slots
    cdef real *w = slots + stride
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        v[i] = rho * v[i] + beta * (d * d)
        move = d * (real_sqrt(w[i] + eps) / real_sqrt(v[i] + eps))
        w[i] = rho * w[i] + beta * (move * move)
        p[i] -= rate * move
