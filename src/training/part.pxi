"""A part of a step: the gradient of some of its rows, for a step whose rows several processes share.

Design
------
- Parts are summed by whoever asks for them, in an order of his own; `apply_gradient` makes the step of the sum.
- A call is as short as its rows: of labels that it does not visit, none is looked at.
- A row counts as in the whole step: its gradient is divided by the divisor of all of the step's rows, and its dropout
  masks are those of its place among them. So the sum of all parts is the step's gradient, up to roundoff.
"""

cdef int part_of_step(Pass *batch) except -1 nogil:
    """Compute the gradient of a part of a step, and the sum of its losses, unless a signal handler raises."""
    run_batch(batch)
    return -1 if is_left(batch) else 0


cdef int bind_part(
    Rows *rows, Py_ssize_t n, const BoundLoss *of, const real[:, ::1] target, const int64_t[::1] labels,
    const real[::1] weight, const int64_t[::1] order,
) except -1:
    """Do what `bind_targets` does, and check the labels of the rows of `order` alone, where it is given."""
    cdef Py_ssize_t i
    if labels is None or order is None:
        return bind_targets(rows, n, of.outputs, of.loss.takes_labels, target, labels, weight)
    if labels.shape[0] != n or not of.loss.takes_labels:
        raise ValueError(f"labels have shape ({labels.shape[0]},); expected ({n},), for a loss that takes labels")
    for i in range(order.shape[0]):
        if labels[order[i]] < 0 or labels[order[i]] >= of.outputs:
            raise ValueError(f"y has label {labels[order[i]]} in row {order[i]}; expected 0 … {of.outputs - 1}")
    rows.labels = <int64_t *>&labels[0]
    return bind_weights(rows, n, weight)


def step_part(
    Training run not None, tuple data not None, const int64_t[::1] order, Py_ssize_t place, double factor,
    real[::1] grads not None,
):
    """Write a part of the next step's gradient into grads (n_params,), and return the sum of its rows' losses.

    `data` and `order` are as in `Training.epoch` and hold the rows of the part; the first one has the place `place` in
    its step. Losses count times their weights, and the gradient times `factor` too. It has no penalties, and the
    entries of frozen layers are not written. The caller has the turn.
    """
    cdef const real[:, ::1] dense = None if type(data[0]) is _SparseRows else data[0]
    cdef const real[:, ::1] target
    cdef const int64_t[::1] labels
    cdef const real[::1] weight
    X, target, labels, weight = data
    cdef Descent *of = &run.descent
    cdef Rows rows
    cdef Pass batch
    cdef Py_ssize_t n = run.network.bind(&rows, dense, X)
    bind_part(&rows, n, &of.bound_loss, target, labels, weight, order)
    if order is not None:
        rows.order = rows.entries.order = &order[0]
        n = order.shape[0]
    rows.place, rows.factor = place, factor
    batch.plan, batch.data, batch.of, batch.outputs = of.plan, &rows, &of.bound_loss, NULL
    batch.first, batch.rows, batch.key, batch.backward = 0, n, dropout_key(of), True
    bind_sink(of, &batch.sink)
    batch.sink.grads = run.network.gradient_at(grads)
    run.begin(n, rows.x != NULL, True, NULL)
    try:
        with nogil:
            part_of_step(&batch)
    finally:
        run.end()
    return batch.loss[0]
