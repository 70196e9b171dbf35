"""Functions that build the two most common networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..base import checks
from ..base.calls import explains_calls
from ..layers.activations import ActivationLike, activation_spec
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.initializers import Initializer
from ..layers.layer import Layer
from . import checks as models_checks
from .sequential import Sequential


@explains_calls
def MLP(  # the name reads like that of a class
    sizes: Sequence[int],
    activation: ActivationLike = "relu",
    *,
    output_activation: ActivationLike = "identity",
    dropout: float = 0.0,
    bias: bool = True,
    weight_init: str | Initializer = "auto",
    seed: int | None = None,
    dtype: str = "float32",
) -> Sequential:
    """Build a multilayer perceptron: dense layers of the given sizes.

    Parameters
    ----------
    sizes : sequence of int
        Features of the input, of each hidden layer and of the output; at least two.
    activation : str or LeakyReLU, default "relu"
        Activation of the hidden layers.
    output_activation : str or LeakyReLU, default "identity"
        Activation of the last layer. Losses take raw outputs, so "identity" is almost always right.
    dropout : float, default 0
        Rate of a dropout layer after each hidden layer; 0 adds none.
    bias, weight_init, seed, dtype
        As in `Dense` and `Sequential`.

    Examples
    --------
    >>> MLP([64, 128, 10], dropout=0.2, seed=0)
    Sequential(Dense(64, 128, 'relu'), Dropout(0.2), Dense(128, 10), seed=0)
    """
    sizes = models_checks.layer_sizes(sizes)
    rate = checks.in_range("dropout", dropout, 0, 1)
    activation = activation_spec(activation)
    layers: list[Layer] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        layers.append(Dense(n_in, n_out, output_activation if last else activation, bias, weight_init))
        if rate and not last:
            layers.append(Dropout(rate))
    return Sequential(*layers, seed=seed, dtype=dtype)


@explains_calls
def LinearModel(
    in_features: int,
    out_features: int = 1,
    *,
    bias: bool = True,
    weight_init: str | Initializer = "auto",
    seed: int | None = None,
    dtype: str = "float32",
) -> Sequential:
    """Build one dense layer without an activation: linear regression, or logistic regression with a suitable loss.

    Parameters
    ----------
    in_features, out_features : int
    bias, weight_init, seed, dtype
        As in `Dense` and `Sequential`.

    Examples
    --------
    >>> LinearModel(3, 1, bias=False, dtype="float64")
    Sequential(Dense(3, 1, bias=False), dtype='float64')
    """
    layer = Dense(in_features, out_features, bias=bias, weight_init=weight_init)
    return Sequential(layer, seed=seed, dtype=dtype)
