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
    """Whether a direction (n_params,) moves a parameter of stage s."""
    return any_change(p.stages[s].end - p.stages[s].begin, direction + p.stages[s].begin)


cdef void weight_tangent(
    const Point *p, const Block *b, int s, const real *direction, real *dz,    # (n_params,), (n_out, lanes)
) noexcept nogil:
    """How fast z of stage s moves along a direction while its inputs stay."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *bias = direction + t.biases
    cdef Py_ssize_t j, r
    times_weight(direction + t.begin, t.n_in, t.n_out, stage_input(b, s), b.lanes, NULL, dz, &p.worker)
    for j in range(t.n_out if t.bias != NULL else 0):
        for r in range(b.lanes):
            dz[j * b.lanes + r] += bias[j]


cdef void tangent_forward(const Point *p, const Block *b, const real *direction, const Tangent *of) noexcept nogil:
    """R z and R a of every stage from the first with parameters on."""
    cdef const Stage *t
    cdef Py_ssize_t n
    cdef int s
    for s in range(p.lowest, p.n_stages):
        t = &p.stages[s]
        n = t.n_out * b.lanes
        if t.weight == NULL:
            memcpy(of.dz[s], of.da[s - 1], n * sizeof(real))
            times_factor(t, 0, t.n_out, b.lanes, of.dz[s])
        else:
            weight_tangent(p, b, s, direction, of.dz[s])
            if s > p.lowest:
                times_weight(t.weight, t.n_in, t.n_out, of.da[s - 1], b.lanes, of.dz[s], of.dz[s], &p.worker)
        memcpy(of.da[s], of.dz[s], n * sizeof(real))
        times_slope(t, b.z[s], b.f[s], of.da[s], n)
        if b.mask[s] != NULL:
            multiply(n, b.mask[s], of.da[s])


cdef void pointwise_tangent(const Point *p, const Block *b, const Tangent *of) noexcept nogil:
    """Slopes of a pointwise loss, and R of them."""
    cdef Py_ssize_t n = p.k * b.lanes
    cdef const real *z = b.a[p.n_stages - 1]
    p.of.loss.values(z, b.target, n, p.of.option, of.spare, of.delta)
    if p.of.loss.curvatures == NULL:
        memset(of.d_delta, 0, n * sizeof(real))    # straight pieces
    else:
        p.of.loss.curvatures(z, b.target, n, p.of.option, of.d_delta)
    multiply(n, of.da[p.n_stages - 1], of.d_delta)


cdef void softmax_tangent(const Point *p, const Block *b, const Tangent *of) noexcept nogil:
    """Slopes of cross-entropy, target_sum * softmax - target, and R of them."""
    cdef const real *dz = of.da[p.n_stages - 1]
    cdef real *delta = of.delta
    cdef real *d_delta = of.d_delta
    cdef real *mean = of.spare
    cdef Py_ssize_t j, r, at
    memset(mean, 0, b.lanes * sizeof(real))
    for j in range(p.k):
        for r in range(b.lanes):
            at = j * b.lanes + r
            mean[r] += b.softmax[at] * dz[at]
    for j in range(p.k):
        for r in range(b.lanes):
            at = j * b.lanes + r
            d_delta[at] = b.target_sum[r] * b.softmax[at] * (dz[at] - mean[r])
            delta[at] = b.target_sum[r] * b.softmax[at] - b.target[at]


cdef void output_tangent(const Point *p, const Block *b, const Tangent *of) noexcept nogil:
    """d loss / d outputs, and R of it."""
    cdef Py_ssize_t j, r
    cdef real factor = <real>p.factor
    p.terms.tangent(p, b, of)
    for j in range(p.k):
        for r in range(b.lanes):
            of.delta[j * b.lanes + r] *= factor * b.weight[r]
            of.d_delta[j * b.lanes + r] *= factor * b.weight[r]


cdef void stage_tangent(const Point *p, const Block *b, int s, const Tangent *of) noexcept nogil:
    """From d loss / d a and R of it to the same of z, in place."""
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


cdef void add_outer(
    const Point *p, const Block *b, const Stage *t, const real *x, const real *delta, real *out,
) noexcept nogil:
    """out (n_in, n_out) += x delta^T, with x (n_in, lanes) and delta (n_out, lanes)."""
    cdef Factors f
    f.m, f.n, f.k = t.n_in, t.n_out, b.rows
    f.a, f.a_row, f.a_col = x, b.lanes, 1
    f.b, f.b_row, f.form = delta, b.lanes, TRANSPOSED
    f.init, f.init_row = out, t.n_out
    product(&f, out, t.n_out, &p.worker)


cdef void back_through(
    const Point *p, const Block *b, const Stage *t,
    const real *weight, const real *delta, const real *init, real *before,
) noexcept nogil:
    """before (n_in, lanes) = init + W delta, with delta (n_out, lanes)."""
    cdef Factors f
    f.m, f.n, f.k = t.n_in, b.lanes, t.n_out
    f.a, f.a_row, f.a_col = weight, t.n_out, 1
    f.b, f.b_row, f.form = delta, b.lanes, ROWS
    f.init, f.init_row = init, b.lanes
    product(&f, before, b.lanes, &p.worker)


cdef void add_curvature(
    const Point *p, const Block *b, const real *direction, const Tangent *of, real *out,    # (n_params,) both
) noexcept nogil:
    """out += the block's share of the Hessian times the direction."""
    cdef const Stage *t
    cdef real *bias
    cdef Py_ssize_t size = p.widest * b.lanes, j, r
    cdef int s
    tangent_forward(p, b, direction, of)
    output_tangent(p, b, of)
    for s in range(p.n_stages - 1, p.lowest - 1, -1):
        t = &p.stages[s]
        stage_tangent(p, b, s, of)
        if t.weight == NULL:
            times_factor(t, 0, t.n_out, b.lanes, of.delta)
            times_factor(t, 0, t.n_out, b.lanes, of.d_delta)
            continue
        add_outer(p, b, t, stage_input(b, s), of.d_delta, out + t.begin)
        if s > p.lowest:
            add_outer(p, b, t, of.da[s - 1], of.delta, out + t.begin)
        bias = out + t.biases
        for j in range(t.n_out if t.bias != NULL else 0):
            for r in range(b.rows):
                bias[j] += of.d_delta[j * b.lanes + r]
        if s > p.lowest:
            back_through(p, b, t, t.weight, of.d_delta, NULL, of.spare)
            back_through(p, b, t, direction + t.begin, of.delta, of.spare, of.spare)
            back_through(p, b, t, t.weight, of.delta, NULL, of.spare + size)
            memcpy(of.d_delta, of.spare, t.n_in * b.lanes * sizeof(real))
            memcpy(of.delta, of.spare + size, t.n_in * b.lanes * sizeof(real))
