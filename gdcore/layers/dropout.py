"""Dropout, and the key that fixes a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from ..base import checks
from ..base.record import call_repr


@final
@dataclass(frozen=True, repr=False)
class Dropout:
    """Sets each input to 0 with probability `rate` during training and scales the others by 1 / (1 - rate).

    It has no effect in `predict`, nor in `loss` without `dropout_seed`.

    Parameters
    ----------
    rate : float, default 0.5
        Probability that an input is set to 0, in [0, 1).

    References
    ----------
    Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014). Dropout: a simple
    way to prevent neural networks from overfitting. JMLR 15.

    Examples
    --------
    >>> Dropout(0.2)
    Dropout(0.2)
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        checks.in_range("rate", self.rate, 0, 1)

    def kernel_row(self, width: int, dtype: str) -> tuple[Any, ...]:
        """Return the layer as the kernels take it, behind one of `width` outputs."""
        return "dropout", width, self.rate

    def __repr__(self) -> str:
        return call_repr(self, positional=1)


def dropout_key(seed: int | None) -> int:
    """Return the kernels' key for the mask of `seed`; without a seed 0, which means no dropout."""
    return 0 if seed is None else 1 + checks.integer("dropout_seed", seed, 0, 2**64 - 2)
