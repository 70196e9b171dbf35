"""The gradients of LANES models at once: a model in each lane of the vectors.

Design
------
- A narrow network with few rows leaves lanes empty or spends its time around the products, whatever lies in the lanes.
  Models of one shape fill them: every number is a vector, and nothing is shared or added across lanes. So what a model
  computes does not depend on its neighbours, and a lane without a model of its own repeats another one.
- It takes batches that a model alone would take with rows in the lanes (network/transposed.pxi), and sums in the same
  order: the bits are those of the model alone. So speed alone decides, and the number of models may.
- Losses and gradients come from here. What follows in a step (penalties, clipping, the rule, the guard) is that of
  step.pxi, model by model: a model whose step is refused is left out, and the others go on.
"""

cdef extern from "many/lanes.h" nogil:
    ctypedef struct vector:
        pass
    ctypedef struct models_args:
        const vector *a
        const vector *b
        const vector *init
        vector *c
        Py_ssize_t m, n, k, a_row, a_col, b_row, b_col, c_row
    void models_product(const models_args *of)
    void models_gradient(
        Py_ssize_t rows, Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t packed, bint bias, const vector *x,
        const vector *d, vector *g,
    )
    void models_join(Py_ssize_t n, const real *const *source, vector *to)
    void models_part(Py_ssize_t n, const vector *source, real *to, Py_ssize_t row)

cdef enum:                     # columns of the sums of an epoch
    LOSS_SUM, WEIGHT_SUM, NORM_SUM, CLIPPED_SUM, N_SUMS

cdef struct LaneModel:          # a model under way
    Descent of                  # its own copy, pointed at its parameters
    Rows rows                   # of its epoch, in their order
    Py_ssize_t number
    double total, mean, factor  # of its batch, as in `Pass`
    double sums[N_SUMS]
    int outcome

cdef struct LaneSpace:          # buffers, each a vector of models for every number
    real *params                # (n_params,)
    real *grads                 # (n_params,)
    real *own_grads             # (LANES, n_params), the same model by model
    real *x                     # (rows, n_in)
    real *target                # (rows, k)
    int64_t *labels             # (rows,)
    double *value               # (rows,)
    real **a                    # per layer: (rows, n_out), outputs
    real **z                    # per layer: a's own buffer where z is not kept
    real **delta                # per layer: (rows, n_out)


cdef bint may_share_lanes(const Descent *of, Py_ssize_t rows) noexcept nogil:
    """Return whether lanes take what all models have in common, and whether that pays for steps of so many rows."""
    cdef const Plan *plan = of.plan
    cdef int i
    if rows * plan.n_params > MODELS_WORK:
        return False
    if of.factors != NULL or (of.bound_loss.loss.row != NULL and of.bound_loss.loss.lanes == NULL):
        return False
    for i in range(plan.n_layers):
        if not plan.layers[i].kind.multiplies:
            return False
    return True


cdef inline bint takes_lanes(const Descent *of, const Rows *rows, Py_ssize_t size) noexcept nogil:
    """Return whether a model alone would take batches of this size as one block, with rows in the lanes."""
    if size > min(of.plan.most, of.plan.poll_rows):
        return False
    if size <= TINY_ROWS and (of.tiny or (of.small and has_narrow_layers(of.plan))):
        return False
    return is_transposed(of.plan, rows, size) and not takes_linear(of, rows, size)


cdef int take_lane_space(LaneSpace *space, const Plan *plan, Py_ssize_t rows, list owner) except -1:
    """Take the buffers for batches of so many rows."""
    cdef const Layer *layer
    cdef Py_ssize_t size = LANES * sizeof(real)
    cdef int i
    space.params = <real *>take_bytes(plan.n_params * size, owner)
    space.grads = <real *>take_bytes(plan.n_params * size, owner)
    space.own_grads = <real *>take_bytes(plan.n_params * size, owner)
    space.x = <real *>take_bytes(rows * plan.n_in * size, owner)
    space.target = <real *>take_bytes(rows * plan.n_out * size, owner)
    space.labels = <int64_t *>take_bytes(rows * LANES * sizeof(int64_t), owner)
    space.value = <double *>take_bytes(rows * LANES * sizeof(double), owner)
    space.a = <real **>take_bytes(plan.n_layers * sizeof(void *), owner)
    space.z = <real **>take_bytes(plan.n_layers * sizeof(void *), owner)
    space.delta = <real **>take_bytes(plan.n_layers * sizeof(void *), owner)
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        space.a[i] = <real *>take_bytes(rows * layer.n_out * size, owner)
        space.z[i] = <real *>take_bytes(rows * layer.n_out * size, owner) if layer.keeps_z else space.a[i]
        space.delta[i] = <real *>take_bytes(rows * layer.n_out * size, owner)
    return 0


