/* Constants that were chosen by measuring. Each comment says what it bounds, what happens beyond it, and what was
measured, or that nothing was.

Design
------
- C's headers and Cython's files read them here (tuning.pxi), so each number stands once.
- Each group names the benchmark suite (`gdcore bench`, or `python -m benchmarks`) whose times it moves.
- "Measured: 1.04 at half" is the time of a step with half the number, relative to that with the number here: medians of
  five pairs on one core of a Xeon with AVX-512 (v4 kernels, float32, 2026-11-26), good to 2 or 3 %. Where it is
  near 1 the number is not critical on that machine.
- A number that decides how a batch's rows are cut changes the order of sums, and so the last bits of results; none
  depends on the number of threads, nor on the machine's caches. How a product is cut changes no bit, so those numbers
  are bounds, and the caches decide below them (machine/panels.pxi). */
#ifndef GDCORE_TUNING_H
#define GDCORE_TUNING_H

#include "machine/vector.h"

/* Products: suites `kernels` and `sizes`. */
enum {
    /* Bytes of a group of packed panels, if half of the second-level cache holds them; else that half. A larger group
     * would push out what a strip reads beside it, so B's columns are taken in several groups.
     * Measured: 1.04 at half, 1.00 to 1.01 at double (1024-1024-1024-1024, 512 rows; 784-512-10, 256). */
    PANEL_BYTES = 262144,
    /* Panels of a group. B's further columns make another group, and A is read once more.
     * Measured: 1.03 at 8, 1.00 to 1.02 at 32 (1024-1024-1024-1024, 512 rows; 784-512-10, 256). */
    MAX_PANELS = 16,
    /* Terms of a sum that one pass over C takes; a longer sum takes several. Few rows of a tile are fed best from a
     * shorter panel. At half, X^T D of 1024-1024 takes 1.03 (AVX-512) and 1.02 (AVX2) of the time (512 rows, Zen 4).
     * Measured: 0.99 to 1.00 at half, 1.01 to 1.02 at double (1024-1024-1024-1024, 512 rows; 784-512-10, 256). */
#if defined(__AVX512F__) || defined(__AVX2__)
    MAX_DEPTH = 512,
#else
    MAX_DEPTH = 384,
#endif
    /* Bytes of a B that every tile reads where it stands. A larger one is packed, if C has at least four strips.
     * At most half of the second-level cache, and a quarter of that beside a packed A (0.93 to 1.00 at 784-512).
     * Measured: 1.02 to 1.04 at a quarter, 1.03 to 1.05 at four times (the same two; 784-128-10, 64). */
    B_BYTES = 524288,
    /* Vectors of a weight's rows, beyond which a step on one row aligns them, and reads and changes the weight in one
     * pass, however large it is: a step on 64-300-300-10 takes 0.55 of the time with AVX2, 0.79 with AVX-512.
     * Measured: a pass takes 0.57 to 1.06 of the time of unaligned vectors (AVX2), 0.78 to 1.09 (AVX-512; Zen 4). */
#if defined(__AVX512F__)
    ALIGNED_VECTORS = 6,
#else
    ALIGNED_VECTORS = 4,
#endif
    /* Bytes of a narrower weight that such a step takes in one pass; a larger one takes two, unless some inputs are 0.
     * Measured: one pass takes 0.7 to 1.2 of the time of two, at 54 to 500 KB (Zen 4). */
    ONE_PASS_BYTES = 49152,
    /* Columns of B from which a transposed A is packed; with fewer, its strips are read too seldom.
     * Measured: X^T D, 784-128, 64 rows: packing takes 1.03 (AVX-512) to 1.07 (AVX2) of the time. */
    LEFT_COLUMNS = 192,
    /* Terms from which it is packed; fewer of its rows stand in the first-level cache anyway.
     * Not measured apart from LEFT_BYTES. */
    LEFT_TERMS = 32,
    /* Bytes of it from which it is packed; of a smaller one, a strip's lines serve the next strip too.
     * Measured: X^T D, 64 rows: packing takes 1.04 to 1.12 of the time at 64-128, 0.91 to 0.96 at 784-512. */
    LEFT_BYTES = 196608,
    /* Rows of B that are packed into all panels of a group before the next ones.
     * Measured: 1000-900-1100-50 and 1024-1024-1024-1024 take 1.01 to 1.02 of the time with all (AVX2, Zen 4). */
    PACK_ROWS = 16,
    /* A row's zeros are left out of the products of a batch of one if they are one number in so many, or more. To list
     * the others costs more than fewer zeros save.
     * Measured: 1.05 where a tenth is 0, 0.92 where half is (40-100-10); 0.85 at a third, 0.66 at half (784-128-10). */
    ACTIVE_SHARE = 4,
    /* Bytes between rows at whose multiples they meet in a few sets of the first-level cache. Rows that would stand so
     * are a vector longer in the workspace, and the caller's are gathered.
     * Measured: 1.02 at half, 1.04 at four times (1024-1024-1024-1024, 512 rows). */
    BAD_STRIDE = 1024,
    /* A sum of squares uses vectors for this many numbers or more; fewer are added one by one.
     * Measured: 1.05 at 2, 1.06 at 32 (12-7-7-1, 3 rows). */
    MIN_VECTOR_SUM = 8,
    /* Squares that are added in `real`; a longer sum adds several such sums in double.
     * Measured: 1.00 to 1.04 at a quarter, 0.97 to 0.99 at four times (64-128-64-10 and 784-128-10, 64 rows). */
    SUM_RUN = 1024,
};

