/* One vector register, and what the products need beside the tile: packing, transposing, summing rows.

Design
------
- `vector` is that of GCC's and Clang's extension, as wide as the instruction set's registers; it may stand at any address.
- A panel is k rows of TILE_COLUMNS numbers, contiguous: the form in which a tile reads B best, whatever B's own
  row stride (strides of a power of two would meet in a few sets of the cache).
- LANES x LANES blocks are transposed in log2(LANES) rounds, each of which exchanges one bit of the vector's number with
  one of the lane's. The first rounds stay within quarters of 16 bytes: AVX2 takes two instructions more for every two
  vectors that are mixed across them. */
#ifndef GDCORE_VECTOR_H
#define GDCORE_VECTOR_H

#include "machine/real.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#if REAL_IS_FLOAT
#define LANES (VECTOR_BYTES / 4)
typedef int32_t lane;
#else
#define LANES (VECTOR_BYTES / 8)
typedef int64_t lane;
#endif

enum { CACHE_LINE = 64, SQUARES = 256 / sizeof(real) };

typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
typedef lane lanes __attribute__((vector_size(VECTOR_BYTES)));

/* GCC 11 does not know Clang's spelling, and Clang does not know GCC's. */
#if defined(__clang__)
#define shuffled(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define shuffled(a, b, ...) __builtin_shuffle(a, b, (lanes){__VA_ARGS__})
#endif

/* A mask of the first n <= LANES lanes, which is read and not computed. */
static inline __attribute__((always_inline)) lanes lanes_below(ptrdiff_t n)
{
    static const lane below[2 * LANES] = {[0 ... LANES - 1] = -1};
    lanes some;
    __builtin_memcpy(&some, below + LANES - n, sizeof some);
    return some;
}

/* Lanes of two vectors, a quarter of 16 bytes at a time: what a function of the quarter's first lane lists of each. */
enum { UNIT = 16 / sizeof(real) };
#if REAL_IS_FLOAT
#define LOW(k) k, k + LANES, k + 1, k + 1 + LANES
#define HIGH(k) k + 2, k + 2 + LANES, k + 3, k + 3 + LANES
#define OUTER(k) k, k + 1, k + 2 + LANES, k + 3 + LANES
#define INNER(k) k + 2, k + 3, k + LANES, k + 1 + LANES
#define WHOLE(k) k, k + 1, k + 2, k + 3
#else
#define LOW(k) k, k + LANES
#define HIGH(k) k + 1, k + 1 + LANES
#define WHOLE(k) k, k + 1
#endif
#if VECTOR_BYTES == 64
#define IN_UNITS(f) f(0), f(UNIT), f(2 * UNIT), f(3 * UNIT)
#define EVEN_UNITS WHOLE(0), WHOLE(2 * UNIT), WHOLE(LANES), WHOLE(LANES + 2 * UNIT)
#define ODD_UNITS WHOLE(UNIT), WHOLE(3 * UNIT), WHOLE(LANES + UNIT), WHOLE(LANES + 3 * UNIT)
#define EVEN_OF_BOTH EVEN_UNITS
#define ODD_OF_BOTH ODD_UNITS
#elif VECTOR_BYTES == 32
#define IN_UNITS(f) f(0), f(UNIT)
#define EVEN_UNITS WHOLE(0), WHOLE(LANES + UNIT)
#define ODD_UNITS WHOLE(UNIT), WHOLE(LANES)
#define EVEN_OF_BOTH WHOLE(0), WHOLE(LANES)
#define ODD_OF_BOTH WHOLE(UNIT), WHOLE(LANES + UNIT)
#else
#define IN_UNITS(f) f(0)
#endif

