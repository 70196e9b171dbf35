"""A block of samples, filled: what every stage has made of them, and their losses."""

cdef void take_targets(const Point *p, const Block *b) noexcept nogil:
    """Take over the targets and weights of the block's samples."""
    cdef Py_ssize_t r, j
    cdef bint labels = p.data.labels != NULL
    for r in range(b.rows):
        b.weight[r] = p.data.weight[b.first + r] if p.data.weight != NULL else <real>1
    if labels:
        for j in range(p.k):
            for r in range(b.lanes):
                b.outputs.target[j * b.lanes + r] = <real>(r < b.rows and p.data.labels[b.first + r] == j)
    else:
        transpose(b.rows, p.k, p.data.target + b.first * p.k, p.k, b.lanes, b.outputs.target)


cdef void pointwise_fill(const Point *p, const Block *b, real *slope) noexcept nogil:
    """Compute the loss of every output."""
    cdef Py_ssize_t j, n = p.k * b.lanes
    p.of.loss.values(b.outputs.z, b.outputs.target, n, p.of.option, b.outputs.value, slope)
    for j in range(n if p.of.loss.curvatures == NULL or p.of.loss.shifts else 0):
        b.outputs.steep[j] = slope[j] if slope[j] > 0 else -slope[j]


cdef void fill_block(const Point *p, Block *b, Py_ssize_t first) noexcept nogil:
    """Compute everything about the samples from `first` on."""
    cdef Py_ssize_t j
    cdef int i, s
    cdef real *scratch = p.variance + p.widest * b.lanes
    b.first = first
    b.rows = min(b.lanes, p.n - first)
    transpose(b.rows, p.plan.n_in, p.data.x + first * p.data.x_row, p.data.x_row, b.lanes, b.x)
    for i in range(<int>(p.stages[0].layer - p.plan.layers) if p.key else 0):
        times_mask(p, b, i, b.x)
    memset(p.variance, 0, p.widest * b.lanes * sizeof(real))
    for s in range(p.n_stages):
        stage_forward(p, b, s)
        stage_variance(p, b, s, p.variance, scratch)
    for j in range(p.k * b.lanes):
        b.outputs.error[j] = <real>sqrt(p.variance[j]) + b.outputs.shift
    if p.of.loss != NULL:
        take_targets(p, b)
        p.terms.fill(p, b, scratch)


cdef double pointwise_total(const Point *p, const Block *b, real *scratch) noexcept nogil:
    """Return the weighted sum of the samples' losses."""
    cdef Py_ssize_t j
    cdef double total = 0
    for j in range(p.k):
        total += lane_sum(b.rows, b.weight, b.outputs.value + j * b.lanes)
    return total
