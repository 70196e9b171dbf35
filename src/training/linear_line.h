/* Least squares of one input, a straight line through points: steps of linear_squares.h that wait even less.
 *
 * Design
 * ------
 * - A step takes w and b to sums of them whose factors depend on its rows alone. Let `move` be the rate times 2 / rows;
 *   curve, cross and pull the sums of move x^2, move x and move x y; level and lift those of move and move y. Then
 *   w' = (w - cross b) - (curve w - pull) and b' = (b - cross w) - (level b - lift). So a step waits for one multiply-add
 *   and one subtraction of the step before it, for any number of rows. Its roundings have the size of those of a residual
 *   times x, because the same terms cancel there.
 * - All else is computed for UNIT steps at once, each of them in a lane: first the factors, and behind the steps the
 *   residuals, losses, norms and guards. LINE_STEPS steps go together. If they are not all certainly good, the next one
 *   is made alone. A step has the same bits in each lane.
 * - Numbers go from one loop to the next through memory: a store of 16 bytes is forwarded to loads of its parts, but
 *   stores of parts are not forwarded to a load of 16 bytes, so w and b of some steps are put together in a register. */
#ifndef GDCORE_LINEAR_LINE_H
#define GDCORE_LINEAR_LINE_H

#include "training/linear_model.h"

typedef double unit_wide __attribute__((vector_size(UNIT * sizeof(double)), aligned(sizeof(double)), may_alias));

/* Numbers of each of some steps. */
typedef struct {
    real x[SQUARES_WORK][LINE_STEPS], y[SQUARES_WORK][LINE_STEPS];      /* of each row */
    real move[LINE_STEPS], curve[LINE_STEPS], cross[LINE_STEPS], level[LINE_STEPS], pull[LINE_STEPS], lift[LINE_STEPS];
    real w[LINE_STEPS + 1], b[LINE_STEPS + 1];                          /* before the step, and behind all */
    real g[LINE_STEPS], g_bias[LINE_STEPS];
    double growth[LINE_STEPS], push[LINE_STEPS];                        /* of the guard, without the norm */
    double total[LINE_STEPS], norm[LINE_STEPS], reach[LINE_STEPS];
} Line;

#define UNIT_AT(numbers, q) (*(unit *)((numbers) + (q)))
#define WIDE_AT(numbers, q) (*(unit_wide *)((numbers) + (q)))

/* The lanes of v in double. A vector of this size cannot be returned where registers are smaller. */
static inline __attribute__((always_inline)) void widen(unit v, unit_wide *w)
{
    UNROLL(4)
    for (int j = 0; j < UNIT; j++)
        (*w)[j] = v[j];
}

/* Set what follows from the learning rates, of which there are `given`; behind them the last. */
static inline __attribute__((always_inline)) void
set_line_rates(const LinearSteps *of, int given, const double *rates, Line *line)
{
    const real own = of->bias != NULL;
    for (int k = 0; k < LINE_STEPS; k++) {
        const double rate = rates[k < given ? k : given - 1];
        line->move[k] = (real)(rate * (2.0 / of->batch));
        line->level[k] = own * (real)(rate * 2);
        line->growth[k] = (1 + rate) * of->growth;
        line->push[k] = (rate > 1 ? rate : 1) * of->push;
    }
}

