"""Activations as a layer calls them: through the row of activations.h that was chosen when the layer was bound."""

cdef extern from "layers/activations.h" nogil:
    enum: MAX_KINKS, N_ACTIVATIONS
    ctypedef struct Activation:
        const char *name
        void (*values)(const real *z, real *a, Py_ssize_t n, real option) noexcept nogil
        void (*multiply_slopes)(const real *z, const real *a, real *delta, Py_ssize_t n, real option) noexcept nogil
        void (*multiply_curvatures)(const real *z, const real *a, real *delta, Py_ssize_t n, real option) noexcept nogil
        int n_all_kinks
        real all_kinks[MAX_KINKS]
        bint straight, smooth, keeps_input, keeps_input_below_0, exact, dies, cancels
        real option
    const Activation *ACTIVATION_ROWS "ACTIVATIONS"
    const Activation *IDENTITY
    const Activation LOG1P_OF

ACTIVATION_NAMES = tuple([ACTIVATION_ROWS[i].name.decode() for i in range(N_ACTIVATIONS)])
ACTIVATION_FACTS = {
    ACTIVATION_ROWS[i].name.decode(): {
        "all_kinks": tuple([ACTIVATION_ROWS[i].all_kinks[j] for j in range(ACTIVATION_ROWS[i].n_all_kinks)]),
        "straight": ACTIVATION_ROWS[i].straight != 0,
        "smooth": ACTIVATION_ROWS[i].smooth != 0 or ACTIVATION_ROWS[i].n_all_kinks == 0,
        "exact": ACTIVATION_ROWS[i].exact != 0,
        "cancels": ACTIVATION_ROWS[i].cancels != 0,
        "option": ACTIVATION_ROWS[i].option,
    }
    for i in range(N_ACTIVATIONS)
}


cdef inline void activate(const Activation *of, real option, const real *z, real *a, Py_ssize_t n) noexcept nogil:
    """Write a = f(z), n numbers; a may be z itself."""
    if of.values != NULL:
        of.values(z, a, n, option)
    elif a != z:
        memcpy(a, z, n * sizeof(real))


cdef inline void multiply_slope(
    const Activation *of, real option, const real *z, const real *a, real *delta, Py_ssize_t n,
) noexcept nogil:
    """Multiply delta by f'(z), n numbers, from a = f(z) and, where the layer keeps it (`keeps_input`), from z."""
    if of.multiply_slopes != NULL:
        of.multiply_slopes(z, a, delta, n, option)


cdef inline void multiply_curvature(
    const Activation *of, real option, const real *z, const real *a, real *delta, Py_ssize_t n,
) noexcept nogil:
    """Multiply delta by f''(z), n numbers, from a = f(z) and z; 0 at a kink."""
    if of.multiply_curvatures != NULL:
        of.multiply_curvatures(z, a, delta, n, option)
    else:
        memset(delta, 0, n * sizeof(real))    # straight pieces


def activation_code(str name):
    """Return the index of an activation in the kernels' table."""
    return ACTIVATION_NAMES.index(name)


def activation(str name, const real[::1] z, real[::1] a, real[::1] slope, option=None):
    """Write a = f(z) and slope = f'(z), each of shape (n,); `option` is the activation's parameter, if it has one."""
    cdef const Activation *of = &ACTIVATION_ROWS[<int>activation_code(name)]
    cdef Py_ssize_t i, n = z.shape[0]
    cdef double given = of.option if option is None else option
    cdef real parameter = <real>given
    if a.shape[0] != n or slope.shape[0] != n:
        raise ValueError(f"z, a and slope must have one length, got {n}, {a.shape[0]} and {slope.shape[0]}")
    if n == 0:
        return
    with nogil:
        for i in range(n):
            slope[i] = 1
        activate(of, parameter, &z[0], &a[0], n)
        multiply_slope(of, parameter, &z[0], &a[0], &slope[0], n)
