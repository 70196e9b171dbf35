"""The networks of the estimators, with the initial weights that scikit-learn would draw."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..layers.activations import ACTIVATIONS, ActivationLike, Parametric
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.layer import Layer
from ..models import LinearModel, Sequential
from . import checks as sklearn_checks

NAMES = {"logistic": "sigmoid"}
"""Activations under scikit-learn's names."""
KNOWN = tuple(dict.fromkeys(["identity", "logistic", "tanh", "relu", *ACTIVATIONS.by_name]))
SEED_RANGE = 2**31 - 1


def perceptron(
    sizes: list[int], activation: Any, dropout: Any, weight_init: Any, rng: np.random.RandomState, dtype: str
) -> Sequential:
    """Build a multilayer perceptron.

    Parameters
    ----------
    sizes : list of int
        Features, units of each hidden layer, outputs.
    activation, dropout
        One for all hidden layers, or a list of one for each.
    weight_init : str or Initializer
        "auto": uniform weights and biases with Glorot's bound, from the same random numbers as scikit-learn's.
    rng : RandomState
    dtype : {"float32", "float64"}

    Examples
    --------
    >>> perceptron([2, 3, 1], "relu", 0.5, "auto", np.random.RandomState(0), "float32")
    Sequential(Dense(2, 3, 'relu'), Dropout(0.5), Dense(3, 1))
    """
    n_hidden = len(sizes) - 2
    kinds = [_activation(kind) for kind in sklearn_checks.per_layer("activation", activation, n_hidden)]
    weight_init = weight_init.lower() if isinstance(weight_init, str) else weight_init
    rates = sklearn_checks.per_layer("dropout", dropout, n_hidden)
    layers: list[Layer] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        hidden = i < n_hidden
        layers.append(Dense(n_in, n_out, kinds[i] if hidden else "identity", weight_init=weight_init))
        if hidden and rates[i]:
            layers.append(Dropout(rates[i]))
    if weight_init != "auto":
        return Sequential(*layers, seed=rng.randint(SEED_RANGE), dtype=dtype)
    net = Sequential(*layers, dtype=dtype)
    _draw(net, [*kinds, kinds[-1] if kinds else "identity"], rng)
    return net


def _activation(kind: Any) -> ActivationLike:
    """Return an activation under gdcore's name, or the record that was given."""
    if isinstance(kind, Parametric):
        return kind
    name = checks.known_name("activation", kind, KNOWN)
    return NAMES.get(name, name)


def _draw(net: Sequential, kinds: list[ActivationLike], rng: np.random.RandomState) -> None:
    """Fill a network's parameters with scikit-learn's initial ones; its last layer has the factor of the one before."""
    views = [view for _, view in net.parameters()]
    for weight, bias, kind in zip(views[::2], views[1::2], kinds, strict=True):
        bound = np.sqrt((2.0 if kind == "sigmoid" else 6.0) / sum(weight.shape))
        weight[:] = rng.uniform(-bound, bound, weight.shape)
        bias[:] = rng.uniform(-bound, bound, bias.shape)


def linear(n_features: int, n_outputs: int, bias: bool, dtype: str) -> Sequential:
    """Build a linear model of zeros.

    Examples
    --------
    >>> linear(2, 1, True, "float64").params
    array([0., 0., 0.])
    """
    return LinearModel(n_features, n_outputs, bias=bias, weight_init="zeros", dtype=dtype)


def weights_of(net: Sequential) -> list[NDArray[Any]]:
    """Return views of the weights of each layer, (in_features, out_features)."""
    return [view for block, view in net.stack.views() if block.is_weight]


def biases_of(net: Sequential) -> list[NDArray[Any]]:
    """Return views of the biases of each layer that has some, (out_features,)."""
    return [view for block, view in net.stack.views() if block.kind == "bias"]


@final
class Views(list[NDArray[Any]]):
    """Views of a network's parameters; an array that is assigned to one of them is copied into it.

    Examples
    --------
    >>> views = Views([np.zeros(2)], "intercepts_")
    >>> array = views[0]
    >>> views[0] = [1.0, 2.0]
    >>> array
    array([1., 2.])
    """

    def __init__(self, views: list[NDArray[Any]], name: str) -> None:
        super().__init__(views)
        self.name = name

    def __setitem__(self, index: Any, value: Any) -> None:
        one = not isinstance(index, slice)
        copy_into([self[index]] if one else self[index], [value] if one else value, f"{self.name}[{index}]")


def copy_into(views: list[NDArray[Any]], values: Any, name: str) -> None:
    """Copy arrays into views of the same shapes.

    Raises
    ------
    ValueError
        Naming the shapes, where they are others; then nothing has been copied.
    """
    arrays = [np.asarray(value) for value in values]
    received, expected = tuple(a.shape for a in arrays), tuple(v.shape for v in views)
    if received != expected:
        raise ValueError(f"{name} has shapes {received}; expected {expected}")
    for view, array in zip(views, arrays, strict=True):
        view[:] = array
