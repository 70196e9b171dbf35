/* Activations: the value, slope and curvature of each, side by side, and the table that the kernels look them up in.
 *
 * Design
 * ------
 * - An activation is three scalar functions: f(z), f'(z) and f''(z). One made of straight pieces has two, for its f''
 *   is 0. The last two also get a = f(z), and take what they need from it wherever that is exact (tanh' = 1 - a^2).
 *   Where it is not, the row says `keeps_input`, and the layer keeps z. LOOPS or STRAIGHT_LOOPS makes their loops,
 *   which vectorize. A layer calls a loop through its row, once per block.
 * - `option` is the activation's parameter, such as leaky_relu's slope; the others ignore it.
 * - Whatever else the kernels or Python need to know of an activation is a column of its row.
 * - A kink is where the slope jumps; `all_kinks` are the kinks, and where only the curvature jumps.
 * - At a kink the slope is the one on the left, or that of the flat side where both give one output (relu6 at 6,
 *   hardtanh at 1), and the curvature is 0.
 * - A comparison with NaN is false, so every choice of a value is written such that false returns the argument: NaN
 *   stays NaN. Slopes need not keep it, since the values have.
 */
#ifndef GDCORE_ACTIVATIONS_H
#define GDCORE_ACTIVATIONS_H

#include "machine/elementary.h"
#include "machine/tuning.h"

/* selu: the fixed point of zero mean and unit variance, Klambauer et al. (2017) */
#define SELU_ALPHA ((real)1.6732632423543772848170429916717)
#define SELU_SCALE ((real)1.0507009873554804934193349852946)
#define SIXTH ((real)1 / 6)
#define SQRT_HALF ((real)0.70710678118654752440)
#define SQRT_2PI_INVERSE ((real)0.39894228040143267794)

#define VALUE(name) static inline real name##_value(real z, real option)
#define SLOPE(name) static inline real name##_slope(real z, real a, real option)
#define CURVATURE(name) static inline real name##_curvature(real z, real a, real option)

VALUE(relu) { return z < 0 ? 0 : z; }
SLOPE(relu) { return a > 0 ? 1 : 0; }

VALUE(leaky_relu) { return z < 0 ? option * z : z; }
SLOPE(leaky_relu) { return z > 0 ? 1 : option; }

VALUE(relu6) { real up = z < 0 ? 0 : z; return up > 6 ? 6 : up; }
SLOPE(relu6) { return (a > 0) & (a < 6) ? 1 : 0; }

VALUE(hardtanh) { real up = z < -1 ? -1 : z; return up > 1 ? 1 : up; }
SLOPE(hardtanh) { return (a > -1) & (a < 1) ? 1 : 0; }

VALUE(elu) { return z < 0 ? expm1_below_0(z) : z; }
SLOPE(elu) { return a > 0 ? 1 : a + 1; }
CURVATURE(elu) { return a < 0 ? a + 1 : 0; }

VALUE(selu) { return SELU_SCALE * (z < 0 ? SELU_ALPHA * expm1_below_0(z) : z); }
SLOPE(selu) { return a > 0 ? SELU_SCALE : a + SELU_SCALE * SELU_ALPHA; }
CURVATURE(selu) { return a < 0 ? a + SELU_SCALE * SELU_ALPHA : 0; }

VALUE(softplus) { return real_softplus(z); }
SLOPE(softplus) { return real_sigmoid(z); }
CURVATURE(softplus) { real s = real_sigmoid(z); return s * (1 - s); }

VALUE(sigmoid) { return real_sigmoid(z); }
SLOPE(sigmoid) { return a * (1 - a); }
CURVATURE(sigmoid) { return a * (1 - a) * (1 - 2 * a); }

VALUE(tanh) { return real_tanh(z); }
SLOPE(tanh) { return 1 - a * a; }
CURVATURE(tanh) { return -2 * a * (1 - a * a); }

