"""Losses and outputs of many models of one shape: one network is pointed at each model's parameters in turn."""


def many_losses(
    Network network not None, tuple loss not None, const real[:, ::1] params not None, ModelData data not None,
    double[::1] out not None,
):
    """Write the mean loss of each model, of parameters (n_models, n_params), into out (n_models,).

    `loss` is its name and option. A model whose place in `out` is NaN is left out.
    """
    cdef BoundLoss of
    cdef Rows rows
    cdef Pass batch
    cdef Py_ssize_t i
    cdef real *before = network.plan.params
    check_many(network, params, data, out.shape[0])
    name, option = loss
    of.loss, of.option, of.outputs = &LOSS_ROWS[<int>loss_code(name)], <real><double>option, network.plan.n_out
    batch.plan, batch.data, batch.of, batch.outputs = &network.plan, &rows, &of, NULL
    batch.first, batch.key, batch.backward, batch.sink.grads = 0, 0, False, NULL
    network.acquire(data.longest)
    try:
        with nogil:
            for i in range(params.shape[0]):
                if flag_up(&network.poll.stopped):
                    break
                if out[i] == out[i]:
                    network.plan.params = <real *>&params[i, 0]
                    batch.rows = data.see(i, network, &rows)
                    out[i] = run_batch(&batch)
    finally:
        network.plan.params = before
        network.release()


def many_outputs(
    Network network not None, const real[:, ::1] params not None, ModelData data not None, list out not None,
):
    """Write the raw outputs of each model for its rows into its array (rows, n_out) of the list `out`.

    The data have no index. Returns the first model whose inputs or outputs are not finite, or -1.
    """
    cdef Py_ssize_t i, n
    cdef real[:, ::1] to
    cdef Rows rows
    cdef real *before = network.plan.params
    cdef bint finite = True
    check_many(network, params, data, len(out))
    if data.index is not None:
        raise ValueError("outputs are computed of rows in their own order")
    network.acquire(min(data.longest, most_predicted(&network.plan)))
    try:
        for i in range(params.shape[0]):
            n = data.see(i, network, &rows)
            to = out[i]
            if to.shape[0] != n or to.shape[1] != network.plan.n_out:
                raise ValueError(f"outputs of model {i} must have shape ({n}, {network.plan.n_out})")
            network.plan.params = <real *>&params[i, 0]
            with nogil:
                finite = predict_rows(&network.plan, &rows, n, network.partial, &to[0, 0])
            if not finite or flag_up(&network.poll.stopped):
                break
    finally:
        network.plan.params = before
        network.release()
    return -1 if finite else i


cdef int check_many(Network network, const real[:, ::1] params, ModelData data, Py_ssize_t n_out) except -1:
    """Check for memory's sake that models, data and results fit."""
    if params.shape[1] != network.plan.n_params or params.shape[0] != data.n_models or n_out != data.n_models:
        raise ValueError("parameters, data and results do not fit the network")
    return 0
