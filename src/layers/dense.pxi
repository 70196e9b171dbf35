"""A dense layer, a = f(x W + b), and its three gradients.

Design
------
- Forward is x W with the bias in the tile; dW = x^T delta; dx = delta W^T. A bias gradient is the sum of delta's rows.
- Parameters and gradients are compact, activations and deltas have padded rows; `product` minds the difference.
- A weight's gradient is kept where the caller says, or handed on (`Done`), a strip of rows at a time: what becomes of
  it then is not the layer's business.
- One output, one input or one row is a case of its own: dot products along rows, outer products, or sums of rows.
"""

cdef extern from "machine/vector.h" nogil:
    void outer_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *x, const real *weight, const real *bias, real *z, Py_ssize_t z_row,
    ) noexcept

cdef enum LayerKind:
    DENSE, DROPOUT, AFFINE, LOG1P

cdef struct Update         # the optimizer's, for layers that have a rate of their own

cdef struct Layer:
    LayerKind kind
    Py_ssize_t n_in, n_out          # features
    Py_ssize_t in_row, out_row      # numbers a padded row of them takes
    Py_ssize_t weight_at, bias_at   # where they begin in the flat vector; bias_at < 0: no bias
    const Activation *activation    # identity where the layer has none
    real option                     # of the activation
    double rate                     # of dropout
    double l1, l2                   # penalties of its own on the weight, < 0: the model's
    double max_norm                 # of a unit's weights after a step; INFINITY: no limit
    Py_ssize_t share                # rows of the weight whose gradient one task sums
    int tasks                       # that sum its gradient; 0: no dense layer
    bint frozen                     # in a training: neither gradient nor update
    Update *update                  # in a training: with a rate of its own, NULL: the network's
    real *shift                     # (n_in,), of an affine layer: (x - shift) * factor + offset
    real *factor                    # (n_in,)
    real offset

cdef struct WeightRows:     # rows of a dense layer's weight, and the block of samples that gives their gradient
    const Layer *layer
    const real *x           # (rows, n_in), rows x_row apart
    Py_ssize_t x_row, rows
    const real *delta       # (rows, out_row), behind the activation's derivative
    Py_ssize_t low, high    # rows of the weight; the first ones bring the bias with them


cdef inline double own_or(double own, double model) noexcept nogil:
    """A layer's own penalty, or the model's where it has none."""
    return model if own < 0 else own


cdef inline bint keeps_input(const Layer *of) noexcept nogil:
    """Whether backward needs z: a slope below 0 maps both sides of a kink to one."""
    return of.activation.keeps_input or of.option < 0


cdef void dense_forward(
    const Layer *of, const real *params,
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    real *z, real *a,                                    # (rows, out_row); one buffer where z is not kept
    const Worker *worker,
) noexcept nogil:
    """z = x W + b, a = f(z)."""
    cdef const real *weight = params + of.weight_at
    cdef const real *bias = NULL
    cdef Factors f
    if of.bias_at >= 0:
        bias = params + of.bias_at
    if of.n_out == 1:
        dots(rows, of.n_in, x, x_row, weight, <real>0 if bias == NULL else bias[0], z)
    elif of.n_in == 1:
        outer_rows(rows, of.n_out, x, weight, bias, z, of.out_row)
    elif rows == 1 and of.n_out >= ROW_COLUMNS:
        row_product(of.n_out, of.n_in, x, weight, of.n_out, bias, z)
    else:
        f.m, f.n, f.k = rows, of.n_out, of.n_in
        f.a, f.a_row, f.a_col = x, x_row, 1
        f.b, f.b_row, f.form = weight, of.n_out, ROWS
        f.init, f.init_row = bias, 0
        product(&f, z, of.out_row, worker)
    activate(of.activation, of.option, z, a, rows * of.out_row)


cdef void weight_gradient(
    const WeightRows *of,
    real *weight, bint adds,       # (high - low, n_out): where it is kept, and whether it is added to what is there;
    Done done, void *context,      # or room for a strip, and what takes the strips. NULL: it is kept
    const Worker *worker,
) noexcept nogil:
    """x^T delta."""
    cdef const Layer *layer = of.layer
    cdef Py_ssize_t count = of.high - of.low, size = count * layer.n_out
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
    f.m, f.n, f.k = count, layer.n_out, of.rows
    f.a, f.a_row, f.a_col = of.x + of.low, 1, of.x_row
    f.b, f.b_row, f.form = of.delta, layer.out_row, ROWS
    f.init, f.init_row = weight if adds else NULL, layer.n_out
    strips(&f, weight, layer.n_out, done, context, worker)


cdef inline bint brings_bias(const WeightRows *of) noexcept nogil:
    """Whether the bias goes with these rows of the weight."""
    return of.layer.bias_at >= 0 and of.low == 0


cdef void bias_gradient(const WeightRows *of, real *bias, bint adds) noexcept nogil:
    """The sum of delta's rows, (n_out,)."""
    if not adds:
        memset(bias, 0, of.layer.n_out * sizeof(real))
    add_rows(of.rows, of.layer.n_out, NULL, of.delta, of.layer.out_row, bias)


cdef void dense_input_delta(
    const Layer *of, const real *params,
    const real *delta, Py_ssize_t rows,                  # (rows, out_row), behind the activation's derivative
    real *before,                                        # (rows, in_row): d loss / d x
    const Worker *worker,
) noexcept nogil:
    """before = delta W^T."""
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
