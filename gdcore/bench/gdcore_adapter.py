"""gdcore as a measured library, through its public interface."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from .._kernels import CHOSEN, load
from ..gradcheck import check_gradients
from ..models import Sequential
from ..training import Trainer
from .library import Library
from .problems import Problem, Workload, initial_model


@final
class GdcoreLibrary(Library):
    """`Trainer.step`, `Trainer.epoch`, `Sequential.predict` and `check_gradients` as a user calls them."""

    def versions(self) -> dict[str, str]:
        kernels = load("float32")
        return {
            "gdcore": __version__,
            "instruction set": CHOSEN,
            "compiler": kernels.COMPILER,
            "compiler flags": kernels.COMPILER_FLAGS,
        }

    def refuses(self, task: str, problem: Problem) -> str:
        return ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        self.work = work
        self.model = initial_model(problem)
        self.initial: Sequential | None = None
        self.trainer = Trainer(
            self.model,
            problem.loss,
            problem.optimizer,
            batch_size=problem.batch,
            shuffle=problem.shuffle,
            l2=problem.l2,
            clip_norm=problem.clip_norm or None,
        )
        self.trainer.learning_rate = problem.learning_rate

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values)

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> float:
        return self.trainer.step(xb, yb)

    def epoch(self) -> float:
        return self.trainer.epoch(self.work.X, self.work.y)

    def loss(self) -> float:
        return self.model.loss(self.work.X, self.work.y, self.work.problem.loss)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return self.model.predict(X)

    def check_gradients(self) -> NDArray[np.float64]:
        problem = self.work.problem
        rows = slice(0, problem.batch)
        self.initial = self.initial or initial_model(problem)
        report = check_gradients(self.initial, self.work.X[rows], self.work.y[rows], problem.loss)
        report.raise_if_failed()
        return report.numeric

    def wait(self) -> None:
        """Return at once; nothing runs asynchronously."""
