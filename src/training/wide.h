/* The gradient of a small network's rows in the lanes: see small.h. */
#ifndef GDCORE_WIDE_H
#define GDCORE_WIDE_H

#include "machine/parts.h"
#include "training/small_model.h"

typedef struct {
    real *a[TINY_LAYERS + 1], *z[TINY_LAYERS], *delta[TINY_LAYERS], *y;    /* (features, lead); a[0]: the inputs */
    ptrdiff_t lead;
    lanes some;                     /* the last vector's rows */
    int fuses;                      /* whether wide_front takes the first layer's gradient */
    real panel[SMALL_ROWS * TILE_COLUMNS] __attribute__((aligned(CACHE_LINE)));
} Wide;

/* Numbers that `Wide` takes for a layer's outputs, beside those of the inputs and the targets. */
static inline ptrdiff_t wide_numbers(const SmallSteps *of, ptrdiff_t lead)
{
    ptrdiff_t features = of->layers[0].n_in + 1 + of->layers[of->n_layers - 1].n_out;
    for (int i = 0; i < of->n_layers; i++)
        features += 3 * of->layers[i].n_out + 1;
    return features * lead;
}

static inline ptrdiff_t small_lead(ptrdiff_t rows) { return (rows + LANES - 1) / LANES * LANES; }

/* Place the buffers, with a row of ones behind each layer's inputs. */
static void wide_begin(const SmallSteps *of, real *room, Wide *net)
{
    const ptrdiff_t lead = net->lead = small_lead(of->batch);
    const SmallLayer *front = of->layers;
    net->some = lanes_below((of->batch - 1) % LANES + 1);
    net->fuses = front->n_in == 1 && front->bias_at >= 0 && front->n_out % LANES == 0 && front->slopes == tanh_slopes
        && of->n_layers > 1 && of->layers[1].n_out == 1 && !packed_columns(1, front->n_out, of->batch);
    memset(room, 0, wide_numbers(of, lead) * sizeof(real));
    for (int i = 0; i <= of->n_layers; i++) {
        const ptrdiff_t width = i ? of->layers[i - 1].n_out : of->layers[0].n_in;
        net->a[i] = room;
        for (ptrdiff_t r = 0; r < lead; r++)
            room[width * lead + r] = 1;
        room += (width + 1) * lead;
        if (i) {
            net->z[i - 1] = room, net->delta[i - 1] = room + width * lead;
            room += 2 * width * lead;
        }
    }
    net->y = room;
}

/* The sum of a vector in the order of `sums`. */
static inline __attribute__((always_inline)) real sum_as_sums(vector v)
{
    real part[LANES], unit[LANES / UNIT];
    __builtin_memcpy(part, &v, sizeof v);
    UNROLL(4)
    for (int u = 0; u < LANES / UNIT; u++)
#if REAL_IS_FLOAT
        unit[u] = (part[4 * u] + part[4 * u + 2]) + (part[4 * u + 1] + part[4 * u + 3]);
#else
        unit[u] = part[2 * u] + part[2 * u + 1];
#endif
    UNROLL(2)
    for (int half = LANES / UNIT / 2; half; half /= 2)
        UNROLL(2)
        for (int u = 0; u < half; u++)
            unit[u] = unit[2 * u] + unit[2 * u + 1];
    return unit[0];
}

/* g (n,) = the sums of delta's rows (n, lead). As `sums` takes them, LANES at once. */
static inline void wide_bias(ptrdiff_t n, ptrdiff_t lead, lanes some, const real *delta, real *g)
{
    if (n == 1) {
        vector sum = {0};
        ptrdiff_t r = 0;
        for (; r + LANES < lead; r += LANES)
            sum += *(const vector *)(delta + r);
        *g = sum_as_sums(sum + (vector)((lanes)*(const vector *)(delta + r) & some));
        return;
    }
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        vector sum[LANES];
        real part[LANES];
        const int count = n - j < LANES ? (int)(n - j) : LANES;
        UNROLL(16)
        for (int q = 0; q < LANES; q++) {
            sum[q] = (vector){0};
            if (q >= count)
                continue;
            const real *row = delta + (j + q) * lead;
            ptrdiff_t r = 0;
            for (; r + LANES < lead; r += LANES)
                sum[q] += *(const vector *)(row + r);
            sum[q] += (vector)((lanes)*(const vector *)(row + r) & some);
        }
        *(vector *)part = sums(sum);
        memcpy(g + j, part, count * sizeof(real));
    }
}

