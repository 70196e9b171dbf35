/* Steps of a small network of dense layers, trained by plain gradient descent on a loss of single numbers: one loop.
 *
 * Design
 * ------
 * - As in linear.h, a step takes less than the calls, tasks and looks of any other step. Only steps that are certainly
 *   good are made here; the loop stops before any other, and the caller makes that one as for every network.
 * - Few rows go one by one through layers no wider than a vector (`narrow_gradient`). A row of a weight is a vector of
 *   its own over all steps of a call, so nothing is read that was just written in other pieces. Weights behind the first
 *   layer are kept transposed too: then no sum goes across lanes, neither forward nor backward. Both copies get the same
 *   products in the same order, and so the same bits.
 * - More rows lie in the lanes (`wide_gradient`), as transposed.pxi says, with the products of transposed.h.
 * - Lanes behind a layer's numbers are 0. */
#ifndef GDCORE_SMALL_H
#define GDCORE_SMALL_H

#include <math.h>
#include <string.h>
#include "layers/activations.h"
#include "losses/losses.h"
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

/* a = f(z), one vector, 0 where the mask is not set. GCC would unroll the loop of tanh before it makes a vector of it, and
 * then cannot. */
static inline __attribute__((always_inline)) void vector_values(const SmallLayer *of, const real *z, lanes some, real *a)
{
    if (of->values == tanh_values) {    /* tanh(0) = 0 */
        INDEPENDENT
#pragma GCC unroll 1
        for (int q = 0; q < LANES; q++)
            a[q] = real_tanh(z[q]);
        return;
    }
    of->values(z, a, LANES, of->option);
    *(vector *)a = (vector)((lanes)*(const vector *)a & some);
}

