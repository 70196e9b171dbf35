"""A dense layer, a = f(x W + b), and its three gradients.

Design
------
- Forward is x W with the bias in the tile; dW = x^T delta; dx = delta W^T. A bias gradient is the sum of delta's rows.
- Parameters and gradients are compact, activations and deltas have padded rows; `product` minds the difference.
- A weight's gradient goes to a sink, a strip of rows at a time: kept, or taken by penalty, clipping and optimizer at
  once.
- One output, one input or one row is a case of its own: dot products along rows, outer products, or sums of rows.
"""

cdef extern from "vector.h" nogil:
    void outer_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *x, const real *weight, const real *bias, real *z, Py_ssize_t z_row,
    ) noexcept
    void subtract_outer(
        Py_ssize_t rows, Py_ssize_t columns, double rate, const real *x, const real *delta, real *weight,
    ) noexcept

cdef enum LayerKind:
    DENSE, DROPOUT, AFFINE, LOG1P

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


cdef void dense_forward(
    const Layer *of, const real *params,
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    real *z, real *a,                                    # (rows, out_row); one buffer where z is not kept
    const Worker *worker,
) noexcept nogil:
    """z = x W + b, a = f(z)."""
    cdef const real *weight = params + of.weight_at
    cdef const real *bias = NULL
    if of.bias_at >= 0:
        bias = params + of.bias_at
    if of.n_out == 1:
        dots(rows, of.n_in, x, x_row, weight, <real>0 if bias == NULL else bias[0], z)
    elif of.n_in == 1:
        outer_rows(rows, of.n_out, x, weight, bias, z, of.out_row)
    elif rows == 1 and of.n_out >= ROW_COLUMNS:
        row_product(of.n_out, of.n_in, x, weight, of.n_out, bias, z)
    else:
        product(rows, of.n_out, of.n_in, x, x_row, 1, weight, of.n_out, ROWS, bias, 0, z, of.out_row, worker)
    activate(of.activation, of.option, z, a, rows * of.out_row)


cdef struct Sink:           # what becomes of a gradient, stretch by stretch, while it is in the first-level cache
    real *grads             # (n_params,): where it is kept, or NULL: it goes into the update at once
    bint adds               # to what is there
    const Update *update
    real *params            # (n_params,)
    real *slots             # (number of slots, n_params), rows `stride` apart
    Py_ssize_t stride
    double l1, l2           # the model's
    real clip_value         # INFINITY: none
    double squares          # of the gradient so far, penalties included where the update takes it
    bint clipped            # whether clip_value has changed it

cdef struct Strip:          # of a weight's gradient: the layer, and its first row
    Sink *sink
    const Layer *layer
    Py_ssize_t at           # of the first row in the flat vector


cdef inline double own_or(double own, double model) noexcept nogil:
    """A layer's own penalty, or the model's where it has none."""
    return model if own < 0 else own


cdef inline const Update *update_of(const Layer *of, const Update *network) noexcept nogil:
    return network if of.update == NULL else of.update


cdef void sink_stretch(Sink *sink, const Layer *of, Py_ssize_t at, Py_ssize_t n, real *g, bint weighs) noexcept nogil:
    """n numbers of a layer's gradient, from `at` on in the flat vector, into the update; a weight's are penalized."""
    cdef real l1 = <real>own_or(of.l1, sink.l1) if weighs else <real>0
    cdef real l2 = <real>own_or(of.l2, sink.l2) if weighs else <real>0
    if l1 != 0 or l2 != 0:
        pull(n, sink.params + at, l1, l2, g)
    sink.squares += sum_squares(n, g)
    if sink.clip_value != INFINITY:
        sink.clipped |= clip_values(n, sink.clip_value, g)
    proximal_apply(
        update_of(of, sink.update), l1, sink.params + at, g, NULL if sink.slots == NULL else sink.slots + at,
        sink.stride, n,
    )


cdef void sink_strip(
    void *context, real *c, Py_ssize_t c_row, Py_ssize_t i, Py_ssize_t rows, Py_ssize_t j, Py_ssize_t columns,
) noexcept nogil:
    """A strip of a weight's gradient."""
    cdef const Strip *of = <const Strip *>context
    cdef Sink *sink = of.sink
    cdef Py_ssize_t r
    if columns == c_row:
        sink_stretch(sink, of.layer, of.at + i * columns, rows * columns, c, True)
        return
    for r in range(rows):
        sink_stretch(sink, of.layer, of.at + (i + r) * of.layer.n_out + j, columns, c + r * c_row, True)


