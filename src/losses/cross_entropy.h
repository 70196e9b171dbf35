/* Cross-entropy of raw outputs z, row by row, and of several rows in the lanes of vectors.
 *
 * Design
 * ------
 * - Both subtract the largest output of a row first, so no exponential overflows.
 * - In the lanes a label costs one number of a row: every other target is the share of smoothing, the same for all. */
#ifndef GDCORE_CROSS_ENTROPY_H
#define GDCORE_CROSS_ENTROPY_H

#include "machine/elementary.h"
#include "machine/tuning.h"

/* -sum_j t_j log softmax(z)_j, t being the target (k,), or the class `label`, mixed with the uniform distribution by
 * `smoothing`; slope (k,). */
static double cross_entropy_row(
    ptrdiff_t k, const real *z, const real *target, int64_t label, real smoothing, real *slope)
{
    const real even = smoothing / k, keep = 1 - smoothing;
    real top = z[0], total = 0, target_sum = 0;
    double value = 0;
    for (ptrdiff_t j = 1; j < k; j++)
        top = z[j] > top ? z[j] : top;
    for (ptrdiff_t j = 0; j < k; j++)
        slope[j] = real_exp(z[j] - top);
    for (ptrdiff_t j = 0; j < k; j++)
        total += slope[j];
    const real log_total = real_log(total);
    for (ptrdiff_t j = 0; j < k; j++) {
        const real t = even + keep * (target ? target[j] : (real)(j == label));
        target_sum += t;
        if (t != 0)
            value += t * (log_total - (z[j] - top));
    }
    for (ptrdiff_t j = 0; j < k; j++) {
        const real t = even + keep * (target ? target[j] : (real)(j == label));
        slope[j] = slope[j] * (target_sum / total) - t;
    }
    return value;
}

typedef struct {
    ptrdiff_t k, n, lead;       /* at most RUN rows */
    const real *z, *target;     /* (k, lead), whole vectors of lanes; target NULL where labels are given */
    const int64_t *labels;      /* (n,), or NULL */
    real option;
} lane_outputs;                 /* outputs and targets of n rows in the lanes */

#define EACH_LANE INDEPENDENT for (ptrdiff_t r = 0; r < whole; r++)

/* The same for rows in the lanes; value (n,) and slope (k, lead). */
static void cross_entropy_lanes(const lane_outputs *of, double *value, real *slope)
{
    const ptrdiff_t k = of->k, n = of->n, lead = of->lead;
    const real *z = of->z, *target = of->target;
    const int64_t *labels = of->labels;
    const real even = of->option / k, keep = 1 - of->option;
    const ptrdiff_t whole = (n + LANES - 1) / LANES * LANES;
    real top[RUN], total[RUN], log_total[RUN], target_sum[RUN];
    double found[RUN];
    EACH_LANE {
        top[r] = z[r];
        total[r] = 0;
        target_sum[r] = labels ? even * k + keep : 0;
        found[r] = 0;
    }
    for (ptrdiff_t j = 1; j < k; j++)
        EACH_LANE top[r] = z[j * lead + r] > top[r] ? z[j * lead + r] : top[r];
    for (ptrdiff_t j = 0; j < k; j++)
        EACH_LANE total[r] += slope[j * lead + r] = real_exp(z[j * lead + r] - top[r]);
    EACH_LANE log_total[r] = real_log(total[r]);
    for (ptrdiff_t j = 0; j < k && (even != 0 || !labels); j++)
        EACH_LANE {
            const real t = labels ? even : even + keep * target[j * lead + r];
            const real term = t * (log_total[r] - (z[j * lead + r] - top[r]));
            target_sum[r] += labels ? 0 : t;
            found[r] += t != 0 ? term : 0;
        }
    EACH_LANE total[r] = target_sum[r] / total[r];
    for (ptrdiff_t j = 0; j < k; j++)
        EACH_LANE {
            const real t = labels ? even : even + keep * target[j * lead + r];
            slope[j * lead + r] = slope[j * lead + r] * total[r] - t;
        }
    for (ptrdiff_t r = 0; r < n; r++) {
        value[r] = found[r];
        if (labels) {
            const ptrdiff_t at = labels[r] * lead + r;
            value[r] += keep * (log_total[r] - (z[at] - top[r]));
            slope[at] -= keep;
        }
    }
}

#undef EACH_LANE

#endif
