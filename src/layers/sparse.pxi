"""A dense layer whose inputs are sparse: its product and its gradient touch the rows of the weight that entries name.

Design
------
- Dropout and scaling layers before it keep 0 at 0, so they change values alone, entry by entry (`entry` of their
  kinds). A run of values is mapped to a buffer when it is read, forward and again for the gradient: nothing is kept.
- The gradient adds entry after entry in the order of the rows: one task does it, and its bits depend on no threads.
"""

cdef extern from "layers/sparse.h" nogil:
    void add_entries(
        Py_ssize_t count, const real *values, const int32_t *columns, Py_ssize_t n, const real *weight, real *z,
    ) noexcept
    void spread_entries(
        Py_ssize_t count, const real *values, const int32_t *columns, Py_ssize_t n, const real *delta, real *gradient,
    ) noexcept
    void fetch_entries(
        Py_ssize_t count, const int32_t *columns, Py_ssize_t n, const real *weight, const int32_t *stood,
    ) noexcept


cdef inline const real *mapped(
    const Layer *of, uint64_t key, Py_ssize_t row,      # of the batch
    Py_ssize_t count, const real *values, const int32_t *columns,
    real *buffer,                                       # (RUN,), for at most so many values
) noexcept nogil:
    """Return the values of some entries of a row as they come out of the layers before `of`."""
    cdef const Layer *before = of - of.place
    cdef Py_ssize_t i
    if of.place == 0:
        return values
    memcpy(buffer, values, count * sizeof(real))
    while before < of:
        for i in range(count if at_work(before, key) else 0):
            buffer[i] = before.kind.entry(before, key, row, columns[i], buffer[i])
        before += 1
    return buffer


cdef void sparse_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Write z = x W + b and a = f(z)."""
    cdef const real *weight = at.params + of.weight_at
    cdef const real *values
    cdef const int32_t *columns
    cdef real buffer[RUN]
    cdef Py_ssize_t r, i, count, run
    cdef real *z
    for r in range(at.rows):
        z = at.z + r * of.out_row
        memset(z, 0, of.out_row * sizeof(real))
        if of.bias_at >= 0:
            copy_row(of.n_out, at.params + of.bias_at, z)
        count = row_entries(at.entries, r, &values, &columns)
        i = 0
        while i < count:
            run = count if of.place == 0 else min(<Py_ssize_t>RUN, count - i)
            add_entries(
                run, mapped(of, at.key, at.first + r, run, values + i, columns + i, buffer), columns + i, of.n_out,
                weight, z,
            )
            i += run
    activate(of.activation, of.option, at.z, at.a, at.rows * of.out_row)


cdef void sparse_gradient(const WeightRows *of, real *weight) noexcept nogil:
    """Add x^T delta to weight (n_in, n_out)."""
    cdef const Layer *layer = of.layer
    cdef const real *values
    cdef const int32_t *columns
    cdef real buffer[RUN]
    cdef Py_ssize_t r, i, count, run
    for r in range(of.rows):
        count = row_entries(&of.entries, r, &values, &columns)
        i = 0
        while i < count:
            run = min(<Py_ssize_t>RUN, count - i)
            spread_entries(
                run, mapped(layer, of.key, of.first + r, run, values + i, columns + i, buffer), columns + i,
                layer.n_out, of.delta + r * layer.out_row, weight,
            )
            i += run


cdef double entry_squares(const WeightRows *of) noexcept nogil:
    """Return the sum of squares of the layer's inputs."""
    cdef const real *values
    cdef const int32_t *columns
    cdef real buffer[RUN]
    cdef Py_ssize_t r, i, count, run
    cdef double total = 0
    for r in range(of.rows):
        count = row_entries(&of.entries, r, &values, &columns)
        i = 0
        while i < count:
            run = min(<Py_ssize_t>RUN, count - i)
            total += sum_squares(run, mapped(of.layer, of.key, of.first + r, run, values + i, columns + i, buffer))
            i += run
    return total
