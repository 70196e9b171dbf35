"""Many points at once: parameters one at a time, or steps along a direction.

Design
------
- A call takes many points, and a task some of them, for one block of samples after the other. A point's sum is made by
  one task at a time, in the blocks' order: its bits do not depend on the threads.
- Along a direction, dz is made of a change of the stage's inputs and of the weights' own tangent, which is the same at
  every step.
"""

cdef Terms POINTWISE = Terms(pointwise_fill, pointwise_total, pointwise_changes, pointwise_tangent)
cdef Terms SOFTMAX = Terms(softmax_fill, softmax_total, softmax_changes, softmax_tangent)


cdef struct Sweep:          # the points of one call
    const Point *point
    const Block *block
    Scratch *scratch
    Py_ssize_t count
    const int64_t *indices  # (count,), of parameters, or NULL: along `direction`
    const real *places      # (count,): what the parameter becomes, or steps along the direction
    const real *direction   # (n_params,)
    real **tangents          # per stage: (n_out, lanes), or NULL: the direction does not move the stage
    double *change          # (count,)
    double *noise           # (count,)
    uint64_t *patterns      # (count,)
    real *outputs           # (count, n, k), or NULL


cdef void keep_outputs(
    const Point *p, const Block *b, const Scratch *w, Py_ssize_t low, Py_ssize_t high, real *out,    # (n, k)
) noexcept nogil:
    """Write the outputs of the block's samples, of which low … high have moved to w.a."""
    cdef const real *z = b.outputs.z
    cdef Py_ssize_t j, r
    for j in range(p.k):
        for r in range(b.rows):
            out[(b.first + r) * p.k + j] = (
                w.a[(j - low) * b.lanes + r] if low <= j < high else z[j * b.lanes + r]
            )


cdef void move_along(
    const Sweep *sweep, Scratch *w, real step, Py_ssize_t *low, Py_ssize_t *high,
) noexcept nogil:
    """Compute all outputs at params + step * direction, in w.a, or none if nothing moves."""
    cdef const Point *p = sweep.point
    cdef const Block *b = sweep.block
    cdef const Stage *t
    cdef int s
    cdef bint moves = False
    low[0], high[0] = 0, 0
    for s in range(p.n_stages):
        t = &p.stages[s]
        if sweep.tangents[s] == NULL and not moves:
            continue
        t.kind.move(sweep, w, s, step, moves)
        move_stage(p, b, w, s, 0, t.n_out)
        moves = True
    if moves:
        high[0] = p.k


cdef void sweep_task(void *context, int task, int thread) noexcept nogil:
    """Evaluate some points, in one block of samples."""
    cdef Sweep *sweep = <Sweep *>context
    cdef const Point *p = sweep.point
    cdef const Block *b = sweep.block
    cdef Scratch *w = &sweep.scratch[thread]
    cdef Py_ssize_t first = task * TASK_POINTS, i, low, high
    cdef Py_ssize_t last = min(first + TASK_POINTS, sweep.count)
    for i in range(first, last):
        if stops(&w.worker, b.lanes * POINT_WORK):
            return
        w.pattern, w.unit = 0, -1
        if sweep.indices != NULL:
            move_parameter(
                p, b, w, sweep.indices[i], sweep.places[i] - p.plan.params[sweep.indices[i]], &low, &high,
            )
        else:
            move_along(sweep, w, sweep.places[i], &low, &high)
        if sweep.outputs != NULL:
            keep_outputs(p, b, w, low, high, sweep.outputs + i * p.n * p.k)
        elif low < high:
            loss_changes(p, b, w, low, high, &sweep.change[i], &sweep.noise[i])
        sweep.patterns[i] += w.pattern


cdef void add_penalty_changes(const Sweep *sweep) noexcept nogil:
    """Turn sums over samples into changes of the objective, with the mean's factor and the penalties of what moved."""
    cdef const Point *p = sweep.point
    cdef const Stage *t
    cdef Py_ssize_t i, index
    cdef int s
    cdef double step, extra, size
    for i in range(sweep.count):
        if sweep.direction != NULL and stops(&p.worker, p.plan.n_params):
            return
        extra, size = 0, 0
        if sweep.indices != NULL:
            index = sweep.indices[i]
            t = &p.stages[stage_of(p, index)]
            if index < t.biases:
                step = <double>sweep.places[i] - <double>p.plan.params[index]
                extra = penalty_change(p, t, index, step, &size, &sweep.patterns[i])
        else:
            for s in range(p.n_stages):
                t = &p.stages[s]
                for index in range(t.begin, t.biases if t.l1 != 0 or t.l2 != 0 else t.begin):
                    if sweep.direction[index] != 0:
                        step = <double>sweep.places[i] * sweep.direction[index]
                        extra += penalty_change(p, t, index, step, &size, &sweep.patterns[i])
        sweep.change[i] = p.factor * sweep.change[i] + extra
        sweep.noise[i] = p.factor * sweep.noise[i] + VALUE_ERROR * (
            size + (sweep.change[i] if sweep.change[i] > 0 else -sweep.change[i])
        )
