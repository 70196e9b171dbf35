"""Rows of the data as a batch sees them: a stretch of an order, in place or brought together.

Design
------
- A `Rows` is a view: inputs, targets (numbers or labels), weights, and the order to visit them in. Without an
  order a batch is a stretch of the caller's own arrays and nothing is copied; with one, `take_rows` gathers a block.
- Sparse inputs are never gathered. A block notes where its rows begin and their order, and the first dense layer reads
  the entries where they stand (layers/sparse.pxi).
- A batch's gradient divides by its number of rows times the mean weight of all data. Divided by the batch's own weights
  instead, small batches would cancel the weights, and a fit would not minimize the weighted mean over all rows.
"""

cdef struct Entries:         # of sparse inputs, row by row (CSR)
    const real *values
    const int32_t *columns
    const int64_t *starts    # (n + 1,): where each row's entries begin; NULL: the inputs are dense
    const int64_t *order     # (n,): the order the rows are visited in, or NULL: as they stand

cdef struct Rows:
    real *x                  # (n, n_in), rows x_row apart; NULL where the inputs are sparse
    Py_ssize_t x_row
    Entries entries          # in place of x
    real *target             # (n, k), or NULL where labels are given
    int64_t *labels          # (n,), or NULL
    real *weight             # (n,), or NULL: every weight 1
    const int64_t *order     # (n,): the order they are visited in, or NULL: as they stand
    double mean_weight       # what weights count relative to: that of all data, 1 in a step by hand, 0: the batch's own
    Py_ssize_t whole_rows    # of all data, where it is theirs
    Py_ssize_t place         # of the first row within its step, of which these are a part: dropout goes by it
    double factor            # of the gradient of a part of a step, 0: that of a step of its own


cdef inline void copy_row(Py_ssize_t n, const real *source, real *to) noexcept nogil:
    """Copy n numbers."""
    cdef Py_ssize_t j
    for j in range(n):
        to[j] = source[j]


cdef inline bint gathers(const Rows *data, Py_ssize_t n_in) noexcept nogil:
    """Return whether rows are gathered: if they are out of order, or their stride is slow to read."""
    return data.order != NULL or (data.x != NULL and n_in * <Py_ssize_t>sizeof(real) % BAD_STRIDE == 0)


cdef inline void see_entries(const Rows *data, Py_ssize_t first, Entries *block) noexcept nogil:
    """Point at the entries of the rows from number `first` of the data's order on."""
    block[0] = data.entries
    if data.order != NULL:
        block.order = data.order + first
    elif block.starts != NULL:
        block.starts += first


cdef inline Py_ssize_t row_entries(
    const Entries *of, Py_ssize_t r, const real **values, const int32_t **columns,
) noexcept nogil:
    """Point at the values and columns of row r, and return their number."""
    cdef int64_t i = r if of.order == NULL else of.order[r]
    values[0], columns[0] = of.values + of.starts[i], of.columns + of.starts[i]
    return of.starts[i + 1] - of.starts[i]


cdef Py_ssize_t count_entries(const Entries *of, Py_ssize_t rows) noexcept nogil:
    """Return the number of entries of the first `rows` rows."""
    cdef Py_ssize_t r, total = 0
    if of.order == NULL:
        return of.starts[rows] - of.starts[0]
    for r in range(rows):
        total += of.starts[of.order[r] + 1] - of.starts[of.order[r]]
    return total


