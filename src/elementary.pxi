cdef extern from "elementary.h" nogil:
    real real_exp(real x) noexcept
    real real_expm1(real x) noexcept
    real real_log(real x) noexcept
    real real_log1p(real x) noexcept
    real real_tanh(real x) noexcept
    real real_sigmoid(real x) noexcept
    real real_softplus(real x) noexcept
    real real_erf(real x) noexcept
