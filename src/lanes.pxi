"""A block of samples, turned: a unit's numbers for all of them stand side by side, one lane each.

Design
------
- Moving one weight changes one unit, in every sample: here that is one contiguous row of lanes, and everything that
  follows from it runs in whole vectors.
- A stage is a dense layer and the dropout behind it, whose mask is made once: 0 or 1 / (1 - rate).
- Lanes beyond the samples hold zeros on their way in, and are left out of every sum.
- `error` estimates the roundoff that a difference of outputs has: moved inputs are rounded, activations are wrong by
  some ulp, and both go on through the layers. Roundings are taken as independent, so their squares add; a worst case
  would grow by the root of the width with every layer (Higham and Mary 2019, SIAM J. Sci. Comput. 41).
"""

cdef extern from "lanes.h" nogil:
    const real EPSILON, ACTIVATION_ERROR, OUTPUT_SAFETY, VALUE_ERROR, QUICK_CHANGE
    void multiply(Py_ssize_t n, const real *x, real *y) noexcept
    void rank_one(Py_ssize_t n_out, Py_ssize_t lanes, const real *weight, const real *x, real *z) noexcept
    bint any_change(Py_ssize_t n, const real *x) noexcept
    bint signs_differ(Py_ssize_t n, const real *before, const real *after) noexcept
    void add_pointwise(
        Py_ssize_t count, Py_ssize_t lanes, real linear, const real *value, const real *before, const real *slope,
        const real *y, const real *out, const real *z, const real *error, real *change, real *noise,
    ) noexcept
    void add_exponentials(Py_ssize_t lanes, const real *z, const real *top, real *e, real *total) noexcept
    void add_lanes(Py_ssize_t lanes, const real *e, real *total) noexcept
    void tops(Py_ssize_t k, Py_ssize_t lanes, const real *z, real *top) noexcept
    void add_log_totals(
        Py_ssize_t lanes, const real *mass, const real *top_before, const real *log_before, const real *top,
        real *total, real *share, real *change, real *noise,
    ) noexcept
    void add_logits(
        Py_ssize_t count, Py_ssize_t lanes, const real *e, const real *share, const real *target, const real *d,
        const real *error, real *change, real *noise,
    ) noexcept

cdef enum:
    MOST_LANES = 64
    LANE_MULTIPLE = 16      # a whole number of vectors, whichever the instruction set and the precision

cdef struct Stage:
    const Layer *layer
    const real *weight      # (n_in, n_out)
    const real *bias        # (n_out,), or NULL
    Py_ssize_t n_in, n_out
    Py_ssize_t begin, end   # of its parameters in the flat vector
    int last_layer          # the layers from its own up to here are the stage

cdef struct Block:
    Py_ssize_t first, rows, lanes    # its samples within the batch
    real *x                 # (n_in, lanes), behind dropout that stands before the first dense layer
    real **z                # per stage: (n_out, lanes)
    real **f                # per stage: the activation of z
    real **a                # per stage: f behind dropout; f's own buffer without it
    real **mask             # per stage: or NULL
    real *target            # (k, lanes): numbers, or class probabilities
    real *weight            # (lanes,)
    real *value             # (k, lanes): a pointwise loss; or exp(z - top)
    real *top               # (lanes,): of the logits
    real *log_total         # (lanes,): log of the sum of exp(z - top)
    real *mass              # (lanes,): sum of the probabilities
    real *error             # (k, lanes)

cdef struct Point:          # a network, samples and a loss: what differences are taken of
    const Plan *plan
    Stage *stages
    int n_stages
    Py_ssize_t k, n, widest
    Rows data
    Objective of            # of.loss < 0: Python computes the loss
    uint64_t key
    double factor
    double l1, l2
    real *squares           # (n_params,): of the parameters
    real *ones              # (widest,)
    real *turned            # (lanes, widest): scratch
    real *variance          # 2 (widest, lanes): scratch
    real *panel             # scratch of products

cdef struct Scratch:        # of one thread; (widest, lanes) where nothing else is said
    real *dz                # change of a stage's z, then of its outputs; last, a loss's values
    real *other             # the next stage's; last, a loss's slopes
    real *z
    real *a                 # the stage's outputs
    real *change            # (lanes,): of each sample's loss
    real *noise             # (lanes,): roundoff of it
    real *lane              # 3 (lanes,)
    uint64_t pattern
    real *panel


