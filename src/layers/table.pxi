"""The table of the kinds of layers, and the look-up by name. The compiler checks the number of its rows."""

cdef LayerKind[4] LAYER_KINDS = [
    LayerKind(b"dense", dense_bind, dense_forward, dense_backward, sink_gradient, drops=False, partial=False),
    LayerKind(b"dropout", dropout_bind, dropout_forward, dropout_backward, NULL, drops=True, partial=False),
    LayerKind(b"affine", affine_bind, affine_forward, affine_backward, NULL, drops=False, partial=False),
    LayerKind(b"log1p", log1p_bind, log1p_forward, log1p_backward, NULL, drops=False, partial=True),
]
cdef tuple KIND_NAMES = tuple([LAYER_KINDS[i].name.decode() for i in range(sizeof(LAYER_KINDS) // sizeof(LayerKind))])


cdef const LayerKind *kind_of(str name) except NULL:
    """Return the row of a kind of layer."""
    return &LAYER_KINDS[<int>KIND_NAMES.index(name)]
