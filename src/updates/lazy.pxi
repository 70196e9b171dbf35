"""Gradient descent on the rows of a weight that a batch of sparse inputs touches; the others catch up later.

Design
------
- Without momentum, a row of the weight that has no entry in a batch only shrinks: |w| becomes max(a |w| - t, 0), with
  a = 1 - rate (l2 + decay) and t = rate l1. Many such steps are one of the same form. After the steps 1 … k of a
  window let A_k be the product of all a, and T_k = a T + t. A row that stood after step u then has the size
  A_k s - T_k, where s = (|w| + T_u) / A_u. So a row notes u, and catches up when a batch touches it, or when the window
  ends (Duchi and Singer 2009, "Efficient online and batch learning using forward backward splitting", JMLR 10).
- Under a cumulative penalty (proximal.pxi), a weight that is not 0 has received all of it after any step, so it rests
  in the same way. Once it is 0, its last size is what it has received in that step. Only a weight that was written from
  outside may owe something, and pays that in the first step that it rests.
- The gradient's norm counts all rows. In step k, one that is not touched adds (l2 |w| + l1)^2 for each w that is not
  0, a quadratic in s. Sums of 1, s and s^2 over all resting weights give it. They change only where the rest of one
  begins and ends, which is noted at these steps, and the norms of a window are computed at its end.
- A window ends with the call of an epoch, or after WINDOW steps, but never with the clock: bits do not depend on it.
"""


cdef enum:
    WINDOW = 16384    # Steps after which all rows catch up. A window of fewer would cost more passes over the weight.

cdef double SMALLEST_KEEP = 1e-60    # A product of all a below this ends the window, before it can underflow.

cdef struct Change:           # at a step of the window
    double keep, cut          # A and T after it
    double rate_sum           # of the layer after it, under a cumulative penalty
    double count, sum, square    # what joins the sums of 1, s and s^2 over resting weights from this step on
    double own                # squares of the rest of the gradient, in this step

cdef struct Lazy:
    const Layer *layer        # the first dense one
    const Update *update      # of that layer
    real *weight              # (n_in, n_out)
    int32_t *stood            # (n_in,): the step of the window after which each row stands as it is
    Change *change            # (WINDOW + 2,); NULL: no memory has been taken
    int steps                 # of the window so far
    bint on                   # whether this call may leave rows for later
    double l1, l2             # of the layer
    bint shrinks              # whether resting rows change
    real *received            # (n_in, n_out) of a cumulative penalty, as in take_penalty; NULL: there is none
    const double *rate_sum    # of the network
    double factor             # of the layer's rate
    double bound              # The norm of all parameters is no larger. INFINITY means that it has to be measured.
    double *norm_sum          # where the norms of a window's steps are added at its end,
    double *norm              # and the last of them is kept


cdef void begin_window(Lazy *of) noexcept nogil:
    """Begin a window with rows that all stand as they are."""
    memset(of.change, 0, (of.steps + 2) * sizeof(Change))
    memset(of.stood, 0, of.layer.n_in * sizeof(int32_t))
    of.change[0].keep = 1
    of.steps = 0


cdef inline void rest(Lazy *of, int first, int last, double count, double total, double square) noexcept nogil:
    """Count weights that rest in the steps first … last: their number, and their sums of s and s^2."""
    of.change[first].count += count
    of.change[first].sum += total
    of.change[first].square += square
    of.change[last + 1].count -= count
    of.change[last + 1].sum -= total
    of.change[last + 1].square -= square


cdef int last_alive(const Lazy *of, double s, int low, int high) noexcept nogil:
    """Return the first of the steps low … high after which a weight is 0; after `high` it is."""
    cdef int middle
    while low < high:
        middle = (low + high) // 2
        if of.change[middle].cut >= s * of.change[middle].keep:
            high = middle
        else:
            low = middle + 1
    return low


cdef void shrink_row(Lazy *of, real *w, int first, int last) noexcept nogil:
    """Let a row of the weight catch up with the steps first … last, in which it rested under l1."""
    cdef const Change *was = &of.change[first - 1]
    cdef const Change *now = &of.change[last]
    cdef double size, s, left
    cdef int end
    cdef Py_ssize_t j
    for j in range(of.layer.n_out):
        size = real_abs(w[j])
        if size == 0:
            continue
        s = (size + was.cut) / was.keep
        left = size * (now.keep / was.keep) - (now.cut - was.cut * (now.keep / was.keep))
        end = last if left > 0 else last_alive(of, s, first, last)
        rest(of, first, end, 1, s, s * s)
        left = left if left > 0 else 0
        w[j] = <real>(left if w[j] > 0 else -left)


