# Adagrad, RMSprop, Adadelta: each parameter has a rate of its own. See updates.pxi for the design.

# Adagrad


cdef void adagrad_begin(Update *u) noexcept nogil:
    cdef double lr_decay = u.hyper[0], weight_decay = u.hyper[1], initial_accumulator_value = u.hyper[2]
    u.c[0] = weight_decay
    u.c[1] = initial_accumulator_value if u.step == 1 else 0
    u.c[2] = u.learning_rate / (1 + (u.step - 1) * lr_decay)
    u.c[3] = u.hyper[3]


cdef void adagrad_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *s,            # (n,) sum of squares
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    cdef real scale = u.scale, weight_decay = <real> u.c[0], start = <real> u.c[1]
    cdef real rate = <real> u.c[2], eps = <real> u.c[3], d
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        s[i] = s[i] + start + d * d
        p[i] -= rate * d / (real_sqrt(s[i]) + eps)


# RMSprop


cdef void rmsprop_begin(Update *u) noexcept nogil:
    cdef double alpha = u.hyper[0], eps = u.hyper[1], weight_decay = u.hyper[2], momentum = u.hyper[3]
    u.c[0] = weight_decay
    u.c[1] = alpha
    u.c[2] = 1 - alpha
    u.c[3] = eps
    u.c[4] = momentum
    u.c[5] = u.learning_rate


cdef inline void rmsprop_body(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *v,            # (n,) mean square
    real *m,            # (n,) mean, if centered
    real *b,            # (n,) momentum buffer, if with_momentum
    Py_ssize_t n,
    bint centered,
    bint with_momentum,
) noexcept nogil:
    cdef real scale = u.scale, weight_decay = <real> u.c[0], alpha = <real> u.c[1], beta = <real> u.c[2]
    cdef real eps = <real> u.c[3], momentum = <real> u.c[4], rate = <real> u.c[5], d, variance, move
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        v[i] = alpha * v[i] + beta * (d * d)
        variance = v[i]
        if centered:
            m[i] = alpha * m[i] + beta * d
            variance -= m[i] * m[i]
            # rounding takes the variance of a constant gradient below zero
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
    cdef bint with_momentum = u.hyper[3] != 0, centered = u.hyper[4] != 0
    cdef real *m = slots + stride
    cdef real *b = slots + (1 + centered) * stride
    if centered and with_momentum:
        rmsprop_body(u, p, g, slots, m, b, n, True, True)
    elif centered:
        rmsprop_body(u, p, g, slots, m, b, n, True, False)
    elif with_momentum:
        rmsprop_body(u, p, g, slots, m, b, n, False, True)
    else:
        rmsprop_body(u, p, g, slots, m, b, n, False, False)


# Adadelta


cdef void adadelta_begin(Update *u) noexcept nogil:
    cdef double rho = u.hyper[0], eps = u.hyper[1], weight_decay = u.hyper[2]
    u.c[0] = weight_decay
    u.c[1] = rho
    u.c[2] = 1 - rho
    u.c[3] = eps
    u.c[4] = u.learning_rate


cdef void adadelta_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2, stride): mean square of the gradient, of the moves
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    cdef real scale = u.scale, weight_decay = <real> u.c[0], rho = <real> u.c[1], beta = <real> u.c[2]
    cdef real eps = <real> u.c[3], rate = <real> u.c[4], d, move
    cdef real *v = slots
    cdef real *w = slots + stride
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        v[i] = rho * v[i] + beta * (d * d)
        move = d * (real_sqrt(w[i] + eps) / real_sqrt(v[i] + eps))
        w[i] = rho * w[i] + beta * (move * move)
        p[i] -= rate * move
