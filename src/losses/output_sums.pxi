"""The loss of each output by itself, summed over an epoch, and how large each output's weights were meanwhile.

Design
------
- It is for linear models under a loss that is computed number by number: then every output is a model of its own, and
  whoever trains several at once can see how each one fares. Losses are not weighted.
- A step's losses are added to the epoch's when the step is made. Groups of blocks (batch.pxi) sum theirs apart, and are
  added in order, so that sums do not depend on threads.
- The squared norm of an output's weights w, under plain gradient descent row by row, follows from numbers that a step
  knows: a step w' = keep w - rate slope x has |w'|^2 = keep^2 |w|^2 - 2 keep rate slope (w x) + rate^2 slope^2 |x|^2.
  So it costs a step nothing that grows with the weights, also on sparse rows whose weights wait (lazy.pxi).
"""

cdef struct OutputSums:
    double *total        # (2, k + 1), of the epoch: losses, rows; squared norms before each step, steps; NULL: no sums
    double *losses       # (groups, k), of the batch
    double *squares      # (k,): squared norms of the weights
    double *cross        # (k,), of a batch of one: slope * (w x)
    double *own          # (k,), of a batch of one: slope^2 * |x|^2
    Py_ssize_t rows      # of the batch
    int groups           # of the batch


cdef void begin_outputs(OutputSums *of, Py_ssize_t k, Py_ssize_t rows, int groups) noexcept nogil:
    """Begin a batch."""
    of.rows, of.groups = rows, groups
    memset(of.losses, 0, groups * k * sizeof(double))


cdef void add_losses(
    OutputSums *of, int group, const BoundLoss *bound, const real *z, const real *target,    # (k,) each
) noexcept nogil:
    """Add the losses of a row."""
    cdef real values[RUN]
    cdef real slopes[RUN]
    cdef double *losses = of.losses + group * bound.outputs
    cdef Py_ssize_t i = 0, j, n
    while i < bound.outputs:
        n = min(<Py_ssize_t>RUN, bound.outputs - i)
        bound.loss.values(z + i, target + i, n, bound.option, values, slopes)
        for j in range(n):
            losses[i + j] += values[j]
        i += RUN


cdef void see_move(
    OutputSums *of, Py_ssize_t k, const real *z, const real *slope, const real *bias, double inputs,
) noexcept nogil:
    """Note how the only row of a batch moves the weights; `inputs` is its |x|^2."""
    cdef Py_ssize_t j
    cdef double pull
    for j in range(k):
        pull = slope[j]
        of.cross[j] = pull * (z[j] - (0 if bias == NULL else bias[j]))
        of.own[j] = pull * pull * inputs


cdef void count_outputs(OutputSums *of, Py_ssize_t k, double rate, double l2) noexcept nogil:
    """Add the batch, whose step is made, to the epoch; rate and penalty are those of the step."""
    cdef double keep = 1 - rate * l2
    cdef Py_ssize_t j
    cdef int group
    of.total[k] += of.rows
    of.total[2 * k + 1] += 1
    for j in range(k):
        of.total[k + 1 + j] += of.squares[j]
        for group in range(of.groups):
            of.total[j] += of.losses[group * k + j]
        if of.rows == 1:
            of.squares[j] = keep * keep * of.squares[j] - 2 * keep * rate * of.cross[j] + rate * rate * of.own[j]
            of.squares[j] = max(0.0, of.squares[j])


cdef void settle_squares(OutputSums *of, Py_ssize_t n_in, Py_ssize_t k, const real *weight) noexcept nogil:
    """Compute the squared norms of the outputs' weights (n_in, k)."""
    cdef Py_ssize_t i, j
    memset(of.squares, 0, k * sizeof(double))
    for i in range(n_in):
        for j in range(k):
            of.squares[j] += <double>weight[i * k + j] * weight[i * k + j]
