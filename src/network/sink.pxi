"""What becomes of a layer's gradient: it is kept, or goes into the optimizer while it is in the first-level cache.

Design
------
- A gradient that streams is penalized, clipped by value, squared for the norm and taken by the update a stretch at a
  time; it is never written to memory. A batch of one row with plain gradient descent does not even form it.
- Layers do not call the optimizer: only this file knows where their gradients go. So each kind's `gradient` stands
  here, and sums with what the layer's own file has.
"""

cdef extern from "machine/single_pass.h" nogil:
    void subtract_outer(
        Py_ssize_t rows, Py_ssize_t columns, double rate, const real *x, const real *delta, real *weight,
    ) noexcept

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


cdef inline const Update *update_of(const Layer *of, Py_ssize_t at, const Update *network) noexcept nogil:
    """Return the update of a layer's parameters from `at` on in the flat vector: its own, or else the network's."""
    if of.update == NULL:
        return network
    return of.bias_update if of.bias_update != NULL and at >= of.bias_at else of.update


cdef void sink_stretch(Sink *sink, const Layer *of, Py_ssize_t at, Py_ssize_t n, real *g, bint weighs) noexcept nogil:
    """Update n parameters of a layer, from `at` on in the flat vector; the gradient of weights is penalized."""
    cdef real l1 = <real>own_or(of.l1, sink.l1) if weighs else <real>0
    cdef real l2 = <real>own_or(of.l2, sink.l2) if weighs else <real>0
    if l1 != 0 or l2 != 0:
        pull_for(sink.update, n, sink.params + at, l1, l2, g)
    sink.squares += sum_squares(n, g)
    if sink.clip_value != INFINITY:
        sink.clipped |= clip_values(n, sink.clip_value, g)
    proximal_apply(
        update_of(of, at, sink.update), l1, sink.params + at, g, NULL if sink.slots == NULL else sink.slots + at,
        sink.stride, n,
    )


cdef void sink_strip(
    void *context, real *c, Py_ssize_t c_row, Py_ssize_t i, Py_ssize_t rows, Py_ssize_t j, Py_ssize_t columns,
) noexcept nogil:
    """Take a strip of a weight's gradient."""
    cdef const Strip *of = <const Strip *>context
    cdef Sink *sink = of.sink
    cdef Py_ssize_t r
    if columns == c_row:
        sink_stretch(sink, of.layer, of.at + i * columns, rows * columns, c, True)
        return
    for r in range(rows):
        sink_stretch(sink, of.layer, of.at + (i + r) * of.layer.n_out + j, columns, c + r * c_row, True)


cdef inline void subtract_gradient(const WeightRows *of, double rate, real *params) noexcept nogil:
    """Subtract the rate times x^T delta of a batch of one from some rows of a weight."""
    cdef const Layer *layer = of.layer
    cdef real *weight = params + layer.weight_at
    if layer.n_out == 1:
        subtract_outer(1, of.high - of.low, rate, of.delta, of.x + of.low, weight + of.low)
    elif of.active.count >= 0:
        subtract_active(of.active, of.low, of.high, layer.n_out, rate, of.x, of.delta, weight)
    else:
        subtract_outer(
            of.high - of.low, layer.n_out, rate, of.x + of.low, of.delta, weight + of.low * layer.n_out,
        )


cdef void outer_gradient(
    const WeightRows *of, Sink *sink,    # of a batch of one
    real *scratch,                       # a row of the weight
) noexcept nogil:
    """Update by x^T delta and delta, a row of the weight at a time; plain descent never writes them."""
    cdef const Layer *layer = of.layer
    cdef const Update *update = update_of(layer, layer.weight_at, sink.update)
    cdef bint penalized = own_or(layer.l1, sink.l1) != 0 or own_or(layer.l2, sink.l2) != 0
    cdef const real *x = of.x + of.low
    cdef Py_ssize_t n = of.high - of.low, i, j
    if is_plain(update) and not penalized and sink.clip_value == INFINITY:
        subtract_gradient(of, update.learning_rate, sink.params)
        sink.squares += sum_squares(n, x) * sum_squares(layer.n_out, of.delta)
    else:
        for i in range(n):
            for j in range(layer.n_out):
                scratch[j] = x[i] * of.delta[j]
            sink_stretch(sink, layer, layer.weight_at + (of.low + i) * layer.n_out, layer.n_out, scratch, True)
    if brings_bias(of):
        memcpy(scratch, of.delta, layer.n_out * sizeof(real))
        sink_stretch(sink, layer, layer.bias_at, layer.n_out, scratch, False)


