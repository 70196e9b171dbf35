"""Matrix products over padded rows, and the loops for the ends too narrow for a vector.

Design
------
- `product` walks the register tile over C: all rows of one column pair before the next, so B's two columns
  stay in the cache while A streams by.
- A matrix whose rows are read or written in whole vectors has `padded(columns)` numbers a row. Workspace is
  padded from birth; parameters and gradients are compact, so a layer whose width is not a whole number of
  vectors keeps padded copies of them (`copy_padded`, `copy_compact`).
- A single column would waste all lanes but one: `product_column` takes dot products along the rows.
"""

cdef extern from "tile.h" nogil:
    enum: LANES
    enum: TILE_ROWS
    enum: TILE_COLUMNS
    ctypedef struct tile_args:
        const real *a
        const real *b
        const real *init
        real *c
        Py_ssize_t k, a_row, a_col, b_row, init_row, c_row
    void tile(int rows, int vectors, const tile_args *t) noexcept


cdef inline Py_ssize_t padded(Py_ssize_t width) noexcept nogil:
    """Numbers a row of this width takes in the workspace: whole vectors, or one alone."""
    return 1 if width == 1 else (width + LANES - 1) // LANES * LANES


cdef void product(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real *a, Py_ssize_t a_row, Py_ssize_t a_col,    # (m, k), by two strides
    const real *b, Py_ssize_t b_row,                      # (k, n), rows padded
    const real *init, Py_ssize_t init_row,                # (m, n), or a bias (n,) with stride 0, or NULL
    real *c, Py_ssize_t c_row,                            # (m, n), rows padded
) noexcept nogil:
    """C = init + A B."""
    cdef tile_args t
    cdef Py_ssize_t i, j = 0
    cdef int vectors
    t.k = k
    t.a_row = a_row
    t.a_col = a_col
    t.b_row = b_row
    t.init_row = init_row
    t.c_row = c_row
    while j < n:
        vectors = 2 if n - j > LANES else 1
        t.b = b + j
        i = 0
        while i < m:
            t.a = a + i * a_row
            t.init = NULL if init == NULL else init + i * init_row + j
            t.c = c + i * c_row + j
            tile(<int>min(<Py_ssize_t>TILE_ROWS, m - i), vectors, &t)
            i += TILE_ROWS
        j += TILE_COLUMNS


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


cdef void product_column(
    Py_ssize_t m, Py_ssize_t k,
    const real *a, Py_ssize_t a_row,    # (m, k)
    const real *b,                      # (k,)
    real init,
    real *c,                            # (m,)
) noexcept nogil:
    """c = init + A b."""
    cdef Py_ssize_t i
    for i in range(m):
        c[i] = init + dot(k, a + i * a_row, b)


cdef void add_outer(
    Py_ssize_t rows, Py_ssize_t n,
    const real *x, Py_ssize_t x_row,    # (rows, n)
    const real *d,                      # (rows,)
    real *c,                            # (n,), added to
) noexcept nogil:
    """c += X^T d."""
    cdef Py_ssize_t r, i
    for r in range(rows):
        for i in range(n):
            c[i] += d[r] * x[r * x_row + i]


cdef void add_columns(
    Py_ssize_t rows, Py_ssize_t n,
    const real *d, Py_ssize_t d_row,    # (rows, n)
    real *c,                            # (n,), added to
) noexcept nogil:
    """c += the sum of D's rows."""
    cdef Py_ssize_t r, j
    for r in range(rows):
        for j in range(n):
            c[j] += d[r * d_row + j]


cdef void copy_padded(
    Py_ssize_t rows, Py_ssize_t n,
    const real *compact,                # (rows, n)
    real *wide, Py_ssize_t wide_row,    # (rows, wide_row); what is behind n stays as it is
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(n):
            wide[i * wide_row + j] = compact[i * n + j]


cdef void copy_compact(
    Py_ssize_t rows, Py_ssize_t n,
    const real *wide, Py_ssize_t wide_row,    # (rows, wide_row)
    real *compact,                            # (rows, n)
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(n):
            compact[i * n + j] = wide[i * wide_row + j]


cdef void copy_transposed(
    Py_ssize_t rows, Py_ssize_t n,
    const real *w,                          # (rows, n)
    real *turned, Py_ssize_t turned_row,    # (n, turned_row); what is behind rows stays as it is
) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(n):
        for i in range(rows):
            turned[j * turned_row + i] = w[i * n + j]