cdef void take_rows(
    const Rows *data, Py_ssize_t n_in, Py_ssize_t k, Py_ssize_t first, Py_ssize_t rows,
    const Rows *gathered, Py_ssize_t at,    # buffers to gather into, and the row to begin at
    Rows *block,                        # the view that results
) noexcept nogil:
    """Make a view of rows first … first + rows of the data's order."""
    cdef Py_ssize_t r
    cdef int64_t i
    block.order = NULL
    block.entries.starts = NULL
    if data.x == NULL:
        see_entries(data, first, &block.entries)
        n_in = 0    # The entries stay where they are.
    if not gathers(data, n_in):
        block.x = data.x + first * n_in
        block.x_row = n_in
        block.target = NULL if data.target == NULL else data.target + first * k
        block.labels = NULL if data.labels == NULL else data.labels + first
        block.weight = NULL if data.weight == NULL else data.weight + first
        return
    block.x = gathered.x + at * gathered.x_row
    block.x_row = gathered.x_row
    block.target = NULL if data.target == NULL else gathered.target + at * k
    block.labels = NULL if data.labels == NULL else gathered.labels + at
    block.weight = NULL if data.weight == NULL else gathered.weight + at
    for r in range(rows):
        i = data.order[first + r] if data.order != NULL else first + r
        copy_row(n_in, data.x + i * n_in, block.x + r * block.x_row)
        if block.target != NULL:
            copy_row(k, data.target + i * k, block.target + r * k)
        if block.labels != NULL:
            block.labels[r] = data.labels[i]
        if block.weight != NULL:
            block.weight[r] = data.weight[i]


cdef Py_ssize_t bind_entries(Entries *of, object X, Py_ssize_t n_in, bint takes_entries) except -1:
    """Point at the arrays of a SparseRows, check for memory's sake that they fit, and return the number of rows."""
    if type(X) is not _SparseRows:
        raise TypeError(f"X must be an array or SparseRows, got {X!r}")
    if not takes_entries:
        raise ValueError("the layers before the first dense one need dense inputs")
    cdef const real[::1] values = X.values
    cdef const int32_t[::1] columns = X.indices
    cdef const int64_t[::1] starts = X.starts
    cdef Py_ssize_t n = starts.shape[0] - 1, count = values.shape[0], i
    cdef uint32_t outside = 0
    cdef bint rises = n > 0 and columns.shape[0] == count and starts[0] == 0 and starts[n] == count
    for i in range(n if rises else 0):
        rises &= starts[i] <= starts[i + 1]
    for i in range(count if rises else 0):
        outside |= <uint32_t>columns[i] >= <uint64_t>n_in
    if not rises or outside or X.shape[1] != n_in:
        raise ValueError(f"X has shape {X.shape}; expected at least one row of {n_in} features, with matching arrays")
    of.starts, of.order = &starts[0], NULL
    if count:
        of.values, of.columns = &values[0], &columns[0]
    return n


cdef Py_ssize_t see_inputs(Rows *data, const real *x, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t n_in) except -1:
    """Point at dense inputs x (rows, columns), and return the number of rows."""
    if rows == 0 or columns != n_in:
        raise ValueError(f"X has shape ({rows}, {columns}); expected at least one row of {n_in} features")
    memset(data, 0, sizeof(Rows))
    data.x, data.x_row = <real *>x, n_in
    return rows


cdef int see_labels(
    Rows *data, const int64_t *labels, Py_ssize_t count, Py_ssize_t n, Py_ssize_t k, bint takes_labels,
) except -1:
    """Point at the labels (count,) of n rows."""
    cdef Py_ssize_t i
    if count != n or not takes_labels:
        raise ValueError(f"labels have shape ({count},); expected ({n},), for a loss that takes labels")
    for i in range(n):
        if labels[i] < 0 or labels[i] >= k:
            raise ValueError(f"y has label {labels[i]} in row {i}; expected 0 … {k - 1}")
    data.labels = <int64_t *>labels
    return 0


cdef int see_target(
    Rows *data, const real *target, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t n, Py_ssize_t k,
) except -1:
    """Point at the targets (rows, columns) of n rows."""
    if rows != n or columns != k:
        raise ValueError(f"y must have shape ({n}, {k})")
    data.target = <real *>target
    return 0


cdef Py_ssize_t bind_inputs(
    Rows *data, Py_ssize_t n_in, bint takes_entries,
    const real[:, ::1] dense,          # (n, n_in), or None
    object X,                          # a SparseRows in its place
) except -1:
    """Point at the caller's inputs, which Python has validated, and return the number of rows."""
    if dense is not None:
        return see_inputs(data, &dense[0, 0] if dense.shape[0] else NULL, dense.shape[0], dense.shape[1], n_in)
    memset(data, 0, sizeof(Rows))
    return bind_entries(&data.entries, X, n_in, takes_entries)


