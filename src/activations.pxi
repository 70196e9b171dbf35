"""Activations: a = f(z) and its derivative, side by side.

Design
------
- The derivative is taken from the output a wherever that is exact (tanh' = 1 - a^2), so that z need not be
  kept. Where it is not (softplus, gelu, silu) the layer keeps z: `keeps_input` says so.
- Each pair is a scalar function; the loops over a block of rows vectorize. ACTIVATION_NAMES is in the
  order of the enum and is the only table: Python's registry looks its names up here.
- A comparison with NaN is false, so every choice is written such that false returns the argument.
- Literals are `<real>`: a bare one, even an integer, becomes a C double and takes the whole loop with it.
"""

cdef extern from * nogil:
    """
    #define LEAKY_SLOPE ((real)0.01)
    /* selu: the fixed point of zero mean and unit variance, Klambauer et al. (2017) */
    #define SELU_ALPHA ((real)1.6732632423543772848170429916717)
    #define SELU_SCALE ((real)1.0507009873554804934193349852946)
    #define SQRT_HALF ((real)0.70710678118654752440)
    #define SQRT_2PI_INVERSE ((real)0.39894228040143267794)
    """
    const real LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, SQRT_HALF, SQRT_2PI_INVERSE

cdef enum Activation:
    IDENTITY, RELU, LEAKY_RELU, ELU, SELU, SOFTPLUS, SIGMOID, TANH, GELU, SILU

ACTIVATION_NAMES = (
    "identity", "relu", "leaky_relu", "elu", "selu", "softplus", "sigmoid", "tanh", "gelu", "silu",
)


cdef inline bint keeps_input(int activation) noexcept nogil:
    """Whether the derivative needs z, the activation's input."""
    return activation == SOFTPLUS or activation == GELU or activation == SILU


cdef inline real relu(real z) noexcept nogil:
    return <real>0 if z < 0 else z

cdef inline real relu_slope(real a) noexcept nogil:
    return <real>1 if a > 0 else <real>0


cdef inline real leaky_relu(real z) noexcept nogil:
    return LEAKY_SLOPE * z if z < 0 else z

cdef inline real leaky_relu_slope(real a) noexcept nogil:
    return <real>1 if a > 0 else LEAKY_SLOPE


cdef inline real elu(real z) noexcept nogil:
    return real_expm1(z) if z < 0 else z

cdef inline real elu_slope(real a) noexcept nogil:
    return <real>1 if a > 0 else a + <real>1


cdef inline real selu(real z) noexcept nogil:
    return SELU_SCALE * (SELU_ALPHA * real_expm1(z) if z < 0 else z)

cdef inline real selu_slope(real a) noexcept nogil:
    return SELU_SCALE if a > 0 else a + SELU_SCALE * SELU_ALPHA


cdef inline real gelu(real z) noexcept nogil:
    return <real>0.5 * z * (<real>1 + real_erf(z * SQRT_HALF))

cdef inline real gelu_slope(real z) noexcept nogil:
    cdef real density = SQRT_2PI_INVERSE * real_exp(<real>-0.5 * z * z)
    return <real>0.5 * (<real>1 + real_erf(z * SQRT_HALF)) + z * density


cdef inline real gelu_curvature(real z) noexcept nogil:
    return SQRT_2PI_INVERSE * real_exp(<real>-0.5 * z * z) * (<real>2 - z * z)


cdef inline real silu_slope(real z) noexcept nogil:
    cdef real s = real_sigmoid(z)
    return s * (<real>1 + z * (<real>1 - s))

cdef inline real silu_curvature(real z) noexcept nogil:
    cdef real s = real_sigmoid(z)
    return s * (<real>1 - s) * (<real>2 + z * (<real>1 - <real>2 * s))


