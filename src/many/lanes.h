/* Products whose numbers are vectors of models: lane q of every vector belongs to model q, and no lane sees another.
 *
 * Design
 * ------
 * - All three products of a layer are one function, with A and B by two strides: outputs, input deltas, and gradients
 *   that are summed row by row. Sums run over k in order, as those of transposed.h do, so each model has the same bits.
 *   Where transposed.h takes LANES partial sums of a long sum (`transposed_dots`), `models_dots` takes the same.
 * - A gradient that transposed.h sums over the lanes has LANES partial sums there, row r in number r % LANES, which are
 *   added in one tree. Here they are added in the same tree.
 * - A tile is four rows by a few columns; what is left over is done by one row or column. */
#ifndef GDCORE_MODEL_LANES_H
#define GDCORE_MODEL_LANES_H

#include "layers/activations.h"
#include "machine/vector.h"

typedef struct {
    const vector *a, *b;            /* (m, k) and (k, n), each by two strides */
    const vector *init;             /* (n,), what the sums of a column start from; NULL: 0 */
    vector *c;                      /* (m, n), rows c_row apart */
    ptrdiff_t m, n, k, a_row, a_col, b_row, b_col, c_row;
} models_args;

static inline __attribute__((always_inline)) void
models_tile(const int rows, const int columns, ptrdiff_t i, ptrdiff_t j, const models_args *of)
{
    enum { MOST = 4 };
    const ptrdiff_t a_row = of->a_row, a_col = of->a_col, b_row = of->b_row, b_col = of->b_col;
    const vector *a = of->a + i * a_row, *b = of->b + j * b_col;
    vector sum[MOST][MOST], column[MOST];
    UNROLL(4)
    for (int r = 0; r < rows; r++)
        UNROLL(4)
        for (int q = 0; q < columns; q++) {
            sum[r][q] = (vector){0};
            if (of->init)
                sum[r][q] = of->init[j + q];
        }
    for (ptrdiff_t p = 0; p < of->k; p++, a += a_col, b += b_row) {
        UNROLL(4)
        for (int q = 0; q < columns; q++)
            column[q] = b[q * b_col];
        UNROLL(4)
        for (int r = 0; r < rows; r++)
            UNROLL(4)
            for (int q = 0; q < columns; q++)
                sum[r][q] += a[r * a_row] * column[q];
    }
    UNROLL(4)
    for (int r = 0; r < rows; r++)
        UNROLL(4)
        for (int q = 0; q < columns; q++)
            of->c[(i + r) * of->c_row + j + q] = sum[r][q];
}

#define DOWN(columns)                                          \
    for (; j + (columns) <= of->n; j += (columns)) {           \
        ptrdiff_t i = 0;                                       \
        for (; i + 4 <= of->m; i += 4)                         \
            models_tile(4, columns, i, j, of);                 \
        for (; i < of->m; i++)                                 \
            models_tile(1, columns, i, j, of);                 \
    }

/* The sum of UNIT partial sums, and of LANES / UNIT such sums, in the order of `sums` of vector.h. */
static inline __attribute__((always_inline)) vector models_quarter(const vector *part)
{
#if REAL_IS_FLOAT
    return (part[0] + part[2]) + (part[1] + part[3]);
#else
    return part[0] + part[1];
#endif
}

static inline __attribute__((always_inline)) vector models_tree(vector *unit)
{
    UNROLL(2)
    for (int half = LANES / UNIT / 2; half; half /= 2)
        UNROLL(2)
        for (int u = 0; u < half; u++)
            unit[u] = unit[2 * u] + unit[2 * u + 1];
    return unit[0];
}

