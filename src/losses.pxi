"""Losses on raw outputs: value and delta in one pass.

Design
------
- A pointwise loss is one scalar function that returns the value and stores the slope d value / d z, so that
  what they share is computed once. `loss_block` scales slopes into deltas: d mean / d z.
- cross_entropy works on a row at a time, with the largest logit subtracted, in labels and in probabilities.
- The mean is over samples and outputs (cross_entropy: over samples), weighted by `sample_weight` where given.
  The caller passes the factor, for only it knows the whole batch when a block is a part of it.
- A row's value is kept apart and the rows are summed at the end, in double and in one order: through eight
  interleaved partial sums, whatever the vector width and whoever computed the row.
- LOSS_NAMES is in the order of the enum and is the only table.
"""

cdef enum Loss:
    MEAN_SQUARED_ERROR, MEAN_ABSOLUTE_ERROR, HUBER, LOG_COSH, QUANTILE, POISSON, BINARY_CROSS_ENTROPY,
    HINGE, SQUARED_HINGE, CROSS_ENTROPY

LOSS_NAMES = (
    "mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "quantile", "poisson",
    "binary_cross_entropy", "hinge", "squared_hinge", "cross_entropy",
)

cdef enum:
    RUN = 256       # elements of one pass: value and slope stay in the first-level cache

cdef struct Objective:
    int loss
    real option              # huber's delta, quantile's q, cross_entropy's label_smoothing
    Py_ssize_t outputs       # k


cdef inline real mean_squared_error(real z, real y, real *slope) noexcept nogil:
    slope[0] = <real>2 * (z - y)
    return (z - y) * (z - y)

cdef inline real mean_absolute_error(real z, real y, real *slope) noexcept nogil:
    slope[0] = <real>(z > y) - <real>(z < y)
    return real_abs(z - y)

cdef inline real huber(real z, real y, real delta, real *slope) noexcept nogil:
    cdef real d = z - y
    cdef real inside = -delta if d < -delta else (delta if d > delta else d)
    slope[0] = inside
    return inside * (d - <real>0.5 * inside)

cdef inline real log_cosh(real z, real y, real *slope) noexcept nogil:
    # near zero |d| + log1p(...) cancels; -log(1 - tanh^2) / 2 does not
    cdef real d = z - y
    cdef real size = real_abs(d)
    cdef real t = real_tanh(d)
    cdef real near = <real>-0.5 * real_log1p(-t * t)
    cdef real far = size + real_log1p(<real>0.5 * real_expm1(<real>-2 * size))
    slope[0] = t
    return near if size < <real>0.5 else far

cdef inline real quantile(real z, real y, real q, real *slope) noexcept nogil:
    cdef real d = y - z
    slope[0] = -q if d > 0 else (<real>1 - q if d < 0 else <real>0)
    return (q - <real>1) * d if d < 0 else q * d

cdef inline real poisson(real z, real y, real *slope) noexcept nogil:
    cdef real rate = real_exp(z)
    slope[0] = rate - y
    return rate - y * z

cdef inline real binary_cross_entropy(real z, real y, real *slope) noexcept nogil:
    slope[0] = real_sigmoid(z) - y
    return real_softplus(z) - y * z

cdef inline real hinge(real z, real y, real *slope) noexcept nogil:
    cdef real gap = <real>1 - y * z
    slope[0] = -y if gap > 0 else <real>0
    return <real>0 if gap < 0 else gap

cdef inline real squared_hinge(real z, real y, real *slope) noexcept nogil:
    cdef real gap = <real>1 - y * z
    gap = <real>0 if gap < 0 else gap
    slope[0] = <real>-2 * y * gap
    return gap * gap


cdef void pointwise(
    int loss, real option, Py_ssize_t n,
    const real *z, const real *y,     # (n,)
    real *value, real *slope,         # (n,)
) noexcept nogil:
    """Values and slopes of n outputs."""
    cdef Py_ssize_t i
    if loss == MEAN_SQUARED_ERROR:
        for i in range(n):
            value[i] = mean_squared_error(z[i], y[i], &slope[i])
    elif loss == MEAN_ABSOLUTE_ERROR:
        for i in range(n):
            value[i] = mean_absolute_error(z[i], y[i], &slope[i])
    elif loss == HUBER:
        for i in range(n):
            value[i] = huber(z[i], y[i], option, &slope[i])
    elif loss == LOG_COSH:
        for i in range(n):
            value[i] = log_cosh(z[i], y[i], &slope[i])
    elif loss == QUANTILE:
        for i in range(n):
            value[i] = quantile(z[i], y[i], option, &slope[i])
    elif loss == POISSON:
        for i in range(n):
            value[i] = poisson(z[i], y[i], &slope[i])
    elif loss == BINARY_CROSS_ENTROPY:
        for i in range(n):
            value[i] = binary_cross_entropy(z[i], y[i], &slope[i])
    elif loss == HINGE:
        for i in range(n):
            value[i] = hinge(z[i], y[i], &slope[i])
    else:
        for i in range(n):
            value[i] = squared_hinge(z[i], y[i], &slope[i])


