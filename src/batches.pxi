"""Rows of the data as a batch sees them: a stretch of an order, in place or brought together.

Design
------
- A `Rows` is a view: inputs, targets (numbers or labels), weights, and the order to visit them in. Without an
  order a batch is a stretch of the caller's own arrays and nothing is copied; with one, `take_rows` gathers a block.
- A batch's gradient divides by its number of rows times the mean weight of all data. Divided by the batch's own weights
  instead, small batches would cancel the weights, and a fit would not minimize the weighted mean over all rows.
- Long runs look at pending signals now and then, so that Ctrl-C is answered within 100 ms on an idle machine: by work
  done first, then by the clock, and only then by taking the GIL. What is between two looks takes a core some 20 ms at
  the most: rows of a block, and groups of columns in a product. An update is not left half-way.
"""

cdef extern from "Python.h":
    int check_signals "PyErr_CheckSignals"() noexcept    # -1, with the exception set

cdef extern from "time.h" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *now)
    enum: CLOCK_MONOTONIC

cdef enum:
    POLL_WORK = 1000000            # multiply-adds between two looks at the clock
    POLL_NANOSECONDS = 20000000    # between two looks at pending signals
    CALL_WORK = 256                # multiply-adds that what is around a piece of work takes the time of, at least
    UPDATE_WORK = 8                # and an update, for each parameter

cdef struct Rows:
    real *x                  # (n, n_in), rows x_row apart
    Py_ssize_t x_row
    real *target             # (n, k), or NULL where labels are given
    int64_t *labels          # (n,), or NULL
    real *weight             # (n,), or NULL: every weight 1
    const int64_t *order     # (n,): the order they are visited in, or NULL: as they stand
    double mean_weight       # what weights count relative to: that of all data, 1 in a step by hand, 0: the batch's own
    Py_ssize_t whole_rows    # of all data, where it is theirs

cdef extern from "pool.h" nogil:
    ctypedef struct Flag:
        pass
    void flag_set(Flag *flag, bint up) noexcept
    bint flag_up(Flag *flag) noexcept

cdef struct Poll:
    Py_ssize_t work
    long nanoseconds
    Flag stopped             # a signal handler has raised; what is left of the job is skipped

cdef struct Worker:          # one of the threads that share a job
    real *panels             # scratch of its products
    Poll *poll               # of the job; NULL: it is never left
    int thread               # 0: the one that looks at signals


cdef bint interrupted(Poll *poll, Py_ssize_t work) noexcept nogil:
    """Whether a signal handler has raised (KeyboardInterrupt), looking only when it is time to. It stays raised."""
    cdef timespec now
    cdef long since
    poll.work += work + CALL_WORK
    if poll.work < POLL_WORK:
        return False
    poll.work = 0
    clock_gettime(CLOCK_MONOTONIC, &now)
    since = now.tv_sec * 1000000000 + now.tv_nsec - poll.nanoseconds
    if since < POLL_NANOSECONDS:
        return False
    poll.nanoseconds += since
    with gil:
        return check_signals() != 0


cdef inline bint stops(const Worker *worker, Py_ssize_t work) noexcept nogil:
    """Whether to leave a job where it is; the calling thread looks, the others follow."""
    cdef Poll *poll = worker.poll
    if poll == NULL:
        return False
    if worker.thread == 0 and not flag_up(&poll.stopped):
        flag_set(&poll.stopped, interrupted(poll, work))
    return flag_up(&poll.stopped)


cdef inline void copy_row(Py_ssize_t n, const real *source, real *to) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        to[j] = source[j]


cdef inline bint gathers(const Rows *data, Py_ssize_t n_in) noexcept nogil:
    """Whether rows are brought together: out of order, or from a stride that the products read badly."""
    return data.order != NULL or n_in * <Py_ssize_t>sizeof(real) % BAD_STRIDE == 0


cdef void take_rows(
    const Rows *data, Py_ssize_t n_in, Py_ssize_t k, Py_ssize_t first, Py_ssize_t rows,
    const Rows *room, Py_ssize_t at,    # buffers to gather into, and the row to begin at
    Rows *block,                        # the view that results
) noexcept nogil:
    """A view of rows first … first + rows of the data's order."""
    cdef Py_ssize_t r
    cdef int64_t i
    block.order = NULL
    if not gathers(data, n_in):
        block.x = data.x + first * n_in
        block.x_row = n_in
        block.target = NULL if data.target == NULL else data.target + first * k
        block.labels = NULL if data.labels == NULL else data.labels + first
        block.weight = NULL if data.weight == NULL else data.weight + first
        return
    block.x = room.x + at * room.x_row
    block.x_row = room.x_row
    block.target = NULL if data.target == NULL else room.target + at * k
    block.labels = NULL if data.labels == NULL else room.labels + at
    block.weight = NULL if data.weight == NULL else room.weight + at
    for r in range(rows):
        i = data.order[first + r] if data.order != NULL else first + r
        copy_row(n_in, data.x + i * n_in, block.x + r * block.x_row)
        if block.target != NULL:
            copy_row(k, data.target + i * k, block.target + r * k)
        if block.labels != NULL:
            block.labels[r] = data.labels[i]
        if block.weight != NULL:
            block.weight[r] = data.weight[i]


cdef int bind_rows(
    Rows *data, Py_ssize_t n_in, Py_ssize_t k, bint takes_labels,
    const real[:, ::1] X,              # (n, n_in)
    const real[:, ::1] target,         # (n, k), or None where labels are given
    const int64_t[::1] labels,         # (n,), or None
    const real[::1] weight,            # (n,), or None
) except -1:
    """Point at the caller's arrays, which Python has validated; the shapes are checked for memory's sake."""
    cdef Py_ssize_t n = X.shape[0]
    cdef Py_ssize_t i
    memset(data, 0, sizeof(Rows))
    if n == 0 or X.shape[1] != n_in:
        raise ValueError(f"X has shape ({n}, {X.shape[1]}); expected at least one row of {n_in} features")
    data.x = <real *>&X[0, 0]
    data.x_row = n_in
    if labels is not None:
        if labels.shape[0] != n or not takes_labels:
            raise ValueError(f"labels have shape ({labels.shape[0]},); expected ({n},), for a loss that takes labels")
        for i in range(n):
            if labels[i] < 0 or labels[i] >= k:
                raise ValueError(f"y has label {labels[i]} in row {i}; expected 0 … {k - 1}")
        data.labels = <int64_t *>&labels[0]
    else:
        if target is None or target.shape[0] != n or target.shape[1] != k:
            raise ValueError(f"y must have shape ({n}, {k})")
        data.target = <real *>&target[0, 0]
    if weight is not None:
        if weight.shape[0] != n:
            raise ValueError(f"sample_weight has shape ({weight.shape[0]},); expected ({n},)")
        data.weight = <real *>&weight[0]
    return 0


cdef double sum_weights(
    const real *weight, const int64_t *order, Py_ssize_t first, Py_ssize_t rows,    # (n,); (n,) or NULL
) noexcept nogil:
    """Sum of the weights of rows first … first + rows of the order."""
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
