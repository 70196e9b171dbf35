"""A network as the kernels see it, and how one batch goes through it.

Design
------
- Rows are independent until their gradients are summed. So a task takes some rows all the way: gather, forward,
  loss, and the deltas of every layer; then tasks of another kind sum x^T delta, each for its rows of a weight.
  That is two jobs per block, and every number is summed by one task in one order: bits do not depend on the threads.
- A batch of more rows than `block` goes through in blocks that fit the cache; their gradients add up in their order.
- Where blocks are many and parameters few, a task takes whole blocks instead, with a workspace per thread and a
  gradient per group of blocks. The groups are a matter of the batch, not of the threads, and are added in order.
"""


cdef struct Workspace:
    real **a                # per layer: (block, out_row), outputs
    real **z                # per layer: (block, z_row), a's own buffer where z is not kept
    real **delta            # per layer with parameters: (block, out_row), see layer.pxi
    double *value           # (block,), each row's loss
    Rows gathered           # (block, …): rows of a shuffled batch, brought together

cdef struct Plan:
    Layer *layers
    int n_layers, first, last       # first and last layer with parameters
    int lowest                      # the first one that is trained
    Py_ssize_t n_in, n_out, n_params
    Py_ssize_t most                 # rows of the largest block
    Py_ssize_t poll_rows            # rows that go through the layers between two looks at signals
    int weight_tasks                # that sum the weights' gradients
    Py_ssize_t room                 # rows that the workspaces hold
    real *params
    int n_workspaces
    int threads                     # of this call: read once, under the lock and the GIL
    Workspace workspaces[MAX_THREADS]  # one, or one per thread where blocks are shared out
    Worker workers[MAX_THREADS]
    double *squares                 # (weight_tasks,): of the gradients that the tasks have summed
    bint *clipped                   # (weight_tasks,): whether they were clipped by value
    real *group_grads               # (MAX_GROUPS - 1, n_params): the first group adds to the result itself

cdef struct Stretch:                # rows of a block that one worker takes through the layers
    const Workspace *space
    const Worker *worker
    Py_ssize_t at, rows             # rows at … of the block
    Py_ssize_t start                # the block's first row in its batch
    uint64_t key                    # of dropout; 0 leaves it out

cdef struct Pass:                   # one batch on its way
    Plan *plan
    const Rows *data
    const Objective *of
    Py_ssize_t first, rows          # the batch within the data's order
    Py_ssize_t start, n             # the block within the batch
    Py_ssize_t block                # rows of a block
    uint64_t key                    # of dropout; 0 leaves it out
    double total_weight, mean       # what its mean loss divides by, and one over it
    double factor                   # of its gradient: see `gradient_factor`
    bint backward                   # or the loss alone
    Sink sink                       # of its gradient
    Py_ssize_t share                # rows of a task
    int round                       # of the groups
    double loss[MAX_GROUPS]


cdef inline bint is_left(const Pass *batch) noexcept nogil:
    """Return whether a signal handler has raised, so that the batch is abandoned."""
    return flag_up(&batch.plan.workers[0].poll.stopped)