cdef Py_ssize_t hold_inputs(Rows *data, Py_ssize_t n_in, bint takes_entries, Held *held, object X) except -1:
    """Point at inputs of any format, an array or SparseRows, and return the number of rows; Unfit: they do not fit."""
    cdef const real *x
    try:
        if type(X) is _SparseRows:
            return bind_inputs(data, n_in, takes_entries, None, X)
        x = <const real *>hold(held, X, False)
        if held.view.ndim != 2:
            raise ValueError("X must have two dimensions")
        return see_inputs(data, x, held.rows, held.columns, n_in)
    except (TypeError, ValueError) as error:
        raise _Unfit(str(error)) from None


cdef int hold_targets(
    Rows *data, Py_ssize_t n, Py_ssize_t k, bint takes_labels, Held *held, object target, object labels,
) except -1:
    """Point at targets of any format: labels (n,), or in their place (n, k) numbers, (n,) for k = 1; or raise Unfit."""
    cdef const int64_t *at
    try:
        if labels is None:
            return see_target(data, <const real *>hold(held, target, False), held.rows, held.columns, n, k)
        at = <const int64_t *>hold(held, labels, True)
        if held.view.ndim != 1:
            raise ValueError("labels must have one dimension")
        return see_labels(data, at, held.rows, n, k, takes_labels)
    except (TypeError, ValueError) as error:
        raise _Unfit(str(error)) from None


cdef int bind_weights(Rows *data, Py_ssize_t n, const real[::1] weight) except -1:
    """Point at the weights of n rows, (n,) or None."""
    if weight is not None:
        if weight.shape[0] != n:
            raise ValueError(f"sample_weight has shape ({weight.shape[0]},); expected ({n},)")
        data.weight = <real *>&weight[0]
    return 0


cdef int bind_targets(
    Rows *data, Py_ssize_t n, Py_ssize_t k, bint takes_labels,
    const real[:, ::1] target,         # (n, k), or None where labels are given
    const int64_t[::1] labels,         # (n,), or None
    const real[::1] weight,            # (n,), or None
) except -1:
    """Point at the caller's targets and weights; the shapes are checked for memory's sake."""
    if labels is not None:
        see_labels(data, &labels[0] if labels.shape[0] else NULL, labels.shape[0], n, k, takes_labels)
    elif target is None:
        raise ValueError(f"y must have shape ({n}, {k})")
    else:
        see_target(data, &target[0, 0] if target.shape[0] else NULL, target.shape[0], target.shape[1], n, k)
    return bind_weights(data, n, weight)


cdef int bind_rows(
    Rows *data, Py_ssize_t n_in, Py_ssize_t k, bint takes_labels,
    const real[:, ::1] X, const real[:, ::1] target, const int64_t[::1] labels, const real[::1] weight,
) except -1:
    """Point at dense inputs (n, n_in), targets and weights."""
    return bind_targets(data, bind_inputs(data, n_in, False, X, None), k, takes_labels, target, labels, weight)


cdef bint finite_inputs(const Rows *data, Py_ssize_t rows, Py_ssize_t n_in) noexcept nogil:
    """Return whether the first rows of the data, in their own order, hold neither NaN nor infinity."""
    cdef const Entries *of = &data.entries
    if data.x != NULL:
        return every_finite(rows * n_in, data.x)
    return every_finite(of.starts[rows] - of.starts[0], of.values + of.starts[0])


cdef double sum_weights(
    const real *weight, const int64_t *order, Py_ssize_t first, Py_ssize_t rows,    # (n,); (n,) or NULL
) noexcept nogil:
    """Return the sum of the weights of rows first … first + rows of the order."""
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(first, first + rows):
        total += weight[order[i] if order != NULL else i]
    return total


cdef void bind_whole(Rows *data, const real[::1] weights) noexcept:
    """Note that the rows' weights count relative to the mean of these, (n,) or None."""
    if weights is not None:
        data.whole_rows = weights.shape[0]
        data.mean_weight = sum_weights(&weights[0], NULL, 0, data.whole_rows) / data.whole_rows
