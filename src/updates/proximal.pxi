"""Penalties and clipping within a step: what the optimizer sees, and weights that l1 holds at exactly 0.

Design
------
- l1 |w| has a corner at 0 and l2/2 w^2 has none, so l2 joins the gradient and l1 takes a proximal step. It is written
  as a step along g + l1 s, s being the sign of the side the weight is on; at 0 that of the side the loss pulls to
  where it pulls harder than l1, else 0. So every rule's moments see the whole gradient, clipping does too, and a weight
  rests where the whole objective is stationary.
- Plain gradient descent makes w = soft(w - rate g, rate l1), soft(v, t) = sign(v) max(|v| - t, 0): Duchi and Singer
  (2009), "Efficient online and batch learning using forward backward splitting"; Parikh and Boyd (2014), "Proximal
  algorithms". Behind 0 the sign of s has changed, by 2 rate l1 all in all.
- With momentum or a rate for each parameter no such number exists: what the moments have seen cannot be taken back.
  There a weight keeps its orthant for a step and stops at 0 where it would leave it: Andrew and Gao (2007), "Scalable
  training of L1-regularized log-linear models".
"""


cdef void add_penalty(Py_ssize_t n, const real *w, real l1, real l2, real *g) noexcept nogil:
    """g += the derivative of l1 |w| + l2/2 w^2, n numbers; 0 for |w| at 0."""
    cdef Py_ssize_t i
    for i in range(n):
        g[i] += l2 * w[i] + l1 * (<real>(w[i] > 0) - <real>(w[i] < 0))


cdef void pull(Py_ssize_t n, const real *w, real l1, real l2, real *g) noexcept nogil:
    """g += the derivative of l1 |w| + l2/2 w^2, n numbers; at w = 0 the subgradient of the sum that is least."""
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


cdef void proximal_some(
    const Update *u, real l1, real *p, const real *g, real *slots, Py_ssize_t stride, Py_ssize_t n,
) noexcept nogil:
    """At most SIDES of what `proximal_apply` updates."""
    cdef real sides[SIDES]
    cdef real turn = 2 * l1 * u.scale * <real>u.learning_rate if is_memoryless(u) else <real>INFINITY
    cdef real side, beyond
    cdef Py_ssize_t i
    for i in range(n):
        side = p[i] if p[i] != 0 else -g[i]
        sides[i] = <real>(side > 0) - <real>(side < 0)
    update_apply(u, p, g, slots, stride, n)
    for i in range(n):
        beyond = p[i] + sides[i] * turn
        beyond = beyond if beyond * sides[i] < 0 else 0
        p[i] = beyond if p[i] * sides[i] <= 0 else p[i]    # NaN stays


cdef inline void proximal_apply(
    const Update *u,           # after update_begin
    real l1,                   # 0: an update like any other
    real *p,                   # (n,) parameters, updated
    const real *g,             # (n,) gradient, after `pull`
    real *slots,               # as in update_apply
    Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """The update of n parameters, none of which gets to the other side of 0 against l1."""
    cdef Py_ssize_t at = 0
    if l1 == 0:
        update_apply(u, p, g, slots, stride, n)
        return
    while at < n:
        proximal_some(
            u, l1, p + at, g + at, NULL if slots == NULL else slots + at, stride, min(<Py_ssize_t>SIDES, n - at),
        )
        at += SIDES


cdef bint clip_values(Py_ssize_t n, real most, real *g) noexcept nogil:
    """Bring n numbers into [-most, most] -> whether any was outside; NaN stays."""
    cdef Py_ssize_t i
    cdef int outside = 0
    for i in range(n):
        outside |= (g[i] > most) | (g[i] < -most)
        g[i] = most if g[i] > most else -most if g[i] < -most else g[i]
    return outside