cdef void pointwise_curvature(
    int loss, real option, Py_ssize_t n,
    const real *z, const real *y,     # (n,)
    real *curvature,                  # (n,)
) noexcept nogil:
    """d^2 value / d z^2 of n outputs; 0 at a kink."""
    cdef Py_ssize_t i
    cdef real s
    if loss == MEAN_SQUARED_ERROR:
        for i in range(n):
            curvature[i] = 2
    elif loss == HUBER:
        for i in range(n):
            curvature[i] = <real>(real_abs(z[i] - y[i]) < option)
    elif loss == LOG_COSH:
        for i in range(n):
            s = real_tanh(z[i] - y[i])
            curvature[i] = <real>1 - s * s
    elif loss == POISSON:
        for i in range(n):
            curvature[i] = real_exp(z[i])
    elif loss == BINARY_CROSS_ENTROPY:
        for i in range(n):
            s = real_sigmoid(z[i])
            curvature[i] = s * (<real>1 - s)
    elif loss == SQUARED_HINGE:
        for i in range(n):
            curvature[i] = <real>2 * y[i] * y[i] * <real>(<real>1 - y[i] * z[i] > 0)
    else:
        memset(curvature, 0, n * sizeof(real))    # pieces of lines


cdef double sum_values(Py_ssize_t n, const double *value) noexcept nogil:
    """Sum of n values in eight interleaved partial sums, and of what is left over."""
    cdef double part[8]
    cdef double rest = 0
    cdef Py_ssize_t i, j
    for j in range(8):
        part[j] = 0
    for i in range(0, n - n % 8, 8):
        for j in range(8):
            part[j] += value[i + j]
    for i in range(n - n % 8, n):
        rest += value[i]
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7])) + rest


cdef double sum_run(Py_ssize_t n, const real *value) noexcept nogil:
    """The same of at most RUN values as the loss functions give them."""
    cdef double wide[RUN]
    cdef Py_ssize_t i
    for i in range(n):
        wide[i] = value[i]
    return sum_values(n, wide)


cdef double cross_entropy_row(
    Py_ssize_t k, const real *z,          # (k,) logits
    const real *target, int64_t label,    # (k,) probabilities, or NULL and the class
    real smoothing,
    real *slope,                          # (k,)
) noexcept nogil:
    """-sum_j t_j log softmax(z)_j, t being the target mixed with the uniform distribution."""
    cdef Py_ssize_t j
    cdef real top = z[0]
    cdef real total = 0, mass = 0, t
    cdef real even = smoothing / k
    cdef real keep = <real>1 - smoothing
    cdef double value = 0
    for j in range(1, k):
        top = z[j] if z[j] > top else top
    for j in range(k):
        slope[j] = real_exp(z[j] - top)
    for j in range(k):
        total += slope[j]
    cdef real log_total = real_log(total)
    for j in range(k):
        t = even + keep * (target[j] if target != NULL else <real>(j == label))
        mass += t
        if t != 0:
            value += t * (log_total - (z[j] - top))
    for j in range(k):
        t = even + keep * (target[j] if target != NULL else <real>(j == label))
        slope[j] = slope[j] * (mass / total) - t
    return value


cdef double mean_mass(
    const Objective *of, const Rows *data, Py_ssize_t first, Py_ssize_t rows,
) noexcept nogil:
    """What a mean of losses divides by: sum of the rows' weights * outputs averaged over."""
    cdef Py_ssize_t i
    cdef double total = rows
    if data.weight != NULL:
        total = 0
        for i in range(first, first + rows):
            total += data.weight[data.order[i] if data.order != NULL else i]
    if of.loss != CROSS_ENTROPY:
        total *= of.outputs
    return total


