"""A network's objective around its parameters: differences, as the gradient checker asks for them, and curvature.

Design
------
- A block of samples is filled once for all points of a call, and stays where it is the only one.
- The parameters must stay as they are while a probe lives. Its calls, and those of the networks over the same
  parameters, wait for one another.
- A call that is left, for a signal handler has raised, leaves the block unfilled.
"""

cdef class Probe:
    """A network's objective, mean loss plus penalties, around the network's parameters, dropout at work under a key."""

    cdef Network network
    cdef Point point
    cdef Block block
    cdef Tangent tangent
    cdef Scratch scratch[MAX_THREADS]
    cdef real **tangents
    cdef int n_scratch
    cdef list buffers
    cdef tuple arrays               # that the point looks at
    cdef Poll poll
    cdef double l1, l2              # of layers that have none of their own

    def __cinit__(
        self, Network network not None, str loss, double option, tuple data not None,    # X, target, labels, weight
        unsigned long long dropout_key=0, double l1=0, double l2=0,
    ):
        cdef const real[:, ::1] X = data[0], target = data[1]
        cdef const int64_t[::1] labels = data[2]
        cdef const real[::1] weight = data[3]
        cdef Point *p = &self.point
        cdef Plan *plan = &network.plan
        cdef Py_ssize_t j
        self.network = network
        self.buffers = []
        self.arrays = data
        p.plan = plan
        p.key, self.l1, self.l2 = dropout_key, l1, l2
        p.k, p.n, p.widest = plan.n_out, X.shape[0], max(network.widest, plan.n_in)
        if loss is not None:
            p.of.loss = &LOSS_ROWS[<int>loss_code(loss)]
        p.terms = &SOFTMAX if p.of.loss != NULL and p.of.loss.row != NULL else &POINTWISE
        p.of.option, p.of.outputs = <real>option, p.k
        if loss is not None:
            bind_rows(&p.data, plan.n_in, p.k, p.of.loss.takes_labels, X, target, labels, weight)
            p.factor = mean_factor(total_weight(&p.of, &p.data, 0, p.n))
        elif p.n == 0 or X.shape[1] != plan.n_in:
            raise ValueError(f"X has shape ({p.n}, {X.shape[1]}); expected at least one row of {plan.n_in} features")
        else:
            p.data.x, p.data.x_row = <real *>&X[0, 0], plan.n_in
        self.take_stages()
        self.block.lanes = lanes_of(p.n)
        self.block.first, self.block.lined = -1, -1
        p.squares = self.take(plan.n_params)
        for j in range(plan.n_params):
            p.squares[j] = plan.params[j] * plan.params[j]
        p.ones = self.take(max(p.widest, self.block.lanes))
        for j in range(max(p.widest, self.block.lanes)):
            p.ones[j] = 1
        p.transposed = self.take(p.widest * max(2, self.block.lanes))
        p.variance = self.take(2 * p.widest * self.block.lanes)
        self.hire(&p.worker, 0)
        self.take_block()
        p.linear = p.terms == &SOFTMAX and self.is_linear()

    cdef bint is_linear(self):
        """Return whether the outputs are those of a product without an activation."""
        cdef const Stage *last = &self.point.stages[self.point.n_stages - 1]
        cdef const real *mask = self.block.mask[self.point.n_stages - 1]
        return last.kind.is_product and last.layer.activation.values == NULL and mask == NULL

    cdef real *take(self, Py_ssize_t count) except NULL:
        """Return room for `count` numbers."""
        return <real *>take_bytes(count * sizeof(real), self.buffers)

    cdef real **take_pointers(self) except NULL:
        """Return room for a pointer per stage."""
        return <real **>take_bytes(self.point.n_stages * sizeof(void *), self.buffers)

    cdef real **take_stage_lanes(self) except NULL:
        """Make room for (n_out, lanes) numbers of every stage."""
        cdef real **found = self.take_pointers()
        cdef int s
        for s in range(self.point.n_stages):
            found[s] = self.take(self.point.stages[s].n_out * self.block.lanes)
        return found

    cdef Py_ssize_t panel_scratch(self):
        """Count the numbers that a product takes: for a stage's lanes (too few for strips), or a weight's gradient."""
        cdef Py_ssize_t most = 0
        cdef int s
        for s in range(self.point.n_stages):
            most = max(
                most, panel_scratch(self.block.lanes, self.point.stages[s].n_in),
                panel_scratch(self.block.lanes, self.point.stages[s].n_out),
                panel_scratch(self.point.stages[s].n_out, self.block.lanes),
            )
        return most + TILE_COLUMNS

    cdef int hire(self, Worker *worker, int thread) except -1:
        """Give a thread's worker the scratch of its products."""
        worker.panels, worker.poll, worker.thread = self.take(self.panel_scratch()), &self.poll, thread
        return 0

    cdef int take_stages(self) except -1:
        """Fill the table of stages from the network's layers."""
        cdef Point *p = &self.point
        cdef const Plan *plan = p.plan
        cdef const Layer *layer
        cdef Stage *t = NULL
        cdef Py_ssize_t at = 0
        cdef int i
        p.lowest = -1
        p.stages = <Stage *>take_bytes(plan.n_layers * sizeof(Stage), self.buffers)
        for i in range(plan.n_layers):
            layer = &plan.layers[i]
            if layer.kind.stage != NULL:
                t = &p.stages[p.n_stages]
                t.layer, t.kind, t.n_in, t.n_out = layer, layer.kind.stage, layer.n_in, layer.n_out
                find_pieces(layer.activation, layer.option, &t.pieces)
                t.begin, t.biases = at, at
                if layer.n_params:
                    t.weight = plan.params + layer.weight_at
                    t.l1, t.l2 = own_or(layer.l1, self.l1), own_or(layer.l2, self.l2)
                    t.bias = NULL if layer.bias_at < 0 else plan.params + layer.bias_at
                    at += layer.n_params
                    t.biases = at - (0 if t.bias == NULL else t.n_out)
                    p.lowest = p.n_stages if p.lowest < 0 else p.lowest
                t.end = at
                p.n_stages += 1
            if t != NULL:
                t.last_layer = i
        return 0

    cdef int take_block(self) except -1:
        """Take the buffers of a block."""
        cdef Point *p = &self.point
        cdef Block *b = &self.block
        cdef int s
        b.x = self.take(p.plan.n_in * b.lanes)
        b.z = self.take_stage_lanes()
        b.f = self.take_stage_lanes()
        b.a = self.take_pointers()
        b.mask = self.take_pointers()
        b.norm = self.take_pointers()
        for s in range(p.n_stages):
            b.a[s] = b.f[s]
            if p.stages[s].kind.normalizes:
                b.norm[s] = self.take((p.stages[s].n_out + 1) * b.lanes)
            if p.key and p.plan.layers + p.stages[s].last_layer != p.stages[s].layer:
                b.mask[s] = self.take(p.stages[s].n_out * b.lanes)
                b.a[s] = self.take(p.stages[s].n_out * b.lanes)
        b.weight = self.take(b.lanes)
        self.take_outputs(&b.outputs)
        return 0

    cdef int take_outputs(self, Outputs *of) except -1:
        """Take the buffers of the outputs and their losses."""
        cdef const Point *p = &self.point
        cdef Py_ssize_t lanes = self.block.lanes, n = p.k * lanes
        of.lanes = lanes
        of.z = self.block.a[p.n_stages - 1]
        of.error, of.target, of.value, of.steep = self.take(n), self.take(n), self.take(n), self.take(n)
        of.linear = <real>2 if p.of.loss != NULL and p.of.loss.differs else <real>0
        of.shift = EPSILON * p.of.option if p.of.loss != NULL and p.of.loss.shifts else <real>0
        of.top, of.log_total, of.target_sum = self.take(lanes), self.take(lanes), self.take(lanes)
        if p.terms == &SOFTMAX:
            of.softmax, of.touch = self.take(n), self.take(n)
            of.still = self.take(n + lanes)
        return 0

    cdef bint take_lines(self, const Sweep *sweep) except -1:
        """Make room for lines if a sweep over parameters is worth them, and return whether it is."""
        cdef Py_ssize_t units = self.point.stages[self.point.n_stages - 1].n_in
        cdef Py_ssize_t size = units * LINE_ROWS * self.block.lanes
        if sweep.indices == NULL or sweep.count < units or size > MAX_LINE_NUMBERS or not has_lines(&self.point):
            return False
        if self.block.line == NULL:
            self.block.reach = self.take(units)
            self.block.line = self.take(size)
        return True

    cdef int take_scratch(self, int threads) except -1:
        """Take scratch for so many threads."""
        cdef Py_ssize_t lanes = self.block.lanes, wide = self.point.widest * lanes
        cdef Scratch *w
        while self.n_scratch < threads:
            w = &self.scratch[self.n_scratch]
            w.dz, w.other, w.z, w.a = self.take(wide), self.take(wide), self.take(wide), self.take(wide)
            w.change, w.noise, w.lane = self.take(lanes), self.take(lanes), self.take(3 * lanes)
            self.hire(&w.worker, self.n_scratch)
            self.n_scratch += 1
        return 0

    cdef int enter(self) except -1:
        """Begin a call: take the lock of the parameters."""
        take_lock(&self.network.held.lock)
        flag_set(&self.poll.stopped, False)
        return 0

    cdef int leave(self) except -1:
        """End a call; raise what a signal handler has raised in it."""
        cdef bint stopped = flag_up(&self.poll.stopped)
        if stopped:
            self.block.first, self.block.lined = -1, -1
        release_lock(&self.network.held.lock)
        return -1 if stopped else 0

    cdef bint stops(self) noexcept nogil:
        """Return whether to leave a call before the next block."""
        return stops(&self.point.worker, self.block.lanes * self.point.plan.n_params)

    cdef void fill(self, Py_ssize_t first) noexcept nogil:
        """Fill the block with the samples from `first` on, unless it holds them."""
        if self.block.first != first:
            fill_block(&self.point, &self.block, first)

    cdef int run(self, Sweep *sweep) except -1:
        """Evaluate all points of a sweep, whose results begin at 0."""
        cdef Py_ssize_t first = 0, n = self.point.n if self.point.of.loss != NULL or sweep.outputs != NULL else 0
        cdef int tasks = <int>((sweep.count + TASK_POINTS - 1) // TASK_POINTS), threads = n_threads, s
        cdef bint lined
        self.take_scratch(threads)
        lined = self.take_lines(sweep)
        sweep.point, sweep.block, sweep.scratch = &self.point, &self.block, self.scratch
        with nogil:
            while first < n and not flag_up(&self.poll.stopped):
                self.fill(first)
                if lined:
                    fill_lines(&self.point, &self.block)
                for s in range(self.point.n_stages if sweep.tangents != NULL else 0):
                    if sweep.tangents[s] != NULL:
                        self.point.stages[s].kind.tangent(
                            &self.point, &self.block, s, sweep.direction, NULL, sweep.tangents[s],
                        )
                pool_run(sweep_task, sweep, tasks, threads)
                first += self.block.lanes
            if not flag_up(&self.poll.stopped):
                add_penalty_changes(sweep)
        return 0

    cdef int sweep(
        self, Sweep *of, const real[::1] places, double[::1] change, double[::1] noise, uint64_t[::1] patterns,
        real[:, :, ::1] outputs,
    ) except -1:
        """Evaluate the points of a sweep at `places`, and write the results into the arrays."""
        cdef Py_ssize_t count = places.shape[0]
        if change.shape[0] != count or noise.shape[0] != count or patterns.shape[0] != count:
            raise ValueError(f"change, noise and patterns must have length {count}")
        of.outputs = NULL
        if outputs is not None:
            if outputs.shape[0] != count or outputs.shape[1] != self.point.n or outputs.shape[2] != self.point.k:
                raise ValueError(f"outputs must have shape ({count}, {self.point.n}, {self.point.k})")
        if count == 0:
            return 0
        if outputs is not None:
            of.outputs = &outputs[0, 0, 0]
        of.count, of.places = count, &places[0]
        of.change, of.noise, of.patterns = &change[0], &noise[0], &patterns[0]
        self.enter()
        try:
            change[:] = 0
            noise[:] = 0
            patterns[:] = 0
            self.run(of)
        except BaseException:
            release_lock(&self.network.held.lock)
            raise
        return self.leave()

    def value(self):
        """Return the objective at the parameters; the penalties alone if Python computes the loss."""
        cdef Py_ssize_t first = 0
        cdef double total = 0
        self.enter()
        with nogil:
            while first < self.point.n and self.point.of.loss != NULL and not self.stops():
                self.fill(first)
                total += self.point.terms.total(&self.point, &self.block, self.point.variance)
                first += self.block.lanes
        self.leave()
        return self.point.factor * total + penalty(self.point.plan, self.l1, self.l2)

    def at(
        self, const int64_t[::1] indices not None, const real[::1] places not None, double[::1] change not None,
        double[::1] noise not None, uint64_t[::1] patterns not None, real[:, :, ::1] outputs=None,
    ):
        """Compare points (count,), at each of which params[indices[i]] alone becomes places[i], with the parameters.

        Written: by how much the objective changes, the roundoff of that, and a hash of the signs that change, 0 for
        none. Where outputs (count, n, k) is given it receives the network's, and the loss is left out of the change.
        """
        cdef Sweep of
        cdef Py_ssize_t i
        if indices.shape[0] != places.shape[0]:
            raise ValueError(f"indices and places have lengths {indices.shape[0]} and {places.shape[0]}")
        for i in range(indices.shape[0]):
            if indices[i] < 0 or indices[i] >= self.point.plan.n_params:
                raise IndexError(f"index {indices[i]} is not one of {self.point.plan.n_params} parameters")
        of.indices = &indices[0] if indices.shape[0] else NULL
        of.direction, of.tangents = NULL, NULL
        self.sweep(&of, places, change, noise, patterns, outputs)

    def along(
        self, const real[::1] direction not None, const real[::1] steps not None, double[::1] change not None,
        double[::1] noise not None, uint64_t[::1] patterns not None, real[:, :, ::1] outputs=None,
    ):
        """Do the same for the points params + steps[i] * direction, with direction (n_params,)."""
        cdef Sweep of
        cdef real **moved
        cdef int s
        self.check_direction(direction)
        if self.tangents == NULL:
            self.tangents = self.take_stage_lanes()
        moved = <real **>PyMem_RawCalloc(self.point.n_stages, sizeof(void *))
        if moved == NULL:
            raise MemoryError("no memory for a direction")
        try:
            for s in range(self.point.n_stages):
                if stage_moves(&self.point, &direction[0], s):
                    moved[s] = self.tangents[s]
            of.indices, of.direction, of.tangents = NULL, &direction[0], moved
            self.sweep(&of, steps, change, noise, patterns, outputs)
        finally:
            PyMem_RawFree(moved)

    cdef int check_direction(self, const real[::1] direction) except -1:
        """Check that a direction has a number for every parameter."""
        if direction.shape[0] != self.point.plan.n_params:
            raise ValueError(f"direction has shape ({direction.shape[0]},); expected ({self.point.plan.n_params},)")
        return 0

    def outputs(self, real[:, ::1] out not None, real[:, ::1] error not None):
        """Write the outputs (n, k), and an estimate of the roundoff (n, k) that a difference of them has."""
        cdef Point *p = &self.point
        cdef Block *b = &self.block
        cdef Py_ssize_t first = 0, r, j
        cdef const real *z
        if out.shape[0] != p.n or out.shape[1] != p.k or error.shape[0] != p.n or error.shape[1] != p.k:
            raise ValueError(f"out and error must have shape ({p.n}, {p.k})")
        self.enter()
        with nogil:
            while first < p.n and not self.stops():
                self.fill(first)
                z = b.outputs.z
                for r in range(b.rows):
                    for j in range(p.k):
                        out[first + r, j] = z[j * b.lanes + r]
                        error[first + r, j] = OUTPUT_SAFETY * b.outputs.error[j * b.lanes + r]
                first += b.lanes
        self.leave()

    def hessian_vector(self, const real[::1] direction not None, real[::1] out not None):
        """Write the Hessian of the objective times the direction into out (n_params,); l1 has none."""
        cdef Point *p = &self.point
        cdef Tangent *of = &self.tangent
        cdef Py_ssize_t first = 0, wide = p.widest * self.block.lanes
        self.check_direction(direction)
        self.check_direction(out)
        if p.of.loss == NULL:
            raise ValueError("a loss that Python computes has no curvature here")
        if of.dz == NULL:
            of.da = self.take_stage_lanes()
            of.delta, of.d_delta, of.spare = self.take(wide), self.take(wide), self.take(2 * wide)
            of.dz = self.take_stage_lanes()
        self.enter()
        out[:] = 0
        with nogil:
            while first < p.n and not self.stops():
                self.fill(first)
                add_curvature(p, &self.block, &direction[0], of, &out[0])
                first += self.block.lanes
            add_penalty_curvature(p, &direction[0], &out[0])
        self.leave()