/* C (m, 1) = init + A b for k >= LANES: LANES partial sums, term by term those of `transposed_dots`, in its tree. */
static void models_dots(const models_args *of)
{
    enum { UNITS = LANES / UNIT };
    const ptrdiff_t k = of->k, rest = LANES - k % LANES;
    for (ptrdiff_t i = 0; i < of->m; i++) {
        const vector *a = of->a + i * of->a_row;
        vector unit[UNITS], part[UNIT];
        UNROLL(8)
        for (int u = 0; u < UNITS; u++) {
            UNROLL(4)
            for (int q = 0; q < UNIT; q++) {
                const ptrdiff_t lane = u * UNIT + q, last = k - LANES + lane;
                part[q] = (vector){0};
                if (lane >= rest)
                    part[q] += a[last * of->a_col] * of->b[last * of->b_row];
                for (ptrdiff_t p = lane; p - lane + LANES <= k; p += LANES)
                    part[q] += a[p * of->a_col] * of->b[p * of->b_row];
            }
            unit[u] = models_quarter(part);
        }
        of->c[i * of->c_row] = models_tree(unit) + (of->init ? *of->init : (vector){0});
    }
}

/* C = init + A B for k = 1, where tiles would have little to do but store. */
static inline void models_outer(const models_args *of)
{
    const ptrdiff_t n = of->n, b_col = of->b_col;
    const vector zero = {0}, *b = of->b, *init = of->init;
    for (ptrdiff_t i = 0; i < of->m; i++) {
        const vector a = of->a[i * of->a_row];
        vector *c = of->c + i * of->c_row;
        for (ptrdiff_t j = 0; j < n && init; j++)
            c[j] = init[j] + a * b[j * b_col];
        for (ptrdiff_t j = 0; j < n && !init; j++)
            c[j] = zero + a * b[j * b_col];
    }
}

/* The same without init, times the slopes of tanh at outputs s (m, n), rows c_row apart. */
static void models_outer_tanh(const models_args *of, const vector *s)
{
    const ptrdiff_t n = of->n, b_col = of->b_col, row = of->c_row;
    const vector zero = {0}, *b = of->b;
    for (ptrdiff_t i = 0; i < of->m; i++) {
        const vector a = of->a[i * of->a_row];
        vector *c = of->c + i * row;
        for (ptrdiff_t j = 0; j < n; j++)
            c[j] = (zero + a * b[j * b_col]) * (1 - s[i * row + j] * s[i * row + j]);
    }
}

/* C = init + A B. */
static __attribute__((noinline)) void models_product(const models_args *args)
{
    const models_args own = *args, *of = &own;    /* which no store can change */
    ptrdiff_t j = 0;
    if (of->k == 1) {
        models_outer(of);
        return;
    }
    if (of->n == 1 && of->k >= LANES) {
        models_dots(of);
        return;
    }
#if defined(__AVX512F__)
    DOWN(4)
#endif
    DOWN(2)
    DOWN(1)
}

#undef DOWN

/* C = A B, deltas behind outputs s, times the slopes there if they are tanh's and k = 1. Returns whether they were. */
static int models_deltas(
    const models_args *of, void (*slopes)(const real *z, const real *a, real *delta, ptrdiff_t n, real option),
    const vector *s)
{
    if (of->k == 1 && slopes == tanh_slopes) {
        models_outer_tanh(of, s);
        return 1;
    }
    models_product(of);
    return 0;
}

typedef struct {
    ptrdiff_t rows, n_in, n_out;
    const vector *x, *d;            /* (rows, n_in), (rows, n_out) */
    vector *g;                      /* (n_in, n_out), the bias's (n_out,) behind it */
} models_sums_args;

/* Add products of some rows to a part of each sum: of each other row, `rows` of them at most. */
static inline __attribute__((always_inline)) void models_add(
    const int I, const int J, const int ones, ptrdiff_t rows, const vector *x, const vector *d,
    const models_sums_args *of, vector part[2][2][2])
{
    UNROLL(2)
    for (int s = 0; s < UNIT / 2; s++, x += 2 * of->n_in, d += 2 * of->n_out)
        if (2 * s < rows)
            UNROLL(2)
            for (int j = 0; j < J; j++) {
                const vector delta = d[j];
                UNROLL(2)
                for (int i = 0; i < I; i++)
                    if (i < I - ones)
                        part[i][j][s] += x[i] * delta;
                    else
                        part[i][j][s] += delta;
            }
}

