"""The tuned constants as Cython sees them; their values, and what was measured, stand in tuning.h."""

cdef extern from "machine/vector.h" nogil:
    enum: LANES

cdef extern from "machine/tuning.h" nogil:
    enum: PANEL_BYTES
    enum: MAX_PANELS
    enum: MAX_DEPTH
    enum: B_BYTES
    enum: BAD_STRIDE
    enum: MIN_VECTOR_SUM
    enum: SUM_RUN
    enum: RUN
    enum: SIDES
    enum: CACHE_BYTES
    enum: MIN_BLOCK
    enum: LARGE_BLOCK
    enum: BLOCK_MULTIPLE
    enum: MIN_SHARE
    enum: MAX_SHARE
    cpdef enum: MAX_THREADS    # base/threads.py reads it.
    enum: MAX_GROUPS
    enum: GROUP_BYTES
    enum: GROUP_WORK
    enum: THREAD_WORK
    enum: STREAM_PARAMS
    enum: STREAM_ROWS
    enum: STREAM_WORK
    enum: WAIT_ENTRIES
    enum: TINY_ROWS
    enum: TINY_LAYERS
    enum: LINEAR_VECTORS
    enum: LINEAR_FEATURES
    enum: LINEAR_ROWS
    enum: LINEAR_FEW_ROWS
    enum: LINEAR_STRETCH
    enum: SMALL_PARAMS
    enum: SMALL_ROWS
    enum: SMALL_WIDTH
    enum: SMALL_VECTORS
    enum: SMALL_NUMBERS
    enum: SMALL_STRETCH
    enum: TRANSPOSED_ROWS
    enum: TRANSPOSED_SHARE
    enum: TRANSPOSED_INPUT
    enum: TRANSPOSED_LAYER
    enum: TRANSPOSED_THIN
    enum: TRANSPOSED_BYTES
    enum: PACKED_INPUTS
    enum: PACKED_SHARE
    enum: POLL_WORK
    enum: POLL_NANOSECONDS
    enum: CALL_WORK
    enum: UPDATE_WORK
    enum: LOOK_NUMBERS
    enum: ROUND_WORK
    enum: SHUFFLE_STRETCH
    enum: WAIT_MICROSECONDS
    enum: MAX_LANES
    enum: TASK_POINTS
    enum: POINT_WORK
    enum: MIN_LINE_OUTPUTS
    enum: MAX_STEEPNESS
    enum: MAX_LINE_NUMBERS
