"""For benchmarks: the three products of a dense layer by themselves, and the machine's peak.

Design
------
- The products are those of `dense.pxi` on buffers laid out as a network's workspace lays them out, so what is measured
  is what training does: no copies, no checks, one call. Column by column, or in the order in which a network of this
  layer alone trains.
- The peak is a loop without memory in the same vectors as the tile's, so a share of it is a share per instruction set.
"""

cdef extern from "machine/peak.h" nogil:
    enum: CHAIN_FLOPS
    real multiply_adds(int64_t repeats) noexcept

PRODUCTS = ("X W", "X^T D", "D W^T")


def peak_flops(int64_t flops):
    """Make at least `flops` floating-point operations, as fast as there are multipliers, and return their number."""
    cdef int64_t repeats = (flops + CHAIN_FLOPS - 1) // CHAIN_FLOPS
    cdef real end
    with nogil:
        end = multiply_adds(repeats)
    return repeats * CHAIN_FLOPS if end >= 0 else 0


cdef object aligned_matrix(Py_ssize_t rows, Py_ssize_t row):
    """Return zeros (rows, row) that begin on a cache line, as a network's buffers do."""
    memory = numpy.zeros(rows * row + ALIGNMENT // sizeof(real), PRECISION)
    first = -memory.ctypes.data % ALIGNMENT // sizeof(real)
    return memory[first:first + rows * row].reshape(rows, row)


cdef class DenseProducts:
    """One layer's products: X W into delta, X^T D into weight, D W^T into x, where D is delta.

    Columns lie in the lanes, unless the layer `chooses`: then rows do where it would train so.
    """

    cdef Layer layer
    cdef Py_ssize_t rows
    cdef Py_ssize_t lead            # between features where rows lie in the lanes; 0: they do not
    cdef real[:, ::1] x_view, weight_view, delta_view
    cdef real[::1] panels
    cdef int32_t[::1] places

    def __cinit__(self, Py_ssize_t rows, Py_ssize_t n_in, Py_ssize_t n_out, bint chooses=False):
        if min(rows, n_in, n_out) < 1:
            raise ValueError(f"rows, n_in and n_out must be >= 1, got {rows}, {n_in}, {n_out}")
        self.layer.kind = kind_of("dense")
        self.layer.n_in = n_in
        self.layer.n_out = n_out
        self.layer.in_row = padded(n_in)
        self.layer.out_row = padded(n_out)
        self.layer.bias_at = -1
        self.layer.activation = IDENTITY
        self.layer.share = n_in    # one product, however many rows the weight has
        self.rows = rows
        self.lead = self.lead_in_training() if chooses else 0
        self.places = numpy.empty(n_in + 1, "int32")
        self.weight_view = aligned_matrix(n_in, n_out)
        if self.lead:
            self.x_view = aligned_matrix(n_in, self.lead)
            self.delta_view = aligned_matrix(n_out, self.lead)
        else:
            self.x_view = aligned_matrix(rows, self.layer.in_row)
            self.delta_view = aligned_matrix(rows, self.layer.out_row)
        self.panels = aligned_matrix(
            1, max(panel_scratch(n_out, n_in), panel_scratch(n_in, n_out), left_scratch(n_in, n_out, rows)),
        )[0]

    cdef Py_ssize_t lead_in_training(self) except -1:
        """Return the distance between features in a batch of a network of this layer alone, 0 for one row by row."""
        cdef real number = 0
        cdef Rows data
        cdef Plan plan
        memset(&plan, 0, sizeof(Plan))
        plan.layers, plan.n_layers = &self.layer, 1
        plan.n_in, plan.n_out, plan.n_params = self.layer.n_in, self.layer.n_out, self.layer.n_in * self.layer.n_out
        settle_order(&plan)
        memset(&data, 0, sizeof(Rows))
        data.x = &number    # dense
        return lead_of(self.rows) if is_transposed(&plan, &data, self.rows) else 0

    cdef object matrix(self, real[:, ::1] of, Py_ssize_t columns):
        """Return a buffer's numbers as (rows, columns)."""
        whole = numpy.asarray(of)
        return (whole.T if self.lead else whole)[:self.rows, :columns]

    @property
    def x(self):
        """The layer's input, a view (rows, n_in)."""
        return self.matrix(self.x_view, self.layer.n_in)

    @property
    def weight(self):
        """The layer's weight, (n_in, n_out)."""
        return numpy.asarray(self.weight_view)

    @property
    def delta(self):
        """What stands at the layer's output, a view (rows, n_out)."""
        return self.matrix(self.delta_view, self.layer.n_out)

    def run(self, int form, int64_t times=1):
        """Compute product number `form` of PRODUCTS so many times."""
        cdef const Layer *layer = &self.layer
        cdef real *x = &self.x_view[0, 0]
        cdef real *weight = &self.weight_view[0, 0]
        cdef real *delta = &self.delta_view[0, 0]
        cdef Py_ssize_t x_row = self.lead if self.lead else self.layer.in_row
        cdef Worker worker
        cdef ActiveList active
        cdef LayerRows at
        cdef WeightRows of
        cdef Sink sink
        cdef int64_t t
        worker.panels, worker.poll, worker.thread = &self.panels[0], NULL, 0
        memset(&sink, 0, sizeof(Sink))
        sink.grads = weight
        of.layer, of.x, of.x_row, of.rows = layer, x, x_row, self.rows
        of.delta, of.low, of.high = delta, 0, layer.n_in
        active.count, active.places = -1, &self.places[0]
        of.active = at.active = &active
        at.params, at.x, at.x_row, at.rows, at.worker = weight, x, x_row, self.rows, &worker
        at.z = at.a = delta
        with nogil:
            for t in range(times):
                if form == 0 and self.lead:
                    dense_transposed_forward(layer, &at)
                elif form == 0:
                    dense_forward(layer, &at)
                elif form == 1 and self.lead:
                    transposed_gradient(&of, weight, False, &self.panels[0])
                elif form == 1:
                    sink_gradient(&of, &sink, &worker)
                elif self.lead:
                    dense_transposed_backward(layer, &at, delta, x)
                else:
                    dense_input_delta(layer, weight, delta, self.rows, x, &worker)
