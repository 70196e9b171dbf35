# The table of update rules, and the calls that go through it. The compiler checks the number of its rows.

cdef Rule[10] RULES = [
    Rule(b"sgd", sgd_begin, sgd_apply, sgd_is_memoryless),
    Rule(b"adagrad", adagrad_begin, adagrad_apply, NULL),
    Rule(b"rmsprop", rmsprop_begin, rmsprop_apply, NULL),
    Rule(b"adadelta", adadelta_begin, adadelta_apply, NULL),
    Rule(b"adam", adam_begin, amsgrad_apply, NULL),
    Rule(b"adamw", adamw_begin, amsgrad_apply, NULL),
    Rule(b"nadam", nadam_begin, moments_apply, NULL),
    Rule(b"adamax", adamax_begin, adamax_apply, NULL),
    Rule(b"radam", radam_begin, moments_apply, NULL),
    Rule(b"lion", lion_begin, lion_apply, NULL),
]
cdef tuple RULE_NAMES = tuple([RULES[i].name.decode() for i in range(sizeof(RULES) // sizeof(Rule))])


cdef int rule_index(str name) except -1:
    """Return the index of a rule in RULES."""
    if name not in RULE_NAMES:
        raise ValueError(f"unknown update rule {name!r}; known: {', '.join(RULE_NAMES)}")
    return RULE_NAMES.index(name)


cdef inline bint is_memoryless(const Update *u) noexcept nogil:
    """Return whether a step moves every parameter by the same multiple of its own gradient: SGD without momentum."""
    cdef const Rule *rule = &RULES[u.rule]
    return rule.is_memoryless != NULL and rule.is_memoryless(u)


cdef inline bint is_cumulative(const Update *u) noexcept nogil:
    """Return whether an l1 penalty is cumulative; slot 0 is then what each weight has received of it, divided by l1."""
    return u.c[CUMULATES] != 0


cdef inline bint is_plain(const Update *u) noexcept nogil:
    """Return whether the update is p -= rate * g and nothing else."""
    return is_memoryless(u) and u.c[DECAY] == 0 and u.scale == 1


cdef void update_begin(Update *u) noexcept nogil:
    """Compute the coefficients of a step, and advance the rule's scalars."""
    RULES[u.rule].begin(u)


cdef void settle_rule(Update *u) noexcept nogil:
    """Compute the coefficients that no step changes, before the first step."""
    cdef double scalars[N_SCALARS]
    memcpy(scalars, u.scalars, sizeof(scalars))
    u.scale, u.step = 1, 1
    update_begin(u)
    memcpy(u.scalars, scalars, sizeof(scalars))


cdef void update_apply(
    const Update *u,           # after update_begin
    real *p,                   # (n,) parameters, updated
    const real *g,             # (n,) gradient
    real *slots,               # (number of slots, slot_stride): slot j of this stretch at slots + j*slot_stride
    Py_ssize_t slot_stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update a stretch of n parameters and their slots."""
    RULES[u.rule].apply(u, p, g, slots, slot_stride, n)


def update_rules():
    """Return the names of the update rules, in the order of their indices."""
    return RULE_NAMES


def update(
    rule not None,               # a Rule of gdcore/_kernels/records.py: its scalars and slots are updated
    double learning_rate,
    long long step,              # from 1
    real[::1] params,            # (n,), updated
    const real[::1] grads,       # (n,)
    double scale=1,              # a factor on the gradient
):
    """Update parameters, slots and scalars in place by one step of a rule."""
    cdef const double[::1] hyper = rule.hyper
    cdef double[::1] scalars = rule.scalars
    cdef real[:, ::1] slots = rule.slots
    cdef Update u
    u.rule = rule_index(rule.name)
    u.hyper = &hyper[0]
    u.scalars = &scalars[0]
    u.learning_rate = learning_rate
    u.step = step
    u.scale = <real> scale
    with nogil:
        update_begin(&u)
        update_apply(&u, &params[0], &grads[0], &slots[0, 0], slots.shape[1], params.shape[0])
