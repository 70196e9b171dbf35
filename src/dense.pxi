"""A dense layer, a = f(x W + b), and its three gradients.

Design
------
- Forward is x W with the bias in the tile; dW = x^T delta; dx = delta W^T, from a transposed copy of W made
  once per step. A bias gradient is the sum of delta's rows.
- Parameters and gradients are compact. `wide` copies exist only for a layer whose output width is not a whole
  number of vectors: weight and bias are copied in at the start of a step, the gradient out at its end.
- One output is a case of its own: forward by dot products, dW by adding rows.
"""

cdef enum LayerKind:
    DENSE, DROPOUT

cdef struct Layer:
    LayerKind kind
    Py_ssize_t n_in, n_out          # features
    Py_ssize_t in_row, out_row      # numbers a padded row of them takes
    Py_ssize_t weight_at, bias_at   # where they begin in the flat vector; bias_at < 0: no bias
    int activation
    double rate                     # of dropout
    real *wide_weight               # (n_in, out_row), or NULL where compact rows are whole vectors
    real *wide_bias                 # (out_row,), or NULL
    real *wide_gradient             # (n_in, out_row), or NULL
    real *turned_weight             # (n_out, in_row): W transposed, for the layers that pass a delta on
    real *z                         # (block, out_row) where the activation keeps its input, or NULL
    real *a                         # (block, out_row)


cdef void dense_begin(Layer *of, const real *params) noexcept nogil:
    """Copies of the parameters that this step's products read."""
    cdef const real *weight = params + of.weight_at
    if of.wide_weight != NULL:
        copy_padded(of.n_in, of.n_out, weight, of.wide_weight, of.out_row)
        if of.bias_at >= 0:
            copy_padded(1, of.n_out, params + of.bias_at, of.wide_bias, of.out_row)


cdef void dense_begin_backward(Layer *of, const real *params) noexcept nogil:
    if of.turned_weight != NULL:
        copy_transposed(of.n_in, of.n_out, params + of.weight_at, of.turned_weight, of.in_row)
    if of.wide_gradient != NULL:
        memset(of.wide_gradient, 0, of.n_in * of.out_row * sizeof(real))


cdef void dense_forward(
    const Layer *of, const real *params,
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
) noexcept nogil:
    """Fill a (and z where it is kept) for these rows."""
    cdef const real *weight = params + of.weight_at
    cdef const real *bias = NULL if of.bias_at < 0 else params + of.bias_at
    cdef real *z = of.a if of.z == NULL else of.z
    if of.n_out == 1:
        product_column(rows, of.n_in, x, x_row, weight, <real>0 if bias == NULL else bias[0], z)
    else:
        if of.wide_weight != NULL:
            weight = of.wide_weight
            bias = NULL if bias == NULL else of.wide_bias
        product(rows, of.n_out, of.n_in, x, x_row, 1, weight, of.out_row, bias, 0, z, of.out_row)
    if of.z != NULL:
        memcpy(of.a, z, rows * of.out_row * sizeof(real))
    activate(of.activation, of.a, of.a, rows * of.out_row)


cdef void dense_gradient(
    const Layer *of, real *grads,                        # the flat vector of gradients, added to
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    const real *delta,                                   # (rows, out_row), behind the activation's derivative
) noexcept nogil:
    """Add x^T delta to dW and delta's row sum to db."""
    cdef real *weight = grads + of.weight_at
    if of.n_out == 1:
        add_outer(rows, of.n_in, x, x_row, delta, weight)
    else:
        if of.wide_gradient != NULL:
            weight = of.wide_gradient
        product(of.n_in, of.n_out, rows, x, 1, x_row, delta, of.out_row, weight, of.out_row, weight, of.out_row)
    if of.bias_at >= 0:
        add_columns(rows, of.n_out, delta, of.out_row, grads + of.bias_at)


cdef void dense_end_backward(const Layer *of, real *grads) noexcept nogil:
    if of.wide_gradient != NULL:
        copy_compact(of.n_in, of.n_out, of.wide_gradient, of.out_row, grads + of.weight_at)


cdef void dense_input_delta(
    const Layer *of, const real *params,
    const real *delta, Py_ssize_t rows,                  # (rows, out_row), behind the activation's derivative
    real *before,                                        # (rows, in_row): d loss / d x
) noexcept nogil:
    if of.n_in == 1:
        product_column(rows, of.n_out, delta, of.out_row, params + of.weight_at, 0, before)
    else:
        product(rows, of.n_in, of.n_out, delta, of.out_row, 1, of.turned_weight, of.in_row, NULL, 0, before, of.in_row)
