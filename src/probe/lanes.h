/* Loops over lanes that the compiler vectorizes only where it is told that their arrays do not overlap.

Design
------
- What these loops take is too many arrays for checks at run time; Cython cannot say `restrict`.
- Functions of their own rather than inlined ones: `restrict` is kept, and a call is little beside 64 lanes.
- `restrict` holds for arguments only. A loop that takes arrays from a struct is marked INDEPENDENT.
- Lanes are a multiple of a vector, so nothing is left over. */
#ifndef GDCORE_LANES_H
#define GDCORE_LANES_H

#include "layers/activations.h"
#include "machine/elementary.h"
#include "machine/vector.h"

#define EPSILON PICK(FLT_EPSILON, DBL_EPSILON)
#define ACTIVATION_ERROR (4 * EPSILON)    /* two values below 1, 3.1 ulp (of EPSILON / 2) each */
#define OUTPUT_SAFETY ((real)4)           /* times the root mean square of the outputs' error */
#define CHANGE_ERROR (32 * EPSILON)       /* of a change itself: sums of products */
#define VALUE_ERROR (4 * EPSILON)         /* of a loss's terms */

#define LANE_LOOP static __attribute__((noinline))

/* y *= x, n numbers */
LANE_LOOP void multiply(ptrdiff_t n, const real *restrict x, real *restrict y)
{
    for (ptrdiff_t i = 0; i < n; i++)
        y[i] *= x[i];
}

/* z (n_out, lanes) = the outer product of weight (n_out,) and x (lanes,) */
LANE_LOOP void rank_one(
    ptrdiff_t n_out, ptrdiff_t lanes, const real *restrict weight, const real *restrict x, real *restrict z)
{
    for (ptrdiff_t j = 0; j < n_out; j++)
        for (ptrdiff_t r = 0; r < lanes; r++)
            z[j * lanes + r] = weight[j] * x[r];
}

/* A function made of straight pieces: between its kinks it has one slope. Kinks that are not there are at infinity. */
typedef struct {
    real kinks[MAX_KINKS];
    real slopes[MAX_KINKS + 1];
} Pieces;

_Static_assert(MAX_KINKS == 2, "piece_of, piece_slope and straight_change compare with two kinks");

static inline int piece_of(const Pieces *of, real z) { return (z > of->kinks[0]) + (z > of->kinks[1]); }

static inline real piece_slope(const Pieces *of, real z)
{
    return z > of->kinks[1] ? of->slopes[2] : z > of->kinks[0] ? of->slopes[1] : of->slopes[0];
}

/* What such a function makes of a change of z: exact where both ends lie on one piece. `out` and `a` are its values
 * behind a mask (n,), which may be NULL. */
LANE_LOOP void piece_change(
    ptrdiff_t n, const Pieces *pieces, const real *restrict z, const real *restrict moved, const real *restrict out,
    const real *restrict a, const real *mask, real *restrict change)
{
    const Pieces of = *pieces;
    for (ptrdiff_t i = 0; i < n; i++) {
        const real slope = piece_slope(&of, z[i]) * (mask ? mask[i] : 1);
        change[i] = piece_of(&of, z[i]) == piece_of(&of, moved[i]) ? slope * change[i] : out[i] - a[i];
    }
}

/* What a unit with such an activation makes of a change step * x of z where it crosses no kink. Returned is whether it
 * reaches a kink, changes anything, and goes beyond `reach` (NaN does). */
enum { REACHES_KINK = 1, CHANGES = 2, IS_FAR = 4 };

LANE_LOOP int straight_change(
    ptrdiff_t lanes, real step, const Pieces *pieces, real reach, const real *restrict x, const real *restrict z,
    const real *mask, real *restrict change)
{
    const Pieces of = *pieces;
    lane kinks = 0, changes = 0, far = 0;
    for (ptrdiff_t r = 0; r < lanes; r++) {
        const real d = step * x[r], slope = piece_slope(&of, z[r]) * (mask ? mask[r] : 1);
        const int clear = (real_abs(d) < real_abs(z[r] - of.kinks[0])) & (real_abs(d) < real_abs(z[r] - of.kinks[1]));
        kinks |= -(lane)(!clear & (d != 0));
        change[r] = slope * d;
        changes |= -(lane)(change[r] != 0);
        far |= -(lane) !(real_abs(change[r]) <= reach);
    }
    return (kinks ? REACHES_KINK : 0) | (changes ? CHANGES : 0) | (far ? IS_FAR : 0);
}

/* Whether one of n numbers is not 0. */
LANE_LOOP int any_change(ptrdiff_t n, const real *x)
{
    lane found = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        found |= -(lane)(x[i] != 0);
    return found != 0;
}

/* Whether one of n pairs lies on different sides of a kink: below, at or above it. */
LANE_LOOP int sides_differ(ptrdiff_t n, real kink, const real *before, const real *after)
{
    lane found = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        found |= ((lane)(before[i] > kink) ^ (lane)(after[i] > kink)) | ((lane)(before[i] < kink) ^ (lane)(after[i] < kink));
    return found != 0;
}

/* The outputs of a block before anything moves, and their losses: (k, lanes) where nothing else is said. */
typedef struct {
    ptrdiff_t lanes;
    const real *z;       /* the outputs */
    real *error;         /* their roundoff, root mean square */
    real *target;        /* numbers, or class probabilities */
    real *value;         /* a pointwise loss; or exp(z - top) */
    real *steep;         /* the size of its slope, if a move may lead from there onto a flatter piece; otherwise 0 */
    real linear;         /* how much of |target z| is among the terms of a pointwise loss */
    real shift;          /* an error of the output that has the effect of what subtracting the loss's option loses */
    real *top;           /* (lanes,): the largest output */
    real *log_total;     /* (lanes,): log of the sum of exp(z - top) */
    real *target_sum;    /* (lanes,): sum of the target's probabilities */
    real *softmax;       /* of z; this and what follows only for softmax's losses */
    real *still;         /* (k + 1, lanes): roundoff of a move of one output, and of all */
    real *touch;         /* roundoff of such a move, times its size */
} Outputs;

/* Add to change and noise (lanes,) what the losses of `count` outputs from `first` on have become that moved to `out`:
 * values and slopes (count, lanes). */
LANE_LOOP void add_pointwise(
    const Outputs *of, ptrdiff_t first, ptrdiff_t count, const real *restrict value, const real *restrict slope,
    const real *restrict out, real *restrict change, real *restrict noise)
{
    const ptrdiff_t lanes = of->lanes, at = first * lanes;
    const real *before = of->value + at, *y = of->target + at, *z = of->z + at, *error = of->error + at;
    const real *steep = of->steep + at;
    const real linear = of->linear;
    for (ptrdiff_t j = 0; j < count * lanes; j += lanes)
        INDEPENDENT
        for (ptrdiff_t r = 0; r < lanes; r++) {
            const ptrdiff_t i = j + r;
            const real terms = real_abs(value[i]) + real_abs(before[i]) + linear * real_abs(y[i] * out[i]);
            const real moved = OUTPUT_SAFETY * error[i] + CHANGE_ERROR * real_abs(out[i] - z[i]);
            const real steepest = steep[i] > real_abs(slope[i]) ? steep[i] : real_abs(slope[i]);
            change[r] += value[i] - before[i];
            noise[r] += VALUE_ERROR * terms + steepest * moved;
        }
}

#endif
