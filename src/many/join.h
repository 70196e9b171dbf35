/* Rows of LANES models into vectors, a model in each lane, and the way back.
 *
 * Design
 * ------
 * - Models are taken UNIT at a time: as many numbers of each fill a square of 16-byte quarters, which is transposed in
 *   registers and written in one piece. The last square of a row may overlap the one before it.
 * - Where all models have the same rows, a number is read once. */
#ifndef GDCORE_MODEL_JOIN_H
#define GDCORE_MODEL_JOIN_H

#include <string.h>
#include "machine/vector.h"

typedef real unit __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));

typedef struct {                        /* rows of LANES models */
    ptrdiff_t n_in, n_out;
    const real *x[LANES], *y[LANES];    /* (n, n_in), (n, n_out); all y may be NULL */
    const int64_t *order[LANES];        /* the rows in their order, or NULL: as they stand */
    int alike;                          /* whether all models have the same rows */
} models_rows;

#if REAL_IS_FLOAT
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#else
#define ZIP_LOW 0, 2
#define ZIP_HIGH 1, 3
#endif
#if defined(__clang__)
#define zipped(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define zipped(a, b, ...) __builtin_shuffle(a, b, (unit_lanes){__VA_ARGS__})
#endif
typedef lane unit_lanes __attribute__((vector_size(16)));

/* Transpose v, UNIT quarters, as `transpose` of vector.h does whole vectors. */
static inline __attribute__((always_inline)) void transpose_units(unit v[UNIT])
{
    unit w[UNIT];
    UNROLL(2)
    for (int round = 1; round < UNIT; round *= 2) {
        UNROLL(2)
        for (int i = 0; i < UNIT / 2; i++) {
            w[2 * i] = zipped(v[i], v[i + UNIT / 2], ZIP_LOW);
            w[2 * i + 1] = zipped(v[i], v[i + UNIT / 2], ZIP_HIGH);
        }
        UNROLL(4)
        for (int i = 0; i < UNIT; i++)
            v[i] = w[i];
    }
}

#undef zipped
#undef ZIP_LOW
#undef ZIP_HIGH

/* n numbers of each of UNIT rows into quarters that are LANES apart. */
static inline __attribute__((always_inline)) void join_units(ptrdiff_t n, const real *const *from, real *to)
{
    if (n < UNIT) {
        for (ptrdiff_t i = 0; i < n; i++)
#if REAL_IS_FLOAT
            *(unit *)(to + i * LANES) = (unit){from[0][i], from[1][i], from[2][i], from[3][i]};
#else
            *(unit *)(to + i * LANES) = (unit){from[0][i], from[1][i]};
#endif
        return;
    }
    for (ptrdiff_t next = 0; next < n; next += UNIT) {
        const ptrdiff_t i = next + UNIT <= n ? next : n - UNIT;
        unit v[UNIT];
        UNROLL(4)
        for (int q = 0; q < UNIT; q++)
            v[q] = *(const unit *)(from[q] + i);
        transpose_units(v);
        UNROLL(4)
        for (int q = 0; q < UNIT; q++)
            *(unit *)(to + (i + q) * LANES) = v[q];
    }
}

/* n numbers of each model into vectors (n,). */
static void models_join(ptrdiff_t n, const real *const *from, vector *to)
{
    for (int q = 0; q < LANES; q += UNIT)
        join_units(n, from + q, (real *)to + q);
}

/* The way back: rows of n numbers, `row` apart. */
static void models_part(ptrdiff_t n, const vector *from, real *to, ptrdiff_t row)
{
    for (int q = 0; q < LANES; q += UNIT, to += UNIT * row) {
        const real *source = (const real *)from + q;
        for (ptrdiff_t next = 0; next < n; next += UNIT) {
            if (n < UNIT) {
                for (int j = 0; j < UNIT; j++)
                    to[j * row + next] = source[next * LANES + j];
                next -= UNIT - 1;
                continue;
            }
            const ptrdiff_t i = next + UNIT <= n ? next : n - UNIT;
            unit v[UNIT];
            UNROLL(4)
            for (int j = 0; j < UNIT; j++)
                v[j] = *(const unit *)(source + (i + j) * LANES);
            transpose_units(v);
            UNROLL(4)
            for (int j = 0; j < UNIT; j++)
                *(unit *)(to + j * row + i) = v[j];
        }
    }
}

/* The same for one model, of lane q. */
static void models_part_one(ptrdiff_t n, const vector *from, int q, real *to)
{
    for (ptrdiff_t i = 0; i < n; i++)
        to[i] = ((const real *)(from + i))[q];
}

static void models_join_one(ptrdiff_t n, const real *from, int q, vector *to)
{
    for (ptrdiff_t i = 0; i < n; i++)
        ((real *)(to + i))[q] = from[i];
}

/* Write one row of n numbers, which all models have. */
static inline void join_alike(ptrdiff_t n, const real *row, vector *to)
{
    const vector zero = {0};
    for (ptrdiff_t i = 0; i < n; i++)
        to[i] = row[i] - zero;
}

/* The same for different rows of models q … q + UNIT. `ordered`: each has an order. */
static inline __attribute__((always_inline)) void join_rows_of(
    const int ordered, int q, ptrdiff_t first, ptrdiff_t rows, const models_rows *of, real *to, real *targets)
{
    const ptrdiff_t n_in = of->n_in, n_out = of->n_out;
    const real *x[UNIT], *y[UNIT];
    const int64_t *order[UNIT];
    const int has_targets = of->y[q] != NULL;
    UNROLL(4)
    for (int j = 0; j < UNIT; j++) {
        x[j] = of->x[q + j], y[j] = of->y[q + j];
        order[j] = of->order[q + j] ? of->order[q + j] + first : NULL;
    }
    to += q, targets += q;
    for (ptrdiff_t r = 0; r < rows; r++, to += n_in * LANES, targets += n_out * LANES) {
        const real *from[UNIT], *wanted[UNIT];
        UNROLL(4)
        for (int j = 0; j < UNIT; j++) {
            const ptrdiff_t at = ordered || order[j] ? order[j][r] : first + r;
            from[j] = x[j] + at * n_in, wanted[j] = y[j] + at * n_out;
        }
        if (n_in == UNIT)
            join_units(UNIT, from, to);
        else
            join_units(n_in, from, to);
        if (has_targets && n_out == 1)
            join_units(1, wanted, targets);
        else if (has_targets)
            join_units(n_out, wanted, targets);
    }
}

/* Rows first … first + rows of every model into x (rows, n_in) and y (rows, n_out). */
static void models_join_rows(ptrdiff_t first, ptrdiff_t rows, const models_rows *of, vector *x, vector *y)
{
    const ptrdiff_t n_in = of->n_in, n_out = of->n_out;
    for (ptrdiff_t r = 0; r < rows && of->alike; r++) {
        const int64_t at = of->order[0] ? of->order[0][first + r] : first + r;
        join_alike(n_in, of->x[0] + at * n_in, x + r * n_in);
        if (of->y[0])
            join_alike(n_out, of->y[0] + at * n_out, y + r * n_out);
    }
    for (int q = 0; q < LANES && !of->alike; q += UNIT)
        if (of->order[q] && of->order[q + 1] && of->order[q + UNIT - 2] && of->order[q + UNIT - 1])
            join_rows_of(1, q, first, rows, of, (real *)x, (real *)y);
        else
            join_rows_of(0, q, first, rows, of, (real *)x, (real *)y);
}

#endif