cdef void outer_gradient(
    const Layer *of, Sink *sink,
    const real *x, const real *delta,    # (n_in,), (n_out,): a batch of one
    Py_ssize_t low, Py_ssize_t high,     # rows of the weight; the first ones bring the bias with them
    real *room,                          # scratch: a row of the weight
) noexcept nogil:
    """x^T delta and delta into the update, a row of the weight at a time; it is never written where that is plain."""
    cdef const Update *update = update_of(of, sink.update)
    cdef bint penalized = own_or(of.l1, sink.l1) != 0 or own_or(of.l2, sink.l2) != 0
    cdef real *weight = sink.params + of.weight_at + low * of.n_out
    cdef Py_ssize_t i, j
    if is_plain(update) and not penalized and sink.clip_value == INFINITY:
        if of.n_out == 1:
            subtract_outer(1, high - low, update.learning_rate, delta, x + low, weight)
        else:
            subtract_outer(high - low, of.n_out, update.learning_rate, x + low, delta, weight)
        sink.squares += sum_squares(high - low, x + low) * sum_squares(of.n_out, delta)
    else:
        for i in range(low, high):
            for j in range(of.n_out):
                room[j] = x[i] * delta[j]
            sink_stretch(sink, of, of.weight_at + i * of.n_out, of.n_out, room, True)
    if of.bias_at >= 0 and low == 0:
        memcpy(room, delta, of.n_out * sizeof(real))
        sink_stretch(sink, of, of.bias_at, of.n_out, room, False)


cdef void dense_gradient(
    const Layer *of, Sink *sink,
    const real *x, Py_ssize_t x_row, Py_ssize_t rows,    # (rows, n_in)
    const real *delta,                                   # (rows, out_row), behind the activation's derivative
    Py_ssize_t low, Py_ssize_t high,                     # rows of dW to make; the first ones bring db with them
    const Worker *worker,                                # whose panels have room for a strip behind the product's
) noexcept nogil:
    """x^T delta, and delta's row sum, into the sink."""
    cdef bint kept = sink.grads != NULL
    cdef real *room = worker.panels + panel_room(of.n_out, rows)
    cdef real *weight = sink.grads + of.weight_at + low * of.n_out if kept else room
    cdef real *bias = sink.grads + of.bias_at if kept else room
    cdef Py_ssize_t size
    cdef Done done = NULL
    cdef Factors f
    cdef Strip strip_of
    if rows == 1 and not kept:
        outer_gradient(of, sink, x, delta, low, high, room)
        return
    if of.n_out == 1 or of.n_in == 1:
        size = (high - low) * of.n_out
        if not (kept and sink.adds):
            memset(weight, 0, size * sizeof(real))
        if of.n_out == 1:
            add_rows(rows, size, delta, x + low, x_row, weight)
        else:
            add_rows(rows, size, x, delta, of.out_row, weight)
        if not kept:
            sink_stretch(sink, of, of.weight_at + low, size, weight, True)
    else:
        f.m, f.n, f.k = high - low, of.n_out, rows
        f.a, f.a_row, f.a_col = x + low, 1, x_row
        f.b, f.b_row, f.form = delta, of.out_row, ROWS
        f.init, f.init_row = weight if kept and sink.adds else NULL, of.n_out
        if not kept:
            done = sink_strip
        strip_of.sink, strip_of.layer, strip_of.at = sink, of, of.weight_at + low * of.n_out
        strips(&f, weight, of.n_out, done, &strip_of, worker)
    if of.bias_at >= 0 and low == 0:
        if not (kept and sink.adds):
            memset(bias, 0, of.n_out * sizeof(real))
        add_rows(rows, of.n_out, NULL, delta, of.out_row, bias)
        if not kept:
            sink_stretch(sink, of, of.bias_at, of.n_out, bias, False)
        elif high < of.n_in:
            sink.squares += sum_squares(of.n_out, bias)
    if kept:
        size = (high - low) * of.n_out
        if of.bias_at >= 0 and low == 0 and high == of.n_in:
            size += of.n_out    # the bias stands behind the weight
        sink.squares += sum_squares(size, weight)


cdef void dense_input_delta(
    const Layer *of, const real *params,
    const real *delta, Py_ssize_t rows,                  # (rows, out_row), behind the activation's derivative
    real *before,                                        # (rows, in_row): d loss / d x
    const Worker *worker,
) noexcept nogil:
    """before = delta W^T."""
    cdef const real *weight = params + of.weight_at
    if of.n_in == 1:
        dots(rows, of.n_out, delta, of.out_row, weight, 0, before)
    elif rows == 1:
        dots(of.n_in, of.n_out, weight, of.n_out, delta, 0, before)
    else:
        product(
            rows, of.n_in, of.n_out, delta, of.out_row, 1, weight, of.n_out, TURNED, NULL, 0, before, of.in_row, worker,
        )
