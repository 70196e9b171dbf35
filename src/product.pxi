"""Matrix products: the loops around the register tile, and the ends too narrow for it.

Design
------
- `product` walks the tile over C: panels of B's columns outside, rows inside, in blocks of rows for which A stays in
  the second-level cache. All rows of C sum over k in order, so a bit depends on none of this.
- B is read in whole vectors. Where its rows are not whole vectors, or stand transposed, or far apart, the panel is
  packed first: once per block of rows, which is little beside the block's arithmetic.
- C may be compact: its last columns, where they are not a whole vector, go through a small buffer.
- A single column would waste all lanes but one, so it takes dot products along the rows (`dots`). A single row is
  `row_product`: four vectors wide, from B as it stands.
"""

cdef extern from "tile.h" nogil:
    enum: LANES
    enum: TILE_ROWS
    enum: TILE_COLUMNS
    enum: ROW_COLUMNS
    ctypedef struct tile_args:
        const real *a
        const real *b
        const real *init
        real *c
        Py_ssize_t k, a_row, a_col, b_row, init_row, c_row
    void tile(int rows, int vectors, const tile_args *t) noexcept
    void tile_row(const tile_args *t) noexcept
    void dots(
        Py_ssize_t rows, Py_ssize_t k, const real *a, Py_ssize_t a_row, const real *b, real init, real *c,
    ) noexcept
    void pack_rows(Py_ssize_t k, int n, int width, const real *b, Py_ssize_t b_row, real *panel) noexcept
    void pack_turned(Py_ssize_t k, int n, int width, const real *w, Py_ssize_t w_row, real *panel) noexcept
    void add_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *d, const real *x, Py_ssize_t x_row, real *c,
    ) noexcept

cdef enum:
    A_BYTES = 524288       # of A that a block of rows keeps in the second-level cache
    B_BYTES = 16384        # up to here B is read in place by every tile
    BAD_STRIDE = 1024      # bytes; rows at its multiples meet in a few sets of the first-level cache
    MOST_COLUMNS = 32      # numbers of the largest tile's row
    MOST_TILE = 12 * 32    # numbers of the largest tile
    SUM_RUN = 1024         # squares added in `real` before they go to double

cdef enum Form:
    ROWS, TURNED           # B's rows stand as rows, or as columns


cdef inline Py_ssize_t padded(Py_ssize_t width) noexcept nogil:
    """Numbers a row of this width takes in the workspace: whole vectors, never a bad stride; or one alone."""
    if width == 1:
        return 1
    cdef Py_ssize_t row = (width + LANES - 1) // LANES * LANES
    return row + LANES if row * <Py_ssize_t>sizeof(real) % BAD_STRIDE == 0 else row


cdef inline bint reads_in_place(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Form form, Py_ssize_t b_row) noexcept nogil:
    """Whether tiles read B where it stands: its rows hold whole vectors, and packing would not pay."""
    if form == TURNED or b_row < (n + LANES - 1) // LANES * LANES:
        return False
    return k * b_row * <Py_ssize_t>sizeof(real) <= B_BYTES or m < 4 * TILE_ROWS


cdef void product(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real *a, Py_ssize_t a_row, Py_ssize_t a_col,    # (m, k), by two strides
    const real *b, Py_ssize_t b_row, Form form,           # (k, n); TURNED: (n, k)
    const real *init, Py_ssize_t init_row,                # (m, n), or a bias (n,) with stride 0, or NULL
    real *c, Py_ssize_t c_row,                            # (m, n); its rows may be compact
    real *panel,                                          # scratch: k * TILE_COLUMNS numbers
) noexcept nogil:
    """C = init + A B."""
    cdef Py_ssize_t fit = A_BYTES // <Py_ssize_t>sizeof(real) // k // TILE_ROWS * TILE_ROWS
    cdef Py_ssize_t block = max(<Py_ssize_t>TILE_ROWS, fit)
    cdef bint in_place = reads_in_place(m, n, k, form, b_row)
    cdef Py_ssize_t first = 0, last, i, j
    cdef int columns, width
    cdef const real *start
    cdef real bias[MOST_COLUMNS]
    cdef tile_args t
    t.k = k
    t.a_row = a_row
    t.a_col = a_col
    while first < m:
        last = min(m, first + block)
        j = 0
        while j < n:
            columns = <int>min(<Py_ssize_t>TILE_COLUMNS, n - j)
            width = TILE_COLUMNS if columns > LANES else LANES
            t.b = b + j if in_place else panel
            t.b_row = b_row if in_place else width
            if form == TURNED:
                pack_turned(k, columns, width, b + j * b_row, b_row, panel)
            elif not in_place:
                pack_rows(k, columns, width, b + j, b_row, panel)
            start = NULL if init == NULL else init + j
            if start != NULL and init_row == 0 and columns < width:
                pack_rows(1, columns, width, start, 0, bias)
                start = bias
            i = first
            while i < last:
                t.a = a + i * a_row
                tile_into(
                    &t, <int>min(<Py_ssize_t>TILE_ROWS, last - i), columns, width,
                    NULL if start == NULL else start + i * init_row, init_row, c + i * c_row + j, c_row, c_row - j,
                )
                i += TILE_ROWS
            j += TILE_COLUMNS
        first = last


