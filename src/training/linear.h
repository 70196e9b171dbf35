/* Steps of a linear model with one output, trained by plain gradient descent on a few rows a step: one loop.
 *
 * Design
 * ------
 * - A step of such a model is some dozens of operations, fewer than the calls that a step of any network takes. So the
 *   weights stay in registers over the steps of a call, and a row is brought in, predicted and taken into the gradient in
 *   one pass.
 * - `linear_steps` is one body. VECTORS, the registers that the weights take, USED, the lanes of one that is not full, and
 *   CUTS, whether there is a cumulative l1, are constants in every instance.
 * - It makes only the steps that are certainly good, and stops before any other: then the parameters are those of the
 *   last step, and the caller makes the next one as for every network. The overflow guard's bound is kept as
 *   overflow.pxi keeps it.
 * - An l1 penalty is taken where it is cumulative: that clips weights in place, as proximal.pxi says.
 * - A horizontal sum adds halves; sums over rows go in order. A step has the same bits in any call. */
#ifndef GDCORE_LINEAR_H
#define GDCORE_LINEAR_H

#include "training/linear_squares.h"

/* Numbers of a row of n_in that vector q of `vectors` holds; 0 behind them. */
static inline __attribute__((always_inline)) vector part_of(int q, int vectors, ptrdiff_t n_in, const real *row)
{
    return q < vectors - 1 ? *(const vector *)(row + q * LANES) : load_part(n_in - q * LANES, row + q * LANES);
}

/* Write the numbers of vector q to a row of n_in. */
static inline __attribute__((always_inline)) void store_numbers(int q, ptrdiff_t n_in, vector v, real *row)
{
    for (int j = 0; j < LANES && q * LANES + j < n_in; j++)
        row[q * LANES + j] = v[j];
}

/* a where the mask is set, and b elsewhere. */
static inline __attribute__((always_inline)) vector pick(lanes mask, vector a, vector b)
{
    return (vector)((mask & (lanes)a) | (~mask & (lanes)b));
}

/* size, 0 or -size by the sign of w. */
static inline __attribute__((always_inline)) vector signed_by(vector w, real size)
{
    const vector none = {0};
    return pick(w > none, none + size, pick(w < none, none - size, none));
}

/* Clip weights towards 0 by what they have not received of a cumulative penalty, as take_penalty of proximal.pxi. */
static inline __attribute__((always_inline)) void clip_vector(real l1, real rate_sum, vector *weight, vector *received)
{
    const vector none = {0}, w = *weight, side = signed_by(w, 1), owed = rate_sum + side * *received;
    const vector cut = l1 * pick(owed > none, owed, none);
    const lanes zero = side * w <= cut;
    *received = pick(zero, *received - w / l1, -side * rate_sum);
    *weight = pick(zero, none, w - side * cut);
}

/* The sum of the weights of some rows. */
static inline double sum_shares(const LinearSteps *of, ptrdiff_t first, ptrdiff_t rows)
{
    double share = 0;
    for (ptrdiff_t r = first; r < first + rows; r++)
        share += of->shares[of->order ? of->order[r] : r];
    return share;
}

/* Values and slopes (rows,) of a loss at outputs z. */
static inline void take_losses(
    const LinearSteps *of, ptrdiff_t first, ptrdiff_t rows, const real *z, real *value, real *slope)
{
    real y[LINEAR_ROWS];
    for (ptrdiff_t r = 0; of->order && r < rows; r++)
        y[r] = of->y[of->order[first + r]];
    of->values(z, of->order ? y : of->y + first, rows, of->option, value, slope);
}

