"""The machine: how long a step's multiply-adds last if every one is made at the peak, in registers.

Only the products are counted, 2 operations per multiply-add. Its time over gdcore's is gdcore's share of the peak.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gdcore._kernels import CHOSEN, load
from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

MIN_FLOPS = 500_000


@final
class PeakLibrary(Library):
    """A loop of multiply-adds in the vectors of gdcore's instruction set; it trains nothing."""

    def versions(self) -> dict[str, str]:
        return {"instruction set": CHOSEN}

    def refuses(self, task: str, problem: Problem) -> str:
        if task.endswith((":step", ":gradcheck")):
            return "a call from Python costs what it costs"
        if task.endswith(":train") and problem.step_flops * problem.steps < MIN_FLOPS:
            return f"an epoch of fewer than {MIN_FLOPS:,} operations is too short for the clock"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        self.problem = work.problem
        self.multiply = load(work.problem.dtype).peak_flops

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return values

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> None:
        self.multiply(self.problem.step_flops)

    def epoch(self) -> None:
        self.multiply(self.problem.step_flops * self.problem.steps)

    def loss(self) -> None:
        self.multiply(self.problem.forward_flops(self.problem.samples))

    def predict(self, X: NDArray[Any]) -> None:
        self.multiply(self.problem.forward_flops(len(X)))

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way."""
