"""Losses of a batch: value and delta in one pass, through the row of losses.h that was chosen at binding.

Design
------
- `loss_block` scales the slopes of losses.h into deltas: d mean / d z.
- The mean is over samples and outputs (cross_entropy: over samples), weighted by `sample_weight` if given. A step's
  gradient may have another divisor than its mean loss: see rows.pxi. The caller passes the factor, because a block may
  be only a part of the batch.
- Each row has a value of its own. The rows are summed at the end, in double, through eight interleaved partial sums:
  the order depends on neither the vector width nor the thread that computed a row.
"""

cdef extern from "losses/losses.h" nogil:
    enum: N_LOSSES
    ctypedef struct lane_outputs:
        Py_ssize_t k, n, lead
        const real *z
        const real *target
        const int64_t *labels
        real option
    ctypedef struct target_range:
        const char *name
    bint are_targets(const target_range *of, Py_ssize_t n, const real *y)
    ctypedef struct Loss:
        const char *name
        const target_range *target
        void (*values)(
            const real *z, const real *y, Py_ssize_t n, real option, real *value, real *slope,
        ) noexcept nogil
        void (*curvatures)(const real *z, const real *y, Py_ssize_t n, real option, real *curvature) noexcept nogil
        double (*row)(
            Py_ssize_t k, const real *z, const real *target, int64_t label, real option, real *slope,
        ) noexcept nogil
        void (*lanes)(const lane_outputs *of, double *value, real *slope) noexcept nogil
        int n_all_kinks
        const char *zero
        void (*all_kinks)(
            int which, const real *z, const real *y, Py_ssize_t n, real option, real *argument,
        ) noexcept nogil
        bint smooth, differs, shifts, takes_labels
    const Loss *LOSS_ROWS "LOSSES"

LOSS_NAMES = tuple([LOSS_ROWS[i].name.decode() for i in range(N_LOSSES)])
LOSS_FACTS = {
    LOSS_ROWS[i].name.decode(): {
        "target": LOSS_ROWS[i].target.name.decode(),
        "whole_rows": LOSS_ROWS[i].row != NULL,
        "kink": LOSS_ROWS[i].zero.decode() if LOSS_ROWS[i].n_all_kinks and not LOSS_ROWS[i].smooth else "",
        "n_all_kinks": LOSS_ROWS[i].n_all_kinks,
        "smooth": LOSS_ROWS[i].smooth != 0 or LOSS_ROWS[i].n_all_kinks == 0,
    }
    for i in range(N_LOSSES)
}


cdef struct BoundLoss:
    const Loss *loss         # NULL: Python computes it
    real option              # huber's delta, quantile's q, an epsilon, cross_entropy's label_smoothing
    Py_ssize_t outputs       # k


cdef int check_targets(const BoundLoss *of, const Rows *data, Py_ssize_t n) except -1:
    """Raise Unfit if the targets of n rows are not in the loss's range; Python says which."""
    cdef bint fits = True
    with nogil:
        if data.target != NULL:
            fits = are_targets(of.loss.target, n * of.outputs, data.target)
    if not fits:
        raise _Unfit("y has a number that is no target of this loss")
    return 0


cdef double sum_run(Py_ssize_t n, const real *value) noexcept nogil:
    """Return the sum of at most RUN values of a loss function, in double."""
    cdef double wide[RUN]
    cdef Py_ssize_t i
    for i in range(n):
        wide[i] = value[i]
    return sum_values(n, wide)


cdef inline double averaged_over(const BoundLoss *of, double weight) noexcept nogil:
    """Return a total weight times the number of outputs that the loss averages over."""
    return weight if of.loss.row != NULL else weight * of.outputs


cdef double total_weight(
    const BoundLoss *of, const Rows *data, Py_ssize_t first, Py_ssize_t rows,
) noexcept nogil:
    """Return the divisor of a mean loss: the sum of the rows' weights times the outputs it averages over."""
    if data.weight == NULL:
        return averaged_over(of, rows)
    return averaged_over(of, sum_weights(data.weight, data.order, first, rows))


cdef inline double mean_factor(double total) noexcept nogil:
    """Return 1 / total, or 0 if every weight is 0."""
    return 1 / total if total != 0 else 0


cdef double gradient_factor(const BoundLoss *of, const Rows *data, Py_ssize_t rows, double mean) noexcept nogil:
    """Return 1 / (rows of a weighted batch * mean weight of all data * outputs that the loss averages over).

    If the batch is all data, that is `mean`, the factor of its mean loss, which is then returned to keep the bits.
    """
    if data.mean_weight == 0 or data.whole_rows == rows:
        return mean
    return mean_factor(averaged_over(of, rows * data.mean_weight))


cdef inline void scale_rows(
    Py_ssize_t rows, Py_ssize_t k, Py_ssize_t row, const real *weight,    # (rows,), or NULL for weights of 1
    double factor,
    real *delta, double *value,                                           # (rows, k) with stride `row`; (rows,)
) noexcept nogil:
    """Multiply values by the rows' weights, and deltas by the weights and the factor."""
    cdef Py_ssize_t r, j
    cdef real scale = <real>factor
    for j in range(rows * row if weight == NULL else 0):
        delta[j] *= scale
    for r in range(rows if weight != NULL else 0):
        scale = <real>(factor * weight[r])
        value[r] *= weight[r]
        for j in range(k):
            delta[r * row + j] *= scale


