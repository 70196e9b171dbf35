"""The table of the kinds of layers that the checker knows."""

from __future__ import annotations

from typing import Any

from ....layers.dense import Dense
from ....layers.dropout import Dropout
from ....layers.layer import Layer, Trained, acting
from ....layers.layer_norm import LayerNorm
from ....layers.scaling import Log1p, MinMax, Standardize
from ....objective.objective import Objective
from ...slopes.evaluator import Vector
from .dense import DENSE
from .dropout import DROPOUT
from .kind import Kind, Views
from .norm import NORM
from .scaling import SCALING

KINDS: dict[type[Layer], Kind[Any]] = {
    Dense: DENSE,
    LayerNorm: NORM,
    Dropout: DROPOUT,
    Standardize: SCALING,
    MinMax: SCALING,
    Log1p: SCALING,
}
"""All but ScaledTarget: an objective is checked with standardized targets."""


def kind_of(layer: Layer) -> Kind[Any]:
    """Return the row of a layer's kind."""
    return KINDS[type(layer)]


def views_of(objective: Objective, vector: Vector) -> list[Views]:
    """Return views of each acting layer's part of a flat vector (n_params,), none of a layer without parameters."""
    views, layers = objective.stack.layer_views(vector), acting(objective.stack.layers, objective.key)
    return [next(views) if isinstance(layer, Trained) else [] for layer in layers]


def layers_of(objective: Objective) -> list[tuple[Layer, Views, Vector]]:
    """Return the layers that act, from the inputs on, each with views of its parameters and its output (n, o)."""
    layers, views = acting(objective.stack.layers, objective.key), views_of(objective, objective.x)
    return list(zip(layers, views, objective.layer_outputs(), strict=True))
