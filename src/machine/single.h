/* Products with one row, and those of its numbers that are not 0: behind a relu, or in inputs with many zeros.
 *
 * Design
 * ------
 * - A row's product keeps up to ROW_VECTORS vectors of sums in registers and reads the matrix in place, row by row: a
 *   narrower part would read it in pieces, and wait for its few sums.
 * - A number that is 0 changes no sum of finite weights, and what stands in its row of the matrix is not read. The bits
 *   are the same. Infinite weights and NaN in such a row are not seen; only the user can have written them.
 * - The way back reads a matrix for the delta of its inputs, and may change it in the same pass.
 */
#ifndef GDCORE_SINGLE_H
#define GDCORE_SINGLE_H

#include "machine/tuning.h"

enum { ROW_VECTORS = 8, PASS_ROWS = 4 };

/* Let a vector stay in its register: GCC reads it from memory for every instruction that takes it from there. */
#if defined(__AVX512F__)
#define KEEP(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__)
#define KEEP(v) __asm__("" : "+x"(v))
#else
#define KEEP(v)
#endif

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

/* Write the first n of LANES numbers. */
static inline __attribute__((always_inline)) void keep_part(ptrdiff_t n, vector v, real *to)
{
#if defined(__AVX512F__)
    masked_store(to, part_mask(n), v);
#else
    const lane some = (lane)n;
    real part[LANES];
    *(vector *)part = v;
#pragma GCC unroll 1
    for (lane i = 0; i < LANES; i++)
        if (i < some)
            to[i] = part[i];
#endif
}

typedef struct {
    const active_list *active;    /* whose other rows are left out; NULL: none are */
    ptrdiff_t rows, columns;
    real *weight;                 /* (rows, columns) */
    const real *delta, *x;        /* (columns,) and (rows,) */
    double rate;
    real *before;                 /* (rows,) = weight delta; 0 for rows that are left out */
} weight_pass;

/* `count` <= LANES rows of a weight of fewer columns than a vector, and their products with `last`, one per vector. All
 * are read before one is written: the processor takes what a masked vector leaves out for a part of it, and would wait. */
static inline __attribute__((always_inline)) void pass_narrow(
    const int updates, const weight_pass *of, int count, const int32_t *places, ptrdiff_t i, vector last, vector *sum)
{
    const ptrdiff_t n = of->columns;
    vector row[LANES];
    for (int q = 0; q < count; q++) {
        row[q] = load_part(n, of->weight + (places ? places[q] : i + q) * n);
        sum[q] = row[q] * last;
    }
    for (int q = 0; updates && q < count; q++) {
        const ptrdiff_t at = places ? places[q] : i + q;
        keep_part(n, row[q] - (real)of->rate * of->x[at] * last, of->weight + at * n);
    }
}

/* `some` rows of a wider weight, a constant. A row's last vector may overlap the one before it; it is read before that
 * one is written, and `counted` is the part of it that counts in the sum. */
static inline __attribute__((always_inline)) void pass_rows(
    const int updates, const int some, const weight_pass *of, const int32_t *places, ptrdiff_t i, vector counted,
    vector *sum)
{
    const ptrdiff_t n = of->columns, end = n - LANES;
    const real *delta = of->delta;
    const vector behind = *(const vector *)(delta + end);
    real *row[PASS_ROWS], scaled[PASS_ROWS];
    vector v, total[PASS_ROWS], moved[PASS_ROWS];
    UNROLL(4)
    for (int q = 0; q < some; q++) {
        const ptrdiff_t at = places ? places[q] : i + q;
        scaled[q] = updates ? (real)of->rate * of->x[at] : 0;
        row[q] = of->weight + at * n;
        v = *(const vector *)(row[q] + end);
        total[q] = v * counted;
        moved[q] = v - scaled[q] * behind;
    }
    for (ptrdiff_t j = 0; j <= end; j += LANES) {
        const vector d = *(const vector *)(delta + j);
        UNROLL(4)
        for (int q = 0; q < some; q++) {
            v = *(const vector *)(row[q] + j);
            KEEP(v);
            total[q] += v * d;
            if (updates)
                *(vector *)(row[q] + j) = v - scaled[q] * d;
        }
    }
    UNROLL(4)
    for (int q = 0; q < some; q++) {
        if (updates)
            *(vector *)(row[q] + end) = moved[q];
        sum[q] = total[q];
    }
}

