# The optimizers' updates over a stretch of the flat parameter vector.
#
# Design
# ------
# - A rule is two functions in its family's file and a row of RULES (table.pxi). `begin` runs once per step, in
#   double: bias corrections, decays and rates become the coefficients `c`. `apply` is a branch-free loop
#   over the stretch, element by element. A stretch's end depends on the network, never on threads: the compiler may
#   fuse the multiply-adds of its last few elements in another way than those of whole vectors.
# - Slots and scalars are all zero before step 1. A rule that starts from other values sets them in its `begin`.
# - d is the gradient as the rule sees it: scaled by clipping, coupled weight decay added. Decoupled decay
#   multiplies the parameter by `keep`. Without decay, that is one multiply-add by 0 or 1.
# - An option that needs a slot chooses the loop, outside it (a constant flag of an inline body); every other
#   option is a coefficient.
# - Adam, AdamW, NAdam and RAdam differ in coefficients only, and share one loop.

from libc.math cimport pow, sqrt

cdef extern from *:
    """
    #define real_sqrt(x) _Generic((real)0, float: __builtin_sqrtf, default: __builtin_sqrt)(x)
    """
    real real_sqrt(real x) noexcept nogil


cpdef enum:
    N_SCALARS = 2        # running scalars, the most that a rule needs; optimizers/base.py reads it

cdef enum:               # the coefficients' places in `c`; a rule uses those that it needs
    DECAY                # coupled weight decay: d = scale g + DECAY p
    KEEP                 # decoupled weight decay: p is multiplied by it
    RATE                 # of the whole move
    GRADIENT_RATE        # of d, where the moment has a rate of its own,
    MOMENT_RATE          # and that
    MOMENTUM             # what stays of the buffer,
    GAIN                 # and the share of d that joins it
    MEAN_KEEP            # what stays of the running mean of d,
    MEAN_GAIN            # and the share of d that joins it
    BLEND_KEEP           # the mean's share of the blend that Lion steps along,
    BLEND_GAIN           # and d's
    SQUARE_KEEP          # what stays of the running mean square, or of the largest size,
    SQUARE_GAIN          # and the share of d^2 that joins it
    START                # added to the sum of squares, at the first step alone
    ROOT                 # on the square root in the denominator,
    OFFSET               # and added to it
    CUMULATES            # 1: an l1 penalty is cumulative, see proximal.pxi,
    RATE_SUM             # and the sum of the steps' rates, which is what l1 = 1 would have taken from a weight so far
    N_COEFFICIENTS


cdef struct Update:
    int rule               # index into RULES
    const double *hyper    # (number of hyper-parameters,), in the order of the record's hyper()
    double *scalars        # (N_SCALARS,) running scalars of the rule
    double learning_rate   # of this step
    long long step         # number of this step, from 1
    real scale             # factor on the gradient, from clipping; 1 = none
    double c[N_COEFFICIENTS]    # of this step, from update_begin


cdef struct Rule:
    const char *name
    void (*begin)(Update *u) noexcept nogil
    void (*apply)(
        const Update *u, real *p, const real *g, real *slots, Py_ssize_t stride, Py_ssize_t n
    ) noexcept nogil
    # Return whether the step that `begin` prepared moves each parameter by learning_rate * d and uses nothing from
    # earlier steps. NULL means never.
    bint (*is_memoryless)(const Update *u) noexcept nogil
