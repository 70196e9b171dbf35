"""Layer normalization as the gradient checker's stage: z = u * gain + bias, where u is the normalized input.

Design
------
- s = sqrt(variance + eps) stands behind u in the block's `norm`, one number for each sample.
- A change e of the centred inputs changes s^2 by q = 2 s mean(u e) + mean(e^2), and u by e / s' - u q / (s' (s + s')),
  s' being the new s. No difference of near numbers is taken, so a small move keeps its digits.
- The mean of u is 0, so mean(u e) is that of u times the change itself.
"""

cdef void norm_fill(const Point *p, const Block *b, int s) noexcept nogil:
    """Write u, s and z."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *x = stage_input(b, s)
    cdef real *u = b.norm[s]
    cdef real *row = p.transposed
    cdef real *unit = p.transposed + t.n_in
    cdef Py_ssize_t n = t.n_in, j, r
    for r in range(b.lanes):
        for j in range(n):
            row[j] = x[j * b.lanes + r]
        u[n * b.lanes + r] = <real>(1 / norm_row(n, row, t.layer.eps, unit))
        for j in range(n):
            u[j * b.lanes + r] = unit[j]
            b.z[s][j * b.lanes + r] = unit[j] * t.weight[j] + t.bias[j]


cdef void norm_spread(const Point *p, const Block *b, int s, real *variance, real *out) noexcept nogil:
    """Write the squared error of z: that of each input through the Jacobian, and that of u itself."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *u = b.norm[s]
    cdef Py_ssize_t n = t.n_in, j, r, at
    cdef double even, along, square, total, scale, v, y
    for r in range(b.lanes):
        even = along = square = 0
        for j in range(n):
            at = j * b.lanes + r
            even += variance[at]
            along += variance[at] * u[at]
            square += <double>variance[at] * u[at] * u[at]
        scale = u[n * b.lanes + r]
        for j in range(n):
            at = j * b.lanes + r
            v, y = variance[at], u[at]
            total = max(v * (1 - 2 * (1 + y * y) / n), 0.0) + (even + 2 * y * along + y * y * square) / n / n
            total = max(total, 0.0) / scale / scale + 16 * <double>EPSILON * EPSILON * y * y
            out[at] = <real>(total * t.weight[j] * t.weight[j])


cdef void normalized_change(
    const Stage *t, const Block *b, int s, Py_ssize_t first, Py_ssize_t count,
    const real *dx, real *du,    # (count, lanes), of inputs first … first + count; (n, lanes)
) noexcept nogil:
    """Write how u changes where some inputs do."""
    cdef const real *u = b.norm[s]
    cdef Py_ssize_t n = t.n_in, j, r
    cdef double mean, along, square, q, scale, moved, e
    for r in range(b.lanes):
        mean = along = square = 0
        for j in range(count):
            mean += dx[j * b.lanes + r]
            along += <double>u[(first + j) * b.lanes + r] * dx[j * b.lanes + r]
        mean, along = mean / n, along / n
        for j in range(count):
            e = dx[j * b.lanes + r] - mean
            square += e * e
        square = (square + (n - count) * mean * mean) / n
        scale = u[n * b.lanes + r]
        q = 2 * scale * along + square
        moved = sqrt(max(scale * scale + q, t.layer.eps))
        q /= moved * (scale + moved)
        for j in range(n):
            e = (dx[(j - first) * b.lanes + r] if first <= j < first + count else 0.0) - mean
            du[j * b.lanes + r] = <real>(e / moved - u[j * b.lanes + r] * q)


cdef void norm_pass_on(
    const Point *p, const Block *b, Scratch *w, int s, Py_ssize_t *first, Py_ssize_t *count,
) noexcept nogil:
    """Turn a change of some inputs into one of all units."""
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t j, r
    normalized_change(t, b, s, first[0], count[0], w.dz, w.other)
    for j in range(t.n_out):
        for r in range(b.lanes):
            w.other[j * b.lanes + r] *= t.weight[j]
    swap(w)
    first[0], count[0] = 0, t.n_out


