/* Constants that were chosen by measuring. Each comment says what it bounds, what happens beyond it, and what was
measured.

Design
------
- C's headers and Cython's files read them here (tuning.pxi), so each number stands once.
- Each group names the benchmark suite (`gdcore bench`, or `python -m benchmarks`) whose times it moves.
- A number that decides how work is cut changes the order of sums, and so the last bits of results; none depends on the
  number of threads. */
#ifndef GDCORE_TUNING_H
#define GDCORE_TUNING_H

#include "machine/vector.h"

/* Products: suites `kernels` and `sizes`. */
enum {
    /* Bytes of a group of packed panels. A larger group would push what a strip reads beside it out of the second-level
     * cache, so B's columns are taken in several groups.
     * Measured: no figure yet. */
    PANEL_BYTES = 262144,
    /* Panels of a group. B's further columns make another group, and A is read once more.
     * Measured: no figure yet. */
    MAX_PANELS = 16,
    /* Terms of a sum that one pass over C takes; a longer sum takes several. Few rows of a tile are fed best from a
     * shorter panel.
     * Measured: no figure yet. */
#if defined(__AVX512F__) || defined(__AVX2__)
    MAX_DEPTH = 512,
#else
    MAX_DEPTH = 384,
#endif
    /* Bytes of a B that every tile reads where it stands. A larger one is packed, if C has at least four strips.
     * Measured: no figure yet. */
    B_BYTES = 524288,
    /* Bytes between rows at whose multiples they meet in a few sets of the first-level cache. Rows that would stand so
     * are a vector longer in the workspace, and the caller's are gathered.
     * Measured: no figure yet. */
    BAD_STRIDE = 1024,
    /* A sum of squares uses vectors for this many numbers or more; fewer are added one by one.
     * Measured: no figure yet. */
    MIN_VECTOR_SUM = 8,
    /* Squares that are added in `real`; a longer sum adds several such sums in double.
     * Measured: no figure yet. */
    SUM_RUN = 1024,
};

/* Passes over vectors: suites `train` (losses) and `options` (penalties). */
enum {
    /* Elements of one pass of a loss. A wider row takes several, so values and slopes stay in the first-level cache.
     * Measured: no figure yet. */
    RUN = 256,
    /* Parameters whose signs a proximal step remembers at a time. A longer stretch takes several such steps, each with
     * its parameters, gradient and slots in the first-level cache.
     * Measured: no figure yet. */
    SIDES = 256,
};

/* Blocks of rows: suites `train`, `widths` and `evaluate`. */
enum {
    /* Bytes that the activations of a block may take. A batch with more rows than that allows is cut into blocks.
     * Measured: no figure yet. */
    CACHE_BYTES = 262144,
    /* A block has at least this many rows, whatever its activations take: fewer do not pay for a product's fixed costs.
     * Measured: no figure yet. */
    MIN_BLOCK = 192,
    /* The same if the weights take twice GROUP_BYTES or more. They do not stay in the second-level cache then, so every
     * block reads them from memory.
     * Measured: no figure yet. */
    LARGE_BLOCK = 768,
    /* Blocks, and the shares that tasks take of them, are rounded up to multiples of this number of rows: a whole
     * number of tiles for every instruction set.
     * Measured: no figure yet. */
    BLOCK_MULTIPLE = 48,
    /* A task sums the gradient of at least this many rows of a weight: with fewer, tasks cost more than they save.
     * Measured: no figure yet. */
    MIN_SHARE = 96,
    /* And of at most this many rows; further rows are another task's. Packing delta costs little beside such sums.
     * Measured: no figure yet. */
    MAX_SHARE = 288,
};

/* Threads: suites `threads` and `widths`. */
enum {
    /* Threads of one call at most, and of the pool; a larger setting is reduced to this number.
     * Measured: no figure yet. */
    MAX_THREADS = 64,
    /* Groups of blocks with a gradient of their own. More would take more memory and more additions at the end.
     * Measured: no figure yet. */
    MAX_GROUPS = 8,
    /* Bytes of parameters up to which tasks take whole blocks, and each group has a copy of the gradient. With more
     * parameters, tasks share the rows of one block, and then its weights.
     * Measured: no figure yet. */
    GROUP_BYTES = 262144,
    /* Multiply-adds of a batch from which threads pay if each takes whole blocks; a smaller batch uses one thread.
     * Measured: no figure yet. */
    GROUP_WORK = 4000000,
    /* The same if threads wait for each other twice in every block and read each other's results.
     * Measured: no figure yet. */
    THREAD_WORK = 60000000,
    /* Looks for a job that a thread without one takes, some microseconds, before it sleeps. Waking it costs a caller
     * more than finding it awake.
     * Measured: no figure yet. */
    POOL_LOOKS = 3000,
    /* Looks at the tasks that other threads have begun, before the caller gives its core away between two looks.
     * Measured: no figure yet. */
    POOL_WAITS = 20000,
};

