/* The gradient of few rows of a small network, one by one: see small.h. */
#ifndef GDCORE_NARROW_H
#define GDCORE_NARROW_H

#include "training/small_model.h"

typedef struct {
    lanes some[TINY_LAYERS];                /* the lanes of a layer's outputs */
    vector *w[TINY_LAYERS], *g[TINY_LAYERS];    /* (n_in + 1) rows of a weight and its bias, and their gradient */
    vector *wt[TINY_LAYERS], *gt[TINY_LAYERS];  /* (n_out,) the same of the transposed weight, behind the first layer */
    int count, transposed;                  /* vectors of w and of wt */
    /* Vectors that crossed cache lines would be forwarded from one step to the next slowly. */
    vector weights[SMALL_VECTORS] __attribute__((aligned(CACHE_LINE)));
    vector gradient[SMALL_VECTORS], weights_t[SMALL_VECTORS], gradient_t[SMALL_VECTORS];
} Narrow;

/* Take the parameters. */
static void narrow_begin(const SmallSteps *of, Narrow *net)
{
    net->count = net->transposed = 0;
    for (int i = 0; i < of->n_layers; i++) {
        const SmallLayer *layer = &of->layers[i];
        const real *w = of->params + layer->weight_at;
        net->some[i] = lanes_below(layer->n_out);
        net->w[i] = net->weights + net->count, net->g[i] = net->gradient + net->count;
        for (ptrdiff_t p = 0; p < layer->n_in; p++)
            net->weights[net->count++] = load_part(layer->n_out, w + p * layer->n_out);
        net->weights[net->count++] =
            layer->bias_at < 0 ? (vector){0} : load_part(layer->n_out, of->params + layer->bias_at);
        net->wt[i] = net->weights_t + net->transposed, net->gt[i] = net->gradient_t + net->transposed;
        for (ptrdiff_t j = 0; i && j < layer->n_out; j++) {
            vector row = {0};
            for (ptrdiff_t p = 0; p < layer->n_in; p++)
                row[p] = w[p * layer->n_out + j];
            net->weights_t[net->transposed++] = row;
        }
    }
}

/* Write vectors of the form of w to a flat vector. */
static void narrow_store(const SmallSteps *of, vector *const *w, real *flat)
{
    for (int i = 0; i < of->n_layers; i++) {
        const SmallLayer *layer = &of->layers[i];
        const ptrdiff_t n = layer->n_out, rows = layer->n_in + (layer->bias_at >= 0);
        for (ptrdiff_t p = 0; p < rows; p++)
            memcpy(flat + layer->weight_at + p * n, &w[i][p], n * sizeof(real));
    }
}

/* A row on its way forward and back. */
typedef struct {
    real z[TINY_LAYERS][LANES] __attribute__((aligned(CACHE_LINE)));
    real a[TINY_LAYERS][LANES], delta[TINY_LAYERS][LANES];
    const real *x[TINY_LAYERS + 1];     /* a layer's inputs; behind the last layer, the outputs */
} NarrowRow;

/* Take a row as far as the deltas of all layers, and return its losses, one per lane. */
static inline __attribute__((always_inline)) vector
narrow_deltas(const SmallSteps *of, ptrdiff_t at, real scale, const Narrow *net, NarrowRow *row)
{
    const int last = of->n_layers - 1;
    const ptrdiff_t n_out = of->layers[last].n_out, from = of->order ? of->order[at] : at;
    real y[LANES];
    row->x[0] = of->x + from * of->layers[0].n_in;
    for (int i = 0; i <= last; i++) {
        const SmallLayer *layer = &of->layers[i];
        const vector *w = net->w[i];
        const real *x = row->x[i];
        vector sum[2] = {w[layer->n_in], {0}};
        ptrdiff_t p = 0;
        for (; p + 2 <= layer->n_in; p += 2) {
            sum[0] += x[p] * w[p];
            sum[1] += x[p + 1] * w[p + 1];
        }
        if (p < layer->n_in)
            sum[0] += x[p] * w[p];
        *(vector *)row->z[i] = sum[0] + sum[1];
        if (layer->values)
            vector_values(layer, row->z[i], net->some[i], row->a[i]);
        row->x[i + 1] = layer->values ? row->a[i] : row->z[i];
    }
    *(vector *)y = load_part(n_out, of->y + from * n_out);
    const vector losses = small_losses(of, row->x[last + 1], y, net->some[last], scale, row->delta[last]);
    for (int i = last;; i--) {
        small_slopes(&of->layers[i], row->z[i], row->x[i + 1], row->delta[i], LANES);
        if (!i)
            return losses;
        vector before = {0};
        for (ptrdiff_t j = 0; j < of->layers[i].n_out; j++)
            before += row->delta[i][j] * net->wt[i][j];
        *(vector *)row->delta[i - 1] = before;
    }
}