cdef void narrow_rows(
    const BoundLoss *of, Py_ssize_t rows, const real *target,    # (rows, k)
    const real *z, Py_ssize_t row,                               # (rows, k), rows * row <= RUN
    real *delta, double *value,                                  # (rows, k), of the same stride; (rows,)
) noexcept nogil:
    """Compute a pointwise loss's values and slopes of several rows as one vector, padding included."""
    cdef Py_ssize_t k = of.outputs, n = rows * row
    cdef Py_ssize_t r, j
    cdef real values[RUN]
    cdef real spread[RUN]
    cdef double total
    if k < row:
        spread[0] = 0    # GCC cannot see that spread_rows writes at least one row, and would warn.
        spread_rows(rows, k, row, target, spread)
        target = spread
    of.loss.values(z, target, n, of.option, values, delta)
    for r in range(rows):
        total = 0
        for j in range(k):
            total += values[r * row + j]
        value[r] = total


cdef inline double wide_row(
    const BoundLoss *of, const real *z, const real *target, real *delta,    # (k,) each
) noexcept nogil:
    """Return a pointwise loss of one row, and compute its slopes, at most RUN outputs at a time."""
    cdef Py_ssize_t i = 0, n
    cdef real values[RUN]
    cdef double total = 0
    while i < of.outputs:
        n = min(<Py_ssize_t>RUN, of.outputs - i)
        of.loss.values(z + i, target + i, n, of.option, values, delta + i)
        total += sum_run(n, values)
        i += RUN
    return total


cdef void loss_block(
    const BoundLoss *of, const Rows *block, Py_ssize_t rows,
    const real *z, Py_ssize_t row,    # (rows, k)
    double factor,                    # of the deltas: see `gradient_factor`
    real *delta,                      # (rows, k), of z's stride: d loss / d z
    double *value,                    # (rows,): each row's share of the loss, before the factor
) noexcept nogil:
    """Compute values and deltas of some rows of a batch."""
    cdef Py_ssize_t k = of.outputs
    cdef Py_ssize_t i = 0, n = 1
    cdef bint narrow = of.loss.row == NULL and 2 * row <= RUN
    while i < rows:
        if narrow:
            n = min(RUN // row, rows - i)
            narrow_rows(of, n, block.target + i * k, z + i * row, row, delta + i * row, value + i)
        elif of.loss.row == NULL:
            value[i] = wide_row(of, z + i * row, block.target + i * k, delta + i * row)
        else:
            value[i] = of.loss.row(
                k, z + i * row, NULL if block.target == NULL else block.target + i * k,
                -1 if block.labels == NULL else block.labels[i], of.option, delta + i * row,
            )
        scale_rows(n, k, row, NULL if block.weight == NULL else block.weight + i, factor, delta + i * row, value + i)
        i += n


def loss_code(str name):
    """Return the index of a loss in the kernels' table."""
    return LOSS_NAMES.index(name)


def loss_all_kinks(str name, double option, const real[:, ::1] z not None, const real[:, ::1] target not None):
    """Return what is 0 at each of a loss's `all_kinks`, (kinks, n, k) of raw outputs z and targets (n, k)."""
    cdef const Loss *loss = &LOSS_ROWS[<int>loss_code(name)]
    cdef Py_ssize_t rows = z.shape[0], k = z.shape[1]
    cdef int which
    if target.shape[0] != rows or target.shape[1] != k:
        raise ValueError(f"target must have z's shape ({rows}, {k})")
    found = numpy.empty((loss.n_all_kinks, rows, k), PRECISION)
    cdef real[:, :, ::1] at = found
    for which in range(loss.n_all_kinks if rows * k else 0):
        loss.all_kinks(which, &z[0, 0], &target[0, 0], rows * k, <real>option, &at[which, 0, 0])
    return found


def loss_rows(
    str name, double option, const real[:, ::1] z not None, const real[:, ::1] target=None,
    const int64_t[::1] labels=None, const real[::1] weight=None, real[:, ::1] delta=None,
):
    """Return the mean loss of raw outputs z (n, k), and write d loss / d z into delta (n, k)."""
    cdef BoundLoss of
    cdef Rows data
    cdef Py_ssize_t n = z.shape[0]
    cdef double[::1] value = numpy.empty(n)
    of.loss = &LOSS_ROWS[<int>loss_code(name)]
    of.option = <real>option
    of.outputs = z.shape[1]
    bind_rows(&data, z.shape[1], of.outputs, of.loss.takes_labels, z, target, labels, weight)
    if delta is None or delta.shape[0] != n or delta.shape[1] != z.shape[1]:
        raise ValueError(f"delta must have z's shape ({n}, {z.shape[1]})")
    cdef double factor = mean_factor(total_weight(&of, &data, 0, n))
    loss_block(&of, &data, n, &z[0, 0], z.shape[1], factor, &delta[0, 0], &value[0])
    return factor * sum_values(n, &value[0])
