"""ONNX Runtime: predictions of an exported model, in one session on one thread.

Design
------
- It does not train. gdcore makes the one epoch before a prediction in this process too, and exports the network with
  `gdcore.interop.to_onnx`, so the outputs that are compared are of the same parameters.
- Rows and outputs are bound to the session before the clock runs: a call then only computes, which took 9 to 13 us for
  one row where `InferenceSession.run` took 17.
"""

import os
from typing import Any, final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gdcore.bench.gdcore_adapter import GdcoreLibrary
from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload
from gdcore.interop import to_onnx

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))


@final
class OnnxRuntimeLibrary(Library):
    """An `InferenceSession` with bound arrays."""

    def versions(self) -> dict[str, str]:
        return {"onnxruntime": onnxruntime.__version__}

    def refuses(self, task: str, problem: Problem) -> str:
        if not task.endswith(":predict"):
            return "it predicts only"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        self.trained, self.problem = GdcoreLibrary(), work.problem
        self.trained.setup(work)
        self.bound: dict[int, tuple[Any, NDArray[Any]]] = {}
        self.session: onnxruntime.InferenceSession | None = None

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values)

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> None:
        raise AssertionError("`refuses` says so")

    def epoch(self) -> None:
        self.trained.epoch()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = THREADS
        model = to_onnx(self.trained.model).SerializeToString()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.bound.clear()

    def loss(self) -> float:
        raise AssertionError("`refuses` says so")

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        session = self.session
        assert session is not None
        if id(X) not in self.bound:
            binding, out = session.io_binding(), np.empty((len(X), self.problem.widths[-1]), X.dtype)
            [inputs], [outputs] = session.get_inputs(), session.get_outputs()
            binding.bind_input(inputs.name, "cpu", 0, X.dtype, X.shape, X.ctypes.data)
            binding.bind_output(outputs.name, "cpu", 0, out.dtype, out.shape, out.ctypes.data)
            self.bound[id(X)] = binding, out
        binding, out = self.bound[id(X)]
        session.run_with_iobinding(binding)
        return out

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way."""
