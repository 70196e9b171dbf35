"""What cross-entropy changes by when logits move.

Design
------
- log sum exp(z + d) - log sum exp(z) = log(1 + sum p (exp(d) - 1)), p being the probabilities: no term is larger than
  the move, and near moves need a few terms of a series. Far ones, and those that are not numbers, take the difference
  of the logarithms.
- A weight of the last hidden stage moves one unit, and the logits along a line, d_j = w_j x. The sum over outputs is a
  polynomial in x then, with coefficients sum_j p_j w_j^n / n! that belong to the unit: made once for a block, they
  serve all of its weights at the price of one logit, however many there are.
"""

cdef extern from "probe/softmax.h" nogil:
    const real NEAR
    const int LINE_ROWS
    bint all_within(Py_ssize_t n, const real *x, real reach) noexcept
    void softmax_slopes(const Outputs *of, Py_ssize_t k, const real *total) noexcept
    void near_logits(
        const Outputs *of, Py_ssize_t first, Py_ssize_t count, const real *d, real *growth, real *line, real *noise,
    ) noexcept
    void near_change(
        Py_ssize_t lanes, const real *target_sum, const real *growth, const real *line, real *change, real *noise,
    ) noexcept
    void line_terms(
        Py_ssize_t k, Py_ssize_t lanes, const real *weight, const real *softmax, const real *target, const real *touch,
        real *terms,
    ) noexcept
    void line_change(
        Py_ssize_t lanes, const real *x, const real *terms, const real *still, const real *target_sum, real *change,
        real *noise,
    ) noexcept
    void add_exponentials(Py_ssize_t lanes, const real *z, const real *top, real *e, real *total) noexcept
    void tops(Py_ssize_t k, Py_ssize_t lanes, const real *z, real *top) noexcept
    void add_log_totals(
        const Outputs *of, const real *top, real *total, real *share, real *change, real *noise,
    ) noexcept
    void add_logits(
        const Outputs *of, Py_ssize_t first, Py_ssize_t count, const real *d, const real *e, const real *share,
        real *change, real *noise,
    ) noexcept


cdef void softmax_fill(const Point *p, const Block *b, real *scratch) noexcept nogil:
    """Compute smoothed targets, exponentials and probabilities of a block's logits, and the roundoff of their moves."""
    cdef const real *z = b.outputs.z
    cdef real even = p.of.option / p.k, keep = <real>1 - p.of.option
    cdef Py_ssize_t j, r
    memset(b.outputs.target_sum, 0, b.lanes * sizeof(real))
    for j in range(p.k):
        for r in range(b.lanes):
            b.outputs.target[j * b.lanes + r] = even + keep * b.outputs.target[j * b.lanes + r]
            b.outputs.target_sum[r] += b.outputs.target[j * b.lanes + r]
    for r in range(b.lanes):
        b.outputs.top[r] = -INFINITY
        b.outputs.log_total[r] = 0
    tops(p.k, b.lanes, z, b.outputs.top)
    for j in range(p.k):
        add_exponentials(b.lanes, z + j * b.lanes, b.outputs.top, b.outputs.value + j * b.lanes, b.outputs.log_total)
    softmax_slopes(&b.outputs, p.k, b.outputs.log_total)
    for r in range(b.lanes):
        b.outputs.log_total[r] = real_log(b.outputs.log_total[r])


cdef inline bint has_lines(const Point *p) noexcept nogil:
    """Return whether units of the last hidden stage move the logits along lines."""
    return p.linear and p.n_stages > 1 and p.k >= MIN_LINE_OUTPUTS


cdef void fill_lines(const Point *p, Block *b) noexcept nogil:
    """Compute the coefficients of every unit of the last hidden stage, and how far it may move to stay near."""
    cdef const Stage *last = &p.stages[p.n_stages - 1]
    cdef const real *weight
    cdef real steepest
    cdef Py_ssize_t unit, j
    if b.lined == b.first:
        return
    b.lined = b.first
    for unit in range(last.n_in):
        weight = last.weight + unit * p.k
        line_terms(
            p.k, b.lanes, weight, b.outputs.softmax, b.outputs.target, b.outputs.touch,
            b.line + unit * LINE_ROWS * b.lanes,
        )
        steepest = 0
        for j in range(p.k):
            steepest = steepest if real_abs(weight[j]) <= steepest else real_abs(weight[j])
        b.reach[unit] = NEAR / steepest if steepest <= MAX_STEEPNESS else <real>-1


