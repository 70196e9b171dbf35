"""The numbers that were chosen by measuring: what each bounds, and what happens beyond it.

Each group names the benchmark suite (`gdcore bench`, or `python -m benchmarks`) whose times it moves. A number that
decides how work is cut changes the order of sums, and so the last bits of results; none depends on the number of
threads.
"""

cdef extern from "machine/vector.h" nogil:
    enum: LANES

# Products: suites `kernels` and `sizes`.
cdef enum:
    # Bytes of a group of packed panels. A larger group would push what a strip reads beside it out of the second-level
    # cache, so B's columns are taken in several groups.
    PANEL_BYTES = 262144
    # Panels of a group. B's further columns make another group, and A is read once more.
    MOST_PANELS = 16
    # Bytes of a B that every tile reads where it stands. A larger one is packed, if C has at least four strips.
    B_BYTES = 524288
    # Bytes between rows at whose multiples they meet in a few sets of the first-level cache. Rows that would stand so
    # are a vector longer in the workspace, and the caller's are gathered.
    BAD_STRIDE = 1024
    # Numbers of a sum of squares from which on vectors are used; fewer are added one by one.
    FEW = 8
    # Squares that are added in `real`; more are added as several such sums, in double.
    SUM_RUN = 1024

# Passes over vectors: suites `train` (losses) and `options` (penalties).
cdef enum:
    # Elements of one pass of a loss. A wider row takes several, so values and slopes stay in the first-level cache.
    RUN = 256
    # Parameters whose signs a proximal step remembers at a time. A longer stretch takes several such steps, each with
    # its parameters, gradient and slots in the first-level cache.
    SIDES = 256

# Blocks of rows: suites `train`, `widths` and `evaluate`.
cdef enum:
    # Bytes that the activations of a block may take. A batch with more rows than that allows is cut into blocks.
    CACHE_BYTES = 262144
    # Rows that a block has at least, whatever its activations take: fewer do not pay for the fixed costs of a product.
    LEAST_BLOCK = 192
    # The same where the weights take twice GROUP_BYTES or more: they leave the second-level cache, and every block
    # reads them anew.
    LARGE_BLOCK = 768
    # Blocks, and the shares that tasks take of them, are rounded up to multiples of this number of rows: a whole number
    # of tiles for every instruction set.
    BLOCK_MULTIPLE = 48
    # Rows of a weight whose gradient one task sums, at the least: with fewer, tasks would cost more than they share.
    LEAST_SHARE = 96
    # And at the most: with so many, packing delta is little beside the sums, and further rows are another task's.
    MOST_SHARE = 288

# Threads: suites `threads` and `widths`.
cdef enum:
    # Groups of blocks with a gradient of their own. More would take more memory and more additions at the end.
    MOST_GROUPS = 8
    # Bytes of parameters up to which tasks take whole blocks, and each group has a copy of the gradient. With more
    # parameters, tasks share the rows of one block, and then its weights.
    GROUP_BYTES = 262144
    # Multiply-adds of a batch from which on threads pay where they take whole blocks; one thread does
    # less.
    GROUP_WORK = 4000000
    # The same where threads wait for each other twice in every block and read each other's weights.
    THREAD_WORK = 60000000

# Updating as the gradient comes: suites `train` and `step`.
cdef enum:
    # Parameters from which on it pays: the gradient of fewer stays in the first-level cache, and is kept.
    STREAM_PARAMS = 4096
    # Rows up to which a step may stream, whatever its work: they are little beside the pass over the parameters that
    # every update is.
    STREAM_ROWS = 8
    # Multiply-adds of a step of more rows that may stream: 40 ms of a slow core. A longer one keeps its gradient, for
    # a step that has begun to update cannot be left when a signal comes.
    STREAM_WORK = 30000000 * LANES

# Looks at signals, so that Ctrl-C is answered within 100 ms: tests/kernels/test_signals.py measures it.
cdef enum:
    # Multiply-adds between two looks at the clock. A look after less work would be felt in small steps.
    POLL_WORK = 1000000
    # Nanoseconds between two looks at pending signals, for which the GIL is taken.
    POLL_NANOSECONDS = 20000000
    # Multiply-adds that take as long as what is around every piece of work does, at the least.
    CALL_WORK = 256
    # Multiply-adds that take as long as an update of one parameter.
    UPDATE_WORK = 8
    # Numbers of a layer's outputs that one thread makes between two looks.
    LOOK_NUMBERS = 1048576
    # Multiply-adds of one round of the groups. A batch with more work takes several rounds, with a look between them.
    ROUND_WORK = 300000000
    # Places of an order that are shuffled between two looks.
    SHUFFLE_STRETCH = 1 << 20
    # Microseconds that a call waits for another thread's between two looks.
    WAIT_MICROSECONDS = 20000

# The gradient checker: suite `gradcheck`.
cdef enum:
    # Samples of a block. More samples make several blocks, each of which goes through all points.
    MOST_LANES = 64
    # Points that a task takes. Fewer would cost more than they share between threads.
    TASK_POINTS = 32
    # Multiply-adds of a point, per lane, at the least: what is around its work.
    POINT_WORK = 64
    # Outputs from which on cross-entropy follows a unit's move along a line: fewer do not pay for its coefficients.
    FEW_OUTPUTS = 4
    # Size of a weight up to which a unit has a line: the powers of a larger one overflow.
    MOST_STEEP = 1024
    # Numbers that the coefficients of all lines may take. Where they would be more, every logit is followed.
    MOST_LINE_NUMBERS = 1 << 22