/* Transpose v, LANES vectors, in place. First blocks of UNIT x UNIT numbers, each within a quarter; then quarters. */
static inline __attribute__((always_inline)) void transpose(vector v[LANES])
{
    vector w[LANES];
    UNROLL(2)
    for (int round = 1; round < UNIT; round *= 2) {
        UNROLL(4)
        for (int at = 0; at < LANES; at += UNIT)
            UNROLL(2)
            for (int i = 0; i < UNIT / 2; i++) {
                w[at + 2 * i] = shuffled(v[at + i], v[at + i + UNIT / 2], IN_UNITS(LOW));
                w[at + 2 * i + 1] = shuffled(v[at + i], v[at + i + UNIT / 2], IN_UNITS(HIGH));
            }
        UNROLL(16)
        for (int i = 0; i < LANES; i++)
            v[i] = w[i];
    }
#if VECTOR_BYTES > 16
    UNROLL(2)
    for (int quarters = LANES / UNIT; quarters > 1; quarters /= 2) {
        UNROLL(8)
        for (int i = 0; i < LANES / 2; i++) {
            const int at = i / UNIT * 2 * UNIT + i % UNIT;
            w[i] = shuffled(v[at], v[at + UNIT], EVEN_OF_BOTH);
            w[i + LANES / 2] = shuffled(v[at], v[at + UNIT], ODD_OF_BOTH);
        }
        UNROLL(16)
        for (int i = 0; i < LANES; i++)
            v[i] = w[i];
    }
#endif
}

/* panel[p][j] = b[p * b_row + j] for j < n <= width, 0 behind; k rows of `width` numbers. A row's last numbers come
 * with a whole vector, of which the next row's are masked out, as long as the matrix has so many more. */
static void pack_rows(ptrdiff_t k, int n, int width, const real *b, ptrdiff_t b_row, real *panel)
{
    if (n == 2 * LANES) {    /* most panels are whole: no loop over vectors */
        for (ptrdiff_t p = 0; p < k; p++, b += b_row, panel += 2 * LANES) {
            const vector first = *(const vector *)b, second = *(const vector *)(b + LANES);
            *(vector *)panel = first;
            *(vector *)(panel + LANES) = second;
        }
        return;
    }
    const int whole = n / LANES * LANES;
    const real *end = b + (k - 1) * b_row + n;
    lanes counted;
    for (int j = 0; j < LANES; j++)
        counted[j] = j < n - whole ? -1 : 0;
    for (ptrdiff_t p = 0; p < k; p++, b += b_row, panel += width) {
        for (int j = 0; j < whole; j += LANES)
            *(vector *)(panel + j) = *(const vector *)(b + j);
        if (whole == width)
            continue;
        if (end - b >= whole + LANES)
            *(vector *)(panel + whole) = (vector)((lanes)*(const vector *)(b + whole) & counted);
        else {
            *(vector *)(panel + whole) = (vector){0};
            for (int j = whole; j < n; j++)
                panel[j] = b[j];
        }
    }
}

/* panel[p][j] = w[j * w_row + p] for j < n <= width, 0 behind; k rows of `width` numbers. */
static void pack_transposed(ptrdiff_t k, int n, int width, const real *w, ptrdiff_t w_row, real *panel)
{
    for (int j = 0; j < width; j += LANES) {
        const int rows = n - j < LANES ? n - j : LANES;
        ptrdiff_t p = 0;
        for (; p + LANES <= k; p += LANES) {
            vector v[LANES];
            UNROLL(16)
            for (int i = 0; i < LANES; i++)
                v[i] = i < rows ? *(const vector *)(w + (j + i) * w_row + p) : (vector){0};
            transpose(v);
            UNROLL(16)
            for (int i = 0; i < LANES; i++)
                *(vector *)(panel + (p + i) * width + j) = v[i];
        }
        for (; p < k; p++)
            for (int i = 0; i < LANES; i++)
                panel[p * width + j + i] = i < rows ? w[(j + i) * w_row + p] : 0;
    }
}

/* to[r * width + j] = from[r * n + j] for j < n; behind n stands what follows in `from`, or 0. */
static inline void spread_rows(ptrdiff_t rows, ptrdiff_t n, ptrdiff_t width, const real *from, real *to)
{
    for (ptrdiff_t r = 0; r < rows; r++, from += n, to += width)
        for (ptrdiff_t j = 0; j < n; j += LANES)
            if ((rows - r) * n - j >= LANES)
                *(vector *)(to + j) = *(const vector *)(from + j);
            else
                for (ptrdiff_t i = j; i < j + LANES; i++)
                    to[i] = i < n ? from[i] : 0;
}

/* Ask for `rows` rows of n numbers, to be packed soon. GCC takes a function of prefetches alone for one that does
 * nothing, and leaves its calls out: hence the empty statement that it may not look into. */
