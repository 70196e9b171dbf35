/* Products of layers that are no wider than a vector: a row of a weight is one register.
 *
 * Design
 * ------
 * - One output is a case of its own: its weight is one register, not one for each input.
 * - What is read or written behind a row's numbers is masked out, or written over by the next row. */
#ifndef GDCORE_TINY_H
#define GDCORE_TINY_H

#include "machine/vector.h"

/* z (LANES,) = x W + bias, with x (n_in,), W (n_in, n_out) and bias (n_out,) or NULL; 0 behind n_out. Two partial sums. */
static inline void tiny_forward(
    ptrdiff_t n_in, ptrdiff_t n_out, const real *x, const real *w, const real *bias, real *z)
{
    if (n_out == 1) {
        *(vector *)z = (vector){sum_first(LANES, load_part(n_in, x) * load_part(n_in, w)) + (bias ? *bias : 0)};
        return;
    }
    vector even = bias ? load_part(n_out, bias) : (vector){0}, odd = {0};
    ptrdiff_t i = 0;
    for (; i + 2 <= n_in; i += 2, w += 2 * n_out) {
        even += x[i] * load_part(n_out, w);
        odd += x[i + 1] * load_part(n_out, w + n_out);
    }
    if (i < n_in)
        even += x[i] * load_part(n_out, w);
    *(vector *)z = even + odd;
}

/* before (LANES,) = delta W^T, with delta (LANES,), which is 0 behind n_out; 0 behind n_in. */
static inline void tiny_backward(ptrdiff_t n_in, ptrdiff_t n_out, const real *delta, const real *w, real *before)
{
    const vector d = *(const vector *)delta;
    if (n_out == 1) {
        *(vector *)before = delta[0] * load_part(n_in, w);
        return;
    }
    vector part[LANES];
    UNROLL(16)
    for (int q = 0; q < LANES; q++) {
        part[q] = (vector){0};
        if (q < n_in)
            part[q] = d * load_part(n_out, w + q * n_out);
    }
    *(vector *)before = sums(part);
}

/* Write n numbers to g; up to a vector behind g is written, but nothing behind `end`. */
static inline __attribute__((always_inline)) void store_part(ptrdiff_t n, vector v, real *g, const real *end)
{
    if (end - g >= LANES)
        *(vector *)g = v;
    else
        for (ptrdiff_t j = 0; j < n; j++)
            g[j] = v[j];
}

/* g (n_in, n_out) = x^T delta, x being pointers to rows (n_in,) and delta's rows LANES apart; writes as `store_part`. */
static inline void tiny_gradient(
    ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out, const real *const *x, const real *delta, real *g, const real *end)
{
    if (n_out == 1) {
        vector sum = delta[0] * load_part(n_in, x[0]);
        for (ptrdiff_t r = 1; r < rows; r++)
            sum += delta[r * LANES] * load_part(n_in, x[r]);
        store_part(n_in, sum, g, end);
        return;
    }
    for (ptrdiff_t i = 0; i < n_in; i++, g += n_out) {
        vector sum = x[0][i] * *(const vector *)delta;
        for (ptrdiff_t r = 1; r < rows; r++)
            sum += x[r][i] * *(const vector *)(delta + r * LANES);
        store_part(n_out, sum, g, end);
    }
}

#endif