cdef inline real line_reach(const Point *p, const Block *b, int s, Py_ssize_t unit) noexcept nogil:
    """Return how far the outputs of a unit of stage s may move to stay near on its line; below 0 if it has none."""
    return b.reach[unit] if s == p.n_stages - 2 and b.lined == b.first else <real>-1


cdef void line_changes(const Point *p, const Block *b, Scratch *w) noexcept nogil:
    """Compute changes and roundoff of the lanes' losses where a unit has moved by w.dz."""
    cdef const real *terms = b.line + w.unit * LINE_ROWS * b.lanes
    line_change(b.lanes, w.dz, terms, b.outputs.still + p.k * b.lanes, b.outputs.target_sum, w.change, w.noise)


cdef void near_changes(const Point *p, const Block *b, Scratch *w, Py_ssize_t low, Py_ssize_t high) noexcept nogil:
    """Compute the same if outputs low … high, one or all, have moved by w.dz, and none far."""
    cdef Py_ssize_t lanes = b.lanes, at = low * lanes
    memcpy(w.noise, b.outputs.still + (p.k * lanes if high - low == p.k else at), lanes * sizeof(real))
    near_logits(&b.outputs, low, high - low, w.dz, w.lane, w.lane + lanes, w.noise)
    near_change(lanes, b.outputs.target_sum, w.lane, w.lane + lanes, w.change, w.noise)


cdef void far_changes(const Point *p, const Block *b, Scratch *w, Py_ssize_t low, Py_ssize_t high) noexcept nogil:
    """Compute the same, however far they have moved."""
    cdef Py_ssize_t lanes = b.lanes, at = low * lanes, j, q
    cdef const real *z = b.outputs.z
    cdef const real *out
    cdef real *top = w.lane
    cdef real *total = w.lane + lanes
    cdef real *share = w.lane + 2 * lanes
    for q in range((high - low) * lanes):
        w.a[q] = z[at + q] + w.dz[q]
        w.dz[q] = w.a[q] - z[at + q]
    for q in range(lanes):
        top[q] = -INFINITY
        total[q] = 0
        w.change[q] = 0
        w.noise[q] = 0
    tops(low, lanes, z, top)
    tops(high - low, lanes, w.a, top)
    tops(p.k - high, lanes, z + high * lanes, top)
    for j in range(p.k):
        out = z + j * lanes
        if low <= j < high:
            out = w.a + (j - low) * lanes
        add_exponentials(lanes, out, top, w.other + j * lanes, total)
    add_log_totals(&b.outputs, top, total, share, w.change, w.noise)
    add_logits(&b.outputs, low, high - low, w.dz, w.other + at, share, w.change, w.noise)


cdef double softmax_total(const Point *p, const Block *b, real *lane) noexcept nogil:
    """Return the weighted sum of the samples' losses; lane (lanes,) is scratch."""
    cdef const real *z = b.outputs.z
    cdef Py_ssize_t j, r, at
    for r in range(b.lanes):
        lane[r] = b.outputs.target_sum[r] * b.outputs.log_total[r]
    for j in range(p.k):
        for r in range(b.lanes):
            at = j * b.lanes + r
            if b.outputs.target[at] != 0:        # or a logit of -infinity would make NaN of a class that is not meant
                lane[r] -= b.outputs.target[at] * (z[at] - b.outputs.top[r])
    return lane_sum(b.rows, b.weight, lane)


cdef void softmax_changes(
    const Point *p, const Block *b, Scratch *w, Py_ssize_t low, Py_ssize_t high,
) noexcept nogil:
    """Compute changes and roundoff of the lanes' losses where outputs low … high moved, or one unit on its line."""
    if w.unit >= 0:
        line_changes(p, b, w)
    elif all_within((high - low) * b.lanes, w.dz, NEAR):
        near_changes(p, b, w, low, high)
    else:
        far_changes(p, b, w, low, high)
