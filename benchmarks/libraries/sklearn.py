"""scikit-learn: the multi-layer perceptrons; SGDRegressor and SGDClassifier for a linear model of one row at a time.

Design
------
- `partial_fit` is one epoch over what it is given: over one batch it is one step. Its checks are part of it.
- The perceptron's gradient of the squared loss is that of half the mean over samples of the *sum* over k outputs; the
  others take the mean over both: it is k/2 times theirs. Rate (gradient descent) and eps (Adam) are scaled accordingly.
- The initial parameters are written into `coefs_` and `intercepts_`, which exist after a first `partial_fit`; what that
  one left in the optimizer is dropped.
"""

from typing import Any, final

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

CLASSIFYING = ("cross_entropy", "binary_cross_entropy")


def log_loss(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the mean of -log p of the labels 0, 1, ..., from probabilities (n, classes)."""
    return float(-np.mean(np.log(probabilities[np.arange(len(labels)), labels.astype(int)])))


@final
class PerceptronLibrary(Library):
    """MLPRegressor, and MLPClassifier where the loss is a cross-entropy."""

    def versions(self) -> dict[str, str]:
        return {"sklearn": sklearn.__version__}

    def refuses(self, task: str, problem: Problem) -> str:
        if task.endswith(":gradcheck"):
            return "it has no gradient checker"
        if problem.loss in CLASSIFYING and not task.endswith(":train"):
            return "its classifier takes labels of every class in a batch, and gives no raw outputs"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        self.work = work
        self.classes = np.unique(work.y) if problem.loss in CLASSIFYING else None
        scale = 1.0 if self.classes is not None else problem.widths[-1] / 2
        rate = problem.learning_rate
        self.model = (MLPRegressor if self.classes is None else MLPClassifier)(
            hidden_layer_sizes=problem.widths[1:-1],
            activation=problem.activation,
            solver=problem.optimizer,
            alpha=0.0,
            batch_size=problem.batch,
            learning_rate_init=rate / scale if problem.optimizer == "sgd" else rate,
            momentum=0.0,
            nesterovs_momentum=False,
            epsilon=1e-8 * scale,
            shuffle=False,
            tol=0.0,
            n_iter_no_change=10**9,
        )
        self.X, self.y = work.X, self._targets(work.y)
        self._fit(self.X[: problem.batch], self.y[: problem.batch])
        for mine, given in zip(self.model.coefs_, work.weights, strict=True):
            mine[...] = given
        for mine, given in zip(self.model.intercepts_, work.biases, strict=True):
            mine[...] = given
        del self.model._optimizer

    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        return y.ravel() if self.work.problem.widths[-1] == 1 else y

    def _fit(self, X: NDArray[Any], y: NDArray[Any]) -> None:
        if self.classes is None:
            self.model.partial_fit(X, y)
        else:
            self.model.partial_fit(X, y, classes=self.classes)

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values)

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> None:
        self.model.partial_fit(xb, self._targets(yb))

    def epoch(self) -> None:
        self._fit(self.X, self.y)

    def loss(self) -> float:
        if self.classes is None:
            return float(np.mean((self.model.predict(self.X) - self.y) ** 2))
        return log_loss(self.model.predict_proba(self.X), self.y)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return self.model.predict(X)

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way."""


@final
class LinearLibrary(Library):
    """SGDRegressor, whose squared loss is half of the others', or SGDClassifier: one output, one row a step."""

    def versions(self) -> dict[str, str]:
        return {"sklearn": sklearn.__version__}

    def refuses(self, task: str, problem: Problem) -> str:
        if len(problem.widths) != 2 or problem.widths[1] != 1 or problem.batch != 1 or problem.optimizer != "sgd":
            return "it fits a linear model with one output, row by row"
        if not task.endswith(":train" if problem.loss in CLASSIFYING else (":train", ":predict")):
            return "its loop over the rows is compiled: a row by itself is not what it is for"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        rate = work.problem.learning_rate
        options: dict[str, Any] = {"penalty": None, "alpha": 0.0, "shuffle": False, "learning_rate": "constant"}
        self.X, self.y = work.X, work.y.ravel()
        self.classes = np.unique(self.y) if work.problem.loss in CLASSIFYING else None
        if self.classes is None:
            self.model = SGDRegressor(eta0=2 * rate, **options)
        else:
            self.model = SGDClassifier(loss="log_loss", eta0=rate, **options)
        self._fit(self.X[:1], self.y[:1])
        self.model.coef_[...] = work.weights[0].ravel()
        self.model.intercept_[...] = work.biases[0]

    def _fit(self, X: NDArray[Any], y: NDArray[Any]) -> None:
        if self.classes is None:
            self.model.partial_fit(X, y)
        else:
            self.model.partial_fit(X, y, classes=self.classes)

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values)

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> None:
        raise AssertionError("`refuses` says so")

    def epoch(self) -> None:
        self._fit(self.X, self.y)

    def loss(self) -> float:
        if self.classes is not None:
            return log_loss(self.model.predict_proba(self.X), self.y)
        return float(np.mean((self.model.predict(self.X) - self.y) ** 2))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return self.model.predict(X)

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way."""
