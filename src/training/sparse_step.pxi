"""A training step on sparse inputs that updates only the rows of the first weight that the batch touches (lazy.pxi).

Design
------
- It takes plain gradient descent, and a gradient that nobody asks for as a whole: no average, no limits on values or
  on weights' norms. A bound on the gradient's norm must show that it is not clipped and that nothing can overflow.
  Otherwise all rows catch up, and the step is made as with dense inputs.
- No penalty makes a parameter larger, so a step adds the rate times the norm of the loss's gradient to a bound on the
  parameters' norm.
- Where rows of the weight wait for penalties, the training counts as torn until its call ends.
"""


cdef bint may_wait(const Descent *of) noexcept nogil:
    """Return whether this training's settings allow rows of the first weight to wait."""
    cdef const Layer *layer = &of.plan.layers[of.plan.first]
    return (
        RULES[of.update.rule].is_memoryless != NULL and not layer.frozen and of.clip_value == INFINITY
        and of.kept.mean == NULL and of.kept.sum == NULL and of.layers.scratch == NULL
    )


cdef bint waits(Descent *of, Py_ssize_t rows) noexcept nogil:
    """Return whether a step of so many rows can leave rows of the first weight for later."""
    cdef const Plan *plan = of.plan
    cdef double pull
    if not of.lazy.on or rows > plan.most or (plan.last > plan.first and rows > MAX_DEPTH):
        return False
    pull = of.learning_rate * of.layers.factor * (of.layers.l2 + of.update.c[DECAY])
    return is_memoryless(&of.update) and 0 <= pull < 1


cdef bint is_safe(Descent *of, double norm) noexcept nogil:
    """Return whether a step is neither clipped nor can overflow, if the loss's gradient has at most this norm."""
    cdef Lazy *lazy = &of.lazy
    cdef Py_ssize_t n = of.plan.n_params
    cdef double move = of.learning_rate * of.layers.factor * norm
    cdef double most
    if not lazy.bound + move < of.guard.limit:
        lazy.bound = sqrt(sum_squares(n, of.plan.params))
    most = norm + of.layers.l1 * sqrt(<double>n) + of.layers.l2 * lazy.bound
    if not (norm < of.guard.limit and lazy.bound + move < of.guard.limit) or of.clip_norm < most + CLIP_EPSILON:
        return False
    lazy.bound += move
    return True


cdef void touch_rows(Lazy *of, const Entries *entries, Py_ssize_t rows) noexcept nogil:
    """Let the rows of the weight catch up that the batch's entries name."""
    cdef const real *values
    cdef const int32_t *columns
    cdef Py_ssize_t r, i, count
    for r in range(rows):
        count = row_entries(entries, r, &values, &columns)
        fetch_entries(count, columns, of.layer.n_out, of.weight, of.stood)
        for i in range(count):
            catch_up(of, columns[i])


cdef double descend_one(Lazy *of, const WeightRows *at, real *gradient) noexcept nogil:
    """Do for a batch of one what `descend_rows` does; gradient (n_out,) is scratch."""
    cdef const real *values
    cdef const real *inputs
    cdef const int32_t *columns
    cdef real buffer[RUN]
    cdef Py_ssize_t i, j, run, first = 0, n_out = of.layer.n_out
    cdef Py_ssize_t count = row_entries(&at.entries, 0, &values, &columns)
    cdef double squares = 0
    while first < count:
        run = min(<Py_ssize_t>RUN, count - first)
        inputs = mapped(of.layer, at.key, at.first, run, values + first, columns + first, buffer)
        for i in range(run):
            for j in range(n_out):
                gradient[j] = inputs[i] * at.delta[j]
            squares += descend_row(of, columns[first + i], gradient)
            if of.shrinks:
                of.stood[columns[first + i]] = of.steps + 1
        first += run
    return squares


