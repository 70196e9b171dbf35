/* What follows the gradients of LANES models in a step: sums over their numbers and plain gradient descent.
 *
 * Design
 * ------
 * - Each model is a lane, so a sum over a model's numbers is one over vectors. It is taken term by term in the order in
 *   which a model alone takes it, and has its bits.
 * - As in small.h, only steps that are certainly good are made here. The others are told, and the caller makes
 *   them model by model, as for every network. */
#ifndef GDCORE_MODEL_DESCENT_H
#define GDCORE_MODEL_DESCENT_H

#include <math.h>
#include "machine/parts.h"
#include "many/lanes.h"

typedef struct {                /* models under plain gradient descent; a number for each */
    double rate[LANES], growth[LANES], bound[LANES];    /* of the overflow guard: see overflow.pxi */
    double mean[LANES], share[LANES];                   /* of this step: factor of a loss's mean, and its weight */
    double loss_sum[LANES], share_sum[LANES], norm_sum[LANES];
    unsigned char taken[LANES]; /* whether a model takes part */
    double limit, push;
} models_descent;

/* The sums of values (rows, LANES), in the order of `sum_values`. */
static __attribute__((noinline)) void models_totals(ptrdiff_t rows, const double *value, double *total)
{
    double part[9][LANES] = {{0}};
    const ptrdiff_t whole = rows - rows % 8;
    for (ptrdiff_t r = 0; r < rows; r++, value += LANES) {
        double *to = part[r < whole ? r % 8 : 8];
        for (int q = 0; q < LANES; q++)
            to[q] += value[q];
    }
    for (int q = 0; q < LANES; q++) {
        const double eight[8] = {part[0][q], part[1][q], part[2][q], part[3][q], part[4][q], part[5][q], part[6][q],
                                 part[7][q]};
        total[q] = eight_parts(eight) + part[8][q];
    }
}

/* The sums of squares of x (n,), in the order of `sum_squares` while it is finite. */
static void models_squares(ptrdiff_t n, const vector *x, double *total)
{
    for (int q = 0; q < LANES; q++)
        total[q] = 0;
    if (n < MIN_VECTOR_SUM) {
        for (ptrdiff_t i = 0; i < n; i++)
            for (int q = 0; q < LANES; q++) {
                const double v = ((const real *)(x + i))[q];
                total[q] += v * v;
            }
        return;
    }
    for (; n > 0; n -= SUM_RUN, x += SUM_RUN) {
        const ptrdiff_t count = n < SUM_RUN ? n : SUM_RUN;
        vector part[SQUARES];
        ptrdiff_t live = count < SQUARES ? count : SQUARES;
        for (ptrdiff_t j = 0; j < UNIT; j++)
            part[j] = (vector){0};
        for (ptrdiff_t j = 0; j < live; j++)
            part[j] = x[j] * x[j];
        for (ptrdiff_t j = SQUARES; j < count; j++)
            part[j % SQUARES] += x[j] * x[j];
        /* Parts that have no number would add 0. */
        for (ptrdiff_t half = SQUARES / 2; half >= UNIT; live = live < half ? live : half, half /= 2)
            for (ptrdiff_t j = 0; j + half < live; j++)
                part[j] += part[j + half];
        real sum[LANES];
        *(vector *)sum = models_quarter(part);
        for (int q = 0; q < LANES; q++)
            total[q] += sum[q];
    }
}

/* Values (rows,) are the sums of `found` (rows, k), and deltas (rows, k) are multiplied by `scale`. */
static void models_scale(
    ptrdiff_t rows, ptrdiff_t k, const real *restrict found, const real *restrict scale, double *restrict value,
    vector *restrict delta)
{
    const vector by = *(const vector *)scale;
    for (ptrdiff_t r = 0; r < rows; r++, value += LANES)
        for (ptrdiff_t j = 0; j < k; j++, found += LANES, delta++) {
            *delta *= by;
            for (int q = 0; q < LANES; q++)
                value[q] = (j ? value[q] : 0) + found[q];
        }
}

/* Make the step p -= rate g of n parameters in every model that takes part, and count it with the sum of its losses.
 * Where that is not certainly good, a model stays as it is. Returns the bits of these models. */
static unsigned models_descend(
    ptrdiff_t n, const double *total, const vector *restrict g, vector *restrict p, models_descent *restrict of)
{
    double norm[LANES], push[LANES], growth[LANES], loss[LANES], term[LANES], bound[LANES];
    real rate[LANES];
    unsigned left = 0;
    int64_t unsure = 0;
    models_squares(n, g, norm);
    for (int q = 0; q < LANES; q++) {
        norm[q] = sqrt(norm[q]);
        growth[q] = (1 + of->rate[q]) * of->growth[q];
        push[q] = (of->rate[q] > 1 ? of->rate[q] : 1) * (1 + norm[q]) * (1 + norm[q]) * of->push;
        unsure |= !(growth[q] * of->bound[q] + push[q] < of->limit);
    }
    if (unsure) {
        double size[LANES];
        models_squares(n, p, size);
        for (int q = 0; q < LANES; q++)
            if (!(growth[q] * of->bound[q] + push[q] < of->limit))
                of->bound[q] = sqrt(size[q]);
    }
    unsure = 0;
    for (int q = 0; q < LANES; q++) {
        loss[q] = of->mean[q] * total[q];
        bound[q] = growth[q] * of->bound[q] + push[q];
        rate[q] = (real)of->rate[q];
        term[q] = loss[q] * of->share[q];
        unsure |= !(bound[q] < of->limit) | !(fabs(loss[q]) < INFINITY);
    }
    for (int q = 0; q < LANES && unsure; q++)
        left |= (unsigned)!(bound[q] < of->limit && fabs(loss[q]) < INFINITY) << q;
    /* A product that is stored is not fused with the sum that follows: see plus_product. */
    __asm__ volatile("" : : "r"(term) : "memory");
    const vector by = *(const vector *)rate;
    if (!left) {
        for (ptrdiff_t i = 0; i < n; i++)
            p[i] -= by * g[i];
        for (int q = 0; q < LANES; q++) {
            of->bound[q] = bound[q];
            of->loss_sum[q] += term[q], of->share_sum[q] += of->share[q], of->norm_sum[q] += norm[q];
        }
        return 0;
    }
    lanes moves;
    for (int q = 0; q < LANES; q++)
        moves[q] = left >> q & 1 ? 0 : -1;
    for (ptrdiff_t i = 0; i < n; i++) {
        const vector moved = p[i] - by * g[i];
        p[i] = (vector)(((lanes)moved & moves) | ((lanes)p[i] & ~moves));
    }
    for (int q = 0; q < LANES; q++)
        if (!(left >> q & 1)) {
            of->bound[q] = bound[q];
            of->loss_sum[q] += term[q], of->share_sum[q] += of->share[q], of->norm_sum[q] += norm[q];
        }
        else if (!of->taken[q])
            left &= ~(1u << q);
    return left;
}

#endif
