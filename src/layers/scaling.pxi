"""Layers without parameters that bring inputs to one scale: affine per feature, and log(1 + x).

Design
------
- A leading layer costs one pass over the rows of a block, which the first product reads from the cache afterwards.
- x - shift comes before the factor: folding both into x * factor + constant would cancel where a column is far from 0.
- Only a layer behind a dense one goes backward: nobody asks for the derivative with respect to the data.
"""


cdef void scale_forward(
    const Layer *of, const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    real *a,                                                              # (rows, out_row)
) noexcept nogil:
    """a = (x - shift) * factor + offset, or log(1 + x)."""
    cdef Py_ssize_t r, j
    cdef const real *source
    cdef real *to
    for r in range(rows):
        source = x + r * x_row
        to = a + r * of.out_row
        if of.kind == LOG1P:
            for j in range(of.n_in):
                to[j] = real_log1p(source[j])
        else:
            for j in range(of.n_in):
                to[j] = (source[j] - of.shift[j]) * of.factor[j] + of.offset


cdef void scale_backward(
    const Layer *of, const real *a, Py_ssize_t rows,    # (rows, out_row)
    real *delta,                                        # (rows, out_row): d loss / d a, and then d loss / d x
) noexcept nogil:
    """delta times factor, or times 1 / (1 + x) = exp(-a)."""
    cdef Py_ssize_t r, j
    cdef const real *value
    cdef real *to
    for r in range(rows):
        value = a + r * of.out_row
        to = delta + r * of.out_row
        if of.kind == LOG1P:
            for j in range(of.n_in):
                to[j] *= real_exp(-value[j])
        else:
            for j in range(of.n_in):
                to[j] *= of.factor[j]
