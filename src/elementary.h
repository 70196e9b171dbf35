/* Branch-free exp, log, tanh and their kin on one `real`.

Design
------
- Straight-line code: arithmetic, bit operations on the representation, and conditional expressions that
  become masks. So a plain loop over any of these functions vectorizes on every instruction set, the oldest
  included, and a lane's result depends on its argument alone.
- One body for both precisions. They differ in their constants and in the degree of four polynomials, the
  tables below.
- exp and expm1: x = n ln 2 + r, n to nearest by adding 1.5 * 2^MANTISSA, a polynomial in r, the exponent
  put in by integer addition (Cody and Waite 1980; Tang 1989).
- tanh and sigmoid: with R(r^2) = r coth(r/2), exp(r) = (R + r) / (R - r). Both are ratios in exp, so they need
  half a polynomial and the division that they would need anyway.
- log: x = 2^k (1 + f), log(1 + f) = 2 atanh(f / (2 + f)) (Tang 1990). log1p scales its argument rather than
  1 + x, which has lost digits, and so needs no correction term.
- erf(x) = -expm1(-x (1 + G(x))): G is smooth, and an error of G matters ever less as x grows, so one
  polynomial serves the whole line.
- The polynomials are minimax in the relative error of the function they serve (Remez 1934).
- Results of exp and softplus, and of sigmoid, below the smallest normal number are zero: subnormal activations
  would only slow the products that they enter. Everything else is gradual; signed zeros, infinities and NaN
  come out as in the C library.

Worst error found, in ulp:

              exp   expm1  log   log1p  tanh  sigmoid  softplus  erf
    float     @@
    double    @@
*/
#ifndef GDCORE_ELEMENTARY_H
#define GDCORE_ELEMENTARY_H

#include <float.h>
#include <math.h>
#include "real.h"

#if REAL_IS_FLOAT
typedef uint32_t word;
#define PICK(f, d) f
#else
typedef uint64_t word;
#define PICK(f, d) d
#endif

enum { MANTISSA = PICK(23, 52), BIAS = PICK(127, 1023) };
#define ONE_BITS ((word)BIAS << MANTISSA)
#define SQRT_HALF_BITS PICK(0x3f3504f3u, 0x3fe6a09e667f3bcdu)
#define SMALLEST_NORMAL PICK(FLT_MIN, DBL_MIN)
#define FABS PICK(fabsf, fabs)
#define COPYSIGN PICK(copysignf, copysign)

static const real ROUND = PICK(12582912.0, 6755399441055744.0);      /* 1.5 * 2^MANTISSA */
static const real POWER = PICK(8388608.0, 4503599627370496.0);       /* 2^MANTISSA */
static const real LOG2_E = 1.4426950408889634;
static const real LN2_HIGH = PICK(0.693145751953125, 0.6931471805598903); /* n * LN2_HIGH is exact */
static const real LN2_LOW = PICK(1.4286068203e-06, 5.497923018708371e-14);
static const real SQRT2_LESS_1 = 0.41421356237309503;
static const real HALF = 0.5;

static const real EXP_HIGH = PICK(88.72283, 709.782712893384);       /* exp is finite up to here */
static const real EXP_LOW = PICK(-87.33654, -708.3964185322641);     /* exp is normal down to here */
static const real SATURATED = PICK(20, 40);                          /* exp(-SATURATED) << epsilon */
static const real ERF_SATURATED = PICK(3.95, 5.93);                  /* erf is 1 from here on */

/* (expm1(r) - r) / r^2, |r| <= ln 2 / 2 */
static const real EXP[] = {
#if REAL_IS_FLOAT
    0.5, 0.16666548, 0.0416668542, 0.00836606603, 0.00138982001
#else
    0.5, 0.16666666666666602, 0.041666666666619813, 0.0083333333333890959, 0.0013888888920593782,
    0.00019841269707951344, 2.4801516223905113e-05, 2.7557426129792943e-06, 2.7622282745335443e-07,
    2.504563671749663e-08
#endif
};
/* (r coth(r/2) - 2) / z, z = r^2 */
static const real COTH[] = {
#if REAL_IS_FLOAT
    0.166666254, -0.0027667447
#else
    0.16666666666666602, -0.0027777777777012753, 6.6137563206821736e-05, -1.6533901389714038e-06,
    4.1381062538083137e-08
#endif
};
/* (2 atanh(s) / s - 2) / z, z = s^2, |s| <= (sqrt 2 - 1)^2 */
static const real LOG[] = {
#if REAL_IS_FLOAT
    0.666667759, 0.399775177, 0.298724145
#else
    0.66666666666667351, 0.39999999999412833, 0.28571428742840499, 0.22222198522899028, 0.181835671212735,
    0.1531397468127198, 0.14796750248431051
#endif
};
/* -log(1 - erf(x)) / x - 1, 0 <= x <= ERF_SATURATED */
static const real ERF[] = {
#if REAL_IS_FLOAT
    0.128379211, 0.636616468, 0.102814414, -0.0193217173, 0.000205719043, 0.00125174294, -0.000380998914,
    4.07076441e-05
#else
    0.1283791670955125, 0.63661977236761158, 0.10277260330005887, -0.019128446963043454,
    -0.00020919523049265948, 0.0016962105309491445, -0.00059014681638735642, 2.5955214477208483e-05,
    6.4289998409346728e-05, -2.9323521442739526e-05, 2.795843111176554e-06, 3.5647055866179644e-06,
    -2.4298130023787897e-06, 8.5372364328260405e-07, -1.7409663890139013e-07, 8.3715469772749696e-09,
    7.7827177653975116e-09, -3.1532736728730942e-09, 6.8113656577388783e-10, -9.548945428734319e-11,
    8.7218317942662821e-12, -4.7553530357600329e-13, 1.1801421150049331e-14
#endif
};

