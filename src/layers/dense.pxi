"""A dense layer, a = f(x W + b), and its three gradients.

Design
------
- Forward is x W with the bias in the tile; dW = x^T delta; dx = delta W^T. A bias gradient is the sum of delta's rows.
- Parameters and gradients are compact, activations and deltas have padded rows; `product` minds the difference.
- A weight's gradient is kept where the caller says, or handed on (`Done`), a strip of rows at a time: what becomes of
  it then is not the layer's business.
- One output, one input or one row is a case of its own: dot products along rows, outer products, or sums of rows.
- Rows in the lanes (network/transposed.pxi) have the same three products, the first two with their factors exchanged.
"""

cdef extern from "machine/vector.h" nogil:
    void outer_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *x, const real *weight, const real *bias, real *z, Py_ssize_t z_row,
    ) noexcept


cdef int dense_bind(Network network, Layer *layer, tuple description) except -1:
    """Fill a layer from ("dense", n_in, n_out, bias, activation, l1, l2, max_norm)."""
    cdef double given    # `real` as Cython sees it is a float: what Python hands over must not pass through it
    _, layer.n_in, layer.n_out, bias, activation, l1, l2, max_norm = description
    name, option = activation if isinstance(activation, tuple) else (activation, None)
    layer.activation = &ACTIVATION_ROWS[<int>activation_code(name)]
    given = layer.activation.option if option is None else option
    layer.option = <real>given
    layer.keeps_z = keeps_input(layer)
    layer.n_weights = layer.n_in * layer.n_out
    layer.n_params = layer.n_weights + (layer.n_out if bias else 0)
    layer.bias_at = layer.weight_at + layer.n_weights if bias else -1
    layer.l1 = -1 if l1 is None else l1
    layer.l2 = -1 if l2 is None else l2
    layer.max_norm = INFINITY if max_norm is None else max_norm
    return 0


cdef void dense_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write z = x W + b and a = f(z)."""
    cdef const real *weight = at.params + of.weight_at
    cdef const real *bias = NULL
    cdef SingleRow row
    cdef Factors f
    if of.bias_at >= 0:
        bias = at.params + of.bias_at
    if at.rows == 1:
        at.active.count = -1
    if of.n_out == 1:
        dots(at.rows, of.n_in, at.x, at.x_row, weight, <real>0 if bias == NULL else bias[0], at.z)
    elif of.n_in == 1:
        outer_rows(at.rows, of.n_out, at.x, weight, bias, at.z, of.out_row)
    elif at.rows == 1:
        find_active(of.n_in, at.x, at.active)
        row.active, row.n, row.k = at.active, of.n_out, of.n_in
        row.a, row.b, row.init, row.c = at.x, weight, bias, at.z
        row_product(&row)
    else:
        f.m, f.n, f.k = at.rows, of.n_out, of.n_in
        f.a, f.a_row, f.a_col = at.x, at.x_row, 1
        f.b, f.b_row, f.form = weight, of.n_out, ROWS
        f.init, f.init_row = bias, 0
        product(&f, at.z, of.out_row, at.worker)
    activate(of.activation, of.option, at.z, at.a, at.rows * of.out_row)


cdef void weight_gradient(
    const WeightRows *of,
    real *weight, bint adds,       # (high - low, n_out): where it is kept, and whether it is added to what is there;
    Done done, void *context,      # or room for a strip, and what takes the strips of one share. NULL: it is kept
    const Worker *worker,
) noexcept nogil:
    """Compute x^T delta, a share of the weight's rows at a time: scratch memory has room for one."""
    cdef const Layer *layer = of.layer
    cdef Py_ssize_t count = of.high - of.low, size = count * layer.n_out, at = 0
    cdef Factors f
    if layer.n_out == 1 or layer.n_in == 1:
        if not adds:
            memset(weight, 0, size * sizeof(real))
        if layer.n_out == 1:
            add_rows(of.rows, size, of.delta, of.x + of.low, of.x_row, weight)
        else:
            add_rows(of.rows, size, of.x, of.delta, layer.out_row, weight)
        if done != NULL:
            done(context, weight, layer.n_out, 0, count, 0, layer.n_out)
        return
    f.n, f.k = layer.n_out, of.rows
    f.a_row, f.a_col = 1, of.x_row
    f.b, f.b_row, f.form = of.delta, layer.out_row, ROWS
    f.init, f.init_row = NULL, layer.n_out
    while at < count:
        f.m, f.a = min(layer.share, count - at), of.x + of.low + at
        if adds:
            f.init = weight + at * layer.n_out
        if at > 0 and stops(worker, f.m * f.n * f.k):
            return
        strips(&f, weight + at * layer.n_out, layer.n_out, done, context, worker)
        at += f.m


cdef inline bint brings_bias(const WeightRows *of) noexcept nogil:
    """Return whether the bias goes with these rows of the weight."""
    return of.layer.bias_at >= 0 and of.low == 0


