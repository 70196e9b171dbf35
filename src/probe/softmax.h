/* Loops over lanes for what cross-entropy changes by. See lanes.h for why they are C and not inlined. */
#ifndef GDCORE_SOFTMAX_H
#define GDCORE_SOFTMAX_H

#include "probe/lanes.h"

#define NEAR ((real)1 / 64)    /* of a logit's move: as far as the series below reaches */
#define LINE_TERMS 7           /* of exp(d) - 1: what is left out is 2^-57 of d at NEAR */
#define LINE_ROWS (LINE_TERMS + 2)
#define SLOPE_GROWTH ((real)1 / 32)    /* a probability grows by no more than that share of itself within NEAR */
#define TERM_ERROR (8 * EPSILON)       /* of a sum of a move's terms */

/* Whether n numbers are no further from 0 than `reach`; NaN is not. */
LANE_LOOP int all_within(ptrdiff_t n, const real *x, real reach)
{
    lane beyond = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        beyond |= -(lane) !(real_abs(x[i]) <= reach);
    return beyond == 0;
}

/* softmax = value / total (lanes,); the roundoff that a move of each logit has: `still` whatever its size, with the sum
 * over logits in the last row, and `touch` times its size. */
LANE_LOOP void softmax_slopes(const Outputs *of, ptrdiff_t k, const real *restrict total)
{
    const ptrdiff_t lanes = of->lanes;
    const real *e = of->value, *target_sum = of->target_sum, *target = of->target, *error = of->error;
    real *softmax = of->softmax, *still = of->still, *touch = of->touch, *all = still + k * lanes;
    for (ptrdiff_t r = 0; r < lanes; r++)
        all[r] = 0;
    for (ptrdiff_t j = 0; j < k * lanes; j += lanes)
        INDEPENDENT
        for (ptrdiff_t r = 0; r < lanes; r++) {
            const ptrdiff_t i = j + r;
            const real share = e[i] / total[r], full = target_sum[r] * share;
            const real slope = real_abs(full - target[i]) + SLOPE_GROWTH * full;
            softmax[i] = share;
            still[i] = OUTPUT_SAFETY * slope * error[i];
            touch[i] = CHANGE_ERROR * slope + TERM_ERROR * (full + target[i]);
            all[r] += still[i];
        }
}

/* exp(d) - 1 for |d| <= NEAR */
static inline real near_expm1(real d)
{
    const real half = d * (1 + d / 3 * (1 + d / 4 * (1 + d / 5 * (1 + d / 6 * (1 + d / 7)))));
    return d * (1 + half / 2);
}

/* log(1 + s) for a sum of such moves' growth, |s| < 1.01 NEAR: what is left out is 2^-57 of s */
static inline real near_log1p(real s)
{
    const real tail = (real)1 / 5 - s * ((real)1 / 6 - s * ((real)1 / 7 - s * ((real)1 / 8 - s * ((real)1 / 9))));
    return s * (1 - s * ((real)1 / 2 - s * ((real)1 / 3 - s * ((real)1 / 4 - s * tail))));
}

/* Of `count` logits from `first` on that move by d (count, lanes): growth (lanes,) = sum of softmax (exp(d) - 1),
 * line = sum of target d, noise += touch |d|. */
LANE_LOOP void near_logits(
    const Outputs *of, ptrdiff_t first, ptrdiff_t count, const real *restrict d, real *restrict growth,
    real *restrict line, real *restrict noise)
{
    const ptrdiff_t lanes = of->lanes, at = first * lanes;
    const real *softmax = of->softmax + at, *target = of->target + at, *touch = of->touch + at;
    for (ptrdiff_t r = 0; r < lanes; r++)
        growth[r] = line[r] = 0;
    for (ptrdiff_t j = 0; j < count * lanes; j += lanes)
        INDEPENDENT
        for (ptrdiff_t r = 0; r < lanes; r++) {
            const ptrdiff_t i = j + r;
            growth[r] += softmax[i] * near_expm1(d[i]);
            line[r] += target[i] * d[i];
            noise[r] += touch[i] * real_abs(d[i]);
        }
}

/* A loss's change, target_sum log(1 + growth) - line, and the roundoff of that logarithm. */
LANE_LOOP void near_change(
    ptrdiff_t lanes, const real *restrict target_sum, const real *restrict growth, const real *restrict line,
    real *restrict change, real *restrict noise)
{
    for (ptrdiff_t r = 0; r < lanes; r++) {
        const real rise = target_sum[r] * near_log1p(growth[r]);
        change[r] = rise - line[r];
        noise[r] += VALUE_ERROR * real_abs(rise);
    }
}