/* Passes over vectors: suites `train` (losses) and `options` (penalties). */
enum {
    /* Elements of one pass of a loss. A wider row takes several, so values and slopes stay in the first-level cache.
     * Measured: 1.04 at a quarter and at four times (4-3000, 32 rows, log_cosh). */
    RUN = 256,
    /* Parameters whose signs a proximal step remembers at a time. A longer stretch takes several such steps, each with
     * its parameters, gradient and slots in the first-level cache.
     * Measured: 1.00 at a quarter and at four times (784-128-10, 64 rows, l1). */
    SIDES = 256,
    /* Numbers of which one loop computes the first half of tanh, and another one the second, with AVX2.
     * Measured: predictions of 8-32-32-1, 10,000 rows: 1.01 at half, 1.00 at double, 1.02 at once (Zen 4). */
    TANH_RUN = 128,
};

/* Blocks of rows: suites `train`, `widths` and `evaluate`. */
enum {
    /* Bytes that the activations of a block may take. A batch with more rows than that allows is cut into blocks.
     * Measured: 1.01 at half, 0.98 at double (4-32-16-4, 10,000 rows; 1-50-50-50-1, 256). */
    CACHE_BYTES = 262144,
    /* A block has at least this many rows, whatever its activations take: fewer do not pay for a product's fixed costs.
     * Measured: 0.98 at half and at double (4-32-16-4, 10,000 rows). */
    MIN_BLOCK = 192,
    /* The same if the weights take twice GROUP_BYTES or more. They do not stay in the second-level cache then, so every
     * block reads them from memory.
     * Measured: 1.01 at half and at double (1024-1024-1024-1024, 2048 rows). */
    LARGE_BLOCK = 768,
    /* Blocks, and the shares that tasks take of them, are rounded up to multiples of this number of rows: a whole
     * number of tiles for every instruction set.
     * Measured: 0.99 to 1.01 at double (4-32-16-4, 10,000 rows; 1-50-50-50-1, 256). */
    BLOCK_MULTIPLE = 48,
    /* A task sums the gradient of at least this many rows of a weight: with fewer, tasks cost more than they save.
     * Measured: 1.01 at half (784-512-10, 256 rows; 1024-1024-1024-1024, 512; two threads). */
    MIN_SHARE = 96,
    /* And of at most this many rows; further rows are another task's. Packing delta costs little beside such sums.
     * Measured: 1.00 to 1.01 at double (784-512-10, 256 rows; 1024-1024-1024-1024, 512; two threads). */
    MAX_SHARE = 288,
};

