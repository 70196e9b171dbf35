/* A linear model of one output, its training and its rows, as the loops of linear.h and linear_squares.h see them. */
#ifndef GDCORE_LINEAR_MODEL_H
#define GDCORE_LINEAR_MODEL_H

#include <math.h>
#include "machine/parts.h"
#include "machine/tuning.h"
#include "machine/vector.h"
#include "losses/losses.h"

/* Added to a gradient's norm where it is compared with the limit and where it divides the limit, as in PyTorch. */
#define CLIP_EPSILON 1e-6

/* A register of 16 bytes. */
typedef real unit __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));

typedef struct {
    /* The model, and the rows in the order of the steps. */
    ptrdiff_t n_in, batch;
    real *weight, *bias;            /* (n_in,); (1,), or NULL */
    const real *x, *y, *shares;     /* (n, n_in), (n,), and weights (n,) or NULL */
    const int64_t *order;           /* or NULL: as they stand */
    double mean_share;              /* a gradient divides by rows times this; 0: by the weights of the batch */
    /* The objective and the rule. */
    void (*values)(const real *z, const real *y, ptrdiff_t n, real option, real *value, real *slope);
    real option;
    double l1, l2, rate, clip_norm; /* clip_norm INFINITY: no limit */
    const double *rates;            /* of each step of the call, or NULL: `rate` */
    real *grads;                    /* (n_in,) and the bias's: where a step's gradient is kept before clipping, or NULL */
    real *received;                 /* (n_in,) of a cumulative l1, see proximal.pxi; NULL: there is no l1 */
    double rate_sum;
    /* The overflow guard: see overflow.pxi. */
    double bound, limit, growth, push;
    /* What the steps are added to. */
    double loss_sum, share_sum, norm_sum;   /* each loss times its share */
    double loss, share, norm, scale;        /* of the last step, scale from clipping */
    ptrdiff_t clipped;                      /* steps */
} LinearSteps;

#endif
