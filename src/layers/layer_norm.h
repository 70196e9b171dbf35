/* A row's normalization and its derivative.
 *
 * Design
 * ------
 * - Mean and variance are two passes in double, in eight running sums: a row's bits depend on nothing but the row.
 * - Numbers are taken relative to the row's first one. So a row of one number throughout has variance 0 exactly, and
 *   float32 loses nothing to a large offset.
 * - A double whose square overflows is scaled down by a power of two first; eps is nothing beside it.
 */
#ifndef GDCORE_LAYER_NORM_H
#define GDCORE_LAYER_NORM_H

#include "machine/elementary.h"
#include "machine/parts.h"

enum { NORM_PARTS = 8 };
#define NORM_SMALL 0x1p-600    /* times any double: a number whose square is finite */

/* The sum of n terms of the index i, in eight running sums. */
#define NORM_SUM(total, n, term)                                        \
    do {                                                                \
        double part[NORM_PARTS] = {0};                                  \
        ptrdiff_t i, begin = 0;                                         \
        for (; begin + NORM_PARTS <= n; begin += NORM_PARTS)            \
            for (int k = 0; k < NORM_PARTS; k++) {                      \
                i = begin + k;                                          \
                part[k] += (term);                                      \
            }                                                           \
        for (i = begin; i < n; i++)                                     \
            part[i - begin] += (term);                                  \
        total = eight_parts(part);                                      \
    } while (0)

static inline double scaled_norm(ptrdiff_t n, const real *restrict x, double scale, double eps, double *mean)
{
    const double first = (double)x[0] * scale;
    double total;
    NORM_SUM(total, n, (double)x[i] * scale - first);
    *mean = total / n;
    NORM_SUM(total, n, ((double)x[i] * scale - first - *mean) * ((double)x[i] * scale - first - *mean));
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
    NORM_SUM(mean, n, (double)delta[i] * gain[i]);
    NORM_SUM(along, n, (double)delta[i] * gain[i] * unit[i]);
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

#undef NORM_SUM
#endif
