"""Panels of a matrix product: the factors, the sizes of groups, and the packing that tiles read from.

Design
------
- B is read in whole vectors. If its rows are not whole vectors, or are transposed, or lie far apart, a group of its
  columns is packed into panels of TILE_COLUMNS columns first. The strips before prefetch that memory.
- The rows of a transposed A are columns of memory: every term of a sum is in another line, often on another page. So
  they are packed into strips, a block of whole lines at a time, while the first group is multiplied; the further groups
  read the same strips. Measured (X^T D of 1000-900 and 1024-1024, 400 and 512 rows, Zen 4), as a share of the time of
  packing for every group: AVX2, 0.98 to 0.99, and 0.94 to 0.98 cut to a second-level cache of 512 KB; AVX-512, 0.98 to
  1.0. A step of 1000-900-1100-50 takes 0.99.
- How much is packed at a time follows the caches (`set_caches`), but scratch memory has room for the largest choice, so
  that sizes may change while networks stand. Strips that are handed on have groups of fixed sizes: what takes them
  may sum over a strip.
- C may be compact. If its last columns are not a whole vector, a tile writes past them into the next row, which is
  computed later: strips, their panels from the last to the first, and their rows are in that order. Only two kinds
  of tile go through a small buffer: those of the last rows, and those whose neighbour holds numbers that must stay.
"""

cdef extern from "machine/tile.h" nogil:
    enum: TILE_ROWS
    enum: TILE_COLUMNS
    ctypedef struct tile_args:
        const real *a
        const real *b
        const real *init
        real *c
        Py_ssize_t k, a_row, a_col, b_row, init_row, c_row
    void tile(int rows, int vectors, const tile_args *t) noexcept
    void dots(
        Py_ssize_t rows, Py_ssize_t k, const real *a, Py_ssize_t a_row, const real *b, real init, real *c,
    ) noexcept
    void pack_rows(Py_ssize_t k, int n, int width, const real *b, Py_ssize_t b_row, real *panel) noexcept
    void pack_strips(
        Py_ssize_t k, Py_ssize_t rows, const real *a, Py_ssize_t a_col, Py_ssize_t room, real *to,
    ) noexcept
    void fetch_rows(Py_ssize_t rows, Py_ssize_t n, const real *b, Py_ssize_t b_row) noexcept
    void fetch_tile(const real *c, Py_ssize_t c_row) noexcept
    void pack_transposed(Py_ssize_t k, int n, int width, const real *w, Py_ssize_t w_row, real *panel) noexcept
    void spread_rows(Py_ssize_t rows, Py_ssize_t n, Py_ssize_t width, const real *source, real *to) noexcept
    void add_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *d, const real *x, Py_ssize_t x_row, real *c,
    ) noexcept

cdef enum:
    MAX_TILE_COLUMNS = 32  # Columns of the widest tile of any instruction set, for which buffers of a row have room.
    MAX_TILE = 12 * 32     # Numbers of the largest tile of any instruction set, for which buffers of a tile have room.

# What the machine's caches leave of the bounds in tuning.h.
cdef Py_ssize_t first_bytes, panel_bytes, in_place_bytes