/* Threads: suites `threads` and `widths`. */
enum {
    /* Threads of one call at most, and of the pool; a larger setting is reduced to this number.
     * Not measured: the machines at hand had 2 cores. */
    MAX_THREADS = 64,
    /* Groups of blocks with a gradient of their own. More would take more memory and more additions at the end.
     * Measured: 0.96 to 0.99 at half (4-32-16-4, 10,000 rows; 8-8-1, 8000; two threads). */
    MAX_GROUPS = 8,
    /* Bytes of parameters up to which tasks take whole blocks, and each group has a copy of the gradient. With more
     * parameters, tasks share the rows of one block, and then its weights.
     * Measured: 1.03 at 1024 (4-32-16-4, 10,000 rows, two threads), whose parameters take 3 KB. */
    GROUP_BYTES = 262144,
    /* Multiply-adds of a batch from which threads pay if each takes whole blocks; a smaller batch uses one thread.
     * Measured: 0.99 to 1.01 at 16 times (4-32-16-4, 10,000 rows; 8-8-1, 8000; two threads). */
    GROUP_WORK = 4000000,
    /* The same if threads wait for each other twice in every block and read each other's results.
     * Measured: 0.99 to 1.02 at a quarter and at four times (784-128-10, 64 rows; 784-512-10, 256; two threads). */
    THREAD_WORK = 60000000,
    /* Parameters from which threads share an update. A smaller one is over before a thread has woken up.
     * Measured: 1.00 at a quarter (784-512-512-10, 256 rows, SGD and Adam; two threads). */
    SHARED_UPDATE = 1048576,
    /* Parameters of a thread's share of it.
     * Not measured. */
    UPDATE_SHARE = 65536,
    /* Looks for a job that a thread without one takes, some microseconds, before it sleeps. Waking it costs a caller
     * more than finding it awake.
     * Measured: 1.00 at a tenth (784-512-10, 256 rows; 1024-1024-1024-1024, 512; two threads). */
    POOL_LOOKS = 3000,
    /* Looks at the tasks that other threads have begun, before the caller gives its core away between two looks.
     * Measured: 1.00 to 1.01 at a hundredth (the same two). */
    POOL_WAITS = 20000,
};

/* Updating as the gradient comes: suites `train` and `step`. */
enum {
    /* Parameters from which it pays. A smaller gradient stays in the first-level cache anyway, and is kept.
     * Measured: 0.98 at a quarter, 1.04 at four times (64-128-64-10, 64 rows). */
    STREAM_PARAMS = 4096,
    /* A step of at most this many rows may stream whatever its work, which is small beside the update's own pass over
     * the parameters.
     * Measured: 1.00 to 1.01 at 2 and at 32 (40-100-100-10, 8 rows; 784-128-10, 64). */
    STREAM_ROWS = 8,
    /* Multiply-adds of a step of more rows that may stream: 40 ms of a slow core. A longer step keeps its gradient,
     * because a step that has begun to update cannot stop for a signal.
     * Not measured apart from POLL_NANOSECONDS. */
    STREAM_WORK = 30000000 * LANES,
};

/* Sparse inputs: suite `sparse`. */
enum {
    /* Rows of a weight per entry of a batch from which it pays to update only those that the batch touches.
     * Measured: 0.98 to 0.99 at 32 (1600-1 and 3000-1, 1 row of 100 entries, float64). */
    WAIT_ENTRIES = 8,
};