cdef inline Py_ssize_t lane_row(const LaneModel *of, Py_ssize_t r) noexcept nogil:
    """Return which row of its data the model's row r is."""
    return r if of.rows.order == NULL else of.rows.order[r]


cdef void join_rows(
    LaneSpace *space, const LaneModel *models, const Plan *plan, Py_ssize_t first, Py_ssize_t rows,
) noexcept nogil:
    """Bring the models' rows first … first + rows together."""
    cdef const real *x[LANES]
    cdef const real *target[LANES]
    cdef Py_ssize_t r, row
    cdef int q
    for r in range(rows):
        for q in range(LANES):
            row = lane_row(&models[q], first + r)
            x[q] = models[q].rows.x + row * plan.n_in
            if models[q].rows.target != NULL:
                target[q] = models[q].rows.target + row * plan.n_out
            if models[q].rows.labels != NULL:
                space.labels[r * LANES + q] = models[q].rows.labels[row]
        models_join(plan.n_in, x, <vector *>(space.x + r * plan.n_in * LANES))
        if models[0].rows.target != NULL:
            models_join(plan.n_out, target, <vector *>(space.target + r * plan.n_out * LANES))


cdef void forward_lanes(LaneSpace *space, const Plan *plan, Py_ssize_t rows) noexcept nogil:
    """Fill the layers' outputs."""
    cdef const Layer *layer
    cdef models_args f
    cdef const real *x = space.x
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        f.m, f.n, f.k = rows, layer.n_out, layer.n_in
        f.a, f.a_row, f.a_col = <const vector *>x, layer.n_in, 1
        f.b, f.b_row, f.b_col = <const vector *>(space.params + layer.weight_at * LANES), layer.n_out, 1
        f.init = NULL
        if layer.bias_at >= 0:
            f.init = <const vector *>(space.params + layer.bias_at * LANES)
        f.c, f.c_row = <vector *>space.z[i], layer.n_out
        models_product(&f)
        activate(layer.activation, layer.option, space.z[i], space.a[i], rows * layer.n_out * LANES)
        x = space.a[i]


cdef void lanes_loss(
    LaneSpace *space, LaneModel *models, const Plan *plan, Py_ssize_t first, Py_ssize_t rows,
) noexcept nogil:
    """Fill values and the last layer's delta, which is scaled for each model and row."""
    cdef const BoundLoss *of = &models[0].of.bound_loss
    cdef real values[RUN]
    cdef real scale[LANES]
    cdef lane_outputs outputs
    cdef Py_ssize_t k = of.outputs, row = k * LANES, r, j
    cdef real *delta
    cdef const real *z
    cdef double *value
    cdef double weight
    cdef int q
    for q in range(LANES):
        scale[q] = <real>models[q].factor
    for r in range(rows):
        z, delta, value = space.a[plan.n_layers - 1] + r * row, space.delta[plan.n_layers - 1] + r * row, \
            space.value + r * LANES
        if of.loss.row != NULL:
            outputs.k, outputs.n, outputs.lead, outputs.z, outputs.option = k, LANES, LANES, z, of.option
            outputs.target, outputs.labels = NULL, NULL
            if models[0].rows.labels != NULL:
                outputs.labels = space.labels + r * LANES
            else:
                outputs.target = space.target + r * row
            of.loss.lanes(&outputs, value, delta)
        else:
            memset(value, 0, LANES * sizeof(double))
            for j in range(k):
                of.loss.values(
                    z + j * LANES, space.target + r * row + j * LANES, LANES, of.option, values, delta + j * LANES,
                )
                for q in range(LANES):
                    value[q] += values[q]
        if models[0].rows.weight != NULL:
            for q in range(LANES):
                weight = models[q].rows.weight[lane_row(&models[q], first + r)]
                scale[q] = <real>(models[q].factor * weight)
                value[q] *= weight
        for j in range(k):
            for q in range(LANES):
                delta[j * LANES + q] *= scale[q]


