"""A batch whose rows lie in the lanes of vectors: which batches these are, their inputs and their losses.

Design
------
- There are two orders. Row by row, a vector holds columns of a layer, and narrow layers leave lanes empty. Transposed,
  it holds one feature of several rows, and few rows leave lanes empty. `is_transposed` compares the work of both, lanes
  that are empty included. The thresholds, and the times behind them, stand in tuning.h.
- The order is a matter of the whole batch, so nothing is transposed between layers. Inputs and targets are, as they are
  gathered. Network and number of rows decide, never threads or the kind of call, and so step and epoch have the same
  bits.
- Every kind of layer has functions for this order; a new one without them would keep its network row by row. Sparse
  inputs are never transposed.
- The outputs have the same bits in both orders, so a prediction of a row does not depend on the rows beside it.
- Buffers are those of the workspace, as matrices (features, lead). Behind a layer's outputs stands a row of ones, as
  behind a weight stands its bias: the gradients of both come from one product.
- Lanes behind the last row hold numbers that nobody reads: losses and gradients leave them out.
- A gradient is kept until all of it is summed. It never streams into the update, since it stays in the cache anyway.
"""

cdef enum LaneOrder:
    FASTEST, ROW_LANES, COLUMN_LANES    # what lies in the lanes

LANE_ORDERS = ("", "rows", "columns")
cdef int forced_order = FASTEST


def set_lanes(str order not None):
    """Let "rows" or "columns" lie in the lanes of vectors wherever they can; "" lets every batch choose."""
    global forced_order
    forced_order = LANE_ORDERS.index(order)


cdef void settle_order(Plan *plan) noexcept nogil:
    """Note whether every layer can be transposed, and the work in both orders, lanes without numbers included."""
    cdef const Layer *layer
    cdef int i
    plan.transposes = True
    plan.lane_work = TRANSPOSED_INPUT * plan.n_in
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        plan.transposes &= layer.kind.transposed_forward != NULL
        if layer.kind.multiplies:
            plan.lane_work += layer.n_in * layer.n_out
            if layer.n_out > 1:
                plan.column_work += layer.n_in * whole_vectors(layer.n_out)
            else:
                plan.column_work += whole_vectors(layer.n_in)    # dot products along the rows
            plan.layer_work += (TRANSPOSED_THIN if min(layer.n_in, layer.n_out) == 1 else TRANSPOSED_LAYER) * LANES
        elif layer.kind.sums_z:
            plan.column_work += TRANSPOSED_NORM * layer.n_in
    plan.predicted_work = plan.lane_work + (PREDICTED_INPUT - TRANSPOSED_INPUT) * plan.n_in
    if plan.n_out > 1:
        plan.predicted_work += PREDICTED_INPUT * plan.n_out


cdef inline bint is_less_work(const Plan *plan, Py_ssize_t rows, Py_ssize_t lane_work) noexcept nogil:
    """Return whether so many rows are done sooner in the lanes, where each takes `lane_work`."""
    return 100 * whole_vectors(rows) * lane_work <= TRANSPOSED_SHARE * (rows * plan.column_work + plan.layer_work)


cdef bint is_transposed(const Plan *plan, const Rows *data, Py_ssize_t rows) noexcept nogil:
    """Return whether the rows of a batch of this size lie in the lanes."""
    if not plan.transposes or data.x == NULL or forced_order == COLUMN_LANES:
        return False
    if forced_order == ROW_LANES:
        return True
    if rows < TRANSPOSED_ROWS or plan.n_params * <Py_ssize_t>sizeof(real) > TRANSPOSED_BYTES:
        return False
    return is_less_work(plan, rows, plan.lane_work)


cdef void take_transposed(
    const Plan *plan, const Rows *data, Py_ssize_t first,    # the batch's first row
    const Stretch *of,
    Rows *block,              # the view that results: x and target are (features, lead)
) noexcept nogil:
    """Transpose inputs and targets of some rows, and put a row of ones behind the inputs."""
    cdef const Rows *gathered = &of.space.gathered
    cdef Py_ssize_t skip = first + of.start + of.at, r
    cdef const int64_t *order = NULL
    if data.order != NULL:
        order, skip = data.order + skip, 0
    block.entries.starts = NULL
    block.x, block.x_row = gathered.x + of.at, of.lead
    block.target, block.labels, block.weight = NULL, NULL, NULL
    transpose_rows(of.rows, plan.n_in, data.x + skip * plan.n_in, order, of.lead, block.x)
    fill_ones(whole_vectors(of.rows), block.x + plan.n_in * of.lead)
    if data.target != NULL:
        block.target = gathered.target + of.at
        transpose_rows(of.rows, plan.n_out, data.target + skip * plan.n_out, order, of.lead, block.target)
    if data.labels != NULL:
        block.labels = data.labels + skip
    if data.weight != NULL:
        block.weight = data.weight + skip
    if order == NULL:
        return
    if data.labels != NULL:
        block.labels = gathered.labels + of.at
        for r in range(of.rows):
            block.labels[r] = data.labels[order[r]]
    if data.weight != NULL:
        block.weight = gathered.weight + of.at
        for r in range(of.rows):
            block.weight[r] = data.weight[order[r]]


cdef inline void transposed_values(
    const BoundLoss *of, const Rows *block, Py_ssize_t at, Py_ssize_t n,    # rows at …, at most RUN
    const real *z, Py_ssize_t lead, real *delta,                            # (k, lead)
    double *value,                                                          # (n,)
) noexcept nogil:
    """Compute a loss of some rows, and its slopes."""
    cdef real values[RUN]
    cdef lane_outputs outputs
    cdef Py_ssize_t j, r
    if of.loss.row != NULL:
        outputs.k, outputs.n, outputs.lead, outputs.z, outputs.option = of.outputs, n, lead, z, of.option
        outputs.target, outputs.labels = NULL, NULL
        if block.labels != NULL:
            outputs.labels = block.labels + at
        else:
            outputs.target = block.target + at
        of.loss.lanes(&outputs, value, delta)
        return
    memset(value, 0, n * sizeof(double))
    for j in range(of.outputs):
        of.loss.values(
            z + j * lead, block.target + j * lead + at, whole_vectors(n), of.option, values, delta + j * lead,
        )
        for r in range(n):
            value[r] += values[r]


cdef void transposed_loss(
    const BoundLoss *of, const Rows *block, Py_ssize_t rows,
    const real *z, Py_ssize_t lead,    # (k, lead)
    double factor,                     # of the deltas: see `gradient_factor`
    real *delta, double *value,        # (k, lead); (rows,)
) noexcept nogil:
    """Compute values and deltas of some rows of a batch, as `loss_block` does."""
    cdef real scale[RUN]
    cdef Py_ssize_t at = 0, n, lanes, j, r
    while at < rows:
        n = min(<Py_ssize_t>RUN, rows - at)
        lanes = whole_vectors(n)
        transposed_values(of, block, at, n, z + at, lead, delta + at, value + at)
        for r in range(lanes):
            scale[r] = <real>factor
        for r in range(n if block.weight != NULL else 0):
            scale[r] = <real>(factor * block.weight[at + r])
            value[at + r] *= block.weight[at + r]
        for j in range(of.outputs):
            for r in range(lanes):
                delta[j * lead + at + r] *= scale[r]
        at += n


cdef Py_ssize_t block_size(const Plan *plan, Py_ssize_t room, Py_ssize_t width, Py_ssize_t row) noexcept nogil:
    """Count the numbers of a buffer for `room` rows, `row` numbers each, or transposed with a row of ones."""
    return max(room * row, (width + 1) * lead_of(room) if plan.transposes else 0)
