"""Penalties and clipping within a step: the gradient that the optimizer sees, and weights that l1 keeps at exactly 0.

Design
------
- l2/2 w^2 is smooth, so its derivative joins the gradient. l1 |w| has a kink at 0, so it takes a proximal step. That is
  written as a step along g + l1 s, where s is the sign of w. At w = 0, s is the sign of -g if |g| > l1, and else the
  step is 0. So moments and clipping see the whole gradient, and a weight stays where the objective is stationary.
- Plain gradient descent makes w = soft(w - rate g, rate l1), soft(v, t) = sign(v) max(|v| - t, 0): Duchi and Singer
  (2009), "Efficient online and batch learning using forward backward splitting"; Parikh and Boyd (2014), "Proximal
  algorithms". If w crosses 0, the sign of s flips, so the result is corrected by 2 rate l1.
- With momentum or a rate per parameter there is no such correction, because the moments have already seen the
  gradient. There a weight may not change its sign in one step, and stops at 0 instead: Andrew and Gao (2007), "Scalable
  training of L1-regularized log-linear models".
- Gradients of single rows are noisy, and a proximal step leaves 0 whenever one exceeds l1. The cumulative penalty
  follows the sum of the gradients instead: Tsuruoka, Tsujii and Ananiadou (2009), "Stochastic gradient descent training
  for L1-regularized log-linear models with cumulative penalty". After a step along the gradient without l1, a weight is
  clipped towards 0 by what it has not yet received of u = l1 times the sum of the rates. Here u and what was received
  are kept divided by l1. A weight that is not clipped to 0 has received all, -u or u by its sign, with no rounding.
- The step itself is along the same g + l1 s, with s = 0 at w = 0, which is what norms and clipping see. l1 s is then
  taken back.
"""


cdef void add_penalty(Py_ssize_t n, const real *w, real l1, real l2, real *g) noexcept nogil:
    """Add the derivative of l1 |w| + l2/2 w^2 to g (n,); the derivative of |w| at 0 counts as 0."""
    cdef Py_ssize_t i
    for i in range(n):
        g[i] += l2 * w[i] + l1 * (<real>(w[i] > 0) - <real>(w[i] < 0))


cdef void pull(Py_ssize_t n, const real *w, real l1, real l2, real *g) noexcept nogil:
    """Add the derivative of l1 |w| + l2/2 w^2 to g (n,). At w = 0 the sum becomes its smallest subgradient."""
    cdef Py_ssize_t i
    cdef real rest
    if l1 == 0:
        add_penalty(n, w, 0, l2, g)
        return
    for i in range(n):
        rest = real_abs(g[i]) - l1
        rest = 0 if rest < 0 else rest    # NaN stays
        if w[i] == 0:
            g[i] = rest if g[i] > 0 else -rest
        else:
            g[i] += l2 * w[i] + (l1 if w[i] > 0 else -l1)


cdef inline void pull_for(
    const Update *u, Py_ssize_t n, const real *w, real l1, real l2, real *g,
) noexcept nogil:
    """Add the derivative of the penalty to g (n,), in the form that the rule's step uses."""
    if is_cumulative(u):
        add_penalty(n, w, l1, l2, g)
    else:
        pull(n, w, l1, l2, g)


cdef inline void take_penalty(Py_ssize_t n, real l1, real rate_sum, real *w, real *received) noexcept nogil:
    """Clip n weights towards 0 by what they have not received of a cumulative penalty."""
    cdef real side, cut, rest
    cdef Py_ssize_t i
    for i in range(n):
        side = <real>(w[i] > 0) - <real>(w[i] < 0)
        cut = rate_sum + side * received[i]
        cut = l1 * (cut if cut > 0 else 0)
        rest = w[i] - side * cut
        received[i] = received[i] - w[i] / l1 if real_abs(w[i]) <= cut else -side * rate_sum
        w[i] = 0 if real_abs(w[i]) <= cut else rest    # NaN stays


cdef void cumulative_some(
    const Update *u, real l1, real *p, const real *g, real *received, Py_ssize_t n,
) noexcept nogil:
    """Update at most SIDES parameters as `proximal_apply` does, under a cumulative penalty."""
    cdef real back[SIDES]
    cdef real move = l1 * u.scale * <real>u.learning_rate
    cdef Py_ssize_t i
    for i in range(n):
        back[i] = move * (<real>(p[i] > 0) - <real>(p[i] < 0))
    update_apply(u, p, g, received, 0, n)
    for i in range(n):
        p[i] += back[i]
    take_penalty(n, l1, <real>u.c[RATE_SUM], p, received)


cdef void proximal_some(
    const Update *u, real l1, real *p, const real *g, real *slots, Py_ssize_t stride, Py_ssize_t n,
) noexcept nogil:
    """Update at most SIDES parameters as `proximal_apply` does."""
    cdef real sides[SIDES]
    cdef real correction = 2 * l1 * u.scale * <real>u.learning_rate if is_memoryless(u) else <real>INFINITY
    cdef real side, beyond
    cdef Py_ssize_t i
    for i in range(n):
        side = p[i] if p[i] != 0 else -g[i]
        sides[i] = <real>(side > 0) - <real>(side < 0)
    update_apply(u, p, g, slots, stride, n)
    for i in range(n):
        beyond = p[i] + sides[i] * correction
        beyond = beyond if beyond * sides[i] < 0 else 0
        p[i] = beyond if p[i] * sides[i] <= 0 else p[i]    # NaN stays


cdef inline void proximal_apply(
    const Update *u,           # after update_begin
    real l1,                   # 0 for an ordinary update
    real *p,                   # (n,) parameters, updated
    const real *g,             # (n,) gradient, after `pull_for`
    real *slots,               # as in update_apply
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Update n parameters; l1 keeps them from crossing 0 unless the loss pulls harder."""
    cdef Py_ssize_t at = 0
    if l1 == 0:
        update_apply(u, p, g, slots, stride, n)
        return
    while at < n:
        if is_cumulative(u):
            cumulative_some(u, l1, p + at, g + at, slots + at, min(<Py_ssize_t>SIDES, n - at))
        else:
            proximal_some(
                u, l1, p + at, g + at, NULL if slots == NULL else slots + at, stride, min(<Py_ssize_t>SIDES, n - at),
            )
        at += SIDES


cdef bint clip_values(Py_ssize_t n, real limit, real *g) noexcept nogil:
    """Clip n numbers to [-limit, limit], and return whether one was outside; NaN stays."""
    cdef Py_ssize_t i
    cdef int outside = 0
    for i in range(n):
        outside |= (g[i] > limit) | (g[i] < -limit)
        g[i] = limit if g[i] > limit else -limit if g[i] < -limit else g[i]
    return outside
