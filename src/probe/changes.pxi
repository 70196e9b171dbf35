"""What a loss changes by when parameters move, and the roundoff and the signs that go with it.

Design
------
- Every stage turns a change of its inputs into one of its outputs: dz = W^T da, da = f(z + dz) - f(z). f is the
  kernels' own; no derivative is used but on straight pieces. What does not move has a change of exactly 0, and no
  roundoff; what moves by less than a bent f can tell has a change of 0, and the roundoff of what depends on it.
- A parameter of one stage moves one unit, by rank one the next dense stage, and by products those behind it.
- A sample's loss is subtracted from the same sample's before, output by output; cross-entropy has softmax.pxi.
- Roundoff is that of the outputs at the parameters as they are (stages.pxi), times the loss's slope at the moved point,
  and that of the loss's terms.
- A pattern is a sum of a random number for every sign that has changed: it does not depend on the order, and is 0 where
  no sign has.
"""

cdef enum:
    KINK_SITE = 100000       # of signs: above any stage's number, times the kinks before
    LOSS_SITE = 1000000
    PENALTY_SITE = 2000000

cdef inline int sign_of(double x) noexcept nogil:
    """Return -1, 0 or 1; 0 for NaN."""
    return <int>(x > 0) - <int>(x < 0)


cdef inline uint64_t sign_change(
    uint64_t site, uint64_t unit, uint64_t row, double before, double after,
) noexcept nogil:
    """Return what a quantity adds to the pattern when it moves."""
    return key_of(site, unit, 4 * row + <uint64_t>(1 + sign_of(after))) \
        - key_of(site, unit, 4 * row + <uint64_t>(1 + sign_of(before)))


cdef uint64_t sign_changes(
    const Block *b, uint64_t site, Py_ssize_t first, Py_ssize_t count,    # units
    real kink, const real *before, const real *after,                     # (count, lanes)
) noexcept nogil:
    """Return what quantities that pass a kink add to the pattern."""
    cdef Py_ssize_t j, r, at
    cdef uint64_t found = 0
    if not sides_differ(count * b.lanes, kink, before, after):
        return 0
    for j in range(count):
        for r in range(b.rows):
            at = j * b.lanes + r
            if sign_of(before[at] - kink) != sign_of(after[at] - kink):
                found += sign_change(site, first + j, b.first + r, before[at] - kink, after[at] - kink)
    return found


cdef inline void swap(Scratch *w) noexcept nogil:
    """Make `other` the change."""
    w.dz, w.other = w.other, w.dz


cdef void move_stage(
    const Point *p, const Block *b, Scratch *w, int s, Py_ssize_t first, Py_ssize_t count,
) noexcept nogil:
    """Compute the outputs of some units (count, lanes) from dz, in w.a, and their changes, in w.dz.

    Outputs that are linear change as z does, and are left to the loss.
    """
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t at = first * b.lanes, n = count * b.lanes, q
    cdef const real *z = b.z[s] + at
    cdef const real *a = b.a[s] + at
    cdef real *moved = w.z
    cdef real *out = w.a
    cdef real *change = w.dz
    cdef const real *mask = NULL
    cdef int i
    if p.linear and s == p.n_stages - 1:
        return
    for q in range(n):
        moved[q] = z[q] + change[q]
    for i in range(t.layer.activation.n_all_kinks):
        w.pattern += sign_changes(b, s + i * KINK_SITE, first, count, t.layer.activation.all_kinks[i], z, moved)
    stage_activate(t, moved, out, n)
    if b.mask[s] != NULL:
        mask = b.mask[s] + at
        multiply(n, mask, out)
    if t.layer.activation.straight:
        piece_change(n, &t.pieces, z, moved, out, a, mask, change)
        return
    for q in range(n):
        change[q] = out[q] - a[q]


cdef void follow(
    const Point *p, const Block *b, Scratch *w, int s, Py_ssize_t first, Py_ssize_t count,
    Py_ssize_t *low, Py_ssize_t *high,    # the outputs that have moved, in w.a and w.dz
) noexcept nogil:
    """Pass the changes of some outputs of stage s, in w.dz, on to the network's outputs, or to one unit on its line."""
    cdef const Stage *next
    while s < p.n_stages - 1:
        if count == 1 and p.stages[s].layer.activation.straight and not any_change(b.lanes, w.dz):
            low[0], high[0] = 0, 0
            return
        next = &p.stages[s + 1]
        if count == 1 and next.kind.is_product and all_within(b.lanes, w.dz, line_reach(p, b, s, first)):
            w.unit, low[0], high[0] = first, 0, p.k
            return
        next.kind.pass_on(p, b, w, s + 1, &first, &count)
        s += 1
        move_stage(p, b, w, s, first, count)
    low[0], high[0] = first, first + count