cdef void backward_lanes(LaneSpace *space, const Plan *plan, Py_ssize_t rows) noexcept nogil:
    """Go from the last delta to the gradients of all layers."""
    cdef const Layer *layer
    cdef models_args f
    cdef int i
    for i in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[i]
        multiply_slope(
            layer.activation, layer.option, space.z[i], space.a[i], space.delta[i], rows * layer.n_out * LANES,
        )
        models_gradient(
            rows, layer.n_in, layer.n_out, packed_columns(layer.n_in, layer.n_out, rows), layer.bias_at >= 0,
            <const vector *>(space.a[i - 1] if i else space.x), <const vector *>space.delta[i],
            <vector *>(space.grads + layer.weight_at * LANES),
        )
        if i:
            f.m, f.n, f.k = rows, layer.n_in, layer.n_out
            f.a, f.a_row, f.a_col = <const vector *>space.delta[i], layer.n_out, 1
            f.b, f.b_row, f.b_col = <const vector *>(space.params + layer.weight_at * LANES), 1, layer.n_out
            f.init, f.c, f.c_row = NULL, <vector *>space.delta[i - 1], layer.n_in
            models_product(&f)


cdef double lane_loss(const LaneSpace *space, Py_ssize_t rows, int q) noexcept nogil:
    """Return the sum of a model's values, in the order of `sum_values`."""
    cdef double part[8]
    cdef double rest = 0
    cdef Py_ssize_t i, j
    for j in range(8):
        part[j] = 0
    for i in range(0, rows - rows % 8, 8):
        for j in range(8):
            part[j] += space.value[(i + j) * LANES + q]
    for i in range(rows - rows % 8, rows):
        rest += space.value[i * LANES + q]
    return eight_parts(part) + rest


cdef int finish_lane(LaneModel *model, double loss) except -1 nogil:
    """Make the update of one model from its gradient, and count the step."""
    cdef Descent *of = &model.of
    of.batch_weight = model.total
    of.plan.params = of.variables.params
    if not isfinite(loss):
        model.outcome = BAD_LOSS
        return 0
    model.outcome = finish_step(of, sum_squares(of.plan.n_params, of.grads))
    if model.outcome != GOOD:
        return 0
    model.sums[LOSS_SUM] = plus_product(model.sums[LOSS_SUM], loss, of.batch_weight)
    model.sums[WEIGHT_SUM] += of.batch_weight
    model.sums[NORM_SUM] += of.gradient_norm
    model.sums[CLIPPED_SUM] += of.update.scale != 1 or of.clipped
    keep_step(of)
    return 0


cdef int lanes_step(
    LaneSpace *space, LaneModel *models, int count, Py_ssize_t first, Py_ssize_t rows,
) except -1 nogil:
    """Make a step of the first `count` models; the other lanes repeat the first one."""
    cdef Plan *plan = models[0].of.plan
    cdef const real *params[LANES]
    cdef Pass batch
    cdef int q
    if stops(&plan.workers[0], LANES * rows * plan.n_params):
        return -1
    for q in range(LANES):
        params[q] = models[q].of.variables.params
        if q == 0 or models[q].rows.weight != NULL:
            batch.of, batch.data, batch.first, batch.rows = &models[q].of.bound_loss, &models[q].rows, first, rows
            settle_factors(&batch)
        models[q].total, models[q].mean, models[q].factor = batch.total_weight, batch.mean, batch.factor
    models_join(plan.n_params, params, <vector *>space.params)
    join_rows(space, models, plan, first, rows)
    forward_lanes(space, plan, rows)
    lanes_loss(space, models, plan, first, rows)
    backward_lanes(space, plan, rows)
    models_part(plan.n_params, <const vector *>space.grads, space.own_grads, plan.n_params)
    for q in range(count):
        if models[q].outcome == GOOD:
            finish_lane(&models[q], models[q].mean * lane_loss(space, rows, q))
    return 0
