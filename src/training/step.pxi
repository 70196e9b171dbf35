"""A training step: the gradient of a batch, penalties, clipping, and the optimizer's update.

Design
------
- gradient -> penalty -> norm -> clip -> update. Only clipping by norm has to know the norm before the update. Without
  it, strips of the gradient stream through penalty, norm and update while they are in the cache, as soon as a bound on
  the norm has shown that the step cannot overflow. With it, the update is a second pass.
- A step that has begun to update is completed, whatever signals arrive. So a step that streams is short, and the last
  look at signals comes just before the update.
- A step whose loss or gradient is not finite changes nothing; its outcome says which of them it was. A finite sum of
  squares proves every entry finite, so the entries are not tested.
"""

cdef enum Outcome:
    GOOD, BAD_LOSS, BAD_GRADIENT, BAD_UPDATE

OUTCOMES = ("good", "loss", "gradient", "parameters")

cdef enum:
    DROPOUT_PURPOSE = 1     # of the keys of dropout masks: see `key_of`

cdef extern from "training/linear.h":
    const double CLIP_EPSILON

cdef struct Descent:        # a network, a loss and an optimizer, as a step uses them
    Plan *plan
    BoundLoss bound_loss
    Update update
    Variables variables
    Layerwise layers
    Guard guard
    Lazy lazy
    Kept kept
    OutputSums outputs
    real *grads             # (n_params,)
    real *unclipped         # (n_params,), before values are clipped; NULL where they are not
    const double *factors   # (n_layers, 2) on the rates of weights and biases, or NULL if all are 1
    double l1, l2           # the model's penalties
    double clip_norm, clip_value    # INFINITY: no limit
    double learning_rate
    uint64_t seed
    bint drops              # whether there is a dropout layer
    bint tiny               # whether the network is so small that few rows take tiny.pxi
    bint small              # whether small.h knows the layers, the loss, the rule and the options
    bint single             # whether single rows may take single.pxi
    bint linear             # whether linear.h knows the model, the loss, the rule and the options
    bint torn               # whether the parameters are those of an incomplete step
    long long count         # steps made so far
    double gradient_norm    # of the last step, with penalties, before clipping
    bint clipped            # whether clip_value changed the last gradient
    double batch_weight     # the divisor of the last batch's mean loss


cdef inline uint64_t dropout_key(const Descent *of) noexcept nogil:
    """Return the key of the next step's dropout masks, or 0 if no layer drops."""
    return (key_of(of.seed, DROPOUT_PURPOSE, of.count) | 1) if of.drops else 0


cdef inline void keep_step(Descent *of) noexcept nogil:
    """Add the step that was made to the averages that are kept."""
    if of.kept.mean != NULL:
        mean_step(&of.kept, of.plan.n_params, of.plan.params, of.count)
    if of.kept.sum != NULL:
        sum_step(&of.kept, of.plan.n_params, of.grads if of.unclipped == NULL else of.unclipped)


cdef inline void bind_sink(Descent *of, Sink *sink) noexcept nogil:
    """Describe what becomes of a gradient in this training."""
    sink.update, sink.params = &of.update, of.plan.params
    sink.slots, sink.stride = of.variables.slots, of.variables.stride
    sink.l1, sink.l2, sink.clip_value = of.l1, of.l2, <real>of.clip_value


cdef inline void begin_rule(Descent *of) noexcept nogil:
    """Compute the coefficients of the next step, of the network and of those with a rate of their own."""
    cdef double scalars[N_SCALARS]
    if of.factors == NULL:
        update_begin(&of.update)
        return
    memcpy(scalars, of.update.scalars, sizeof(scalars))
    update_begin(&of.update)
    begin_layers(of.plan, &of.update, scalars, of.factors)


cdef bint is_risky(Descent *of, double norm) noexcept nogil:
    """Settle the scale of an update whose gradient has at most this norm, and return whether it may overflow."""
    of.update.scale = 1
    if of.clip_norm < norm + CLIP_EPSILON:
        of.update.scale = <real>(of.clip_norm / (norm + CLIP_EPSILON))
    of.update.learning_rate = of.learning_rate
    of.update.step = of.count + 1
    return may_overflow(&of.guard, &of.variables, of.learning_rate * of.layers.factor, norm)


cdef bint begin_update(Descent *of, double norm) noexcept nogil:
    """Begin an update whose gradient has at most this norm. If it is risky, return True and begin nothing."""
    if is_risky(of, norm):
        return True
    begin_rule(of)
    return False


cdef void update_task(void *context, int task, int thread) noexcept nogil:
    """Update one share of the parameters from the kept gradient."""
    cdef Descent *of = <Descent *>context
    cdef Py_ssize_t at = task * <Py_ssize_t>UPDATE_SHARE, n = of.plan.n_params
    update_apply(
        &of.update, of.plan.params + at, of.grads + at,
        NULL if of.variables.slots == NULL else of.variables.slots + at, of.variables.stride,
        min(<Py_ssize_t>UPDATE_SHARE, n - at),
    )