/* delta *= f'(z), `n` numbers, whole vectors. */
static inline void small_slopes(const SmallLayer *of, const real *z, const real *a, real *delta, ptrdiff_t n)
{
    if (of->slopes == tanh_slopes)
        for (ptrdiff_t at = 0; at < n; at += LANES) {
            const vector v = *(const vector *)(a + at);
            *(vector *)(delta + at) *= 1 - v * v;
        }
    else if (of->slopes)
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

/* The lanes before n. */
static inline lanes first_lanes(ptrdiff_t n)
{
    lanes some;
    for (int q = 0; q < LANES; q++)
        some[q] = q < n ? -1 : 0;
    return some;
}

/* ---- few rows, one by one ---- */

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

/* The sum of squares of n numbers. */
static inline real flat_squares(ptrdiff_t n, const real *x)
{
    const ptrdiff_t whole = n / LANES;
    const vector rest = load_part(n % LANES, x + whole * LANES);
    return vector_squares(whole, (const vector *)x) + sum_first(LANES, rest * rest);
}

/* ---- rows in the lanes ---- */

typedef struct {
    real *a[TINY_LAYERS + 1], *z[TINY_LAYERS], *delta[TINY_LAYERS], *y;    /* (features, lead); a[0]: the inputs */
    ptrdiff_t lead;
    lanes some;                     /* the last vector's rows */
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
    net->some = first_lanes((of->batch - 1) % LANES + 1);
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

/* g (n,) = the sums of delta's rows (n, lead). As `sums` takes them, LANES at once. */
static inline void wide_bias(ptrdiff_t n, ptrdiff_t lead, lanes some, const real *delta, real *g)
{
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
        if (count == 1) {
            g[j] = sum_first(LANES, sum[0]);
            continue;
        }
        *(vector *)part = sums(sum);
        memcpy(g + j, part, count * sizeof(real));
    }
}

/* As transposed_product, which divides; one group of tiles needs no division. */
static inline void wide_product(ptrdiff_t m, ptrdiff_t lanes, const tile_args *of)
{
    if (m <= TILE_ROWS)
        transposed_groups((int)m, m, lanes, of);
    else
        transposed_product(m, lanes, of);
}

/* Compute the gradient of a batch, and return its sum of losses. */
static real wide_gradient(const SmallSteps *of, ptrdiff_t first, Wide *net)
{
    const int last = of->n_layers - 1;
    const ptrdiff_t n_in = of->layers[0].n_in, n_out = of->layers[last].n_out, lead = net->lead;
    const ptrdiff_t skip = of->order ? 0 : first;
    const int64_t *order = of->order ? of->order + first : NULL;
    const real scale = (real)(1.0 / (of->batch * n_out));
    const lanes all = first_lanes(LANES);
    vector total = {0};
    tile_args t = {.c_row = lead, .b_row = lead};
    transpose_rows(of->batch, n_in, of->x + skip * n_in, order, lead, net->a[0]);
    transpose_rows(of->batch, n_out, of->y + skip * n_out, order, lead, net->y);
    for (int i = 0; i <= last; i++) {
        const SmallLayer *layer = &of->layers[i];
        t.a = of->params + layer->weight_at, t.a_row = 1, t.a_col = layer->n_out, t.k = layer->n_in;
        t.b = net->a[i], t.c = layer->values ? net->z[i] : net->a[i + 1];
        t.init = layer->bias_at < 0 ? NULL : of->params + layer->bias_at;
        wide_product(layer->n_out, lead, &t);
        if (layer->values)
            layer->values(net->z[i], net->a[i + 1], layer->n_out * lead, layer->option);
    }
    for (ptrdiff_t j = 0; j < n_out; j++)
        for (ptrdiff_t r = j * lead; r < (j + 1) * lead; r += LANES)
            total += small_losses(
                of, net->a[last + 1] + r, net->y + r, r + LANES < (j + 1) * lead ? all : net->some, scale,
                net->delta[last] + r);
    for (int i = last; i >= 0; i--) {
        const SmallLayer *layer = &of->layers[i];
        /* Where the inputs fill their tiles, the row of ones would take one of its own. */
        const int apart = layer->bias_at >= 0 && (layer->n_out == 1 ? layer->n_in % LANES == 0 : layer->n_in % 4 == 0);
        const gradient_args g = {
            layer->n_in + (layer->bias_at >= 0 && !apart), layer->n_out, of->batch, lead, net->a[i], net->delta[i],
            of->grads + layer->weight_at, 0};
        small_slopes(layer, net->z[i], net->a[i + 1], net->delta[i], layer->n_out * lead);
        if (i) {
            t.a = of->params + layer->weight_at, t.a_row = layer->n_out, t.a_col = 1, t.k = layer->n_out;
            t.b = net->delta[i], t.c = net->delta[i - 1], t.init = NULL;
            wide_product(layer->n_in, lead, &t);
        }
        const ptrdiff_t packed =
            g.n_out >= LANES && 100 * g.n_in >= PACKED_SHARE * g.rows ? g.n_out - g.n_out % LANES : 0;
        if (apart)
            wide_bias(g.n_out, lead, net->some, net->delta[i], of->grads + layer->bias_at);
        if (packed)
            transposed_packed(packed, &g, net->panel);
        if (packed < g.n_out)
            transposed_sums(packed, &g);
    }
    return sum_first(LANES, total);
}

/* Make steps of whole batches of rows first … end, and return the number of rows that they took: fewer if a step is not
 * certainly good, which is then not made. */
static inline __attribute__((always_inline)) ptrdiff_t
small_of(const int narrow, SmallSteps *of, ptrdiff_t first, ptrdiff_t end, Narrow *rows, Wide *wide)
{
    const double mean = 1.0 / (of->batch * of->layers[of->n_layers - 1].n_out);
    const ptrdiff_t start = first;
    double rate = of->rate, bound = of->bound, loss_sum = of->loss_sum, norm_sum = of->norm_sum;
    for (; first + of->batch <= end; first += of->batch) {
        const double loss = mean * (narrow ? narrow_gradient(of, first, rows) : wide_gradient(of, first, wide));
        const double norm =
            sqrt(narrow ? vector_squares(rows->count, rows->gradient) : flat_squares(of->n_params, of->grads));
        const double next = of->rates ? of->rates[(first - start) / of->batch] : rate, growth = (1 + next) * of->growth;
        const double push = (next > 1 ? next : 1) * (1 + norm) * (1 + norm) * of->push;
        if (!(growth * bound + push < of->limit))
            bound = sqrt(narrow ? vector_squares(rows->count, rows->weights) : flat_squares(of->n_params, of->params));
        if (!(growth * bound + push < of->limit && fabs(loss) < INFINITY))
            break;
        bound = growth * bound + push;
        if (narrow) {
            if (of->keeps)
                narrow_store(of, rows->g, of->grads);
            narrow_update(rows->count, (real)next, rows->gradient, rows->weights);
            narrow_update(rows->transposed, (real)next, rows->gradient_t, rows->weights_t);
        } else
            subtract_row(of->n_params, (real)next, of->grads, of->params);
        rate = next, of->loss = loss, of->norm = norm;
        loss_sum += loss * of->share;
        norm_sum += norm;
    }
    of->rate = rate, of->bound = bound, of->loss_sum = loss_sum, of->norm_sum = norm_sum;
    of->share_sum += of->share * ((first - start) / of->batch);
    return first - start;
}

/* The same, with the steps' memory. `share` is the weight of a step. */
static ptrdiff_t narrow_steps(SmallSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    Narrow net;
    narrow_begin(of, &net);
    const ptrdiff_t rows = small_of(1, of, first, end, &net, NULL);
    if (rows)
        narrow_store(of, net.w, of->params);
    return rows;
}

static ptrdiff_t wide_steps(SmallSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    real room[SMALL_NUMBERS] __attribute__((aligned(CACHE_LINE)));
    Wide net;
    wide_begin(of, room, &net);
    return small_of(0, of, first, end, NULL, &net);
}

#endif
