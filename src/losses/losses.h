/* Losses of raw outputs z against targets y, and the table that the kernels look them up in.
 *
 * Design
 * ------
 * - A pointwise loss is one scalar function that returns the value and stores the slope d value / d z, so that what
 *   they share is computed once; its curvature stands beside it. LOOPS or VALUE_LOOP makes their loops, which
 *   vectorize.
 * - A loss of whole rows, as cross-entropy is, has one function that takes a row of outputs.
 * - A kink is where the slope jumps. `all_kinks` gives the quantities that are 0 there, or where the curvature alone
 *   jumps.
 * - Whatever else the kernels or Python need to know of a loss is a column of its row.
 * - At a kink the slope is 0 where 0 lies between the slopes on both sides, and the curvature is 0. The perceptron's
 *   slope is an exception: at a margin of 0 it is -y, as in Rosenblatt's rule. Weights of 0 make every margin 0, and
 *   with a slope of 0 no training would ever leave them.
 */
#ifndef GDCORE_LOSSES_H
#define GDCORE_LOSSES_H

#include "losses/cross_entropy.h"

#define VALUE(name) static inline real name##_value(real z, real y, real option, real *slope)
#define CURVATURE(name) static inline real name##_curvature(real z, real y, real option)

VALUE(mean_squared_error) { *slope = 2 * (z - y); return (z - y) * (z - y); }
CURVATURE(mean_squared_error) { return 2; }

VALUE(mean_absolute_error) { *slope = (real)(z > y) - (real)(z < y); return real_abs(z - y); }

VALUE(huber)    /* option: delta */
{
    real d = z - y, inside = d < -option ? -option : d > option ? option : d;
    *slope = inside;
    return inside * (d - (real)0.5 * inside);
}
CURVATURE(huber) { return real_abs(z - y) < option; }

VALUE(log_cosh)    /* near 0, |d| + log1p(...) cancels; -log(1 - tanh^2) / 2 does not */
{
    real d = z - y, size = real_abs(d), t = real_tanh(d);
    real near = (real)-0.5 * real_log1p(-t * t);
    real far = size + real_log1p((real)0.5 * real_expm1(-2 * size));
    *slope = t;
    return size < (real)0.5 ? near : far;
}
CURVATURE(log_cosh) { real t = real_tanh(z - y); return 1 - t * t; }

VALUE(quantile)    /* option: q */
{
    real d = y - z;
    *slope = d > 0 ? -option : d < 0 ? 1 - option : 0;
    return d < 0 ? (option - 1) * d : option * d;
}

VALUE(epsilon_insensitive)    /* option: epsilon */
{
    real d = z - y, beyond = real_abs(d) - option;
    *slope = (real)(d > option) - (real)(d < -option);
    return beyond < 0 ? 0 : beyond;
}

VALUE(squared_epsilon_insensitive)    /* option: epsilon */
{
    real d = z - y, beyond = d - (d < -option ? -option : d > option ? option : d);
    *slope = 2 * beyond;
    return beyond * beyond;
}
CURVATURE(squared_epsilon_insensitive)    /* where epsilon is 0, nothing jumps */
{
    return 2 * (real)((real_abs(z - y) > option) | (option == 0));
}

VALUE(poisson) { real rate = real_exp(z); *slope = rate - y; return rate - y * z; }
CURVATURE(poisson) { return real_exp(z); }

VALUE(binary_cross_entropy) { *slope = real_sigmoid(z) - y; return real_softplus(z) - y * z; }
CURVATURE(binary_cross_entropy) { real s = real_sigmoid(z); return s * (1 - s); }

VALUE(hinge) { real gap = 1 - y * z; *slope = gap > 0 ? -y : 0; return gap < 0 ? 0 : gap; }

VALUE(squared_hinge)
{
    real gap = 1 - y * z;
    gap = gap < 0 ? 0 : gap;
    *slope = -2 * y * gap;
    return gap * gap;
}
CURVATURE(squared_hinge) { return 2 * y * y * (real)(1 - y * z > 0); }

VALUE(modified_huber)
{
    real margin = y * z, gap = margin > 1 ? 0 : 1 - margin;
    *slope = margin < -1 ? -4 * y : -2 * y * gap;
    return margin < -1 ? -4 * margin : gap * gap;
}
CURVATURE(modified_huber) { return 2 * y * y * (real)((y * z > -1) & (y * z < 1)); }

VALUE(perceptron) { real margin = y * z; *slope = margin > 0 ? 0 : -y; return margin >= 0 ? 0 : -margin; }

/* What is 0 at a loss's kinks: the residual, the residual and a distance on both sides, the margin less 1, 1 or -1, or
 * the margin itself. */
#define KINK(name) static inline real name(int which, real z, real y, real option)

KINK(residual_kink) { return z - y; }
KINK(bent_kink) { return (z - y) + (which ? option : -option); }
KINK(margin_kink) { return 1 - y * z; }
KINK(margins_kink) { return (which ? -1 : 1) - y * z; }
KINK(score_kink) { return y * z; }

