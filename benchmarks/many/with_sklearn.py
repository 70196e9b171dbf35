"""scikit-learn: `MLPRegressor.fit` of each model under joblib.

Its gradient of the squared loss is that of half of it, so its rate is twice the others'. The initial parameters are
written where a first `partial_fit` has made places for them; with `warm_start` a fit begins from there.
"""

import os
import warnings
from typing import Any, final

import numpy as np
import sklearn
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from .cases import CHECKED, Work
from .library import ManyLibrary


def fitted(work: Work, i: int) -> MLPRegressor:
    """Model i, trained."""
    problem, (X, y) = work.problem, work.of(i)
    model = MLPRegressor(
        hidden_layer_sizes=problem.widths[1:-1],
        activation=problem.activation,
        solver="sgd",
        alpha=0.0,
        batch_size=problem.batch,
        learning_rate_init=2 * float(work.rates[i]),
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=10**9,
        max_iter=problem.epochs,
        warm_start=True,
    )
    model.partial_fit(X[: problem.batch], y[: problem.batch, 0])
    for mine, given in zip((*model.coefs_, *model.intercepts_), (*work.weights, *work.biases), strict=True):
        mine[...] = given[i]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y[:, 0])


@final
class Joblib(ManyLibrary):
    """As many jobs as threads; the first models alone, since each takes as long as the last one."""

    most_models = CHECKED

    def versions(self) -> dict[str, str]:
        return {"sklearn": sklearn.__version__}

    def setup(self, work: Work) -> None:
        self.work = work
        self.parallel = Parallel(n_jobs=int(os.environ["OMP_NUM_THREADS"]))

    def fit(self) -> None:
        self.models = self.parallel(delayed(fitted)(self.work, i) for i in range(len(self.work.rates)))

    def wait(self) -> None:
        """Nothing is ever under way."""

    def parameters(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        layers = range(len(self.work.weights))
        weights = [np.stack([model.coefs_[j] for model in self.models]) for j in layers]
        return weights, [np.stack([model.intercepts_[j] for model in self.models]) for j in layers]