/* The smallest steps: suite `train`. */
enum {
    /* Rows of a batch that go one by one through layers no wider than a vector. More rows are lanes of a product.
     * Measured: 0.76 of other steps' time at 4 rows (4-8-2), 0.85 (1-16-1); AVX2: 0.62, 0.93. */
    TINY_ROWS = 4,
    /* Layers that such a network has at most; what a step keeps of them stands on the stack.
     * Measured: 8 layers of 4 rows are 6 KB on the stack. */
    TINY_LAYERS = 8,
    /* Vectors of a linear model's weights that registers hold beside those of a gradient and of a row.
     * Measured: 60-1, 1 row: 0.19 of other steps' time with 4 vectors in registers; AVX2, beyond registers: 0.51. */
    LINEAR_VECTORS = 4,
    /* Inputs of a linear model of one output whose steps are one loop. Beyond the registers they stand in the
     * first-level cache.
     * Measured: 0.49 of other steps' time at 1024-1, 1 row; AVX2: 0.89. */
    LINEAR_FEATURES = 1024,
    /* Rows of a batch up to which that is so; beyond them a pass over the weights costs little beside the products.
     * Measured: 0.72, 0.70 and 0.94 of other steps' time at 64 rows of 1-1, 8-1 and 20-1. */
    LINEAR_ROWS = 64,
    /* The same where registers do not hold the weights.
     * Measured: AVX2, 60-1: 0.76 to 0.97 of other steps' time at 4 rows, 1.05 at 16. */
    LINEAR_FEW_ROWS = 4,
    /* Registers of 16 bytes that the weights of least squares take at most where a step on one row has a loop of its own.
     * Measured: 0.40 of the other loop's time at 1 input, 0.48 at 8, 0.66 at 32; AVX2: 0.51, 0.64, 0.65. */
    SQUARES_UNITS = 8,
    /* The same times the rows of a step with several.
     * Measured: 0.49 at 1 input and 2 rows, 0.54 at 4 and 4; AVX2: 0.57, 0.67, and 1.24 at 32 and 4, which is 32. */
    SQUARES_WORK = 16,
    /* Steps of such a model of one input that go together.
     * Measured: 1.21 of this number's time with 4, 1.00 with 16, where a step alone takes 1.5; AVX2: 1.00, 0.89, 1.2. */
    LINE_STEPS = 8,
    /* Rows of a linear model between two looks for signals.
     * Measured: 0.3 ms at 17 ns a row (8-1, 1 row). */
    LINEAR_STRETCH = 16384,
    /* Parameters of a small network whose steps are one loop; it does not look for signals within a step.
     * Measured: 0.93 of other steps' time at 401 (2-16-16-1, 64 rows); AVX2: 0.92. */
    SMALL_PARAMS = 512,
    /* Rows of a batch up to which that is so. What a step keeps of them stands on the stack.
     * Measured: 0.85 of other steps' time at 32 (1-16-1) and 0.69 at 16 (3-5-2); AVX2: 0.88, 0.73. */
    SMALL_ROWS = 64,
    /* Features of a layer up to which whole vectors of rows lie in the lanes here although `is_transposed` would not let
     * them, since it counts the cost of other steps.
     * Measured: AVX-512, 4-64-1, 5 rows: 1.6 of other steps' time. */
    SMALL_WIDTH = 32,
    /* Vectors of such a network's weights where its rows go one by one. They stand on the stack four times.
     * Not measured. */
    SMALL_VECTORS = 96,
    /* Numbers that it keeps of a batch, on the stack; a network that keeps more is not small.
     * Not measured. */
    SMALL_NUMBERS = 8192,
    /* Rows times parameters between two looks for signals.
     * Measured: 0.3 ms at 14 ns for 50 of them (4-8-2, 1 row). */
    SMALL_STRETCH = 1000000,
};

/* Rows in the lanes of vectors: suites `train` and `widths`. The figures compare both orders in one build (tanh, float32
 * unless said otherwise, v4 kernels for AVX-512 and v3 for AVX2 on one machine with other work): good to 5 %. */
