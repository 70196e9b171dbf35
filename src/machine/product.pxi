"""Matrix products: the loops around the register tile, and the cases that are too narrow for it.

Design
------
- `strips` walks the tile over C: groups of B's columns outside, strips of TILE_ROWS rows inside, and along each strip
  the group's panels. So A's part of a strip stays in the first-level cache, the group in the second, and every number
  of C sums over k in order, in parts of at most MAX_DEPTH terms. Its bits depend on neither strip nor thread.
- A finished strip can be passed on (`Done`) while it is in the first-level cache, for example to an update. It is not
  kept then, and all strips are written to the same place, which has room for one more vector behind it.
- A single column would waste all lanes but one, so it takes dot products along the rows (`dots`). A single row is
  `row_product` (single.h), which reads B in place.
"""

cdef extern from "machine/single.h" nogil:
    ctypedef struct ActiveList "active_list":
        Py_ssize_t count
        int32_t *places
    void find_active(Py_ssize_t n, const real *x, ActiveList *found) noexcept
    ctypedef struct SingleRow "single_row":
        const ActiveList *active
        Py_ssize_t n, k
        const real *a
        const real *b
        const real *init
        real *c
    void row_product(const SingleRow *of) noexcept
    ctypedef struct WeightPass "weight_pass":
        const ActiveList *active
        Py_ssize_t rows, columns
        real *weight
        const real *delta
        const real *x
        double rate
        real *before
    void weight_dots(const WeightPass *of) noexcept
    void weight_dots_and_move(const WeightPass *of) noexcept
    void subtract_active(
        const ActiveList *active, Py_ssize_t low, Py_ssize_t high, Py_ssize_t columns, double rate, const real *x,
        const real *delta, real *weight,
    ) noexcept

# Take rows i … i + rows and columns j … j + columns of C, which begin at c.
ctypedef void (*Done)(
    void *context, real *c, Py_ssize_t c_row, Py_ssize_t i, Py_ssize_t rows, Py_ssize_t j, Py_ssize_t columns,
) noexcept nogil


cdef void product(
    const Factors *f,
    real *c, Py_ssize_t c_row,     # (m, n); its rows may be compact
    const Worker *worker,          # with scratch memory for panel_scratch(n, k) numbers
) noexcept nogil:
    """Compute C = init + A B, or a part of it if the worker stops."""
    strips(f, c, c_row, NULL, NULL, worker)


cdef void strips(
    const Factors *f,
    real *c, Py_ssize_t c_row,     # (m, n); or a single strip and one more vector, if C is not kept
    Done done, void *context,      # takes every strip; NULL: C is kept
    const Worker *worker,          # with scratch memory for panel_scratch(n, k) numbers
) noexcept nogil:
    """Compute C = init + A B, strip by strip. If sums have more than one part, C must be kept.

    If C is kept and the worker stops, the product ends between two groups. If not, strips have been used already, so
    the product always runs to its end.
    """
    cdef Py_ssize_t depth = depth_of(f.k), b_row = f.b_row, b_col = 1
    cdef Py_ssize_t at = 0, size, columns, i, j, rows
    cdef bint in_place = reads_in_place(f), keeps = done == NULL
    cdef const real *b
    cdef Panels group
    if f.form == TRANSPOSED:
        b_row, b_col = 1, f.b_row
    group.c, group.c_row, group.keeps = c, c_row, keeps
    while at < f.k:
        group.terms = min(depth, f.k - at)
        size = group_of(f.n, group.terms)
        j = 0
        while j < f.n:
            columns = min(size, f.n - j)
            if keeps and j + at > 0 and stops(worker, f.m * columns * group.terms):
                return
            b = f.b + at * b_row + j * b_col
            if in_place:
                group.b, group.b_row = b, f.b_row
            else:
                pack_group(f, b, group.terms, columns, worker.panels)
                group.b, group.b_row = worker.panels, 0
            set_panels(&group, f, at, j, columns)
            i = 0
            while i < f.m:
                rows = min(<Py_ssize_t>TILE_ROWS, f.m - i)
                if not in_place and j + columns < f.n:
                    fetch_share(f, b + columns * b_col, group.terms, min(size, f.n - j - columns), i)
                strip(&group, f.a + i * f.a_row + at * f.a_col, <int>rows, (f.m - i - rows) * c_row < TILE_COLUMNS)
                if not keeps:
                    done(context, c + j, c_row, i, rows, j, columns)
                i += TILE_ROWS
            j += columns
        at += depth


cdef inline void strip(Panels *group, const real *a, int rows, bint ends) noexcept nogil:
    """Compute a strip's tiles from the last panel to the first, and move on to the next strip.

    `ends` says that C ends so soon that a whole vector would be written past its end.
    """
    cdef int p = group.count - 1
    cdef int vectors = panel_width(group.columns) // LANES
    cdef tile_args *t
    while p >= 0:
        t = &group.tiles[p]
        t.a = a
        if group.spills and p == group.count - 1 and (ends or group.guards):
            tile_by_buffer(t, rows, group.columns)
        else:
            tile(rows, vectors, t)
        t.c += group.c_step
        t.init += group.init_step
        p -= 1
        vectors = TILE_COLUMNS // LANES


cdef void tile_by_buffer(tile_args *t, int rows, int columns) noexcept nogil:
    """Compute a tile in a buffer and copy its columns, because C has no room for a whole vector."""
    cdef real edge[MAX_TILE]
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
