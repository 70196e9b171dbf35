"""The products of matrices whose rows lie in the lanes of vectors (transposed.h), and where their rows stand."""

cdef extern from "machine/transposed.h" nogil:
    void transposed_product(Py_ssize_t m, Py_ssize_t lanes, const tile_args *of) noexcept
    ctypedef struct gradient_args:
        Py_ssize_t n_in, n_out, rows, lead
        const real *x
        const real *d
        real *g
        bint adds
    Py_ssize_t packed_columns(Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t rows) noexcept
    void transposed_sums(Py_ssize_t first, const gradient_args *of) noexcept
    void transposed_packed(Py_ssize_t columns, const gradient_args *of, real *panel) noexcept
    void transpose_rows(
        Py_ssize_t rows, Py_ssize_t n, const real *x, const int64_t *order, Py_ssize_t lead, real *to,
    ) noexcept


cdef inline Py_ssize_t whole_vectors(Py_ssize_t n) noexcept nogil:
    """Round n up to a whole number of vectors."""
    return (n + LANES - 1) // LANES * LANES


cdef inline Py_ssize_t lead_of(Py_ssize_t rows) noexcept nogil:
    """Return the distance between two features of a block of so many rows."""
    return padded(max(rows, <Py_ssize_t>2))


cdef inline void fill_ones(Py_ssize_t n, real *x) noexcept nogil:
    """Write n ones."""
    cdef Py_ssize_t i
    for i in range(n):
        x[i] = 1