cdef void norm_move(const Sweep *sweep, Scratch *w, int s, real step, bint moves) noexcept nogil:
    """Write the change of z at params + step * direction into w.dz."""
    cdef const Block *b = sweep.block
    cdef const Stage *t = &sweep.point.stages[s]
    cdef const real *tangent = sweep.tangents[s]
    cdef Py_ssize_t j, r, at
    if moves:
        normalized_change(t, b, s, 0, t.n_in, w.dz, w.other)
    else:
        memset(w.other, 0, t.n_out * b.lanes * sizeof(real))
    for j in range(t.n_out):
        for r in range(b.lanes):
            at = j * b.lanes + r
            w.other[at] *= t.weight[j] + step * sweep.direction[t.begin + j]
            if tangent != NULL:
                w.other[at] += step * tangent[at]
    swap(w)


cdef const real *norm_rate(const Point *p, const Block *b, int s, Py_ssize_t at) noexcept nogil:
    """Return u of the unit whose gain it is, or ones for a bias."""
    cdef const Stage *t = &p.stages[s]
    return b.norm[s] + at * b.lanes if at < t.n_out else p.ones


cdef void input_means(
    const Stage *t, const Block *b, int s, const real *da, Py_ssize_t r, double *mean, double *along,
) noexcept nogil:
    """Write the means of R x and of u R x over a sample's inputs; the latter is R s."""
    cdef const real *u = b.norm[s]
    cdef Py_ssize_t j, at
    mean[0] = along[0] = 0
    for j in range(t.n_in if da != NULL else 0):
        at = j * b.lanes + r
        mean[0] += da[at] / <double>t.n_in
        along[0] += <double>u[at] * da[at] / t.n_in


cdef void norm_tangent(
    const Point *p, const Block *b, int s, const real *direction, const real *da, real *dz,
) noexcept nogil:
    """Write R z = R gain u + gain R u + R bias, with R u = (R x - mean(R x) - u R s) / s."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *u = b.norm[s]
    cdef const real *gain = direction + t.begin
    cdef Py_ssize_t n = t.n_in, j, r, at
    cdef double mean, along, moved
    for r in range(b.lanes):
        input_means(t, b, s, da, r, &mean, &along)
        for j in range(n):
            at = j * b.lanes + r
            moved = 0 if da == NULL else (da[at] - mean - u[at] * along) / u[n * b.lanes + r]
            dz[at] = <real>(<double>gain[j] * u[at] + t.weight[j] * moved + gain[n + j])


cdef void norm_curve(
    const Point *p, const Block *b, int s, const real *direction, const Tangent *of, real *out,
) noexcept nogil:
    """Add R of the gradient to out, and go back to the inputs."""
    cdef const Stage *t = &p.stages[s]
    cdef const real *u = b.norm[s]
    cdef const real *da = of.da[s - 1] if s > p.lowest else NULL
    cdef const real *gain = direction + t.begin
    cdef Py_ssize_t n = t.n_in, j, r, at
    cdef double mean, along, scale, du, g, dg, mean_g, along_g, mean_dg, along_dg, back
    for r in range(b.lanes):
        input_means(t, b, s, da, r, &mean, &along)
        scale = u[n * b.lanes + r]
        mean_g = along_g = mean_dg = along_dg = 0
        for j in range(n):
            at = j * b.lanes + r
            du = 0 if da == NULL else (da[at] - mean - u[at] * along) / scale
            if r < b.rows:
                out[t.begin + j] += <real>(<double>of.d_delta[at] * u[at] + of.delta[at] * du)
                out[t.biases + j] += of.d_delta[at]
            g = <double>of.delta[at] * t.weight[j]
            dg = <double>of.d_delta[at] * t.weight[j] + <double>of.delta[at] * gain[j]
            mean_g += g / n
            along_g += g * u[at] / n
            mean_dg += dg / n
            along_dg += (dg * u[at] + g * du) / n
        for j in range(n if da != NULL else 0):
            at = j * b.lanes + r
            du = (da[at] - mean - u[at] * along) / scale
            g = <double>of.delta[at] * t.weight[j]
            dg = <double>of.d_delta[at] * t.weight[j] + <double>of.delta[at] * gain[j]
            back = (g - mean_g - u[at] * along_g) / scale
            of.delta[at] = <real>back
            of.d_delta[at] = <real>((dg - mean_dg - du * along_g - u[at] * along_dg - along * back) / scale)


cdef StageKind NORM_STAGE = StageKind(
    norm_fill, norm_spread, norm_pass_on, norm_move, norm_rate, norm_tangent, norm_curve,
    is_product=False, normalizes=True,
)
