/* Branch-free exp, log, tanh and their kin on one `real`.

Design
------
- Straight-line code: arithmetic, operations on the bits of the representation, and conditional expressions
  that become masks. So a plain loop over any of these functions vectorizes on every instruction set, the
  oldest included.
- One body for both precisions, which differ in constants, in the degree of three polynomials, in tanh and in softplus.
- exp, expm1: x = n ln 2 + r, n to nearest by adding 1.5 * 2^MANTISSA; a polynomial in r; n goes into the
  exponent by integer arithmetic (Cody and Waite 1980; Tang 1989).
- tanh is reduced itself, |x| = n ln 2 / 2 + r: with s = 2^n and t = tanh(r), a polynomial, the addition theorem gives
  A / B = ((s - 1) + t (s + 1)) / ((s + 1) + t (s - 1)). In double that would be beyond 2 ulp, so there it is
  K + (A - K B) / B with K = 1 - 1 / s, which is near it: the quotient is small beside K, and so are its errors.
- sigmoid(x) = 1 / (1 + exp(-x)): one division. softplus(x) = max(x, 0) + log1p(e) with e = exp(-|x|) <= 1. In float,
  a polynomial serves for that log1p; in double it would be beyond 2 ulp.
- log: x = 2^k (1 + f), log(1 + f) = 2 atanh(f / (2 + f)) (Tang 1990). log1p takes f from x, not from 1 + x,
  which has lost digits.
- erf(x) = -expm1(-x (1 + G(x))): G is smooth, and its error matters ever less as x grows, so that one
  polynomial serves the whole line.
- The polynomials are minimax in the relative error of the function they serve (Remez 1934).
- exp, sigmoid and softplus return zero instead of a subnormal number, which would only slow the products
  that follow. The other functions underflow gradually. Signed zeros, infinities and NaN are the C library's.

Worst error found, in ulp (float: over every argument; double: over random ones), any instruction set:

              exp   expm1  log   log1p  tanh  sigmoid  softplus  erf
    float     1.3   1.4    0.9   1.5    3.1   1.9      2.3       2.6
    double    1.3   1.9    0.9   1.5    1.6   1.9      1.9       2.0
*/
#ifndef GDCORE_ELEMENTARY_H
#define GDCORE_ELEMENTARY_H

#include <float.h>
#include <math.h>
#include "machine/real.h"

#if REAL_IS_FLOAT
#define PICK(f, d) f
#else
#define PICK(f, d) d
#endif

typedef PICK(uint32_t, uint64_t) word;
enum { MANTISSA = PICK(23, 52), BIAS = PICK(127, 1023) };
#define ONE_BITS ((word)BIAS << MANTISSA)
#define HALF_BITS ((word)(BIAS - 1) << MANTISSA)
#define SQRT_HALF_BITS PICK(0x3f3504f3u, 0x3fe6a09e667f3bcdu)
#define SMALLEST_NORMAL PICK(FLT_MIN, DBL_MIN)
#define SIGN_BIT ((word)1 << (sizeof(real) * 8 - 1))
#define COPYSIGN PICK(copysignf, copysign)

static const real ROUND = PICK(12582912.0, 6755399441055744.0);      /* 1.5 * 2^MANTISSA */
static const real ROUND_HALF = PICK(12583038.0, 6755399441056766.0); /* ROUND + BIAS - 1: the exponent of 1/2 below */
static const real POWER = PICK(8388608.0, 4503599627370496.0);       /* 2^MANTISSA */
static const real LOG2_E = 1.4426950408889634;
static const real LN2_HIGH = PICK(0.693145751953125, 0.6931471805598903);  /* n * LN2_HIGH is exact */
static const real LN2_LOW = PICK(1.4286068203e-06, 5.497923018708371e-14);
static const real HALF = 0.5;
static const real EXP_HIGH = PICK(88.72283, 709.782712893384);       /* exp is finite up to here */
static const real EXP_LOW = PICK(-87.33654, -708.3964185322641);     /* exp is normal down to here */
static const real SATURATED = PICK(20, 40);                          /* exp(-SATURATED) << epsilon */
static const real ERF_SATURATED = PICK(3.95, 5.93);                  /* erf is 1 from here on */

