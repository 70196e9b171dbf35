/* Steps of LANES linear models with one output: least squares by plain gradient descent, a model in each lane.
 *
 * Design
 * ------
 * - The steps are those of linear.h: where that sums in the lanes of a vector and then across them, here are as many
 *   vectors and the same tree of sums. So each model has the same bits, and nothing is added across lanes.
 * - Where all models have the same rows, a number of a row is read once for all models, and nothing is copied.
 * - Products of float32 are exact in float64. In float64 the compiler fuses a product with the sum of a norm in some of
 *   linear.h's loops and not in others, so the last bit could differ. Models in float64 train one by one.
 * - Only steps that are certainly good are made here, as in descent.h. */
#ifndef GDCORE_MODEL_LINEAR_H
#define GDCORE_MODEL_LINEAR_H

#include "many/descent.h"
#include "many/join.h"
#include "training/linear_model.h"

typedef struct {
    ptrdiff_t n_in, rows, first;
    int has_bias;
    const models_rows *data;        /* the rows, from `first` on in their order */
    vector *x, *y;                  /* (rows, n_in), (rows,): room for rows of models that have different ones */
    vector *p, *g;                  /* (n_in,) and the bias's: parameters and gradients */
    vector *pull;                   /* (rows,), what a row's x is multiplied by in the gradients */
} models_linear;

/* The sum of `used` vectors, in the order of `sum_first`. */
static inline __attribute__((always_inline)) vector models_halves(const int used, vector *part)
{
    if (used == 1)
        return part[0];
    UNROLL(4)
    for (int half = used / 2; half >= UNIT; half /= 2)
        UNROLL(8)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
#if REAL_IS_FLOAT
    return (part[0] + part[2]) + (part[1] + part[3]);
#else
    return part[0] + part[1];
#endif
}

/* The sum of the squares of v (n,). */
static inline __attribute__((always_inline)) vector models_linear_squares(const int used, ptrdiff_t n, const vector *v)
{
    vector part[LANES];
    UNROLL(16)
    for (int j = 0; j < used; j++)
        part[j] = (vector){0};
    for (ptrdiff_t i = 0; i < n; i += used)
        UNROLL(16)
        for (int j = 0; j < used; j++)
            if (i + j < n)
                part[j] += v[i + j] * v[i + j];
    return models_halves(used, part);
}

/* Number i of a row: of one that all models have, or of each model's own. */
static inline __attribute__((always_inline)) vector
number_of(const int alike, const real *row, const vector *own, ptrdiff_t i)
{
    const vector zero = {0};
    if (alike)
        return row[i] - zero;
    return own[i];
}

/* x w of one row. Sums begin with 0, so what would be added for numbers behind the row changes nothing. */
static inline __attribute__((always_inline)) vector
models_output(const int alike, const int used, ptrdiff_t n, const vector *w, const real *row, const vector *own)
{
    vector part[LANES];
    ptrdiff_t i = used;
    UNROLL(16)
    for (int j = 0; j < used; j++) {
        part[j] = (vector){0};
        if (j < n)
            part[j] += number_of(alike, row, own, j) * w[j];
    }
    for (; i + used <= n; i += used)
        UNROLL(16)
        for (int j = 0; j < used; j++)
            part[j] += number_of(alike, row, own, i + j) * w[i + j];
    if (i < n)
        UNROLL(16)
        for (int j = 0; j < used - 1; j++)
            if (i + j < n)
                part[j] += number_of(alike, row, own, i + j) * w[i + j];
    return models_halves(used, part);
}

/* Add rows from r on, `count` of them, to the gradients of COLUMNS weights from number i on. */
static inline __attribute__((always_inline)) void models_pulled(
    const int alike, const int columns, ptrdiff_t i, ptrdiff_t r, ptrdiff_t count, const models_linear *of)
{
    enum { MOST = 8 };
    const int64_t *order = of->data->order[0];
    const vector *own = of->x + i;
    vector g[MOST];
    UNROLL(8)
    for (int j = 0; j < columns; j++) {
        g[j] = of->g[i + j];
        if (r == 0)
            g[j] = 0 * of->p[i + j];    /* the gradient of no penalty, whose sign is the weight's */
    }
    for (ptrdiff_t end = r + count; r < end; r++, own += of->n_in) {
        const vector pull = of->pull[r];
        const real *row = alike ? of->data->x[0] + (order ? order[of->first + r] : of->first + r) * of->n_in + i : NULL;
        UNROLL(8)
        for (int j = 0; j < columns; j++)
            g[j] += pull * number_of(alike, row, own, j);
    }
    UNROLL(8)
    for (int j = 0; j < columns; j++)
        of->g[i + j] = g[j];
}