/* Some vectors of C = init + a b, of one term. */
static inline __attribute__((always_inline)) void
wide_term(const int vectors, ptrdiff_t m, ptrdiff_t at, const tile_args *of)
{
    vector b[4];
    UNROLL(4)
    for (int q = 0; q < vectors; q++)
        b[q] = *(const vector *)(of->b + at + q * LANES);
    for (ptrdiff_t i = 0; i < m; i++) {
        const vector init = (of->init ? of->init[i] : 0) - (vector){0};
        UNROLL(4)
        for (int q = 0; q < vectors; q++)
            *(vector *)(of->c + i * of->c_row + at + q * LANES) = init + of->a[i * of->a_row] * b[q];
    }
}

/* a (m, lead) = tanh(init + w x) of one input x (lead,): z is never stored. */
static inline void wide_tanh(ptrdiff_t m, ptrdiff_t lead, const tile_args *of)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        const vector init = (of->init ? of->init[i] : 0) - (vector){0}, w = of->a[i * of->a_row] - (vector){0};
        for (ptrdiff_t r = 0; r < lead; r += LANES) {
            real z[LANES];
            *(vector *)z = init + w * *(const vector *)(of->b + r);
            tanh_vector(z, of->c + i * of->c_row + r);
        }
    }
}

/* before (m, lead) = w delta (lead,) times the slopes of tanh, whose values are a. */
static inline void wide_tanh_deltas(
    ptrdiff_t m, ptrdiff_t lead, const real *w, const real *delta, const real *a, real *before)
{
    for (ptrdiff_t i = 0; i < m; i++, a += lead, before += lead)
        for (ptrdiff_t r = 0; r < lead; r += LANES) {
            const vector v = *(const vector *)(a + r);
            *(vector *)(before + r) = w[i] * *(const vector *)(delta + r) * (1 - v * v);
        }
}

/* The gradient (2, n_out), weight and bias, of a layer of one input x (lead,) and tanh, whose values are a (n_out, lead),
 * from the deltas (lead,) of the one output of the next layer and its weight w. The layer's own deltas are never stored.
 * The sums are those of `sum_tile`. They need no mask: behind the rows x and the deltas are 0,
 * so that those lanes add 0, unless a weight is infinite or NaN; then the gradient is NaN, and the step is refused. */
static inline void wide_front(
    ptrdiff_t n_out, ptrdiff_t lead, const real *w, const real *delta, const real *a, const real *x, real *g)
{
    enum { HALF = LANES / 2 };
    for (ptrdiff_t j = 0; j < n_out; j += LANES) {
        real part[2 * LANES];
        for (int h = 0; h < 2; h++, w += HALF, a += HALF * lead) {
            vector sum[LANES];
            UNROLL(16)
            for (int q = 0; q < LANES; q++)
                sum[q] = (vector){0};
            for (ptrdiff_t r = 0; r < lead; r += LANES) {
                const vector input = *(const vector *)(x + r), d = *(const vector *)(delta + r);
                UNROLL(8)
                for (int q = 0; q < HALF; q++) {
                    const vector v = *(const vector *)(a + q * lead + r), own = w[q] * d * (1 - v * v);
                    sum[q] += input * own;
                    sum[HALF + q] += own;
                }
            }
            *(vector *)(part + h * LANES) = sums(sum);
        }
        for (int h = 0; h < 2; h++) {
            memcpy(g + j + h * HALF, part + h * LANES, HALF * sizeof(real));
            memcpy(g + n_out + j + h * HALF, part + h * LANES + HALF, HALF * sizeof(real));
        }
    }
}

/* As transposed_product, which divides; one group of tiles needs no division, and one term no tile. */
static inline void wide_product(ptrdiff_t m, ptrdiff_t lanes, const tile_args *of)
{
    if (of->k == 1) {
        ptrdiff_t at = 0;
        for (; at + 4 * LANES <= lanes; at += 4 * LANES)
            wide_term(4, m, at, of);
        for (; at + 2 * LANES <= lanes; at += 2 * LANES)
            wide_term(2, m, at, of);
        if (at < lanes)
            wide_term(1, m, at, of);
    } else if (m <= features_of_tile(lanes) && (m > 1 || of->k < LANES))
        transposed_groups((int)m, m, lanes, of);
    else
        transposed_product(m, lanes, of);
}

