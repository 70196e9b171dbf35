"""The interface of a loss, and how a callable becomes one.

Design
------
A record holds hyper-parameters and words. What else is known of a loss is a column of its row in `src/losses/losses.h`,
and is read from there when it is first asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..base.record import Record

CustomLoss = Callable[[Any, Any], tuple[float, Any]]
"""(outputs, y) -> (value, d value / d outputs), in NumPy; outputs has shape (n, k)."""

Known = TypeVar("Known")


@final
class Fact(Generic[Known]):
    """An attribute of the classes of losses that is a column of their rows in the kernels' table.

    It is looked up once for each class, which keeps it.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type[Record]) -> Known:
        if not isinstance(vars(owner).get("name"), str):
            raise AttributeError(f"{self._name} is known of a loss in the registry, not of {owner.__name__}")
        found: Known = load("float64").LOSS_FACTS[owner.name][self._name]
        setattr(owner, self._name, found)
        return found


class Loss(Record, ABC):
    """Interface of the losses; each one is a frozen dataclass of hyper-parameters."""

    __match_args__: ClassVar[tuple[str, ...]]
    per_model = True

    target = Fact[str]()
    """Kind of target: "real", "nonnegative", "unit" ([0, 1]), "sign" (-1 or 1), "class"."""

    whole_rows = Fact[bool]()
    """Whether a row of outputs has one loss, rather than each output its own."""

    kink = Fact[str]()
    """What is 0 where the slope jumps: "residual", z - y; "bent", |z - y| - option; "margin", 1 - y z; "score", y z; ""
    if nothing jumps.
    """

    @property
    @abstractmethod
    def formula(self) -> str:
        """Formula for one output z and its target y."""

    @property
    def constant(self) -> str:
        """What the best constant prediction is called."""
        return "the best constant"

    def option(self) -> float:
        """Return the hyper-parameter that the kernel takes, the loss's first field; 0 if there is none."""
        names = self.__match_args__
        return float(getattr(self, names[0])) if names else 0.0

    def kinks(self, outputs: NDArray[np.float64], target: NDArray[Any], order: int = 1) -> NDArray[np.float64] | None:
        """Return what is 0 where the slope jumps (order 1), or also where the curvature does (order 2).

        Parameters
        ----------
        outputs, target : ndarray, shape (n, k)
        order : {1, 2}, default 1

        Returns
        -------
        ndarray, shape (n, k), or None
            Of several places the nearest; the sign changes at each of them. None: it jumps nowhere.

        Examples
        --------
        >>> from gdcore.losses import Huber, MeanAbsoluteError
        >>> outputs, target = np.array([[1.0, -3.0]]), np.zeros((1, 2))
        >>> MeanAbsoluteError().kinks(outputs, target)
        array([[ 1., -3.]])
        >>> Huber(delta=2.0).kinks(outputs, target), Huber(delta=2.0).kinks(outputs, target, order=2)
        (None, array([[-1.,  1.]]))
        """
        kernels = load("float64")
        facts = kernels.LOSS_FACTS[self.name]
        if facts["n_all_kinks"] == 0 or (order == 1 and facts["smooth"]):
            return None
        z, y = (np.ascontiguousarray(array, np.float64) for array in (outputs, target))
        found: NDArray[np.float64] = kernels.loss_all_kinks(self.name, self.option(), z, y)
        nearest: NDArray[np.float64] = np.sign(found).prod(axis=0) * np.abs(found).min(axis=0)
        return found[0] if (found == found[0]).all() else nearest  # an epsilon of 0 makes one kink of two

    def smoothed(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities (n, k) that a loss of classes compares with, from those of the targets."""
        return shares


def name_of(loss: Loss | CustomLoss) -> str:
    """Return what a loss is called in a record of a training: its name and hyper-parameters, or a function's name.

    Examples
    --------
    >>> from gdcore.losses import Huber, MeanSquaredError
    >>> name_of(MeanSquaredError()), name_of(Huber(delta=2.0)), name_of(max)
    ('mean_squared_error', 'huber(delta=2.0)', 'max')
    """
    if not isinstance(loss, Loss):
        return str(getattr(loss, "__name__", type(loss).__name__))
    return loss.name + repr(loss).removeprefix(type(loss).__name__).removesuffix("()")
