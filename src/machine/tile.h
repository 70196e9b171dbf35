/* The register tile: a few rows by a few vectors of a matrix product, kept in registers over the whole sum.

Design
------
- GCC's vector extensions give one body for every instruction set and precision: only the vector's bytes and
  the tile's rows differ. The rows are as many as the register file holds: rows x 2 accumulators, two
  vectors of B, one broadcast of A (32 registers under AVX-512, 16 under AVX2 and SSE2).
- A is reached by two strides, so X W, X^T D and D W^T share the tile: it only ever broadcasts A's elements.
  B and C are read and written in whole vectors; `product` sees to it that there are whole vectors.
- An edge has fewer rows or one vector. `rows` and `vectors` are constants in every instance, so the loops
  over them unroll and the accumulators never leave the registers. A tile of more vectors than rows broadcasts first,
  so that B's vectors need no registers.
- A full tile has loops of its own, one for each kind of A and B, with the strides that are constant there and DEEP terms
  in the body. Otherwise twelve rows need more pointers than there are registers, and six spend a fifth of their
  instructions on pointers.
  Measured: X W and D W^T take 0.92 to 0.95 of the time with one pointer for each row (AVX-512), 0.91 to 0.97 (AVX2);
  1000-900, 900-1100 and 1024-1024, 400 and 512 rows, float32, on a loaded Xeon. Where B is read in place, steps take 0.97
  to 1.0 of the time without (784-128-10 and 64-128-64-10, 64 rows).
- Sums run over k in order, one accumulator per element: the bits depend on neither tile nor thread. */
#ifndef GDCORE_TILE_H
#define GDCORE_TILE_H

#include "machine/vector.h"

/* The rows of a full tile, and a statement for each of their numbers. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 12 };
#define TILE_HEIGHTS(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12)
#elif defined(__AVX2__)
enum { TILE_ROWS = 6 };
#define TILE_HEIGHTS(F) F(1) F(2) F(3) F(4) F(5) F(6)
#elif defined(__aarch64__)
enum { TILE_ROWS = 8 };
#define TILE_HEIGHTS(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8)
#else
enum { TILE_ROWS = 4 };
#define TILE_HEIGHTS(F) F(1) F(2) F(3) F(4)
#endif
enum { TILE_COLUMNS = 2 * LANES, MOST_VECTORS = 8 };

typedef struct {
    const real *a;          /* (rows, k): element (i, p) at a[i * a_row + p * a_col] */
    const real *b;          /* (k, vectors * LANES), row stride b_row */
    const real *init;       /* what the sums start from: NULL is zero, stride 0 a bias, c itself adds to it; where
                             * `spreads`, a number for each row */
    real *c;                /* (rows, vectors * LANES), row stride c_row */
    ptrdiff_t k, a_row, a_col, b_row, init_row, c_row;
} tile_args;

/* Each pointer to A serves three rows: the strides of two are scales of one register. */
enum { POINTERS = (TILE_ROWS + 2) / 3, DEEP = 4 };

/* Add one term to the sums. */
static inline __attribute__((always_inline)) void
add_term(const int rows, const int vectors, const int spreads, const ptrdiff_t a_row, const real *const a[POINTERS],
         const real *b, vector sum[TILE_ROWS][MOST_VECTORS])
{
    vector column[MOST_VECTORS], row[TILE_ROWS];
    if (vectors > rows && spreads) {
        UNROLL(16)
        for (int i = 0; i < rows; i++)
            row[i] = a[i / 3][i % 3 * a_row] - (vector){0};
        UNROLL(8)
        for (int j = 0; j < vectors; j++)
            UNROLL(16)
            for (int i = 0; i < rows; i++)
                sum[i][j] += row[i] * *(const vector *)(b + j * LANES);
        return;
    }
    UNROLL(8)
    for (int j = 0; j < vectors; j++)
        column[j] = *(const vector *)(b + j * LANES);
    UNROLL(16)
    for (int i = 0; i < rows; i++)
        UNROLL(8)
        for (int j = 0; j < vectors; j++)
            sum[i][j] += a[i / 3][i % 3 * a_row] * column[j];
}

