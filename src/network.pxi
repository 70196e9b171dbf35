"""A network bound to its parameters and its workspace: forward, backward, and the methods Python calls.

Design
------
- Every buffer is taken once, in `__cinit__`; a call passes pointers. A batch of more rows than `block` goes
  through the layers block by block, so that activations stay in the cache and the workspace does not grow
  with the batch; the gradients of the blocks add up in their order.
- A network is used by one thread at a time. `lock` makes a second one wait, without the GIL.
- Dropout takes part where `key` is not zero. It is left out, not scaled, where key is zero.
"""

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)

cdef enum:
    ALIGNMENT = 64
    CACHE_BYTES = 262144        # what a block's activations may take
    LEAST_BLOCK = 192           # rows that make up for the products' fixed costs
    BLOCK_MULTIPLE = 48         # a whole number of tiles for every instruction set


cdef Py_ssize_t choose_block(Py_ssize_t rows, Py_ssize_t row_bytes) noexcept:
    """Rows of a block: all of them, or equal shares that are near what the cache holds."""
    cdef Py_ssize_t most = max(<Py_ssize_t>LEAST_BLOCK, CACHE_BYTES // row_bytes)
    if rows <= most:
        return rows
    cdef Py_ssize_t n_blocks = (rows + most - 1) // most
    cdef Py_ssize_t share = (rows + n_blocks - 1) // n_blocks
    return (share + BLOCK_MULTIPLE - 1) // BLOCK_MULTIPLE * BLOCK_MULTIPLE


cdef class Network:
    """Layers as tuples ("dense", n_in, n_out, bias, activation) or ("dropout", width, rate), in order."""

    cdef Layer *layers
    cdef int n_layers, n_buffers, first_dense
    cdef void **buffers
    cdef real *params_at
    cdef Rows gathered       # (block, …): rows of a shuffled batch, brought together
    cdef real *delta         # (block, widest row): two deltas in turn
    cdef real *delta_before
    cdef PyThread_type_lock lock
    cdef Poll poll
    cdef readonly object params          # (n_params,)
    cdef readonly Py_ssize_t n_params, n_in, n_out, block
    cdef readonly bint trains

    def __cinit__(self, tuple layers, real[::1] params not None, Py_ssize_t rows, bint trains, bint blocks=True):
        cdef Py_ssize_t at = 0, per_row = 0, widest = 1
        cdef Layer *layer
        cdef int i
        self.lock = PyThread_allocate_lock()
        self.layers = <Layer *>PyMem_RawCalloc(len(layers), sizeof(Layer))
        self.buffers = <void **>PyMem_RawCalloc(6 * len(layers) + 6, sizeof(void *))
        if self.lock == NULL or self.layers == NULL or self.buffers == NULL:
            raise MemoryError("no memory for the network's tables")
        self.trains = trains
        self.params = params.base
        self.params_at = &params[0]
        for i, description in enumerate(layers):
            layer = &self.layers[i]
            if description[0] == "dense":
                layer.kind = DENSE
                _, layer.n_in, layer.n_out, bias, activation = description
                layer.activation = activation_code(activation)
                layer.weight_at = at
                at += layer.n_in * layer.n_out
                layer.bias_at = at if bias else -1
                at += layer.n_out if bias else 0
            else:
                layer.kind = DROPOUT
                _, layer.n_in, layer.rate = description
                layer.n_out = layer.n_in
            layer.in_row = padded(layer.n_in)
            layer.out_row = padded(layer.n_out)
            per_row += layer.out_row * (1 + keeps_input(layer.activation))
            widest = max(widest, layer.out_row, layer.in_row)
            self.n_layers += 1
            if layer.kind == DROPOUT and self.first_dense == i:
                self.first_dense += 1
        if at != params.shape[0]:
            raise ValueError(f"the layers have {at} parameters, but params has {params.shape[0]}")
        self.n_params = at
        self.n_in = self.layers[0].n_in
        self.n_out = self.layers[self.n_layers - 1].n_out
        self.block = max(<Py_ssize_t>1, rows)
        if blocks:
            self.block = choose_block(self.block, (per_row + 2 * widest + self.n_in) * sizeof(real))
        self.take_workspace(widest)

    def __dealloc__(self):
        cdef int i
        for i in range(self.n_buffers):
            free(self.buffers[i])
        PyMem_RawFree(self.buffers)
        PyMem_RawFree(self.layers)
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    cdef real *take(self, Py_ssize_t count) except NULL:
        """Zeroed, aligned memory for count numbers that lives as long as the network."""
        cdef void *memory = NULL
        cdef size_t size = (count * sizeof(real) + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        if posix_memalign(&memory, ALIGNMENT, size):
            raise MemoryError(f"no memory for a workspace of {size} bytes")
        memset(memory, 0, size)
        self.buffers[self.n_buffers] = memory
        self.n_buffers += 1
        return <real *>memory

    cdef int take_workspace(self, Py_ssize_t widest) except -1:
        cdef Layer *layer
        cdef bint first = True
        cdef int i
        self.delta = self.take(self.block * widest)
        if self.trains:
            self.delta_before = self.take(self.block * widest)
            self.gathered.x = self.take(self.block * self.n_in)
            self.gathered.target = self.take(self.block * self.n_out)
            self.gathered.labels = <int64_t *>self.take(self.block * sizeof(int64_t) // sizeof(real))
            self.gathered.weight = self.take(self.block)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            layer.a = self.take(self.block * layer.out_row)
            if layer.kind == DROPOUT:
                continue
            if keeps_input(layer.activation):
                layer.z = self.take(self.block * layer.out_row)
            if layer.out_row != layer.n_out:
                layer.wide_weight = self.take(layer.n_in * layer.out_row)
                layer.wide_bias = self.take(layer.out_row)
            if self.trains:
                if layer.out_row != layer.n_out:
                    layer.wide_gradient = self.take(layer.n_in * layer.out_row)
                if not first and layer.n_in > 1:
                    layer.turned_weight = self.take(layer.n_out * layer.in_row)
            first = False
        return 0

    cdef void begin(self, real *grads) noexcept nogil:
        """Once per step: copies of the parameters that its products read, and zeros where gradients add up."""
        cdef int i
        for i in range(self.n_layers):
            if self.layers[i].kind == DENSE:
                dense_begin(&self.layers[i], self.params_at)
                if grads != NULL:
                    dense_begin_backward(&self.layers[i], self.params_at)
        if grads != NULL:
            memset(grads, 0, self.n_params * sizeof(real))

    cdef void end_backward(self, real *grads) noexcept nogil:
        """Once per step: what was added up in wide rows goes into the flat vector."""
        cdef int i
        for i in range(self.n_layers):
            if self.layers[i].kind == DENSE:
                dense_end_backward(&self.layers[i], grads)

    cdef const real *forward(
        self, const real *x, Py_ssize_t rows,     # (rows, n_in), compact
        Py_ssize_t start, uint64_t key,           # the first row's number in its batch; dropout's key or 0
    ) noexcept nogil:
        """The outputs (rows, padded n_out) of at most `block` rows."""
        cdef Py_ssize_t x_row = self.n_in
        cdef Layer *layer
        cdef int i
        for i in range(self.n_layers):
            layer = &self.layers[i]
            if layer.kind == DENSE:
                dense_forward(layer, self.params_at, x, x_row, rows)
            elif key:
                dropout(
                    key_of(key, i, 0), layer.rate, start, rows, layer.n_in, x, x_row, layer.a, layer.out_row,
                )
            else:
                continue
            x = layer.a
            x_row = layer.out_row
        return x

    cdef void backward(
        self, const real *x, Py_ssize_t rows, Py_ssize_t start, uint64_t key, real *grads,
    ) noexcept nogil:
        """Add the gradients of the rows that `forward` has just seen; self.delta holds d loss / d outputs."""
        cdef Layer *layer
        cdef const real *layer_x
        cdef Py_ssize_t x_row
        cdef int i, j
        for i in range(self.n_layers - 1, -1, -1):
            layer = &self.layers[i]
            if layer.kind == DROPOUT:
                if key:
                    dropout(
                        key_of(key, i, 0), layer.rate, start, rows, layer.n_in,
                        self.delta, layer.in_row, self.delta, layer.in_row,
                    )
                continue
            multiply_slope(layer.activation, layer.z, layer.a, self.delta, rows * layer.out_row)
            j = i - 1
            while j >= 0 and self.layers[j].kind == DROPOUT and not key:
                j -= 1
            layer_x = x if j < 0 else self.layers[j].a
            x_row = self.n_in if j < 0 else self.layers[j].out_row
            dense_gradient(layer, grads, layer_x, x_row, rows, self.delta)
            if i > self.first_dense:
                dense_input_delta(layer, self.params_at, self.delta, rows, self.delta_before)
                self.delta, self.delta_before = self.delta_before, self.delta

    cdef int gradient(
        self, const Rows *data, const Objective *of,
        Py_ssize_t first, Py_ssize_t rows, uint64_t key, real *grads, double *loss,
    ) except -1 nogil:
        """The mean loss of rows first … first + rows of the data's order, and its gradient where not NULL."""
        cdef Py_ssize_t start = 0, n
        cdef const real *z
        cdef Rows block
        cdef Py_ssize_t z_row = padded(self.n_out)
        cdef double factor = mean_factor(of, data, first, rows)
        loss[0] = 0
        self.begin(grads)
        while start < rows:
            n = min(self.block, rows - start)
            poll_signals(&self.poll, n * (self.n_params + POLL_ROW))
            take_rows(data, self.n_in, self.n_out, first + start, n, &self.gathered, &block)
            z = self.forward(block.x, n, start, key)
            loss[0] += loss_block(of, &block, n, z, z_row, factor, self.delta, z_row)
            if grads != NULL:
                self.backward(block.x, n, start, key, grads)
            start += n
        if grads != NULL:
            self.end_backward(grads)
        return 0

    def predict(self, const real[:, ::1] X not None, real[:, ::1] out not None):
        """Write the raw outputs of X (n, n_in) into out (n, n_out); dropout is left out."""
        cdef Py_ssize_t start = 0, n, rows = X.shape[0]
        cdef const real *z
        if X.shape[1] != self.n_in or out.shape[0] != rows or out.shape[1] != self.n_out:
            raise ValueError("X and out do not fit the network")
        self.acquire()
        try:
            with nogil:
                self.begin(NULL)
                while start < rows:
                    n = min(self.block, rows - start)
                    poll_signals(&self.poll, n * (self.n_params + POLL_ROW))
                    z = self.forward(&X[start, 0], n, 0, 0)
                    copy_compact(n, self.n_out, z, padded(self.n_out), &out[start, 0])
                    start += n
        finally:
            PyThread_release_lock(self.lock)

    def penalty(self, double l1, double l2, real[::1] grads=None):
        """l1 * sum |w| + l2/2 * sum w^2 over the weights, not the biases; its gradient is added to grads."""
        cdef Layer *layer
        cdef double value = 0
        cdef int i
        for i in range(self.n_layers):
            layer = &self.layers[i]
            if layer.kind == DENSE:
                value += penalty(layer.n_in * layer.n_out, self.params_at + layer.weight_at, l1, l2)
        if grads is not None:
            if grads.shape[0] != self.n_params:
                raise ValueError(f"grads has shape ({grads.shape[0]},); expected ({self.n_params},)")
            self.add_penalty(<real>l1, <real>l2, &grads[0])
        return value

    cdef void add_penalty(self, real l1, real l2, real *grads) noexcept nogil:
        """Add the penalty's gradient to grads (n_params,)."""
        cdef Layer *layer
        cdef int i
        for i in range(self.n_layers):
            layer = &self.layers[i]
            if layer.kind == DENSE:
                add_penalty_gradient(
                    layer.n_in * layer.n_out, self.params_at + layer.weight_at, grads + layer.weight_at, l1, l2,
                )

    def outputs(self, const real[:, ::1] X not None, unsigned long long dropout_key=0):
        """Forward for a loss that Python computes, everything kept for `gradient_from`: the layers' outputs.

        X (n, n_in), n at most `block`. A list of arrays (n, n_out of the layer), the raw outputs last.
        """
        cdef Py_ssize_t n = X.shape[0]
        cdef int i
        cdef real[:, ::1] out
        if n == 0 or n > self.block or X.shape[1] != self.n_in:
            raise ValueError("X does not fit the network")
        with nogil:
            self.begin(NULL)
            self.forward(&X[0, 0], n, 0, dropout_key)
        found = []
        for i in range(self.n_layers):
            if self.layers[i].kind == DROPOUT and not dropout_key:
                continue
            out = numpy.empty((n, self.layers[i].n_out), PRECISION)
            copy_compact(n, self.layers[i].n_out, self.layers[i].a, self.layers[i].out_row, &out[0, 0])
            found.append(out.base)
        return found

    def gradient_from(
        self, const real[:, ::1] X not None, const real[:, ::1] delta not None, real[::1] grads not None,
        unsigned long long dropout_key=0,
    ):
        """The gradient that belongs to delta = d loss / d outputs (n, n_out), of the rows `outputs` has just seen."""
        cdef Py_ssize_t n = X.shape[0]
        if (
            not self.trains or n == 0 or n > self.block or X.shape[1] != self.n_in
            or delta.shape[0] != n or delta.shape[1] != self.n_out or grads.shape[0] != self.n_params
        ):
            raise ValueError("X, delta and grads do not fit the network")
        with nogil:
            self.begin(&grads[0])
            copy_padded(n, self.n_out, &delta[0, 0], self.delta, padded(self.n_out))
            self.backward(&X[0, 0], n, 0, dropout_key, &grads[0])
            self.end_backward(&grads[0])

    def loss(
        self, str loss, double option, const real[:, ::1] X not None, const real[:, ::1] target=None,
        const int64_t[::1] labels=None, const real[::1] weight=None, unsigned long long dropout_key=0,
        real[::1] grads=None,
    ):
        """The mean loss over X (n, n_in); its gradient is written into grads (n_params,) where given."""
        cdef Objective of
        cdef Rows data
        cdef double value
        cdef real *to = NULL
        of.loss = loss_code(loss)
        of.option = <real>option
        of.outputs = self.n_out
        bind_rows(&data, self.n_in, self.n_out, of.loss == CROSS_ENTROPY, X, target, labels, weight)
        if grads is not None:
            if not self.trains or grads.shape[0] != self.n_params:
                raise ValueError(f"grads has shape ({grads.shape[0]},); expected ({self.n_params},)")
            to = &grads[0]
        self.acquire()
        try:
            with nogil:
                self.gradient(&data, &of, 0, X.shape[0], dropout_key, to, &value)
        finally:
            PyThread_release_lock(self.lock)
        return value

    cdef int acquire(self) except -1:
        """Take the lock; wait for it without the GIL where another thread holds it."""
        if not PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            with nogil:
                PyThread_acquire_lock(self.lock, WAIT_LOCK)
        return 0
