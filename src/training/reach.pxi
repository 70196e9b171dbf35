"""How far parameters and slots can have grown, and how large a gradient can be, without a look at either.

Design
------
A bound from the rates and norms of the steps is followed from step to step. It is measured anew in every call, for the
parameters are the user's to write, and when it comes near overflow.
"""

cdef enum:
    PUSH = 1000             # what a step adds to a parameter or slot at most, in rates and squared norms


cdef inline double push_bound(double rate, double norm, double decay, double reach) noexcept nogil:
    """A bound of what a step adds to a parameter or a slot: some keep squares of the gradient with its decay."""
    cdef double pull = 1 + norm + (decay * reach if decay != 0 else 0.0)
    return max(rate, 1.0) * pull * pull * PUSH


cdef double norm_bound(const Pass *batch, const Layerwise *layers) noexcept nogil:
    """What the gradient's norm cannot exceed: of x^T delta it is at most |x| |delta| (Frobenius)."""
    cdef const Plan *plan = batch.plan
    cdef const Workspace *space = &plan.workspaces[0]
    cdef const Layer *layer
    cdef const real *x
    cdef Py_ssize_t x_row
    cdef double squares = 0, bound
    cdef int i
    for i in range(plan.first, plan.n_layers):
        layer = &plan.layers[i]
        if layer.n_params and not layer.frozen:
            gradient_input(batch, space, i, 0, &x, &x_row)
            squares += sum_squares(batch.rows * layer.out_row, space.delta[i]) * (
                sum_squares((batch.rows - 1) * x_row + layer.n_in, x) + batch.rows
            )
    bound = sqrt(squares)
    if layers.penalized:
        bound += layers.l1 * sqrt(<double>plan.n_params)
        bound += layers.l2 * sqrt(sum_squares(plan.n_params, plan.params))
    return bound