/* Make some steps on the rows from `first` on. What stands in lanes behind the last step is not used. */
static inline __attribute__((always_inline)) void
make_line(ptrdiff_t batch, const LinearSteps *of, ptrdiff_t first, int steps, Line *line)
{
    const real own = of->bias != NULL, *const inputs = of->x + (of->order ? 0 : first);
    const real *const targets = of->y + (of->order ? 0 : first);
    const int64_t *order = of->order ? of->order + first : NULL;
    const double mean = 1.0 / batch;
    const real factor = (real)(2 * mean);
    const unit none = {0};
    real weight = line->w[0], bias = line->b[0];
#pragma GCC unroll 1
    for (int q = 0; q < steps; q += UNIT) {
        const unit move = UNIT_AT(line->move, q);
        unit curve = {0}, pull = {0}, x_sum = {0}, y_sum = {0};
        for (ptrdiff_t r = 0; r < batch; r++) {
            unit x, y;
            UNROLL(4)
            for (int j = 0; steps > 1 && j < UNIT; j++) {
                const ptrdiff_t k = q + j < steps ? q + j : q, at = k * batch + r, i = order ? order[at] : at;
                x[j] = inputs[i], y[j] = targets[i];
            }
            if (steps == 1) {
                const ptrdiff_t i = order ? order[r] : r;
                x = inputs[i] - none, y = targets[i] - none;
            }
            UNIT_AT(line->x[r], q) = x, UNIT_AT(line->y[r], q) = y;
            const unit moved = move * x;
            if (r == 0)
                curve = moved * x, pull = moved * y, x_sum = x, y_sum = y;
            else
                curve += moved * x, pull += moved * y, x_sum += x, y_sum += y;
        }
        UNIT_AT(line->curve, q) = curve, UNIT_AT(line->pull, q) = pull;
        UNIT_AT(line->cross, q) = (own * move) * x_sum, UNIT_AT(line->lift, q) = (own * move) * y_sum;
    }
    int made = 0;
#pragma GCC unroll 1
    for (int q = 0; q < steps; q += UNIT, made += UNIT) {
        unit w, b;
        UNROLL(4)
        for (int j = 0; j < UNIT; j++) {
            const real cross = line->cross[q + j], at = weight;
            w[j] = weight, b[j] = bias;
            weight = (at - cross * bias) - (line->curve[q + j] * at - line->pull[q + j]);
            bias = (bias - cross * at) - (line->level[q + j] * bias - line->lift[q + j]);
        }
        UNIT_AT(line->w, q) = w, UNIT_AT(line->b, q) = b;
    }
    line->w[made] = weight, line->b[made] = bias;
#pragma GCC unroll 1
    for (int q = 0; q < steps; q += UNIT) {
        const unit w = UNIT_AT(line->w, q), b = UNIT_AT(line->b, q);
        unit g = {0}, g_bias = {0}, total = {0};
        for (ptrdiff_t r = 0; r < batch; r++) {
            const unit x = UNIT_AT(line->x[r], q), residual = (b + x * w) - UNIT_AT(line->y[r], q);
            if (r == 0)
                g = residual * x, g_bias = residual, total = residual * residual;
            else
                g += residual * x, g_bias += residual, total += residual * residual;
        }
        g *= factor, g_bias *= factor * own;
        UNIT_AT(line->g, q) = g, UNIT_AT(line->g_bias, q) = g_bias;
        unit_wide loss, norm, pulled;
        widen(total, &loss), widen(g, &norm), widen(g_bias, &pulled);
        norm *= norm;
        norm += pulled * pulled;
        for (int j = 0; j < UNIT; j++)
            norm[j] = sqrt(norm[j]);
        WIDE_AT(line->total, q) = loss * mean;
        WIDE_AT(line->norm, q) = norm;
        WIDE_AT(line->reach, q) = (1 + norm) * (1 + norm) * WIDE_AT(line->push, q);
    }
}

static inline __attribute__((always_inline)) ptrdiff_t
line_of(const ptrdiff_t batch, LinearSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    const ptrdiff_t start = first;
    const int own = of->bias != NULL;
    const double *const rates = of->rates;
    double bound = of->bound, loss_sum = of->loss_sum, norm_sum = of->norm_sum;
    ptrdiff_t measured = -1;        /* the row before whose step the bound was measured */
    int most = LINE_STEPS, last = 0;
    real w = *of->weight, b = own ? *of->bias : 0;
    Line line;
    if (!rates)
        set_line_rates(of, 1, &of->rate, &line);
    if (!(bound < of->limit))
        measured = first, bound = sqrt((double)w * w + (double)b * b);
    while (first < end) {
        const int steps = end - first < most * batch ? (int)((end - first) / batch) : most;
        double reach = bound, next_loss = loss_sum, next_norm = norm_sum;
        if (rates)
            set_line_rates(of, steps, rates + (first - start) / batch, &line);
        line.w[0] = w, line.b[0] = b;
        make_line(batch, of, first, steps, &line);
#pragma GCC unroll 1
        for (int k = 0; k < steps; k++) {
            reach = line.growth[k] * reach + line.reach[k];
            next_loss = plus_product(next_loss, line.total[k], batch);
            next_norm += line.norm[k];
        }
        const real next_w = line.w[steps], next_b = line.b[steps];
        if (!(reach < of->limit && (steps > 1 ? next_loss : line.total[0]) < INFINITY
                && real_abs(next_w) + real_abs(next_b) < INFINITY)) {
            if (measured != first)
                measured = first, bound = sqrt((double)w * w + (double)b * b);
            else if (steps > 1)
                most = 1;
            else
                break;
            continue;
        }
        w = next_w, b = next_b, bound = reach, loss_sum = next_loss, norm_sum = next_norm;
        first += steps * batch, last = steps - 1, most = LINE_STEPS;
    }
    if (first == start)
        return 0;
    if (rates)
        of->rate = rates[(first - start) / batch - 1];
    if (of->grads) {
        *of->grads = line.g[last];
        if (own)
            of->grads[1] = line.g_bias[last];
    }
    *of->weight = w;
    if (own)
        *of->bias = b;
    of->loss = line.total[last], of->norm = line.norm[last];
    of->bound = bound, of->share = batch, of->scale = 1, of->clipped = 0;
    of->loss_sum = loss_sum, of->share_sum += first - start, of->norm_sum = norm_sum;
    return first - start;
}

static __attribute__((noinline)) ptrdiff_t line_steps(LinearSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    return of->batch == 2 ? line_of(2, of, first, end) : line_of(of->batch, of, first, end);
}

#endif