/* EXP: (expm1(r) - r) / r^2 for |r| <= ln 2 / 2
 * LOG: (2 atanh(s) / s - 2) / z, z = s^2, for |s| <= (sqrt 2 - 1)^2
 * ERF: -log(1 - erf(x)) / x - 1 for 0 <= x <= ERF_SATURATED
 * LOG1P: (log(1 + x) - x) / x^2 for 0 <= x <= 1, in powers of x - 1/2 */
#if REAL_IS_FLOAT
static const real EXP[] = {0.5, 0.16666548, 0.0416668542, 0.00836606603, 0.00138982001};
static const real LOG[] = {0.666667759, 0.399775177, 0.298724145};
static const real ERF[] = {
    0.128379211, 0.636616468, 0.102814414, -0.0193217173, 0.000205719043, 0.00125174294, -0.000380998914,
    4.07076441e-05
};
static const real LOG1P[] = {
    -0.378139559, 0.179224886, -0.0932318562, 0.0510890604, -0.028904999, 0.0166569718, -0.0101776925, 0.0069307368,
    -0.00331852887
};
#else
static const real EXP[] = {
    0.5, 0.16666666666666602, 0.041666666666619813, 0.0083333333333890959, 0.0013888888920593782,
    0.00019841269707951344, 2.4801516223905113e-05, 2.7557426129792943e-06, 2.7622282745335443e-07,
    2.504563671749663e-08
};
static const real LOG[] = {
    0.66666666666667351, 0.39999999999412833, 0.28571428742840499, 0.22222198522899028, 0.181835671212735,
    0.1531397468127198, 0.14796750248431051
};
static const real ERF[] = {
    0.12837916709551256, 0.6366197723675836, 0.10277260330178876, -0.019128447005070381,
    -0.00020919469484114057, 0.0016962063857276046, -0.00059012555276843838, 2.5878603696131397e-05,
    6.4491862751452544e-05, -2.9724050700720256e-05, 3.4072736493155066e-06, 2.8351291155377241e-06,
    -1.7415359029063684e-06, 3.3635537118628231e-07, 1.3718788735403993e-07, -1.4176477267424341e-07,
    6.5734585837490647e-08, -2.0962994375845514e-08, 4.9977902528384095e-09, -9.0823998525677733e-10,
    1.248437093459291e-10, -1.2611323321405911e-11, 8.8458464805016618e-13, -3.8506686814681296e-14,
    7.8345326985063939e-16
};
#endif

#define POLYNOMIAL(x, c) polynomial(x, c, sizeof(c) / sizeof(real))

static inline real horner(real x, const real *c, int n, int stride)
{
    real y = c[(n - 1) * stride];
    UNROLL(32)
    for (int i = n - 2; i >= 0; i--)
        y = y * x + c[i * stride];
    return y;
}

/* A long chain would wait for itself: even and odd powers apart. */
static inline real polynomial(real x, const real *c, int n)
{
    real z = x * x;
    return n < 8 ? horner(x, c, n, 1) : horner(z, c, (n + 1) / 2, 2) + x * horner(z, c + 1, n / 2, 2);
}

static inline word to_bits(real x) { union { real x; word bits; } u = {.x = x}; return u.bits; }
static inline real from_bits(word bits) { union { word bits; real x; } u = {.bits = bits}; return u.x; }

/* y >= 0 with the sign of x: one operation less than where y has a sign to be cleared. */
static inline real with_sign(real y, real x) { return from_bits(to_bits(y) | (to_bits(x) & SIGN_BIT)); }

/* x = n ln 2 + r: returns r, and n plus the low bits of `round` where the representation keeps its exponent. */
static inline real reduce(real x, real round, word *exponent)
{
    real rounded = x * LOG2_E + round;
    real n = rounded - round;
    *exponent = to_bits(rounded) << MANTISSA;
    return (x - n * LN2_HIGH) - n * LN2_LOW;
}

/* exp(x) for EXP_LOW <= x <= EXP_HIGH; elsewhere, and for NaN, any number */
static inline real exp_bounded(real x)
{
    word exponent;
    real r = reduce(x, ROUND, &exponent);
    real p = 1 + r * (1 + r * POLYNOMIAL(r, EXP));
    return from_bits(to_bits(p) + exponent);
}

