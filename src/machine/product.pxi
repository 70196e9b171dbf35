"""Matrix products: the loops around the register tile, and the ends too narrow for it.

Design
------
- `strips` walks the tile over C: groups of B's columns outside, strips of TILE_ROWS rows inside, and along each strip
  the group's panels. So A's part of a strip stays in the first-level cache, the group in the second, and every number
  of C sums over k in order, in parts of at most MOST_DEPTH terms: a bit depends on neither strip nor thread.
- B is read in whole vectors. Where its rows are not whole vectors, or stand transposed, or far apart, a group is
  packed first into panels of TILE_COLUMNS columns. The strips before ask the memory for it.
- A finished strip may be handed on (`Done`) while it is in the first-level cache: to an update, say. It is not kept
  then, and all strips land in one place.
- C may be compact. Where its last columns are not a whole vector, they spill over into the next row, which is written
  after: strips, their panels from the last to the first, and their rows are in that order. Only the last rows take a
  small buffer, and strips that add to what is there or are behind another group. A strip not kept has room behind it.
- A single column would waste all lanes but one, so it takes dot products along the rows (`dots`). A single row is
  `row_product`: four vectors wide, from B as it stands.
"""

cdef extern from "machine/tile.h" nogil:
    enum: MOST_DEPTH
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
    void fetch_rows(Py_ssize_t rows, Py_ssize_t n, const real *b, Py_ssize_t b_row) noexcept
    void pack_turned(Py_ssize_t k, int n, int width, const real *w, Py_ssize_t w_row, real *panel) noexcept
    void spread_rows(Py_ssize_t rows, Py_ssize_t n, Py_ssize_t width, const real *source, real *to) noexcept
    void add_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *d, const real *x, Py_ssize_t x_row, real *c,
    ) noexcept

cdef enum:
    MOST_COLUMNS = 32      # numbers of the largest tile's row
    MOST_TILE = 12 * 32    # numbers of the largest tile

cdef enum Form:
    ROWS, TURNED           # B's rows stand as rows, or as columns

cdef struct Factors:       # of C = init + A B
    Py_ssize_t m, n, k
    const real *a          # (m, k), by two strides
    Py_ssize_t a_row, a_col
    const real *b          # (k, n); TURNED: (n, k)
    Py_ssize_t b_row
    Form form
    const real *init       # (m, n), or a bias (n,) with stride 0, or NULL
    Py_ssize_t init_row

cdef struct Panels:        # a group, and the tiles of the coming strip
    tile_args tiles[MOST_PANELS]
    int count, columns     # panels; columns of the last one
    bint spills            # its tiles have no room for a whole vector
    bint stays             # and what stands behind them must stay
    Py_ssize_t terms, c_step, init_step
    real bias[MOST_COLUMNS]

# What becomes of rows i … i + rows, columns j … j + columns of C, which stand at c.
ctypedef void (*Done)(
    void *context, real *c, Py_ssize_t c_row, Py_ssize_t i, Py_ssize_t rows, Py_ssize_t j, Py_ssize_t columns,
) noexcept nogil


cdef inline Py_ssize_t padded(Py_ssize_t width) noexcept nogil:
    """Numbers a row of this width takes in the workspace: whole vectors, never a bad stride; or one alone."""
    if width == 1:
        return 1
    cdef Py_ssize_t row = (width + LANES - 1) // LANES * LANES
    return row + LANES if row * <Py_ssize_t>sizeof(real) % BAD_STRIDE == 0 else row


cdef inline bint reads_in_place(const Factors *f) noexcept nogil:
    """Whether tiles read B where it stands: its rows hold whole vectors, and packing would not pay."""
    if f.form == TURNED or f.b_row < (f.n + LANES - 1) // LANES * LANES:
        return False
    return f.k * f.b_row * <Py_ssize_t>sizeof(real) <= B_BYTES or f.m < 4 * TILE_ROWS


