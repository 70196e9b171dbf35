# The optimizers' updates over a stretch of the flat parameter vector.
#
# Design
# ------
# - A rule is two functions and a row of RULES; the row's position is its index. `begin` runs once per step, in
#   double: bias corrections, decays and rates become the coefficients `c`. `apply` is a branch-free loop
#   over the stretch, element by element. Where a stretch ends is a matter of the network, never of threads: the last
#   few elements of a stretch may contract their multiply-adds in another order than whole vectors do.
# - Slots and scalars are all zero before step 1. A rule that starts elsewhere says so in its `begin`.
# - d is the gradient as the rule sees it: scaled by clipping, coupled weight decay added. Decoupled decay
#   multiplies the parameter by `keep`. Where there is no decay, that is one multiply-add by 0 or 1.
# - An option that needs a slot chooses the loop, outside it (a constant flag of an inline body); every other
#   option is a coefficient.
# - Adam, AdamW, NAdam and RAdam differ in coefficients only, and share one loop.

from libc.math cimport pow, sqrt

cdef extern from *:
    """
    #define real_sqrt(x) _Generic((real)0, float: __builtin_sqrtf, default: __builtin_sqrt)(x)
    """
    real real_sqrt(real x) noexcept nogil


cdef enum:
    N_SCALARS = 2
    N_RULES = 10


cdef struct Update:
    int rule               # index into RULES
    const double *hyper    # (number of hyper-parameters,), in the order of the record's hyper()
    double *scalars        # (N_SCALARS,) running scalars of the rule
    double learning_rate   # of this step
    long long step         # number of this step, from 1
    real scale             # factor on the gradient, from clipping; 1 = none
    double c[12]           # coefficients of this step, from update_begin


cdef struct Rule:
    const char *name
    void (*begin)(Update *u) noexcept nogil
    void (*apply)(
        const Update *u, real *p, const real *g, real *slots, Py_ssize_t stride, Py_ssize_t n
    ) noexcept nogil


# SGD, with Polyak's momentum or Nesterov's


cdef void sgd_begin(Update *u) noexcept nogil:
    cdef double momentum = u.hyper[0], dampening = u.hyper[1], weight_decay = u.hyper[2]
    cdef bint nesterov = u.hyper[3] != 0
    u.c[0] = weight_decay
    u.c[1] = momentum
    u.c[2] = 1 if u.step == 1 else 1 - dampening
    u.c[3] = u.learning_rate if nesterov or momentum == 0 else 0
    u.c[4] = u.learning_rate * (momentum if nesterov else 1)


cdef inline bint is_plain(const Update *u) noexcept nogil:
    """Whether the update is p -= rate * g and nothing else."""
    return is_memoryless(u) and u.c[0] == 0 and u.scale == 1


cdef inline bint is_memoryless(const Update *u) noexcept nogil:
    """Whether a step moves every parameter by the same multiple of its own gradient: SGD without momentum."""
    return RULES[u.rule].apply == sgd_apply and u.c[1] == 0


cdef void sgd_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *b,            # (n,) momentum buffer, where momentum > 0
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    cdef real scale = u.scale, weight_decay = <real> u.c[0], momentum = <real> u.c[1], gain = <real> u.c[2]
    cdef real rate_d = <real> u.c[3], rate_b = <real> u.c[4], d
    cdef Py_ssize_t i
    if u.c[1] == 0:
        for i in range(n):
            p[i] -= rate_d * (scale * g[i] + weight_decay * p[i])
    else:
        for i in range(n):
            d = scale * g[i] + weight_decay * p[i]
            b[i] = momentum * b[i] + gain * d
            p[i] -= rate_d * d + rate_b * b[i]


# Lion


cdef void lion_begin(Update *u) noexcept nogil:
    cdef double beta1 = u.hyper[0], beta2 = u.hyper[1], weight_decay = u.hyper[2]
    u.c[0] = 1 - u.learning_rate * weight_decay
    u.c[1] = beta1
    u.c[2] = 1 - beta1
    u.c[3] = beta2
    u.c[4] = 1 - beta2
    u.c[5] = u.learning_rate


cdef void lion_apply(
    const Update *u,
    real *p,            # (n,) parameters, updated
    const real *g,      # (n,) gradient
    real *m,            # (n,) momentum
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    cdef real scale = u.scale, keep = <real> u.c[0], beta1 = <real> u.c[1], gain1 = <real> u.c[2]
    cdef real beta2 = <real> u.c[3], gain2 = <real> u.c[4], rate = <real> u.c[5], d, blend, sign
    cdef Py_ssize_t i
    for i in range(n):
        d = scale * g[i]
        blend = beta1 * m[i] + gain1 * d
        sign = 1 if blend > 0 else -1 if blend < 0 else blend    # 0 and NaN stay what they are
        p[i] = keep * p[i] - rate * sign
        m[i] = beta2 * m[i] + gain2 * d


include "updates_adaptive.pxi"
include "updates_adam.pxi"


cdef Rule[N_RULES] RULES = [
    Rule(b"sgd", sgd_begin, sgd_apply),
    Rule(b"adagrad", adagrad_begin, adagrad_apply),
    Rule(b"rmsprop", rmsprop_begin, rmsprop_apply),
    Rule(b"adadelta", adadelta_begin, adadelta_apply),
    Rule(b"adam", adam_begin, amsgrad_apply),
    Rule(b"adamw", adamw_begin, amsgrad_apply),
    Rule(b"nadam", nadam_begin, moments_apply),
    Rule(b"adamax", adamax_begin, adamax_apply),
    Rule(b"radam", radam_begin, moments_apply),
    Rule(b"lion", lion_begin, lion_apply),
]
cdef tuple RULE_NAMES = tuple([RULES[i].name.decode() for i in range(N_RULES)])


cdef int rule_index(str name) except -1:
    if name not in RULE_NAMES:
        raise ValueError(f"unknown update rule {name!r}; known: {', '.join(RULE_NAMES)}")
    return RULE_NAMES.index(name)


cdef void update_begin(Update *u) noexcept nogil:
    RULES[u.rule].begin(u)


cdef void update_apply(
    const Update *u,           # after update_begin
    real *p,                   # (n,) parameters, updated
    const real *g,             # (n,) gradient
    real *slots,               # (number of slots, slot_stride): slot j of this stretch at slots + j*slot_stride
    Py_ssize_t slot_stride,
    Py_ssize_t n,
) noexcept nogil:
    RULES[u.rule].apply(u, p, g, slots, slot_stride, n)


def update_rules():
    """Names of the update rules, in the order of their indices."""
    return RULE_NAMES


def update(
    str rule,
    const double[::1] hyper,     # (number of hyper-parameters,)
    double[::1] scalars,         # (N_SCALARS,), updated
    double learning_rate,
    long long step,
    real[::1] params,            # (n,), updated
    const real[::1] grads,       # (n,)
    real[:, ::1] slots,          # (number of slots, n or more), updated
    double scale=1,
):
    """One step of `rule` in place: its scalars, its slots and the parameters."""
    cdef Update u
    u.rule = rule_index(rule)
    u.hyper = &hyper[0]
    u.scalars = &scalars[0]
    u.learning_rate = learning_rate
    u.step = step
    u.scale = <real> scale
    with nogil:
        update_begin(&u)
        update_apply(&u, &params[0], &grads[0], &slots[0, 0], slots.shape[1], params.shape[0])
