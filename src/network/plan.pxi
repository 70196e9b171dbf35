"""A network as the kernels see it, and how one batch goes through it.

Design
------
- Rows are independent until their gradients are summed. So a task takes some rows all the way: gather, forward,
  loss, and the deltas of every layer; then tasks of another kind sum x^T delta, each for its rows of a weight.
  That is two jobs per block, and every number is summed by one task in one order: bits do not depend on the threads.
- A batch of more rows than `block` goes through in blocks that fit the cache; their gradients add up in their order.
- Where blocks are many and parameters few, a task takes whole blocks instead, with a workspace per thread and a
  gradient per group of blocks. The groups are a matter of the batch, not of the threads, and are added in order.
- A block is stored row by row, or transposed (transposed.pxi); `lead` of a Stretch tells. What goes through the layers
  is the same.
"""


cdef struct Workspace:
    real **a                # per layer: (block, out_row), outputs
    real **z                # per layer: (block, z_row), a's own buffer where z is not kept
    real **delta            # per layer with parameters: (block, out_row), see layer.pxi
    ActiveList *active      # per layer: its inputs that are not 0, of a batch of one
    double *value           # (block,), each row's loss
    Rows gathered           # (block, …): rows of a shuffled batch, brought together

cdef struct Plan:
    Layer *layers
    int n_layers, first, last       # first and last layer with parameters
    int lowest                      # the first one that is trained
    bint takes_entries              # whether the inputs may be sparse
    bint transposes                 # whether rows may lie in the lanes: see `is_transposed`
    Py_ssize_t lane_work, column_work  # multiply-adds of a row in both orders,
    Py_ssize_t layer_work           # and of a batch, which one has more than the other
    Py_ssize_t predicted_work       # of a row that is predicted with rows in the lanes
    Py_ssize_t n_in, n_out, n_params
    Py_ssize_t most                 # rows of the largest block
    Py_ssize_t row_bytes            # that a row takes in the workspace
    Py_ssize_t poll_rows            # rows that go through the layers between two looks at signals
    int weight_tasks                # that sum the weights' gradients
    Py_ssize_t room                 # rows that the workspaces hold,
    Py_ssize_t input_room           # of dense inputs too
    real *params
    int n_workspaces, n_inputs      # workspaces, and those that hold inputs
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
    Py_ssize_t place                # the batch's first row in its step
    uint64_t key                    # of dropout; 0 leaves it out
    Py_ssize_t lead                 # between features where rows lie in the lanes; 0: they do not
    bint looks                      # whether the layers' work is worth looks at signals between them
    real *inputs                    # (block, in_row): where d loss / d inputs of the lowest layer goes, or NULL

cdef struct Pass:                   # one batch on its way
    Plan *plan
    const Rows *data
    const BoundLoss *of
    OutputSums *outputs             # what each output's losses are added to, or NULL
    Py_ssize_t first, rows          # the batch within the data's order
    Py_ssize_t start, n             # the block within the batch
    Py_ssize_t block                # rows of a block
    Py_ssize_t row_work             # multiply-adds of a row, as the signals' looks count them
    uint64_t key                    # of dropout; 0 leaves it out
    double total_weight, mean       # what its mean loss divides by, and one over it
    double factor                   # of its gradient: see `gradient_factor`
    bint backward                   # or the loss alone
    bint transposed                 # whether rows lie in the lanes
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
    rows.params, rows.rows, rows.first = plan.params, of.rows, of.place + of.start + of.at
    rows.key, rows.worker = of.key, of.worker


cdef inline void reach_layer(const Stretch *of, const Layer *layer, int i, LayerRows *rows) noexcept nogil:
    """Point at what layer i keeps of the rows."""
    rows.z = of.space.z[i] + (of.at if of.lead else of.at * layer.z_row)
    rows.a = of.space.a[i] + (of.at if of.lead else of.at * layer.out_row)
    rows.active = &of.space.active[i]


cdef inline int enter_rows(const Plan *plan, const Stretch *of, const Rows *block, LayerRows *rows) noexcept nogil:
    """Begin with the block's inputs, and return the next layer: with sparse ones, that behind the first dense layer."""
    cdef const Layer *layer = &plan.layers[plan.first]
    rows.x, rows.x_row = block.x, block.x_row
    if block.entries.starts == NULL:
        return 0
    rows.entries = &block.entries
    reach_layer(of, layer, plan.first, rows)
    layer.kind.sparse_forward(layer, rows)
    rows.x, rows.x_row = rows.a, layer.out_row
    return plan.first + 1


