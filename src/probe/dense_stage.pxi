"""A dense layer as the gradient checker's stage: z = W^T x + b, in lanes."""

cdef void dense_fill(const Point *p, const Block *b, int s) noexcept nogil:
    """Write z = W^T x + b."""
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t j, r
    times_weight(t.weight, t.n_in, t.n_out, stage_input(b, s), b.lanes, NULL, b.z[s], &p.worker)
    for j in range(t.n_out if t.bias != NULL else 0):
        for r in range(b.lanes):
            b.z[s][j * b.lanes + r] += t.bias[j]


cdef void dense_spread(const Point *p, const Block *b, int s, real *variance, real *out) noexcept nogil:
    """Write the squared error of z."""
    cdef const Stage *t = &p.stages[s]
    times_weight(p.squares + t.begin, t.n_in, t.n_out, variance, b.lanes, NULL, out, &p.worker)


cdef void dense_pass_on(
    const Point *p, const Block *b, Scratch *w, int s, Py_ssize_t *first, Py_ssize_t *count,
) noexcept nogil:
    """Turn a change of some inputs, w.dz, into one of all units."""
    cdef const Stage *t = &p.stages[s]
    if count[0] == 1:
        rank_one(t.n_out, b.lanes, t.weight + first[0] * t.n_out, w.dz, w.other)
    else:
        times_weight(t.weight, t.n_in, t.n_out, w.dz, b.lanes, NULL, w.other, &w.worker)
    swap(w)
    first[0], count[0] = 0, t.n_out


cdef void dense_move(const Sweep *sweep, Scratch *w, int s, real step, bint moves) noexcept nogil:
    """Write the change of z at params + step * direction into w.dz."""
    cdef const Block *b = sweep.block
    cdef const Stage *t = &sweep.point.stages[s]
    cdef const real *tangent = sweep.tangents[s]
    cdef Py_ssize_t n = t.n_out * b.lanes, q
    if tangent == NULL:
        memset(w.other, 0, n * sizeof(real))
    else:
        if moves:
            times_weight(sweep.direction + t.begin, t.n_in, t.n_out, w.dz, b.lanes, tangent, w.other, &w.worker)
        else:
            memcpy(w.other, tangent, n * sizeof(real))
        for q in range(n):
            w.other[q] *= step
    if moves:
        times_weight(t.weight, t.n_in, t.n_out, w.dz, b.lanes, w.other, w.other, &w.worker)
    swap(w)


cdef const real *dense_rate(const Point *p, const Block *b, int s, Py_ssize_t at) noexcept nogil:
    """Return the input that a weight multiplies, or ones for a bias."""
    cdef const Stage *t = &p.stages[s]
    return stage_input(b, s) + at // t.n_out * b.lanes if at < t.biases - t.begin else p.ones


cdef void dense_tangent(
    const Point *p, const Block *b, int s, const real *direction, const real *da, real *dz,
) noexcept nogil:
    """Write R z."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *bias = direction + t.biases
    cdef Py_ssize_t j, r
    times_weight(direction + t.begin, t.n_in, t.n_out, stage_input(b, s), b.lanes, NULL, dz, &p.worker)
    for j in range(t.n_out if t.bias != NULL else 0):
        for r in range(b.lanes):
            dz[j * b.lanes + r] += bias[j]
    if da != NULL:
        times_weight(t.weight, t.n_in, t.n_out, da, b.lanes, dz, dz, &p.worker)


cdef void add_outer(
    const Point *p, const Block *b, const Stage *t, const real *x, const real *delta, real *out,
) noexcept nogil:
    """Add to out (n_in, n_out) the product x delta^T, with x (n_in, lanes) and delta (n_out, lanes)."""
    product(t.n_in, t.n_out, b.rows, x, b.lanes, 1, delta, b.lanes, TURNED, out, t.n_out, out, t.n_out, &p.worker)


cdef void back_through(
    const Point *p, const Block *b, const Stage *t,
    const real *weight, const real *delta, const real *init, real *before,
) noexcept nogil:
    """Write before (n_in, lanes) = init + W delta, with delta (n_out, lanes)."""
    product(
        t.n_in, b.lanes, t.n_out, weight, t.n_out, 1, delta, b.lanes, ROWS, init, b.lanes, before, b.lanes, &p.worker,
    )


cdef void dense_curve(
    const Point *p, const Block *b, int s, const real *direction, const Tangent *of, real *out,
) noexcept nogil:
    """Add R of the gradient to out, and go back to the inputs."""
    cdef const Stage *t = &p.stages[s]
    cdef real *bias = out + t.biases
    cdef Py_ssize_t size = p.widest * b.lanes, j, r
    add_outer(p, b, t, stage_input(b, s), of.d_delta, out + t.begin)
    if s > p.lowest:
        add_outer(p, b, t, of.da[s - 1], of.delta, out + t.begin)
    for j in range(t.n_out if t.bias != NULL else 0):
        for r in range(b.rows):
            bias[j] += of.d_delta[j * b.lanes + r]
    if s > p.lowest:
        back_through(p, b, t, t.weight, of.d_delta, NULL, of.spare)
        back_through(p, b, t, direction + t.begin, of.delta, of.spare, of.spare)
        back_through(p, b, t, t.weight, of.delta, NULL, of.spare + size)
        memcpy(of.d_delta, of.spare, t.n_in * b.lanes * sizeof(real))
        memcpy(of.delta, of.spare + size, t.n_in * b.lanes * sizeof(real))


cdef StageKind DENSE_STAGE = StageKind(
    dense_fill, dense_spread, dense_pass_on, dense_move, dense_rate, dense_tangent, dense_curve,
    is_product=True, normalizes=False,
)
