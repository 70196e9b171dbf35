"""The raw outputs of any number of rows, block by block.

Design
------
- A row's outputs have the same bits alone, in a batch and in either lane order: every product sums its terms in one
  order, whatever lies in the lanes. So each block takes the order that suits it, and the last one may take the other.
- Where rows lie in the lanes, a block is so small that its activations stay in the first-level cache. Nothing is packed
  there, so small blocks cost little.
"""


cdef inline Py_ssize_t most_predicted(const Plan *plan) noexcept nogil:
    """Return the most rows of a block."""
    return min(plan.most, plan.poll_rows)


cdef bint predicts_transposed(const Plan *plan, const Rows *data, Py_ssize_t rows) noexcept nogil:
    """Return whether the rows of a block of this size lie in the lanes."""
    if forced_order != FASTEST or rows < TRANSPOSED_ROWS or plan.n_params * <Py_ssize_t>sizeof(real) > TRANSPOSED_BYTES:
        return is_transposed(plan, data, rows)
    if not plan.transposes or data.x == NULL:
        return False
    return is_less_work(plan, rows, plan.predicted_work)


cdef Py_ssize_t predicted_rows(const Plan *plan, const Rows *data, Py_ssize_t left, bint *transposed) noexcept nogil:
    """Return how many of the rows that are left make a block, and tell whether they lie in its lanes."""
    cdef Py_ssize_t n = min(left, most_predicted(plan))
    cdef Py_ssize_t few = max(PREDICTED_BYTES // plan.row_bytes // LANES * LANES, <Py_ssize_t>PREDICTED_ROWS)
    few = min(n, few)
    transposed[0] = predicts_transposed(plan, data, few)
    return few if transposed[0] else n


cdef bint predict_block(
    const Plan *plan, const Rows *data, const Stretch *of, bint partial,
    real *to,    # (of.rows, n_out)
) noexcept nogil:
    """Compute the outputs of the rows from `of.start` on, and return whether inputs and outputs are finite."""
    cdef const Workspace *space = of.space
    cdef Rows block = data[0]
    if data.x != NULL:
        block.x = data.x + of.start * plan.n_in
    else:
        see_entries(data, of.start, &block.entries)
    if not finite_inputs(&block, of.rows, plan.n_in):
        return False
    if of.lead:
        take_transposed(plan, data, 0, of, &block)
    forward_rows(plan, of, &block)
    if partial and not outputs_finite(plan, of, data.x == NULL):
        return False
    if of.lead:
        copy_transposed(of.rows, plan.n_out, space.a[plan.last], of.lead, to)
    else:
        copy_matrix(of.rows, plan.n_out, space.a[plan.last], padded(plan.n_out), to, plan.n_out)
    return True


cdef bint predict_rows(
    Plan *plan, const Rows *data, Py_ssize_t rows, bint partial,
    real *to,    # (rows, n_out)
) noexcept nogil:
    """Compute the outputs of so many rows, and return whether inputs and outputs are finite."""
    cdef Stretch of
    cdef bint transposed
    of.space, of.worker, of.at, of.rows, of.start, of.key = &plan.workspaces[0], &plan.workers[0], 0, 0, 0, 0
    of.place = 0
    while of.start < rows and not stops(of.worker, of.rows * plan.n_params):
        of.rows = predicted_rows(plan, data, rows - of.start, &transposed)
        of.lead = lead_of(of.rows) if transposed else 0
        of.looks = of.rows * plan.n_params > POLL_WORK
        if not predict_block(plan, data, &of, partial, to + of.start * plan.n_out):
            return False
        of.start += of.rows
    return True