cdef void forward_rows(const Plan *plan, const Stretch *of, const Rows *block) noexcept nogil:
    """Fill the layers' outputs for some rows of a block, as far as the worker does not stop."""
    cdef const Layer *layer
    cdef LayerRows rows
    cdef int i
    begin_rows(plan, of, &rows)
    for i in range(enter_rows(plan, of, block, &rows), plan.n_layers):
        layer = &plan.layers[i]
        if of.looks and stops(of.worker, of.rows * layer.n_in * layer.n_out):
            return
        if not at_work(layer, of.key):
            continue
        reach_layer(of, layer, i, &rows)
        if of.lead:
            layer.kind.transposed_forward(layer, &rows)
            fill_ones(whole_vectors(of.rows), rows.a + layer.n_out * of.lead)
        else:
            layer.kind.forward(layer, &rows)
            rows.x_row = layer.out_row
        rows.x = rows.a


cdef bint outputs_finite(const Plan *plan, const Stretch *of, bint sparse) noexcept nogil:
    """Return whether a block's outputs are finite where a layer's may not be. Padding is 0."""
    cdef const Layer *layer
    cdef int i
    cdef Py_ssize_t j
    for i in range(plan.first if sparse else 0, plan.n_layers):
        layer = &plan.layers[i]
        if not layer.kind.partial:
            continue
        if of.lead == 0 and not every_finite(of.rows * layer.out_row, of.space.a[i]):
            return False
        for j in range(layer.n_out if of.lead else 0):    # Lanes behind the rows may hold anything.
            if not every_finite(of.rows, of.space.a[i] + j * of.lead):
                return False
    return True


cdef inline int output_layer(const Plan *plan, uint64_t key) noexcept nogil:
    """Return the layer whose output is the network's: the last one that takes part."""
    return plan.n_layers - 1 if key else plan.last


cdef void delta_rows(const Plan *plan, const Stretch *of) noexcept nogil:
    """Go from d loss / d outputs, in the last delta, to the deltas down to the lowest layer that is trained."""
    cdef const Layer *layer
    cdef LayerRows rows
    cdef real *delta
    cdef real *before
    cdef int i, owner = plan.last    # the layer whose buffer holds the delta
    begin_rows(plan, of, &rows)
    rows.x_row = of.lead
    for i in range(plan.n_layers - 1, plan.lowest - 1, -1):
        layer = &plan.layers[i]
        if of.looks and stops(of.worker, of.rows * layer.n_in * layer.n_out):
            return
        if not at_work(layer, of.key):
            continue
        delta = of.space.delta[owner] + (of.at if of.lead else of.at * plan.layers[owner].out_row)
        before = NULL
        if layer.n_params and i > plan.lowest:
            owner = i - 1
            while not plan.layers[owner].n_params:
                owner -= 1
            before = of.space.delta[owner] + (of.at if of.lead else of.at * layer.in_row)
        elif layer.n_params and of.inputs != NULL:
            before = of.inputs + of.at * layer.in_row
        reach_layer(of, layer, i, &rows)
        rows.dies = i > 0 and plan.layers[i - 1].kind.multiplies and plan.layers[i - 1].activation.dies
        if of.lead:
            layer.kind.transposed_backward(layer, &rows, delta, before)
        else:
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
        if stops(worker, rows * batch.row_work):
            return
        whole_rows(batch, &plan.workspaces[0], worker, at, rows, batch.start)
        at += rows


