/* The way back of one row: a weight is read for the delta of its inputs, and may be changed in the same pass.
 *
 * Design
 * ------
 * - Some rows are read together, as each part of the delta serves all of them, and their sums do not wait for each other.
 * - Vectors that cross two lines of the cache take longest to write, so those of wide rows begin at multiples of their
 *   size. At which column follows from where a row stands among the parameters, not in memory, as it settles the order of
 *   the row's sum. Rows that are read together have that column in common: they are a few rows apart.
 */
#ifndef GDCORE_SINGLE_PASS_H
#define GDCORE_SINGLE_PASS_H

#include "machine/single.h"

/* Rows of one vector and a part of another have a loop less where that pays (Zen 4): a step on 40-100-100-10 takes 0.99 of
 * the time with AVX2, but a pass of such rows up to 1.6 times as long with AVX-512. */
enum { SHORT_ROWS = VECTOR_BYTES < 64 };

enum { PASS_ROWS = 4, ALIKE_ROWS = PASS_ROWS < LANES ? PASS_ROWS : LANES };

/* Let a vector stay in its register: GCC reads it from memory for every instruction that takes it from there. */
#if defined(__AVX512F__)
#define KEEP(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__)
#define KEEP(v) __asm__("" : "+x"(v))
#else
#define KEEP(v)
#endif

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
    ptrdiff_t rows, columns, at;  /* at: how many parameters stand before the weight, of which the first is aligned */
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
 * one is written, and `counted` is the part of it that counts in the sum. `once`: there is only one before it. */
static inline __attribute__((always_inline)) void pass_rows(
    const int updates, const int some, const int once, const weight_pass *of, const int32_t *places, ptrdiff_t i,
    vector counted, vector *sum)
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
    for (ptrdiff_t j = 0; once ? j == 0 : j <= end; j += LANES) {
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
    if (SHORT_ROWS && of->columns < 2 * LANES)
        for (; q + PASS_ROWS <= count; q += PASS_ROWS)
            pass_rows(updates, PASS_ROWS, 1, of, places ? places + q : NULL, i + q, counted, sum + q);
    for (; q + PASS_ROWS <= count; q += PASS_ROWS)
        pass_rows(updates, PASS_ROWS, 0, of, places ? places + q : NULL, i + q, counted, sum + q);
    for (; q < count; q++)
        pass_rows(updates, 1, 0, of, places ? places + q : NULL, i + q, counted, sum + q);
}

/* One pass over a weight, row after row: before, and where it `updates`, weight -= rate x delta^T. */
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

static __attribute__((noinline)) void dots_in_order(const weight_pass *of)
{
    pass_weight(0, of);
}

static __attribute__((noinline)) void dots_and_move_in_order(const weight_pass *of)
{
    pass_weight(1, of);
}

/* A delta's first vector and its last one, and what counts of them where the vectors between begin at column `inner`. */
typedef struct {
    ptrdiff_t inner;
    vector first, last, first_counted, last_counted;
} delta_ends;

/* Those of a row that begins behind `at` parameters. */
static inline __attribute__((always_inline)) delta_ends ends_of(const weight_pass *of, ptrdiff_t at)
{
    const ptrdiff_t inner = LANES - at % LANES, n = of->columns, behind = (n - inner - 1) % LANES + 1;
    const vector first = *(const vector *)of->delta, last = *(const vector *)(of->delta + n - LANES);
    const vector first_counted = (vector)((lanes)first & lanes_below(inner));
    const vector last_counted = (vector)((lanes)last & ~lanes_below(LANES - behind));
    return (delta_ends){inner, first, last, first_counted, last_counted};
}

/* ALIKE_ROWS rows from row i on, each `step` behind the one before it, whose vectors are aligned alike. The ends of a row
 * are read before what they overlap is written. */