/* Logits that move by weight (k,) times one number: terms (LINE_ROWS, lanes) = the coefficients of `growth` as a
 * polynomial in that number, from the first power on; then those of `line` and of |touch d|. */
LANE_LOOP void line_terms(
    ptrdiff_t k, ptrdiff_t lanes, const real *restrict weight, const real *restrict softmax,
    const real *restrict target, const real *restrict touch, real *restrict terms)
{
    for (ptrdiff_t i = 0; i < LINE_ROWS * lanes; i++)
        terms[i] = 0;
    for (ptrdiff_t j = 0; j < k; j++) {
        const ptrdiff_t at = j * lanes;
        real power = 1;
        for (int n = 0; n < LINE_TERMS; n++) {
            power *= weight[j] / (n + 1);
            for (ptrdiff_t r = 0; r < lanes; r++)
                terms[n * lanes + r] += power * softmax[at + r];
        }
        for (ptrdiff_t r = 0; r < lanes; r++) {
            terms[LINE_TERMS * lanes + r] += weight[j] * target[at + r];
            terms[(LINE_TERMS + 1) * lanes + r] += real_abs(weight[j]) * touch[at + r];
        }
    }
}

/* What near_logits and near_change find where logits move along such a line, at x (lanes,). */
LANE_LOOP void line_change(
    ptrdiff_t lanes, const real *restrict x, const real *restrict terms, const real *restrict still,
    const real *restrict target_sum, real *restrict change, real *restrict noise)
{
    for (ptrdiff_t r = 0; r < lanes; r++) {
        real growth = terms[(LINE_TERMS - 1) * lanes + r];
        for (int n = LINE_TERMS - 2; n >= 0; n--)
            growth = growth * x[r] + terms[n * lanes + r];
        const real rise = target_sum[r] * near_log1p(growth * x[r]);
        change[r] = rise - terms[LINE_TERMS * lanes + r] * x[r];
        noise[r] = still[r] + terms[(LINE_TERMS + 1) * lanes + r] * real_abs(x[r]) + VALUE_ERROR * real_abs(rise);
    }
}

/* e = exp(z - top) and total += e, one output */
LANE_LOOP void add_exponentials(
    ptrdiff_t lanes, const real *restrict z, const real *restrict top, real *restrict e, real *restrict total)
{
    for (ptrdiff_t r = 0; r < lanes; r++) {
        e[r] = real_exp(z[r] - top[r]);
        total[r] += e[r];
    }
}

/* top (lanes,) = the largest of itself and z (k, lanes) */
LANE_LOOP void tops(ptrdiff_t k, ptrdiff_t lanes, const real *restrict z, real *restrict top)
{
    for (ptrdiff_t j = 0; j < k * lanes; j += lanes)
        for (ptrdiff_t r = 0; r < lanes; r++)
            top[r] = z[j + r] > top[r] ? z[j + r] : top[r];
}

/* What the logarithms of softmax's totals have become: total (lanes,) is made its logarithm, share = target_sum / total. */
LANE_LOOP void add_log_totals(
    const Outputs *of, const real *restrict top, real *restrict total, real *restrict share, real *restrict change,
    real *restrict noise)
{
    const real *target_sum = of->target_sum, *top_before = of->top, *log_before = of->log_total;
    INDEPENDENT
    for (ptrdiff_t r = 0; r < of->lanes; r++) {
        const real after = real_log(total[r]);
        share[r] = target_sum[r] / total[r];
        change[r] += target_sum[r] * ((after - log_before[r]) + (top[r] - top_before[r]));
        noise[r] += VALUE_ERROR * target_sum[r] * (1 + after + log_before[r]);
    }
}

/* The rest of cross-entropy's change: `count` logits from `first` on have moved by d, and are exp(logit - top) = e
 * (count, lanes) now. */
LANE_LOOP void add_logits(
    const Outputs *of, ptrdiff_t first, ptrdiff_t count, const real *restrict d, const real *restrict e,
    const real *restrict share, real *restrict change, real *restrict noise)
{
    const ptrdiff_t lanes = of->lanes, at = first * lanes;
    const real *target = of->target + at, *error = of->error + at;
    for (ptrdiff_t j = 0; j < count * lanes; j += lanes)
        INDEPENDENT
        for (ptrdiff_t r = 0; r < lanes; r++) {
            const ptrdiff_t i = j + r;
            const real slope = real_abs(e[i] * share[r] - target[i]), size = real_abs(d[i]);
            change[r] -= target[i] * d[i];
            noise[r] += slope * (OUTPUT_SAFETY * error[i] + CHANGE_ERROR * size) + EPSILON * target[i] * size;
        }
}

#endif
