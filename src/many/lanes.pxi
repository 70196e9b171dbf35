"""The gradients of LANES models at once: a model in each lane of the vectors.

Design
------
- A narrow network with few rows leaves lanes empty or spends its time around the products, whatever lies in the lanes.
  Models of one shape fill them: every number is a vector, and nothing is shared or added across lanes. So what a model
  computes does not depend on its neighbours, and a lane without a model of its own repeats another one.
- lane_steps.pxi makes steps of these gradients.
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
    bint models_deltas(
        const models_args *of,
        void (*slopes)(const real *z, const real *a, real *delta, Py_ssize_t n, real option) noexcept nogil,
        const vector *s,
    )
    void models_gradient(
        Py_ssize_t rows, Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t packed, bint bias, const vector *x,
        const vector *d, vector *g,
    )

cdef extern from "many/join.h" nogil:
    ctypedef struct models_rows:
        Py_ssize_t n_in, n_out
        const real *x[LANES]
        const real *y[LANES]
        const int64_t *order[LANES]
        bint alike
    void models_join(Py_ssize_t n, const real *const *source, vector *to)
    void models_part(Py_ssize_t n, const vector *source, real *to, Py_ssize_t row)
    void models_join_one(Py_ssize_t n, const real *source, int q, vector *to)
    void models_part_one(Py_ssize_t n, const vector *source, int q, real *to)
    void models_join_rows(Py_ssize_t first, Py_ssize_t rows, const models_rows *of, vector *x, vector *y)

cdef extern from "many/descent.h" nogil:
    ctypedef struct models_descent:
        double rate[LANES]
        double growth[LANES]
        double bound[LANES]
        double mean[LANES]
        double share[LANES]
        double loss_sum[LANES]
        double share_sum[LANES]
        double norm_sum[LANES]
        unsigned char taken[LANES]
        double limit, push
    void models_totals(Py_ssize_t rows, const double *value, double *total)
    void models_scale(
        Py_ssize_t rows, Py_ssize_t k, const real *found, const real *scale, double *value, vector *delta,
    )
    unsigned int models_descend(
        Py_ssize_t n, const double *total, const vector *g, vector *p, models_descent *of,
    )

cdef extern from "many/linear.h" nogil:
    ctypedef struct models_linear:
        Py_ssize_t n_in, rows, first
        bint has_bias
        const models_rows *data
        vector *x
        vector *y
        vector *p
        vector *g
        vector *pull
    unsigned int models_linear_step(const models_linear *of, models_descent *all)
    bint takes_models_linear(
        void (*values)(
            const real *z, const real *y, Py_ssize_t n, real option, real *value, real *slope
        ) noexcept nogil, Py_ssize_t n_in, Py_ssize_t rows,
    )

cdef enum:                     # columns of the sums of an epoch
    LOSS_SUM, WEIGHT_SUM, NORM_SUM, CLIPPED_SUM, N_SUMS

cdef struct LaneModel:          # a model under way
    Descent of                  # its own copy, pointed at its parameters
    Rows rows                   # of its epoch, in their order
    const int64_t *given        # the order that its data came in
    Py_ssize_t n                # rows
    long long begun             # steps before the epoch
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
    real *values                # (rows, k)
    double *value               # (rows,)
    models_rows joined
    Py_ssize_t block            # rows that go through all layers before the next ones
    models_descent descent
    bint plain                  # whether `descent` takes the models' updates
    bint linear                 # whether the steps are those of many/linear.h
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


cdef int take_lane_space(LaneSpace *space, const Plan *plan, Py_ssize_t rows, list owner) except -1:
    """Take the buffers for batches of so many rows."""
    cdef const Layer *layer
    cdef Py_ssize_t size = LANES * sizeof(real), widths = 0
    cdef int i
    space.params = <real *>take_bytes(plan.n_params * size, owner)
    space.grads = <real *>take_bytes(plan.n_params * size, owner)
    space.own_grads = <real *>take_bytes(plan.n_params * size, owner)
    space.x = <real *>take_bytes(rows * plan.n_in * size, owner)
    space.target = <real *>take_bytes(rows * plan.n_out * size, owner)
    space.labels = <int64_t *>take_bytes(rows * LANES * sizeof(int64_t), owner)
    space.values = <real *>take_bytes(rows * plan.n_out * size, owner)
    space.value = <double *>take_bytes(rows * LANES * sizeof(double), owner)
    space.a = <real **>take_bytes(plan.n_layers * sizeof(void *), owner)
    space.z = <real **>take_bytes(plan.n_layers * sizeof(void *), owner)
    space.delta = <real **>take_bytes(plan.n_layers * sizeof(void *), owner)
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        widths += 2 * layer.n_out
        space.a[i] = <real *>take_bytes(rows * layer.n_out * size, owner)
        space.z[i] = <real *>take_bytes(rows * layer.n_out * size, owner) if layer.keeps_z else space.a[i]
        space.delta[i] = <real *>take_bytes(rows * layer.n_out * size, owner)
    space.block = max(4, MODELS_BYTES // (widths * size) // 4 * 4)
    return 0


cdef inline Py_ssize_t lane_row(const LaneModel *of, Py_ssize_t r) noexcept nogil:
    """Return which row of its data the model's row r is."""
    return r if of.rows.order == NULL else of.rows.order[r]


