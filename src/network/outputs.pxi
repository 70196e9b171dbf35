"""What a batch's rows add to the sums of each output (output_sums.pxi), in a network of one layer."""


cdef double squared_inputs(const Pass *batch) noexcept nogil:
    """Return |x|^2 of a batch's first row."""
    cdef Entries entries
    cdef const real *values
    cdef const int32_t *columns
    cdef Py_ssize_t count = batch.plan.n_in
    if batch.data.x == NULL:
        see_entries(batch.data, batch.first, &entries)
        count = row_entries(&entries, 0, &values, &columns)
    else:
        values = batch.data.x + row_of(batch, 0) * count
    return sum_squares(count, values)


cdef inline Py_ssize_t row_of(const Pass *batch, Py_ssize_t r) noexcept nogil:
    """Return which row of the data the batch's row r is."""
    return batch.first + r if batch.data.order == NULL else batch.data.order[batch.first + r]


cdef inline void see_row(
    const Pass *batch, int group, Py_ssize_t r, const real *z, const real *slope,    # (k,) each
) noexcept nogil:
    """See row r of a batch, whose outputs and slopes are given."""
    cdef const Layer *layer = &batch.plan.layers[0]
    cdef Py_ssize_t k = batch.plan.n_out
    add_losses(batch.outputs, group, batch.of, z, batch.data.target + row_of(batch, r) * k)
    if batch.rows == 1:
        see_move(
            batch.outputs, k, z, slope, NULL if layer.bias_at < 0 else batch.plan.params + layer.bias_at,
            squared_inputs(batch),
        )


cdef void see_block(
    const Pass *batch, const Workspace *space, int group, Py_ssize_t start, Py_ssize_t n,
) noexcept nogil:
    """See the n rows of the block that begins at `start`."""
    cdef Py_ssize_t r, row = padded(batch.plan.n_out)
    for r in range(n):
        see_row(batch, group, start + r, space.a[0] + r * row, space.delta[0] + r * row)
