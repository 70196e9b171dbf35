/* The gradient of few rows of a small network, one by one: see small.h. */
#ifndef GDCORE_NARROW_H
#define GDCORE_NARROW_H

#include "training/small_model.h"

typedef struct {
    lanes some[TINY_LAYERS];                /* the lanes of a layer's outputs */
    vector *w[TINY_LAYERS], *g[TINY_LAYERS];    /* (n_in + 1) rows of a weight and its bias, and their gradient */
    vector *wt[TINY_LAYERS], *gt[TINY_LAYERS];  /* (n_out,) the same of the transposed weight, behind the first layer */
    int count, transposed;                  /* vectors of w and of wt */
    vector weights[SMALL_VECTORS], gradient[SMALL_VECTORS];
    vector weights_t[SMALL_VECTORS], gradient_t[SMALL_VECTORS];
} Narrow;

/* Take the parameters. */
static void narrow_begin(const SmallSteps *of, Narrow *net)
{
    net->count = net->transposed = 0;
    for (int i = 0; i < of->n_layers; i++) {
        const SmallLayer *layer = &of->layers[i];
        const real *w = of->params + layer->weight_at;
        net->some[i] = first_lanes(layer->n_out);
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
    const ptrdiff_t n_in = of->layers[0].n_in, n_out = of->layers[last].n_out;
    const real scale = (real)(1.0 / (of->batch * n_out));
    vector total = {0};
    for (ptrdiff_t r = 0; r < of->batch; r++) {
        real z[TINY_LAYERS][LANES], a[TINY_LAYERS][LANES], delta[TINY_LAYERS][LANES], y[LANES];
        const real *outputs[TINY_LAYERS];
        const ptrdiff_t row = of->order ? of->order[first + r] : first + r;
        const real *inputs = of->x + row * n_in, *x = inputs;
        for (int i = 0; i <= last; i++) {
            const SmallLayer *layer = &of->layers[i];
            const vector *w = net->w[i];
            vector sum[2] = {w[layer->n_in], {0}};
            ptrdiff_t p = 0;
            for (; p + 2 <= layer->n_in; p += 2) {
                sum[0] += x[p] * w[p];
                sum[1] += x[p + 1] * w[p + 1];
            }
            if (p < layer->n_in)
                sum[0] += x[p] * w[p];
            *(vector *)z[i] = sum[0] + sum[1];
            if (layer->values)
                vector_values(layer, z[i], net->some[i], a[i]);
            x = outputs[i] = layer->values ? a[i] : z[i];
        }
        *(vector *)y = load_part(n_out, of->y + row * n_out);
        total += small_losses(of, outputs[last], y, net->some[last], scale, delta[last]);
        for (int i = last; i >= 0; i--) {
            const SmallLayer *layer = &of->layers[i];
            small_slopes(layer, z[i], outputs[i], delta[i], LANES);
            if (i) {
                vector before = {0};
                for (ptrdiff_t j = 0; j < layer->n_out; j++)
                    before += delta[i][j] * net->wt[i][j];
                *(vector *)delta[i - 1] = before;
            }
            if (r)
                narrow_products(1, i, layer, i ? outputs[i - 1] : inputs, delta[i], net);
            else
                narrow_products(0, i, layer, i ? outputs[i - 1] : inputs, delta[i], net);
        }
    }
    return sum_first(LANES, total);
}

/* v -= rate g, n vectors. */
static inline void narrow_update(int n, real rate, const vector *g, vector *v)
{
    for (int q = 0; q < n; q++)
        v[q] -= rate * g[q];
}

#endif
