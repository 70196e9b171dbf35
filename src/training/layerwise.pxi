"""Updates layer by layer, for layers that are frozen, or have a rate, a penalty or a norm limit of their own.

Design
------
- If no layer differs, one update covers the whole vector, and nothing here is called.
- The gradient of a frozen layer is never computed, so its part of the gradient vector stays 0. Norms, penalties and
  decay leave the layer out.
- The update of a layer or bias with its own rate is the network's with another rate. The rule's running scalars change
  once per step.
"""

cdef struct Layerwise:
    double l1, l2, factor       # the largest penalties and rate factor of the layers that are trained
    bint penalized              # whether one of these layers has a penalty
    bint apart                  # whether layers are updated one by one
    double *scratch             # for limit_norms; NULL if no layer has a max_norm


cdef int settle_layers(
    Network network, const double[:, ::1] factors, double l1, double l2, list owner, Layerwise *found,
) except -1:
    """Set up the layers of a network for training.

    The factors (n_layers, 2) are those on the rates of weights and biases, or None if all are 1.
    """
    cdef Plan *plan = &network.plan
    cdef Layer *layer
    cdef Py_ssize_t widest = 0
    cdef int i
    if factors is not None and (factors.shape[0] != plan.n_layers or factors.shape[1] != 2):
        raise ValueError(f"factors has shape ({factors.shape[0]}, {factors.shape[1]}); expected ({plan.n_layers}, 2)")
    found.factor = 1 if factors is None else 0
    for i in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[i]
        layer.frozen = factors is not None and factors[i, 0] == 0
        layer.update = layer.bias_update = NULL
        if not layer.n_params or layer.frozen:
            continue
        plan.lowest = i
        if layer.max_norm != INFINITY:
            widest = max(widest, layer.n_out)
        if factors is not None:
            found.factor = max(found.factor, factors[i, 0], factors[i, 1])
            layer.update = <Update *>take_bytes(sizeof(Update), owner)
            if layer.bias_at >= 0 and factors[i, 1] != factors[i, 0]:
                layer.bias_update = <Update *>take_bytes(sizeof(Update), owner)
    settle_penalties(plan, l1, l2, factors is not None, found)
    found.scratch = <double *>take_bytes(widest * sizeof(double), owner) if widest else NULL
    return 0


cdef void settle_penalties(const Plan *plan, double l1, double l2, bint rated, Layerwise *found) noexcept nogil:
    """Note what the model's penalties are for the layers that are trained; `rated`: some have rates of their own."""
    cdef const Layer *layer
    cdef int i
    found.l1, found.l2 = 0, 0
    for i in range(plan.lowest, plan.n_layers):
        layer = &plan.layers[i]
        if layer.n_params and not layer.frozen:
            found.l1 = max(found.l1, own_or(layer.l1, l1))
            found.l2 = max(found.l2, own_or(layer.l2, l2))
    found.penalized = found.l1 != 0 or found.l2 != 0
    found.apart = rated or found.l1 != 0


cdef void begin_layers(
    const Plan *plan,
    const Update *network,      # after update_begin
    const double *scalars,      # (N_SCALARS,), their values before it
    const double *factors,      # (n_layers, 2), on the rates of weights and biases
) noexcept nogil:
    """Compute the next step's coefficients for each layer and bias that has its own rate."""
    cdef int i
    for i in range(plan.n_layers):
        begin_own(plan.layers[i].update, network, scalars, factors[2 * i])
        begin_own(plan.layers[i].bias_update, network, scalars, factors[2 * i + 1])


cdef inline void begin_own(Update *own, const Update *network, const double *scalars, double factor) noexcept nogil:
    """Compute the next step's coefficients of an update with its own rate; NULL: there is none."""
    cdef double scratch[N_SCALARS]
    if own == NULL:
        return
    own[0] = network[0]
    own.learning_rate = network.learning_rate * factor
    memcpy(scratch, scalars, sizeof(scratch))
    own.scalars = scratch
    update_begin(own)
    own.scalars = network.scalars
    own.c[RATE_SUM] = factor * network.c[RATE_SUM]


cdef void update_layers(Sink *sink, const Plan *plan, const real *grads) noexcept nogil:
    """Update layer by layer from grads (n_params,), which include the penalties."""
    cdef const Layer *layer
    cdef Py_ssize_t at, end
    cdef real l1
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if layer.n_params and not layer.frozen:
            l1 = <real>own_or(layer.l1, sink.l1)
            update_part(sink, layer, layer.weight_at, layer.n_weights, grads, l1)
            at, end = layer.weight_at + layer.n_weights, layer.weight_at + layer.n_params
            if layer.bias_update != NULL:
                update_part(sink, layer, at, layer.bias_at - at, grads, 0)
                at = layer.bias_at
            update_part(sink, layer, at, end - at, grads, 0)


cdef inline void update_part(
    Sink *sink, const Layer *of, Py_ssize_t at, Py_ssize_t n, const real *grads, real l1,
) noexcept nogil:
    """Update n parameters of a layer, which begin at `at` in the flat vector; n may be 0."""
    if n == 0:
        return
    proximal_apply(
        update_of(of, at, sink.update), l1, sink.params + at, grads + at,
        NULL if sink.slots == NULL else sink.slots + at, sink.stride, n,
    )


cdef void limit_weights(const Plan *plan, double *scratch) noexcept nogil:
    """Scale weights down to the norm limits of their layers."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.lowest, plan.n_layers):
        layer = &plan.layers[i]
        if layer.max_norm != INFINITY and not layer.frozen:
            limit_norms(layer, plan.params + layer.weight_at, scratch)


cdef double large_norm(const Layer *of, const real *column) noexcept nogil:
    """Return the norm of a column of a weight whose squares overflow."""
    cdef double top = 0, total = 0
    cdef Py_ssize_t i
    for i in range(of.n_in):
        top = max(top, <double>real_abs(column[i * of.n_out]))
    for i in range(of.n_in):
        total += (column[i * of.n_out] / top) * (column[i * of.n_out] / top)
    return top * sqrt(total)


cdef void limit_norms(
    const Layer *of,
    real *weight,       # (n_in, n_out)
    double *factor,     # (n_out,), scratch
) noexcept nogil:
    """Scale each unit's weights, a column, down to the layer's norm limit (Srivastava et al., 2014)."""
    cdef Py_ssize_t i, j, n_out = of.n_out
    cdef double w, size
    cdef bint exceeds = False
    memset(factor, 0, n_out * sizeof(double))
    for i in range(of.n_in):
        for j in range(n_out):
            w = weight[i * n_out + j]
            factor[j] += w * w
    for j in range(n_out):
        size = sqrt(factor[j]) if isfinite(factor[j]) else large_norm(of, weight + j)
        exceeds = exceeds or size > of.max_norm
        factor[j] = of.max_norm / size if size > of.max_norm else 1.0
    if not exceeds:
        return
    for i in range(of.n_in):
        for j in range(n_out):
            weight[i * n_out + j] = <real>(weight[i * n_out + j] * factor[j])