static inline void fetch_rows(ptrdiff_t rows, ptrdiff_t n, const real *b, ptrdiff_t b_row)
{
    for (; rows > 0; rows--, b += b_row)
        for (ptrdiff_t j = 0; j < n; j += CACHE_LINE / (ptrdiff_t)sizeof(real)) {
            __builtin_prefetch(b + j, 0, 2);
            __asm__ volatile("");
        }
}

/* The sum of each of LANES vectors, one per lane. First within quarters of a vector, 16 bytes each, where a shuffle of
 * any instruction set stays; then whole quarters change places. Every step adds two vectors' halves into one vector. */
static inline __attribute__((always_inline)) vector sums(vector v[LANES])
{
    UNROLL(8)
    for (int i = 0; i < LANES / 2; i++)
        v[i] = shuffled(v[2 * i], v[2 * i + 1], IN_UNITS(LOW)) + shuffled(v[2 * i], v[2 * i + 1], IN_UNITS(HIGH));
#if REAL_IS_FLOAT
    UNROLL(4)
    for (int i = 0; i < LANES / 4; i++)
        v[i] = shuffled(v[2 * i], v[2 * i + 1], IN_UNITS(OUTER)) + shuffled(v[2 * i], v[2 * i + 1], IN_UNITS(INNER));
#endif
#if VECTOR_BYTES > 16
    UNROLL(2)
    for (int half = VECTOR_BYTES / 32; half; half /= 2)
        UNROLL(2)
        for (int i = 0; i < half; i++)
            v[i] = shuffled(v[2 * i], v[2 * i + 1], EVEN_UNITS) + shuffled(v[2 * i], v[2 * i + 1], ODD_UNITS);
#endif
    return v[0];
}

#undef shuffled

/* c[i] = init + sum over p of a[i * a_row + p] * b[p], i < rows: LANES rows at once, a vector of partial sums each. With
 * `places` (rows,), i takes the numbers in it in turn.
 * What is left of k is read with a whole vector at the rows' ends, and what that counts twice is masked out.
 * A short sum goes through a vector all of whose lanes are alike: GCC may multiply and add numbers one by one, where it
 * fuses both for vectors, as tiles do. */
static inline __attribute__((always_inline)) void dots_of(
    const int32_t *places, ptrdiff_t rows, ptrdiff_t k, const real *a, ptrdiff_t a_row, const real *b, real init, real *c)
{
    if (k < LANES) {
        for (ptrdiff_t i = 0; i < rows; i++) {
            const ptrdiff_t at = places ? places[i] : i;
            vector sum = init - (vector){0};
            for (ptrdiff_t p = 0; p < k; p++)
                sum += (a[at * a_row + p] - (vector){0}) * b[p];
            c[at] = sum[0];
        }
        return;
    }
    lanes uncounted;
    for (int j = 0; j < LANES; j++)
        uncounted[j] = j < LANES - k % LANES ? 0 : -1;
    const vector last = *(const vector *)(b + k - LANES);
    for (ptrdiff_t i = 0; i < rows; i += LANES) {
        const real *row[LANES];
        vector sum[LANES];
        UNROLL(16)
        for (int q = 0; q < LANES; q++) {
            const ptrdiff_t at = i + q < rows ? i + q : rows - 1;
            row[q] = a + (places ? places[at] : at) * a_row;
            sum[q] = (vector)((lanes)(*(const vector *)(row[q] + k - LANES) * last) & uncounted);
        }
        for (ptrdiff_t p = 0; p + LANES <= k; p += LANES) {
            const vector column = *(const vector *)(b + p);
            UNROLL(16)
            for (int q = 0; q < LANES; q++)
                sum[q] += *(const vector *)(row[q] + p) * column;
        }
        const vector found = sums(sum) + init;
        if (!places && rows - i >= LANES)
            *(vector *)(c + i) = found;
        else
            for (int q = 0; q < LANES && q < rows - i; q++)
                c[places ? places[i + q] : i + q] = found[q];
    }
}

static void dots(ptrdiff_t rows, ptrdiff_t k, const real *a, ptrdiff_t a_row, const real *b, real init, real *c)
{
    dots_of(NULL, rows, k, a, a_row, b, init, c);
}

/* c[i] += sum over r of d[r] * x[r * x_row + i], i < n; d NULL: every d is 1. Four partial sums, r modulo 4.
 * Without d the rows are whole, and where they have room the last numbers are read with a whole vector. */