static inline real real_exp(real x)
{
    real y = x < EXP_LOW ? 0 : exp_bounded(x);   /* one ?: inside the other would be slower */
    return x <= EXP_HIGH ? y : x + INFINITY;     /* the sum keeps NaN */
}

/* expm1(x) / 2 = returned + *high for -SATURATED <= x <= EXP_HIGH; *high is exact for n = 0 and n = 1.
 * Halved, because 2^n overflows before expm1 does. */
static inline real half_expm1(real x, real *high)
{
    word exponent;
    real r = reduce(x, ROUND_HALF, &exponent), half = from_bits(exponent);
    *high = half * r + (half - HALF);
    return half * (r * r * POLYNOMIAL(r, EXP));
}

static inline real real_expm1(real x)
{
    real high, low = half_expm1(x, &high);
    real y = x < -SATURATED ? -1 : 2 * (high + low);
    return COPYSIGN(x <= EXP_HIGH ? y : x + INFINITY, x);
}

/* expm1(x) for x < 0; elsewhere any number */
static inline real expm1_below_0(real x)
{
    real high, low = half_expm1(x < -SATURATED ? -SATURATED : x, &high);
    return 2 * (high + low);
}

#if REAL_IS_FLOAT
static const real HALF_LN2 = 0.34657359027997264;    /* rounded: n * HALF_LN2 is exact enough */

/* tanh(r) = r + r^3 (TANH[0] + TANH[1] r^2) for |r| <= ln 2 / 4 */
static const real TANH[] = {-0.333327234, 0.131647751};

/* tanh is 1 from here on. GCC would compute both sides of a comparison with a constant to the end, and choose there.
 * With a number that it does not know, as here without -flto, it takes a minimum, which is one operation. */
__attribute__((visibility("hidden"))) real tanh_limit = 10;

/* Two halves: returns t = tanh(r), and s / 2. */
static inline real tanh_begin(real x, real *half)
{
    real a = real_abs(x), clipped = tanh_limit < a ? tanh_limit : a;
    real rounded = clipped * (2 * LOG2_E) + ROUND_HALF, r = clipped - (rounded - ROUND_HALF) * HALF_LN2, z = r * r;
    *half = from_bits(to_bits(rounded) << MANTISSA);
    return r + r * z * (TANH[0] + TANH[1] * z);
}

/* tanh(x) from what `tanh_begin` has found */
static inline real tanh_end(real x, real t, real half)
{
    return with_sign(((half - HALF) + t * (half + HALF)) / ((half + HALF) + t * (half - HALF)), x);
}

static inline real real_tanh(real x)
{
    real half, t = tanh_begin(x, &half);
    return tanh_end(x, t, half);
}
#else
/* tanh(r) = r + r^3 P(r^2) for |r| <= 0.2601 */
static const real TANH[] = {
    -0.33333333333332415, 0.1333333333298626, -0.053968253524318958, 0.021869461579130465, -0.0088623581300626741,
    0.003576364840735763, -0.0013074639453496267
};

/* n is rounded up from 3/4 on, so that n = 0 serves up to tanh(x) = 1/4, below which the quotient's errors would count.
 * Numerator and denominator are divided by s. */
static inline real real_tanh(real x)
{
    real a = real_abs(x), rounded = (a * (2 * LOG2_E) - (real)0.25) + ROUND, n = rounded - ROUND;
    real r = (a - n * (LN2_HIGH / 2)) - n * (LN2_LOW / 2), z = r * r, t = r + r * z * horner(z, TANH, 7, 1);
    real inverse = from_bits(ONE_BITS - (to_bits(rounded) << MANTISSA)), K = 1 - inverse;
    real q = K + inverse * (t * (K + 2) - K) / ((1 + inverse) + t * K);
    return with_sign(a > SATURATED / 2 ? 1 : q, x);
}
#endif

static inline real real_sigmoid(real x)
{
    word exponent;
    real r = reduce(-x, ROUND_HALF, &exponent), half = from_bits(exponent);
    real sum = half + HALF, lost = HALF - (sum - half);   /* lost where half >> 1 */
    real y = HALF / (sum + (half * (r + r * r * POLYNOMIAL(r, EXP)) + lost));
    y = x < EXP_LOW ? 0 : y;
    return x > SATURATED ? 1 : y;
}

