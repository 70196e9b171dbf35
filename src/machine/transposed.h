/* Products of matrices whose rows lie in the lanes: a feature's numbers of all rows stand side by side.
 *
 * Design
 * ------
 * - Such a matrix is (features, lead). Its features are whole vectors of rows, so nothing is packed and no tile has an
 *   edge but in features. The weights are broadcast, by two strides: X W and D W^T are one function.
 * - Features are split evenly over tiles: 17 are 6 + 6 + 5. Fewer features leave registers for more vectors.
 * - A gradient of few numbers sums over the lanes: LANES dot products at once, their sums taken together. Lanes behind
 *   the rows are masked out of them, so it does not matter what stands there.
 * - The order of a sum depends on the number of its terms alone. */
#ifndef GDCORE_TRANSPOSED_H
#define GDCORE_TRANSPOSED_H

#include "machine/tile.h"
#include "machine/tuning.h"

/* Features of a tile at most. With AVX2 the terms of a single last vector would wait for each other; where it is one of
 * few, fewer features leave room for three vectors. */
static inline ptrdiff_t features_of_tile(ptrdiff_t lanes)
{
    const ptrdiff_t vectors = lanes / LANES;
    return TILE_ROWS == 6 && (vectors == 3 || vectors == 5 || vectors == 7) ? 4 : TILE_ROWS;
}

/* The tiles of all groups of `rows` features, `vectors` vectors wide, as far as there are so many vectors; four are taken
 * as two and two rather than as three and one. */
#define ACROSS(rows, vectors)                                                        \
    if ((rows) * (vectors) <= 2 * TILE_ROWS)                                         \
        for (; at + (vectors) * LANES <= lanes && ((vectors) != 3 || lanes - at != 4 * LANES); \
             at += (vectors) * LANES)                                                \
            for (ptrdiff_t i = 0; i < m; i += (rows)) {                              \
                tile_args t = *of;                                                   \
                t.a += i * of->a_row;                                                \
                t.b += at;                                                           \
                t.init = of->init ? of->init + i : 0;                                \
                t.init_row = 1;                                                      \
                t.c += i * of->c_row + at;                                           \
                tile_of(rows, (rows) * (vectors) <= 2 * TILE_ROWS ? (vectors) : 1, 1, &t); \
            }

#define GROUP_CASE(n) case n: ACROSS(n, 8) ACROSS(n, 4) ACROSS(n, 3) ACROSS(n, 2) ACROSS(n, 1) break;

/* C (m, lanes) for m features, a multiple of `rows`. */
static __attribute__((noinline)) void
transposed_groups(const int rows, ptrdiff_t m, ptrdiff_t lanes, const tile_args *of)
{
    ptrdiff_t at = 0;
    switch (rows) {
    TILE_HEIGHTS(GROUP_CASE)
    }
}

/* The sum of LANES vectors, in the order in which `sums` adds a vector's lanes. */
static inline __attribute__((always_inline)) vector add_parts(vector sum[LANES])
{
    UNROLL(4)
    for (int u = 0; u < LANES / UNIT; u++)
#if REAL_IS_FLOAT
        sum[u] = (sum[4 * u] + sum[4 * u + 2]) + (sum[4 * u + 1] + sum[4 * u + 3]);
#else
        sum[u] = sum[2 * u] + sum[2 * u + 1];
#endif
    UNROLL(2)
    for (int half = LANES / UNIT / 2; half; half /= 2)
        UNROLL(2)
        for (int u = 0; u < half; u++)
            sum[u] = sum[2 * u] + sum[2 * u + 1];
    return sum[0];
}

/* c (lanes,) = init + a B, with a (k,) and k >= LANES: LANES partial sums of each lane, term by term those of `dots`, and
 * added in the order of `sums`, so that a row has the same bits wherever it stands. */