cdef inline Py_ssize_t whole_tiles(Py_ssize_t rows) noexcept nogil:
    """Round rows up to a whole number of tiles of every kind, at least one."""
    return max(<Py_ssize_t>1, (rows + BLOCK_MULTIPLE - 1) // BLOCK_MULTIPLE) * BLOCK_MULTIPLE


cdef Py_ssize_t most_rows(Py_ssize_t row_bytes, Py_ssize_t parameter_bytes) noexcept nogil:
    """Return the largest block of a network: what the cache holds, or what makes up for streaming the weights."""
    cdef Py_ssize_t least = MIN_BLOCK if parameter_bytes < 2 * GROUP_BYTES else LARGE_BLOCK
    return whole_tiles(max(least, CACHE_BYTES // row_bytes))


cdef inline Py_ssize_t block_rows(const Plan *plan, Py_ssize_t rows) noexcept nogil:
    """Return the rows of a block: all of the batch, or equal shares, which depend on batch and network alone."""
    cdef Py_ssize_t n_blocks
    if rows <= plan.most:
        return rows
    n_blocks = (rows - 1) // plan.most + 1
    return whole_tiles((rows + n_blocks - 1) // n_blocks)


cdef inline bint in_groups(const Plan *plan, Py_ssize_t rows) noexcept nogil:
    """Return whether a batch of this size is shared out by blocks."""
    return plan.n_params * <Py_ssize_t>sizeof(real) <= GROUP_BYTES and rows >= 2 * MAX_GROUPS * MIN_BLOCK \
        and rows > plan.most


cdef inline void begin_rows(const Plan *plan, const Stretch *of, LayerRows *rows) noexcept nogil:
    """Set what is the same for every layer."""
    rows.params, rows.rows, rows.first = plan.params, of.rows, of.start + of.at
    rows.key, rows.worker = of.key, of.worker


cdef inline void reach_layer(const Stretch *of, const Layer *layer, int i, LayerRows *rows) noexcept nogil:
    """Point at what layer i keeps of the rows."""
    rows.z = of.space.z[i] + of.at * layer.z_row
    rows.a = of.space.a[i] + of.at * layer.out_row


cdef void forward_rows(
    const Plan *plan, const Stretch *of, const real *x, Py_ssize_t x_row,    # (rows, n_in)
) noexcept nogil:
    """Fill the layers' outputs for some rows of a block, as far as the worker does not stop."""
    cdef const Layer *layer
    cdef LayerRows rows
    cdef bint looks = of.rows * plan.n_params > POLL_WORK
    cdef int i
    begin_rows(plan, of, &rows)
    rows.x, rows.x_row = x, x_row
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        if looks and stops(of.worker, of.rows * layer.n_in * layer.n_out):
            return
        if not at_work(layer, of.key):
            continue
        reach_layer(of, layer, i, &rows)
        layer.kind.forward(layer, &rows)
        rows.x = rows.a
        rows.x_row = layer.out_row


cdef inline int output_layer(const Plan *plan, uint64_t key) noexcept nogil:
    """Return the layer whose output is the network's: the last one that takes part."""
    return plan.n_layers - 1 if key else plan.last


cdef void delta_rows(const Plan *plan, const Stretch *of) noexcept nogil:
    """Go from d loss / d outputs, in the last delta, to the deltas down to the lowest layer that is trained."""
    cdef const Layer *layer
    cdef LayerRows rows
    cdef real *delta
    cdef real *before
    cdef bint looks = of.rows * plan.n_params > POLL_WORK
    cdef int i, owner = plan.last    # the layer whose buffer holds the delta
    begin_rows(plan, of, &rows)
    for i in range(plan.n_layers - 1, plan.lowest - 1, -1):
        layer = &plan.layers[i]
        if looks and stops(of.worker, of.rows * layer.n_in * layer.n_out):
            return
        if not at_work(layer, of.key):
            continue
        delta = of.space.delta[owner] + of.at * plan.layers[owner].out_row
        before = NULL
        if layer.n_params and i > plan.lowest:
            owner = i - 1
            while not plan.layers[owner].n_params:
                owner -= 1
            before = of.space.delta[owner] + of.at * layer.in_row
        reach_layer(of, layer, i, &rows)
        layer.kind.backward(layer, &rows, delta, before)


cdef void rows_task(void *context, int task, int thread) noexcept nogil:
    """Take some rows of the block through gather, forward, loss and deltas."""
    cdef Pass *batch = <Pass *>context
    cdef Plan *plan = batch.plan
    cdef const Worker *worker = &plan.workers[thread]
    cdef Py_ssize_t at = task * batch.share
    cdef Py_ssize_t end = at + batch.share if at + batch.share < batch.n - 1 else batch.n
    cdef Py_ssize_t rows
    while at < end:
        rows = plan.poll_rows if plan.poll_rows < end - at - 1 else end - at
        if stops(worker, rows * plan.n_params):
            return
        whole_rows(batch, &plan.workspaces[0], worker, at, rows, batch.start)
        at += rows


cdef void whole_rows(
    Pass *batch, Workspace *space, const Worker *worker, Py_ssize_t at, Py_ssize_t rows, Py_ssize_t start,
) noexcept nogil:
    cdef Plan *plan = batch.plan
    cdef int last = output_layer(plan, batch.key)
    cdef Py_ssize_t row = padded(plan.n_out)
    cdef Rows block
    cdef Stretch of
    of.space, of.worker, of.at, of.rows, of.start, of.key = space, worker, at, rows, start, batch.key
    take_rows(batch.data, plan.n_in, plan.n_out, batch.first + start + at, rows, &space.gathered, at, &block)
    forward_rows(plan, &of, block.x, block.x_row)
    loss_block(
        batch.of, &block, rows, space.a[last] + at * row, row, batch.factor,
        space.delta[plan.last] + at * row, space.value + at,
    )
    if batch.backward:
        delta_rows(plan, &of)


cdef void layer_input(
    const Pass *batch, const Workspace *space, int i, Py_ssize_t start, const real **x, Py_ssize_t *x_row,
) noexcept nogil:
    """Point at the inputs of layer i for the block that begins at `start`: (n, n_in), with stride x_row."""
    cdef const Plan *plan = batch.plan
    cdef int j = i - 1
    while j >= 0 and not at_work(&plan.layers[j], batch.key):
        j -= 1
    if j >= 0:
        x[0] = space.a[j]
        x_row[0] = plan.layers[j].out_row
    elif gathers(batch.data, plan.n_in):
        x[0] = space.gathered.x
        x_row[0] = space.gathered.x_row
    else:
        x[0] = batch.data.x + (batch.first + start) * plan.n_in
        x_row[0] = plan.n_in


cdef inline void gradient_input(
    const Pass *batch, const Workspace *space, int i, Py_ssize_t start, const real **x, Py_ssize_t *x_row,
) noexcept nogil:
    """Point at what layer i's gradient sums delta times: its inputs, or z; (n, n_in), rows x_row apart."""
    if batch.plan.layers[i].kind.sums_z:
        x[0], x_row[0] = space.z[i], batch.plan.layers[i].z_row
    else:
        layer_input(batch, space, i, start, x, x_row)


cdef void see_weight(
    WeightRows *of, const Pass *batch, const Workspace *space, int i, Py_ssize_t start, Py_ssize_t n,
) noexcept nogil:
    """Point at all rows of layer i's weight, and at the block of n rows that begins at `start`."""
    of.layer = &batch.plan.layers[i]
    gradient_input(batch, space, i, start, &of.x, &of.x_row)
    of.rows, of.delta, of.low, of.high = n, space.delta[i], 0, of.layer.n_in


cdef void weight_rows(
    const Pass *batch, const Workspace *space, const Worker *worker, Sink *sink, Py_ssize_t start, Py_ssize_t n,
) noexcept nogil:
    """Hand the block's gradient of every layer that is trained to the sink, layer by layer."""
    cdef const Plan *plan = batch.plan
    cdef WeightRows of
    cdef int i
    for i in range(plan.first, plan.n_layers):
        if plan.layers[i].n_params and not plan.layers[i].frozen:
            see_weight(&of, batch, space, i, start, n)
            of.layer.kind.gradient(&of, sink, worker)


cdef void weights_task(void *context, int task, int thread) noexcept nogil:
    """Sum one share of one weight; tasks count shares layer by layer, from the last layer."""
    cdef Pass *batch = <Pass *>context
    cdef Plan *plan = batch.plan
    cdef Sink sink = batch.sink
    cdef const Layer *layer
    cdef WeightRows of
    cdef Py_ssize_t low
    cdef int i = plan.last, left = task
    while left >= plan.layers[i].tasks:
        left -= plan.layers[i].tasks
        i -= 1
    layer = &plan.layers[i]
    if sink.grads != NULL and stops(&plan.workers[thread], batch.n * layer.share * layer.n_out):
        return
    if layer.frozen:
        plan.squares[task], plan.clipped[task] = 0, False
        return
    low = left * layer.share
    sink.adds = batch.start > 0
    sink.squares, sink.clipped = 0, False
    see_weight(&of, batch, &plan.workspaces[0], i, batch.start, batch.n)
    of.low, of.high = low, min(low + layer.share, layer.n_in)
    layer.kind.gradient(&of, &sink, &plan.workers[thread])
    plan.squares[task], plan.clipped[task] = sink.squares, sink.clipped


cdef void settle_tasks(Plan *plan) noexcept nogil:
    """Cut the work into tasks, each of which sums a quarter of a weight's rows, within bounds, in whole tiles."""
    cdef Layer *layer
    cdef Py_ssize_t share, widest = 1
    cdef int i
    plan.weight_tasks = 0
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        widest = max(widest, layer.n_in, layer.n_out)
        if layer.n_params:
            share = max(<Py_ssize_t>MIN_SHARE, min(<Py_ssize_t>MAX_SHARE, (layer.n_in + 3) // 4))
            layer.share = min(layer.n_in, whole_tiles(share))
            layer.tasks = <int>((layer.n_in + layer.share - 1) // layer.share)
            plan.weight_tasks += layer.tasks
    plan.poll_rows = whole_tiles(LOOK_NUMBERS // widest)


cdef inline Py_ssize_t round_blocks(const Pass *batch) noexcept nogil:
    """Blocks that a group takes in one round: its share of all, as far as signals may wait."""
    cdef Py_ssize_t n_blocks = (batch.rows + batch.block - 1) // batch.block
    cdef Py_ssize_t most = ROUND_WORK // (batch.block * batch.plan.n_params * MAX_GROUPS)
    return max(<Py_ssize_t>1, min(most, (n_blocks + MAX_GROUPS - 1) // MAX_GROUPS))


cdef void group_task(void *context, int task, int thread) noexcept nogil:
    """Add a group's blocks of this round, one by one, to the group's own gradient."""
    cdef Pass *batch = <Pass *>context
    cdef Plan *plan = batch.plan
    cdef Workspace *space = &plan.workspaces[thread]
    cdef const Worker *worker = &plan.workers[thread]
    cdef Sink sink = batch.sink
    cdef Py_ssize_t share = round_blocks(batch) * batch.block
    cdef Py_ssize_t start = (batch.round * MAX_GROUPS + task) * share
    cdef Py_ssize_t end = min(start + share, batch.rows)
    cdef Py_ssize_t n
    sink.adds = batch.round > 0
    sink.squares = 0
    if task and batch.backward:
        sink.grads = plan.group_grads + (task - 1) * plan.n_params
        if start >= end and not sink.adds:
            memset(sink.grads, 0, plan.n_params * sizeof(real))
    while start < end:
        n = min(batch.block, end - start)
        if stops(worker, n * plan.n_params):
            return
        whole_rows(batch, space, worker, 0, n, start)
        batch.loss[task] += sum_values(n, space.value)
        if batch.backward:
            weight_rows(batch, space, worker, &sink, start, n)
        sink.adds = True
        start += n


cdef void run_groups(Pass *batch, int threads) noexcept nogil:
    """Run the batch in rounds, in which every group takes its next blocks; add the groups' gradients in order."""
    cdef Plan *plan = batch.plan
    cdef Py_ssize_t round_rows = round_blocks(batch) * batch.block * MAX_GROUPS
    cdef int i
    memset(batch.loss, 0, sizeof(batch.loss))
    batch.round = 0
    while batch.round * round_rows < batch.rows and not is_left(batch):
        pool_run(group_task, batch, MAX_GROUPS, threads)
        batch.round += 1
    for i in range(1, MAX_GROUPS):
        batch.loss[0] += batch.loss[i]
        if batch.backward:
            add_vector(plan.n_params, plan.group_grads + (i - 1) * plan.n_params, batch.sink.grads)
    if batch.backward:
        batch.sink.squares = sum_squares(plan.n_params, batch.sink.grads)


cdef void run_blocks(Pass *batch, int threads) noexcept nogil:
    """Run the batch block by block, each with its rows shared out."""
    batch.loss[0] = 0
    batch.start = 0
    while batch.start < batch.rows and not is_left(batch):
        block_deltas(batch, threads)
        if batch.backward:
            block_gradient(batch, threads)
        batch.start += batch.n


cdef void block_deltas(Pass *batch, int threads) noexcept nogil:
    """Compute the losses of the block at `start`, and the deltas of all layers."""
    cdef int tasks = 1
    batch.n = min(batch.block, batch.rows - batch.start)
    batch.share = batch.n
    if threads > 1:
        batch.share = whole_tiles((batch.n + threads - 1) // threads)
        tasks = <int>(max(<Py_ssize_t>0, batch.n - 2) // batch.share + 1)
    pool_run(rows_task, batch, tasks, threads)
    batch.loss[0] += sum_values(batch.n, batch.plan.workspaces[0].value)


cdef void block_gradient(Pass *batch, int threads) noexcept nogil:
    """Compute the gradient from the block's deltas."""
    cdef Plan *plan = batch.plan
    cdef int i
    pool_run(weights_task, batch, plan.weight_tasks, threads)
    batch.sink.squares, batch.sink.clipped = 0, False
    for i in range(plan.weight_tasks):
        batch.sink.squares += plan.squares[i]
        batch.sink.clipped |= plan.clipped[i]


cdef int begin_batch(Pass *batch) noexcept nogil:
    """Settle what a batch is made of -> the threads that it is worth."""
    cdef Plan *plan = batch.plan
    batch.total_weight = total_weight(batch.of, batch.data, batch.first, batch.rows)
    batch.mean = batch.factor = mean_factor(batch.total_weight)
    if batch.data.weight != NULL:
        batch.factor = gradient_factor(batch.of, batch.data, batch.rows, batch.mean)
    batch.block = block_rows(plan, batch.rows)
    cdef Py_ssize_t least = GROUP_WORK if in_groups(plan, batch.rows) else THREAD_WORK
    return 1 if batch.rows * plan.n_params * 3 < least else plan.threads


cdef double run_batch(Pass *batch) noexcept nogil:
    """Return the mean loss of a batch, and compute its gradient if it goes backward, unless `is_left`."""
    cdef int threads = begin_batch(batch)
    if in_groups(batch.plan, batch.rows):
        run_groups(batch, threads)
    else:
        run_blocks(batch, threads)
    return batch.mean * batch.loss[0]