static inline __attribute__((always_inline)) ptrdiff_t
linear_of(const int vectors, const int used, const int cuts, LinearSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    const int squares = of->values == mean_squared_error_values, has_bias = of->bias != NULL;
    const ptrdiff_t n_in = of->n_in, start = first;
    const real l1 = (real)of->l1, l2 = (real)of->l2;
    vector w[LINEAR_FEATURES / LANES], g[LINEAR_FEATURES / LANES], x[LINEAR_FEATURES / LANES], sum;
    vector received[LINEAR_FEATURES / LANES];
    real z[LINEAR_ROWS], value[LINEAR_ROWS], slope[LINEAR_ROWS];
    real bias = has_bias ? *of->bias : 0, bias_gradient;
    double rate = of->rate, bound = of->bound, norm = 0, loss = 0, share = 0, scale = 1;
    double loss_sum = of->loss_sum, share_sum = of->share_sum, norm_sum = of->norm_sum;
    ptrdiff_t clipped = 0;

    UNROLL(4)
    for (int q = 0; q < vectors; q++) {
        w[q] = part_of(q, vectors, n_in, of->weight);
        if (cuts)
            received[q] = part_of(q, vectors, n_in, of->received);
    }
    for (ptrdiff_t rows; first < end; first += rows) {
        rows = of->batch < end - first ? of->batch : end - first;
        const double taken = of->shares ? sum_shares(of, first, rows) : rows, mean = taken != 0 ? 1 / taken : 0;
        const double factor = !of->shares || of->mean_share == 0 ? mean : 1 / (rows * of->mean_share);
        double total = 0;
        UNROLL(4)
        for (int q = 0; q < vectors; q++)
            g[q] = l2 * w[q];
        if (cuts) {
            UNROLL(4)
            for (int q = 0; q < vectors; q++)
                g[q] += signed_by(w[q], l1);
        }
        bias_gradient = 0;
        for (int pass = squares; pass < 2; pass++) {
            if (!squares && pass)
                take_losses(of, first, rows, z, value, slope);
            for (ptrdiff_t r = 0; r < rows; r++) {
                const ptrdiff_t i = of->order ? of->order[first + r] : first + r;
                const double own = of->shares ? of->shares[i] : 1;
                real pull = 0;
                sum = (vector){0};
                UNROLL(4)
                for (int q = 0; q < vectors; q++) {
                    x[q] = part_of(q, vectors, n_in, of->x + i * n_in);
                    sum += x[q] * w[q];
                }
                if (squares) {
                    const real residual = sum_first(used, sum) + (bias - of->y[i]);
                    total += own * (residual * residual);
                    pull = residual * (real)(2 * factor * own);
                } else if (pass) {
                    total += own * value[r];
                    pull = slope[r] * (real)(factor * own);
                } else {
                    z[r] = sum_first(used, sum) + bias;
                    continue;
                }
                bias_gradient += pull;
                UNROLL(4)
                for (int q = 0; q < vectors; q++)
                    g[q] += pull * x[q];
            }
        }
        bias_gradient = has_bias ? bias_gradient : 0;
        total *= mean;
        sum = (vector){0};
        UNROLL(4)
        for (int q = 0; q < vectors; q++)
            sum += g[q] * g[q];
        const double size = sqrt((double)sum_first(used, sum) + (double)bias_gradient * bias_gradient);
        const double next = of->rates ? of->rates[(first - start) / of->batch] : rate, growth = (1 + next) * of->growth;
        const double push = (next > 1 ? next : 1) * (1 + size) * (1 + size) * of->push;
        if (!(growth * bound + push < of->limit)) {
            sum = (vector){0};
            UNROLL(4)
            for (int q = 0; q < vectors; q++)
                sum += w[q] * w[q];
            bound = sqrt((double)sum_first(used, sum) + (double)bias * bias);
        }
        if (!(growth * bound + push < of->limit && fabs(total) < INFINITY))
            break;
        bound = growth * bound + push;
        scale = 1;
        if (of->grads) {
            UNROLL(4)
            for (int q = 0; q < vectors; q++)
                store_numbers(q, n_in, g[q], of->grads);
            if (has_bias)
                of->grads[n_in] = bias_gradient;
        }
        if (of->clip_norm < size + CLIP_EPSILON) {
            scale = (real)(of->clip_norm / (size + CLIP_EPSILON));
            clipped += scale != 1;
            bias_gradient *= (real)scale;
            UNROLL(4)
            for (int q = 0; q < vectors; q++)
                g[q] *= (real)scale;
        }
        if (cuts) {
            of->rate_sum += next * scale;
            UNROLL(4)
            for (int q = 0; q < vectors; q++) {
                w[q] += signed_by(w[q], (real)(next * scale) * l1) - (real)next * g[q];
                clip_vector(l1, (real)of->rate_sum, &w[q], &received[q]);
            }
        } else {
            UNROLL(4)
            for (int q = 0; q < vectors; q++)
                w[q] -= (real)next * g[q];
        }
        bias -= (real)next * bias_gradient;
        rate = next, loss = total, share = taken, norm = size;
        loss_sum = plus_product(loss_sum, loss, share);
        share_sum += share;
        norm_sum += norm;
    }
    UNROLL(4)
    for (int q = 0; q < vectors; q++)
        store_numbers(q, n_in, w[q], of->weight);
    for (int q = 0; cuts && q < vectors; q++)
        store_numbers(q, n_in, received[q], of->received);
    if (has_bias)
        *of->bias = bias;
    of->rate = rate, of->bound = bound, of->loss = loss, of->share = share, of->norm = norm, of->scale = scale, of->clipped = clipped;
    of->loss_sum = loss_sum, of->share_sum = share_sum, of->norm_sum = norm_sum;
    return first - start;
}

#if defined(__clang__)
/* The number of vectors is a constant in all instances but the last, which is not unrolled. */
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
#define LINEAR(name, vectors, used) \
    static __attribute__((noinline)) ptrdiff_t name(LinearSteps *of, ptrdiff_t first, ptrdiff_t end) \
    { \
        return of->received ? linear_of(vectors, used, 1, of, first, end) : linear_of(vectors, used, 0, of, first, end); \
    }
LINEAR(linear_one, 1, 1)
#if LANES > 4
LINEAR(linear_four, 1, 4)
#endif
#if LANES > 8
LINEAR(linear_eight, 1, 8)
#endif
LINEAR(linear_vector, 1, LANES)
LINEAR(linear_2_vectors, 2, LANES)
LINEAR(linear_3_vectors, 3, LANES)
LINEAR(linear_4_vectors, 4, LANES)
LINEAR(linear_vectors, (int)((of->n_in + LANES - 1) / LANES), LANES)
#undef LINEAR

/* Make the steps of rows first … end, and return the number of rows that they took: fewer if a step is not certainly
 * good, which is then not made. They are whole batches. */
static inline ptrdiff_t linear_steps(LinearSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    const ptrdiff_t rows = squares_steps(of, first, end);
    if (rows > 0)
        return rows;
    if (rows == 0)
        end = first + of->batch;
    switch ((of->n_in + LANES - 1) / LANES) {
    case 1:
        if (of->n_in == 1)
            return linear_one(of, first, end);
#if LANES > 4
        if (of->n_in <= 4)
            return linear_four(of, first, end);
#endif
#if LANES > 8
        if (of->n_in <= 8)
            return linear_eight(of, first, end);
#endif
        return linear_vector(of, first, end);
    case 2:
        return linear_2_vectors(of, first, end);
    case 3:
        return linear_3_vectors(of, first, end);
    case 4:
        return linear_4_vectors(of, first, end);
    default:
        return linear_vectors(of, first, end);
    }
}

#endif
