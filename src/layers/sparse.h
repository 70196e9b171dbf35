/* A row of sparse inputs times a weight, and its share of the weight's gradient.

Design
------
- An entry meets one row of the weight, of n numbers. With several outputs the sums of four vectors stay in registers
  while all entries pass; a single output has four partial sums, so that additions do not wait for one another.
- What an output sums, and in which order, depends on the row's entries alone. */
#ifndef GDCORE_SPARSE_H
#define GDCORE_SPARSE_H

#include "machine/vector.h"

enum { ENTRY_VECTORS = 4 };

/* z[j] += sum over i of values[i] * weight[columns[i] * n + j], for the columns of `vectors` whole vectors. */
static inline __attribute__((always_inline)) void entry_columns(
    const int vectors, ptrdiff_t count, const real *values, const int32_t *columns, ptrdiff_t n, const real *weight,
    real *z)
{
    vector sum[ENTRY_VECTORS];
    UNROLL(4)
    for (int q = 0; q < vectors; q++)
        sum[q] = *(const vector *)(z + q * LANES);
    for (ptrdiff_t i = 0; i < count; i++) {
        const real *row = weight + columns[i] * n;
        UNROLL(4)
        for (int q = 0; q < vectors; q++)
            sum[q] += values[i] * *(const vector *)(row + q * LANES);
    }
    UNROLL(4)
    for (int q = 0; q < vectors; q++)
        *(vector *)(z + q * LANES) = sum[q];
}

/* The sum over i of values[i] * weight[columns[i] * n]: one output's. */
static inline real entry_dot(
    ptrdiff_t count, const real *values, const int32_t *columns, ptrdiff_t n, const real *weight)
{
    real sum[4] = {0};
    ptrdiff_t i = 0;
    for (; i + 4 <= count; i += 4)
        UNROLL(4)
        for (int q = 0; q < 4; q++)
            sum[q] += values[i + q] * weight[columns[i + q] * n];
    for (; i < count; i++)
        sum[0] += values[i] * weight[columns[i] * n];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* z (n,) += the row of `count` entries times weight (…, n). */
static void add_entries(
    ptrdiff_t count, const real *values, const int32_t *columns, ptrdiff_t n, const real *weight, real *z)
{
    ptrdiff_t j = 0;
    for (; j + ENTRY_VECTORS * LANES <= n; j += ENTRY_VECTORS * LANES)
        entry_columns(ENTRY_VECTORS, count, values, columns, n, weight + j, z + j);
    for (; j + LANES <= n; j += LANES)
        entry_columns(1, count, values, columns, n, weight + j, z + j);
    for (; j < n; j++)
        z[j] += entry_dot(count, values, columns, n, weight + j);
}

/* gradient[columns[i], j] += values[i] * delta[j], entry by entry. */
static void spread_entries(
    ptrdiff_t count, const real *values, const int32_t *columns, ptrdiff_t n, const real *restrict delta,
    real *restrict gradient)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        const real value = values[i];
        real *row = gradient + columns[i] * n;
        ptrdiff_t j = 0;
        for (; j + LANES <= n; j += LANES)
            *(vector *)(row + j) += value * *(const vector *)(delta + j);
        for (; j < n; j++)
            row[j] += value * delta[j];
    }
}

/* Ask for the rows of a weight (…, n) that entries name, and for their numbers in `stood`. The empty statement: see
 * `fetch_rows`. */
static void fetch_entries(
    ptrdiff_t count, const int32_t *columns, ptrdiff_t n, const real *weight, const int32_t *stood)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        __builtin_prefetch(stood + columns[i], 1);
        __builtin_prefetch(weight + columns[i] * n, 1);
        __asm__ volatile("");
    }
}

#endif