/* All in arrays of their own. */
#define VALUES (const real *z, const real *y, ptrdiff_t n, real option, real *value, real *slope)
#define CURVATURES (const real *z, const real *y, ptrdiff_t n, real option, real *curvature)
#define KINKS (int which, const real *z, const real *y, ptrdiff_t n, real option, real *argument)
#define VALUE_LOOP(f) LOOP_OVER(f##_values, VALUES, value[i] = f##_value(z[i], y[i], option, &slope[i]))
#define LOOPS(f) \
    VALUE_LOOP(f) LOOP_OVER(f##_curvatures, CURVATURES, curvature[i] = f##_curvature(z[i], y[i], option))

LOOPS(mean_squared_error)
VALUE_LOOP(mean_absolute_error)
LOOPS(huber)
LOOPS(log_cosh)
VALUE_LOOP(quantile)
VALUE_LOOP(epsilon_insensitive)
LOOPS(squared_epsilon_insensitive)
LOOPS(poisson)
LOOPS(binary_cross_entropy)
VALUE_LOOP(hinge)
LOOPS(squared_hinge)
LOOPS(modified_huber)
VALUE_LOOP(perceptron)
LOOP_OVER(residual_kinks, KINKS, argument[i] = residual_kink(which, z[i], y[i], option))
LOOP_OVER(bent_kinks, KINKS, argument[i] = bent_kink(which, z[i], y[i], option))
LOOP_OVER(margin_kinks, KINKS, argument[i] = margin_kink(which, z[i], y[i], option))
LOOP_OVER(margins_kinks, KINKS, argument[i] = margins_kink(which, z[i], y[i], option))
LOOP_OVER(score_kinks, KINKS, argument[i] = score_kink(which, z[i], y[i], option))

#define OF(what) .zero = #what, .all_kinks = what##_kinks

typedef struct {
    const char *name;    /* Loss.target of gdcore/losses/base.py */
    real least, most;
    int ends;            /* whether only these two are targets, and nothing between */
} target_range;

static const target_range REALS = {"real", -INFINITY, INFINITY, 0}, COUNTS = {"nonnegative", 0, INFINITY, 0},
    SHARES = {"unit", 0, 1, 0}, SIGNS = {"sign", -1, 1, 1}, CLASSES = {"class", 0, INFINITY, 0};

/* Whether n numbers are targets, as far as one by one can be. In a range without ends the loss shows what is not finite. */
static inline int are_targets(const target_range *of, ptrdiff_t n, const real *y)
{
    int wrong = 0;
    if (of == &REALS)
        return 1;
    for (ptrdiff_t i = 0; i < n; i++)
        wrong |= !(y[i] >= of->least) | !(y[i] <= of->most) | (of->ends & (y[i] > of->least) & (y[i] < of->most));
    return !wrong;
}

typedef struct {
    const char *name;
    const target_range *target;
    void (*values) VALUES;             /* of a pointwise loss; NULL: it is a loss of whole rows */
    void (*curvatures) CURVATURES;     /* NULL: 0, for it is made of straight pieces */
    double (*row)(ptrdiff_t k, const real *z, const real *target, int64_t label, real option, real *slope);
    void (*lanes)(const lane_outputs *of, double *value, real *slope);    /* the same for rows in the lanes */
    int n_all_kinks;
    const char *zero;                  /* what is 0 at all its kinks, in a word */
    void (*all_kinks) KINKS;
    int smooth;     /* whether the slope jumps at none of them, and only the curvature does */
    int differs;    /* whether its value is a difference of terms as large as y z */
    int shifts;     /* whether its option is subtracted from |z - y|, which rounds as much as the option is large */
    int takes_labels;    /* whether a target may be the number of a class */
} Loss;

static const Loss LOSSES[] = {
    {"mean_squared_error", &REALS, mean_squared_error_values, mean_squared_error_curvatures},
    {"mean_absolute_error", &REALS, mean_absolute_error_values, OF(residual), .n_all_kinks = 1},
    {"huber", &REALS, huber_values, huber_curvatures, OF(bent), .n_all_kinks = 2, .smooth = 1},
    {"log_cosh", &REALS, log_cosh_values, log_cosh_curvatures},
    {"quantile", &REALS, quantile_values, OF(residual), .n_all_kinks = 1},
    {"epsilon_insensitive", &REALS, epsilon_insensitive_values, OF(bent), .n_all_kinks = 2, .shifts = 1},
    {"squared_epsilon_insensitive", &REALS, squared_epsilon_insensitive_values, squared_epsilon_insensitive_curvatures,
     OF(bent), .n_all_kinks = 2, .smooth = 1, .shifts = 1},
    {"poisson", &COUNTS, poisson_values, poisson_curvatures, .differs = 1},
    {"binary_cross_entropy", &SHARES, binary_cross_entropy_values, binary_cross_entropy_curvatures, .differs = 1},
    {"hinge", &SIGNS, hinge_values, OF(margin), .n_all_kinks = 1, .differs = 1},
    {"squared_hinge", &SIGNS, squared_hinge_values, squared_hinge_curvatures,
     OF(margin), .n_all_kinks = 1, .smooth = 1, .differs = 1},
    {"modified_huber", &SIGNS, modified_huber_values, modified_huber_curvatures,
     OF(margins), .n_all_kinks = 2, .smooth = 1, .differs = 1},
    {"perceptron", &SIGNS, perceptron_values, OF(score), .n_all_kinks = 1},
    {"cross_entropy", &CLASSES, .row = cross_entropy_row, .lanes = cross_entropy_lanes, .takes_labels = 1},
};
enum { N_LOSSES = sizeof LOSSES / sizeof *LOSSES };

#undef VALUE
#undef CURVATURE
#undef KINK
#undef VALUES
#undef CURVATURES
#undef KINKS
#undef OF
#undef VALUE_LOOP
#undef LOOPS
#endif