def set_caches(Py_ssize_t first, Py_ssize_t second):
    """Cut the products to caches of so many bytes, from now on."""
    global first_bytes, panel_bytes, in_place_bytes
    first_bytes = first
    panel_bytes = min(<Py_ssize_t>PANEL_BYTES, second // 2)
    in_place_bytes = min(<Py_ssize_t>B_BYTES, second // 2)


set_caches(32768, 524288)


cdef enum Form:
    ROWS, TRANSPOSED           # whether B is given as it is, or transposed

cdef struct Factors:       # of C = init + A B
    Py_ssize_t m, n, k
    const real *a          # (m, k), with a stride for each index
    Py_ssize_t a_row, a_col
    const real *b          # (k, n); (n, k) if TRANSPOSED
    Py_ssize_t b_row
    Form form
    const real *init       # (m, n), or a bias (n,) with stride 0, or NULL for 0
    Py_ssize_t init_row

cdef struct Panels:        # the panels of a group, and the tiles of the next strip
    tile_args tiles[MAX_PANELS]
    int count              # number of panels
    const real *a          # the strip's first row: in place, or packed
    real *left             # where strips of A are packed, or NULL
    bint packs_left        # whether they are to be packed, for the first group of columns
    int columns            # columns of the last panel
    const real *b          # the group's first column: in place, or packed
    Py_ssize_t b_row       # 0 if the group is packed
    real *c                # (m, n), or one strip if C is not kept
    Py_ssize_t c_row
    bint keeps             # whether C is kept
    bint spills            # whether the last panel's tiles would write past the end of C's rows
    bint fetches           # whether C's tiles are prefetched
    bint guards            # and the numbers there must stay
    Py_ssize_t terms, a_step, c_step, init_step
    real bias[MAX_TILE_COLUMNS]


cdef inline Py_ssize_t padded(Py_ssize_t width) noexcept nogil:
    """Return the stride of a row of `width` numbers in the workspace: whole vectors, and never a bad stride.

    A row of one number is not padded.
    """
    if width == 1:
        return 1
    cdef Py_ssize_t row = (width + LANES - 1) // LANES * LANES
    return row + LANES if row * <Py_ssize_t>sizeof(real) % BAD_STRIDE == 0 else row


cdef inline bint packs_strips(const Factors *f) noexcept nogil:
    """Return whether strips of A are packed: it is transposed, and each is read for enough of C's columns."""
    return f.a_row == 1 and f.m >= 2 * TILE_ROWS and pays_packing(f.n, f.k) \
        and f.k * f.a_col * <Py_ssize_t>sizeof(real) > LEFT_BYTES


cdef inline bint pays_packing(Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Return whether a transposed A is packed if B is (k, n)."""
    return n >= LEFT_COLUMNS and k >= LEFT_TERMS


cdef inline bint reads_in_place(const Factors *f) noexcept nogil:
    """Return whether tiles read B in place: its rows hold whole vectors, and packing would not pay."""
    cdef Py_ssize_t most = in_place_bytes // 4 if packs_strips(f) else in_place_bytes
    if f.form == TRANSPOSED or f.b_row < (f.n + LANES - 1) // LANES * LANES:
        return False
    return f.k * f.b_row * <Py_ssize_t>sizeof(real) <= most or f.m < 4 * TILE_ROWS


cdef inline Py_ssize_t depth_of(const Factors *f) noexcept nogil:
    """Return the terms of one part of a sum over k, which is cut into equal parts."""
    cdef Py_ssize_t parts = (f.k + MAX_DEPTH - 1) // MAX_DEPTH
    return max(<Py_ssize_t>1, (f.k + parts - 1) // max(<Py_ssize_t>1, parts))


cdef inline Py_ssize_t group_of(Py_ssize_t n, Py_ssize_t terms, Py_ssize_t most) noexcept nogil:
    """Return the columns of a group of at most so many bytes: whole panels, as many in each group."""
    cdef Py_ssize_t panels = (n + TILE_COLUMNS - 1) // TILE_COLUMNS, groups
    cdef Py_ssize_t fit = most // <Py_ssize_t>sizeof(real) // terms // TILE_COLUMNS
    fit = min(max(<Py_ssize_t>1, fit), <Py_ssize_t>MAX_PANELS)
    groups = max(<Py_ssize_t>1, (panels + fit - 1) // fit)
    return TILE_COLUMNS * ((panels + groups - 1) // groups)


cdef inline Py_ssize_t strip_room(Py_ssize_t terms) noexcept nogil:
    """Return the numbers that a packed strip takes: vectors are written past its end."""
    return terms * TILE_ROWS + LANES


cdef inline Py_ssize_t panel_scratch(Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Return the numbers of scratch memory that a product with B (k, n) needs at most, whatever the caches."""
    cdef Py_ssize_t terms = min(k, <Py_ssize_t>MAX_DEPTH)
    cdef Py_ssize_t columns = TILE_COLUMNS * min(<Py_ssize_t>MAX_PANELS, (n + TILE_COLUMNS - 1) // TILE_COLUMNS)
    return min(columns * terms, max(<Py_ssize_t>(PANEL_BYTES // sizeof(real)), TILE_COLUMNS * terms))


cdef inline Py_ssize_t left_scratch(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Return the same for a product whose A, (m, k), is transposed: all of it may be packed."""
    cdef Py_ssize_t strips = (m + TILE_ROWS - 1) // TILE_ROWS if pays_packing(n, k) else 0
    cdef Py_ssize_t left = strips * strip_room(min(k, <Py_ssize_t>MAX_DEPTH))
    return panel_scratch(n, k) + (left + TILE_COLUMNS - 1) // TILE_COLUMNS * TILE_COLUMNS


cdef inline int panel_width(Py_ssize_t columns) noexcept nogil:
    """Return the numbers in a row of a panel."""
    return TILE_COLUMNS if columns > LANES else LANES


cdef void pack_group(
    const Factors *f, const real *b, Py_ssize_t terms, Py_ssize_t columns, real *panels,
) noexcept nogil:
    """Pack `terms` rows and `columns` columns of B, which begin at b, into consecutive panels.

    Some rows of B go to all panels before the next ones do, as long rows stand on a page of memory each.
    """
    cdef Py_ssize_t p, at = 0, rows
    cdef int n, width
    while at < terms:
        rows = terms
        if f.form == ROWS and columns > TILE_COLUMNS:
            rows = min(<Py_ssize_t>PACK_ROWS, terms - at)
        p = 0
        while p < columns:
            n = <int>min(<Py_ssize_t>TILE_COLUMNS, columns - p)
            width = panel_width(n)
            if f.form == TRANSPOSED:
                pack_transposed(terms, n, width, b + p * f.b_row, f.b_row, panels + p * terms)
            else:
                pack_rows(rows, n, width, b + p + at * f.b_row, f.b_row, panels + p * terms + at * width)
            p += TILE_COLUMNS
        at += rows


cdef void pack_left(const Factors *f, Py_ssize_t at, Py_ssize_t i, Panels *group) noexcept nogil:
    """Point at the packed strip of row i. If row i begins a block that is not packed yet, pack its strips."""
    cdef Py_ssize_t room = strip_room(group.terms)
    cdef real *strip = group.left + i // TILE_ROWS * room
    if group.packs_left and i % BLOCK_MULTIPLE == 0:
        pack_strips(group.terms, min(<Py_ssize_t>BLOCK_MULTIPLE, f.m - i), f.a + i + at * f.a_col, f.a_col, room, strip)
    group.a = strip


cdef inline void fetch_share(
    const Factors *f, const real *b, Py_ssize_t terms, Py_ssize_t columns, Py_ssize_t i, Py_ssize_t count,
) noexcept nogil:
    """Prefetch the part of the next group that falls to rows i … i + count."""
    cdef Py_ssize_t rows = terms if f.form == ROWS else columns
    cdef Py_ssize_t first = rows * i // f.m
    cdef Py_ssize_t last = rows * (i + count) // f.m
    fetch_rows(last - first, columns if f.form == ROWS else terms, b + first * f.b_row, f.b_row)


cdef void set_panels(
    Panels *group, const Factors *f, Py_ssize_t at, Py_ssize_t j, Py_ssize_t columns,
) noexcept nogil:
    """Prepare the tiles of the group's first strip: terms from `at` on, columns j … j + columns of C."""
    cdef tile_args *t
    cdef const real *b = group.b
    cdef real *c = group.c
    cdef Py_ssize_t b_row = group.b_row, c_row = group.c_row
    cdef Py_ssize_t p = 0
    cdef int n, width
    group.count = 0
    group.spills = False
    group.a_step = TILE_ROWS * f.a_row if group.left == NULL else strip_room(group.terms)
    group.c_step = TILE_ROWS * c_row if group.keeps else 0
    group.init_step = group.c_step if at else TILE_ROWS * f.init_row
    while p < columns:
        n = <int>min(<Py_ssize_t>TILE_COLUMNS, columns - p)
        width = panel_width(n)
        t = &group.tiles[group.count]
        t.a_row, t.a_col, t.k = f.a_row, f.a_col, group.terms
        if group.left != NULL:
            t.a_col = TILE_ROWS
        t.b = b + p if b_row else b + p * group.terms
        t.b_row = b_row if b_row else width
        t.c = c + j + p
        t.c_row = c_row
        t.init, t.init_row = t.c, c_row
        if at == 0:
            t.init, t.init_row = f.init + j + p, f.init_row
        if at == 0 and f.init == NULL:
            t.init = NULL
            group.init_step = 0
        elif n < width and t.init_row == 0:
            pack_rows(1, n, width, t.init, 0, group.bias)
            t.init = group.bias
        group.columns = n
        group.spills = n < width and group.keeps and c_row - j - p < width
        group.guards = j > 0 or t.init == t.c
        group.count += 1
        p += TILE_COLUMNS