static inline __attribute__((always_inline)) unsigned
models_linear_of(const int alike, const int used, const models_linear *args, models_descent *all)
{
    const models_linear own = *args, *of = &own;
    const ptrdiff_t rows = of->rows, n_in = of->n_in, block = alike ? rows : MODELS_LINEAR_ROWS;
    const int64_t *order = of->data->order[0];
    const double mean = 1 / (double)rows;
    const real factor = (real)(2 * mean);
    const vector zero = {0}, bias = of->has_bias ? of->p[n_in] : zero;
    vector bias_gradient = zero;
    double total[LANES] = {0}, norm[LANES], bound[LANES], push[LANES], growth[LANES];
    real sum[LANES], pulled[LANES], rate[LANES];
    unsigned left = 0;
    for (ptrdiff_t start = 0, count; start < rows; start += count) {
        count = rows - start < block ? rows - start : block;
        if (!alike)
            models_join_rows(of->first + start, count, of->data, of->x, of->y);
        for (ptrdiff_t r = start; r < start + count; r++) {
            const ptrdiff_t at = alike && order ? order[of->first + r] : of->first + r;
            const real *row = alike ? of->data->x[0] + at * n_in : NULL;
            const vector z = models_output(alike, used, n_in, of->p, row, of->x + (r - start) * n_in);
            const vector residual = z + (bias - number_of(alike, of->data->y[0] + at, of->y + (r - start), 0));
            const vector pull = residual * factor;
            of->pull[r] = pull;
            bias_gradient += pull;
            real square[LANES];
            *(vector *)square = residual * residual;
            for (int q = 0; q < LANES; q++)
                total[q] += square[q];
        }
        ptrdiff_t i = 0;
        for (; i + 8 <= n_in; i += 8)
            models_pulled(alike, 8, i, start, count, of);
        for (; i + 4 <= n_in; i += 4)
            models_pulled(alike, 4, i, start, count, of);
        for (; i < n_in; i++)
            models_pulled(alike, 1, i, start, count, of);
    }
    bias_gradient = of->has_bias ? bias_gradient : zero;
    if (of->has_bias)
        of->g[n_in] = bias_gradient;
    *(vector *)sum = models_linear_squares(used, n_in, of->g);
    *(vector *)pulled = bias_gradient;
    int64_t unsure = 0;
    for (int q = 0; q < LANES; q++) {
        const double next = all->rate[q];
        total[q] *= mean;
        norm[q] = sqrt((double)sum[q] + (double)pulled[q] * pulled[q]);
        growth[q] = (1 + next) * all->growth[q];
        push[q] = (next > 1 ? next : 1) * (1 + norm[q]) * (1 + norm[q]) * all->push;
        rate[q] = (real)next;
        unsure |= !(growth[q] * all->bound[q] + push[q] < all->limit);
    }
    if (unsure) {
        *(vector *)sum = models_linear_squares(used, n_in, of->p);
        *(vector *)pulled = bias;
        for (int q = 0; q < LANES; q++)
            if (!(growth[q] * all->bound[q] + push[q] < all->limit))
                all->bound[q] = sqrt((double)sum[q] + (double)pulled[q] * pulled[q]);
    }
    unsure = 0;
    for (int q = 0; q < LANES; q++) {
        bound[q] = growth[q] * all->bound[q] + push[q];
        unsure |= !(bound[q] < all->limit) | !(fabs(total[q]) < INFINITY);
    }
    for (int q = 0; q < LANES && unsure; q++)
        left |= (unsigned)!(bound[q] < all->limit && fabs(total[q]) < INFINITY) << q;
    const vector by = *(const vector *)rate;
    lanes stays;
    for (int q = 0; q < LANES; q++)
        stays[q] = left >> q & 1 ? -1 : 0;
    for (ptrdiff_t i = 0; i < n_in + of->has_bias; i++) {
        const vector moved = of->p[i] - by * of->g[i];
        of->p[i] = left ? (vector)(((lanes)of->p[i] & stays) | ((lanes)moved & ~stays)) : moved;
    }
    for (int q = 0; q < LANES; q++)
        if (!(left >> q & 1)) {
            all->bound[q] = bound[q];
            all->loss_sum[q] = plus_product(all->loss_sum[q], total[q], rows);
            all->share_sum[q] += rows, all->norm_sum[q] += norm[q];
        } else if (!all->taken[q])
            left &= ~(1u << q);
    return left;
}

#define MODELS_LINEAR(name, used) \
    static __attribute__((noinline)) unsigned name(const models_linear *of, models_descent *all) \
    { \
        return of->data->alike ? models_linear_of(1, used, of, all) : models_linear_of(0, used, of, all); \
    }
MODELS_LINEAR(models_linear_one, 1)
#if LANES > 4
MODELS_LINEAR(models_linear_four, 4)
#endif
#if LANES > 8
MODELS_LINEAR(models_linear_eight, 8)
#endif
MODELS_LINEAR(models_linear_lanes, LANES)
#undef MODELS_LINEAR

/* Make a step of every model that takes part, and return the bits of those that stay as they are. */
static unsigned models_linear_step(const models_linear *of, models_descent *all)
{
    if (of->n_in == 1)
        return models_linear_one(of, all);
#if LANES > 4
    if (of->n_in <= 4)
        return models_linear_four(of, all);
#endif
#if LANES > 8
    if (of->n_in <= 8)
        return models_linear_eight(of, all);
#endif
    return models_linear_lanes(of, all);
}

/* Whether these are the loss and the order of the steps of a model alone; linear_squares.h has another order. */
static inline int takes_models_linear(
    void (*values)(const real *z, const real *y, ptrdiff_t n, real option, real *value, real *slope), ptrdiff_t n_in,
    ptrdiff_t rows)
{
    const ptrdiff_t units = (n_in + UNIT - 1) / UNIT;
    const int squares = units <= SQUARES_UNITS && (rows == 1 || rows * units <= SQUARES_WORK);
    return REAL_IS_FLOAT && values == mean_squared_error_values && !squares;
}

#endif