static void transposed_dots(ptrdiff_t lanes, const tile_args *of)
{
    const ptrdiff_t k = of->k, rest = LANES - k % LANES;
    const real init = of->init ? *of->init : 0;
    for (ptrdiff_t at = 0; at < lanes; at += LANES) {
        const real *a = of->a + k - LANES, *b = of->b + (k - LANES) * of->b_row + at;
        vector sum[LANES];
        UNROLL(16)
        for (int q = 0; q < LANES; q++) {
            sum[q] = (vector){0};
            if (q >= rest)
                sum[q] += a[q] * *(const vector *)(b + q * of->b_row);
        }
        a = of->a, b = of->b + at;
        for (ptrdiff_t p = 0; p + LANES <= k; p += LANES, a += LANES)
            UNROLL(16)
            for (int q = 0; q < LANES; q++, b += of->b_row)
                sum[q] += a[q] * *(const vector *)b;
        *(vector *)(of->c + at) = add_parts(sum) + init;
    }
}

/* C (m, lanes) = init + A B, with A (m, k) by two strides, B (k, lanes) and init (m,) or NULL; whole vectors of lanes.
 * A small A stays in the first-level cache while B goes by; of a larger one, each tile's rows do. */
static void transposed_product(ptrdiff_t m, ptrdiff_t lanes, const tile_args *of)
{
    const ptrdiff_t most = features_of_tile(lanes), count = (m + most - 1) / most, base = m / count, more = m % count;
    const int small = m * of->k <= TRANSPOSED_WEIGHT;
    tile_args t = *of;
    if (m == 1 && of->k >= LANES) {
        transposed_dots(lanes, of);
        return;
    }
    for (ptrdiff_t i = 0, n; i < m; i += n) {
        const int rows = (int)(i < more * (base + 1) ? base + 1 : base);
        n = !small ? rows : rows > base ? more * rows : m - i;
        t.a = of->a + i * of->a_row;
        t.init = of->init ? of->init + i : 0;
        t.c = of->c + i * of->c_row;
        transposed_groups(rows, n, lanes, &t);
    }
}

typedef struct {
    ptrdiff_t n_in, n_out, rows, lead;
    const real *x, *d;      /* (n_in, lead) and (n_out, lead) */
    real *g;                /* (n_in, n_out) */
    int adds;               /* whether G is added to what is there */
} gradient_args;            /* of G = X D^T, a sum over rows */

/* I x J <= LANES sums over rows of x (I, lead) times d (J, lead); `some` masks the last vector of rows. */
static inline __attribute__((always_inline)) vector
sum_tile(const int I, const int J, ptrdiff_t rows, const real *const *x, const real *const *d, lanes some)
{
    vector sum[LANES], column[LANES];
    UNROLL(16)
    for (int q = 0; q < LANES; q++)
        sum[q] = (vector){0};
    ptrdiff_t r = 0;
    for (; r + LANES < rows; r += LANES) {
        UNROLL(16)
        for (int j = 0; j < J; j++)
            column[j] = *(const vector *)(d[j] + r);
        UNROLL(16)
        for (int i = 0; i < I; i++) {
            const vector v = *(const vector *)(x[i] + r);
            UNROLL(16)
            for (int j = 0; j < J; j++)
                sum[i * J + j] += v * column[j];
        }
    }
    UNROLL(16)
    for (int j = 0; j < J; j++)
        column[j] = (vector)((lanes)*(const vector *)(d[j] + r) & some);
    UNROLL(16)
    for (int i = 0; i < I; i++) {
        const vector v = (vector)((lanes)*(const vector *)(x[i] + r) & some);
        UNROLL(16)
        for (int j = 0; j < J; j++)
            sum[i * J + j] += v * column[j];
    }
    return sums(sum);
}

/* Write, or add, the sums of a tile that is not full, or whose numbers are added: those of its first rows and columns. */
static __attribute__((noinline)) void
put_sums(int rows, int columns, int J, const real *part, int adds, ptrdiff_t n_out, real *to)
{
    for (int p = 0; p < rows; p++, part += J, to += n_out)
        for (int q = 0; q < columns; q++)
            to[q] = adds ? to[q] + part[q] : part[q];
}

