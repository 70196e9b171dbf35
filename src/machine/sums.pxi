"""Sums and copies of vectors, and a test that all their numbers are finite.

Design
------
- A sum of doubles goes through eight interleaved partial sums, so its order is the same for every vector width. The
  rest after a multiple of eight has a sum of its own in `sum_values`, and joins the first parts in `lane_sum`.
- Squares are added in `real` over short runs, and the runs in double.
"""

cdef extern from "machine/squares.h" nogil:
    real run_squares(Py_ssize_t n, const real *x) noexcept

cdef extern from "machine/parts.h" nogil:
    double eight_parts(const double *part) noexcept
    double plus_product(double sum, double a, double b) noexcept


cdef void copy_matrix(
    Py_ssize_t rows, Py_ssize_t n,
    const real *source, Py_ssize_t source_row,    # (rows, n)
    real *to, Py_ssize_t to_row,                  # (rows, n); padding is not written
) noexcept nogil:
    """Copy a matrix between two strides."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(n):
            to[i * to_row + j] = source[i * source_row + j]


cdef void copy_transposed(
    Py_ssize_t rows, Py_ssize_t n, const real *source, Py_ssize_t lead, real *to,    # (n, lead); (rows, n)
) noexcept nogil:
    """Copy a matrix whose rows lie in the lanes, row by row."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(n):
            to[i * n + j] = source[j * lead + i]


cdef double sum_squares(Py_ssize_t n, const real *x) noexcept nogil:
    """Return the sum of x[i]^2, which is not finite if an x[i] is not, or if the sum overflows a double."""
    cdef Py_ssize_t i = 0
    cdef double total = 0
    if n < MIN_VECTOR_SUM:
        for i in range(n):
            total += <double>x[i] * x[i]
        return total
    while i < n:
        total += run_squares(min(<Py_ssize_t>SUM_RUN, n - i), x + i)
        i += SUM_RUN
    if not isfinite(total):    # In float32, squares overflow from 1e19 on, so they are added in double.
        total = 0
        for i in range(n):
            total += <double>x[i] * x[i]
    return total


cdef bint every_finite(Py_ssize_t n, const real *x) noexcept nogil:
    """Return whether x (n,) holds neither NaN nor infinity."""
    cdef Py_ssize_t i
    if isfinite(sum_squares(n, x)):
        return True
    for i in range(n):
        if not isfinite(x[i]):
            return False
    return True


def all_finite(const real[::1] x not None):
    """Return whether x (n,) holds neither NaN nor infinity."""
    return x.shape[0] == 0 or every_finite(x.shape[0], &x[0])


cdef double sum_values(Py_ssize_t n, const double *value) noexcept nogil:
    """Return the sum of n values, in eight interleaved partial sums and one of the rest."""
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
    return eight_parts(part) + rest


cdef double lane_sum(Py_ssize_t n, const real *weight, const real *value) noexcept nogil:
    """Return the sum of weight * value over n lanes, in eight interleaved partial sums."""
    cdef double part[8]
    cdef Py_ssize_t i, j
    for j in range(8):
        part[j] = 0
    for i in range(0, n - n % 8, 8):
        for j in range(8):
            part[j] += <double>(weight[i + j] * value[i + j])
    for i in range(n - n % 8, n):
        part[i % 8] += <double>(weight[i] * value[i])
    return eight_parts(part)


cdef void add_vector(Py_ssize_t n, const real *x, real *y) noexcept nogil:
    """Add x to y, n numbers each."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] += x[i]
