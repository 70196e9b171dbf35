"""A block of samples, transposed: a unit's numbers for all of them stand side by side, one lane each.

Design
------
- Moving one weight changes one unit, in every sample: here that is one contiguous row of lanes, and everything that
  follows from it runs in whole vectors.
- Lanes beyond the samples hold zeros on their way in, and are left out of every sum.
"""

cdef extern from "probe/lanes.h" nogil:
    const real EPSILON, ACTIVATION_ERROR, OUTPUT_SAFETY, VALUE_ERROR
    void multiply(Py_ssize_t n, const real *x, real *y) noexcept
    void rank_one(Py_ssize_t n_out, Py_ssize_t lanes, const real *weight, const real *x, real *z) noexcept
    ctypedef struct Pieces:
        real kinks[MAX_KINKS]
        real slopes[MAX_KINKS + 1]
    void piece_change(
        Py_ssize_t n, const Pieces *pieces, const real *z, const real *moved, const real *out, const real *a,
        const real *mask, real *change,
    ) noexcept
    const int REACHES_KINK, CHANGES, IS_FAR
    int straight_change(
        Py_ssize_t lanes, real step, const Pieces *pieces, real reach, const real *x, const real *z, const real *mask,
        real *change,
    ) noexcept
    bint any_change(Py_ssize_t n, const real *x) noexcept
    bint sides_differ(Py_ssize_t n, real kink, const real *before, const real *after) noexcept
    ctypedef struct Outputs:
        Py_ssize_t lanes
        const real *z
        real *error
        real *target
        real *value
        real *steep
        real linear
        real shift
        real *top
        real *log_total
        real *target_sum
        real *softmax
        real *still
        real *touch
    void add_pointwise(
        const Outputs *of, Py_ssize_t first, Py_ssize_t count, const real *value, const real *slope, const real *out,
        real *change, real *noise,
    ) noexcept

cdef enum:
    LANE_MULTIPLE = 16      # a whole number of vectors, whichever the instruction set and the precision

cdef struct Stage:          # a layer and the dropout behind it
    const Layer *layer
    const StageKind *kind
    Pieces pieces           # of an activation that has straight ones
    const real *weight      # (n_in, n_out), or the gain (n_out,) of a normalization; NULL: no parameters
    const real *bias        # (n_out,), or NULL
    Py_ssize_t n_in, n_out
    Py_ssize_t begin, biases, end    # of its parameters in the flat vector: weights, then biases
    int last_layer          # the layers from its own up to here are the stage
    double l1, l2           # of its weights

cdef struct Block:
    Py_ssize_t first, rows, lanes    # its samples within the batch
    real *x                 # (n_in, lanes), behind dropout that stands before the first stage
    real **z                # per stage: (n_out, lanes)
    real **f                # per stage: the activation of z
    real **a                # per stage: f behind dropout; f's own buffer without it
    real **mask             # per stage: or NULL
    real **norm             # per stage: (n_out + 1, lanes), normalized inputs and their scale; or NULL
    real *weight            # (lanes,)
    Outputs outputs         # of the last stage, and their losses
    Py_ssize_t lined        # the sample that `line` and `reach` begin at
    real *line              # (units of the last hidden stage, LINE_ROWS, lanes), or NULL
    real *reach             # (units,)

cdef struct Tangent         # curvature.pxi
cdef struct Terms
cdef struct Scratch

cdef struct Point:          # a network, samples and a loss: what differences are taken of
    const Plan *plan
    Stage *stages
    int n_stages
    int lowest              # the first stage that has parameters
    bint linear             # outputs are a product, and all that cross-entropy asks for is how they move
    Py_ssize_t k, n, widest
    Rows data
    BoundLoss of
    const Terms *terms      # what is made of its losses
    uint64_t key
    double factor
    real *squares           # (n_params,): of the parameters
    real *ones              # as many as widest and lanes
    real *transposed        # (lanes, widest): scratch
    real *variance          # 2 (widest, lanes): scratch
    Worker worker           # of products outside of a sweep

cdef struct Terms:          # what depends on whether a loss is pointwise or softmax's
    void (*fill)(const Point *p, const Block *b, real *scratch) noexcept nogil
    double (*total)(const Point *p, const Block *b, real *scratch) noexcept nogil
    void (*changes)(const Point *p, const Block *b, Scratch *w, Py_ssize_t low, Py_ssize_t high) noexcept nogil
    void (*tangent)(const Point *p, const Block *b, const Tangent *of) noexcept nogil

cdef struct Sweep           # sweep.pxi

cdef struct StageKind:      # what a kind of layer does to lanes, in its own file
    # Write z of the stage from its inputs.
    void (*forward)(const Point *p, const Block *b, int s) noexcept nogil
    # Write the squared error of z into `out` (n_out, lanes) from that of the inputs, `variance`, which is scratch then.
    void (*spread)(const Point *p, const Block *b, int s, real *variance, real *out) noexcept nogil
    # Turn a change of some inputs, w.dz, into one of z, and say which units it has.
    void (*pass_on)(
        const Point *p, const Block *b, Scratch *w, int s, Py_ssize_t *first, Py_ssize_t *count,
    ) noexcept nogil
    # Turn a change of all inputs, w.dz, into that of z at params + step * direction; without `moves` inputs stay.
    void (*move)(const Sweep *sweep, Scratch *w, int s, real step, bint moves) noexcept nogil
    # Return how fast z of a unit moves with the stage's parameter number `at`: (lanes,). NULL: no parameters.
    const real *(*rate)(const Point *p, const Block *b, int s, Py_ssize_t at) noexcept nogil
    # Write R z along a direction (n_params,), of inputs that stay, or whose R is da (n_in, lanes).
    void (*tangent)(
        const Point *p, const Block *b, int s, const real *direction, const real *da, real *dz,
    ) noexcept nogil
    # Go from d loss / d z and R of it, of.delta and of.d_delta, to those of the inputs; add R of the gradient to `out`.
    void (*curve)(
        const Point *p, const Block *b, int s, const real *direction, const Tangent *of, real *out,
    ) noexcept nogil
    bint is_product         # whether z is a product of the inputs, with a bias at most
    bint normalizes         # whether the block keeps `norm`

cdef struct Scratch:        # of one thread; (widest, lanes) where nothing else is said
    real *dz                # change of a stage's z, then of its outputs; last, a loss's values
    real *other             # the next stage's; last, a loss's slopes
    real *z
    real *a                 # the stage's outputs
    real *change            # (lanes,): of each sample's loss
    real *noise             # (lanes,): roundoff of it
    real *lane              # 3 (lanes,)
    uint64_t pattern
    Py_ssize_t unit         # of the last hidden stage, which alone has moved, by dz; or -1: outputs have
    Worker worker


cdef inline Py_ssize_t lanes_of(Py_ssize_t n) noexcept nogil:
    """Return the lanes of the blocks of n samples."""
    return min(<Py_ssize_t>MAX_LANES, (n + LANE_MULTIPLE - 1) // LANE_MULTIPLE * LANE_MULTIPLE)


cdef void transpose(
    Py_ssize_t rows, Py_ssize_t width, const real *x, Py_ssize_t x_row,    # (rows, width)
    Py_ssize_t lanes, real *out,                                           # (width, lanes); 0 behind the rows
) noexcept nogil:
    """Transpose rows into lanes."""
    cdef Py_ssize_t r, j
    for j in range(width):
        for r in range(rows):
            out[j * lanes + r] = x[r * x_row + j]
        for r in range(rows, lanes):
            out[j * lanes + r] = 0
