"""gdcore through its public face: `fit` with Adam, and L-BFGS for the linear models."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

import gdcore as gd
from gdcore.bench.gdcore_adapter import GdcoreLibrary

from ..folds import RIDGE, Fold
from . import Contender

FTOL, GTOL = 64 * float(np.finfo(np.float64).eps), 1e-8
"""Where L-BFGS ends: scikit-learn's ftol, and the gtol that it is given."""


def initial(fold: Fold) -> gd.Sequential:
    """Return the network that gdcore, torch and "sklearn, same start" begin from."""
    return gd.MLP(fold.problem.widths, fold.problem.activation, seed=fold.number, dtype=fold.problem.dtype)


def versions() -> dict[str, str]:
    """Return gdcore's version, instruction set and compiler."""
    return GdcoreLibrary().versions()


@final
class Network(Contender):
    """The network, by mini-batches."""

    def versions(self) -> dict[str, str]:
        return versions()

    def fit(self, fold: Fold, epochs: int) -> None:
        problem = fold.problem
        self.model = initial(fold)
        self.model.fit(
            fold.X,
            fold.y,
            loss=problem.loss,
            optimizer=gd.Adam(problem.learning_rate),
            epochs=epochs,
            batch_size=problem.batch,
            seed=fold.number,
        )

    def predict(self, fold: Fold) -> NDArray[Any]:
        return fold.kind.predicted(self.model.predict(fold.X_test))


@final
class Linear(Contender):
    """The linear model, by all data at once."""

    def versions(self) -> dict[str, str]:
        return versions()

    def fit(self, fold: Fold, epochs: int) -> None:
        n_in, n_out = fold.problem.widths
        factor = 2.0 if fold.kind.score == "R2" else 1.0  # Ridge penalizes the whole square, not half of it.
        self.model = gd.LinearModel(n_in, n_out, weight_init="zeros", dtype="float64", seed=0)
        self.model.fit(
            fold.X,
            fold.y,
            loss=fold.problem.loss,
            optimizer=gd.LBFGS(ftol=FTOL, gtol=GTOL),
            epochs=epochs,
            batch_size=len(fold.X),
            l2=factor * RIDGE / len(fold.X),
        )

    def predict(self, fold: Fold) -> NDArray[Any]:
        return fold.kind.predicted(self.model.predict(fold.X_test))
