/* Rows of LANES models into vectors, a model in each lane, and the way back.
 *
 * Design
 * ------
 * - UNIT numbers of each model are a quarter of 16 bytes. A vector takes the quarters of each UNIT-th model as they are
 *   read, so what is left to transpose lies within quarters. The last UNIT numbers of a row may overlap those before.
 * - Where all models have the same rows, a number is read once. */
#ifndef GDCORE_MODEL_JOIN_H
#define GDCORE_MODEL_JOIN_H

#include <string.h>
#include "machine/vector.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

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

/* In each quarter of 16 bytes: numbers of a and b in turn, the first halves and the second halves. */
#if REAL_IS_FLOAT
#define IN_LOW(k) k, k + LANES, k + 1, k + 1 + LANES
#define IN_HIGH(k) k + 2, k + 2 + LANES, k + 3, k + 3 + LANES
#else
#define IN_LOW(k) k, k + LANES
#define IN_HIGH(k) k + 1, k + 1 + LANES
#endif
#if VECTOR_BYTES == 64
#define QUARTERS(f) f(0), f(UNIT), f(2 * UNIT), f(3 * UNIT)
#elif VECTOR_BYTES == 32
#define QUARTERS(f) f(0), f(UNIT)
#else
#define QUARTERS(f) f(0)
#endif
#if defined(__clang__)
#define turned(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define turned(a, b, ...) __builtin_shuffle(a, b, (lanes){__VA_ARGS__})
#endif
static inline __attribute__((always_inline)) vector
turns_low(vector a, vector b) { return turned(a, b, QUARTERS(IN_LOW)); }
static inline __attribute__((always_inline)) vector
turns_high(vector a, vector b) { return turned(a, b, QUARTERS(IN_HIGH)); }
#undef turned
#undef IN_LOW
#undef IN_HIGH
#undef QUARTERS

/* UNIT numbers from number i on of rows 0, UNIT, 2 UNIT, ..., a row in each quarter. */
static inline __attribute__((always_inline)) vector quarters_of(const real *const *from, ptrdiff_t i)
{
#if defined(__AVX512F__)
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps((const float *)(from[0] + i)));
    v = _mm512_insertf32x4(v, _mm_loadu_ps((const float *)(from[UNIT] + i)), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps((const float *)(from[2 * UNIT] + i)), 2);
    return (vector)_mm512_insertf32x4(v, _mm_loadu_ps((const float *)(from[3 * UNIT] + i)), 3);
#elif defined(__AVX2__)
    const __m256 v = _mm256_castps128_ps256(_mm_loadu_ps((const float *)(from[0] + i)));
    return (vector)_mm256_insertf128_ps(v, _mm_loadu_ps((const float *)(from[UNIT] + i)), 1);
#else
    return *(const vector *)(from[0] + i);
#endif
}

/* Numbers i … i + UNIT of LANES rows into as many vectors. */
static inline __attribute__((always_inline)) void join_numbers(ptrdiff_t i, const real *const *from, vector *to)
{
#if REAL_IS_FLOAT
    const vector a = quarters_of(from, i), b = quarters_of(from + 1, i), c = quarters_of(from + 2, i);
    const vector d = quarters_of(from + 3, i);
    const vector ac = turns_low(a, c), bd = turns_low(b, d), ac_high = turns_high(a, c), bd_high = turns_high(b, d);
    to[0] = turns_low(ac, bd), to[1] = turns_high(ac, bd);
    to[2] = turns_low(ac_high, bd_high), to[3] = turns_high(ac_high, bd_high);
#else
    const vector a = quarters_of(from, i), b = quarters_of(from + 1, i);
    to[0] = turns_low(a, b), to[1] = turns_high(a, b);
#endif
}

/* n numbers of LANES rows into vectors (n,). */
static inline __attribute__((always_inline)) void join_row(ptrdiff_t n, const real *const *from, vector *to)
{
    if (n < UNIT) {
        for (ptrdiff_t i = 0; i < n; i++)
            for (int q = 0; q < LANES; q += UNIT)
#if REAL_IS_FLOAT
                *(unit *)((real *)(to + i) + q) = (unit){from[q][i], from[q + 1][i], from[q + 2][i], from[q + 3][i]};
#else
                *(unit *)((real *)(to + i) + q) = (unit){from[q][i], from[q + 1][i]};
#endif
        return;
    }
    ptrdiff_t i = 0;
    for (; i + UNIT <= n; i += UNIT)
        join_numbers(i, from, to + i);
    if (i < n)
        join_numbers(n - UNIT, from, to + n - UNIT);
}

/* n numbers of each model into vectors (n,). */
static void models_join(ptrdiff_t n, const real *const *from, vector *to) { join_row(n, from, to); }

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

/* The same for different rows of the models. `ordered`: each has an order. */
static inline __attribute__((always_inline)) void join_rows_of(
    const int ordered, ptrdiff_t first, ptrdiff_t rows, const models_rows *of, vector *to, vector *targets)
{
    const ptrdiff_t n_in = of->n_in, n_out = of->n_out;
    const int has_targets = of->y[0] != NULL;
    const real *from[LANES], *wanted[LANES];
    for (ptrdiff_t r = first; r < first + rows; r++, to += n_in, targets += n_out) {
        UNROLL(16)
        for (int q = 0; q < LANES; q++) {
            const ptrdiff_t at = ordered || of->order[q] ? of->order[q][r] : r;
            from[q] = of->x[q] + at * n_in, wanted[q] = of->y[q] + at * n_out;
        }
        if (n_in == UNIT)
            join_row(UNIT, from, to);
        else
            join_row(n_in, from, to);
        if (has_targets && n_out == 1)
            join_row(1, wanted, targets);
        else if (has_targets)
            join_row(n_out, wanted, targets);
    }
}

/* Rows first … first + rows of every model into x (rows, n_in) and y (rows, n_out). */
static void models_join_rows(ptrdiff_t first, ptrdiff_t rows, const models_rows *of, vector *x, vector *y)
{
    const ptrdiff_t n_in = of->n_in, n_out = of->n_out;
    int ordered = 1;
    for (ptrdiff_t r = 0; r < rows && of->alike; r++) {
        const int64_t at = of->order[0] ? of->order[0][first + r] : first + r;
        join_alike(n_in, of->x[0] + at * n_in, x + r * n_in);
        if (of->y[0])
            join_alike(n_out, of->y[0] + at * n_out, y + r * n_out);
    }
    if (of->alike)
        return;
    for (int q = 0; q < LANES; q++)
        ordered &= of->order[q] != NULL;
    if (ordered)
        join_rows_of(1, first, rows, of, x, y);
    else
        join_rows_of(0, first, rows, of, x, y);
}

#endif