cdef void stream_gradient(const WeightRows *of, Sink *sink, const Worker *worker) noexcept nogil:
    """Update some rows of a weight by their gradient, strip by strip."""
    cdef const Layer *layer = of.layer
    cdef real *scratch = worker.panels + left_scratch(of.high - of.low, layer.n_out, of.rows)
    cdef Strip strip_of
    if of.rows == 1:
        outer_gradient(of, sink, scratch)
        return
    strip_of.sink, strip_of.layer, strip_of.at = sink, layer, layer.weight_at + of.low * layer.n_out
    weight_gradient(of, scratch, False, sink_strip, &strip_of, worker)
    if brings_bias(of):
        bias_gradient(of, scratch, False)
        sink_stretch(sink, layer, layer.bias_at, layer.n_out, scratch, False)


cdef void sink_gradient(
    const WeightRows *of, Sink *sink,
    const Worker *worker,                # whose panels have room for a strip behind the product's
) noexcept nogil:
    """Hand the gradient of some rows of a weight, and of the bias with the first ones, to the sink."""
    cdef const Layer *layer = of.layer
    cdef Py_ssize_t size = (of.high - of.low) * layer.n_out
    cdef real *weight
    cdef real *bias
    if sink.grads == NULL:
        stream_gradient(of, sink, worker)
        return
    weight, bias = sink.grads + layer.weight_at + of.low * layer.n_out, sink.grads + layer.bias_at
    weight_gradient(of, weight, sink.adds, NULL, NULL, worker)
    if brings_bias(of):
        bias_gradient(of, bias, sink.adds)
        if of.high < layer.n_in:
            sink.squares += sum_squares(layer.n_out, bias)
        else:
            size += layer.n_out    # the bias stands behind the weight
    sink.squares += sum_squares(size, weight)


cdef void sink_transposed_gradient(const WeightRows *of, Sink *sink, const Worker *worker) noexcept nogil:
    """Keep the gradient of some rows of a weight, and of the bias with the last ones, for rows in the lanes."""
    cdef real *weight = sink.grads + of.layer.weight_at + of.low * of.layer.n_out
    transposed_gradient(of, weight, sink.adds, worker.panels)


cdef void sink_entries(const WeightRows *of, Sink *sink) noexcept nogil:
    """Keep the gradient of a weight whose inputs are sparse, and of the bias."""
    cdef const Layer *layer = of.layer
    cdef real *weight = sink.grads + layer.weight_at
    if not sink.adds:
        memset(weight, 0, layer.n_params * sizeof(real))
    sparse_gradient(of, weight)
    if layer.bias_at >= 0:
        bias_gradient(of, sink.grads + layer.bias_at, True)
    sink.squares += sum_squares(layer.n_params, weight)


cdef void sink_layer_norm_gradient(const WeightRows *of, Sink *sink, const Worker *worker) noexcept nogil:
    """Hand the gradients of some columns' gain and bias to the sink; x holds the normalized rows."""
    cdef const Layer *layer = of.layer
    cdef Py_ssize_t count = of.high - of.low, at
    cdef const real *delta = of.delta + of.low
    cdef real *sums
    cdef int part
    for part in range(2):
        at = (layer.bias_at if part else layer.weight_at) + of.low
        sums = worker.panels if sink.grads == NULL else sink.grads + at
        if sink.grads == NULL or not sink.adds:
            memset(sums, 0, count * sizeof(real))
        if part:
            add_rows(of.rows, count, NULL, delta, layer.out_row, sums)
        else:
            add_gain(of.rows, count, delta, layer.out_row, of.x + of.low, of.x_row, sums)
        if sink.grads == NULL:
            sink_stretch(sink, layer, at, count, sums, False)
        else:
            sink.squares += sum_squares(count, sums)


cdef void sink_transposed_layer_norm_gradient(const WeightRows *of, Sink *sink, const Worker *worker) noexcept nogil:
    """Keep the gradients of some features' gain and bias, for rows in the lanes; x holds the normalized rows."""
    cdef const Layer *layer = of.layer
    cdef Py_ssize_t count = of.high - of.low, skip = of.low * of.x_row
    cdef const real *delta = of.delta + skip
    sum_lanes(count, of.rows, of.x_row, delta, of.x + skip, sink.adds, sink.grads + layer.weight_at + of.low)
    sum_lanes(count, of.rows, of.x_row, delta, NULL, sink.adds, sink.grads + layer.bias_at + of.low)
