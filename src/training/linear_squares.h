/* The shortest steps of linear.h: least squares without weights, penalties and clipping, on one row or a few.
 *
 * Design
 * ------
 * - A step waits for the weights of the one before it. What lies between them decides how long a step takes, not the
 *   number of operations: the sum x w + b - y across lanes, and one multiply-add. So the weights move by the residual
 *   times (2 rate / rows) x, which waits for nobody. The gradient, its norm and the guard are computed beside that.
 * - A register of 16 bytes sums across its lanes fastest, and each lane receives the sum. So weights stand in UNITS such
 *   registers. The bias and -y are in a lane each where the sums begin.
 * - UNITS, and ONE, whether a step has one row, are constants in every instance. A model of one input is in linear_line.h.
 * - At a rate above rows / 2 that product with x could overflow, though the gradient is small: linear.h makes such a
 *   step, as any that is not certainly good here. */
#ifndef GDCORE_LINEAR_SQUARES_H
#define GDCORE_LINEAR_SQUARES_H

#include "training/linear_line.h"

typedef lane unit_lanes __attribute__((vector_size(16)));

/* Lanes of a unit in another order. GCC 11 does not know Clang's spelling, and Clang does not know GCC's. */
#if defined(__clang__)
#define ordered(a, ...) __builtin_shufflevector(a, a, __VA_ARGS__)
#else
#define ordered(a, ...) __builtin_shuffle(a, (unit_lanes){__VA_ARGS__})
#endif

/* The sum of a unit's lanes, in each of them. */
static inline __attribute__((always_inline)) unit unit_sum(unit v)
{
#if REAL_IS_FLOAT
    v += ordered(v, 2, 3, 0, 1);
    return v + ordered(v, 1, 0, 3, 2);
#else
    return v + ordered(v, 1, 0);
#endif
}

#undef ordered

/* The numbers of a row of n_in in unit q of UNITS; 0 behind them. */
static inline __attribute__((always_inline)) unit unit_at(int q, int units, ptrdiff_t n_in, const real *row)
{
    const lane left = (lane)(n_in - q * UNIT);
    real part[UNIT];
    if (q < units - 1 || left == UNIT)
        return *(const unit *)(row + q * UNIT);
#pragma GCC unroll 1
    for (lane i = 0; i < UNIT; i++)
        part[i] = i < left ? row[q * UNIT + i] : 0;
    return *(const unit *)part;
}

/* x w + b - y in each lane. */
static inline __attribute__((always_inline)) unit
residual_of(int units, ptrdiff_t n_in, const real *row, const unit *w, unit bias, real y)
{
    const unit target = {0, -y};
    unit sum[2] = {bias, target};
    if (units == 1)
        return unit_sum((unit)((unit_lanes)bias | (unit_lanes)target) + unit_at(0, units, n_in, row) * w[0]);
    UNROLL(8)
    for (int q = 0; q < units; q++)
        sum[q % 2] += unit_at(q, units, n_in, row) * w[q];
    return unit_sum(sum[0] + sum[1]);
}

/* The norm of some units and of another one. */
static inline __attribute__((always_inline)) double units_norm(int count, const unit *v, unit other)
{
    unit sum = other * other;
    UNROLL(8)
    for (int q = 0; q < count; q++)
        sum += v[q] * v[q];
    return sqrt((double)unit_sum(sum)[0]);
}

/* Write the numbers of some units to a row of n_in. */
static inline __attribute__((always_inline)) void store_units(int count, ptrdiff_t n_in, const unit *v, real *row)
{
    unit copy[SQUARES_UNITS];    /* The units themselves would not stay in registers. */
    UNROLL(8)
    for (int q = 0; q < count; q++)
        copy[q] = v[q];
    memcpy(row, copy, n_in * sizeof(real));
}

typedef struct {
    real move;                      /* what a residual times x moves the weights by */
    double growth, push, limit;     /* of the overflow guard; limit 0: no step is good */
} Pace;

static inline __attribute__((always_inline)) Pace pace_of(const LinearSteps *of, double rate, double mean)
{
    const real move = (real)(rate * (2 * mean));
    return (Pace){move, (1 + rate) * of->growth, (rate > 1 ? rate : 1) * of->push, move <= 1 ? of->limit : 0};
}