cdef void pointwise_changes(
    const Point *p, const Block *b, Scratch *w, Py_ssize_t low, Py_ssize_t high,
) noexcept nogil:
    """Compute changes and roundoff of the lanes' losses where outputs low … high have become w.a."""
    cdef Py_ssize_t at = low * b.lanes, count = high - low, n = count * b.lanes
    cdef const real *z = b.outputs.z + at
    cdef const real *y = b.outputs.target + at
    cdef real *value = w.dz
    cdef real *slope = w.other
    cdef const Loss *loss = p.of.loss
    cdef int which
    memset(w.change, 0, b.lanes * sizeof(real))
    memset(w.noise, 0, b.lanes * sizeof(real))
    for which in range(loss.n_all_kinks):
        loss.all_kinks(which, z, y, n, p.of.option, value)
        loss.all_kinks(which, w.a, y, n, p.of.option, slope)
        w.pattern += sign_changes(b, LOSS_SITE + which, low, count, 0, value, slope)
    loss.values(w.a, y, n, p.of.option, value, slope)
    add_pointwise(&b.outputs, low, count, value, slope, w.a, w.change, w.noise)


cdef void loss_changes(
    const Point *p, const Block *b, Scratch *w, Py_ssize_t low, Py_ssize_t high, double *change, double *noise,
) noexcept nogil:
    """Add what outputs low … high, moved to w.a, change the sum of the block's losses by, and its roundoff."""
    p.terms.changes(p, b, w, low, high)
    change[0] += lane_sum(b.rows, b.weight, w.change)
    noise[0] += lane_sum(b.rows, b.weight, w.noise)


cdef inline int stage_of(const Point *p, Py_ssize_t index) noexcept nogil:
    """Return the stage that a parameter belongs to."""
    cdef int s = 0
    while index >= p.stages[s].end:
        s += 1
    return s


cdef void move_parameter(
    const Point *p, const Block *b, Scratch *w, Py_ssize_t index, real step, Py_ssize_t *low, Py_ssize_t *high,
) noexcept nogil:
    """Compute outputs low … high after one parameter has moved, in w.a; or the unit that has moved, on its line."""
    cdef int s = stage_of(p, index), seen
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t at = index - t.begin, unit = at % t.n_out, r
    cdef const real *x = t.kind.rate(p, b, s, at)
    cdef const real *mask = NULL
    cdef real *dz = w.dz
    low[0], high[0] = 0, 0
    if t.layer.activation.straight and s < p.n_stages - 1:
        if b.mask[s] != NULL:
            mask = b.mask[s] + unit * b.lanes
        seen = straight_change(
            b.lanes, step, &t.pieces, line_reach(p, b, s, unit), x, b.z[s] + unit * b.lanes, mask, dz,
        )
        if not seen & REACHES_KINK:
            if seen == CHANGES:
                w.unit, high[0] = unit, p.k
            elif seen & CHANGES:
                follow(p, b, w, s, unit, 1, low, high)
            return
    if not any_change(b.lanes, x):
        return
    for r in range(b.lanes):
        dz[r] = step * x[r]
    move_stage(p, b, w, s, unit, 1)
    follow(p, b, w, s, unit, 1, low, high)


cdef double penalty_change(
    const Point *p, const Stage *t, Py_ssize_t index, double step, double *size, uint64_t *pattern,
) noexcept nogil:
    """Return the change of a weight's penalty when it moves by `step`, exact but for a few roundings of its terms.

    Their sizes are added to `size`.
    """
    cdef double at = p.plan.params[index], moved = at + step
    cdef double lines = t.l1 * step * sign_of(at)
    cdef double parabola = t.l2 * step * (at + step / 2)
    if sign_of(moved) != sign_of(at):
        lines = t.l1 * ((moved if moved > 0 else -moved) - (at if at > 0 else -at))
        if t.l1 != 0:
            pattern[0] += sign_change(PENALTY_SITE, index, 0, at, moved)
    size[0] += (lines if lines > 0 else -lines) + (parabola if parabola > 0 else -parabola)
    return lines + parabola


cdef void add_penalty_curvature(const Point *p, const real *direction, real *out) noexcept nogil:
    """Add the Hessian of all weights' penalty times the direction to out, both (n_params,); l1 has none."""
    cdef const Stage *t
    cdef Py_ssize_t index
    cdef int s
    for s in range(p.n_stages):
        t = &p.stages[s]
        for index in range(t.begin, t.biases):
            out[index] += <real>t.l2 * direction[index]