cdef void activate(int activation, const real *z, real *a, Py_ssize_t n) noexcept nogil:
    """a = f(z), n numbers; a may be z itself."""
    cdef Py_ssize_t i
    if activation == IDENTITY:
        if a != z:
            memcpy(a, z, n * sizeof(real))
    elif activation == RELU:
        for i in range(n):
            a[i] = relu(z[i])
    elif activation == LEAKY_RELU:
        for i in range(n):
            a[i] = leaky_relu(z[i])
    elif activation == ELU:
        for i in range(n):
            a[i] = elu(z[i])
    elif activation == SELU:
        for i in range(n):
            a[i] = selu(z[i])
    elif activation == SOFTPLUS:
        for i in range(n):
            a[i] = real_softplus(z[i])
    elif activation == SIGMOID:
        for i in range(n):
            a[i] = real_sigmoid(z[i])
    elif activation == TANH:
        for i in range(n):
            a[i] = real_tanh(z[i])
    elif activation == GELU:
        for i in range(n):
            a[i] = gelu(z[i])
    elif activation == SILU:
        for i in range(n):
            a[i] = z[i] * real_sigmoid(z[i])


cdef void multiply_slope(
    int activation, const real *z, const real *a, real *delta, Py_ssize_t n,
) noexcept nogil:
    """delta *= f'(z), n numbers, from a = f(z) and, where `keeps_input`, from z."""
    cdef Py_ssize_t i
    if activation == RELU:
        for i in range(n):
            delta[i] *= relu_slope(a[i])
    elif activation == LEAKY_RELU:
        for i in range(n):
            delta[i] *= leaky_relu_slope(a[i])
    elif activation == ELU:
        for i in range(n):
            delta[i] *= elu_slope(a[i])
    elif activation == SELU:
        for i in range(n):
            delta[i] *= selu_slope(a[i])
    elif activation == SOFTPLUS:
        for i in range(n):
            delta[i] *= real_sigmoid(z[i])
    elif activation == SIGMOID:
        for i in range(n):
            delta[i] *= a[i] * (<real>1 - a[i])
    elif activation == TANH:
        for i in range(n):
            delta[i] *= <real>1 - a[i] * a[i]
    elif activation == GELU:
        for i in range(n):
            delta[i] *= gelu_slope(z[i])
    elif activation == SILU:
        for i in range(n):
            delta[i] *= silu_slope(z[i])


cdef void multiply_curvature(
    int activation, const real *z, const real *a, real *delta, Py_ssize_t n,
) noexcept nogil:
    """delta *= f''(z), n numbers, from a = f(z) and z; 0 at a kink."""
    cdef Py_ssize_t i
    cdef real s
    if activation == ELU:
        for i in range(n):
            delta[i] *= a[i] + <real>1 if a[i] < 0 else <real>0
    elif activation == SELU:
        for i in range(n):
            delta[i] *= a[i] + SELU_SCALE * SELU_ALPHA if a[i] < 0 else <real>0
    elif activation == SOFTPLUS:
        for i in range(n):
            s = real_sigmoid(z[i])
            delta[i] *= s * (<real>1 - s)
    elif activation == SIGMOID:
        for i in range(n):
            delta[i] *= a[i] * (<real>1 - a[i]) * (<real>1 - <real>2 * a[i])
    elif activation == TANH:
        for i in range(n):
            delta[i] *= <real>-2 * a[i] * (<real>1 - a[i] * a[i])
    elif activation == GELU:
        for i in range(n):
            delta[i] *= gelu_curvature(z[i])
    elif activation == SILU:
        for i in range(n):
            delta[i] *= silu_curvature(z[i])
    else:
        memset(delta, 0, n * sizeof(real))    # pieces of lines


def activation_code(str name):
    """Index of an activation in the kernels' table."""
    return ACTIVATION_NAMES.index(name)


def activation(str name, const real[::1] z, real[::1] a, real[::1] slope):
    """Write a = f(z) and slope = f'(z), each of shape (n,)."""
    cdef int code = activation_code(name)
    cdef Py_ssize_t i, n = z.shape[0]
    if a.shape[0] != n or slope.shape[0] != n:
        raise ValueError(f"z, a and slope must have one length, got {n}, {a.shape[0]} and {slope.shape[0]}")
    if n == 0:
        return
    with nogil:
        for i in range(n):
            a[i] = z[i]
            slope[i] = 1
        activate(code, &z[0], &a[0], n)
        multiply_slope(code, &z[0], &a[0], &slope[0], n)
