cdef extern from "machine/elementary.h" nogil:
    real real_exp(real x) noexcept
    real real_expm1(real x) noexcept
    real real_log(real x) noexcept
    real real_log1p(real x) noexcept
    real real_tanh(real x) noexcept
    real real_sigmoid(real x) noexcept
    real real_softplus(real x) noexcept
    real real_erf(real x) noexcept

    struct elementary_row "elementary":
        const char *name
        void (*loop)(const real *x, real *y, Py_ssize_t n) noexcept nogil
    const elementary_row *ELEMENTARY_TABLE
    const int ELEMENTARY_COUNT

ELEMENTARY = tuple([ELEMENTARY_TABLE[i].name.decode() for i in range(ELEMENTARY_COUNT)])


def elementary(str name, const real[::1] x, real[::1] out):
    """Apply one function of ELEMENTARY to every element of x (n,); out (n,) may be x itself."""
    if name not in ELEMENTARY:
        raise ValueError(f"name must be one of {', '.join(ELEMENTARY)}; got {name!r}")
    if out.shape[0] != x.shape[0]:
        raise ValueError(f"out has length {out.shape[0]}; expected {x.shape[0]}, the length of x")
    cdef Py_ssize_t row = ELEMENTARY.index(name)
    if x.shape[0] > 0:
        with nogil:
            ELEMENTARY_TABLE[row].loop(&x[0], &out[0], x.shape[0])