VALUE(gelu) { return (real)0.5 * z * (1 + real_erf(z * SQRT_HALF)); }
SLOPE(gelu)
{
    real density = SQRT_2PI_INVERSE * real_exp((real)-0.5 * z * z);
    return (real)0.5 * (1 + real_erf(z * SQRT_HALF)) + z * density;
}
CURVATURE(gelu) { return SQRT_2PI_INVERSE * real_exp((real)-0.5 * z * z) * (2 - z * z); }

VALUE(silu) { return z * real_sigmoid(z); }
SLOPE(silu) { real s = real_sigmoid(z); return s * (1 + z * (1 - s)); }
CURVATURE(silu) { real s = real_sigmoid(z); return s * (1 - s) * (2 + z * (1 - 2 * s)); }

VALUE(hard_swish) { real inner = z > 3 ? z : z * (z + 3) * SIXTH; return z < -3 ? 0 : inner; }
SLOPE(hard_swish) { return z > 3 ? 1 : z > -3 ? (2 * z + 3) * SIXTH : 0; }
CURVATURE(hard_swish) { return (z > -3) & (z < 3) ? (real)1 / 3 : 0; }

/* tanh(softplus(z)) = n / (n + 2) with n = e (e + 2) and e = exp(z), which loses nothing by cancellation. */
static inline real mish_exp(real z) { return real_exp(z > SATURATED ? SATURATED : z); }

VALUE(mish) { real e = mish_exp(z), n = e * (e + 2); return z * (n / (n + 2)); }
SLOPE(mish)
{
    real e = mish_exp(z), n = e * (e + 2), inverse = 1 / (n + 2);
    return (n + z * (4 * e * (1 + e) * inverse)) * inverse;
}
CURVATURE(mish)
{
    real e = mish_exp(z), n = e * (e + 2), m = n + 2, s = e / (1 + e);
    return 4 * (n + 1) / (m * m) * s * (2 + z * (1 / (1 + e) - 2 * s * (n / m)));
}

/* log(1 + z) of a scaling layer, which has no row in the table */
VALUE(log1p_of) { return real_log1p(z); }
SLOPE(log1p_of) { return real_exp(-a); }
CURVATURE(log1p_of) { return -real_exp(-2 * a); }

