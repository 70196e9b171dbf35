/* A small network, its training and its rows as the loops of small.h see them, and what both of these share. */
#ifndef GDCORE_SMALL_MODEL_H
#define GDCORE_SMALL_MODEL_H

#include <math.h>
#include <string.h>
#include "layers/activations.h"
#include "losses/losses.h"
#include "machine/squares.h"
#include "machine/transposed.h"

typedef struct {
    ptrdiff_t n_in, n_out, weight_at, bias_at;    /* bias_at < 0: none */
    void (*values)(const real *z, real *a, ptrdiff_t n, real option);    /* NULL: a = z */
    void (*slopes)(const real *z, const real *a, real *delta, ptrdiff_t n, real option);
    real option;
} SmallLayer;

typedef struct {
    /* The model, and the rows in the order of the steps. */
    int n_layers;
    SmallLayer layers[TINY_LAYERS];
    ptrdiff_t n_params, batch;
    real *params, *grads;           /* (n_params,); the last step's gradient */
    const real *x, *y;              /* (n, n_in), (n, n_out) */
    const int64_t *order;           /* or NULL: as they stand */
    int keeps;                      /* whether `grads` is wanted after each step */
    /* The loss and the rule. */
    void (*losses)(const real *z, const real *y, ptrdiff_t n, real option, real *value, real *slope);
    real option;
    double rate;
    const double *rates;            /* of each step of the call, or NULL: `rate` */
    double bound, limit, growth, push;    /* of the overflow guard: see overflow.pxi */
    /* What the steps are added to. */
    double loss_sum, share_sum, norm_sum;
    double loss, share, norm;       /* of the last step */
} SmallSteps;

/* a = tanh(z), one vector. GCC would unroll the loop before it makes a vector of it, and then cannot. */
static inline __attribute__((always_inline)) void tanh_vector(const real *z, real *a)
{
    INDEPENDENT
#pragma GCC unroll 1
    for (int q = 0; q < LANES; q++)
        a[q] = real_tanh(z[q]);
}

/* a = f(z), one vector, 0 where the mask is not set. */
static inline __attribute__((always_inline)) void vector_values(const SmallLayer *of, const real *z, lanes some, real *a)
{
    if (of->values == tanh_values) {    /* tanh(0) = 0 */
        tanh_vector(z, a);
        return;
    }
    of->values(z, a, LANES, of->option);
    *(vector *)a = (vector)((lanes)*(const vector *)a & some);
}

/* delta *= f'(z), `n` numbers, whole vectors. */
static inline void small_slopes(const SmallLayer *of, const real *z, const real *a, real *delta, ptrdiff_t n)
{
    if (of->slopes == tanh_slopes) {
#pragma GCC unroll 4
        for (ptrdiff_t at = 0; at < n; at += LANES) {
            const vector v = *(const vector *)(a + at);
            *(vector *)(delta + at) *= 1 - v * v;
        }
    } else if (of->slopes)
        of->slopes(z, a, delta, n, of->option);
}

/* The losses of one vector of outputs z, summed by lanes where the mask is set, and their slopes times `scale`. */
static inline vector
small_losses(const SmallSteps *of, const real *z, const real *y, lanes some, real scale, real *delta)
{
    if (of->losses == mean_squared_error_values) {
        const vector e = (vector)((lanes)(*(const vector *)z - *(const vector *)y) & some);
        *(vector *)delta = 2 * scale * e;
        return e * e;
    }
    real value[LANES], slope[LANES];
    of->losses(z, y, LANES, of->option, value, slope);
    *(vector *)delta = (vector)((lanes)(scale * *(const vector *)slope) & some);
    return (vector)((lanes)*(const vector *)value & some);
}

/* The sum of squares of n vectors. */
static inline real vector_squares(ptrdiff_t n, const vector *g)
{
    vector sum[2] = {{0}, {0}};
    ptrdiff_t q = 0;
    for (; q + 2 <= n; q += 2) {
        sum[0] += g[q] * g[q];
        sum[1] += g[q + 1] * g[q + 1];
    }
    if (q < n)
        sum[0] += g[q] * g[q];
    return sum_first(LANES, sum[0] + sum[1]);
}

/* The sum of squares of n numbers, as `sum_squares` adds them while it is finite. */
static inline double flat_squares(ptrdiff_t n, const real *x)
{
    double total = 0;
    if (n < MIN_VECTOR_SUM) {
        for (ptrdiff_t i = 0; i < n; i++)
            total += (double)x[i] * x[i];
        return total;
    }
    for (ptrdiff_t i = 0; i < n; i += SUM_RUN)
        total += run_squares(n - i < SUM_RUN ? n - i : SUM_RUN, x + i);
    return total;
}

#endif