/* Set gradients to a row's, or add it to them: x times delta, both ways. */
static inline __attribute__((always_inline)) void narrow_products(
    const int adds, int i, const SmallLayer *layer, const real *x, const real *delta, Narrow *net)
{
    const vector d = *(const vector *)delta;
    vector *g = net->g[i], *gt = net->gt[i];
    for (ptrdiff_t p = 0; p < layer->n_in; p++)
        if (adds)
            g[p] += x[p] * d;
        else
            g[p] = x[p] * d;
    if (layer->bias_at < 0)
        g[layer->n_in] = (vector){0};
    else if (adds)
        g[layer->n_in] += d;
    else
        g[layer->n_in] = d;
    if (!i)
        return;
    const vector all = *(const vector *)x;
    for (ptrdiff_t j = 0; j < layer->n_out; j++)
        if (adds)
            gt[j] += delta[j] * all;
        else
            gt[j] = delta[j] * all;
}

/* Compute the gradient of a batch, and return its sum of losses. */
static inline real narrow_gradient(const SmallSteps *of, ptrdiff_t first, Narrow *net)
{
    const int last = of->n_layers - 1;
    const real scale = (real)(1.0 / (of->batch * of->layers[last].n_out));
    vector total = {0};
    for (ptrdiff_t r = 0; r < of->batch; r++) {
        NarrowRow row;
        total += narrow_deltas(of, first + r, scale, net, &row);
        for (int i = last; i >= 0; i--)
            if (r)
                narrow_products(1, i, &of->layers[i], row.x[i], row.delta[i], net);
            else
                narrow_products(0, i, &of->layers[i], row.x[i], row.delta[i], net);
    }
    return sum_first(LANES, total);
}

/* v -= rate g, n vectors. */
static inline void narrow_update(int n, real rate, const vector *g, vector *v)
{
    for (int q = 0; q < n; q++)
        v[q] -= rate * g[q];
}

/* The sum of squares of a row's gradient: those of each layer's inputs, and of 1 for the bias, times those of its deltas. */
static inline real narrow_squares(const SmallSteps *of, const NarrowRow *row)
{
    vector sum = {0};
    for (int i = 0; i < of->n_layers; i++) {
        const SmallLayer *layer = &of->layers[i];
        const vector d = *(const vector *)row->delta[i], x = i ? *(const vector *)row->x[i] : load_part(layer->n_in, row->x[0]);
        sum += (sum_first(LANES, x * x) + (layer->bias_at >= 0)) * (d * d);
    }
    return sum_first(LANES, sum);
}

/* Write a row's gradient to that of the parameters. */
static void narrow_keep(const SmallSteps *of, const NarrowRow *row, Narrow *net)
{
    for (int i = 0; i < of->n_layers; i++)
        narrow_products(0, i, &of->layers[i], row->x[i], row->delta[i], net);
    narrow_store(of, net->g, of->grads);
}

/* Subtract a row's gradient times the rate. */
static inline void narrow_move(const SmallSteps *of, real rate, const NarrowRow *row, Narrow *net)
{
    for (int i = 0; i < of->n_layers; i++) {
        const SmallLayer *layer = &of->layers[i];
        const vector d = rate * *(const vector *)row->delta[i];
        vector *w = net->w[i], *wt = net->wt[i];
        for (ptrdiff_t p = 0; p < layer->n_in; p++)
            w[p] -= row->x[i][p] * d;
        if (layer->bias_at >= 0)
            w[layer->n_in] -= d;
        if (!i)
            continue;
        const vector x = *(const vector *)row->x[i];
        for (ptrdiff_t j = 0; j < layer->n_out; j++)
            wt[j] -= d[j] * x;
    }
}

#endif
