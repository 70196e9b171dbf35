/* Products with one row, and those of its numbers that are not 0: behind a relu, or in inputs with many zeros.
 *
 * Design
 * ------
 * - A row's product keeps up to MOST_VECTORS vectors of sums in registers and reads the matrix in place, row by row: a
 *   narrower part would read it in pieces, and wait for its few sums.
 * - A number that is 0 changes no sum, and what stands in its row of the matrix is not read. The bits are the same.
 */
#ifndef GDCORE_SINGLE_H
#define GDCORE_SINGLE_H

#include "machine/tuning.h"

enum { MOST_VECTORS = 8 };

typedef struct {
    ptrdiff_t count;      /* of a row's numbers that are not 0; < 0: they are not listed, and all count */
    int32_t *places;      /* where they stand, in order */
} active_list;

/* List the numbers of x (n,) that are not 0, if this leaves out enough of them. */
static void find_active(ptrdiff_t n, const real *x, active_list *found)
{
    lane zeros = 0;    /* as wide as the numbers, so that the loop fills its vectors */
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        zeros += x[i] == 0;
    found->count = -1;
    if ((ptrdiff_t)zeros * ACTIVE_SHARE < n)
        return;
    for (ptrdiff_t i = 0; i < n; i++) {
        found->places[count] = (int32_t)i;
        count += x[i] != 0;
    }
    found->count = count;
}

/* c = init + a B for `vectors` vectors of columns, the last of which begins at `tail`; b (k, n), init may be NULL. */
static inline __attribute__((always_inline)) void row_part(
    const int vectors, const active_list *active, ptrdiff_t n, ptrdiff_t k, const real *a, const real *b,
    const real *init, ptrdiff_t tail, real *c)
{
    vector sum[MOST_VECTORS];
    const ptrdiff_t count = active->count < 0 ? k : active->count;
    const int32_t *places = active->count < 0 ? NULL : active->places;
    UNROLL(8)
    for (int j = 0; j < vectors; j++)
        sum[j] = init ? *(const vector *)(init + (j < vectors - 1 ? j * LANES : tail)) : (vector){0};
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t p = places ? places[i] : i;
        UNROLL(8)
        for (int j = 0; j < vectors; j++)
            sum[j] += a[p] * *(const vector *)(b + p * n + (j < vectors - 1 ? j * LANES : tail));
    }
    UNROLL(8)
    for (int j = 0; j < vectors; j++)
        *(vector *)(c + (j < vectors - 1 ? j * LANES : tail)) = sum[j];
}

#define ROW_PART(v) \
    case v: row_part(v, active, n, k, a, b + at, init ? init + at : NULL, tail - at, c + at); break;

/* The same for fewer columns than a vector has. It reads what stands behind a row, as long as the matrix has so much. */
static void narrow_row(ptrdiff_t n, ptrdiff_t k, const real *a, const real *b, const real *init, real *c)
{
    vector sum = init ? load_part(n, init) : (vector){0};
    for (ptrdiff_t p = 0; p < k; p++)
        sum += a[p] * (LANES <= (k - p) * n ? *(const vector *)(b + p * n) : load_part(n, b + p * n));
    for (ptrdiff_t j = 0; j < n; j++)
        c[j] = sum[j];
}

/* c (n,) = init + a B, with a (k,) and b (k, n). The last vector ends with the row; it may overlap the one before it. */
static void row_product(
    const active_list *active, ptrdiff_t n, ptrdiff_t k, const real *a, const real *b, const real *init, real *c)
{
    const ptrdiff_t whole = (n + LANES - 1) / LANES, parts = (whole + MOST_VECTORS - 1) / MOST_VECTORS;
    if (n < LANES)
        narrow_row(n, k, a, b, init, c);
    for (ptrdiff_t i = 0; i < parts && n >= LANES; i++) {
        const ptrdiff_t first = whole * i / parts, end = whole * (i + 1) / parts;
        const ptrdiff_t at = first * LANES, tail = i < parts - 1 ? (end - 1) * LANES : n - LANES;
        switch (end - first) { ROW_PART(1) ROW_PART(2) ROW_PART(3) ROW_PART(4) ROW_PART(5) ROW_PART(6) ROW_PART(7) ROW_PART(8) }
    }
}

#undef ROW_PART

/* c[i] = sum over p of a[i, p] b[p], for the active rows i of a (rows, k); 0 for the others */
static void active_dots(
    const active_list *active, ptrdiff_t rows, ptrdiff_t k, const real *a, const real *b, real *c)
{
    __builtin_memset(c, 0, rows * sizeof *c);
    dots_of(1, active->places, active->count, k, a, k, b, 0, c);
}

/* weight[i] -= rate x[i] delta for the active rows i of weight (…, columns), low <= i < high */
static void subtract_active(
    const active_list *active, ptrdiff_t low, ptrdiff_t high, ptrdiff_t columns, double rate, const real *x,
    const real *delta, real *weight)
{
    for (ptrdiff_t i = 0; i < active->count; i++) {
        const ptrdiff_t p = active->places[i];
        if (low <= p && p < high)
            subtract_row(columns, (real)rate * x[p], delta, weight + p * columns);
    }
}

#endif