enum {
    /* Rows of a batch from which they may lie in the lanes; of fewer, networks of narrow layers take tiny.pxi.
     * Not measured apart from TRANSPOSED_SHARE. */
    TRANSPOSED_ROWS = 5,
    /* A batch's work in this order, counting empty lanes, that is at most done so, in percent of the other order's work.
     * That holds for predictions too. On Zen 4 such batches of 103 to 107 % take 0.69 to 1.00 of the other's time (AVX2),
     * and 0.80 to 1.00 (AVX-512).
     * Measured: Xeon, 0.89 to 1.06 at 101 to 103 % (4 kernels). */
    TRANSPOSED_SHARE = 106,
    /* Multiply-adds that it takes to transpose an input of a row. They matter where a layer has few outputs.
     * Measured: AVX2, 100-1 and 200-1, 128 and 64 rows: 1.15 to 1.18 of the other's time, of equal work without these. */
    TRANSPOSED_INPUT = 1,
    /* Multiply-adds of vectors that a layer of a batch costs in the other order beside its products: packing, edges.
     * AVX2, 4-8-1: 0.76 of the other's time with 16 rows, 0.87 with 5, though its work is 120 and 192 %. What is chosen for
     * 350 random networks takes, of the better order's time on Zen 4:
     * Measured: AVX2, 1.013, and 1.021 with 40; AVX-512, 1.010, and 1.016 with 24. */
#if defined(__AVX512F__)
    TRANSPOSED_LAYER = 48,
#else
    TRANSPOSED_LAYER = 80,
#endif
    /* The same of a layer with one input or one output, which has loops of its own there.
     * Measured: AVX-512, 1-16-1, 32 rows in order: the other takes 0.94 of the time; AVX2: 1.06. */
#if defined(__AVX512F__)
    TRANSPOSED_THIN = 0,
#else
    TRANSPOSED_THIN = TRANSPOSED_LAYER,
#endif
    /* Multiply-adds that a normalization takes less in this order, for each number of a row: 0.5 ns (AVX-512).
     * Measured: a norm behind each hidden layer: 0.88 of the other's time at 8-32-32-1, 32 rows; AVX2: 0.97. */
    TRANSPOSED_NORM = LANES,
    /* Bytes of parameters up to which rows lie in the lanes. Larger weights are better read packed, along columns.
     * Xeon, AVX-512: 0.87 to 0.91 of the other's time at 150 to 190 KB, 1.06 at 398 KB; AVX2: 0.94 and 1.08.
     * Measured: Zen 4, AVX-512: 0.88 to 0.99 at 210 to 270 KB; AVX2: 0.79 to 1.00. */
    TRANSPOSED_BYTES = 262144,
    /* Multiply-adds that it takes to transpose an input or output of a row that is predicted. What is chosen for 200
     * random networks takes, of the better order's time on Zen 4:
     * Measured: AVX2, 1.014, and 1.025 with 4; AVX-512, 1.008, and 1.011 with 2. */
#if defined(__AVX512F__)
    PREDICTED_INPUT = 4,
#else
    PREDICTED_INPUT = 2,
#endif
    /* Bytes of activations of a block that is predicted in this order. A larger one leaves the first-level cache.
     * Measured: relu, 10,000 rows of 8-32-32-1: 1.10 at four times, 1.05 at a quarter; AVX2: 0.98, 0.96 (good to 5 %). */
    PREDICTED_BYTES = 32768,
    /* The rows of such a block at least, where a row is wide.
     * Not measured apart from PREDICTED_BYTES. */
    PREDICTED_ROWS = 64,
    /* Numbers of a weight that stays in the first-level cache beside what it is multiplied by.
     * Not measured. */
    TRANSPOSED_WEIGHT = 24576 / sizeof(real),
    /* Inputs of a layer, with the bias's, from which its gradient is summed in tiles of several; fewer leave rows of such
     * a tile empty, and are taken one by one, a whole vector of outputs each.
     * Measured: 1-16-1, 32 rows: one by one takes 0.86 of the time (AVX-512), 0.99 (AVX2); no difference at 5. */
    TILED_INPUTS = 4,
    /* Inputs of a layer from which its gradient is a product of which delta is packed; with fewer, its numbers are sums
     * over the lanes. Packing costs as much whatever the inputs are. 32 outputs, AVX2, Zen 4: sums take 1.06 to 1.18 of
     * the time at 12, 1.27 to 1.30 at 48 (256 to 64 rows); AVX-512: 0.82 to 1.09 at 12. Xeon, 200 rows:
     * Measured: AVX2: 1.01 at 48; AVX-512: 1.06 at 12, 1.06 in float64. */
#if defined(__AVX512F__)
    PACKED_INPUTS = REAL_IS_FLOAT ? 12 : 5,
#else
    PACKED_INPUTS = 12,
#endif
    /* The same in percent of a block's rows: over few rows, adding up the lanes takes longer than the sums. 64 rows, 16
     * outputs, of the time that they take:
     * Measured: 1.06 at 6 % (AVX-512, Xeon); AVX2, Zen 4: 0.99 at 12 %, 1.10 at 16 %. */
#if defined(__AVX512F__)
    PACKED_SHARE = 6,
#else
    PACKED_SHARE = 16,
#endif
    /* Outputs that are packed together. A tile of one vector is slower than sums where it has few rows.
     * Measured: 8 outputs, AVX2, Zen 4: sums take 0.82 to 0.99 of the time with 16 to 64 inputs and 64 or more rows. */
#if defined(__AVX512F__)
    PACKED_OUTPUTS = LANES,
#else
    PACKED_OUTPUTS = 2 * LANES,
#endif
};

/* Models in the lanes of vectors. The figures compare both ways of one build (tanh, float32, minima of three runs of 64 to
 * 512 models on a machine with much other work): good to 20 %. */
