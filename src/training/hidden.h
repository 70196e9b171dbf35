/* The gradient of a small network of one hidden layer of whole vectors and one output, its units in the lanes: see small.h.
 *
 * Design
 * ------
 * - Inputs stay as they are, and only the outputs are sums across lanes.
 * - The sums over rows have the bits of wide.h's, where rows lie in the lanes: LANES partial sums, row r in number
 *   r % LANES, added in one tree. So which of both makes a step is a matter of speed. */
#ifndef GDCORE_HIDDEN_H
#define GDCORE_HIDDEN_H

#include "training/wide.h"

/* Whether a batch's gradient is computed here. */
static inline int has_hidden_lanes(const SmallSteps *of)
{
    const SmallLayer *front = of->layers, *back = of->layers + 1;
    return of->n_layers == 2 && back->n_out == 1 && front->n_out % LANES == 0 && of->batch >= LANES
        && !packed_columns(front->n_in, front->n_out, of->batch);
}

/* The sum over rows of a number x (lead,) times a vector v (lead, LANES). */
static inline __attribute__((always_inline)) vector hidden_sum(ptrdiff_t lead, const real *x, const real *v)
{
    vector sum[LANES];
    UNROLL(16)
    for (int q = 0; q < LANES; q++)
        sum[q] = (vector){0};
    for (ptrdiff_t r = 0; r < lead; r += LANES, x += LANES, v += LANES * LANES)
        UNROLL(16)
        for (int q = 0; q < LANES; q++)
            sum[q] += x[q] * *(const vector *)(v + q * LANES);
    return add_parts(sum);
}

/* z (n / LANES, lead, LANES) = x^T W + bias, with x (n_in, lead). */
static inline void hidden_outputs(const SmallLayer *layer, ptrdiff_t lead, const real *params, const real *x, real *z)
{
    enum { ROWS = LANES < 4 ? LANES : 4 };
    const ptrdiff_t n = layer->n_out;
    for (ptrdiff_t j = 0; j < n; j += LANES)
        for (ptrdiff_t r = 0; r < lead; r += ROWS, z += ROWS * LANES) {
            const tile_args t = {
                .a = x + r, .b = params + layer->weight_at + j, .c = z, .k = layer->n_in, .c_row = LANES,
                .init = layer->bias_at < 0 ? NULL : params + layer->bias_at + j};
            tile_by(ROWS, 1, 0, 1, 1, lead, n, &t);
        }
}

/* z (lead,) = a w + bias, with a (n / LANES, lead, LANES) and w (n,). */
static inline void hidden_dots(ptrdiff_t n, ptrdiff_t lead, const real *a, const real *w, real bias, real *z)
{
    for (ptrdiff_t r = 0; r < lead; r += LANES, a += LANES * LANES) {
        vector sum[LANES];
        UNROLL(16)
        for (int q = 0; q < LANES; q++)
            sum[q] = (vector){0};
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            const vector some = *(const vector *)(w + j);
            UNROLL(16)
            for (int q = 0; q < LANES; q++)
                sum[q] += some * *(const vector *)(a + j * lead + q * LANES);
        }
        *(vector *)(z + r) = sums(sum) + bias;
    }
}

/* before (n / LANES, lead, LANES) = delta (lead,) w (n,), times the slopes of tanh at its values a where `tanh`. */
static inline __attribute__((always_inline)) void hidden_deltas(
    const int tanh, ptrdiff_t n, ptrdiff_t lead, const real *w, const real *delta, const real *a, real *before)
{
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        const vector some = *(const vector *)(w + j);
        for (ptrdiff_t r = 0; r < lead; r++, a += LANES, before += LANES) {
            const vector v = *(const vector *)a;
            vector d = some * delta[r];
            if (tanh)
                d *= 1 - v * v;
            *(vector *)before = d;
        }
    }
}

/* Compute the gradient of a batch, and return its sum of losses. */
static double hidden_gradient(const SmallSteps *of, ptrdiff_t first, Wide *net)
{
    const SmallLayer *front = of->layers, *back = of->layers + 1;
    const ptrdiff_t n_in = front->n_in, n = front->n_out, lead = net->lead, skip = of->order ? 0 : first;
    const int64_t *order = of->order ? of->order + first : NULL;
    const real *w = of->params + back->weight_at;
    real *x = net->a[0], *a = net->a[1], *z = front->values ? net->z[0] : a, *delta = net->delta[0];
    real *out = net->a[2], *sum = back->values ? net->z[1] : out, *last = net->delta[1];
    transpose_rows(of->batch, n_in, of->x + skip * n_in, order, lead, x);
    transpose_rows(of->batch, 1, of->y + skip, order, lead, net->y);
    hidden_outputs(front, lead, of->params, x, z);
    if (front->values)
        front->values(z, a, n * lead, front->option);
    hidden_dots(n, lead, a, w, back->bias_at < 0 ? 0 : of->params[back->bias_at], sum);
    if (back->values)
        back->values(sum, out, lead, back->option);
    const double total = wide_losses(of, net, out, (real)(1.0 / of->batch), last);
    small_slopes(back, sum, out, last, lead);
    if (back->bias_at >= 0)
        wide_bias(1, lead, net->some, last, of->grads + back->bias_at);
    if (front->slopes == tanh_slopes)
        hidden_deltas(1, n, lead, w, last, a, delta);
    else
        hidden_deltas(0, n, lead, w, last, a, delta);
    if (front->slopes && front->slopes != tanh_slopes)
        front->slopes(z, a, delta, n * lead, front->option);
    for (ptrdiff_t j = 0; j < n; j += LANES, a += lead * LANES, delta += lead * LANES) {
        real *grads = of->grads + front->weight_at + j;
        *(vector *)(of->grads + back->weight_at + j) = hidden_sum(lead, last, a);
        for (ptrdiff_t p = 0; p < n_in + (front->bias_at >= 0); p++)
            *(vector *)(grads + p * n) = hidden_sum(lead, x + p * lead, delta);
    }
    return total;
}

#endif