static inline __attribute__((always_inline)) ptrdiff_t
squares_of(const int units, const int one, LinearSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    const int has_bias = of->bias != NULL;
    const ptrdiff_t n_in = of->n_in, batch = one ? 1 : of->batch, start = first;
    const real *const inputs = of->x, *const targets = of->y;
    const int64_t *const order = of->order;
    const double *const rates = of->rates;
    const double mean = 1.0 / batch;
    const real factor = (real)(2 * mean);
    const unit none = {0}, own = {has_bias ? 1 : 0};
    unit w[SQUARES_UNITS], moved[SQUARES_UNITS], g[SQUARES_UNITS], bias = {has_bias ? *of->bias : 0}, moved_bias, bias_gradient = none;
    double bound = of->bound, loss_sum = of->loss_sum, norm_sum = of->norm_sum;
    ptrdiff_t measured = -1;        /* the row before whose step the bound was measured */
    Pace pace = pace_of(of, of->rate, mean);
    UNROLL(8)
    for (int q = 0; q < units; q++)
        w[q] = unit_at(q, units, n_in, of->weight), g[q] = none;
    while (first < end) {
        double total = 0;
        if (rates)
            pace = pace_of(of, rates[(first - start) / batch], mean);
        UNROLL(8)
        for (int q = 0; q < units; q++)
            moved[q] = w[q];
        moved_bias = bias;
        for (ptrdiff_t r = 0; r < batch; r++) {
            const ptrdiff_t i = order ? order[first + r] : first + r;
            const real *row = inputs + i * n_in;
            const unit residual = residual_of(units, n_in, row, w, bias, targets[i]), slope = factor * residual;
            UNROLL(8)
            for (int q = 0; q < units; q++) {
                const unit x = unit_at(q, units, n_in, row);
                moved[q] -= residual * (pace.move * x);
                g[q] = r ? g[q] + slope * x : slope * x;
            }
            moved_bias -= residual * (pace.move * own);
            bias_gradient = r ? bias_gradient + slope * own : slope * own;
            total = r ? total + residual[0] * residual[0] : residual[0] * residual[0];
        }
        total *= mean;
        const double norm = units_norm(units, g, bias_gradient), push = (1 + norm) * (1 + norm) * pace.push;
        if (!(pace.growth * bound + push < pace.limit && total < INFINITY)) {
            if (measured == first)
                break;
            measured = first, bound = units_norm(units, w, bias);
            continue;
        }
        bound = pace.growth * bound + push;
        UNROLL(8)
        for (int q = 0; q < units; q++)
            w[q] = moved[q];
        bias = moved_bias;
        of->loss = total, of->norm = norm;
        loss_sum = plus_product(loss_sum, total, batch);
        norm_sum += norm;
        first += batch;
    }
    if (first == start)
        return 0;
    if (rates)
        of->rate = rates[(first - start) / batch - 1];
    if (of->grads) {
        store_units(units, n_in, g, of->grads);
        if (has_bias)
            of->grads[n_in] = bias_gradient[0];
    }
    store_units(units, n_in, w, of->weight);
    if (has_bias)
        *of->bias = bias[0];
    of->bound = bound, of->share = batch, of->scale = 1, of->clipped = 0;
    of->loss_sum = loss_sum, of->share_sum += first - start, of->norm_sum = norm_sum;
    return first - start;
}

#define SQUARES_STEPS(units) \
    static __attribute__((noinline)) ptrdiff_t squares_##units(LinearSteps *of, ptrdiff_t first, ptrdiff_t end) \
    { \
        return of->batch == 1 ? squares_of(units, 1, of, first, end) : squares_of(units, 0, of, first, end); \
    }
SQUARES_STEPS(1) SQUARES_STEPS(2) SQUARES_STEPS(3)
SQUARES_STEPS(4) SQUARES_STEPS(5) SQUARES_STEPS(6) SQUARES_STEPS(7) SQUARES_STEPS(8)
#undef SQUARES_STEPS

/* Make the steps of rows first … end as `linear_steps`; -1 if they are of another kind. */
static ptrdiff_t squares_steps(LinearSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    static ptrdiff_t (*const table[])(LinearSteps *, ptrdiff_t, ptrdiff_t) = {
        line_steps, squares_1, squares_2, squares_3, squares_4, squares_5, squares_6, squares_7, squares_8};
    const ptrdiff_t units = (of->n_in + UNIT - 1) / UNIT;
    if (of->values != mean_squared_error_values || of->shares || of->l2 != 0 || of->received)
        return -1;
    if (of->clip_norm != INFINITY || units > SQUARES_UNITS || (of->batch > 1 && of->batch * units > SQUARES_WORK))
        return -1;
    return table[of->n_in > 1 ? units : 0](of, first, end);
}

#endif