/* Updating as the gradient comes: suites `train` and `step`. */
enum {
    /* Parameters from which it pays. A smaller gradient stays in the first-level cache anyway, and is kept.
     * Measured: no figure yet. */
    STREAM_PARAMS = 4096,
    /* A step of at most this many rows may stream whatever its work, which is small beside the update's own pass over
     * the parameters.
     * Measured: no figure yet. */
    STREAM_ROWS = 8,
    /* Multiply-adds of a step of more rows that may stream: 40 ms of a slow core. A longer step keeps its gradient,
     * because a step that has begun to update cannot stop for a signal.
     * Measured: no figure yet. */
    STREAM_WORK = 30000000 * LANES,
};

/* Sparse inputs: suite `sparse`. */
enum {
    /* Rows of a weight per entry of a batch from which it pays to update only those that the batch touches.
     * Measured: no figure yet. */
    WAIT_ENTRIES = 8,
};

/* The smallest steps: suite `train`. */
enum {
    /* Rows of a batch that go one by one through layers no wider than a vector. More rows are lanes of a product.
     * Measured: no figure yet. */
    TINY_ROWS = 4,
    /* Layers that such a network has at most; what a step keeps of them stands on the stack.
     * Measured: no figure yet. */
    TINY_LAYERS = 8,
    /* Vectors of a linear model's weights that registers hold beside those of a gradient and of a row.
     * Measured: no figure yet. */
    LINEAR_VECTORS = 4,
    /* Inputs of a linear model of one output whose steps are one loop; beyond the registers they stand in the first-level
     * cache.
     * Measured: no figure yet. */
    LINEAR_FEATURES = 1024,
    /* Rows of a batch up to which that is so; beyond them a pass over the weights costs little beside the products.
     * Measured: no figure yet. */
    LINEAR_ROWS = 64,
    /* The same where registers do not hold the weights.
     * Measured: no figure yet. */
    LINEAR_FEW_ROWS = 4,
    /* Rows of a linear model between two looks for signals.
     * Measured: no figure yet. */
    LINEAR_STRETCH = 16384,
};

/* Looks for signals, so that Ctrl-C takes effect within 100 ms: tests/kernels/test_signals.py measures it. */
enum {
    /* Multiply-adds between two looks at the clock. A look after less work would be felt in small steps.
     * Measured: no figure yet. */
    POLL_WORK = 1000000,
    /* Nanoseconds between two looks at pending signals, for which the GIL is taken.
     * Measured: no figure yet. */
    POLL_NANOSECONDS = 20000000,
    /* Every piece of work counts as at least this many multiply-adds, which take as long as the code around it.
     * Measured: no figure yet. */
    CALL_WORK = 256,
    /* An update of one parameter counts as this many multiply-adds.
     * Measured: no figure yet. */
    UPDATE_WORK = 8,
    /* Numbers of a layer's outputs that one thread computes between two looks.
     * Measured: no figure yet. */
    LOOK_NUMBERS = 1048576,
    /* Multiply-adds of one round of the groups. A batch with more work takes several rounds, with a look between them.
     * Measured: no figure yet. */
    ROUND_WORK = 300000000,
    /* Entries of an order that are shuffled between two looks.
     * Measured: no figure yet. */
    SHUFFLE_STRETCH = 1 << 20,
    /* Microseconds that a call waits for another thread's between two looks.
     * Measured: no figure yet. */
    WAIT_MICROSECONDS = 20000,
};

/* The gradient checker: suite `gradcheck`. */
enum {
    /* Samples of a block. More samples make several blocks, each of which goes through all points.
     * Measured: no figure yet. */
    MAX_LANES = 64,
    /* Points that a task takes. Fewer would cost more than they share between threads.
     * Measured: no figure yet. */
    TASK_POINTS = 32,
    /* A point counts as at least this many multiply-adds per lane, for the code around its work.
     * Measured: no figure yet. */
    POINT_WORK = 64,
    /* Outputs from which cross-entropy follows a unit's move along a line; fewer do not pay for the coefficients.
     * Measured: no figure yet. */
    MIN_LINE_OUTPUTS = 4,
    /* Size of a weight up to which a unit has a line. The powers of a larger one overflow: every logit is followed.
     * Measured: no figure yet. */
    MAX_STEEPNESS = 1024,
    /* Numbers that the coefficients of all lines may take. If they need more, every logit is followed.
     * Measured: no figure yet. */
    MAX_LINE_NUMBERS = 1 << 22,
};

#endif