/* The same of `count` rows. */
static inline __attribute__((always_inline)) void pass_wide(
    const int updates, const weight_pass *of, int count, const int32_t *places, ptrdiff_t i, vector counted, vector *sum)
{
    int q = 0;
    for (; q + PASS_ROWS <= count; q += PASS_ROWS)
        pass_rows(updates, PASS_ROWS, of, places ? places + q : NULL, i + q, counted, sum + q);
    for (; q < count; q++)
        pass_rows(updates, 1, of, places ? places + q : NULL, i + q, counted, sum + q);
}

/* One pass over a weight: before, and where it `updates`, weight -= rate x delta^T. */
static inline __attribute__((always_inline)) void pass_weight(const int updates, const weight_pass *given)
{
    const weight_pass copy = *given, *of = &copy;    /* in registers, whatever is written */
    const ptrdiff_t n = of->columns, uncounted = n < LANES ? 0 : LANES - n % LANES;
    const int32_t *places = of->active ? of->active->places : NULL;
    const ptrdiff_t count = of->active ? of->active->count : of->rows;
    vector last = n < LANES ? load_part(n, of->delta) : *(const vector *)(of->delta + n - LANES), sum[LANES];
    for (int j = 0; j < LANES; j++)
        last[j] = j < uncounted ? 0 : last[j];
    if (places)
        __builtin_memset(of->before, 0, of->rows * sizeof(real));
    for (ptrdiff_t i = (count - 1) / LANES * LANES; i >= 0; i -= LANES) {
        const int some = count - i < LANES ? (int)(count - i) : LANES;
        const int32_t *these = places ? places + i : NULL;
        for (int q = some; q < LANES; q++)
            sum[q] = (vector){0};
        if (n < LANES)
            pass_narrow(updates, of, some, these, i, last, sum);
        else
            pass_wide(updates, of, some, these, i, last, sum);
        const vector found = sums(sum);
        if (!places && some == LANES)
            *(vector *)(of->before + i) = found;
        else
            for (int q = 0; q < some; q++)
                of->before[these ? these[q] : i + q] = found[q];
    }
}

static __attribute__((noinline)) void weight_dots(const weight_pass *of)
{
    pass_weight(0, of);
}

static __attribute__((noinline)) void weight_dots_and_move(const weight_pass *of)
{
    pass_weight(1, of);
}

/* weight (columns,) -= scaled delta. Those vectors that no end of the row cuts off begin at multiples of their size, as
 * writing across two lines of the cache takes longest. The first and the last one may overlap others; they are made
 * before those are written, so what both write is the same. */
static inline __attribute__((always_inline)) void subtract_row(
    ptrdiff_t columns, real scaled, const real *restrict delta, real *restrict weight)
{
    if (columns < LANES) {
        for (ptrdiff_t j = 0; j < columns; j++)
            weight[j] -= scaled * delta[j];
        return;
    }
    const ptrdiff_t last = columns - LANES, whole = LANES - ((uintptr_t)weight / sizeof(real)) % LANES;
    const vector first = *(const vector *)weight - scaled * *(const vector *)delta;
    const vector end = *(const vector *)(weight + last) - scaled * *(const vector *)(delta + last);
    for (ptrdiff_t j = whole; j < last; j += LANES)
        *(vector *)(weight + j) -= scaled * *(const vector *)(delta + j);
    *(vector *)weight = first;
    *(vector *)(weight + last) = end;
}

/* weight (rows, columns) -= rate x delta^T, with x (rows,) and delta (columns,) */
static inline void subtract_outer(
    ptrdiff_t rows, ptrdiff_t columns, double rate, const real *x, const real *delta, real *weight)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        subtract_row(columns, (real)rate * x[i], delta, weight + i * columns);
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

#undef KEEP

#endif
