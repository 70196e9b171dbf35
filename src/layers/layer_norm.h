/* A row's normalization and its derivative.
 *
 * Design
 * ------
 * - Mean and variance are two passes in double, in eight running sums: a row's bits depend on nothing but the row.
 * - Numbers are taken relative to the row's first one. So a row of one number throughout has variance 0 exactly, and
 *   float32 loses nothing to a large offset.
 * - A double whose square overflows is scaled down by a power of two first; eps is nothing beside it.
 * - Where rows lie in the lanes, a vector of doubles takes as many rows at once, each with the sums and the bits that it
 *   has alone.
 */
#ifndef GDCORE_LAYER_NORM_H
#define GDCORE_LAYER_NORM_H

#include "machine/elementary.h"
#include "machine/parts.h"
#include "machine/vector.h"

enum { NORM_PARTS = 8, WIDE = VECTOR_BYTES / sizeof(double) };
#define NORM_SMALL 0x1p-600    /* times any double: a number whose square is finite */

/* Rows that lie in the lanes: their numbers, as they stand and as doubles. */
typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
typedef real narrow __attribute__((vector_size(WIDE * sizeof(real)), aligned(sizeof(real)), may_alias));
#define WIDENED(x) __builtin_convertvector(*(const narrow *)(x), wide)
#define NARROWED(x) __builtin_convertvector(x, narrow)

/* The sum of n terms of the index i, doubles or vectors of them, in eight running sums. */
#define NORM_SUM(type, total, n, term)                                  \
    do {                                                                \
        type part[NORM_PARTS];                                          \
        ptrdiff_t i, begin = 0;                                         \
        UNROLL(8)                                                       \
        for (int k = 0; k < NORM_PARTS; k++)                            \
            part[k] = (type){0};                                        \
        for (; begin + NORM_PARTS <= n; begin += NORM_PARTS)            \
            UNROLL(8)                                                   \
            for (int k = 0; k < NORM_PARTS; k++) {                      \
                i = begin + k;                                          \
                part[k] += (term);                                      \
            }                                                           \
        UNROLL(8)                                                       \
        for (int k = 0; k < NORM_PARTS; k++) {                          \
            i = begin + k;                                              \
            if (i < n)                                                  \
                part[k] += (term);                                      \
        }                                                               \
        total = EIGHT_PARTS(part);                                      \
    } while (0)

static inline double scaled_norm(ptrdiff_t n, const real *restrict x, double scale, double eps, double *mean)
{
    const double first = (double)x[0] * scale;
    double total;
    NORM_SUM(double, total, n, (double)x[i] * scale - first);
    *mean = total / n;
    NORM_SUM(double, total, n, ((double)x[i] * scale - first - *mean) * ((double)x[i] * scale - first - *mean));
    return total / n + eps * scale * scale;
}

/* Write unit = (x - mean) / sqrt(variance + eps), n numbers, and return 1 / sqrt(variance + eps). */
static __attribute__((noinline)) double norm_row(ptrdiff_t n, const real *restrict x, double eps, real *restrict unit)
{
    double mean, scale = 1, variance = scaled_norm(n, x, 1, eps, &mean);
    if (!(variance <= DBL_MAX)) {
        scale = NORM_SMALL;
        variance = scaled_norm(n, x, scale, eps, &mean);
    }
    const double first = (double)x[0] * scale, inverse = 1 / __builtin_sqrt(variance);
    for (ptrdiff_t i = 0; i < n; i++)
        unit[i] = (real)(((double)x[i] * scale - first - mean) * inverse);
    return scale * inverse;
}

/* a = unit * gain + bias, n numbers */
static inline void norm_output(
    ptrdiff_t n, const real *restrict unit, const real *restrict gain, const real *restrict bias, real *restrict a)
{
    for (ptrdiff_t i = 0; i < n; i++)
        a[i] = unit[i] * gain[i] + bias[i];
}

/* before = d loss / d x of delta = d loss / d a, n numbers: with g = delta gain,
 * inverse * (g - mean(g) - unit * mean(g unit)) */
static __attribute__((noinline)) void norm_back(
    ptrdiff_t n, const real *restrict delta, const real *restrict unit, const real *restrict gain, double inverse,
    real *restrict before)
{
    double mean, along;
    NORM_SUM(double, mean, n, (double)delta[i] * gain[i]);
    NORM_SUM(double, along, n, (double)delta[i] * gain[i] * unit[i]);
    mean /= n;
    along /= n;
    for (ptrdiff_t i = 0; i < n; i++)
        before[i] = (real)(inverse * ((double)delta[i] * gain[i] - mean - unit[i] * along));
}

/* gain += the sum of delta * unit over rows, n columns */
static __attribute__((noinline)) void add_gain(
    ptrdiff_t rows, ptrdiff_t n, const real *restrict delta, ptrdiff_t delta_row, const real *restrict unit,
    ptrdiff_t unit_row, real *restrict gain)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t i = 0; i < n; i++)
            gain[i] += delta[r * delta_row + i] * unit[r * unit_row + i];
}