cdef void join_batch(LaneSpace *space, const LaneModel *models, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
    """Bring the models' rows first … first + rows together."""
    cdef Py_ssize_t r
    cdef int q
    models_join_rows(first, rows, &space.joined, <vector *>space.x, <vector *>space.target)
    for r in range(rows if models[0].rows.labels != NULL else 0):
        for q in range(LANES):
            space.labels[r * LANES + q] = models[q].rows.labels[lane_row(&models[q], first + r)]


cdef void forward_lanes(LaneSpace *space, const Plan *plan, Py_ssize_t at, Py_ssize_t rows) noexcept nogil:
    """Fill the layers' outputs of rows at … at + rows of the batch."""
    cdef const Layer *layer
    cdef models_args f
    cdef const real *x = space.x + at * plan.n_in * LANES
    cdef real *z
    cdef real *a
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        f.m, f.n, f.k = rows, layer.n_out, layer.n_in
        f.a, f.a_row, f.a_col = <const vector *>x, layer.n_in, 1
        f.b, f.b_row, f.b_col = <const vector *>(space.params + layer.weight_at * LANES), layer.n_out, 1
        f.init = NULL
        if layer.bias_at >= 0:
            f.init = <const vector *>(space.params + layer.bias_at * LANES)
        z, a = space.z[i] + at * layer.n_out * LANES, space.a[i] + at * layer.n_out * LANES
        f.c, f.c_row = <vector *>z, layer.n_out
        models_product(&f)
        activate(layer.activation, layer.option, z, a, rows * layer.n_out * LANES)
        x = a


cdef void lanes_loss(
    LaneSpace *space, LaneModel *models, const Plan *plan, Py_ssize_t first, Py_ssize_t at, Py_ssize_t rows,
) noexcept nogil:
    """Fill values and the last layer's delta of rows at … at + rows, scaled for each model and row."""
    cdef const BoundLoss *of = &models[0].of.bound_loss
    cdef bint weighted = models[0].rows.weight != NULL
    cdef real scale[LANES]
    cdef lane_outputs outputs
    cdef Py_ssize_t k = of.outputs, row = k * LANES, r, j
    cdef real *delta = space.delta[plan.n_layers - 1] + at * row
    cdef const real *z = space.a[plan.n_layers - 1] + at * row
    cdef const real *found = space.values
    cdef double *value = space.value + at * LANES
    cdef double weight
    cdef int q
    for q in range(LANES):
        scale[q] = <real>models[q].factor
    if of.loss.row == NULL:
        of.loss.values(z, space.target + at * row, rows * row, of.option, space.values, delta)
        if not weighted:
            models_scale(rows, k, space.values, scale, value, <vector *>delta)
            return
    for r in range(at, at + rows):
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
                for q in range(LANES):
                    value[q] += found[j * LANES + q]
        for q in range(LANES if weighted else 0):
            weight = models[q].rows.weight[lane_row(&models[q], first + r)]
            scale[q] = <real>(models[q].factor * weight)
            value[q] *= weight
        for j in range(k):
            for q in range(LANES):
                delta[j * LANES + q] *= scale[q]
        z, found, delta, value = z + row, found + row, delta + row, value + LANES


cdef void backward_lanes(LaneSpace *space, const Plan *plan, Py_ssize_t at, Py_ssize_t rows) noexcept nogil:
    """Go from the last delta to those of all layers, of rows at … at + rows."""
    cdef const Layer *layer
    cdef models_args f
    cdef Py_ssize_t skip
    cdef bint sloped = False        # whether the layer's delta has the factor of its activation
    cdef int i
    for i in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[i]
        skip = at * layer.n_out * LANES
        if not sloped:
            multiply_slope(
                layer.activation, layer.option, space.z[i] + skip, space.a[i] + skip, space.delta[i] + skip,
                rows * layer.n_out * LANES,
            )
        if i:
            f.m, f.n, f.k = rows, layer.n_in, layer.n_out
            f.a, f.a_row, f.a_col = <const vector *>(space.delta[i] + skip), layer.n_out, 1
            f.b, f.b_row, f.b_col = <const vector *>(space.params + layer.weight_at * LANES), 1, layer.n_out
            f.init, f.c, f.c_row = NULL, <vector *>(space.delta[i - 1] + at * layer.n_in * LANES), layer.n_in
            sloped = models_deltas(
                &f, plan.layers[i - 1].activation.multiply_slopes,
                <const vector *>(space.a[i - 1] + at * layer.n_in * LANES),
            )


cdef void lane_gradients(LaneSpace *space, const Plan *plan, Py_ssize_t rows) noexcept nogil:
    """Fill the gradients of all layers."""
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        models_gradient(
            rows, layer.n_in, layer.n_out, packed_columns(layer.n_in, layer.n_out, rows), layer.bias_at >= 0,
            <const vector *>(space.a[i - 1] if i else space.x), <const vector *>space.delta[i],
            <vector *>(space.grads + layer.weight_at * LANES),
        )


cdef void join_params(LaneSpace *space, const LaneModel *models) noexcept nogil:
    """Bring the models' parameters together."""
    cdef const real *params[LANES]
    cdef int q
    for q in range(LANES):
        params[q] = models[q].of.variables.params
    models_join(models[0].of.plan.n_params, params, <vector *>space.params)
