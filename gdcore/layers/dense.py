"""A dense layer: a frozen record of its shape and options; the stack holds its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.record import Record, Registry
from .activations import PARAMETRIC, ActivationLike, activation_spec, get_activation, kernel_activation
from .initializers import INITIALIZERS, Initializer, get_initializer
from .initializers.base import Law


@final
@dataclass(frozen=True, repr=False)
class Dense(Record):
    """A dense layer: a = f(x W + b).

    Parameters
    ----------
    in_features, out_features : int
        Shape of W: (in_features, out_features).
    activation : str or LeakyReLU, default "identity"
        A name in `gdcore.ACTIVATIONS`, or the record.
    bias : bool, default True
        Whether there is a bias b, shape (out_features,).
    weight_init, bias_init : str or Initializer, default "auto" and "zeros"
        "auto" depends on the activation: He for relu and its variants, LeCun for selu, Glorot for the others.
    l1, l2 : float, optional
        Penalty l1 * sum |W| + l2/2 * sum W^2. It overrides the model's l1 or l2 (of `Trainer`, `fit`, `loss`, …); 0
        means no penalty, None the model's.
    max_norm : float, optional
        Upper limit for the norm of each unit's weights (a column of W) after a training step; larger ones are scaled
        down to it. Initial weights are not changed.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer >= 1, a name is unknown, a penalty is below 0, or max_norm is not above 0.

    References
    ----------
    Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014). Dropout: a simple
    way to prevent neural networks from overfitting. JMLR 15. (max_norm)

    Examples
    --------
    >>> Dense(64, 128, "relu", l2=1e-4)
    Dense(64, 128, 'relu', l2=0.0001)
    """

    name = "dense"
    part: ClassVar[str] = "dense"
    positional = 3
    registries: ClassVar[Mapping[str, Registry[Any]]] = {
        "activation": PARAMETRIC,
        "weight_init": INITIALIZERS,
        "bias_init": INITIALIZERS,
    }

    in_features: int
    out_features: int
    activation: ActivationLike = "identity"
    bias: bool = True
    weight_init: str | Initializer = "auto"
    bias_init: str | Initializer = "zeros"
    l1: float | None = field(default=None, kw_only=True)
    l2: float | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        checks.integer("in_features", self.in_features, 1)
        checks.integer("out_features", self.out_features, 1)
        checks.boolean("bias", self.bias)
        row = get_activation(self.activation)
        object.__setattr__(self, "activation", activation_spec(self.activation))
        get_initializer(self.weight_init, row.init)
        get_initializer(self.bias_init, "zeros")
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if value is not None:
                checks.nonnegative(name, value)
        if self.max_norm is not None:
            checks.positive("max_norm", self.max_norm)

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return self.in_features * self.out_features + (self.out_features if self.bias else 0)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters by name, in their order."""
        weight: dict[str, tuple[int, ...]] = {"weight": (self.in_features, self.out_features)}
        return weight | {"bias": (self.out_features,)} if self.bias else weight

    def initial(self, rng: np.random.Generator) -> list[NDArray[Any]]:
        """Draw initial parameters, in the order of `shapes`."""
        of_weight, of_bias = self._initializers
        drawn = [of_weight((self.in_features, self.out_features), rng)]
        if self.bias:
            drawn.append(of_bias((1, self.out_features), rng)[0])
        return drawn

    def laws(self) -> list[Law | None]:
        """Return what each of the initial parameters is drawn from, in the order of `shapes`."""
        of_weight, of_bias = self._initializers
        bias = [of_bias.law((1, self.out_features))] if self.bias else []
        return [of_weight.law((self.in_features, self.out_features)), *bias]

    @cached_property
    def _initializers(self) -> tuple[Initializer, Initializer]:
        """Those of the weight and of the bias, looked up once: many models are drawn from one layer."""
        of_weight = get_initializer(self.weight_init, get_activation(self.activation).init)
        return of_weight, get_initializer(self.bias_init, "zeros")

    def kernel_row(self, width: int, dtype: str) -> tuple[Any, ...]:
        """Return the layer as the kernels of a precision take it."""
        activation = kernel_activation(self.activation, dtype)
        return "dense", width, self.out_features, self.bias, activation, self.l1, self.l2, self.max_norm
