"""An epoch of arrays as a user passes them, with as little around its steps as there is around a single one.

Design
------
- Where all steps of an epoch take some microseconds, checking the data in Python took several times as long.
- Arrays are held as in a step, and looked through in the kernels. What is refused has changed nothing: Python takes
  the longer path, which converts it or explains the error.
"""

cdef int all_batches(
    Training run, const Rows *rows, Py_ssize_t of_rows, Py_ssize_t n, Py_ssize_t batch_size, const double *rates,
    double *sum_to,
) except -1:
    """Take the network, and make steps on n rows of the data's order, whose numbers are below `of_rows`."""
    cdef Descent *of = &run.descent
    cdef Py_ssize_t first = 0
    cdef int outcome = GOOD
    run.begin(min(batch_size, n), rows.x != NULL, True, sum_to)
    try:
        run.let_wait(rows, of_rows, batch_size)
        with nogil:
            if of.outputs.total != NULL:
                settle_squares(&of.outputs, of.plan.n_in, of.plan.n_out, of.plan.params)
            outcome = run.batches(rows, &first, n, batch_size, rates)
    finally:
        run.end()
    if outcome != GOOD:
        raise _RefusedStep(OUTCOMES[outcome], first // batch_size)
    return 0


cdef int64_t *shuffled_rows(Training run, Py_ssize_t n) except NULL:
    """Return the order of n rows in the present epoch, which the caller frees."""
    cdef int64_t *order = <int64_t *>malloc(n * sizeof(int64_t))
    if order == NULL:
        raise MemoryError(f"no memory for the order of {n} rows")
    try:
        draw_order(run.descent.seed, run.epochs_done, order, n)
    except BaseException:
        free(order)
        raise
    return order


cdef double held_epoch(
    Training run, object X, Held *inputs, object target, object labels, Held *targets, Py_ssize_t batch_size,
    bint shuffles,
) except? -1:
    """Do what `whole_epoch` says, on arrays that it lets go."""
    cdef const Descent *of = &run.descent
    cdef Rows rows
    cdef int64_t *order = NULL
    cdef Py_ssize_t k = of.plan.n_out, n = hold_inputs(&rows, of.plan.n_in, False, inputs, X), steps
    cdef bint finite
    hold_targets(&rows, n, k, of.bound_loss.loss.takes_labels, targets, target, labels)
    check_targets(&of.bound_loss, &rows, n)
    with nogil:
        finite = every_finite(n * of.plan.n_in, rows.x)
        finite = finite and (rows.target == NULL or every_finite(n * k, rows.target))
    if not finite:
        raise _Unfit("X or y has NaN or infinity")
    batch_size = min(batch_size, n)
    steps = (n + batch_size - 1) // batch_size
    if run.epoch_samples == n and run.epoch_of_steps == steps and run.epoch_steps < steps:
        raise _Unfit("an epoch over these rows is not at its end")
    if shuffles and steps > 1:
        rows.order = order = shuffled_rows(run, n)
    try:
        run.begin_epoch(n, steps)
        all_batches(run, &rows, n, n, batch_size, NULL, NULL)
    finally:
        free(order)
    return run.loss_sum / run.total_weight


def whole_epoch(Training run not None, X not None, target, labels, Py_ssize_t batch_size, bint shuffles):
    """Run an epoch over all rows, in a random order if it shuffles, and return the mean loss, each before its step.

    X is dense; X, target and labels may have any format that `hold` takes. The caller has the turn, the rate is set,
    and every finite X has a finite loss. An Unfit has changed nothing.
    """
    cdef Held inputs, targets
    if batch_size < 1:
        raise ValueError(f"batch_size must be >= 1, got {batch_size}")
    hold_nothing(&inputs)
    hold_nothing(&targets)
    try:
        return held_epoch(run, X, &inputs, target, labels, &targets, batch_size, shuffles)
    finally:
        let_go(&inputs)
        let_go(&targets)
