"""Dropout: a mask that a key fixes, for the outputs and, on the way back, for their deltas."""

cdef int dropout_bind(Network network, Layer *layer, tuple description) except -1:
    """Fill a layer from ("dropout", width, rate)."""
    _, layer.n_in, layer.rate = description
    layer.n_out = layer.n_in
    return 0


cdef inline void see_mask(const Layer *of, const LayerRows *at, Mask *mask) noexcept nogil:
    """Describe the layer's mask for some rows."""
    mask.key, mask.rate, mask.start = key_of(at.key, of.place, 0), of.rate, at.first


cdef void dropout_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write x times the mask."""
    cdef Mask mask
    see_mask(of, at, &mask)
    dropout(&mask, at.rows, of.n_in, at.x, at.x_row, at.a, of.out_row)


cdef void dropout_transposed_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write x times the mask for rows in the lanes."""
    cdef Mask mask
    see_mask(of, at, &mask)
    transposed_dropout(&mask, at.rows, of.n_in, at.x_row, at.x, at.a)


cdef void dropout_transposed_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by the mask, in place, for rows in the lanes."""
    cdef Mask mask
    see_mask(of, at, &mask)
    transposed_dropout(&mask, at.rows, of.n_in, at.x_row, delta, delta)


cdef real dropout_entry(const Layer *of, uint64_t key, Py_ssize_t row, int32_t column, real value) noexcept nogil:
    """Return an entry times its number of the mask that dense rows would have."""
    cdef Mask mask
    mask.key, mask.rate, mask.start = key_of(key, of.place, 0), of.rate, row
    dropout_at(&mask, column, &value)
    return value


cdef void dropout_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Multiply delta by the mask, in place."""
    cdef Mask mask
    see_mask(of, at, &mask)
    dropout(&mask, at.rows, of.n_in, delta, of.out_row, delta, of.out_row)