static inline real real_erf(real x)
{
    real a = real_abs(x);
    real high, low = half_expm1(-(a + a * POLYNOMIAL(a, ERF)), &high);
    return COPYSIGN(a > ERF_SATURATED ? 1 : 2 * (high + low), x);
}

/* k ln 2 + log(1 + f), sqrt(1/2) <= 1 + f <= sqrt 2 */
static inline real log_sum(real k, real f)
{
    real s = f / (2 + f), z = s * s, h = f * f / 2;
    return k * LN2_HIGH + (f - (h - (s * (h + z * POLYNOMIAL(z, LOG)) + k * LN2_LOW)));
}

/* x = 2^k m, sqrt(1/2) <= m < sqrt 2: returns k + BIAS in the low bits, m's mantissa bits above SQRT_HALF. */
static inline word split(real x, word *mantissa)
{
    word shifted = to_bits(x) + (ONE_BITS - SQRT_HALF_BITS);
    *mantissa = shifted & (((word)1 << MANTISSA) - 1);
    return shifted >> MANTISSA;
}

/* k from k + BIAS; older instruction sets do not convert 64-bit integers */
static inline real unbias(word k) { return from_bits(k | to_bits(POWER)) - (POWER + BIAS); }

static inline real real_log(real x)
{
    word mantissa;
    real scaled = x < SMALLEST_NORMAL ? x * POWER : x;
    real k = unbias(split(scaled, &mantissa)) - (x < SMALLEST_NORMAL ? MANTISSA : 0);
    real y = x < INFINITY ? log_sum(k, from_bits(mantissa + SQRT_HALF_BITS) - 1) : INFINITY;
    return x > 0 ? y : x == 0 ? -INFINITY : NAN;
}

/* log(1 + x) for finite x > -1 */
static inline real log1p_bounded(real x)
{
    word mantissa, k = split(1 + x, &mantissa);
    real scale = from_bits((2 * BIAS + 2 - k) << MANTISSA);   /* 4 / 2^k: 1 / 2^k would underflow */
    return log_sum(unbias(k), (scale * x + (scale - 4)) / 4);
}

static inline real real_log1p(real x)
{
    real y = x < INFINITY ? log1p_bounded(x) : INFINITY;
    return x > -1 ? COPYSIGN(y, x) : x == -1 ? -INFINITY : NAN;
}

/* log(1 + x) for 0 <= x <= 1 */
static inline real log1p_of_share(real x)
{
#if REAL_IS_FLOAT
    return x + x * (x * POLYNOMIAL(x - HALF, LOG1P));
#else
    return log1p_bounded(x);
#endif
}

static inline real real_softplus(real x)
{
    real a = real_abs(x), y = log1p_of_share(exp_bounded(-a));
    return (x < 0 ? 0 : x) + (a > -EXP_LOW ? 0 : y);   /* in this order NaN stays */
}

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* A function that is one loop over n numbers; arrays may be the same, but do not overlap otherwise. */
#define LOOP_OVER(name, arguments, statement)   \
    static void name arguments                  \
    {                                           \
        INDEPENDENT                             \
        for (ptrdiff_t i = 0; i < n; i++)       \
            statement;                          \
    }

/* The functions over arrays; x and y may be one array. */
#define ELEMENTARY_FUNCTIONS(F) F(exp) F(expm1) F(log) F(log1p) F(tanh) F(sigmoid) F(softplus) F(erf)

#define LOOP(name) LOOP_OVER(name##_loop, (const real *x, real *y, ptrdiff_t n), y[i] = real_##name(x[i]))
ELEMENTARY_FUNCTIONS(LOOP)

#define ROW(name) {#name, name##_loop},

static const struct elementary {
    const char *name;
    void (*loop)(const real *x, real *y, ptrdiff_t n);
} ELEMENTARY_TABLE[] = {ELEMENTARY_FUNCTIONS(ROW)};

enum { ELEMENTARY_COUNT = sizeof ELEMENTARY_TABLE / sizeof *ELEMENTARY_TABLE };

#endif
