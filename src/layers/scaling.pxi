"""Layers without parameters that bring inputs to one scale: affine per feature, and log(1 + x).

Design
------
- A leading layer costs one pass over the rows of a block, which the first product reads from the cache afterwards.
- x - shift comes before the factor: folding both into x * factor + constant would cancel where a column is far from 0.
- Only a layer behind one with parameters goes backward: nobody asks for the derivative with respect to the data.
"""


cdef int affine_bind(Network network, Layer *layer, tuple description) except -1:
    """Fill a layer from ("affine", width, shift, factor, offset), shift and factor of shape (width,)."""
    cdef double given
    _, layer.n_in, shift, factor, given = description
    layer.n_out = layer.n_in
    layer.offset = <real>given
    layer.shift = network.keep(shift, layer.n_in)
    layer.factor = network.keep(factor, layer.n_in)
    return 0


cdef void affine_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write a = (x - shift) * factor + offset."""
    cdef Py_ssize_t r, j
    cdef const real *source
    cdef real *to
    for r in range(at.rows):
        source = at.x + r * at.x_row
        to = at.a + r * of.out_row
        for j in range(of.n_in):
            to[j] = (source[j] - of.shift[j]) * of.factor[j] + of.offset


cdef void affine_transposed_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write a = (x - shift) * factor + offset for rows in the lanes."""
    cdef Py_ssize_t r, j
    cdef const real *source
    cdef real *to
    cdef real shift, factor
    for j in range(of.n_in):
        source, to = at.x + j * at.x_row, at.a + j * at.x_row
        shift, factor = of.shift[j], of.factor[j]
        for r in range(at.rows):
            to[r] = (source[r] - shift) * factor + of.offset


cdef void affine_transposed_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by the factor, in place, for rows in the lanes."""
    cdef Py_ssize_t r, j
    for j in range(of.n_in):
        for r in range(at.rows):
            delta[j * at.x_row + r] *= of.factor[j]


cdef real affine_entry(const Layer *of, uint64_t key, Py_ssize_t row, int32_t column, real value) noexcept nogil:
    """Return the output for an entry of a layer that makes 0 into 0."""
    return (value - of.shift[column]) * of.factor[column] + of.offset


cdef void affine_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by the factor, in place."""
    cdef Py_ssize_t r, j
    cdef real *to
    for r in range(at.rows):
        to = delta + r * of.out_row
        for j in range(of.n_in):
            to[j] *= of.factor[j]


cdef int log1p_bind(Network network, Layer *layer, tuple description) except -1:
    """Fill a layer from ("log1p", width)."""
    _, layer.n_in = description
    layer.n_out = layer.n_in
    layer.activation = &LOG1P_OF
    return 0


cdef void log1p_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write a = log(1 + x)."""
    cdef Py_ssize_t r, j
    cdef const real *source
    cdef real *to
    for r in range(at.rows):
        source = at.x + r * at.x_row
        to = at.a + r * of.out_row
        for j in range(of.n_in):
            to[j] = real_log1p(source[j])


cdef real log1p_entry(const Layer *of, uint64_t key, Py_ssize_t row, int32_t column, real value) noexcept nogil:
    """Return the output for an entry."""
    return real_log1p(value)


cdef void log1p_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by 1 / (1 + x) = exp(-a), in place."""
    cdef Py_ssize_t r, j
    cdef const real *value
    cdef real *to
    for r in range(at.rows):
        value = at.a + r * of.out_row
        to = delta + r * of.out_row
        for j in range(of.n_in):
            to[j] *= real_exp(-value[j])


cdef void log1p_transposed_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write a = log(1 + x) for rows in the lanes."""
    cdef Py_ssize_t r, j
    for j in range(of.n_in):
        for r in range(at.rows):
            at.a[j * at.x_row + r] = real_log1p(at.x[j * at.x_row + r])


cdef void log1p_transposed_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by 1 / (1 + x), in place, for rows in the lanes."""
    cdef Py_ssize_t r, j
    for j in range(of.n_in):
        for r in range(at.rows):
            delta[j * at.x_row + r] *= real_exp(-at.a[j * at.x_row + r])