/* z and a may be one array; delta is another. */
#define FACTORS (const real *z, const real *a, real *delta, ptrdiff_t n, real option)
#define VALUE_LOOP(f)                                                                                                  \
    LOOP_OVER(f##_values, (const real *z, real *a, ptrdiff_t n, real option), a[i] = f##_value(z[i], option))
#define SLOPE_LOOP(f) LOOP_OVER(f##_slopes, FACTORS, delta[i] *= f##_slope(z[i], a[i], option))
#define SLOPE_LOOPS(f)                                                                                                 \
    SLOPE_LOOP(f)                                                                                                      \
    LOOP_OVER(f##_curvatures, FACTORS, delta[i] *= f##_curvature(z[i], a[i], option))
#define STRAIGHT_LOOPS(f) VALUE_LOOP(f) SLOPE_LOOP(f)
#define LOOPS(f) VALUE_LOOP(f) SLOPE_LOOPS(f)

STRAIGHT_LOOPS(relu)
STRAIGHT_LOOPS(leaky_relu)
STRAIGHT_LOOPS(relu6)
STRAIGHT_LOOPS(hardtanh)
LOOPS(elu)
LOOPS(selu)
LOOPS(softplus)
LOOPS(sigmoid)
#if REAL_IS_FLOAT && defined(__AVX2__) && !defined(__AVX512F__)
/* In two loops: in a single one each vector is a chain of 15 operations, and a core has too few vectors in flight. */
LOOP_OVER(tanh_begins, (const real *z, ptrdiff_t n, real *t, real *half), t[i] = tanh_begin(z[i], half + i))
LOOP_OVER(tanh_ends, (const real *z, const real *t, const real *half, ptrdiff_t n, real *a),
    a[i] = tanh_end(z[i], t[i], half[i]))
static void tanh_values(const real *z, real *a, ptrdiff_t n, real option)
{
    real t[TANH_RUN] __attribute__((aligned(CACHE_LINE))), half[TANH_RUN] __attribute__((aligned(CACHE_LINE)));
    for (ptrdiff_t at = 0; at < n; at += TANH_RUN) {
        const ptrdiff_t count = n - at < TANH_RUN ? n - at : TANH_RUN;
        tanh_begins(z + at, count, t, half);
        tanh_ends(z + at, t, half, count, a + at);
    }
}
#else
VALUE_LOOP(tanh)
#endif
SLOPE_LOOPS(tanh)
LOOPS(gelu)
LOOPS(silu)
LOOPS(hard_swish)
LOOPS(mish)
LOOPS(log1p_of)

enum { MAX_KINKS = 2 };

typedef struct {
    const char *name;
    void (*values)(const real *z, real *a, ptrdiff_t n, real option);      /* a = f(z); NULL: a = z */
    void (*multiply_slopes) FACTORS;                                       /* delta *= f'(z); NULL: by 1 */
    void (*multiply_curvatures) FACTORS;                                   /* delta *= f''(z); NULL: by 0 */
    int n_all_kinks;
    real all_kinks[MAX_KINKS]; /* where the slope or only the curvature jumps, ascending */
    int straight;            /* whether it is made of straight pieces */
    int smooth;              /* whether the slope jumps at none of them */
    int keeps_input;         /* whether slope or curvature need z */
    int keeps_input_below_0; /* whether they do where its parameter is below 0, so that f maps two z to one a */
    int exact;               /* whether f is free of roundoff */
    int dies;                /* whether the slope is 0 wherever a is 0 */
    int cancels;             /* whether f loses what z has: its roundoff is relative to z */
    real option;             /* the default of its parameter */
} Activation;

#define STRAIGHT(f) #f, f##_values, f##_slopes, NULL
#define CURVED(f) #f, f##_values, f##_slopes, f##_curvatures

static const Activation ACTIVATIONS[] = {
    {"identity", NULL, NULL, NULL, .straight = 1, .exact = 1},
    {STRAIGHT(relu), 1, {0}, .straight = 1, .exact = 1, .dies = 1},
    {STRAIGHT(leaky_relu), 1, {0}, .straight = 1, .keeps_input_below_0 = 1, .option = 0.01},
    {CURVED(elu), 1, {0}, .smooth = 1},
    {CURVED(selu), 1, {0}},
    {CURVED(softplus), .keeps_input = 1},
    {CURVED(sigmoid)},
    {CURVED(tanh)},
    {CURVED(gelu), .keeps_input = 1, .cancels = 1},
    {CURVED(silu), .keeps_input = 1},
    {STRAIGHT(relu6), 2, {0, 6}, .straight = 1, .exact = 1, .dies = 1},
    {STRAIGHT(hardtanh), 2, {-1, 1}, .straight = 1, .exact = 1},
    {CURVED(hard_swish), 2, {-3, 3}, .keeps_input = 1, .cancels = 1},
    {CURVED(mish), .keeps_input = 1},
};
enum { N_ACTIVATIONS = sizeof ACTIVATIONS / sizeof *ACTIVATIONS };

/* That of a layer which has none of its own. */
#define IDENTITY (&ACTIVATIONS[0])

/* What a log(1 + x) layer does to its inputs; it is none that a dense layer takes. */
static const Activation LOG1P_OF = {CURVED(log1p_of)};

#undef VALUE
#undef SLOPE
#undef CURVATURE
#undef FACTORS
#undef STRAIGHT_LOOPS
#undef VALUE_LOOP
#undef SLOPE_LOOP
#undef SLOPE_LOOPS
#undef LOOPS
#undef STRAIGHT
#undef CURVED
#endif
