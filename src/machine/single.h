/* Products with one row, and those of its numbers that are not 0: behind a relu, or in inputs with many zeros.
 *
 * Design
 * ------
 * - A row's product keeps up to ROW_VECTORS vectors of sums in registers and reads the matrix in place, row by row: a
 *   narrower part would read it in pieces, and wait for its few sums.
 * - A number that is 0 changes no sum of finite weights, and what stands in its row of the matrix is not read. The bits
 *   are the same. Infinite weights and NaN in such a row are not seen; only the user can have written them.
 */
#ifndef GDCORE_SINGLE_H
#define GDCORE_SINGLE_H

#include "machine/tuning.h"

enum { ROW_VECTORS = 8 };

typedef struct {
    ptrdiff_t count;      /* of a row's numbers that are not 0; < 0: they are not listed, and all count */
    int32_t *places;      /* where they stand, in order */
} active_list;

/* Where the numbers of four that are not 0 stand, by a bit for each; what stands behind them does not count. */
static const int32_t PLACES_OF_FOUR[16][4] = {
    {0}, {0}, {1}, {0, 1}, {2}, {0, 2}, {1, 2}, {0, 1, 2},
    {3}, {0, 3}, {1, 3}, {0, 1, 3}, {2, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3},
};

/* List the numbers of x (n,) that are not 0, if this leaves out enough of them. Four at a time: no branch depends on
 * the numbers, and none waits for the one before it. */
static void find_active(ptrdiff_t n, const real *x, active_list *found)
{
    lane zeros = 0;    /* as wide as the numbers, so that the loop fills its vectors */
    ptrdiff_t count = 0, i = 0;
    for (ptrdiff_t j = 0; j < n; j++)
        zeros += x[j] == 0;
    found->count = -1;
    if ((ptrdiff_t)zeros * ACTIVE_SHARE < n)
        return;
#if defined(__x86_64__)
    typedef real four __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real)), may_alias));
    typedef int32_t numbers __attribute__((vector_size(16), aligned(4), may_alias));
    typedef float bits __attribute__((vector_size(16)));
    for (; i + 4 <= n; i += 4) {
        const numbers unequal = __builtin_convertvector(*(const four *)(x + i) != 0, numbers);
        const int which = __builtin_ia32_movmskps((bits)unequal);
        *(numbers *)(found->places + count) = *(const numbers *)PLACES_OF_FOUR[which] + (int32_t)i;
        count += 0x4332322132212110 >> 4 * which & 7;    /* the bits of `which` that are set */
    }
#endif
    for (; i < n; i++) {
        found->places[count] = (int32_t)i;
        count += x[i] != 0;
    }
    found->count = count;
}

typedef struct {
    const active_list *active;
    ptrdiff_t n, k;
    const real *a;       /* (k,) */
    const real *b;       /* (k, n) */
    const real *init;    /* (n,), or NULL */
    real *c;             /* (n,) = init + a B */
} single_row;

/* `vectors` vectors of columns of c, from column `at` on, of which the last begins at column `last`. */
static inline __attribute__((always_inline)) void
row_part(const int vectors, const single_row *of, ptrdiff_t at, ptrdiff_t last)
{
    vector sum[ROW_VECTORS];
    const ptrdiff_t count = of->active->count < 0 ? of->k : of->active->count, n = of->n;
    const int32_t *places = of->active->count < 0 ? NULL : of->active->places;
    const real *a = of->a, *b = of->b;
    UNROLL(8)
    for (int j = 0; j < vectors; j++)
        sum[j] = of->init ? *(const vector *)(of->init + (j < vectors - 1 ? at + j * LANES : last)) : (vector){0};
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t p = places ? places[i] : i;
        UNROLL(8)
        for (int j = 0; j < vectors; j++)
            sum[j] += a[p] * *(const vector *)(b + p * n + (j < vectors - 1 ? at + j * LANES : last));
    }
    UNROLL(8)
    for (int j = 0; j < vectors; j++)
        *(vector *)(of->c + (j < vectors - 1 ? at + j * LANES : last)) = sum[j];
}

/* The whole of c where it is shorter than a vector: what stands behind a row is read too, as far as the matrix goes. */
static void narrow_row(const single_row *of)
{
    const ptrdiff_t count = of->active->count < 0 ? of->k : of->active->count, n = of->n;
    const int32_t *places = of->active->count < 0 ? NULL : of->active->places;
    vector sum = of->init ? load_part(n, of->init) : (vector){0};
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t p = places ? places[i] : i;
        const real *row = of->b + p * n;
        sum += of->a[p] * (LANES <= (of->k - p) * n ? *(const vector *)row : load_part(n, row));
    }
    for (ptrdiff_t j = 0; j < n; j++)
        of->c[j] = sum[j];
}

#define ROW_PART(vectors) case vectors: row_part(vectors, of, first * LANES, last); break;

/* Compute c in equal parts. The last vector ends with the row; it may overlap the one before it. */
static void row_product(const single_row *of)
{
    const ptrdiff_t whole = (of->n + LANES - 1) / LANES, parts = (whole + ROW_VECTORS - 1) / ROW_VECTORS;
    if (of->n < LANES) {
        narrow_row(of);
        return;
    }
    for (ptrdiff_t i = 0; i < parts; i++) {
        const ptrdiff_t first = whole * i / parts, end = whole * (i + 1) / parts;
        const ptrdiff_t last = i < parts - 1 ? (end - 1) * LANES : of->n - LANES;
        switch (end - first) {
            ROW_PART(1) ROW_PART(2) ROW_PART(3) ROW_PART(4) ROW_PART(5) ROW_PART(6) ROW_PART(7) ROW_PART(8)
        }
    }
}

#undef ROW_PART

#endif