cdef void bias_gradient(const WeightRows *of, real *bias, bint adds) noexcept nogil:
    """Compute the sum of delta's rows, (n_out,)."""
    if not adds:
        memset(bias, 0, of.layer.n_out * sizeof(real))
    add_rows(of.rows, of.layer.n_out, NULL, of.delta, of.layer.out_row, bias)


cdef void dense_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by f'(z), and then write before = delta W^T."""
    multiply_slope(of.activation, of.option, at.z, at.a, delta, at.rows * of.out_row)
    cdef WeightPass single
    if before == NULL:
        return
    if at.rows == 1 and of.n_out > 1:
        see_pass(of, at.params, at.active if at.dies else NULL, delta, before, &single)
        weight_dots(&single)
    else:
        dense_input_delta(of, at.params, delta, at.rows, before, at.worker)


cdef inline void see_pass(
    const Layer *of, const real *params, const ActiveList *active,    # NULL: every input's delta is wanted
    const real *delta, real *before, WeightPass *single,
) noexcept nogil:
    """Describe the pass over a layer's weight for the delta of one row's inputs."""
    single.active = active
    if active != NULL and active.count < 0:
        single.active = NULL
    single.rows, single.columns, single.at = of.n_in, of.n_out, of.weight_at
    single.weight = <real *>params + of.weight_at
    single.delta, single.before = delta, before


cdef void dense_input_delta(
    const Layer *of, const real *params,
    const real *delta, Py_ssize_t rows,                  # (rows, out_row), behind the activation's derivative
    real *before,                                        # (rows, in_row): d loss / d x
    const Worker *worker,
) noexcept nogil:
    """Write before = delta W^T."""
    cdef const real *weight = params + of.weight_at
    cdef Factors f
    if of.n_in == 1:
        dots(rows, of.n_out, delta, of.out_row, weight, 0, before)
    elif rows == 1:
        dots(of.n_in, of.n_out, weight, of.n_out, delta, 0, before)
    else:
        f.m, f.n, f.k = rows, of.n_in, of.n_out
        f.a, f.a_row, f.a_col = delta, of.out_row, 1
        f.b, f.b_row, f.form = weight, of.n_out, TRANSPOSED
        f.init, f.init_row = NULL, 0
        product(&f, before, of.in_row, worker)


cdef void dense_transposed_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write z = W^T x + b and a = f(z) for rows in the lanes."""
    cdef Py_ssize_t lanes = whole_vectors(at.rows), j
    cdef tile_args t
    t.a, t.a_row, t.a_col, t.k = at.params + of.weight_at, 1, of.n_out, of.n_in
    t.b, t.b_row = at.x, at.x_row
    t.init = NULL
    if of.bias_at >= 0:
        t.init = at.params + of.bias_at
    t.c, t.c_row = at.z, at.x_row
    transposed_product(of.n_out, lanes, &t)
    if lanes == at.x_row:
        activate(of.activation, of.option, at.z, at.a, of.n_out * lanes)
        return
    for j in range(of.n_out):
        activate(of.activation, of.option, at.z + j * at.x_row, at.a + j * at.x_row, lanes)


cdef void dense_transposed_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by f'(z), and then write before = W delta, for rows in the lanes."""
    cdef Py_ssize_t lanes = whole_vectors(at.rows), row = at.x_row, j
    cdef tile_args t
    if lanes == row:
        multiply_slope(of.activation, of.option, at.z, at.a, delta, of.n_out * lanes)
    else:
        for j in range(of.n_out):
            multiply_slope(of.activation, of.option, at.z + j * row, at.a + j * row, delta + j * row, lanes)
    if before != NULL:
        t.a, t.a_row, t.a_col, t.k = at.params + of.weight_at, of.n_out, 1, of.n_out
        t.b, t.b_row, t.init = delta, row, NULL
        t.c, t.c_row = before, row
        transposed_product(of.n_in, lanes, &t)


cdef void transposed_gradient(const WeightRows *of, real *weight, bint adds, real *panels) noexcept nogil:
    """Write the gradient of some rows of a weight, and of the bias with the last ones, or add it to what is there."""
    cdef Py_ssize_t packed = packed_columns(of.layer.n_in, of.layer.n_out, of.rows)
    cdef gradient_args g
    g.n_in, g.n_out, g.rows, g.lead = of.high - of.low, of.layer.n_out, of.rows, of.x_row
    g.x, g.d, g.g, g.adds = of.x + of.low * of.x_row, of.delta, weight, adds
    if of.layer.bias_at >= 0 and of.high == of.layer.n_in:
        g.n_in += 1    # the row of ones
    if packed:
        transposed_packed(packed, &g, panels)
    if packed < g.n_out:
        transposed_sums(packed, &g)