cdef inline void tile_into(
    tile_args *t, int rows, int columns, int width,
    const real *init, Py_ssize_t init_row,
    real *c, Py_ssize_t c_row, Py_ssize_t room,    # room: numbers from c to the end of its row
) noexcept nogil:
    """One tile; where C has no room for a whole vector, by way of a buffer."""
    cdef real edge[MOST_TILE]
    cdef int i, j
    t.init = init
    t.init_row = init_row
    t.c = c
    t.c_row = c_row
    if columns == width or room >= width:
        tile(rows, width // LANES, t)
        return
    t.init = NULL
    t.c = edge
    t.c_row = width
    tile(rows, width // LANES, t)
    for i in range(rows):
        for j in range(columns):
            c[i * c_row + j] = edge[i * width + j] if init == NULL else init[i * init_row + j] + edge[i * width + j]


cdef inline real dot(Py_ssize_t n, const real *a, const real *b) noexcept nogil:
    """Sum of a[i] b[i] in sixteen interleaved partial sums: the same bits for every vector width."""
    cdef real part[16]
    cdef Py_ssize_t i, j
    for j in range(16):
        part[j] = 0
    for i in range(0, n - n % 16, 16):
        for j in range(16):
            part[j] += a[i + j] * b[i + j]
    for j in range(n % 16):
        part[j] += a[n - n % 16 + j] * b[n - n % 16 + j]
    for j in range(8):
        part[j] += part[j + 8]
    for j in range(4):
        part[j] += part[j + 4]
    return (part[0] + part[2]) + (part[1] + part[3])


cdef void row_product(
    Py_ssize_t n, Py_ssize_t k,
    const real *a,                      # (k,)
    const real *b, Py_ssize_t b_row,    # (k, n), n >= ROW_COLUMNS
    const real *init,                   # (n,), or NULL
    real *c,                            # (n,)
) noexcept nogil:
    """c = init + a B: a batch of one row. The last columns are reached from the row's end, some of them twice."""
    cdef tile_args t
    cdef Py_ssize_t j = 0, at
    t.k = k
    t.a = a
    t.a_col = 1
    t.b_row = b_row
    while j < n:
        at = min(j, n - ROW_COLUMNS)
        t.b = b + at
        t.init = NULL if init == NULL else init + at
        t.c = c + at
        tile_row(&t)
        j += ROW_COLUMNS


cdef void copy_matrix(
    Py_ssize_t rows, Py_ssize_t n,
    const real *source, Py_ssize_t source_row,    # (rows, n)
    real *to, Py_ssize_t to_row,                  # (rows, n); what is behind n stays as it is
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(n):
            to[i * to_row + j] = source[i * source_row + j]


cdef double sum_squares(Py_ssize_t n, const real *x) noexcept nogil:
    """Sum of x[i]^2; not finite exactly where an x[i] is not."""
    cdef Py_ssize_t i = 0
    cdef double total = 0
    while i < n:
        total += dot(min(<Py_ssize_t>SUM_RUN, n - i), x + i, x + i)
        i += SUM_RUN
    if not isfinite(total):    # float squares overflow from 1e19 on
        total = 0
        for i in range(n):
            total += <double>x[i] * x[i]
    return total


cdef bint all_finite(Py_ssize_t n, const real *x) noexcept nogil:
    """Whether x (n,) holds neither NaN nor infinity."""
    cdef Py_ssize_t i
    if isfinite(sum_squares(n, x)):
        return True
    for i in range(n):
        if not isfinite(x[i]):
            return False
    return True
