"""gdcore: `fit_many`, and a loop of `Sequential.fit`."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

import gdcore as gd
from gdcore._kernels import CHOSEN, load

from .cases import Work
from .library import ManyLibrary

LOOPED = 1000
"""Models of the loop, whose fits take as long one as the other."""


def flat(work: Work) -> NDArray[np.float32]:
    """Initial parameters as gdcore holds them, (n_models, n_params)."""
    n = len(work.rates)
    parts = zip(work.weights, work.biases, strict=True)
    return np.hstack([part.reshape(n, -1) for pair in parts for part in pair])


def layers(work: Work, params: NDArray[Any]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Parameters (n_models, n_params) as weights and biases of each layer."""
    shapes = [part.shape[1:] for pair in zip(work.weights, work.biases, strict=True) for part in pair]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    parts = np.split(params, ends[:-1], axis=1)
    views = [part.reshape(len(params), *shape) for part, shape in zip(parts, shapes, strict=True)]
    return views[0::2], views[1::2]


def versions() -> dict[str, str]:
    """What decides gdcore's speed."""
    kernels = load("float32")
    return {
        "gdcore": gd.__version__,
        "instruction set": CHOSEN,
        "compiler": kernels.COMPILER,
        "compiler flags": kernels.COMPILER_FLAGS,
    }


@final
class FitMany(ManyLibrary):
    """One call of `fit_many`, its checks and its planning included."""

    def versions(self) -> dict[str, str]:
        return versions()

    def setup(self, work: Work) -> None:
        self.work, self.initial = work, flat(work)
        self.net = gd.MLP(work.problem.widths, work.problem.activation, seed=0)

    def fit(self) -> gd.Many:
        work = self.work
        self.many = gd.fit_many(
            self.net,
            work.X,
            work.y,
            "mse",
            params=self.initial,
            optimizer=gd.SGD(work.rates),
            batch_size=work.problem.batch,
            epochs=work.problem.epochs,
            shuffle=False,
        )
        return self.many

    def wait(self) -> None:
        """Nothing is ever under way."""

    def parameters(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        return layers(self.work, self.many.params)


@final
class Loop(ManyLibrary):
    """`Sequential.fit`, model by model."""

    most_models = LOOPED

    def versions(self) -> dict[str, str]:
        return versions()

    def setup(self, work: Work) -> None:
        self.work, self.initial = work, flat(work)
        self.found = self.initial.copy()

    def fit(self) -> None:
        problem = self.work.problem
        net = gd.MLP(problem.widths, problem.activation, seed=0)
        for i, rate in enumerate(self.work.rates.tolist()):
            net.params = self.initial[i]
            X, y = self.work.of(i)
            options = {"optimizer": gd.SGD(rate), "batch_size": problem.batch, "shuffle": False}
            net.fit(X, y, loss="mse", epochs=problem.epochs, **options)
            self.found[i] = net.params

    def wait(self) -> None:
        """Nothing is ever under way."""

    def parameters(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        return layers(self.work, self.found)
