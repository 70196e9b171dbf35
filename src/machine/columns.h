/* Columns of several formats, such as those of a table, written as the rows of a matrix.
 *
 * Design
 * ------
 * - LANES columns are turned at a time, LANES rows of each in registers. A column of another format is converted before,
 *   into memory that the first-level cache holds. Its columns are TURN_GAP numbers apart from a power of two, where all
 *   would begin in the same lines of the cache.
 * - All columns of some rows come before the next rows, so that a row's lines are whole before they leave the cache. */
#ifndef GDCORE_COLUMNS_H
#define GDCORE_COLUMNS_H

#include "machine/arrays.h"
#include "machine/tuning.h"
#include "machine/vector.h"

enum { TURN_ROWS = 256, TURN_GAP = 64 / sizeof(real) };

typedef struct {
    const char *numbers;
    ptrdiff_t step;               /* bytes from one to the next */
    convert_numbers *convert;     /* NULL where they are contiguous and of the kernels' own format */
} column_args;

/* to[r * n + q] = column[q][r] for r < rows and q < count <= LANES. */
static void turn(ptrdiff_t rows, int count, const real *const column[LANES], ptrdiff_t n, real *to)
{
    ptrdiff_t r = 0;
    for (; count == LANES && r + LANES <= rows; r += LANES) {
        vector v[LANES];
        UNROLL(16)
        for (int q = 0; q < LANES; q++)
            v[q] = *(const vector *)(column[q] + r);
        transpose(v);
        UNROLL(16)
        for (int q = 0; q < LANES; q++)
            *(vector *)(to + (r + q) * n) = v[q];
    }
    for (; r < rows; r++)
        for (int q = 0; q < count; q++)
            to[r * n + q] = column[q][r];
}

/* to[r * n + j] = column j's number r, for `rows` rows of n columns. Returns whether no finite one has become infinite. */
static int columns_to_rows(ptrdiff_t rows, ptrdiff_t n, const column_args *columns, real *to)
{
    real converted[LANES * (TURN_ROWS + TURN_GAP)];
    const ptrdiff_t fitting = TURN_BYTES / (n * (ptrdiff_t)sizeof(real)) / LANES * LANES;
    const ptrdiff_t height = fitting < LANES ? LANES : fitting < TURN_ROWS ? fitting : TURN_ROWS;
    int fits = 1;
    for (ptrdiff_t first = 0; first < rows; first += height) {
        const ptrdiff_t some = rows - first < height ? rows - first : height;
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            const int count = n - j < LANES ? (int)(n - j) : LANES;
            const real *column[LANES];
            for (int q = 0; q < count; q++) {
                const column_args *of = columns + j + q;
                const char *numbers = of->numbers + first * of->step;
                column[q] = (const real *)numbers;
                if (of->convert) {
                    real *here = converted + q * (TURN_ROWS + TURN_GAP);
                    fits &= of->convert(numbers, of->step, some, here);
                    column[q] = here;
                }
            }
            turn(some, count, column, n, to + first * n + j);
        }
    }
    return fits;
}

#endif
