# Adam's family: a first moment divided by the size of the gradient. See updates.pxi for the design.

# Adam, AdamW, NAdam, RAdam: p = keep p - (rate_d d + rate_m m) / (root sqrt(v) + offset)


cdef inline void moments_begin(Update *u, bint decoupled) noexcept nogil:
    cdef double beta1 = u.hyper[0], beta2 = u.hyper[1], eps = u.hyper[2], weight_decay = u.hyper[3]
    u.c[0] = 0 if decoupled else weight_decay
    u.c[1] = 1 - u.learning_rate * weight_decay if decoupled else 1
    u.c[2] = beta1
    u.c[3] = 1 - beta1
    u.c[4] = beta2
    u.c[5] = 1 - beta2
    u.c[6] = 0
    u.c[7] = u.learning_rate / (1 - pow(beta1, u.step))
    u.c[8] = 1 / sqrt(1 - pow(beta2, u.step))
    u.c[9] = eps


cdef void adam_begin(Update *u) noexcept nogil:
    moments_begin(u, False)


cdef void adamw_begin(Update *u) noexcept nogil:
    moments_begin(u, True)


cdef void nadam_begin(Update *u) noexcept nogil:
    cdef double beta1 = u.hyper[0], momentum_decay = u.hyper[4]
    cdef double mu = beta1 * (1 - 0.5 * pow(0.96, u.step * momentum_decay))
    cdef double mu_next = beta1 * (1 - 0.5 * pow(0.96, (u.step + 1) * momentum_decay))
    cdef double mu_product = mu * (1 if u.step == 1 else u.scalars[0])
    u.scalars[0] = mu_product
    moments_begin(u, u.hyper[5] != 0)
    u.c[6] = u.learning_rate * (1 - mu) / (1 - mu_product)
    u.c[7] = u.learning_rate * mu_next / (1 - mu_product * mu_next)


cdef void radam_begin(Update *u) noexcept nogil:
    cdef double beta2 = u.hyper[1]
    cdef double beta2_power = pow(beta2, u.step)
    cdef double rho_inf = 2 / (1 - beta2) - 1
    cdef double rho = rho_inf - 2 * u.step * beta2_power / (1 - beta2_power)
    cdef double rectification
    moments_begin(u, u.hyper[4] != 0)
    if rho > 5:
        rectification = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        u.c[7] *= sqrt(rectification * (1 - beta2_power))
        u.c[8] = 1
    else:
        u.c[8] = 0
        u.c[9] = 1


cdef inline void moments_body(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *m,            # (n,) first moment
    real *v,            # (n,) second moment
    real *v_max,        # (n,) largest second moment, if amsgrad
    Py_ssize_t n,
    bint amsgrad,
) noexcept nogil:
    cdef real scale = u.scale, weight_decay = <real> u.c[0], keep = <real> u.c[1]
    cdef real beta1 = <real> u.c[2], gain1 = <real> u.c[3], beta2 = <real> u.c[4], gain2 = <real> u.c[5]
    cdef real rate_d = <real> u.c[6], rate_m = <real> u.c[7], root = <real> u.c[8], offset = <real> u.c[9]
    cdef real d, second
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        m[i] = beta1 * m[i] + gain1 * d
        v[i] = beta2 * v[i] + gain2 * (d * d)
        second = v[i]
        if amsgrad:
            second = v_max[i] if v_max[i] > second else second
            v_max[i] = second
        p[i] = keep * p[i] - (rate_d * d + rate_m * m[i]) / (root * real_sqrt(second) + offset)


cdef void moments_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2, stride): first and second moment
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    moments_body(u, p, g, slots, slots + stride, slots, n, False)


cdef void amsgrad_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2 + amsgrad, stride): first and second moment, largest second moment
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    if u.hyper[4] != 0:
        moments_body(u, p, g, slots, slots + stride, slots + 2 * stride, n, True)
    else:
        moments_apply(u, p, g, slots, stride, n)


# Adamax


cdef void adamax_begin(Update *u) noexcept nogil:
    cdef double beta1 = u.hyper[0], beta2 = u.hyper[1], eps = u.hyper[2], weight_decay = u.hyper[3]
    u.c[0] = weight_decay
    u.c[1] = beta1
    u.c[2] = 1 - beta1
    u.c[3] = beta2
    u.c[4] = eps
    u.c[5] = u.learning_rate / (1 - pow(beta1, u.step))


cdef void adamax_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2, stride): first moment, infinity norm
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    cdef real scale = u.scale, weight_decay = <real> u.c[0], beta1 = <real> u.c[1], gain1 = <real> u.c[2]
    cdef real beta2 = <real> u.c[3], eps = <real> u.c[4], rate = <real> u.c[5], d, size, decayed
    cdef real *m = slots
    cdef real *norm = slots + stride
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i] + weight_decay * p[i]
        m[i] = beta1 * m[i] + gain1 * d
        size = (d if d > 0 else -d) + eps
        decayed = beta2 * norm[i]
        norm[i] = decayed if decayed > size else size
        p[i] -= rate * m[i] / norm[i]
