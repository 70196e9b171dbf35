# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: auto_pickle=False
"""gdcore's kernels: forward, loss, backward, penalty, clip, update.

Design
------
- One body, compiled once per (instruction set, precision). `real` is float or double by a C typedef, so
  there are no fused types: a memoryview checks the element size when it is taken, and a bound method costs
  one Python call.
- The public methods take typed memoryviews; below them everything is `noexcept nogil`, works on pointers
  into buffers that were bound once, and neither validates nor allocates. Python validates (`base/checks.py`).
- Every folder is one part: the machine, the layers, the losses, the updates, the network, training, and the gradient
  checker's engine. Each include holds one idea, a forward step beside its derivative, and uses what stands above it.
- layers/layer.pxi declares four names ahead: the row of a kind of layer has a function for the network, one for the
  sink and one for the checker, and a layer may have an update of its own. So the table of the kinds comes last but one,
  when all their functions are known. The penalties on all weights come behind the plan, which lists the layers.
"""

import numpy

from gdcore._kernels.errors import RefusedStep as _RefusedStep, Unfit as _Unfit
from gdcore._kernels.sparse_rows import SparseRows as _SparseRows

from cpython.buffer cimport PyBUF_RECORDS_RO, PyBUF_STRIDED_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.pythread cimport (
    NOWAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_get_thread_ident,
    PyThread_release_lock, PyThread_type_lock,
)
from cpython.weakref cimport PyWeakref_NewRef
from libc.math cimport INFINITY, isfinite, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cdef extern from "machine/real.h" nogil:
    """
    static const char *compiler = "gcc-compatible " __VERSION__;
    static const char *compiler_flags = GDCORE_FLAGS;
    """
    ctypedef float real      # float or double: -DREAL=... decides
    const bint REAL_IS_FLOAT
    real real_abs(real x) noexcept
    const char *compiler
    const char *compiler_flags

COMPILER = compiler.decode()
COMPILER_FLAGS = compiler_flags.decode()
PRECISION = "float32" if REAL_IS_FLOAT else "float64"
_array, _empty, _dtype = numpy.ndarray, numpy.empty, numpy.dtype(PRECISION)

include "machine/tuning.pxi"
include "machine/signals.pxi"
include "machine/lock.pxi"
include "machine/pool.pxi"
include "machine/random.pxi"
include "machine/elementary.pxi"
include "machine/panels.pxi"
include "machine/product.pxi"
include "machine/transposed.pxi"
include "machine/sums.pxi"
include "machine/memory.pxi"
include "machine/streams.pxi"
include "machine/arrays.pxi"
include "machine/columns.pxi"
include "network/rows.pxi"
include "layers/activations.pxi"
include "layers/layer.pxi"
include "layers/dense.pxi"
include "layers/sparse.pxi"
include "layers/dropout.pxi"
include "layers/scaling.pxi"
include "layers/layer_norm.pxi"
include "losses/losses.pxi"
include "losses/output_sums.pxi"
include "updates/rules.pxi"
include "updates/sgd.pxi"
include "updates/adaptive.pxi"
include "updates/adam.pxi"
include "updates/lion.pxi"
include "updates/table.pxi"
include "updates/proximal.pxi"
include "network/sink.pxi"
include "network/plan.pxi"
include "network/outputs.pxi"
include "network/transposed.pxi"
include "network/batch.pxi"
include "network/predict.pxi"
include "network/tiny.pxi"
include "updates/penalty.pxi"
include "updates/lazy.pxi"
include "network/network.pxi"
include "network/measured.pxi"
include "training/layerwise.pxi"
include "training/average.pxi"
include "training/overflow.pxi"
include "training/step.pxi"
include "training/single.pxi"
include "training/sparse_step.pxi"
include "training/linear.pxi"
include "training/small.pxi"
include "training/turn.pxi"
include "training/training.pxi"
include "training/epoch.pxi"
include "training/part.pxi"
include "training/stage.pxi"
include "many/data.pxi"
include "many/lanes.pxi"
include "many/lane_steps.pxi"
include "many/models.pxi"
include "many/answers.pxi"
include "probe/lanes.pxi"
include "probe/stages.pxi"
include "probe/block.pxi"
include "probe/softmax.pxi"
include "probe/changes.pxi"
include "probe/curvature.pxi"
include "probe/sweep.pxi"
include "probe/dense_stage.pxi"
include "probe/scaling_stage.pxi"
include "probe/norm_stage.pxi"
include "layers/table.pxi"
include "probe/probe.pxi"
