"""Layer normalization (Ba, Kiros and Hinton 2016): each row gets mean 0 and variance 1, then a gain and a bias.

Design
------
- The gain stands where a dense layer has its weight, the bias behind it. Penalties leave both out.
- z keeps the normalized row and, behind its padding, 1 / sqrt(variance + eps). Backward needs nothing else. Where rows
  lie in the lanes, that number stands behind the last feature.
- The delta is d loss / d a; the gradient of the gain sums it times the normalized rows, that of the bias sums it alone.
"""

cdef extern from "layers/layer_norm.h" nogil:
    double norm_row(Py_ssize_t n, const real *x, double eps, real *unit) noexcept
    void norm_output(Py_ssize_t n, const real *unit, const real *gain, const real *bias, real *a) noexcept
    void norm_back(
        Py_ssize_t n, const real *delta, const real *unit, const real *gain, double inverse, real *before,
    ) noexcept
    void add_gain(
        Py_ssize_t rows, Py_ssize_t n, const real *delta, Py_ssize_t delta_row, const real *unit, Py_ssize_t unit_row,
        real *gain,
    ) noexcept
    void norm_lanes(Py_ssize_t n, Py_ssize_t rows, Py_ssize_t lead, const real *x, double eps, real *unit) noexcept
    void norm_outputs(
        Py_ssize_t n, Py_ssize_t rows, Py_ssize_t lead, const real *unit, const real *gain, const real *bias, real *a,
    ) noexcept
    void norm_backs(
        Py_ssize_t n, Py_ssize_t rows, Py_ssize_t lead, const real *delta, const real *unit, const real *gain,
        real *before,
    ) noexcept
    void sum_lanes(
        Py_ssize_t n, Py_ssize_t rows, Py_ssize_t lead, const real *delta, const real *unit, bint adds, real *gain,
    ) noexcept


cdef int layer_norm_bind(Network network, Layer *layer, tuple description) except -1:
    """Fill a layer from ("layer_norm", width, eps)."""
    _, layer.n_in, layer.eps = description
    layer.n_out = layer.n_in
    layer.n_params = 2 * layer.n_in
    layer.bias_at = layer.weight_at + layer.n_in
    layer.keeps_z = True
    layer.z_row = padded(layer.n_in) + padded(1)
    return 0


cdef void layer_norm_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Normalize rows, and write a = z * gain + bias."""
    cdef Py_ssize_t r
    cdef real *unit
    for r in range(at.rows):
        unit = at.z + r * of.z_row
        unit[padded(of.n_in)] = <real>norm_row(of.n_in, at.x + r * at.x_row, of.eps, unit)
        norm_output(of.n_in, unit, at.params + of.weight_at, at.params + of.bias_at, at.a + r * of.out_row)


cdef void layer_norm_backward(const Layer *of, const LayerRows *at, real *delta, real *before) noexcept nogil:
    """Write d loss / d x into before."""
    cdef Py_ssize_t r
    cdef const real *unit
    for r in range(at.rows if before != NULL else 0):
        unit = at.z + r * of.z_row
        norm_back(
            of.n_in, delta + r * of.out_row, unit, at.params + of.weight_at, unit[padded(of.n_in)],
            before + r * of.in_row,
        )


cdef void layer_norm_transposed_forward(const Layer *of, const LayerRows *at) noexcept nogil:
    """Normalize rows in the lanes, and write a = z * gain + bias."""
    cdef Py_ssize_t lanes = whole_vectors(at.rows), lead = at.x_row
    norm_lanes(of.n_in, lanes, lead, at.x, of.eps, at.z)
    norm_outputs(of.n_in, lanes, lead, at.z, at.params + of.weight_at, at.params + of.bias_at, at.a)


cdef void layer_norm_transposed_backward(
    const Layer *of, const LayerRows *at, real *delta, real *before,
) noexcept nogil:
    """Write d loss / d x into before, for rows in the lanes."""
    if before != NULL:
        norm_backs(
            of.n_in, whole_vectors(at.rows), at.x_row, delta, at.z, at.params + of.weight_at, before,
        )