cdef inline Py_ssize_t depth_of(Py_ssize_t k) noexcept nogil:
    """Terms of a part of the sum: k in equal parts."""
    cdef Py_ssize_t parts = (k + MOST_DEPTH - 1) // MOST_DEPTH
    return max(<Py_ssize_t>1, (k + parts - 1) // max(<Py_ssize_t>1, parts))


cdef inline Py_ssize_t group_of(Py_ssize_t n, Py_ssize_t terms) noexcept nogil:
    """Columns of a group: whole panels."""
    cdef Py_ssize_t fit = PANEL_BYTES // <Py_ssize_t>sizeof(real) // terms // TILE_COLUMNS
    fit = min(max(<Py_ssize_t>1, fit), <Py_ssize_t>MOST_PANELS)
    return TILE_COLUMNS * min(fit, (n + TILE_COLUMNS - 1) // TILE_COLUMNS)


cdef inline Py_ssize_t panel_scratch(Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Numbers of scratch that a product with (k, n) for its B takes."""
    cdef Py_ssize_t terms = depth_of(k)
    return group_of(n, terms) * terms


cdef inline Py_ssize_t panel_bound(Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """What `panel_scratch` does not exceed for k rows or fewer: where B is shorter, more columns make a group."""
    cdef Py_ssize_t terms = min(k, <Py_ssize_t>MOST_DEPTH)
    cdef Py_ssize_t columns = TILE_COLUMNS * min(<Py_ssize_t>MOST_PANELS, (n + TILE_COLUMNS - 1) // TILE_COLUMNS)
    return min(columns * terms, max(<Py_ssize_t>(PANEL_BYTES // sizeof(real)), TILE_COLUMNS * terms))


cdef void product(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real *a, Py_ssize_t a_row, Py_ssize_t a_col,    # (m, k), by two strides
    const real *b, Py_ssize_t b_row, Form form,           # (k, n); TURNED: (n, k)
    const real *init, Py_ssize_t init_row,                # (m, n), or a bias (n,) with stride 0, or NULL
    real *c, Py_ssize_t c_row,                            # (m, n); its rows may be compact
    const Worker *worker,                                 # whose panels hold panel_scratch(n, k) numbers
) noexcept nogil:
    """C = init + A B, or a part of it where the worker stops."""
    cdef Factors f
    f.m, f.n, f.k = m, n, k
    f.a, f.a_row, f.a_col = a, a_row, a_col
    f.b, f.b_row, f.form = b, b_row, form
    f.init, f.init_row = init, init_row
    strips(&f, c, c_row, NULL, NULL, worker)


cdef void strips(
    const Factors *f,
    real *c, Py_ssize_t c_row,     # (m, n), or a single strip, and then a vector more, where it is not kept
    Done done, void *context,      # NULL: C is kept
    const Worker *worker,          # whose panels hold panel_scratch(n, k) numbers
) noexcept nogil:
    """C = init + A B, strip by strip. Strips of sums in more than one part have to be kept.

    A product that is kept is left between two groups where the worker stops; the strips of another are in use already.
    """
    cdef Py_ssize_t depth = depth_of(f.k), b_row = f.b_row, b_col = 1
    cdef Py_ssize_t at = 0, group, columns, i, j, rows
    cdef bint in_place = reads_in_place(f), kept = done == NULL
    cdef const real *b
    cdef real *panels = worker.panels
    cdef Panels some
    if f.form == TURNED:
        b_row, b_col = 1, f.b_row
    while at < f.k:
        some.terms = min(depth, f.k - at)
        group = group_of(f.n, some.terms)
        j = 0
        while j < f.n:
            columns = min(group, f.n - j)
            if kept and j + at > 0 and stops(worker, f.m * columns * some.terms):
                return
            b = f.b + at * b_row + j * b_col
            if not in_place:
                pack_group(f, b, some.terms, columns, panels)
            set_panels(&some, f, at, j, columns, b if in_place else panels, f.b_row if in_place else 0, c, c_row, kept)
            i = 0
            while i < f.m:
                rows = min(<Py_ssize_t>TILE_ROWS, f.m - i)
                if not in_place and j + columns < f.n:
                    fetch_share(f, b + columns * b_col, some.terms, min(group, f.n - j - columns), i)
                strip(&some, f.a + i * f.a_row + at * f.a_col, <int>rows, (f.m - i - rows) * c_row < TILE_COLUMNS)
                if not kept:
                    done(context, c + j, c_row, i, rows, j, columns)
                i += TILE_ROWS
            j += columns
        at += depth


cdef inline int panel_width(Py_ssize_t columns) noexcept nogil:
    """Numbers that a row of a panel takes."""
    return TILE_COLUMNS if columns > LANES else LANES


cdef void pack_group(
    const Factors *f, const real *b, Py_ssize_t terms, Py_ssize_t columns, real *panels,
) noexcept nogil:
    """B from b on, `terms` rows and `columns` columns, into panels, one behind the other."""
    cdef Py_ssize_t p = 0
    cdef int n
    while p < columns:
        n = <int>min(<Py_ssize_t>TILE_COLUMNS, columns - p)
        if f.form == TURNED:
            pack_turned(terms, n, panel_width(n), b + p * f.b_row, f.b_row, panels + p * terms)
        else:
            pack_rows(terms, n, panel_width(n), b + p, f.b_row, panels + p * terms)
        p += TILE_COLUMNS


cdef inline void fetch_share(
    const Factors *f, const real *b, Py_ssize_t terms, Py_ssize_t columns, Py_ssize_t i,
) noexcept nogil:
    """Ask for what the strip of row i should bring of the next group."""
    cdef Py_ssize_t rows = terms if f.form == ROWS else columns
    cdef Py_ssize_t first = rows * i // f.m
    cdef Py_ssize_t last = rows * min(f.m, i + TILE_ROWS) // f.m
    fetch_rows(last - first, columns if f.form == ROWS else terms, b + first * f.b_row, f.b_row)


cdef void set_panels(
    Panels *some, const Factors *f, Py_ssize_t at, Py_ssize_t j, Py_ssize_t columns,
    const real *b, Py_ssize_t b_row,    # in place, or packed where b_row is 0
    real *c, Py_ssize_t c_row, bint kept,
) noexcept nogil:
    """The tiles of the first strip, for terms from `at` on and columns from j on."""
    cdef tile_args *t
    cdef Py_ssize_t p = 0
    cdef int n, width
    some.count = 0
    some.spills = False
    some.c_step = TILE_ROWS * c_row if kept else 0
    some.init_step = some.c_step if at else TILE_ROWS * f.init_row
    while p < columns:
        n = <int>min(<Py_ssize_t>TILE_COLUMNS, columns - p)
        width = panel_width(n)
        t = &some.tiles[some.count]
        t.a_row, t.a_col, t.k = f.a_row, f.a_col, some.terms
        t.b = b + p if b_row else b + p * some.terms
        t.b_row = b_row if b_row else width
        t.c = c + j + p
        t.c_row = c_row
        t.init, t.init_row = t.c, c_row
        if at == 0:
            t.init, t.init_row = f.init + j + p, f.init_row
        if at == 0 and f.init == NULL:
            t.init = NULL
            some.init_step = 0
        elif n < width and t.init_row == 0:
            pack_rows(1, n, width, t.init, 0, some.bias)
            t.init = some.bias
        some.columns = n
        some.spills = n < width and kept and c_row - j - p < width
        some.stays = j > 0 or t.init == t.c
        some.count += 1
        p += TILE_COLUMNS


cdef inline void strip(Panels *some, const real *a, int rows, bint ends) noexcept nogil:
    """A strip's tiles, from the last panel to the first; then on to the next strip. `ends`: C ends right behind it."""
    cdef int p = some.count - 1
    cdef int vectors = panel_width(some.columns) // LANES
    cdef tile_args *t
    while p >= 0:
        t = &some.tiles[p]
        t.a = a
        if some.spills and p == some.count - 1 and (ends or some.stays):
            tile_by_buffer(t, rows, some.columns)
        else:
            tile(rows, vectors, t)
        t.c += some.c_step
        t.init += some.init_step
        p -= 1
        vectors = TILE_COLUMNS // LANES


cdef void tile_by_buffer(tile_args *t, int rows, int columns) noexcept nogil:
    """A tile where C has no room for a whole vector."""
    cdef real edge[MOST_TILE]
    cdef int width = panel_width(columns)
    cdef const real *init = t.init
    cdef real *c = t.c
    cdef Py_ssize_t c_row = t.c_row
    cdef int i, j
    t.init, t.c, t.c_row = NULL, edge, width
    tile(rows, width // LANES, t)
    t.init, t.c, t.c_row = init, c, c_row
    for i in range(rows):
        for j in range(columns):
            c[i * c_row + j] = edge[i * width + j] if init == NULL else init[i * t.init_row + j] + edge[i * width + j]


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
        t.init = init
        if init != NULL:
            t.init += at
        t.c = c + at
        tile_row(&t)
        j += ROW_COLUMNS