/* Columns j … j + J of rows i … i + I of G. LANES partial sums, added as `sums` of vector.h adds a vector's lanes: by
 * quarters, in a quarter first every other one. If `ones`, the last of the I rows is the bias. */
static inline __attribute__((always_inline)) void
models_sums(const int I, const int J, const int ones, ptrdiff_t i, ptrdiff_t j, const models_sums_args *of)
{
    enum { UNITS = LANES / UNIT };
    const ptrdiff_t rows = of->rows, n_in = of->n_in, n_out = of->n_out;
    const vector *x = of->x + i, *d = of->d + j;
    vector unit[2][2][UNITS];
    UNROLL(4)
    for (int u = 0; u < UNITS; u++)
        UNROLL(2)
        for (int half = 0; half < 2; half++) {
            vector part[2][2][2];
            ptrdiff_t r = u * UNIT;
            UNROLL(2)
            for (int p = 0; p < I; p++)
                UNROLL(2)
                for (int q = 0; q < J; q++)
                    part[p][q][0] = part[p][q][1] = (vector){0};
            for (; r + UNIT <= rows; r += LANES)
                models_add(I, J, ones, UNIT, x + (r + half) * n_in, d + (r + half) * n_out, of, part);
            if (r + half < rows)
                models_add(I, J, ones, rows - r - half, x + (r + half) * n_in, d + (r + half) * n_out, of, part);
            UNROLL(2)
            for (int p = 0; p < I; p++)
                UNROLL(2)
                for (int q = 0; q < J; q++) {
                    vector sum = part[p][q][0];
                    if (UNIT == 4)
                        sum += part[p][q][1];
                    if (half)
                        sum = unit[p][q][u] + sum;
                    unit[p][q][u] = sum;
                }
        }
    UNROLL(2)
    for (int p = 0; p < I; p++)
        UNROLL(2)
        for (int q = 0; q < J; q++)
            of->g[(i + p) * n_out + j + q] = models_tree(unit[p][q]);
}

/* J columns of G, for all inputs and, if there is one, the bias. */
static inline __attribute__((always_inline)) void
models_columns(const int J, ptrdiff_t j, int bias, const models_sums_args *of)
{
    ptrdiff_t i = 0;
    for (; i + 2 <= of->n_in; i += 2)
        models_sums(2, J, 0, i, j, of);
    if (i < of->n_in && bias)
        models_sums(2, J, 1, i, j, of);
    else if (i < of->n_in)
        models_sums(1, J, 0, i, j, of);
    else if (bias)
        models_sums(1, J, 1, i, j, of);
}

/* G (n_in, n_out), and behind it the bias (n_out,) if there is one, from X (rows, n_in) and D (rows, n_out). The first
 * `packed` columns are summed row by row. */
static __attribute__((noinline)) void models_gradient(
    ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t packed, int bias, const vector *x, const vector *d,
    vector *g)
{
    const models_args of = {x, d, NULL, g, n_in, packed, rows, 1, n_in, n_out, 1, n_out};
    models_product(&of);
    const models_sums_args sums = {rows, n_in, n_out, x, d, g};
    ptrdiff_t j = packed;
    for (; j + 2 <= n_out; j += 2)
        models_columns(2, j, bias, &sums);
    if (j < n_out)
        models_columns(1, j, bias, &sums);
    for (j = 0; bias && j < packed; j++) {
        vector sum = {0};
        for (ptrdiff_t r = 0; r < rows; r++)
            sum += d[r * n_out + j];
        g[n_in * n_out + j] = sum;
    }
}

#endif
