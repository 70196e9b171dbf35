"""The Hessian of the loss times a vector, exactly: a derivative carried forward, then backward.

Design
------
- For a function R(.) = d/dt (.) at params + t v, R of every formula of forward and backward follows from the chain rule
  (Pearlmutter 1994, Neural Computation 6): as much work as two gradients, and no step to choose.
- Second derivatives are 0 at kinks, and so is the curvature of what is piecewise linear.
- Samples are summed block by block, in order, by one thread.
"""

cdef struct Tangent:        # scratch; per stage, or of the widest
    real **dz               # per stage: (n_out, lanes), R z
    real **da               # per stage: (n_out, lanes), R a
    real *delta             # (widest, lanes): d loss / d a, then d loss / d z
    real *d_delta           # (widest, lanes): R of it
    real *spare             # 2 (widest, lanes)


cdef inline bint stage_moves(const Point *p, const real *direction, int s) noexcept nogil:
    """Return whether a direction (n_params,) moves a parameter of stage s."""
    return any_change(p.stages[s].end - p.stages[s].begin, direction + p.stages[s].begin)


cdef void tangent_forward(const Point *p, const Block *b, const real *direction, const Tangent *of) noexcept nogil:
    """Compute R z and R a of every stage from the first with parameters on."""
    cdef const Stage *t
    cdef Py_ssize_t n
    cdef int s
    for s in range(p.lowest, p.n_stages):
        t = &p.stages[s]
        n = t.n_out * b.lanes
        t.kind.tangent(p, b, s, direction, of.da[s - 1] if s > p.lowest else NULL, of.dz[s])
        memcpy(of.da[s], of.dz[s], n * sizeof(real))
        times_slope(t, b.z[s], b.f[s], of.da[s], n)
        if b.mask[s] != NULL:
            multiply(n, b.mask[s], of.da[s])


cdef void pointwise_tangent(const Point *p, const Block *b, const Tangent *of) noexcept nogil:
    """Compute the slopes of a pointwise loss, and R of them."""
    cdef Py_ssize_t n = p.k * b.lanes
    cdef const real *z = b.outputs.z
    p.of.loss.values(z, b.outputs.target, n, p.of.option, of.spare, of.delta)
    if p.of.loss.curvatures == NULL:
        memset(of.d_delta, 0, n * sizeof(real))    # straight pieces
    else:
        p.of.loss.curvatures(z, b.outputs.target, n, p.of.option, of.d_delta)
    multiply(n, of.da[p.n_stages - 1], of.d_delta)


cdef void softmax_tangent(const Point *p, const Block *b, const Tangent *of) noexcept nogil:
    """Compute the slopes of cross-entropy, target_sum * softmax - target, and R of them."""
    cdef const real *dz = of.da[p.n_stages - 1]
    cdef real *delta = of.delta
    cdef real *d_delta = of.d_delta
    cdef real *mean = of.spare
    cdef Py_ssize_t j, r, at
    memset(mean, 0, b.lanes * sizeof(real))
    for j in range(p.k):
        for r in range(b.lanes):
            at = j * b.lanes + r
            mean[r] += b.outputs.softmax[at] * dz[at]
    for j in range(p.k):
        for r in range(b.lanes):
            at = j * b.lanes + r
            d_delta[at] = b.outputs.target_sum[r] * b.outputs.softmax[at] * (dz[at] - mean[r])
            delta[at] = b.outputs.target_sum[r] * b.outputs.softmax[at] - b.outputs.target[at]


cdef void output_tangent(const Point *p, const Block *b, const Tangent *of) noexcept nogil:
    """Compute d loss / d outputs, and R of it."""
    cdef Py_ssize_t j, r
    cdef real factor = <real>p.factor
    p.terms.tangent(p, b, of)
    for j in range(p.k):
        for r in range(b.lanes):
            of.delta[j * b.lanes + r] *= factor * b.weight[r]
            of.d_delta[j * b.lanes + r] *= factor * b.weight[r]


cdef void stage_tangent(const Point *p, const Block *b, int s, const Tangent *of) noexcept nogil:
    """Turn d loss / d a and R of it into the same of z, in place."""
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t n = t.n_out * b.lanes, q
    cdef real *bent = of.spare
    if b.mask[s] != NULL:
        multiply(n, b.mask[s], of.delta)
        multiply(n, b.mask[s], of.d_delta)
    times_slope(t, b.z[s], b.f[s], of.d_delta, n)
    memcpy(bent, of.dz[s], n * sizeof(real))
    times_curvature(t, b.z[s], b.f[s], bent, n)
    for q in range(n):
        of.d_delta[q] += of.delta[q] * bent[q]
    times_slope(t, b.z[s], b.f[s], of.delta, n)


cdef void add_curvature(
    const Point *p, const Block *b, const real *direction, const Tangent *of, real *out,    # (n_params,) both
) noexcept nogil:
    """Add the block's share of the Hessian times the direction to out."""
    cdef int s
    tangent_forward(p, b, direction, of)
    output_tangent(p, b, of)
    for s in range(p.n_stages - 1, p.lowest - 1, -1):
        stage_tangent(p, b, s, of)
        p.stages[s].kind.curve(p, b, s, direction, of, out)