/* Columns j … j + J of G (n_in, n_out), as far as there are so many. */
static inline __attribute__((always_inline)) void
sum_columns(const int I, const int J, ptrdiff_t j, const gradient_args *of, lanes some)
{
    const int adds = of->adds;
    const ptrdiff_t n_in = of->n_in, n_out = of->n_out, lead = of->lead;
    const real *column[LANES], *row[LANES];
    UNROLL(16)
    for (int q = 0; q < J; q++)
        column[q] = of->d + (j + q < n_out ? j + q : n_out - 1) * lead;
    for (ptrdiff_t i = 0; i < n_in; i += I) {
        UNROLL(16)
        for (int q = 0; q < I; q++)
            row[q] = of->x + (i + q < n_in ? i + q : n_in - 1) * lead;
        vector found = sum_tile(I, J, of->rows, row, column, some);
        real *to = of->g + i * n_out + j;
        if (I * J == LANES && J == n_out && i + I <= n_in) {
            if (adds)
                found += *(const vector *)to;
            *(vector *)to = found;
            continue;
        }
        real part[LANES];
        *(vector *)part = found;
        if (!adds && j + J <= n_out && i + I <= n_in) {
            UNROLL(16)
            for (int p = 0; p < I; p++)
                __builtin_memcpy(to + p * n_out, part + p * J, J * sizeof(real));
            continue;
        }
        put_sums(n_in - i < I ? (int)(n_in - i) : I, n_out - j < J ? (int)(n_out - j) : J, J, part, adds, n_out, to);
    }
}

/* Columns of G (n_in, n_out) for which D is packed; the others are sums over the lanes. */
static inline ptrdiff_t packed_columns(ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t rows)
{
    if (n_in < TILED_INPUTS || (n_in < PACKED_INPUTS && 100 * n_in < PACKED_SHARE * rows))
        return 0;
    return n_out - n_out % PACKED_OUTPUTS;
}

#if LANES >= 8
/* Columns `first` … n_out of a row of G. */
static inline void sum_row(ptrdiff_t first, const gradient_args *of, lanes some)
{
    ptrdiff_t j = first;
    for (; j + LANES <= of->n_out; j += LANES)
        sum_columns(1, LANES, j, of, some);
    for (; j + 2 <= of->n_out; j += 4)
        sum_columns(1, 4, j, of, some);
    if (j < of->n_out)
        sum_columns(1, 1, j, of, some);
}
#endif

/* Columns `first` … n_out of G. A last row that would leave most of its tiles empty is taken by itself. */
static ONE_COPY void transposed_sums(ptrdiff_t first, const gradient_args *whole)
{
    const lanes some = lanes_below((whole->rows - 1) % LANES + 1);
    gradient_args of[1] = {*whole};
    ptrdiff_t j = first;
    for (; of->n_in < TILED_INPUTS && j + LANES <= of->n_out; j += LANES)
        sum_columns(1, LANES, j, of, some);
#if LANES >= 8
    if (of->n_in >= TILED_INPUTS && of->n_in % (LANES / 4) == 1 && of->n_out - first >= 8) {
        gradient_args last = *whole;
        of->n_in--;
        last.n_in = 1, last.x += of->n_in * of->lead, last.g += of->n_in * of->n_out;
        sum_row(first, &last, some);
    }
    for (; j + 4 <= of->n_out; j += 4)
        sum_columns(LANES / 4, 4, j, of, some);
    if (j + 3 == of->n_out) {
        sum_columns(LANES / 3, 3, j, of, some);
        return;
    }
#elif LANES == 4
    for (; j + 3 <= of->n_out; j += 4)
        sum_columns(1, 4, j, of, some);
#endif
    for (; j + 2 <= of->n_out; j += 2)
        sum_columns(LANES / 2, 2, j, of, some);
    if (j < of->n_out)
        sum_columns(LANES, 1, j, of, some);
}

