"""Layer normalization: a frozen record of its width and eps; the stack holds gain and bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.record import Record
from .initializers.base import Law


@final
@dataclass(frozen=True, repr=False)
class LayerNorm(Record):
    """Layer normalization: a = (x - mean) / sqrt(var + eps) * gain + bias, for each row by itself.

    Mean and variance are those of the row; the variance divides by `features`, not by `features` - 1. Gain and bias are
    trained. They begin at 1 and 0, and no penalty applies to them.

    Parameters
    ----------
    features : int
        Number of columns, in and out.
    eps : float, default 1e-5
        Added to the variance.

    Raises
    ------
    TypeError, ValueError
        If features is not an integer >= 1, or eps is not > 0.

    References
    ----------
    Ba, J. L., Kiros, J. R. and Hinton, G. E. (2016). Layer normalization. arXiv:1607.06450.

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.Sequential(gd.LayerNorm(2), gd.Dense(2, 1, weight_init="ones"), dtype="float64")
    >>> [name for name, _ in net.parameters()]
    ['norm0.gain', 'norm0.bias', 'dense0.weight', 'dense0.bias']
    >>> net.predict([[1.0, 3.0]]).round(3).tolist()
    [[0.0]]
    """

    name = "layer_norm"
    part: ClassVar[str] = "norm"
    positional = 1
    l1: ClassVar[float] = 0.0
    l2: ClassVar[float] = 0.0
    features: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        checks.integer("features", self.features, 1)
        checks.positive("eps", self.eps)

    @property
    def in_features(self) -> int:
        """Number of columns."""
        return self.features

    @property
    def out_features(self) -> int:
        """Number of columns."""
        return self.features

    @property
    def n_params(self) -> int:
        """Number of gains and biases."""
        return 2 * self.features

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters by name, in their order."""
        return {"gain": (self.features,), "bias": (self.features,)}

    def initial(self, rng: np.random.Generator) -> list[NDArray[Any]]:
        """Return initial parameters, in the order of `shapes`; nothing is drawn."""
        return [np.ones(self.features), np.zeros(self.features)]

    def laws(self) -> list[Law | None]:
        """Return what each of the initial parameters is drawn from, in the order of `shapes`."""
        return [Law("constant", 1.0), Law("constant", 0.0)]

    def kernel_row(self, width: int, dtype: str) -> tuple[Any, ...]:
        """Return the layer as the kernels take it.

        Raises
        ------
        ValueError
            If this precision cannot hold eps.
        """
        if self.eps < np.finfo(dtype).tiny:
            raise ValueError(f"{self!r} has an eps that {dtype} cannot hold: use a larger one, such as 1e-5")
        return "layer_norm", width, float(self.eps)


def normalized(x: NDArray[Any], eps: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows (n, k) with mean 0 and variance 1, and their sqrt(variance + eps) (n, 1), in NumPy."""
    near = x - x[:, :1]
    centred = near - near.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + eps)
    return centred / scale, scale


def normalized_back(g: NDArray[Any], unit: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    """Return d loss / d x (n, k) from g = d loss / d unit."""
    along = np.mean(g * unit, axis=1, keepdims=True)
    found: NDArray[Any] = (g - g.mean(axis=1, keepdims=True) - unit * along) / scale
    return found
