"""How the layers of a model are cut into stages, and what a stage holds.

Design
------
- A stage begins with a dense layer, so that only the first one has scaling layers, and a normalization or a dropout
  stays with the layer before it. The last one has the ScaledTarget.
- A stage's stack is an ordinary one. Its initial parameters are those that a whole model with this seed would have:
  all layers are drawn in order, one at a time, and those of other stages are thrown away.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, final

import numpy as np

from ..layers.dense import Dense
from ..layers.layer import Layer, Trained
from ..layers.scaling import Scaling
from ..layers.stack import Stack
from ..layers.target import ScaledTarget
from . import pipeline_checks

Layers = tuple[Layer, ...]


def units(layers: Layers) -> list[Layers]:
    """Return the smallest stages that the layers can be cut into.

    Examples
    --------
    >>> import gdcore as gd
    >>> layers = gd.Standardize((0.0,), (1.0,)), gd.Dense(1, 8, "relu"), gd.Dropout(0.1), gd.Dense(8, 1)
    >>> [len(unit) for unit in units(layers)]
    [3, 1]
    """
    dense = [i for i, layer in enumerate(layers) if isinstance(layer, Dense)]
    return [layers[a:b] for a, b in pairwise([0, *dense[1:], len(layers)])]


def n_params(layers: Layers) -> int:
    """Return the number of parameters of some layers."""
    return sum(layer.n_params for layer in layers if isinstance(layer, Trained))


def balanced(sizes: list[int], n: int) -> list[int]:
    """Return the lengths of n consecutive parts, none empty, whose largest sum is as small as possible.

    Examples
    --------
    >>> balanced([4, 1, 1, 1, 1], 2)
    [1, 4]
    """
    ends = [0, *accumulate(sizes)]
    best: list[dict[int, tuple[float, int]]] = [{0: (0, 0)}]  # of k parts: their end -> the largest sum, the last start
    for part in range(1, n + 1):
        row = {}
        for end in range(part, len(sizes) + 1):
            row[end] = min(
                (max(best[-1][start][0], ends[end] - ends[start]), start) for start in best[-1] if start < end
            )
        best.append(row)
    cuts = [len(sizes)]
    for row in reversed(best[1:]):
        cuts.append(row[cuts[-1]][1])
    return [b - a for a, b in pairwise(reversed(cuts))]


def cut(layers: Layers, stages: int | tuple[int, ...]) -> list[Layers]:
    """Return the layers of each stage.

    Parameters
    ----------
    layers : tuple
    stages : int or tuple of int
        Their number, to balance the numbers of parameters; or how many dense layers each of them has.
    """
    found = units(layers)
    pipeline_checks.stages(stages, len(found))
    lengths = balanced([n_params(unit) for unit in found], stages) if isinstance(stages, int) else list(stages)
    ends = [0, *accumulate(lengths)]
    return [sum(found[a:b], ()) for a, b in pairwise(ends)]


@final
class Part:
    """The stage of a model that this process holds.

    Attributes
    ----------
    stack : Stack
        Its own layers and parameters.
    first : int
        Place of its first layer in the model.
    at : int
        Where its parameters begin in the model's flat vector.
    before, behind : int
        Numbers of features that come in and go out.
    """

    def __init__(self, cuts: list[Layers], number: int, seed: int | None, dtype: str) -> None:
        self.number, self.cuts = number, cuts
        self.stack = Stack(cuts[number], seed, dtype)
        self.first = sum(len(layers) for layers in cuts[:number])
        self.at = sum(map(n_params, cuts[:number]))
        self.before, self.behind = self.stack.in_features, self.stack.out_features
        self.is_last = number == len(cuts) - 1

    def size_of(self, number: int) -> int:
        """Return the number of parameters of a stage."""
        return n_params(self.cuts[number])

    def take(self, params: Any) -> None:
        """Copy this stage's parameters from the whole model's flat vector."""
        self.stack.params = params[self.at : self.at + self.stack.n_params]

    def draw(self, seed: int) -> None:
        """Write the initial parameters that a whole model with this seed has in these layers."""
        rng = np.random.default_rng(seed)
        for layers in self.cuts[: self.number]:
            for layer in layers:
                if isinstance(layer, Trained):
                    layer.initial(rng)
        views = self.stack.layer_views(self.stack.params)
        for layer, own in zip(self.stack.trained, views, strict=True):
            for view, value in zip(own, layer.initial(rng), strict=True):
                view[...] = value


def gate(layers: Layers, seed: int | None, dtype: str) -> Stack:
    """Return a small stack that takes the inputs and targets of a model, to check samples against."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    lead = tuple(layer for layer in layers[: layers.index(dense[0])] if isinstance(layer, Scaling))
    last = tuple(layer for layer in layers[-1:] if isinstance(layer, ScaledTarget))
    n_in, n_out = dense[0].in_features, dense[-1].out_features
    return Stack((*lead, Dense(n_in, 1), Dense(1, n_out), *last), seed, dtype)