/* `deep` terms stand in the body of the loop; the strides are constants in some instances. */
static inline __attribute__((always_inline)) void
tile_by(const int rows, const int vectors, const int spreads, const int deep, const ptrdiff_t a_row,
        const ptrdiff_t a_col, const ptrdiff_t b_row, const tile_args *t)
{
    const real *a[POINTERS], *b = t->b;
    vector sum[TILE_ROWS][MOST_VECTORS];
    ptrdiff_t left = t->k;

    UNROLL(4)
    for (int q = 0; q < POINTERS; q++)
        a[q] = t->a + 3 * q * a_row;
    UNROLL(16)
    for (int i = 0; i < rows; i++)
        UNROLL(8)
        for (int j = 0; j < vectors; j++) {
            sum[i][j] = (vector){0};
            if (t->init && spreads)
                sum[i][j] = t->init[i * t->init_row] - sum[i][j];
            else if (t->init)
                sum[i][j] = *(const vector *)(t->init + i * t->init_row + j * LANES);
        }

    if (deep > 1)
        for (; left >= deep; left -= deep) {
            UNROLL(4)
            for (int term = 0; term < deep; term++, b += b_row) {
                add_term(rows, vectors, spreads, a_row, a, b, sum);
                UNROLL(4)
                for (int q = 0; q < POINTERS; q++)
                    a[q] += a_col;
            }
        }
    for (; left > 0; left--, b += b_row) {
        add_term(rows, vectors, spreads, a_row, a, b, sum);
        UNROLL(4)
        for (int q = 0; q < POINTERS; q++)
            a[q] += a_col;
    }

    UNROLL(16)
    for (int i = 0; i < rows; i++)
        UNROLL(8)
        for (int j = 0; j < vectors; j++)
            *(vector *)(t->c + i * t->c_row + j * LANES) = sum[i][j];
}

static inline __attribute__((always_inline)) void
tile_of(const int rows, const int vectors, const int spreads, const tile_args *t)
{
    tile_by(rows, vectors, spreads, 1, t->a_row, t->a_col, t->b_row, t);
}

/* A full tile whose A has stride 1 along rows or along terms. The four branches differ in the strides that the compiler
 * knows. */
static __attribute__((noinline)) void full_tile(const tile_args *t)
{
    if (t->a_col == 1 && t->b_row == TILE_COLUMNS)
        tile_by(TILE_ROWS, 2, 0, DEEP, t->a_row, 1, TILE_COLUMNS, t);
    else if (t->a_col == 1)
        tile_by(TILE_ROWS, 2, 0, DEEP, t->a_row, 1, t->b_row, t);
    else if (t->a_col == TILE_ROWS && t->b_row == TILE_COLUMNS)
        tile_by(TILE_ROWS, 2, 0, DEEP, 1, TILE_ROWS, TILE_COLUMNS, t);
    else
        tile_by(TILE_ROWS, 2, 0, DEEP, 1, t->a_col, t->b_row, t);
}

#define TILE_CASE(n) \
    case n: if (vectors == 2) tile_of(n, 2, 0, t); else tile_of(n, 1, 0, t); break;

/* One tile of 1 … TILE_ROWS rows and 1 or 2 vectors. */
static ONE_COPY void tile(const int rows, const int vectors, const tile_args *t)
{
    if (rows == TILE_ROWS && vectors == 2 && (t->a_row == 1 || t->a_col == 1)) {
        full_tile(t);
        return;
    }
    switch (rows) {
    TILE_HEIGHTS(TILE_CASE)
    }
}

#undef TILE_CASE

/* Ask for the numbers of a tile of C. */
static inline void fetch_tile(const real *c, ptrdiff_t c_row)
{
    for (int i = 0; i < TILE_ROWS; i++, c += c_row) {
        UNROLL(4)
        for (int j = 0; j < TILE_COLUMNS; j += CACHE_LINE / (int)sizeof(real)) {
            __builtin_prefetch(c + j, 1, 3);
            __asm__ volatile("");
        }
    }
}

/* to[s][p][i] = a[p * a_col + s * TILE_ROWS + i]: strips of TILE_ROWS rows of a transposed A, `room` numbers apart, for
 * the first `rows` rows of A and k terms of the sums. Whole vectors are copied, and what they bring too much is written
 * over, or stands behind a strip. All terms but the last have numbers of the next one behind them. */
static void pack_strips(ptrdiff_t k, ptrdiff_t rows, const real *a, ptrdiff_t a_col, ptrdiff_t room, real *to)
{
    for (ptrdiff_t p = 0; p < k - 1; p++, a += a_col)
        for (ptrdiff_t i = 0, at = p * TILE_ROWS; i < rows; i += TILE_ROWS, at += room)
            UNROLL(4)
            for (int j = 0; j < TILE_ROWS; j += LANES)
                *(vector *)(to + at + j) = *(const vector *)(a + i + j);
    for (ptrdiff_t i = 0; i < rows; i++)
        to[i / TILE_ROWS * room + (k - 1) * TILE_ROWS + i % TILE_ROWS] = a[i];
}

#endif