static void add_rows(ptrdiff_t rows, ptrdiff_t n, const real *d, const real *x, ptrdiff_t x_row, real *c)
{
    const ptrdiff_t fours = rows / 4 * 4;
    ptrdiff_t i = 0;
    for (; i + LANES <= n || (!d && i < n && i + LANES <= x_row); i += LANES) {
        vector sum[4] = {{0}};
        for (ptrdiff_t r = 0; r < fours; r += 4)
            UNROLL(4)
            for (int q = 0; q < 4; q++)
                sum[q] += *(const vector *)(x + (r + q) * x_row + i) * (d ? d[r + q] : 1);
        UNROLL(3)
        for (int q = 0; q < 3; q++)
            if (fours + q < rows)
                sum[q] += *(const vector *)(x + (fours + q) * x_row + i) * (d ? d[fours + q] : 1);
        sum[0] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
        if (i + LANES <= n)
            *(vector *)(c + i) += sum[0];
        else
            for (int q = 0; q < LANES && q < n - i; q++)
                c[i + q] += sum[0][q];
    }
    for (; i < n; i++) {
        real sum[4] = {0};
        for (ptrdiff_t r = 0; r < fours; r += 4)
            UNROLL(4)
            for (int q = 0; q < 4; q++)
                sum[q] += x[(r + q) * x_row + i] * (d ? d[r + q] : 1);
        UNROLL(3)
        for (int q = 0; q < 3; q++)
            if (fours + q < rows)
                sum[q] += x[(fours + q) * x_row + i] * (d ? d[fours + q] : 1);
        c[i] += (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
}

/* Parts of a vector are one masked instruction where the instruction set has it. It is named: GCC makes it of loops too,
 * but takes the numbers through memory and tests whether that is the caller's. AVX2 has it for loads. */
#if defined(__AVX512F__)
#if REAL_IS_FLOAT
#define masked_load _mm512_maskz_loadu_ps
#define masked_store _mm512_mask_storeu_ps
#else
#define masked_load _mm512_maskz_loadu_pd
#define masked_store _mm512_mask_storeu_pd
#endif

static inline __attribute__((always_inline)) __mmask16 part_mask(ptrdiff_t n)
{
    return (__mmask16)(n < LANES ? (1 << n) - 1 : -1);
}
#endif

/* The first n <= LANES numbers, 0 behind. */
static inline __attribute__((always_inline)) vector load_part(ptrdiff_t n, const real *x)
{
#if defined(__AVX512F__)
    return (vector)masked_load(part_mask(n), x);
#elif defined(__AVX2__) && REAL_IS_FLOAT
    return (vector)_mm256_maskload_ps(x, (__m256i)lanes_below(n));
#elif defined(__AVX2__)
    return (vector)_mm256_maskload_pd(x, (__m256i)lanes_below(n));
#else
    const lane some = (lane)n;
    real part[LANES];
#pragma GCC unroll 1
    for (lane i = 0; i < LANES; i++)
        part[i] = i < some ? x[i] : 0;
    return *(const vector *)part;
#endif
}

/* z (rows, z_row) = x (rows,) times weight (n,), + bias (n,) unless it is NULL; 0 behind n, up to a whole vector. */
static void outer_rows(
    ptrdiff_t rows, ptrdiff_t n, const real *x, const real *weight, const real *bias, real *z, ptrdiff_t z_row)
{
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        const ptrdiff_t left = n - j < LANES ? n - j : LANES;
        const vector w = load_part(left, weight + j);
        const vector init = bias ? load_part(left, bias + j) : (vector){0};
        for (ptrdiff_t r = 0; r < rows; r++)
            *(vector *)(z + r * z_row + j) = x[r] * w + init;
    }
}

/* The sum of a vector's first `used` lanes, a constant power of two, halves first: in quarters as soon as one holds all. */
static inline __attribute__((always_inline)) real sum_first(const int used, vector v)
{
    enum { UNITS = VECTOR_BYTES / 16 };
    typedef real unit __attribute__((vector_size(16), may_alias));
    unit part[UNITS];
    if (used == 1)
        return v[0];
    __builtin_memcpy(part, &v, sizeof v);
    UNROLL(2)
    for (int half = used / UNIT / 2; half; half /= 2)
        UNROLL(2)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
#if REAL_IS_FLOAT
    return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
#else
    return part[0][0] + part[0][1];
#endif
}

#endif
