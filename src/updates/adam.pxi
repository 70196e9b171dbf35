# Adam's family: a first moment divided by the size of the gradient. See rules.pxi for the design.

# Adam, AdamW, NAdam, RAdam: p = keep p - (rate_d d + rate_m m) / (root sqrt(v) + offset)


cdef inline void moments_begin(Update *u, bint decoupled) noexcept nogil:
    """Compute the coefficients that Adam, AdamW, NAdam and RAdam share."""
    cdef double beta1 = u.hyper[0], beta2 = u.hyper[1], eps = u.hyper[2], weight_decay = u.hyper[3]
    u.c[DECAY] = 0 if decoupled else weight_decay
    u.c[KEEP] = 1 - u.learning_rate * weight_decay if decoupled else 1
    u.c[MEAN_KEEP] = beta1
    u.c[MEAN_GAIN] = 1 - beta1
    u.c[SQUARE_KEEP] = beta2
    u.c[SQUARE_GAIN] = 1 - beta2
    u.c[GRADIENT_RATE] = 0
    u.c[MOMENT_RATE] = u.learning_rate / (1 - pow(beta1, u.step))
    u.c[ROOT] = 1 / sqrt(1 - pow(beta2, u.step))
    u.c[OFFSET] = eps


cdef void adam_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of Adam."""
    moments_begin(u, False)


cdef void adamw_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of AdamW."""
    moments_begin(u, True)


cdef void nadam_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of NAdam; its scalar is the product of the momenta so far."""
    cdef double beta1 = u.hyper[0], momentum_decay = u.hyper[4]
    cdef bint decoupled = u.hyper[5] != 0
    cdef double mu = beta1 * (1 - 0.5 * pow(0.96, u.step * momentum_decay))
    cdef double mu_next = beta1 * (1 - 0.5 * pow(0.96, (u.step + 1) * momentum_decay))
    cdef double mu_product = mu * (1 if u.step == 1 else u.scalars[0])
    u.scalars[0] = mu_product
    moments_begin(u, decoupled)
    u.c[GRADIENT_RATE] = u.learning_rate * (1 - mu) / (1 - mu_product)
    u.c[MOMENT_RATE] = u.learning_rate * mu_next / (1 - mu_product * mu_next)


cdef void radam_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of RAdam, which follows the mean alone in its first steps."""
    cdef double beta2 = u.hyper[1]
    cdef bint decoupled = u.hyper[4] != 0
    cdef double beta2_power = pow(beta2, u.step)
    cdef double rho_inf = 2 / (1 - beta2) - 1
    cdef double rho = rho_inf - 2 * u.step * beta2_power / (1 - beta2_power)
    cdef double rectification
    moments_begin(u, decoupled)
    if rho > 5:
        rectification = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        u.c[MOMENT_RATE] *= sqrt(rectification * (1 - beta2_power))
        u.c[ROOT] = 1
    else:
        u.c[ROOT] = 0
        u.c[OFFSET] = 1


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
    """Update n parameters and their moments; `amsgrad` is a constant, so that each value has its own loop."""
    cdef real scale = u.scale, weight_decay = <real>u.c[DECAY], keep = <real>u.c[KEEP]
    cdef real beta1 = <real>u.c[MEAN_KEEP], gain1 = <real>u.c[MEAN_GAIN]
    cdef real beta2 = <real>u.c[SQUARE_KEEP], gain2 = <real>u.c[SQUARE_GAIN]
    cdef real rate_d = <real>u.c[GRADIENT_RATE], rate_m = <real>u.c[MOMENT_RATE]
    cdef real root = <real>u.c[ROOT], offset = <real>u.c[OFFSET]
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
    """Update n parameters by their moments."""
    moments_body(u, p, g, slots, slots + stride, slots, n, False)


cdef void amsgrad_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2 + amsgrad, stride): first and second moment, largest second moment
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update n parameters by their moments, with the largest second one if the option amsgrad is set."""
    cdef bint amsgrad = u.hyper[4] != 0
    if amsgrad:
        moments_body(u, p, g, slots, slots + stride, slots + 2 * stride, n, True)
    else:
        moments_apply(u, p, g, slots, stride, n)


# Adamax


cdef void adamax_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step of Adamax."""
    cdef double beta1 = u.hyper[0], beta2 = u.hyper[1], eps = u.hyper[2], weight_decay = u.hyper[3]
    u.c[DECAY] = weight_decay
    u.c[MEAN_KEEP] = beta1
    u.c[MEAN_GAIN] = 1 - beta1
    u.c[SQUARE_KEEP] = beta2
    u.c[OFFSET] = eps
    u.c[RATE] = u.learning_rate / (1 - pow(beta1, u.step))


cdef void adamax_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *slots,        # (2, stride): first moment, infinity norm
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update n parameters by the mean, divided by a decaying maximum of the gradient."""
    cdef real scale = u.scale, weight_decay = <real>u.c[DECAY]
    cdef real beta1 = <real>u.c[MEAN_KEEP], gain1 = <real>u.c[MEAN_GAIN]
    cdef real beta2 = <real>u.c[SQUARE_KEEP], eps = <real>u.c[OFFSET], rate = <real>u.c[RATE], d, size, decayed
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