enum {
    /* Rows of a step times parameters up to which models share lanes. Larger ones fill vectors by themselves, and as
     * many of them as there are lanes would leave the first-level cache.
     * The nets are 4-8-1, 8-16-1 and 8-16-16-1 with 16 rows, and 2-16-16-1 with 64; AVX-512, then AVX2.
     * Measured: 0.31, 0.41 of the time one by one at 784; 0.75, 0.94 at 2576; 0.93, 1.5 at 6928; 1.9, 1.7 at 21568. */
    MODELS_WORK = 4096,
    /* Lanes are shared where at least one in so many has a model. Lanes without one cost as much as others.
     * Not measured apart from MODELS_WORK. */
    MODELS_SHARE = 2,
    /* Bytes of outputs and deltas of rows that go through all layers before the next rows do: half a first-level cache.
     * Not measured. */
    MODELS_BYTES = 24576,
    /* Rows of linear models that are brought together, predicted and taken into the gradients before the next ones.
     * Not measured. */
    MODELS_LINEAR_ROWS = 4,
};

/* Looks for signals, so that Ctrl-C takes effect within 100 ms: tests/kernels/test_signals.py measures it. */
enum {
    /* Multiply-adds between two looks at the clock. A look after less work would be felt in small steps.
     * Measured: 1.02 to 1.05 at a tenth, 0.98 to 0.99 at ten times (8-32-32-1, 32 rows; 64-128-64-10, 64). */
    POLL_WORK = 1000000,
    /* Nanoseconds between two looks at pending signals, for which the GIL is taken.
     * Measured: Ctrl-C is answered after 7 to 9 ms, at most 20, in 36 trials of three long epochs. */
    POLL_NANOSECONDS = 20000000,
    /* Every piece of work counts as at least this many multiply-adds, which take as long as the code around it.
     * Measured: 0.97 to 1.02 at a quarter and at four times (8-32-32-1, 32 rows; 8-1, 1). */
    CALL_WORK = 256,
    /* An update of one parameter counts as this many multiply-adds.
     * Not measured apart from POLL_WORK and POLL_NANOSECONDS. */
    UPDATE_WORK = 8,
    /* Numbers of a layer's outputs that one thread computes between two looks.
     * Measured: 1.01 to 1.02 at a quarter and at four times (1024-1024-1024-1024, 512 rows; 4-32-16-4, 10,000). */
    LOOK_NUMBERS = 1048576,
    /* Multiply-adds of one round of the groups. A batch with more work takes several rounds, with a look between them.
     * Measured: Ctrl-C within 20 ms in one batch of 3,000,000 rows of 4-32-16-4. */
    ROUND_WORK = 300000000,
    /* Entries of an order that are shuffled between two looks.
     * Measured: Ctrl-C within 18 ms in shuffled epochs of 3,000,000 rows. */
    SHUFFLE_STRETCH = 1 << 20,
    /* Bytes of the rows that are made of a table's columns before the next rows.
     * Measured: 0.8 to 1.2 at two and at eight times with 64 columns of 32,768 rows, 1.3 to 1.6 with 1,000 of 4,096. */
    TURN_BYTES = 65536,
    /* Microseconds that a call waits for another thread's between two looks.
     * Not measured: it is POLL_NANOSECONDS for a call that waits. */
    WAIT_MICROSECONDS = 20000,
};

/* The gradient checker: suite `gradcheck`. */
enum {
    /* Samples of a block. More samples make several blocks, each of which goes through all points.
     * Measured: 0.99 at half, 1.01 at double (a check of 64-32-10, 96 samples). */
    MAX_LANES = 64,
    /* Points that a task takes. Fewer would cost more than they share between threads.
     * Measured: 0.99 at a quarter (the same check). */
    TASK_POINTS = 32,
    /* A point counts as at least this many multiply-adds per lane, for the code around its work.
     * Measured: 0.99 at a quarter (the same check). */
    POINT_WORK = 64,
    /* Outputs from which cross-entropy follows a unit's move along a line; fewer do not pay for the coefficients.
     * Measured: 0.98 at 16 (the same check). */
    MIN_LINE_OUTPUTS = 4,
    /* Size of a weight up to which a unit has a line. The powers of a larger one overflow: every logit is followed.
     * Not measured: it bounds values, not time. */
    MAX_STEEPNESS = 1024,
    /* Numbers that the coefficients of all lines may take. If they need more, every logit is followed.
     * Measured: 0.98 at 4096 (the same check). */
    MAX_LINE_NUMBERS = 1 << 22,
};

#endif
