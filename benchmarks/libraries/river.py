"""river: linear models that learn row by row, each row a dictionary.

Design
------
- Rows are made into dictionaries before the clock runs; `learn_one` and `predict_one` are called from Python.
- Its squared loss and its logistic loss have the gradients of the others, so rates need no scale. Gradients are not
  clipped: the limit is set to infinity.
- The initial weights are put in place of the model's own, which has none before it has seen a row.
- Numbers are Python's, in double precision.
"""

import math
from typing import Any, final

import numpy as np
import river
from numpy.typing import NDArray
from river import linear_model, optim, utils

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

LOSSES = {"mean_squared_error": linear_model.LinearRegression, "binary_cross_entropy": linear_model.LogisticRegression}


def dictionaries(X: NDArray[Any]) -> list[dict[int, float]]:
    """Return each row as a dictionary, by the number of the column."""
    return [dict(enumerate(row)) for row in X.tolist()]


@final
class RiverLibrary(Library):
    """LinearRegression and LogisticRegression through `learn_one`."""

    def versions(self) -> dict[str, str]:
        return {"river": river.__version__}

    def refuses(self, task: str, problem: Problem) -> str:
        if len(problem.widths) != 2 or problem.widths[1] != 1 or problem.loss not in LOSSES:
            return "it fits a linear model with one output"
        if problem.batch != 1 or problem.optimizer != "sgd":
            return "it learns row by row"
        if not task.endswith((":train", ":step", ":predict")):
            return "it has no gradient checker"
        if task.endswith(":step") and problem.widths[0] == 1:
            return "its adapter tells rows from targets by their widths"
        if task.endswith(":predict") and problem.loss == "binary_cross_entropy":
            return "its classifier gives no raw outputs"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        self.n_in, self.classifies = problem.widths[0], problem.loss == "binary_cross_entropy"
        self.model = LOSSES[problem.loss](
            optimizer=optim.SGD(problem.learning_rate),
            intercept_init=float(work.biases[0][0]),
            intercept_lr=problem.learning_rate,
            clip_gradient=math.inf,
        )
        self.model._weights = utils.VectorDict(dict(enumerate(work.weights[0].ravel().tolist())))
        self.rows, self.targets = dictionaries(work.X), self._targets(work.y)

    def _targets(self, y: NDArray[Any]) -> list[Any]:
        return (y.ravel() > 0 if self.classifies else y.ravel()).tolist()

    def array(self, values: NDArray[Any]) -> list[Any]:
        return dictionaries(values) if values.shape[1] == self.n_in else self._targets(values)

    def step(self, xb: list[dict[int, float]], yb: list[Any]) -> None:
        self.model.learn_one(xb[0], yb[0])

    def epoch(self) -> None:
        learn = self.model.learn_one
        for row, target in zip(self.rows, self.targets, strict=True):
            learn(row, target)

    def loss(self) -> float:
        if self.classifies:
            pairs = zip(self.rows, self.targets, strict=True)
            return float(-np.mean(np.log([self.model.predict_proba_one(row)[target] for row, target in pairs])))
        return float(np.mean((np.array([self.model.predict_one(row) for row in self.rows]) - self.targets) ** 2))

    def predict(self, X: list[dict[int, float]]) -> list[float]:
        return [self.model.predict_one(row) for row in X]

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way."""
