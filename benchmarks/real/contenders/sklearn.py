"""scikit-learn: the multi-layer perceptrons as they start by themselves and from gdcore's start, and the linear models.

Design
------
- alpha and tol are 0 and no epoch is the last before `max_iter`: every network makes the same number of steps.
- A perceptron gets gdcore's initial parameters as in `benchmarks.libraries.sklearn`: after a first `partial_fit`.
- The linear models minimize the same objective as gdcore's: C, alpha and RIDGE are one penalty in three units.
"""

import warnings
from typing import Any, final

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ..folds import RIDGE, Fold
from . import Contender
from .gdcore import GTOL, initial

LOSSES = {"mean_squared_error": "squared_error", "poisson": "poisson"}


@final
class Perceptron(Contender):
    """MLPRegressor, and MLPClassifier for labels."""

    def __init__(self, same_start: bool = False) -> None:
        self.same_start = same_start

    def versions(self) -> dict[str, str]:
        return {"sklearn": sklearn.__version__}

    def fit(self, fold: Fold, epochs: int) -> None:
        problem = fold.problem
        options: dict[str, Any] = {} if fold.kind.is_classes else {"loss": LOSSES[problem.loss]}
        self.model = (MLPClassifier if fold.kind.is_classes else MLPRegressor)(
            hidden_layer_sizes=problem.widths[1:-1],
            activation=problem.activation,
            solver=problem.optimizer,
            alpha=0.0,
            batch_size=min(problem.batch, len(fold.X)),
            learning_rate_init=problem.learning_rate,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=10**9,
            random_state=fold.number,
            **options,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            if self.same_start:
                self._start(fold)
            self.model.fit(fold.X, fold.y)

    def _start(self, fold: Fold) -> None:
        rows = slice(0, self.model.batch_size)
        classes = {"classes": np.unique(fold.y)} if fold.kind.is_classes else {}
        self.model.partial_fit(fold.X[rows], fold.y[rows], **classes)
        views = [view for _, view in initial(fold).parameters()]
        for mine, given in zip(self.model.coefs_, views[0::2], strict=True):
            mine[...] = given
        for mine, given in zip(self.model.intercepts_, views[1::2], strict=True):
            mine[...] = given
        self.model.set_params(warm_start=True)

    def predict(self, fold: Fold) -> NDArray[Any]:
        return self.model.predict(fold.X_test)


def same_start() -> Perceptron:
    """Return the perceptron that begins from gdcore's initial parameters."""
    return Perceptron(same_start=True)


@final
class Linear(Contender):
    """Ridge, PoissonRegressor or LogisticRegression."""

    def versions(self) -> dict[str, str]:
        return {"sklearn": sklearn.__version__}

    def fit(self, fold: Fold, epochs: int) -> None:
        if fold.kind.is_classes:
            self.model = LogisticRegression(C=1 / RIDGE, tol=GTOL, max_iter=epochs)
        elif fold.problem.loss == "poisson":
            self.model = PoissonRegressor(alpha=RIDGE / len(fold.X), tol=GTOL, max_iter=epochs)
        else:
            self.model = Ridge(alpha=RIDGE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(fold.X, fold.y)

    def predict(self, fold: Fold) -> NDArray[Any]:
        return self.model.predict(fold.X_test)