/* What scaled_norm gives for each of WIDE rows in the lanes, x (n, lead). */
static inline wide scaled_norms(ptrdiff_t n, ptrdiff_t lead, const real *restrict x, wide scale, double eps, wide *mean)
{
    const wide first = WIDENED(x) * scale;
    wide total;
    NORM_SUM(wide, total, n, WIDENED(x + i * lead) * scale - first);
    const wide found = total / (double)n;
#define CENTRED (WIDENED(x + i * lead) * scale - first - found)
    NORM_SUM(wide, total, n, CENTRED * CENTRED);
#undef CENTRED
    *mean = found;
    return total / (double)n + eps * scale * scale;
}

/* norm_row of rows in the lanes, x and unit (n, lead); 1 / sqrt(variance + eps) stands behind unit, as row n. */
static __attribute__((noinline)) void norm_lanes(
    ptrdiff_t n, ptrdiff_t rows, ptrdiff_t lead, const real *restrict x, double eps, real *restrict unit)
{
    for (ptrdiff_t at = 0; at < rows; at += WIDE, x += WIDE, unit += WIDE) {
        wide scale = (wide){0} + 1, inverse, mean, variance = scaled_norms(n, lead, x, scale, eps, &mean);
        int small = 1;
        for (int q = 0; q < WIDE; q++)
            small &= variance[q] <= DBL_MAX;
        if (!small) {
            for (int q = 0; q < WIDE; q++)
                scale[q] = variance[q] <= DBL_MAX ? 1 : NORM_SMALL;
            variance = scaled_norms(n, lead, x, scale, eps, &mean);
        }
        for (int q = 0; q < WIDE; q++)
            inverse[q] = 1 / __builtin_sqrt(variance[q]);
        const wide first = WIDENED(x) * scale;
        for (ptrdiff_t i = 0; i < n; i++)
            *(narrow *)(unit + i * lead) = NARROWED((WIDENED(x + i * lead) * scale - first - mean) * inverse);
        *(narrow *)(unit + n * lead) = NARROWED(scale * inverse);
    }
}

/* norm_output of rows in the lanes, unit and a (n, lead) */
static void norm_outputs(
    ptrdiff_t n, ptrdiff_t rows, ptrdiff_t lead, const real *restrict unit, const real *restrict gain,
    const real *restrict bias, real *restrict a)
{
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t r = 0; r < rows; r += LANES)
            *(vector *)(a + i * lead + r) = *(const vector *)(unit + i * lead + r) * gain[i] + bias[i];
}

/* norm_back of rows in the lanes, delta, unit and before (n, lead) */
static __attribute__((noinline)) void norm_backs(
    ptrdiff_t n, ptrdiff_t rows, ptrdiff_t lead, const real *restrict delta, const real *restrict unit,
    const real *restrict gain, real *restrict before)
{
    for (ptrdiff_t at = 0; at < rows; at += WIDE, delta += WIDE, unit += WIDE, before += WIDE) {
        const wide inverse = WIDENED(unit + n * lead);
        wide mean, along;
        NORM_SUM(wide, mean, n, WIDENED(delta + i * lead) * (double)gain[i]);
        NORM_SUM(wide, along, n, WIDENED(delta + i * lead) * (double)gain[i] * WIDENED(unit + i * lead));
        mean /= (double)n;
        along /= (double)n;
        for (ptrdiff_t i = 0; i < n; i++) {
            const wide g = WIDENED(delta + i * lead) * (double)gain[i];
            *(narrow *)(before + i * lead) = NARROWED(inverse * (g - mean - WIDENED(unit + i * lead) * along));
        }
    }
}

/* gain = or += the sum of delta * unit over rows in the lanes, delta and unit (n, lead); unit NULL: of delta alone.
 * What stands behind the rows is masked out. */
static void sum_lanes(
    ptrdiff_t n, ptrdiff_t rows, ptrdiff_t lead, const real *delta, const real *unit, int adds, real *gain)
{
    const ptrdiff_t last = (rows - 1) / LANES * LANES;
    const lanes some = lanes_below(rows - last);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const int count = n - i < LANES ? (int)(n - i) : LANES;
        vector sum[LANES] = {{0}};
        for (int q = 0; q < count; q++) {
            const real *d = delta + (i + q) * lead, *u = unit ? unit + (i + q) * lead : 0;
            vector v = *(const vector *)(d + last), w = (vector){0} + 1;
            if (u)
                w = *(const vector *)(u + last);
            sum[q] = (vector)((lanes)(v * w) & some);
            for (ptrdiff_t r = 0; r < last; r += LANES) {
                v = *(const vector *)(d + r);
                if (u)
                    w = *(const vector *)(u + r);
                sum[q] += v * w;
            }
        }
        const vector found = sums(sum);
        for (int q = 0; q < count; q++)
            gain[i + q] = adds ? gain[i + q] + found[q] : found[q];
    }
}

#undef WIDENED
#undef NARROWED
#undef NORM_SUM
#endif