/* The losses of the outputs z (n_out, lead), added in the order of `sum_values`, and their slopes times `scale`. */
static inline double wide_losses(const SmallSteps *of, const Wide *net, const real *z, real scale, real *delta)
{
    const ptrdiff_t n_out = of->layers[of->n_layers - 1].n_out, lead = net->lead, whole = of->batch - of->batch % 8;
    const lanes all = lanes_below(LANES);
    double value[SMALL_ROWS + LANES], part[8] = {0}, rest = 0;
    for (ptrdiff_t r = 0; r < lead; r += LANES) {
        const lanes some = r + LANES < lead ? all : net->some;
        vector found = small_losses(of, z + r, net->y + r, some, scale, delta + r);
        for (int q = 0; q < LANES; q++)
            value[r + q] = found[q];
        for (ptrdiff_t at = lead + r; at < n_out * lead; at += lead) {
            found = small_losses(of, z + at, net->y + at, some, scale, delta + at);
            for (int q = 0; q < LANES; q++)
                value[r + q] += found[q];
        }
    }
    for (ptrdiff_t r = 0; r < whole; r += 8)
        for (int q = 0; q < 8; q++)
            part[q] += value[r + q];
    for (ptrdiff_t r = whole; r < of->batch; r++)
        rest += value[r];
    return eight_parts(part) + rest;
}

/* Compute the gradient of a batch, and return its sum of losses. */
static double wide_gradient(const SmallSteps *of, ptrdiff_t first, Wide *net)
{
    const int last = of->n_layers - 1;
    const ptrdiff_t n_in = of->layers[0].n_in, n_out = of->layers[last].n_out, lead = net->lead;
    const ptrdiff_t skip = of->order ? 0 : first;
    const int64_t *order = of->order ? of->order + first : NULL;
    const real scale = (real)(1.0 / (of->batch * n_out));
    tile_args t = {.c_row = lead, .b_row = lead};
    transpose_rows(of->batch, n_in, of->x + skip * n_in, order, lead, net->a[0]);
    transpose_rows(of->batch, n_out, of->y + skip * n_out, order, lead, net->y);
    for (int i = 0; i <= last; i++) {
        const SmallLayer *layer = &of->layers[i];
        t.a = of->params + layer->weight_at, t.a_row = 1, t.a_col = layer->n_out, t.k = layer->n_in;
        t.b = net->a[i], t.c = layer->values ? net->z[i] : net->a[i + 1];
        t.init = layer->bias_at < 0 ? NULL : of->params + layer->bias_at;
        if (layer->n_in == 1 && layer->values == tanh_values) {
            t.c = net->a[i + 1];
            wide_tanh(layer->n_out, lead, &t);
            continue;
        }
        wide_product(layer->n_out, lead, &t);
        if (layer->values)
            layer->values(net->z[i], net->a[i + 1], layer->n_out * lead, layer->option);
    }
    const double total = wide_losses(of, net, net->a[last + 1], scale, net->delta[last]);
    int sloped = 0;    /* whether a layer's deltas have been multiplied by its slopes */
    for (int i = last; i >= 0; i--) {
        const SmallLayer *layer = &of->layers[i];
        const ptrdiff_t packed = packed_columns(layer->n_in, layer->n_out, of->batch);
        /* Where the inputs fill their tiles, the row of ones would take one of its own. */
        const int apart = layer->bias_at >= 0 && !packed
            && (layer->n_out == 1 ? layer->n_in % LANES == 0 : layer->n_in % 4 == 0);
        const gradient_args g = {
            layer->n_in + (layer->bias_at >= 0 && !apart), layer->n_out, of->batch, lead, net->a[i], net->delta[i],
            of->grads + layer->weight_at, 0};
        if (!sloped)
            small_slopes(layer, net->z[i], net->a[i + 1], net->delta[i], layer->n_out * lead);
        sloped = i && layer->n_out == 1 && of->layers[i - 1].slopes == tanh_slopes;
        if (i == 1 && net->fuses)
            wide_front(
                layer->n_in, lead, of->params + layer->weight_at, net->delta[i], net->a[i], net->a[0],
                of->grads + of->layers[0].weight_at);
        else if (sloped)
            wide_tanh_deltas(
                layer->n_in, lead, of->params + layer->weight_at, net->delta[i], net->a[i], net->delta[i - 1]);
        else if (i) {
            t.a = of->params + layer->weight_at, t.a_row = layer->n_out, t.a_col = 1, t.k = layer->n_out;
            t.b = net->delta[i], t.c = net->delta[i - 1], t.init = NULL;
            wide_product(layer->n_in, lead, &t);
        }
        if (apart)
            wide_bias(g.n_out, lead, net->some, net->delta[i], of->grads + layer->bias_at);
        if (packed)
            transposed_packed(packed, &g, net->panel);
        if (packed < g.n_out)
            transposed_sums(packed, &g);
        if (i == 1 && net->fuses)
            break;
    }
    return total;
}

#endif
