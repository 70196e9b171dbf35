"""Vowpal Wabbit: linear models over whole epochs.

Design
------
- The rows are in a cache file, its own binary form, written before the clock runs. An epoch is one pass of its driver
  over that file, from one model file to another: a loop in C++. Opening and closing both is part of an epoch; a row
  that is made in Python and learned by itself took six times as long.
- `--sgd` at a constant rate is plain gradient descent. Predictions of the squared loss are not clipped to the targets
  seen so far: the limits are set beyond them. Labels of the logistic loss are -1 and 1.
- A number in place of a feature's name is its place in the table of weights.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import numpy as np
import vowpalwabbit
from numpy.typing import NDArray

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

CONSTANT = 11_650_396
"""Where the intercept is in the table of weights, modulo the table's size."""
LOSSES = {"mean_squared_error": "squared", "binary_cross_entropy": "logistic"}


def lines(X: NDArray[Any], y: NDArray[Any]) -> Iterator[str]:
    """Yield samples in Vowpal Wabbit's text format."""
    for row, target in zip(X.tolist(), y.tolist(), strict=True):
        features = " ".join(f"{place}:{number:.9g}" for place, number in enumerate(row))
        yield f"{target:.9g} | {features}\n"


@final
class VowpalWabbitLibrary(Library):
    """The driver over a cache file."""

    def versions(self) -> dict[str, str]:
        return {"vowpalwabbit": vowpalwabbit.__version__}

    def refuses(self, task: str, problem: Problem) -> str:
        if len(problem.widths) != 2 or problem.widths[1] != 1 or problem.loss not in LOSSES:
            return "it fits a linear model with one output"
        if problem.batch != 1 or problem.optimizer != "sgd":
            return "it learns row by row"
        if not task.endswith(":train"):
            return "its loop over the rows is compiled: a row by itself is not what it is for"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        problem, n_in = work.problem, work.problem.widths[0]
        self.X, self.y = work.X, work.y.ravel()
        self.classifies = problem.loss == "binary_cross_entropy"
        self.folder = tempfile.TemporaryDirectory(prefix="benchmarks")
        folder = Path(self.folder.name)
        self.model = folder / "model"
        loss = f"--loss_function {LOSSES[problem.loss]} --min_prediction -1e9 --max_prediction 1e9"
        rule = f"--sgd --learning_rate {problem.learning_rate!r} --power_t 0 {loss} --bit_precision 8 --quiet"
        start = vowpalwabbit.Workspace(rule)
        for place, number in enumerate(work.weights[0].ravel().tolist()):
            start.set_weight(place, 0, number)
        start.set_weight(CONSTANT, 0, float(work.biases[0][0]))
        start.save(str(self.model))
        start.finish()
        targets = np.where(self.y > 0, 1, -1) if self.classifies else self.y
        (folder / "data").write_text("".join(lines(self.X, targets)), encoding="utf-8")
        self.places = range(n_in)
        data = f"--data {folder / 'data'} --cache_file {folder / 'cache'}"
        vowpalwabbit.Workspace(f"{rule} {data}").finish()
        self.command = f"{rule} {data} --initial_regressor {self.model} --final_regressor {self.model}"

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return values

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> None:
        raise AssertionError("`refuses` says so")

    def epoch(self) -> None:
        vowpalwabbit.Workspace(self.command).finish()

    def loss(self) -> float:
        z = self.predict(self.X).ravel()
        if self.classifies:
            return float(np.mean(np.logaddexp(0, z) - self.y * z))
        return float(np.mean((z - self.y) ** 2))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        trained = vowpalwabbit.Workspace(f"--quiet --initial_regressor {self.model}")
        weights = np.array([trained.get_weight(place, 0) for place in self.places])
        intercept = trained.get_weight(CONSTANT, 0)
        trained.finish()
        return X @ weights + intercept

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way."""
