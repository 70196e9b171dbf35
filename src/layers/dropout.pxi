"""Dropout: a mask that a key fixes, for the outputs and, on the way back, for their deltas."""

cdef int dropout_bind(Network network, Layer *layer, tuple description) except -1:
    """Fill a layer from ("dropout", width, rate)."""
    _, layer.n_in, layer.rate = description
    layer.n_out = layer.n_in
    return 0


cdef void dropout_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write x times the mask."""
    dropout(key_of(at.key, of.place, 0), of.rate, at.first, at.rows, of.n_in, at.x, at.x_row, at.a, of.out_row)


cdef void dropout_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """delta times the mask, in place."""
    dropout(key_of(at.key, of.place, 0), of.rate, at.first, at.rows, of.n_in, delta, of.out_row, delta, of.out_row)