cdef void whole_rows(
    Pass *batch, Workspace *space, const Worker *worker, Py_ssize_t at, Py_ssize_t rows, Py_ssize_t start,
) noexcept nogil:
    """Take rows `at` … `at + rows` of the block that begins at `start` all the way."""
    cdef Plan *plan = batch.plan
    cdef int last = output_layer(plan, batch.key)
    cdef Py_ssize_t row = padded(plan.n_out)
    cdef Rows block
    cdef Stretch of
    of.space, of.worker, of.at, of.rows, of.start, of.key = space, worker, at, rows, start, batch.key
    of.place, of.looks, of.inputs = batch.data.place, rows * batch.row_work > POLL_WORK, NULL
    of.lead = block_lead(batch, start) if batch.transposed else 0
    if of.lead:
        take_transposed(plan, batch.data, batch.first, &of, &block)
        forward_rows(plan, &of, &block)
        transposed_loss(
            batch.of, &block, rows, space.a[last] + at, of.lead, batch.factor, space.delta[plan.last] + at,
            space.value + at,
        )
    else:
        take_rows(batch.data, plan.n_in, plan.n_out, batch.first + start + at, rows, &space.gathered, at, &block)
        forward_rows(plan, &of, &block)
        loss_block(
            batch.of, &block, rows, space.a[last] + at * row, row, batch.factor,
            space.delta[plan.last] + at * row, space.value + at,
        )
    if batch.backward:
        delta_rows(plan, &of)


cdef inline Py_ssize_t block_lead(const Pass *batch, Py_ssize_t start) noexcept nogil:
    """Return the distance between two features of the block that begins at `start`, where rows lie in the lanes."""
    return lead_of(min(batch.block, batch.rows - start))


cdef void layer_input(
    const Pass *batch, const Workspace *space, int i, Py_ssize_t start, const real **x, Py_ssize_t *x_row,
) noexcept nogil:
    """Point at the inputs of layer i for the block that begins at `start`: (n, n_in) or transposed, stride x_row."""
    cdef const Plan *plan = batch.plan
    cdef int j = i - 1
    while j >= 0 and not at_work(&plan.layers[j], batch.key):
        j -= 1
    if batch.transposed:
        x[0] = space.a[j] if j >= 0 else space.gathered.x
        x_row[0] = block_lead(batch, start)
    elif j >= 0:
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
        x[0] = space.z[i]
        x_row[0] = block_lead(batch, start) if batch.transposed else batch.plan.layers[i].z_row
    else:
        layer_input(batch, space, i, start, x, x_row)


cdef inline bint has_entries(const Pass *batch, int i) noexcept nogil:
    """Return whether the inputs of layer i are sparse."""
    return batch.data.x == NULL and i == batch.plan.first


cdef inline void see_weight(
    WeightRows *of, const Pass *batch, const Workspace *space, int i, Py_ssize_t start, Py_ssize_t n,
) noexcept nogil:
    """Point at all rows of layer i's weight, and at the block of n rows that begins at `start`."""
    of.layer = &batch.plan.layers[i]
    of.rows, of.delta, of.low, of.high = n, space.delta[i], 0, of.layer.n_in
    of.active = &space.active[i]
    if has_entries(batch, i):
        see_entries(batch.data, batch.first + start, &of.entries)
        of.first, of.key, of.x, of.x_row = batch.data.place + start, batch.key, NULL, 0
    else:
        gradient_input(batch, space, i, start, &of.x, &of.x_row)


cdef inline void layer_gradient(
    const Pass *batch, const WeightRows *of, Sink *sink, const Worker *worker,
) noexcept nogil:
    """Hand a layer's gradient to the sink."""
    if has_entries(batch, <int>of.layer.place):
        of.layer.kind.sparse_gradient(of, sink)
    elif batch.transposed:
        of.layer.kind.transposed_gradient(of, sink, worker)
    else:
        of.layer.kind.gradient(of, sink, worker)


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
            layer_gradient(batch, &of, sink, worker)


cdef void weights_task(void *context, int task, int thread) noexcept nogil:
    """Sum one share of one weight, or all of one with sparse inputs; tasks count shares from the last layer."""
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
    layer_gradient(batch, &of, &sink, &plan.workers[thread])
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


cdef Py_ssize_t scratch_size(const Plan *plan) noexcept nogil:
    """Count the numbers that a thread's products take: forward, input deltas, and gradients with a strip of one."""
    cdef Py_ssize_t most = 0, widest = 0
    cdef const Layer *layer
    cdef int i
    for i in range(plan.n_layers):
        layer = &plan.layers[i]
        widest = max(widest, layer.n_out)
        most = max(
            most, panel_scratch(layer.n_out, layer.n_in), panel_scratch(layer.n_in, layer.n_out),
            left_scratch(layer.share, layer.n_out, plan.room),
        )
    return most + max(TILE_ROWS * widest, whole_tiles(MAX_SHARE)) + TILE_COLUMNS
