"""The table of the kinds of layers, and the look-up by name. The compiler checks the number of its rows."""

cdef LayerKind[5] LAYER_KINDS = [
    # name, functions, those for transposed rows, those for sparse inputs, drops, partial, multiplies, sums_z, stage
    LayerKind(
        b"dense", dense_bind, dense_forward, dense_backward, sink_gradient,
        dense_transposed_forward, dense_transposed_backward, sink_transposed_gradient,
        sparse_forward, sink_entries, NULL, False, False, True, False, &DENSE_STAGE,
    ),
    LayerKind(
        b"dropout", dropout_bind, dropout_forward, dropout_backward, NULL,
        dropout_transposed_forward, dropout_transposed_backward, NULL,
        NULL, NULL, dropout_entry, True, False, False, False, NULL,
    ),
    LayerKind(
        b"affine", affine_bind, affine_forward, affine_backward, NULL,
        affine_transposed_forward, affine_transposed_backward, NULL,
        NULL, NULL, affine_entry, False, False, False, False, &SCALING_STAGE,
    ),
    LayerKind(
        b"log1p", log1p_bind, log1p_forward, log1p_backward, NULL,
        log1p_transposed_forward, log1p_transposed_backward, NULL,
        NULL, NULL, log1p_entry, False, True, False, False, &SCALING_STAGE,
    ),
    LayerKind(
        b"layer_norm", layer_norm_bind, layer_norm_forward, layer_norm_backward, sink_layer_norm_gradient,
        layer_norm_transposed_forward, layer_norm_transposed_backward, sink_transposed_layer_norm_gradient,
        NULL, NULL, NULL, False, False, False, True, &NORM_STAGE,
    ),
]
cdef tuple KIND_NAMES = tuple([LAYER_KINDS[i].name.decode() for i in range(sizeof(LAYER_KINDS) // sizeof(LayerKind))])


cdef const LayerKind *kind_of(str name) except NULL:
    """Return the row of a kind of layer."""
    return &LAYER_KINDS[<int>KIND_NAMES.index(name)]