cdef inline bint is_kinked(int activation) noexcept nogil:
    """Whether the first or the second derivative jumps at 0: differences at both sides tell nothing of each other."""
    return activation == RELU or activation == LEAKY_RELU or activation == ELU or activation == SELU


cdef inline Py_ssize_t lanes_of(Py_ssize_t n) noexcept nogil:
    """Lanes of the blocks of n samples."""
    return min(<Py_ssize_t>MOST_LANES, (n + LANE_MULTIPLE - 1) // LANE_MULTIPLE * LANE_MULTIPLE)


cdef inline const real *stage_input(const Block *b, int s) noexcept nogil:
    """What stage s has seen: (n_in, lanes)."""
    return b.x if s == 0 else b.a[s - 1]


cdef inline void times_weight(
    const real *weight, Py_ssize_t n_in, Py_ssize_t n_out,    # (n_in, n_out)
    const real *x, Py_ssize_t lanes,                          # (n_in, lanes)
    const real *init, real *z, real *panel,                   # (n_out, lanes); init may be NULL, or z itself
) noexcept nogil:
    """z = init + W^T x."""
    product(n_out, lanes, n_in, weight, 1, n_out, x, lanes, ROWS, init, lanes, z, lanes, panel)


cdef void turn(
    Py_ssize_t rows, Py_ssize_t width, const real *x, Py_ssize_t x_row,    # (rows, width)
    Py_ssize_t lanes, real *out,                                           # (width, lanes); 0 behind the rows
) noexcept nogil:
    cdef Py_ssize_t r, j
    for j in range(width):
        for r in range(rows):
            out[j * lanes + r] = x[r * x_row + j]
        for r in range(rows, lanes):
            out[j * lanes + r] = 0


cdef void times_mask(const Point *p, const Block *b, int i, real *a) noexcept nogil:
    """a (width, lanes) times the mask of layer i, which is dropout."""
    cdef const Layer *layer = &p.plan.layers[i]
    cdef Py_ssize_t r, j
    dropout(
        key_of(p.key, i, 0), layer.rate, b.first, b.rows, layer.n_in, p.ones, 0, p.turned, layer.n_in,
    )
    for j in range(layer.n_in):
        for r in range(b.rows):
            a[j * b.lanes + r] *= p.turned[r * layer.n_in + j]


cdef void stage_forward(const Point *p, const Block *b, int s) noexcept nogil:
    """z, f, a and the mask of a stage."""
    cdef const Stage *t = &p.stages[s]
    cdef Py_ssize_t n = t.n_out * b.lanes, j, r
    cdef int i
    times_weight(t.weight, t.n_in, t.n_out, stage_input(b, s), b.lanes, NULL, b.z[s], p.panel)
    for j in range(t.n_out if t.bias != NULL else 0):
        for r in range(b.lanes):
            b.z[s][j * b.lanes + r] += t.bias[j]
    activate(t.layer.activation, b.z[s], b.f[s], n)
    if b.mask[s] == NULL:
        return
    for j in range(n):
        b.mask[s][j] = 1
    for i in range(<int>(t.layer - p.plan.layers) + 1, t.last_layer + 1):
        times_mask(p, b, i, b.mask[s])
    for j in range(n):
        b.a[s][j] = b.f[s][j] * b.mask[s][j]


cdef void stage_variance(const Point *p, const Block *b, int s, real *variance, real *scratch) noexcept nogil:
    """From the squared error of the stage's inputs to that of its outputs, both in `variance` (width, lanes)."""
    cdef const Stage *t = &p.stages[s]
    cdef int activation = t.layer.activation
    cdef Py_ssize_t n = t.n_out * b.lanes, j
    cdef const real *z = b.z[s]
    cdef const real *f = b.f[s]
    cdef real ulp = 0 if activation == IDENTITY or activation == RELU else ACTIVATION_ERROR
    cdef real apart = 1 if activation == GELU else 0        # 1 + erf(z) loses what z has
    cdef real e
    times_weight(p.squares + t.begin, t.n_in, t.n_out, variance, b.lanes, NULL, scratch, p.panel)
    for j in range(n):
        variance[j] = 1
    multiply_slope(activation, z, f, variance, n)
    for j in range(n):
        e = ulp * (real_abs(f[j]) + apart * real_abs(z[j]))
        variance[j] = variance[j] * variance[j] * (scratch[j] + EPSILON * EPSILON * z[j] * z[j]) + e * e
    if b.mask[s] != NULL:
        multiply(n, b.mask[s], variance)
        multiply(n, b.mask[s], variance)


cdef void take_targets(const Point *p, const Block *b) noexcept nogil:
    """Targets and weights of the block's samples."""
    cdef Py_ssize_t r, j
    cdef bint labels = p.data.labels != NULL
    cdef real even = p.of.option / p.k, keep = <real>1 - p.of.option
    for r in range(b.rows):
        b.weight[r] = p.data.weight[b.first + r] if p.data.weight != NULL else <real>1
    if labels:
        for j in range(p.k):
            for r in range(b.lanes):
                b.target[j * b.lanes + r] = <real>(r < b.rows and p.data.labels[b.first + r] == j)
    else:
        turn(b.rows, p.k, p.data.target + b.first * p.k, p.k, b.lanes, b.target)
    if p.of.loss != CROSS_ENTROPY:
        return
    memset(b.mass, 0, b.lanes * sizeof(real))
    for j in range(p.k):
        for r in range(b.lanes):
            b.target[j * b.lanes + r] = even + keep * b.target[j * b.lanes + r]
            b.mass[r] += b.target[j * b.lanes + r]


cdef void block_values(const Point *p, const Block *b, real *slope) noexcept nogil:
    """The loss of every output, or what softmax needs."""
    cdef const real *z = b.a[p.n_stages - 1]
    cdef Py_ssize_t n = p.k * b.lanes, j, r
    if p.of.loss != CROSS_ENTROPY:
        pointwise(p.of.loss, p.of.option, n, z, b.target, b.value, slope)
        return
    for r in range(b.lanes):
        b.top[r] = -INFINITY
        b.log_total[r] = 0
    tops(p.k, b.lanes, z, b.top)
    for j in range(p.k):
        add_exponentials(b.lanes, z + j * b.lanes, b.top, b.value + j * b.lanes, b.log_total)
    for r in range(b.lanes):
        b.log_total[r] = real_log(b.log_total[r])


cdef void fill_block(const Point *p, Block *b, Py_ssize_t first) noexcept nogil:
    """Everything about the samples from `first` on."""
    cdef Py_ssize_t j
    cdef int i, s
    cdef real *scratch = p.variance + p.widest * b.lanes
    b.first = first
    b.rows = min(b.lanes, p.n - first)
    turn(b.rows, p.plan.n_in, p.data.x + first * p.data.x_row, p.data.x_row, b.lanes, b.x)
    for i in range(p.plan.first if p.key else 0):
        times_mask(p, b, i, b.x)
    memset(p.variance, 0, p.widest * b.lanes * sizeof(real))
    for s in range(p.n_stages):
        stage_forward(p, b, s)
        stage_variance(p, b, s, p.variance, scratch)
    for j in range(p.k * b.lanes):
        b.error[j] = <real>sqrt(p.variance[j])
    if p.of.loss >= 0:
        take_targets(p, b)
        block_values(p, b, scratch)


cdef double lane_sum(Py_ssize_t n, const real *weight, const real *value) noexcept nogil:
    """Sum of weight * value over n lanes, in eight interleaved partial sums."""
    cdef double part[8]
    cdef Py_ssize_t i, j
    for j in range(8):
        part[j] = 0
    for i in range(0, n - n % 8, 8):
        for j in range(8):
            part[j] += <double>(weight[i + j] * value[i + j])
    for i in range(n - n % 8, n):
        part[i % 8] += <double>(weight[i] * value[i])
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]))


cdef double block_loss(const Point *p, const Block *b, real *lane) noexcept nogil:
    """The weighted sum of the samples' losses; lane (lanes,) is scratch."""
    cdef const real *z = b.a[p.n_stages - 1]
    cdef Py_ssize_t j, r
    cdef double total = 0
    if p.of.loss != CROSS_ENTROPY:
        for j in range(p.k):
            total += lane_sum(b.rows, b.weight, b.value + j * b.lanes)
        return total
    for r in range(b.lanes):
        lane[r] = b.mass[r] * b.log_total[r]
    for j in range(p.k):
        for r in range(b.lanes):
            lane[r] -= b.target[j * b.lanes + r] * (z[j * b.lanes + r] - b.top[r])
    return lane_sum(b.rows, b.weight, lane)