static inline __attribute__((always_inline)) void pass_aligned_rows(
    const int updates, const weight_pass *of, ptrdiff_t i, ptrdiff_t step, vector *sum)
{
    const ptrdiff_t n = of->columns, last = n - LANES;
    const delta_ends ends = ends_of(of, of->at + i * n);
    real *row[ALIKE_ROWS], scaled[ALIKE_ROWS];
    vector v, total[ALIKE_ROWS], first_moved[ALIKE_ROWS], last_moved[ALIKE_ROWS];
    UNROLL(4)
    for (int q = 0; q < ALIKE_ROWS; q++) {
        scaled[q] = updates ? (real)of->rate * of->x[i + q * step] : 0;
        row[q] = of->weight + (i + q * step) * n;
        v = *(const vector *)(row[q] + last);
        total[q] = v * ends.last_counted;
        last_moved[q] = v - scaled[q] * ends.last;
        v = *(const vector *)row[q];
        total[q] += v * ends.first_counted;
        first_moved[q] = v - scaled[q] * ends.first;
    }
    for (ptrdiff_t j = ends.inner; j < last; j += LANES) {
        const vector d = *(const vector *)(of->delta + j);
        UNROLL(4)
        for (int q = 0; q < ALIKE_ROWS; q++) {
            v = *(const vector *)(row[q] + j);
            KEEP(v);
            total[q] += v * d;
            if (updates)
                *(vector *)(row[q] + j) = v - scaled[q] * d;
        }
    }
    UNROLL(4)
    for (int q = 0; q < ALIKE_ROWS; q++) {
        if (updates) {
            *(vector *)row[q] = first_moved[q];
            *(vector *)(row[q] + last) = last_moved[q];
        }
        sum[q] = total[q];
    }
}

/* The first rows of a wide weight, of which every `turn`-th is aligned alike: as many as blocks of them fill. From the
 * last one back, as what is behind was read last. Return their number. */
static inline __attribute__((always_inline)) ptrdiff_t pass_aligned(const int updates, const weight_pass *given)
{
    const weight_pass copy = *given, *of = &copy;    /* in registers, whatever is written */
    const ptrdiff_t even = of->columns & -of->columns, turn = even < LANES ? LANES / even : 1;
    const ptrdiff_t block = turn * ALIKE_ROWS > LANES ? turn * ALIKE_ROWS : LANES, rows = of->rows & -block;
    vector sum[LANES];
    ptrdiff_t at[LANES];
    for (ptrdiff_t i = rows - LANES; i >= 0; i -= LANES) {
        UNROLL(4)
        for (int q = 0; q < LANES; q += ALIKE_ROWS) {
            const ptrdiff_t group = (i & (block - 1)) / ALIKE_ROWS + q / ALIKE_ROWS;
            at[q] = (i & -block) + (group & -turn) * ALIKE_ROWS + (group & (turn - 1));
            pass_aligned_rows(updates, of, at[q], turn, sum + q);
        }
        const vector found = sums(sum);
        UNROLL(16)
        for (int q = 0; q < LANES; q++)
            of->before[at[q / ALIKE_ROWS * ALIKE_ROWS] + q % ALIKE_ROWS * turn] = found[q];
    }
    return rows;
}

static __attribute__((noinline)) ptrdiff_t aligned_dots(const weight_pass *of)
{
    return pass_aligned(0, of);
}

static __attribute__((noinline)) ptrdiff_t aligned_dots_and_move(const weight_pass *of)
{
    return pass_aligned(1, of);
}

/* The rows behind the first `done` ones. */
static weight_pass rest_of(const weight_pass *of, ptrdiff_t done)
{
    weight_pass rest = *of;
    rest.rows -= done, rest.weight += done * of->columns, rest.x += done, rest.before += done;
    return rest;
}

/* Rows of a wide weight are taken together where they are aligned alike, but for the last ones; all others in order. */
static inline int is_aligned(const weight_pass *of)
{
    return !of->active && of->columns > ALIGNED_VECTORS * LANES;
}

static void weight_dots(const weight_pass *of)
{
    if (is_aligned(of)) {
        const weight_pass rest = rest_of(of, aligned_dots(of));
        dots_in_order(&rest);
    } else
        dots_in_order(of);
}

static void weight_dots_and_move(const weight_pass *of)
{
    if (is_aligned(of)) {
        const weight_pass rest = rest_of(of, aligned_dots_and_move(of));
        dots_and_move_in_order(&rest);
    } else
        dots_and_move_in_order(of);
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