/* The first `columns` of G, whole vectors: D is packed, into `panel`. */
static void transposed_packed(ptrdiff_t columns, const gradient_args *of, real *panel)
{
    const ptrdiff_t n_in = of->n_in, n_out = of->n_out, lead = of->lead;
    const ptrdiff_t count = (n_in + TILE_ROWS - 1) / TILE_ROWS, base = n_in / count, more = n_in % count;
    for (ptrdiff_t at = 0; at < of->rows; at += MAX_DEPTH)
        for (ptrdiff_t j = 0; j < columns; j += TILE_COLUMNS) {
            const ptrdiff_t terms = of->rows - at < MAX_DEPTH ? of->rows - at : MAX_DEPTH;
            const int width = columns - j < TILE_COLUMNS ? LANES : TILE_COLUMNS;
            pack_transposed(terms, width, width, of->d + j * lead + at, lead, panel);
            for (ptrdiff_t i = 0, q = 0; q < count; q++) {
                const int few = (int)(q < more ? base + 1 : base);
                real *c = of->g + i * n_out + j;
                const real *init = of->adds || at ? c : 0;
                const tile_args t = {of->x + i * lead + at, panel, init, c, terms, lead, 1, width, n_out, n_out};
                tile(few, width / LANES, &t);
                i += few;
            }
        }
}

/* Rows of few numbers, one after another. */
static inline __attribute__((always_inline)) void
transpose_narrow(const int n, ptrdiff_t rows, const real *x, const int64_t *order, ptrdiff_t lead, real *to)
{
    if (order)
        for (ptrdiff_t r = 0; r < rows; r++)
            UNROLL(4)
            for (int j = 0; j < n; j++)
                to[j * lead + r] = x[order[r] * n + j];
    else
        UNROLL(4)
        for (int j = 0; j < n; j++)
            for (ptrdiff_t r = 0; r < rows; r++)
                to[j * lead + r] = x[r * n + j];
}

/* to (n, lead) = x (rows, n)^T, its rows in order or as `order` (rows,) says; 0 behind them, up to a whole vector. */
static void transpose_rows(ptrdiff_t rows, ptrdiff_t n, const real *x, const int64_t *order, ptrdiff_t lead, real *to)
{
    if (n <= 4) {
        const vector zero = {0};
        for (ptrdiff_t j = 0; j < n && rows % LANES; j++)
            *(vector *)(to + j * lead + rows / LANES * LANES) = zero;
        if (n == 1)
            transpose_narrow(1, rows, x, order, lead, to);
        else if (n == 2)
            transpose_narrow(2, rows, x, order, lead, to);
        else if (n == 3)
            transpose_narrow(3, rows, x, order, lead, to);
        else
            transpose_narrow(4, rows, x, order, lead, to);
        return;
    }
    for (ptrdiff_t r = 0; r < rows; r += LANES) {
        const int count = rows - r < LANES ? (int)(rows - r) : LANES;
        /* A vector of a narrow row reaches into the next ones, so it is read only where they are this batch's. */
        if (n < LANES && (order || r + LANES + LANES / n >= rows)) {
            for (ptrdiff_t i = 0; i < LANES; i++) {
                const real *row = i < count ? x + (order ? order[r + i] : r + i) * n : NULL;
                for (ptrdiff_t j = 0; j < n; j++)
                    to[j * lead + r + i] = row ? row[j] : 0;
            }
            continue;
        }
        const real *row[LANES];
        UNROLL(16)
        for (int i = 0; i < LANES; i++) {
            const ptrdiff_t at = r + (i < count ? i : 0);
            row[i] = x + (order ? order[at] : at) * n;
        }
        for (ptrdiff_t k = 0; k < n; k += LANES) {
            const ptrdiff_t j = n < LANES ? 0 : k + LANES <= n ? k : n - LANES;
            vector v[LANES];
            UNROLL(16)
            for (int i = 0; i < LANES; i++) {
                v[i] = (vector){0};
                if (i < count)
                    v[i] = *(const vector *)(row[i] + j);
            }
            transpose(v);
            real *out = to + j * lead + r;
            UNROLL(16)
            for (int i = 0; i < LANES; i++)
                if (i < n)
                    *(vector *)(out + i * lead) = v[i];
        }
    }
}

#undef ACROSS
#undef GROUP_CASE

#endif
