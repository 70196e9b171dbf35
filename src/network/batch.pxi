"""One batch through a network: block by block, or shared out by groups of blocks (plan.pxi).

Design
------
- With sparse inputs one task sums the first weight's gradient, since entries come in the order of the rows. The work
  that decides about threads is that of the entries.
"""


cdef inline Py_ssize_t round_blocks(const Pass *batch) noexcept nogil:
    """Return how many blocks a group takes in one round: its share of all, as far as signals may wait."""
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
        if stops(worker, n * batch.row_work):
            return
        whole_rows(batch, space, worker, 0, n, start)
        batch.loss[task] += sum_values(n, space.value)
        if batch.outputs != NULL:
            see_block(batch, space, task, start, n)
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
    if batch.transposed and threads == 1 and batch.rows <= min(batch.block, batch.plan.poll_rows):
        whole_batch(batch)
        return
    while batch.start < batch.rows and not is_left(batch):
        block_deltas(batch, threads)
        if batch.backward:
            block_gradient(batch, threads)
        batch.start += batch.n
    if batch.transposed and batch.backward:
        batch.sink.squares = sum_squares(batch.plan.n_params, batch.sink.grads)


cdef void whole_batch(Pass *batch) noexcept nogil:
    """Run a transposed batch of one block on one thread, without tasks."""
    cdef Plan *plan = batch.plan
    cdef const Worker *worker = &plan.workers[0]
    if stops(worker, batch.rows * batch.row_work):
        return
    whole_rows(batch, &plan.workspaces[0], worker, 0, batch.rows, 0)
    batch.loss[0] = sum_values(batch.rows, plan.workspaces[0].value)
    if batch.backward:
        batch.sink.adds = False
        weight_rows(batch, &plan.workspaces[0], worker, &batch.sink, 0, batch.rows)
        batch.sink.squares = sum_squares(plan.n_params, batch.sink.grads)


cdef inline Py_ssize_t thread_share(const Pass *batch, int threads) noexcept nogil:
    """Return the rows of a thread's task, even shares but for whole vectors in the lanes, or whole tiles."""
    cdef Py_ssize_t rows = (batch.n + threads - 1) // threads
    return whole_tiles(rows) if batch.transposed else (rows + TILE_ROWS - 1) // TILE_ROWS * TILE_ROWS


cdef void block_deltas(Pass *batch, int threads) noexcept nogil:
    """Compute the losses of the block at `start`, and the deltas of all layers."""
    cdef int tasks = 1
    batch.n = min(batch.block, batch.rows - batch.start)
    batch.share = batch.n
    if threads > 1:
        batch.share = thread_share(batch, threads)
        tasks = <int>(max(<Py_ssize_t>0, batch.n - 2) // batch.share + 1)
    pool_run(rows_task, batch, tasks, threads)
    batch.loss[0] += sum_values(batch.n, batch.plan.workspaces[0].value)
    if batch.outputs != NULL:
        see_block(batch, &batch.plan.workspaces[0], 0, batch.start, batch.n)


cdef void block_gradient(Pass *batch, int threads) noexcept nogil:
    """Compute the gradient from the block's deltas."""
    cdef Plan *plan = batch.plan
    gradient_tasks(batch, plan.weight_tasks if batch.data.x != NULL else other_tasks(plan) + 1, threads)


cdef void other_gradients(Pass *batch, int threads) noexcept nogil:
    """Compute the gradients of all layers behind the first dense one, from the block's deltas."""
    gradient_tasks(batch, other_tasks(batch.plan), threads)


cdef inline int other_tasks(const Plan *plan) noexcept nogil:
    """Return the number of tasks that sum the weights' gradients, without those of the first weight, the last ones."""
    return plan.weight_tasks - plan.layers[plan.first].tasks


cdef inline void gradient_tasks(Pass *batch, int tasks, int threads) noexcept nogil:
    """Run the first tasks that sum the weights' gradients."""
    cdef Plan *plan = batch.plan
    cdef int i
    pool_run(weights_task, batch, tasks, threads)
    batch.sink.squares, batch.sink.clipped = 0, False
    for i in range(tasks):
        batch.sink.squares += plan.squares[i]
        batch.sink.clipped |= plan.clipped[i]


cdef Py_ssize_t sparse_work(const Pass *batch) noexcept nogil:
    """Return the multiply-adds of a mean row of sparse inputs forward."""
    cdef const Plan *plan = batch.plan
    cdef const Layer *layer = &plan.layers[plan.first]
    cdef Entries entries
    see_entries(batch.data, batch.first, &entries)
    return plan.n_params - layer.n_params + count_entries(&entries, batch.rows) * layer.n_out // batch.rows + 1


cdef inline void settle_factors(Pass *batch) noexcept nogil:
    """Settle what a batch's loss divides by, and its gradient."""
    batch.total_weight = total_weight(batch.of, batch.data, batch.first, batch.rows)
    batch.mean = batch.factor = mean_factor(batch.total_weight)
    if batch.data.weight != NULL:
        batch.factor = gradient_factor(batch.of, batch.data, batch.rows, batch.mean)
    if batch.data.factor != 0:
        batch.factor = batch.data.factor


cdef int begin_batch(Pass *batch) noexcept nogil:
    """Settle what a batch is made of, and return the threads that it is worth."""
    cdef Plan *plan = batch.plan
    settle_factors(batch)
    batch.block = block_rows(plan, batch.rows)
    batch.transposed = batch.outputs == NULL and is_transposed(plan, batch.data, batch.rows)
    batch.row_work = plan.n_params if batch.data.x != NULL else sparse_work(batch)
    cdef Py_ssize_t least = GROUP_WORK if in_groups(plan, batch.rows) else THREAD_WORK
    return 1 if batch.rows * batch.row_work * 3 < least else plan.threads


cdef double run_batch(Pass *batch) noexcept nogil:
    """Return the mean loss of a batch, and compute its gradient if it goes backward, unless `is_left`."""
    cdef int threads = begin_batch(batch)
    if in_groups(batch.plan, batch.rows):
        run_groups(batch, threads)
    else:
        run_blocks(batch, threads)
    return batch.mean * batch.loss[0]
