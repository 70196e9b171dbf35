/* Sums of squares, which guards and norms take of every gradient: of a few numbers, or of many.
 *
 * Design
 * ------
 * - The numbers go to SQUARES interleaved partial sums, whose halves are added: the same bits for every vector width.
 * - Few numbers have few sums, as the others would be 0, and adding them would take the longest. This needs masked loads:
 *   what is read as a vector just after it was written in pieces waits for all of them. */
#ifndef GDCORE_SQUARES_H
#define GDCORE_SQUARES_H

#include "machine/vector.h"

/* The sum of all numbers of `vectors` vectors, a constant power of two: halves first, as `sum_first` goes on. */
static inline __attribute__((always_inline)) real sum_halves(const int vectors, vector *sum)
{
    UNROLL(8)
    for (int half = vectors / 2; half; half /= 2)
        UNROLL(8)
        for (int q = 0; q < half; q++)
            sum[q] += sum[q + half];
    return sum_first(LANES, sum[0]);
}

/* Sum of x[i]^2, i < n, where n numbers fill more than half of `vectors` vectors. */
static inline __attribute__((always_inline)) real few_squares(const int vectors, ptrdiff_t n, const real *x)
{
    vector sum[SQUARES / LANES], v;
    UNROLL(16)
    for (int q = 0; q < vectors; q++) {
        const ptrdiff_t left = n - q * LANES;
        if (q < vectors / 2)
            v = *(const vector *)(x + q * LANES);
        else
            v = load_part(left < 0 ? 0 : left < LANES ? left : LANES, x + q * LANES);
        sum[q] = (vector){0};
        sum[q] += v * v;    /* a product by itself would be fused with what is added to it */
    }
    return sum_halves(vectors, sum);
}

/* The same of any n. */
static inline __attribute__((always_inline)) real many_squares(ptrdiff_t n, const real *x)
{
    enum { VECTORS = SQUARES / LANES };
    vector sum[VECTORS], v;
    UNROLL(16)
    for (int q = 0; q < VECTORS; q++)
        sum[q] = (vector){0};
    for (; n >= SQUARES; n -= SQUARES, x += SQUARES)
        UNROLL(16)
        for (int q = 0; q < VECTORS; q++) {
            v = *(const vector *)(x + q * LANES);
            sum[q] += v * v;
        }
    UNROLL(16)
    for (int q = 0; q < VECTORS; q++, n -= LANES, x += LANES) {
        /* Each product stands beside its sum: of a choice of vectors, GCC would multiply some without fusing. */
        if (n >= LANES) {
            v = *(const vector *)x;
            sum[q] += v * v;
        } else if (n > 0) {
            v = load_part(n, x);
            sum[q] += v * v;
        }
    }
    return sum_halves(VECTORS, sum);
}

#define FEW_SQUARES(vectors)                                            \
    if ((vectors) * LANES <= SQUARES && n <= (vectors) * LANES)         \
        return few_squares((vectors) * LANES <= SQUARES ? (vectors) : 1, n, x);

/* Sum of x[i]^2, i < n, n > 0. */
static real run_squares(ptrdiff_t n, const real *x)
{
#if defined(__AVX2__)
    if (n <= SQUARES) {
        FEW_SQUARES(1)
        FEW_SQUARES(2)
        FEW_SQUARES(4)
        FEW_SQUARES(8)
    }
#endif
    return many_squares(n, x);
}

#undef FEW_SQUARES

#endif
