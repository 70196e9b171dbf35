"""Dropout, and the key that fixes a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ..base import checks
from ..base.record import call_repr


@final
@dataclass(frozen=True, repr=False)
class Dropout:
    """Sets each input to 0 with probability `rate` while training and scales the others by 1 / (1 - rate).

    Left out in `predict` and `loss`.

    Parameters
    ----------
    rate : float, default 0.5
        In [0, 1).

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

    def __repr__(self) -> str:
        return call_repr(self, positional=1)


def dropout_key(seed: int | None) -> int:
    """The kernels' key for a mask that `seed` fixes; 0, without dropout, where there is none."""
    return 0 if seed is None else 1 + checks.integer("dropout_seed", seed, 0, 2**64 - 2)
