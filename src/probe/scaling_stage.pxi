"""A layer that scales as the gradient checker's stage: z = (x - shift) * factor + offset, or x; unit by unit."""

cdef void times_factor(
    const Stage *t, Py_ssize_t first, Py_ssize_t count, Py_ssize_t lanes, real *x,    # units; (count, lanes)
) noexcept nogil:
    """Multiply x by the factor of its unit."""
    cdef Py_ssize_t j, r
    for j in range(count if t.layer.factor != NULL else 0):
        for r in range(lanes):
            x[j * lanes + r] *= t.layer.factor[first + j]


cdef void scaling_fill(const Point *p, const Block *b, int s) noexcept nogil:
    """Write z."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *x = stage_input(b, s)
    cdef Py_ssize_t j, r, at
    cdef real shift, factor
    for j in range(t.n_out):
        shift = t.layer.shift[j] if t.layer.factor != NULL else <real>0
        factor = t.layer.factor[j] if t.layer.factor != NULL else <real>1
        for r in range(b.lanes):
            at = j * b.lanes + r
            b.z[s][at] = (x[at] - shift) * factor + t.layer.offset


cdef void scaling_spread(const Point *p, const Block *b, int s, real *variance, real *out) noexcept nogil:
    """Write the squared error of z."""
    cdef const Stage *t = &p.stages[s]
    times_factor(t, 0, t.n_out, b.lanes, variance)
    times_factor(t, 0, t.n_out, b.lanes, variance)
    memcpy(out, variance, t.n_out * b.lanes * sizeof(real))


cdef void scaling_pass_on(
    const Point *p, const Block *b, Scratch *w, int s, Py_ssize_t *first, Py_ssize_t *count,
) noexcept nogil:
    """Turn a change of some inputs into one of the same units."""
    times_factor(&p.stages[s], first[0], count[0], b.lanes, w.dz)


cdef void scaling_move(const Sweep *sweep, Scratch *w, int s, real step, bint moves) noexcept nogil:
    """Turn a change of all inputs into one of z."""
    times_factor(&sweep.point.stages[s], 0, sweep.point.stages[s].n_out, sweep.block.lanes, w.dz)


cdef void scaling_tangent(
    const Point *p, const Block *b, int s, const real *direction, const real *da, real *dz,
) noexcept nogil:
    """Write R z, of inputs whose R is da."""
    cdef const Stage *t = &p.stages[s]
    memcpy(dz, da, t.n_out * b.lanes * sizeof(real))
    times_factor(t, 0, t.n_out, b.lanes, dz)


cdef void scaling_curve(
    const Point *p, const Block *b, int s, const real *direction, const Tangent *of, real *out,
) noexcept nogil:
    """Go back to the inputs."""
    cdef const Stage *t = &p.stages[s]
    times_factor(t, 0, t.n_out, b.lanes, of.delta)
    times_factor(t, 0, t.n_out, b.lanes, of.d_delta)


cdef StageKind SCALING_STAGE = StageKind(
    scaling_fill, scaling_spread, scaling_pass_on, scaling_move, NULL, scaling_tangent, scaling_curve,
    is_product=False, normalizes=False,
)
