"""A stage, from its inputs' lanes to its outputs': a layer and the dropout behind it.

Design
------
- What z is of the inputs is a matter of the layer's kind: see StageKind. f = the activation of z, or log(1 + z);
  a = f times the dropout's mask, which is made once: 0 or 1 / (1 - rate).
- `error` estimates the roundoff that a difference of outputs has: moved inputs are rounded, activations are wrong by
  some ulp, and both go on through the layers. Roundings are taken as independent, so their squares add; a worst case
  would grow by the root of the width with every layer (Higham and Mary 2019, SIAM J. Sci. Comput. 41).
"""

cdef void find_pieces(const Activation *of, real option, Pieces *pieces) noexcept nogil:
    """Compute the kinks and slopes of an activation that is made of straight pieces."""
    cdef real z = 0, a
    cdef int i
    for i in range(MAX_KINKS + 1):
        pieces.slopes[i] = 1
        if i < MAX_KINKS:
            pieces.kinks[i] = of.all_kinks[i] if i < of.n_all_kinks else <real>INFINITY
    for i in range(of.n_all_kinks + 1):
        if i < of.n_all_kinks:
            z = of.all_kinks[i] - 1 if i == 0 else (of.all_kinks[i - 1] + of.all_kinks[i]) / 2
        elif i > 0:
            z = of.all_kinks[i - 1] + 1
        activate(of, option, &z, &a, 1)
        multiply_slope(of, option, &z, &a, &pieces.slopes[i], 1)


cdef inline const real *stage_input(const Block *b, int s) noexcept nogil:
    """Return the inputs of stage s, (n_in, lanes)."""
    return b.x if s == 0 else b.a[s - 1]


cdef inline void times_weight(
    const real *weight, Py_ssize_t n_in, Py_ssize_t n_out,    # (n_in, n_out)
    const real *x, Py_ssize_t lanes,                          # (n_in, lanes)
    const real *init, real *z, const Worker *worker,          # (n_out, lanes); init may be NULL, or z itself
) noexcept nogil:
    """Compute z = init + W^T x."""
    cdef Factors f
    f.m, f.n, f.k = n_out, lanes, n_in
    f.a, f.a_row, f.a_col = weight, 1, n_out
    f.b, f.b_row, f.form = x, lanes, ROWS
    f.init, f.init_row = init, lanes
    product(&f, z, lanes, worker)


cdef inline void stage_activate(const Stage *t, const real *z, real *f, Py_ssize_t n) noexcept nogil:
    """Compute f(z), n numbers."""
    activate(t.layer.activation, t.layer.option, z, f, n)


cdef inline void times_slope(const Stage *t, const real *z, const real *f, real *delta, Py_ssize_t n) noexcept nogil:
    """Multiply delta by f'(z), n numbers."""
    multiply_slope(t.layer.activation, t.layer.option, z, f, delta, n)


cdef inline void times_curvature(
    const Stage *t, const real *z, const real *f, real *delta, Py_ssize_t n,
) noexcept nogil:
    """Multiply delta by f''(z), n numbers."""
    multiply_curvature(t.layer.activation, t.layer.option, z, f, delta, n)


cdef void times_mask(const Point *p, const Block *b, int i, real *a) noexcept nogil:
    """Multiply a (width, lanes) by the mask of layer i, which is dropout."""
    cdef const Layer *layer = &p.plan.layers[i]
    cdef Py_ssize_t r, j
    cdef Mask mask
    mask.key, mask.rate, mask.start = key_of(p.key, i, 0), layer.rate, b.first
    dropout(&mask, b.rows, layer.n_in, p.ones, 0, p.transposed, layer.n_in)
    for j in range(layer.n_in):
        for r in range(b.rows):
            a[j * b.lanes + r] *= p.transposed[r * layer.n_in + j]


cdef void stage_forward(const Point *p, const Block *b, int s) noexcept nogil:
    """Compute z, f, a and the mask of a stage."""
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t n = t.n_out * b.lanes, j
    cdef int i
    t.kind.forward(p, b, s)
    stage_activate(t, b.z[s], b.f[s], n)
    if b.mask[s] == NULL:
        return
    for j in range(n):
        b.mask[s][j] = 1
    for i in range(<int>(t.layer - p.plan.layers) + 1, t.last_layer + 1):
        times_mask(p, b, i, b.mask[s])
    for j in range(n):
        b.a[s][j] = b.f[s][j] * b.mask[s][j]


cdef void stage_variance(const Point *p, const Block *b, int s, real *variance, real *scratch) noexcept nogil:
    """Turn the squared error of the stage's inputs into that of its outputs, both in `variance` (width, lanes)."""
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t n = t.n_out * b.lanes, j
    cdef const real *z = b.z[s]
    cdef const real *f = b.f[s]
    cdef real ulp = 0 if t.layer.activation.exact else ACTIVATION_ERROR
    cdef real lost = 1 if t.layer.activation.cancels else 0
    cdef real e
    t.kind.spread(p, b, s, variance, scratch)
    for j in range(n):
        variance[j] = 1
    times_slope(t, z, f, variance, n)
    for j in range(n):
        e = ulp * (real_abs(f[j]) + lost * real_abs(z[j]))
        if variance[j] != 0:
            variance[j] *= variance[j] * (scratch[j] + EPSILON * EPSILON * z[j] * z[j])
        variance[j] += e * e
    if b.mask[s] != NULL:
        multiply(n, b.mask[s], variance)
        multiply(n, b.mask[s], variance)