#define POLYNOMIAL(x, c) horner(x, c, sizeof(c) / sizeof(real))

static inline real horner(real x, const real *c, size_t n)
{
    real y = c[n - 1];
#pragma GCC unroll 32
    for (size_t i = n - 1; i-- > 0;)
        y = y * x + c[i];
    return y;
}

static inline word to_bits(real x) { union { real x; word bits; } u = {.x = x}; return u.bits; }
static inline real from_bits(word bits) { union { word bits; real x; } u = {.bits = bits}; return u.x; }

/* x = n ln 2 + r: returns r, and n where the representation keeps its exponent. */
static inline real reduce(real x, word *exponent)
{
    real rounded = x * LOG2_E + ROUND;
    real n = rounded - ROUND;
    *exponent = to_bits(rounded) << MANTISSA;
    return (x - n * LN2_HIGH) - n * LN2_LOW;
}

static inline real real_exp(real x)
{
    word exponent;
    real r = reduce(x, &exponent);
    real p = 1 + r * (1 + r * POLYNOMIAL(r, EXP));
    real y = from_bits(to_bits(p) + exponent);
    y = x < EXP_LOW ? 0 : y;
    return x <= EXP_HIGH ? y : x + INFINITY;   /* the sum keeps NaN */
}

/* expm1 for -2 SATURATED <= x <= EXP_HIGH. Half of 2^n, because 2^n overflows before expm1 does. */
static inline real expm1_bounded(real x)
{
    word exponent;
    real r = reduce(x, &exponent);
    real q = r + r * r * POLYNOMIAL(r, EXP);
    real half = from_bits(exponent + ONE_BITS - ((word)1 << MANTISSA));
    return 2 * (half * q + (half - HALF));
}

static inline real real_expm1(real x)
{
    real y = expm1_bounded(x > -SATURATED ? x : -SATURATED);
    return COPYSIGN(x <= EXP_HIGH ? y : x + INFINITY, x);
}

static inline real real_erf(real x)
{
    real a = FABS(x);
    a = a > ERF_SATURATED ? ERF_SATURATED : a;   /* in this order NaN stays */
    return COPYSIGN(expm1_bounded(-(a + a * POLYNOMIAL(a, ERF))), x);
}

/* exp(x) = scale (R + r) / (R - r): returns R. */
static inline real exp_ratio(real x, real *r, real *scale)
{
    word exponent;
    *r = reduce(x, &exponent);
    *scale = from_bits(exponent + ONE_BITS);
    real z = *r * *r;
    return 2 + z * POLYNOMIAL(z, COTH);
}

static inline real real_tanh(real x)
{
    real r, scale, a = 2 * FABS(x);
    real R = exp_ratio(a > SATURATED ? SATURATED : a, &r, &scale);
    real y = ((scale - 1) * R + (scale + 1) * r) / ((scale + 1) * R + (scale - 1) * r);
    return COPYSIGN(y, x);
}

static inline real real_sigmoid(real x)
{
    real r, scale;
    real R = exp_ratio(x > SATURATED ? SATURATED : x, &r, &scale);
    real e = scale * (R + r);
    return x < EXP_LOW ? 0 : e / (e + (R - r));
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
    real y = log_sum(k, from_bits(mantissa + SQRT_HALF_BITS) - 1);
    y = x < INFINITY ? y : INFINITY;
    return x > 0 ? y : x == 0 ? -INFINITY : NAN;
}

static inline real real_log1p(real x)
{
    word mantissa, k = split(1 + x, &mantissa);
    real scale = from_bits((2 * BIAS + 2 - k) << MANTISSA);   /* 4 / 2^k: 1 / 2^k would underflow */
    real y = log_sum(unbias(k), (scale * x + (scale - 4)) / 4);
    y = x < INFINITY ? y : INFINITY;
    return x > -1 ? COPYSIGN(y, x) : x == -1 ? -INFINITY : NAN;
}

static inline real real_softplus(real x)
{
    real e = real_exp(-FABS(x));
    real y = e > SQRT2_LESS_1 ? log_sum(1, (e - 1) / 2) : log_sum(0, e);
    return (x > 0 ? x : 0) + y;
}

/* The functions over arrays; x and y may be one array. */
#define ELEMENTARY_FUNCTIONS(F) F(exp) F(expm1) F(log) F(log1p) F(tanh) F(sigmoid) F(softplus) F(erf)

#define LOOP(name)                                                        \
    static void name##_loop(const real *x, real *y, ptrdiff_t n)          \
    {                                                                     \
        _Pragma("GCC ivdep")                                              \
        for (ptrdiff_t i = 0; i < n; i++)                                 \
            y[i] = real_##name(x[i]);                                     \
    }
#define ROW(name) {#name, name##_loop},

ELEMENTARY_FUNCTIONS(LOOP)

static const struct elementary {
    const char *name;
    void (*loop)(const real *x, real *y, ptrdiff_t n);
} ELEMENTARY_TABLE[] = {ELEMENTARY_FUNCTIONS(ROW)};

enum { ELEMENTARY_COUNT = sizeof ELEMENTARY_TABLE / sizeof *ELEMENTARY_TABLE };

#undef LOOP
#undef ROW

#endif
