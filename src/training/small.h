/* Steps of a small network of dense layers, trained by plain gradient descent on a loss of single numbers: one loop.
 *
 * Design
 * ------
 * - As in linear.h, a step takes less than the calls, tasks and looks of any other step. Only steps that are certainly
 *   good are made here; the loop stops before any other, and the caller makes that one as for every network.
 * - Few rows go one by one through layers no wider than a vector (`narrow_gradient`). A row of a weight is a vector of
 *   its own over all steps of a call, so nothing is read that was just written in other pieces. Weights behind the first
 *   layer are kept transposed too: then no sum goes across lanes, neither forward nor backward. Both copies get the same
 *   products in the same order, and so the same bits.
 * - More rows lie in the lanes (`wide_gradient`), as transposed.pxi says, with the products of transposed.h. One
 *   term leaves a product little to do but write, so what follows is done in the same pass: tanh of one input, and the
 *   slopes of tanh before one output, and between both the whole gradient (`wide_front`).
 * - One hidden layer of whole vectors before one output lies with its units in the lanes (`hidden_gradient`), and has the
 *   same bits.
 * - Lanes behind a layer's numbers are 0 in the first loop. In the second only those of the deltas are; nobody reads the
 *   others. */
#ifndef GDCORE_SMALL_H
#define GDCORE_SMALL_H

#include "machine/single_pass.h"
#include "training/narrow.h"
#include "training/hidden.h"

/* How a step's rows lie: one in the lanes of its layers, a few of these one by one, or many in the lanes themselves. */
enum { ONE_ROW, FEW_ROWS, WIDE_ROWS };

/* Make steps of whole batches of rows first … end, and return the number of rows that they took: fewer if a step is not
 * certainly good, which is then not made. */
static inline __attribute__((always_inline)) ptrdiff_t
small_of(const int kind, SmallSteps *of, ptrdiff_t first, ptrdiff_t end, Narrow *rows, Wide *wide)
{
    const ptrdiff_t start = first, batch = kind == ONE_ROW ? 1 : of->batch;
    const double mean = 1.0 / (batch * of->layers[of->n_layers - 1].n_out);
    double rate = of->rate, bound = of->bound, loss_sum = of->loss_sum, norm_sum = of->norm_sum;
    const int hidden = kind == WIDE_ROWS && !wide->fuses && has_hidden_lanes(of);
    NarrowRow row;
    for (; first + batch <= end; first += batch) {
        double loss, squares;
        if (kind == ONE_ROW) {
            loss = sum_first(LANES, narrow_deltas(of, first, (real)mean, rows, &row));
            squares = narrow_squares(of, &row);
        } else if (kind == FEW_ROWS) {
            loss = narrow_gradient(of, first, rows);
            squares = vector_squares(rows->count, rows->gradient);
        } else {
            loss = hidden ? hidden_gradient(of, first, wide) : wide_gradient(of, first, wide);
            squares = flat_squares(of->n_params, of->grads);
        }
        loss *= mean;
        const double norm = sqrt(squares);
        const double next = of->rates ? of->rates[(first - start) / batch] : rate, growth = (1 + next) * of->growth;
        const double push = (next > 1 ? next : 1) * (1 + norm) * (1 + norm) * of->push;
        if (!(growth * bound + push < of->limit))
            bound = sqrt(kind == WIDE_ROWS ? flat_squares(of->n_params, of->params)
                                           : vector_squares(rows->count, rows->weights));
        if (!(growth * bound + push < of->limit && fabs(loss) < INFINITY))
            break;
        bound = growth * bound + push;
        if (kind == ONE_ROW) {
            if (of->keeps)
                narrow_keep(of, &row, rows);
            narrow_move(of, (real)next, &row, rows);
        } else if (kind == FEW_ROWS) {
            if (of->keeps)
                narrow_store(of, rows->g, of->grads);
            narrow_update(rows->count, (real)next, rows->gradient, rows->weights);
            narrow_update(rows->transposed, (real)next, rows->gradient_t, rows->weights_t);
        } else
            subtract_row(of->n_params, (real)next, of->grads, of->params);
        rate = next, of->loss = loss, of->norm = norm;
        loss_sum = plus_product(loss_sum, loss, of->share);
        norm_sum += norm;
    }
    of->rate = rate, of->bound = bound, of->loss_sum = loss_sum, of->norm_sum = norm_sum;
    of->share_sum += of->share * ((first - start) / batch);
    return first - start;
}

/* The same, with the steps' memory. */
static ptrdiff_t narrow_steps(SmallSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    Narrow net;
    narrow_begin(of, &net);
    const ptrdiff_t rows =
        of->batch == 1 ? small_of(ONE_ROW, of, first, end, &net, NULL) : small_of(FEW_ROWS, of, first, end, &net, NULL);
    if (rows)
        narrow_store(of, net.w, of->params);
    return rows;
}

static ptrdiff_t wide_steps(SmallSteps *of, ptrdiff_t first, ptrdiff_t end)
{
    real room[SMALL_NUMBERS] __attribute__((aligned(CACHE_LINE)));
    Wide net;
    wide_begin(of, room, &net);
    return small_of(WIDE_ROWS, of, first, end, NULL, &net);
}

#endif
