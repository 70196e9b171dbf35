"""Constants that were chosen by measuring. Each comment says what it bounds, and what happens beyond it.

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
    MAX_PANELS = 16
    # Bytes of a B that every tile reads where it stands. A larger one is packed, if C has at least four strips.
    B_BYTES = 524288
    # Bytes between rows at whose multiples they meet in a few sets of the first-level cache. Rows that would stand so
    # are a vector longer in the workspace, and the caller's are gathered.
    BAD_STRIDE = 1024
    # A sum of squares uses vectors for this many numbers or more; fewer are added one by one.
    MIN_VECTOR_SUM = 8
    # Squares that are added in `real`; a longer sum adds several such sums in double.
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
    # A block has at least this many rows, whatever its activations take: fewer do not pay for a product's fixed costs.
    MIN_BLOCK = 192
    # The same if the weights take twice GROUP_BYTES or more. They do not stay in the second-level cache then, so every
    # block reads them from memory.
    LARGE_BLOCK = 768
    # Blocks, and the shares that tasks take of them, are rounded up to multiples of this number of rows: a whole number
    # of tiles for every instruction set.
    BLOCK_MULTIPLE = 48
    # A task sums the gradient of at least this many rows of a weight: with fewer, tasks cost more than they save.
    MIN_SHARE = 96
    # And of at most this many rows; further rows are another task's. Packing delta costs little beside such sums.
    MAX_SHARE = 288

# Threads: suites `threads` and `widths`.
cdef enum:
    # Groups of blocks with a gradient of their own. More would take more memory and more additions at the end.
    MAX_GROUPS = 8
    # Bytes of parameters up to which tasks take whole blocks, and each group has a copy of the gradient. With more
    # parameters, tasks share the rows of one block, and then its weights.
    GROUP_BYTES = 262144
    # Multiply-adds of a batch from which threads pay if each takes whole blocks; a smaller batch uses one thread.
    GROUP_WORK = 4000000
    # The same if threads wait for each other twice in every block and read each other's results.
    THREAD_WORK = 60000000

# Updating as the gradient comes: suites `train` and `step`.
cdef enum:
    # Parameters from which it pays. A smaller gradient stays in the first-level cache anyway, and is kept.
    STREAM_PARAMS = 4096
    # A step of at most this many rows may stream whatever its work, which is small beside the update's own pass over
    # the parameters.
    STREAM_ROWS = 8
    # Multiply-adds of a step of more rows that may stream: 40 ms of a slow core. A longer step keeps its gradient,
    # because a step that has begun to update cannot stop for a signal.
    STREAM_WORK = 30000000 * LANES

# Looks for signals, so that Ctrl-C takes effect within 100 ms: tests/kernels/test_signals.py measures it.
cdef enum:
    # Multiply-adds between two looks at the clock. A look after less work would be felt in small steps.
    POLL_WORK = 1000000
    # Nanoseconds between two looks at pending signals, for which the GIL is taken.
    POLL_NANOSECONDS = 20000000
    # Every piece of work counts as at least this many multiply-adds, which take as long as the code around it.
    CALL_WORK = 256
    # An update of one parameter counts as this many multiply-adds.
    UPDATE_WORK = 8
    # Numbers of a layer's outputs that one thread computes between two looks.
    LOOK_NUMBERS = 1048576
    # Multiply-adds of one round of the groups. A batch with more work takes several rounds, with a look between them.
    ROUND_WORK = 300000000
    # Entries of an order that are shuffled between two looks.
    SHUFFLE_STRETCH = 1 << 20
    # Microseconds that a call waits for another thread's between two looks.
    WAIT_MICROSECONDS = 20000

# The gradient checker: suite `gradcheck`.
cdef enum:
    # Samples of a block. More samples make several blocks, each of which goes through all points.
    MAX_LANES = 64
    # Points that a task takes. Fewer would cost more than they share between threads.
    TASK_POINTS = 32
    # A point counts as at least this many multiply-adds per lane, for the code around its work.
    POINT_WORK = 64
    # Outputs from which cross-entropy follows a unit's move along a line; fewer do not pay for the coefficients.
    MIN_LINE_OUTPUTS = 4
    # Size of a weight up to which a unit has a line. The powers of a larger one overflow: every logit is followed.
    MAX_STEEPNESS = 1024
    # Numbers that the coefficients of all lines may take. If they need more, every logit is followed.
    MAX_LINE_NUMBERS = 1 << 22