cdef void update_all(Descent *of) noexcept nogil:
    """Update all parameters from the kept gradient, after `begin_rule`; many of them, in shares of the threads."""
    cdef Py_ssize_t n = of.plan.n_params
    cdef Sink sink
    if of.layers.apart:
        bind_sink(of, &sink)
        update_layers(&sink, of.plan, of.grads)
    elif n >= SHARED_UPDATE:
        pool_run(update_task, of, <int>((n + UPDATE_SHARE - 1) // UPDATE_SHARE), of.plan.threads)
    else:
        update_apply(&of.update, of.plan.params, of.grads, of.variables.slots, of.variables.stride, n)


cdef inline void end_step(Descent *of) noexcept nogil:
    """Count a step whose update is made, and limit the norms of weights."""
    of.count += 1
    if of.layers.scratch != NULL:
        limit_weights(of.plan, of.layers.scratch)


cdef int risky_update(Descent *of) except -1 nogil:
    """Make an update that may overflow, and undo it if it does."""
    save_variables(&of.guard, &of.variables)
    begin_rule(of)
    update_all(of)
    if finite_variables(&of.variables):
        end_step(of)
        return GOOD
    restore_variables(&of.guard, &of.variables)
    return BAD_UPDATE


cdef int finish_step(Descent *of, double squares) except -1 nogil:
    """Penalize, clip and update from the kept gradient, whose sum of squares is given, and return an Outcome."""
    cdef Py_ssize_t n = of.plan.n_params
    if of.layers.penalized:
        pull_penalties(&of.update, of.plan, of.l1, of.l2, of.grads)
        squares = sum_squares(n, of.grads)
    of.gradient_norm = sqrt(squares)
    if not isfinite(squares):
        return BAD_GRADIENT
    if of.clip_value != INFINITY:
        if of.kept.sum != NULL:
            memcpy(of.unclipped, of.grads, n * sizeof(real))
        of.clipped = clip_values(n, <real>of.clip_value, of.grads)
        squares = sum_squares(n, of.grads)
    if begin_update(of, sqrt(squares)):
        return risky_update(of)
    update_all(of)
    end_step(of)
    return GOOD


cdef inline bint stops_before_update(const Pass *batch) noexcept nogil:
    """Return whether a signal handler raises before the update of a batch."""
    return stops(&batch.plan.workers[0], batch.plan.n_params * UPDATE_WORK)


cdef bint streams(const Descent *of, const Rows *data, Py_ssize_t rows) noexcept nogil:
    """Return whether a step streams: whether it can, and whether that pays.

    It can if the batch is one block, and neither clipping by norm nor a sum of gradients needs the gradient afterwards.
    A network that is transposed is so small that it does not pay.
    """
    cdef const Plan *plan = of.plan
    if of.clip_norm != INFINITY or of.kept.sum != NULL or rows > min(plan.most, <Py_ssize_t>MAX_DEPTH):
        return False
    if is_transposed(plan, data, rows):
        return False
    if rows > STREAM_ROWS and rows * plan.n_params > STREAM_WORK:
        return False
    return rows == 1 or plan.n_params >= STREAM_PARAMS


cdef int streamed_step(Descent *of, Pass *batch, double *loss) except -1 nogil:
    """Make a step whose gradient goes into the update strip by strip. If the step is risky, the gradient is kept."""
    cdef int threads = begin_batch(batch)
    cdef bint single = of.single and batch.rows == 1 and batch.outputs == NULL
    of.batch_weight = batch.total_weight
    batch.loss[0] = 0
    batch.start = 0
    batch.backward = not single
    block_deltas(batch, threads)
    if stops_before_update(batch):
        return -1
    loss[0] = batch.mean * batch.loss[0]
    if not isfinite(loss[0]):
        return BAD_LOSS
    if single:
        if single_step(of, batch):
            return GOOD
        single_deltas(batch)
    if begin_update(of, norm_bound(batch, &of.layers)):
        block_gradient(batch, threads)
        return -1 if stops_before_update(batch) else finish_step(of, batch.sink.squares)
    batch.sink.grads = NULL
    of.torn = True
    block_gradient(batch, threads)
    of.torn = False
    of.gradient_norm = sqrt(batch.sink.squares)
    of.clipped = batch.sink.clipped
    end_step(of)
    return GOOD


cdef int batch_step(
    Descent *of, const Rows *data, Py_ssize_t first, Py_ssize_t rows, double *loss,
) except -1 nogil:
    """Make a step on rows first … first + rows of the data's order, and return an Outcome."""
    cdef Pass batch
    batch.plan = of.plan
    batch.data = data
    batch.of = &of.bound_loss
    batch.outputs = NULL
    if of.outputs.total != NULL:
        batch.outputs = &of.outputs
        begin_outputs(batch.outputs, of.plan.n_out, rows, MAX_GROUPS if in_groups(of.plan, rows) else 1)
    batch.first = first
    batch.rows = rows
    batch.key = dropout_key(of)
    batch.backward = True
    batch.sink.grads = of.grads
    bind_sink(of, &batch.sink)
    cdef bint tiny = of.tiny and rows <= TINY_ROWS and data.x != NULL
    if data.x == NULL:
        if waits(of, rows):
            return sparse_step(of, &batch, loss)
        if of.lazy.on:
            end_window(&of.lazy)
            of.lazy.bound = of.guard.bound = INFINITY
    elif not tiny and streams(of, data, rows):
        return streamed_step(of, &batch, loss)
    loss[0] = tiny_batch(&batch) if tiny else run_batch(&batch)
    of.batch_weight = batch.total_weight
    if stops_before_update(&batch):
        return -1
    if not isfinite(loss[0]):
        return BAD_LOSS
    return finish_step(of, batch.sink.squares)