cdef void clip_row(Lazy *of, real *w, real *received, int first, int last) noexcept nogil:
    """Let a row of the weight catch up with the steps first … last, in which it rested under a cumulative penalty."""
    cdef const Change *was
    cdef const Change *now = &of.change[last]
    cdef double size, s, left
    cdef real side, owed
    cdef int begin, end
    cdef Py_ssize_t j
    for j in range(of.layer.n_out):
        if w[j] == 0:
            continue
        begin, was = first, &of.change[first - 1]
        size, side = real_abs(w[j]), 1 if w[j] > 0 else -1
        owed = <real>was.rate_sum + side * received[j]
        s = (size + was.cut) / was.keep
        if owed > 0:
            rest(of, first, first, 1, s, s * s)
            w[j] = <real>(w[j] * (of.change[first].keep / was.keep))
            take_penalty(1, <real>of.l1, <real>of.change[first].rate_sum, w + j, received + j)
            if w[j] == 0 or first == last:
                continue
            begin, was = first + 1, &of.change[first]
            size = real_abs(w[j])
            s = (size + was.cut) / was.keep
        left = size * (now.keep / was.keep) - (now.cut - was.cut * (now.keep / was.keep))
        if left > 0:
            rest(of, begin, last, 1, s, s * s)
            w[j], received[j] = <real>(side * left), <real>(-side * now.rate_sum)
        else:
            end = last_alive(of, s, begin, last)
            rest(of, begin, end, 1, s, s * s)
            was = &of.change[end - 1]
            left = of.change[end].keep * (s - was.cut / was.keep)
            w[j], received[j] = 0, <real>(-side * (was.rate_sum + left / of.l1))


cdef inline void catch_up(Lazy *of, Py_ssize_t row) noexcept nogil:
    """Let a row of the weight catch up with all steps of the window so far."""
    cdef real *w = of.weight + row * of.layer.n_out
    cdef int first = of.stood[row] + 1
    cdef double unit, squares = 0, factor
    cdef Py_ssize_t j
    of.stood[row] = of.steps
    if first > of.steps:
        return
    if of.received != NULL:
        clip_row(of, w, of.received + row * of.layer.n_out, first, of.steps)
        return
    if of.l1 != 0:
        shrink_row(of, w, first, of.steps)
        return
    unit = 1 / of.change[first - 1].keep
    factor = of.change[of.steps].keep * unit
    for j in range(of.layer.n_out):
        squares += <double>w[j] * w[j]
        w[j] = <real>(w[j] * factor)
    rest(of, first, of.steps, 0, 0, squares * unit * unit)


cdef void end_window(Lazy *of) noexcept nogil:
    """Let all rows catch up, add the norms of the window's steps, and begin another window."""
    cdef const Change *at
    cdef const Change *before
    cdef double count = 0, total = 0, square = 0, pull, scale
    cdef Py_ssize_t row
    cdef int k
    if of.steps == 0:
        return
    for row in range(of.layer.n_in if of.shrinks else 0):
        catch_up(of, row)
    for k in range(1, of.steps + 1 if of.shrinks else 0):
        before, at = &of.change[k - 1], &of.change[k]
        count, total, square = count + at.count, total + at.sum, square + at.square
        pull, scale = of.l1 - of.l2 * before.cut, of.l2 * before.keep
        of.norm[0] = sqrt(max(0.0, at.own + pull * pull * count + 2 * pull * scale * total + scale * scale * square))
        of.norm_sum[0] += of.norm[0]
    begin_window(of)


cdef inline double descend(const Lazy *of, real *w, const real *g) noexcept nogil:
    """Make the step of a row of the weight from its gradient, (n_out,); return the squares of that with penalties."""
    cdef real rate = <real>of.update.learning_rate, decay = <real>of.update.c[DECAY], l1 = <real>of.l1, l2 = <real>of.l2
    cdef real cut = rate * l1, d, size
    cdef double squares = 0
    cdef Py_ssize_t j
    for j in range(of.layer.n_out):
        d = g[j] + l2 * w[j]
        size = d + l1 if w[j] > 0 else d - l1 if w[j] < 0 else max(real_abs(d) - l1, <real>0)
        squares += <double>size * size
        d = w[j] - rate * (d + decay * w[j])
        size = real_abs(d) - cut
        w[j] = d if cut == 0 else 0 if size <= 0 else size if d > 0 else -size
    return squares


cdef inline double descend_clipped(const Lazy *of, real *w, real *received, const real *g) noexcept nogil:
    """Do what `descend` does, under a cumulative penalty."""
    cdef real rate = <real>of.update.learning_rate, decay = <real>of.update.c[DECAY], l1 = <real>of.l1, l2 = <real>of.l2
    cdef real d, size
    cdef double squares = 0
    cdef Py_ssize_t j
    for j in range(of.layer.n_out):
        d = g[j] + l2 * w[j]
        size = d + l1 * (<real>(w[j] > 0) - <real>(w[j] < 0))
        squares += <double>size * size
        w[j] -= rate * (d + decay * w[j])
    take_penalty(of.layer.n_out, l1, <real>of.update.c[RATE_SUM], w, received)
    return squares


cdef inline double descend_row(const Lazy *of, Py_ssize_t row, const real *g) noexcept nogil:
    """Make the step of a row of the weight by number, with its penalties."""
    cdef Py_ssize_t at = row * of.layer.n_out
    if of.received != NULL:
        return descend_clipped(of, of.weight + at, of.received + at, g)
    return descend(of, of.weight + at, g)


cdef void count_window(Lazy *of, double squares) noexcept nogil:
    """Count a step whose touched rows and other parameters have a gradient with this sum of squares."""
    cdef double rate = of.update.learning_rate
    cdef double keep = 1 - rate * (of.l2 + of.update.c[DECAY])
    cdef const Change *was = &of.change[of.steps]
    of.steps += 1
    of.change[of.steps].keep = keep * was.keep
    of.change[of.steps].cut = keep * was.cut + rate * of.l1
    of.change[of.steps].own = squares
    of.change[of.steps].rate_sum = of.factor * of.rate_sum[0]
    of.norm[0] = 0 if of.shrinks else sqrt(squares)
