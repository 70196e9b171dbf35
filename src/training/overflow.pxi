"""The overflow guard: a bound on parameters and optimizer slots, which is updated without reading them.

Design
------
- The bound grows in each step with the learning rate and the gradient's norm. While it is below a limit, no step can
  overflow, and no result has to be checked.
- The bound is measured anew in the first step of every call, because the user may have written the parameters, and
  whenever it comes near the limit.
- A step that may overflow even then is risky. It is made with a copy of parameters, slots and scalars, which is put
  back if a result is not finite.
"""

cdef enum:
    # What a step adds to a parameter or slot at most, in units of the rate times the square of (1 + the norm). A rule
    # that adds more could overflow unnoticed.
    PUSH = 1000

cdef extern from *:
    """
    /* No step can overflow while the guard's bound is below it. An update may compute numbers that are larger than the
     * bound, by a factor of up to 1e8 in float and 1e18 in double. */
    #define SAFE_BOUND (REAL_IS_FLOAT ? 1e30 : 1e290)
    /* The same for loops that add squares in `real`: below it, the sums are finite. */
    #define LOOP_BOUND (REAL_IS_FLOAT ? 1e18 : 1e150)
    """
    const double SAFE_BOUND
    const double LOOP_BOUND

cdef struct Variables:        # what an update changes
    real *params              # (n_params,)
    Py_ssize_t n_params
    real *slots               # (n_slots, stride), or NULL if the rule has none
    Py_ssize_t n_slots, stride
    double *scalars           # (N_SCALARS,)

cdef struct Guard:
    double bound              # No parameter or slot is larger. INFINITY means that it has to be measured.
    double reach              # The norm of all parameters is no larger after step `reach_step` (single.pxi),
    long long reach_step      # -1: it has to be measured.
    double limit              # SAFE_BOUND; a step that moves the bound above it is risky.
    double growth             # the factor by which the rule can multiply a slot in one step
    double decay              # the rule's weight decay
    real *backup              # a copy of parameters and slots; NULL until a step is risky
    double scalars[N_SCALARS]


cdef inline double push_bound(double rate, double norm, double decay, double bound) noexcept nogil:
    """Return the most that a step adds to a parameter or slot; a slot may keep squares of gradient plus decay."""
    cdef double pull = 1 + norm + (decay * bound if decay != 0 else 0.0)
    return max(rate, 1.0) * pull * pull * PUSH


cdef double loss_bound(const Pass *batch) noexcept nogil:
    """Return a bound on the norm of the loss's gradient: that of x^T delta is at most |x| |delta| (Frobenius)."""
    cdef const Plan *plan = batch.plan
    cdef const Layer *layer
    cdef WeightRows of
    cdef double squares = 0, inputs, deltas
    cdef int i
    for i in range(plan.first, plan.n_layers):
        layer = &plan.layers[i]
        if layer.n_params and not layer.frozen:
            see_weight(&of, batch, &plan.workspaces[0], i, 0, batch.rows)
            if has_entries(batch, i):
                inputs = entry_squares(&of)
            else:
                inputs = sum_squares((batch.rows - 1) * of.x_row + layer.n_in, of.x)
            deltas = sum_squares((batch.rows - 1) * layer.out_row + layer.n_out, of.delta)
            squares += deltas * (inputs + batch.rows)
    return sqrt(squares)


cdef double norm_bound(const Pass *batch, const Layerwise *layers) noexcept nogil:
    """Return an upper bound of the gradient's norm, with penalties."""
    cdef const Plan *plan = batch.plan
    cdef double bound = loss_bound(batch)
    if layers.penalized:
        bound += layers.l1 * sqrt(<double>plan.n_params)
        bound += layers.l2 * sqrt(sum_squares(plan.n_params, plan.params))
    return bound


cdef bint may_overflow(Guard *guard, const Variables *of, double rate, double norm) noexcept nogil:
    """Move the bound on by a step of this rate and gradient norm, and return whether the step is risky."""
    cdef double growth = guard.growth * (1 + rate * (1 + guard.decay))
    cdef double push = push_bound(rate, norm, guard.decay, guard.bound)
    if not growth * guard.bound + push < guard.limit:
        guard.bound = sqrt(sum_squares(of.n_params, of.params) + sum_squares(of.n_slots * of.stride, of.slots))
        push = push_bound(rate, norm, guard.decay, guard.bound)
    guard.bound = growth * guard.bound + push
    return not guard.bound < guard.limit


cdef int save_variables(Guard *guard, const Variables *of) except -1 nogil:
    """Copy what the coming update changes."""
    cdef Py_ssize_t n = of.n_params, n_slots = of.n_slots * of.stride
    if guard.backup == NULL:
        guard.backup = <real *>malloc((n + n_slots) * sizeof(real))
        if guard.backup == NULL:
            with gil:
                raise MemoryError("no memory for a copy of the parameters")
    memcpy(guard.backup, of.params, n * sizeof(real))
    if n_slots:
        memcpy(guard.backup + n, of.slots, n_slots * sizeof(real))
    memcpy(guard.scalars, of.scalars, sizeof(guard.scalars))
    return 0


cdef bint finite_variables(const Variables *of) noexcept nogil:
    """Return whether all parameters and slots are finite."""
    return every_finite(of.n_params, of.params) and every_finite(of.n_slots * of.stride, of.slots)


cdef void restore_variables(const Guard *guard, const Variables *of) noexcept nogil:
    """Put the copy back."""
    cdef Py_ssize_t n = of.n_params, n_slots = of.n_slots * of.stride
    memcpy(of.params, guard.backup, n * sizeof(real))
    if n_slots:
        memcpy(of.slots, guard.backup + n, n_slots * sizeof(real))
    memcpy(of.scalars, guard.scalars, sizeof(guard.scalars))
