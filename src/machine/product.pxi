"""Matrix products: the loops around the register tile, and the cases that are too narrow for it.

Design
------
- `strips` walks the tile over C: groups of B's columns outside, then blocks of BLOCK_MULTIPLE rows, the group's panels,
  and strips of TILE_ROWS rows inside. So a panel stays in the first-level cache for a block, and the group and the
  block's part of A in the second. Where a group fits the first, or B is read in place, a block is a single strip: A's
  part of it is what stays in the first then.
- Every number of C sums over k in order, from init on, in one register or in parts that add to each other. Its bits
  depend on nothing else: not on tile, block, group or depth, so these may follow the caches, nor on the thread.
- The next tile of C is prefetched where B is packed. What a tile begins with or writes would be waited for otherwise.
  Measured: X^T D 0.90 to 0.97 of the time without, X W and D W^T 0.95 to 0.97 (AVX-512); AVX2: 0.97 to 1.0.
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

cdef extern from "machine/single_pass.h" nogil:
    ctypedef struct WeightPass "weight_pass":
        const ActiveList *active
        Py_ssize_t rows, columns, at
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
    const Worker *worker,          # with room for panel_scratch(n, k) numbers; left_scratch(m, n, k) if A is transposed
) noexcept nogil:
    """Compute C = init + A B, or a part of it if the worker stops."""
    strips(f, c, c_row, NULL, NULL, worker)


cdef void strips(
    const Factors *f,
    real *c, Py_ssize_t c_row,     # (m, n); or a single strip and one more vector, if C is not kept
    Done done, void *context,      # takes every strip; NULL: C is kept
    const Worker *worker,          # with room for panel_scratch(n, k) numbers; left_scratch(m, n, k) if A is transposed
) noexcept nogil:
    """Compute C = init + A B, strip by strip. If sums have more than one part, C must be kept.

    If C is kept and the worker stops, the product ends between two groups. If not, strips have been used already, so
    the product always runs to its end.
    """
    cdef Py_ssize_t depth = depth_of(f) if done == NULL else f.k
    cdef Py_ssize_t b_row = f.b_row, b_col = 1, at = 0, size, columns, tall, i, j, rows
    cdef bint in_place = reads_in_place(f), packs_left = packs_strips(f), keeps = done == NULL
    cdef Py_ssize_t most = panel_bytes if keeps else <Py_ssize_t>PANEL_BYTES
    cdef const real *b
    cdef Panels group
    if f.form == TRANSPOSED:
        b_row, b_col = 1, f.b_row
    group.c, group.c_row, group.keeps = c, c_row, keeps
    while at < f.k:
        group.terms = min(depth, f.k - at)
        size = group_of(f.n, group.terms, most)
        tall = TILE_ROWS
        if keeps and not in_place and size * group.terms * <Py_ssize_t>sizeof(real) > first_bytes:
            tall = BLOCK_MULTIPLE
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
            group.left = worker.panels + size * group.terms if packs_left else NULL
            group.packs_left = packs_left and j == 0
            set_panels(&group, f, at, j, columns)
            group.fetches = keeps and not in_place
            i = 0
            while i < f.m:
                rows = min(tall, f.m - i)
                if not in_place and j + columns < f.n:
                    fetch_share(f, b + columns * b_col, group.terms, min(size, f.n - j - columns), i, rows)
                if packs_left:
                    pack_left(f, at, i, &group)
                else:
                    group.a = f.a + i * f.a_row + at * f.a_col
                block_tiles(&group, rows, f.m - i - rows)
                if not keeps:
                    done(context, c + j, c_row, i, rows, j, columns)
                i += rows
            j += columns
        at += depth


cdef inline void block_tiles(Panels *group, Py_ssize_t rows, Py_ssize_t behind) noexcept nogil:
    """Compute the tiles of a block of rows from the last panel to the first, and move on to the next block.

    `behind` rows of C follow the block's. Where there are so few that a whole vector would be written past C's end, a
    tile goes through a buffer.
    """
    cdef int p = group.count - 1
    cdef int vectors = panel_width(group.columns) // LANES
    cdef Py_ssize_t left
    cdef bint spills = group.spills
    cdef tile_args *t
    cdef const real *ahead
    while p >= 0:
        t = &group.tiles[p]
        t.a = group.a
        left = rows
        while left > 0:
            if group.fetches:
                ahead = t.c + group.c_step
                if left <= TILE_ROWS:
                    ahead = group.tiles[p - 1 if p > 0 else group.count - 1].c
                fetch_tile(ahead, group.c_row)
            if spills and (group.guards or (behind + left - TILE_ROWS) * group.c_row < TILE_COLUMNS):
                tile_by_buffer(t, <int>min(<Py_ssize_t>TILE_ROWS, left), group.columns)
            else:
                tile(<int>min(<Py_ssize_t>TILE_ROWS, left), vectors, t)
            t.a += group.a_step
            t.c += group.c_step
            t.init += group.init_step
            left -= TILE_ROWS
        p -= 1
        spills = False
        vectors = TILE_COLUMNS // LANES


cdef void tile_by_buffer(tile_args *t, int rows, int columns) noexcept nogil:
    """Compute a tile in a buffer and copy its columns, because C has no room for a whole vector."""
    cdef real edge[MAX_TILE]
    cdef int width = panel_width(columns)
    cdef const real *init = t.init
    cdef real *c = t.c
    cdef Py_ssize_t init_row = t.init_row, c_row = t.c_row
    cdef int i
    if init != NULL:
        for i in range(rows):
            pack_rows(1, columns, width, init + i * init_row, 0, edge + i * width)
        t.init, t.init_row = edge, width
    t.c, t.c_row = edge, width
    tile(rows, width // LANES, t)
    t.init, t.init_row, t.c, t.c_row = init, init_row, c, c_row
    for i in range(rows):
        memcpy(c + i * c_row, edge + i * width, columns * sizeof(real))