cdef double descend_rows(Lazy *of, const WeightRows *at, real *sums) noexcept nogil:
    """Update the rows of the weight that a batch touches; return the squares of their gradients.

    Their gradients are summed in `sums`, (n_in, n_out).
    """
    cdef const real *values
    cdef const int32_t *columns
    cdef Py_ssize_t r, i, count, n_out = of.layer.n_out
    cdef double squares = 0
    for r in range(at.rows):
        count = row_entries(&at.entries, r, &values, &columns)
        for i in range(count):
            memset(sums + columns[i] * n_out, 0, n_out * sizeof(real))
    sparse_gradient(at, sums)
    for r in range(at.rows):
        count = row_entries(&at.entries, r, &values, &columns)
        for i in range(count):
            if of.stood[columns[i]] <= of.steps:
                of.stood[columns[i]] = of.steps + 1
                squares += descend_row(of, columns[i], sums + columns[i] * n_out)
    return squares


cdef int eager_step(Descent *of, Pass *batch, int threads) except -1 nogil:
    """Make a step, whose deltas are known, on all parameters."""
    end_window(&of.lazy)
    of.lazy.bound = of.guard.bound = INFINITY
    block_gradient(batch, threads)
    return -1 if stops_before_update(batch) else finish_step(of, batch.sink.squares)


cdef int sparse_step(Descent *of, Pass *batch, double *loss) except -1 nogil:
    """Make a step on the rows of the first weight that the batch touches, and on all other layers."""
    cdef Lazy *lazy = &of.lazy
    cdef Plan *plan = of.plan
    cdef Layer *layer = &plan.layers[plan.first]
    cdef Worker *worker = &plan.workers[0]
    cdef WeightRows at
    cdef int threads
    if lazy.steps == WINDOW or lazy.change[lazy.steps].keep < SMALLEST_KEEP:
        end_window(lazy)
    if lazy.steps == 0:
        lazy.change[0].rate_sum = lazy.factor * lazy.rate_sum[0]
    see_entries(batch.data, batch.first, &at.entries)
    if lazy.shrinks:
        touch_rows(lazy, &at.entries, batch.rows)
    threads = begin_batch(batch)
    of.batch_weight = batch.total_weight
    batch.loss[0] = 0
    batch.start = 0
    block_deltas(batch, threads)
    if stops(worker, batch.rows * batch.row_work):
        return -1
    loss[0] = batch.mean * batch.loss[0]
    if not isfinite(loss[0]):
        return BAD_LOSS
    if not is_safe(of, loss_bound(batch)):
        return eager_step(of, batch, threads)
    of.update.scale, of.update.learning_rate, of.update.step = 1, of.learning_rate, of.count + 1
    begin_rule(of)
    of.torn = True
    batch.sink.grads = NULL
    other_gradients(batch, threads)
    see_weight(&at, batch, &plan.workspaces[0], plan.first, 0, batch.n)
    if batch.n == 1:
        batch.sink.squares += descend_one(lazy, &at, worker.panels)
    else:
        batch.sink.squares += descend_rows(lazy, &at, of.grads + layer.weight_at)
    if layer.bias_at >= 0:
        bias_gradient(&at, worker.panels, False)
        sink_stretch(&batch.sink, layer, layer.bias_at, layer.n_out, worker.panels, False)
    of.clipped, of.torn = False, lazy.shrinks
    count_window(lazy, batch.sink.squares)
    end_step(of)
    return GOOD


cdef int settle_lazy(Descent *of, Layer *layer, double *norm_sum, list owned) except -1:
    """Describe the updates that wait for the entries of a layer's columns."""
    cdef Lazy *lazy = &of.lazy
    lazy.layer, lazy.weight = layer, of.plan.params + layer.weight_at
    lazy.update = update_of(layer, layer.weight_at, &of.update)
    lazy.l1, lazy.l2 = own_or(layer.l1, of.l1), own_or(layer.l2, of.l2)
    lazy.shrinks = lazy.l1 != 0 or lazy.l2 != 0 or of.guard.decay != 0
    lazy.rate_sum, lazy.factor = of.update.scalars, 1 if of.factors == NULL else of.factors[2 * of.plan.first]
    if <real>lazy.l1 != 0 and is_cumulative(&of.update):
        lazy.received = of.variables.slots + layer.weight_at
    lazy.norm_sum, lazy.norm = norm_sum, &of.gradient_norm
    lazy.stood = <int32_t *>take_bytes(layer.n_in * sizeof(int32_t), owned)
    lazy.change = <Change *>take_bytes((WINDOW + 2) * sizeof(Change), owned)
    lazy.change[0].keep = 1
    return 0
