"""A layer, and what the engines ask of every kind of layer.

Design
------
- A kind is a row of functions, which is chosen when the layer is bound: see table.pxi. No engine compares kinds.
- A kind writes its functions in its own file, the forward step beside its derivative. They see some rows of a block.
  `gradient` alone stands in sink.pxi, because it hands what it sums to the sink.
- A layer with parameters keeps its delta until its gradient has been summed: d loss / d z of a dense layer, and
  d loss / d a of a normalization. Any other kind works in place on the delta that stands at its output.
"""

cdef class Network          # network.pxi
cdef struct LayerKind
cdef struct StageKind       # probe/stages.pxi
cdef struct Sink            # sink.pxi: what becomes of a gradient
cdef struct Update          # the optimizer's, for layers that have a rate of their own

cdef struct Layer:
    const LayerKind *kind
    uint64_t place                  # of the layer in the network
    Py_ssize_t n_in, n_out          # features
    Py_ssize_t in_row, out_row      # numbers a padded row of them takes
    bint keeps_z                    # whether backward needs z, which then has a buffer of its own
    Py_ssize_t z_row                # numbers a row of z takes
    Py_ssize_t n_params             # 0: the layer has none
    Py_ssize_t n_weights            # the first of them, to which penalties apply
    Py_ssize_t weight_at, bias_at   # where they begin in the flat vector; bias_at < 0: no bias
    const Activation *activation    # identity where the layer has none
    real option                     # of the activation
    double rate                     # of dropout
    double l1, l2                   # penalties of its own on the weight, < 0: the model's
    double max_norm                 # of a unit's weights after a step; INFINITY: no limit
    Py_ssize_t share                # rows of the weight whose gradient one task sums
    int tasks                       # that sum its gradient; 0: no parameters
    bint frozen                     # in a training: neither gradient nor update
    Update *update                  # in a training: with a rate of its own, NULL: the network's
    Update *bias_update             # of the bias, which has another rate than the weight; NULL: the same update
    real *shift                     # (n_in,), of an affine layer: (x - shift) * factor + offset; NULL of others
    real *factor                    # (n_in,)
    real offset
    double eps                      # of a normalization, added to the variance

cdef struct LayerRows:      # some rows of a block on their way through one layer; transposed ones as (features, x_row)
    const real *params      # (n_params of the network,)
    const real *x           # (rows, n_in), rows x_row apart
    Py_ssize_t x_row, rows
    const Entries *entries  # in place of x in the first dense layer, where the inputs are sparse
    real *z                 # (rows, z_row): one buffer with `a` where z is not kept
    real *a                 # (rows, out_row)
    Py_ssize_t first        # the first row's place in the batch
    uint64_t key            # of dropout; 0 leaves it out
    ActiveList *active      # of a batch of one: its inputs that are not 0
    bint dies               # whether d loss / d x of the others is multiplied by a slope of 0
    const Worker *worker

cdef struct WeightRows:     # rows of a layer's weight, and the block of samples that gives their gradient
    const Layer *layer
    const real *x           # (rows, n_in), rows x_row apart
    Py_ssize_t x_row, rows
    const real *delta       # (rows, out_row), behind the activation's derivative
    Py_ssize_t low, high    # rows of the weight; the first ones bring the bias with them; transposed, the last ones
    const ActiveList *active    # of a batch of one: its inputs that are not 0
    Entries entries         # in place of x, where the layer's inputs are sparse
    Py_ssize_t first        # the first row's place in the batch
    uint64_t key            # of dropout

cdef struct LayerKind:
    const char *name
    # Fill the layer from its description (network.pxi); its parameters begin at weight_at, and it sets their number.
    int (*bind)(Network network, Layer *layer, tuple description) except -1
    # Write the outputs, a.
    void (*forward)(const Layer *of, const LayerRows *rows) noexcept nogil
    # Turn delta (rows, out_row), d loss / d a, in place into d loss / d z, and write d loss / d x into before
    # (rows, in_row) unless that is NULL. Without parameters the layer turns delta itself into d loss / d x, in place.
    # Of the inputs, `x` is not set.
    void (*backward)(const Layer *of, const LayerRows *rows, real *delta, real *before) noexcept nogil
    # Hand the gradient of the parameters to the sink. NULL: the layer has no parameters.
    void (*gradient)(const WeightRows *of, Sink *sink, const Worker *worker) noexcept nogil
    # `forward`, `backward` and `gradient` of rows that lie in the lanes: x, z, a, delta and `before` are transposed,
    # all with x's stride. NULL: a network with such a layer is never transposed.
    void (*transposed_forward)(const Layer *of, const LayerRows *rows) noexcept nogil
    void (*transposed_backward)(const Layer *of, const LayerRows *rows, real *delta, real *before) noexcept nogil
    void (*transposed_gradient)(const WeightRows *of, Sink *sink, const Worker *worker) noexcept nogil
    # With sparse inputs: write the outputs, and hand the gradient of all parameters to the sink. NULL: none are taken.
    void (*sparse_forward)(const Layer *of, const LayerRows *rows) noexcept nogil
    void (*sparse_gradient)(const WeightRows *of, Sink *sink) noexcept nogil
    # Return the output for an entry of sparse inputs, where 0 stays 0. NULL: the layer needs dense inputs.
    real (*entry)(const Layer *of, uint64_t key, Py_ssize_t row, int32_t column, real value) noexcept nogil
    bint drops              # whether it is at work only under a dropout key
    bint partial            # whether some finite inputs have no finite output
    bint multiplies         # whether its outputs are an activation of a product with its weight
    bint sums_z             # whether the gradient sums delta times z, not times the inputs
    const StageKind *stage  # what the gradient checker measures; NULL: the layer is a mask behind another's stage


cdef inline double own_or(double own, double model) noexcept nogil:
    """Return a layer's own penalty, or the model's where it has none."""
    return model if own < 0 else own


cdef inline bint keeps_input(const Layer *of) noexcept nogil:
    """Return whether backward needs z."""
    return of.activation.keeps_input or (of.activation.keeps_input_below_0 and of.option < 0)


cdef inline bint at_work(const Layer *of, uint64_t key) noexcept nogil:
    """Return whether a layer takes part in a pass with this dropout key."""
    return key != 0 or not of.kind.drops
