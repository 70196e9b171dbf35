"""The gradient of a few rows of a network whose layers are no wider than a vector.

Design
------
- Rows go through the layers one by one, without blocks, panels or tasks, which take longer than the work itself.
- Weights are read where they stand, a row of one as a vector (tiny.h). The gradient is kept in the flat vector; layers
  write theirs in order, because a vector may reach into the next one's part.
"""

cdef extern from "network/tiny.h" nogil:
    void tiny_forward(Py_ssize_t n_in, Py_ssize_t n_out, const real *x, const real *w, const real *bias, real *z)
    void tiny_backward(Py_ssize_t n_in, Py_ssize_t n_out, const real *delta, const real *w, real *before)
    void tiny_gradient(
        Py_ssize_t rows, Py_ssize_t n_in, Py_ssize_t n_out, const real *const *x, const real *delta, real *g,
        const real *end,
    )

cdef struct TinyRows:                   # what a batch keeps of its rows, layer by layer
    const real *x[TINY_LAYERS + 1][TINY_ROWS]    # each layer's inputs, and the network's outputs
    real z[TINY_LAYERS][TINY_ROWS][LANES]
    real a[TINY_LAYERS][TINY_ROWS][LANES]
    real delta[TINY_LAYERS][TINY_ROWS][LANES]


cdef bint is_tiny(const Plan *plan) noexcept nogil:
    """Return whether every layer is dense and no wider than a vector."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if not layer.kind.multiplies or max(layer.n_in, layer.n_out) > LANES:
            return False
    return plan.n_layers <= TINY_LAYERS


cdef void tiny_outputs(const Plan *plan, const Rows *data, Py_ssize_t row, int at, TinyRows *of) noexcept nogil:
    """Fill place `at` with what the layers make of a row of the data."""
    cdef const Layer *layer
    cdef int i
    of.x[0][at] = data.x + row * plan.n_in
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        tiny_forward(
            layer.n_in, layer.n_out, of.x[i][at], plan.params + layer.weight_at,
            NULL if layer.bias_at < 0 else plan.params + layer.bias_at, of.z[i][at],
        )
        of.x[i + 1][at] = of.z[i][at]
        if layer.activation.values != NULL:
            of.x[i + 1][at] = of.a[i][at]
            layer.activation.values(of.z[i][at], of.a[i][at], LANES, layer.option)


cdef double tiny_loss(
    const BoundLoss *of, const Rows *data, Py_ssize_t row, const real *outputs, double factor, real *delta,
) noexcept nogil:
    """Return a row's share of the loss, and fill delta (LANES,), d loss / d outputs times the factor."""
    cdef Py_ssize_t k = of.outputs, j
    cdef double weight = 1 if data.weight == NULL else data.weight[row], total = 0
    cdef real scale = <real>(factor * weight)
    cdef real values[LANES]
    cdef const real *target = NULL if data.target == NULL else data.target + row * k
    memset(delta, 0, LANES * sizeof(real))
    if of.loss.row != NULL:
        total = of.loss.row(k, outputs, target, -1 if data.labels == NULL else data.labels[row], of.option, delta)
    else:
        of.loss.values(outputs, target, k, of.option, values, delta)
        for j in range(k):
            total += values[j]
    for j in range(k):
        delta[j] *= scale
    return weight * total


cdef void tiny_deltas(const Plan *plan, int at, TinyRows *of) noexcept nogil:
    """Go from d loss / d outputs of place `at` down to the first layer's delta."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[i]
        if layer.activation.multiply_slopes != NULL:
            layer.activation.multiply_slopes(of.z[i][at], of.x[i + 1][at], of.delta[i][at], LANES, layer.option)
        if i:
            tiny_backward(
                layer.n_in, layer.n_out, of.delta[i][at], plan.params + layer.weight_at, of.delta[i - 1][at],
            )


cdef void tiny_sums(const Plan *plan, Py_ssize_t rows, TinyRows *of, real *grads) noexcept nogil:
    """Write the gradient (n_params,) of all rows."""
    cdef const real *end = grads + plan.n_params
    cdef const real *ones[TINY_ROWS]
    cdef const Layer *layer
    cdef real one = 1
    cdef int i
    for i in range(rows):
        ones[i] = &one
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        tiny_gradient(rows, layer.n_in, layer.n_out, of.x[i], of.delta[i][0], grads + layer.weight_at, end)
        if layer.bias_at >= 0:
            tiny_gradient(rows, 1, layer.n_out, ones, of.delta[i][0], grads + layer.bias_at, end)


cdef double tiny_batch(Pass *batch) noexcept nogil:
    """Return the mean loss of a batch of at most TINY_ROWS rows, and keep its gradient and the sum of its squares."""
    cdef const Plan *plan = batch.plan
    cdef TinyRows of
    cdef double loss = 0
    cdef Py_ssize_t row
    cdef int r
    settle_factors(batch)
    for r in range(batch.rows):
        row = batch.first + r if batch.data.order == NULL else batch.data.order[batch.first + r]
        tiny_outputs(plan, batch.data, row, r, &of)
        loss += tiny_loss(
            batch.of, batch.data, row, of.x[plan.n_layers][r], batch.factor, of.delta[plan.n_layers - 1][r],
        )
        if batch.outputs != NULL:
            see_row(batch, 0, r, of.x[1][r], of.delta[0][r])
        tiny_deltas(plan, r, &of)
    tiny_sums(plan, batch.rows, &of, batch.sink.grads)
    batch.sink.squares = sum_squares(plan.n_params, batch.sink.grads)
    return batch.mean * loss
