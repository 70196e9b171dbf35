"""Counter-based random numbers: a number depends on its key and its index, never on earlier draws.

Design
------
- A dropout mask is a function of (seed, step, layer, row, unit). The backward pass computes it again instead
  of storing it, blocks and threads may run in any order, and a resumed run draws the same numbers.
- `mix64` is the finalizer of SplitMix64 (Steele, Lea & Flood, 2014); `mix32` is a 32-bit finalizer of the
  same form, with one multiplication less per vector lane.
- An epoch's order is a Fisher-Yates shuffle (Durstenfeld, 1964) keyed by (seed, epoch); indices come from a
  64-bit multiply (Lemire, 2019), whose bias is below n / 2^32.
"""

cdef enum:
    SHUFFLE_PURPOSE = 0x7FFFFFFF    # A dropout layer's purpose is its index, which never reaches this number.

cdef struct Mask:          # of dropout, for some rows of a batch
    uint64_t key           # of the layer in this step
    double rate            # share of the numbers that become 0
    Py_ssize_t start       # the first row's index within the batch


cdef inline uint64_t mix64(uint64_t x) noexcept nogil:
    """Mix the bits of a 64-bit number."""
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef inline uint64_t key_of(uint64_t seed, uint64_t purpose, uint64_t count) noexcept nogil:
    """Return the key of (seed, purpose, count). A purpose is any number that keeps streams of one seed apart."""
    return mix64(mix64(mix64(seed + <uint64_t>0x9E3779B97F4A7C15) + purpose) + count)


cdef inline uint32_t mix32(uint32_t x) noexcept nogil:
    """Mix the bits of a 32-bit number."""
    x = (x ^ (x >> 16)) * <uint32_t>0x7FEB352D
    x = (x ^ (x >> 15)) * <uint32_t>0x846CA68B
    return x ^ (x >> 16)


cdef void dropout(
    const Mask *mask, Py_ssize_t rows, Py_ssize_t width,
    const real *x, Py_ssize_t x_row,                        # (rows, width)
    real *out, Py_ssize_t out_row,                          # (rows, width); may be x itself
) noexcept nogil:
    """Compute out = x * mask / (1 - rate). This is its own derivative, so backward calls it on the deltas."""
    cdef uint32_t low = <uint32_t>mask.key, high = <uint32_t>(mask.key >> 32)
    cdef uint32_t limit = <uint32_t>(mask.rate * 4294967296.0)
    cdef real keep = <real>(1 / (1 - mask.rate))
    cdef Py_ssize_t start = mask.start
    cdef uint32_t first
    cdef Py_ssize_t r, j
    for r in range(rows):
        first = mix32(<uint32_t>(start + r) ^ high) + low
        for j in range(width):
            out[r * out_row + j] = x[r * x_row + j] * (keep if mix32(first + <uint32_t>j) >= limit else <real>0)


cdef void transposed_dropout(
    const Mask *mask, Py_ssize_t rows, Py_ssize_t width, Py_ssize_t lead,
    const real *x, real *out,                               # (width, lead) of `rows` rows in the lanes; may be one
) noexcept nogil:
    """Compute what `dropout` does for rows in the lanes, with the same mask."""
    cdef uint32_t low = <uint32_t>mask.key, high = <uint32_t>(mask.key >> 32)
    cdef uint32_t limit = <uint32_t>(mask.rate * 4294967296.0)
    cdef real keep = <real>(1 / (1 - mask.rate))
    cdef uint32_t first[RUN]
    cdef Py_ssize_t at = 0, n, r, j
    cdef const real *source
    cdef real *to
    while at < rows:
        n = min(<Py_ssize_t>RUN, rows - at)
        for r in range(n):
            first[r] = mix32(<uint32_t>(mask.start + at + r) ^ high) + low
        for j in range(width):
            source, to = x + j * lead + at, out + j * lead + at
            for r in range(n):
                to[r] = source[r] * (keep if mix32(first[r] + <uint32_t>j) >= limit else <real>0)
        at += RUN


cdef inline void dropout_at(const Mask *mask, Py_ssize_t j, real *x) noexcept nogil:
    """Multiply a number of the mask's first row by its factor, as `dropout` does."""
    cdef uint32_t first = mix32(<uint32_t>mask.start ^ <uint32_t>(mask.key >> 32)) + <uint32_t>mask.key
    cdef bint keeps = mix32(first + <uint32_t>j) >= <uint32_t>(mask.rate * 4294967296.0)
    x[0] *= <real>(1 / (1 - mask.rate)) if keeps else <real>0


cdef uint64_t shuffle(uint64_t state, int64_t *order, Py_ssize_t low, Py_ssize_t high) noexcept nogil:
    """Do swaps high - 1, …, low of a Fisher-Yates shuffle of order (n,), and return the generator's next state."""
    cdef Py_ssize_t i, j
    cdef int64_t kept
    for i in range(high - 1, low - 1, -1):
        state += <uint64_t>0x9E3779B97F4A7C15
        j = <Py_ssize_t>(((mix64(state) >> 32) * <uint64_t>(i + 1)) >> 32)
        kept = order[i]
        order[i] = order[j]
        order[j] = kept
    return state


cdef int draw_order(uint64_t seed, uint64_t epoch, int64_t *order, Py_ssize_t n) except -1:
    """Do what `shuffled` does."""
    cdef uint64_t state = key_of(seed, <uint64_t>SHUFFLE_PURPOSE, epoch)
    cdef Py_ssize_t i, high = n
    with nogil:
        for i in range(n):
            order[i] = i
    while high > 1:
        handle_signals()
        with nogil:
            state = shuffle(state, order, max(<Py_ssize_t>1, high - SHUFFLE_STRETCH), high)
        high -= SHUFFLE_STRETCH
    return 0


def shuffled(unsigned long long seed, unsigned long long epoch, int64_t[::1] order):
    """Write the order of an epoch's samples into order (n,), a permutation of 0 … n - 1."""
    if order.shape[0]:
        draw_order(seed, epoch, &order[0], order.shape[0])
