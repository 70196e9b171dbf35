"""A dense layer's three products by themselves, and multiply-adds in registers: who takes part in `kernels` and `peak`.

A problem (n_in, n_out) with a batch is a layer. Its input x and the delta D at its output are random; `X W` writes into
D's place, `X^T D` into the weight's, `D W^T` into x's.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gdcore._kernels import CHOSEN, load
from gdcore.bench.gdcore_adapter import GdcoreLibrary
from gdcore.bench.numpy_adapter import NumpyLibrary
from gdcore.bench.problems import SEED, Problem

FORMS = ("X W", "X^T D", "D W^T")


MIN_FLOPS = 10_000_000
"""What the peak, and a product that is repeated, is asked for at least: a call from Python must not count."""


@final
@dataclass(frozen=True)
class Product:
    """A call, where it writes (None: nowhere), and its floating-point operations."""

    call: Callable[[], object]
    result: NDArray[Any] | None
    flops: int


class Multiplier(ABC):
    """What offers products to be measured."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """What was measured."""

    @abstractmethod
    def product(self, problem: Problem, form: str) -> Product:
        """A product of that form, ready to be made."""

    def refuses(self, task: str, problem: Problem) -> str:
        """Nothing is refused."""
        return ""

    def wait(self) -> None:
        """Nothing is ever under way."""
        return


def operands(problem: Problem) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """x (batch, n_in), weight (n_in, n_out) and delta (batch, n_out) of a layer."""
    rng = np.random.default_rng(SEED)
    n_in, n_out = problem.widths
    shapes = ((problem.batch, n_in), (n_in, n_out), (problem.batch, n_out))
    x, weight, delta = (rng.standard_normal(shape).astype(problem.dtype) for shape in shapes)
    return x, weight, delta


class GdcoreMultiplier(Multiplier):
    """The kernels' own products, in buffers laid out as in training, columns in the lanes."""

    CHOOSES = False

    def times(self, flops: int) -> int:
        """How often a call makes a product of so many operations."""
        return 1

    def versions(self) -> dict[str, str]:
        return GdcoreLibrary().versions()

    @final
    def product(self, problem: Problem, form: str) -> Product:
        layer = load(problem.dtype).DenseProducts(problem.batch, *problem.widths, self.CHOOSES)
        for mine, given in zip((layer.x, layer.weight, layer.delta), operands(problem), strict=True):
            mine[...] = given
        number = FORMS.index(form)
        result = (layer.delta, layer.weight, layer.x)[number]
        flops = problem.forward_flops(problem.batch)
        times = self.times(flops)
        return Product(lambda: layer.run(number, times), result, times * flops)


@final
class RepeatedMultiplier(GdcoreMultiplier):
    """The same in the order in which such a layer trains, and small products many times in a call."""

    CHOOSES = True

    def times(self, flops: int) -> int:
        return -(-MIN_FLOPS // flops)


@final
class NumpyMultiplier(Multiplier):
    """`numpy.matmul` into the result's array."""

    def versions(self) -> dict[str, str]:
        return NumpyLibrary().versions()

    def product(self, problem: Problem, form: str) -> Product:
        x, weight, delta = operands(problem)
        triples = ((x, weight, delta), (x.T, delta, weight), (delta, weight.T, x))
        left, right, out = triples[FORMS.index(form)]
        return Product(lambda: np.matmul(left, right, out=out), out, problem.forward_flops(problem.batch))


@final
class PeakMultiplier(Multiplier):
    """As many multiply-adds, none of which leaves the registers."""

    def versions(self) -> dict[str, str]:
        return {"instruction set": CHOSEN}

    def product(self, problem: Problem, form: str) -> Product:
        multiply = load(problem.dtype).peak_flops
        flops = max(MIN_FLOPS, problem.forward_flops(problem.batch))
        return Product(lambda: multiply(flops), None, flops)
