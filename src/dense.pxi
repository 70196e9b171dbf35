"""A dense layer, a = f(x W + b), and its three gradients.

Design
------
- Forward is x W with the bias in the tile; dW = x^T delta; dx = delta W^T. A bias gradient is the sum of delta's rows.
- Parameters and gradients are compact, activations and deltas have padded rows; `product` minds the difference.
- One output, one input or one row is a case of its own: dot products along rows, or sums of rows.
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


cdef void dense_forward(
    const Layer *of, const real *params,
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    real *z, real *a,                                    # (rows, out_row); one buffer where z is not kept
    real *panel,
) noexcept nogil:
    """z = x W + b, a = f(z)."""
    cdef const real *weight = params + of.weight_at
    cdef const real *bias = NULL if of.bias_at < 0 else params + of.bias_at
    if of.n_out == 1:
        dots(rows, of.n_in, x, x_row, weight, <real>0 if bias == NULL else bias[0], z)
    elif rows == 1 and of.n_out >= ROW_COLUMNS:
        row_product(of.n_out, of.n_in, x, weight, of.n_out, bias, z)
    else:
        product(rows, of.n_out, of.n_in, x, x_row, 1, weight, of.n_out, ROWS, bias, 0, z, of.out_row, panel)
    activate(of.activation, z, a, rows * of.out_row)


cdef double dense_gradient(
    const Layer *of, real *grads,                        # the flat vector of gradients
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    const real *delta,                                   # (rows, out_row), behind the activation's derivative
    Py_ssize_t low, Py_ssize_t high,                     # rows of dW to write; the first ones bring db with them
    bint adds,                                           # to what is there
    real *panel,
) noexcept nogil:
    """x^T delta into dW and delta's row sum into db -> the sum of their squares, while they are in the cache."""
    cdef real *weight = grads + of.weight_at + low * of.n_out
    cdef real *bias = grads + of.bias_at if of.bias_at >= 0 and low == 0 else NULL
    cdef Py_ssize_t n = (high - low) * of.n_out
    if of.n_out == 1:
        if not adds:
            memset(weight, 0, n * sizeof(real))
        add_rows(rows, high - low, delta, x + low, x_row, weight)
    else:
        product(
            high - low, of.n_out, rows, x + low, 1, x_row, delta, of.out_row, ROWS,
            weight if adds else NULL, of.n_out, weight, of.n_out, panel,
        )
    if bias == NULL:
        return sum_squares(n, weight)
    if not adds:
        memset(bias, 0, of.n_out * sizeof(real))
    add_rows(rows, of.n_out, NULL, delta, of.out_row, bias)
    return sum_squares(n, weight) + sum_squares(of.n_out, bias)


cdef void dense_input_delta(
    const Layer *of, const real *params,
    const real *delta, Py_ssize_t rows,                  # (rows, out_row), behind the activation's derivative
    real *before,                                        # (rows, in_row): d loss / d x
    real *panel,
) noexcept nogil:
    """before = delta W^T."""
    cdef const real *weight = params + of.weight_at
    if of.n_in == 1:
        dots(rows, of.n_out, delta, of.out_row, weight, 0, before)
    elif rows == 1:
        dots(of.n_in, of.n_out, weight, of.n_out, delta, 0, before)
    else:
        product(
            rows, of.n_in, of.n_out, delta, of.out_row, 1, weight, of.n_out, TURNED, NULL, 0, before, of.in_row, panel,
        )