cdef inline double mean_factor(double mass) noexcept nogil:
    """1 / mass, or 0 where every weight is 0."""
    return 1 / mass if mass != 0 else 0


cdef void pointwise_rows(
    const Objective *of, Py_ssize_t rows,
    const real *target, const real *weight,    # (rows, k); (rows,) or NULL
    const real *z, Py_ssize_t row,             # (rows, k), rows * row <= RUN
    double factor,
    real *delta, double *value,                # (rows, k), rows `row` apart; (rows,)
) noexcept nogil:
    """`loss_block` of rows so narrow that several of them run as one vector, with what pads them."""
    cdef Py_ssize_t k = of.outputs, n = rows * row
    cdef Py_ssize_t r, j
    cdef real values[RUN]
    cdef real spread[RUN]
    cdef double total
    cdef real scale = <real>factor
    if k < row:
        spread_rows(rows, k, row, target, spread)
        target = spread
    pointwise(of.loss, of.option, n, z, target, values, delta)
    for r in range(rows):
        total = 0
        for j in range(k):
            total += values[r * row + j]
        value[r] = total
    for j in range(n if weight == NULL else 0):
        delta[j] *= scale
    for r in range(rows if weight != NULL else 0):
        scale = <real>(factor * weight[r])
        value[r] *= weight[r]
        for j in range(k):
            delta[r * row + j] *= scale


cdef void loss_block(
    const Objective *of, const Rows *block, Py_ssize_t rows,
    const real *z, Py_ssize_t z_row,      # (rows, k)
    double factor,                        # 1 / (sum of the batch's weights [* outputs])
    real *delta, Py_ssize_t delta_row,    # (rows, k): d loss / d z
    double *value,                        # (rows,): each row's share of the loss, before the factor
) noexcept nogil:
    """Values and deltas of some rows of a batch."""
    cdef Py_ssize_t k = of.outputs
    cdef Py_ssize_t r, i, j, n
    cdef double total
    cdef real scale
    cdef real values[RUN]
    cdef const real *weight = block.weight
    if of.loss != CROSS_ENTROPY and z_row == delta_row and 2 * z_row <= RUN:
        i = 0
        while i < rows:
            n = min(RUN // z_row, rows - i)
            pointwise_rows(
                of, n, block.target + i * k, weight, z + i * z_row, z_row, factor, delta + i * z_row, value + i,
            )
            i += n
            if weight != NULL:
                weight += n
        return
    for r in range(rows):
        total = 0
        if of.loss == CROSS_ENTROPY:
            total = cross_entropy_row(
                k, z + r * z_row, NULL if block.target == NULL else block.target + r * k,
                -1 if block.labels == NULL else block.labels[r], of.option, delta + r * delta_row,
            )
        else:
            i = 0
            while i < k:
                n = min(<Py_ssize_t>RUN, k - i)
                pointwise(
                    of.loss, of.option, n, z + r * z_row + i, block.target + r * k + i,
                    values, delta + r * delta_row + i,
                )
                total += sum_run(n, values)
                i += RUN
        scale = <real>(factor * (weight[r] if weight != NULL else 1))
        value[r] = total * (weight[r] if weight != NULL else 1)
        for j in range(k):
            delta[r * delta_row + j] *= scale


def loss_code(str name):
    """Index of a loss in the kernels' table."""
    return LOSS_NAMES.index(name)


def loss_rows(
    str name, double option, const real[:, ::1] z not None, const real[:, ::1] target=None,
    const int64_t[::1] labels=None, const real[::1] weight=None, real[:, ::1] delta=None,
):
    """The mean loss of raw outputs z (n, k), and d loss / d z written into delta (n, k)."""
    cdef Objective of
    cdef Rows data
    cdef Py_ssize_t n = z.shape[0]
    cdef double[::1] value = numpy.empty(n)
    of.loss = loss_code(name)
    of.option = <real>option
    of.outputs = z.shape[1]
    bind_rows(&data, z.shape[1], of.outputs, of.loss == CROSS_ENTROPY, z, target, labels, weight)
    if delta is None or delta.shape[0] != n or delta.shape[1] != z.shape[1]:
        raise ValueError(f"delta must have z's shape ({n}, {z.shape[1]})")
    cdef double factor = mean_factor(mean_mass(&of, &data, 0, n))
    loss_block(&of, &data, n, &z[0, 0], z.shape[1], factor, &delta[0, 0], z.shape[1], &value[0])
    return factor * sum_values(n, &value[0])
