"""The backward pass in NumPy, step by step, so that single steps can be replaced by wrong ones.

Design
------
- The effect of a mistake in a backward pass is computed by making the mistake. The right pass is computed the same way,
  and only the difference of the two is used, so entries that the mistake does not affect are exactly 0.
- The compiled network provides every layer's output. Dropout's masks are read off a network of the same shape in which
  no layer outputs 0, since a unit whose own output is 0 has a mask too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...layers.activations import ActivationLike
from ...layers.dense import Dense
from ...layers.dropout import Dropout
from ...layers.layer import Layer
from ...layers.layer_norm import LayerNorm, normalized, normalized_back
from ...layers.scaling import Log1p, Scaling, scaled
from ...layers.stack import Stack
from ...objective.objective import Objective
from ..report.causes import Guess
from ..slopes.evaluator import Vector
from .rounding import at_ends


class Step(NamedTuple):
    """A layer of the backward pass.

    Attributes
    ----------
    kind : {"dense", "norm", "dropout", "scaling"}
    activation : str or LeakyReLU
        Of a dense layer; "" for the others.
    x : ndarray, shape (n, i)
        Its input.
    z, slope : ndarray, shape (n, o)
        What its elementwise function is taken of, and that function's slope.
    weight : ndarray, shape (i, o)
        Of a dense layer, or a normalization's gain (o,); empty for the others.
    eps : float, default 0
        Of a normalization.
    """

    kind: str
    activation: ActivationLike
    x: Vector
    z: Vector
    slope: Vector
    weight: Vector
    eps: float = 0.0


def masks(objective: Objective) -> dict[int, Vector]:
    """Return the factors by which each dropout layer multiplies its input (n, i), by the layer's position."""
    layers = [dropping(layer) for layer in objective.stack.layers]
    if not objective.key or not any(isinstance(layer, Dropout) for layer in layers):
        return {}
    twin, x = Stack(tuple(layers), None, "float64"), np.ones_like(objective.data.X)
    twin.reset()
    found = {}
    for i, out in enumerate(replace(objective, stack=twin, data=objective.data._replace(X=x)).layer_outputs()):
        if isinstance(layers[i], Dropout):
            found[i] = np.divide(out, x, out=np.ones_like(x), where=x != 0)
        x = out
    return found


def dropping(layer: Layer) -> Layer:
    """Return a layer of the same shape whose output is not 0 if its input is not."""
    if isinstance(layer, Dense):
        return replace(layer, activation="identity", bias=True, weight_init="zeros", bias_init="ones")
    if isinstance(layer, LayerNorm):
        return Dense(layer.features, layer.features, weight_init="zeros", bias_init="ones")
    return layer if isinstance(layer, Dropout) else Log1p(layer.in_features)


def steps_of(objective: Objective) -> tuple[tuple[Step, ...], Vector]:
    """Return the layers of a model, from the inputs on, and the outputs (n, k)."""
    model, x, outputs = objective.stack, objective.data.X, iter(objective.layer_outputs())
    views, kept, found = model.layer_views(objective.x), masks(objective), []
    for i, layer in enumerate(model.layers):
        if isinstance(layer, Dropout) and not objective.key:
            continue
        out = next(outputs)
        if isinstance(layer, Dense):
            weight, *bias = next(views)
            z = x @ weight + sum(bias)
            found.append(Step("dense", layer.activation, x, z, at_ends(layer.activation, z)[1], weight))
        elif isinstance(layer, LayerNorm):
            gain, shift = next(views)
            z = normalized(x, layer.eps)[0] * gain + shift
            found.append(Step("norm", "", x, z, np.ones_like(z), gain, layer.eps))
        elif isinstance(layer, Dropout):
            found.append(Step("dropout", "", x, x, kept[i], x[:0]))
        elif isinstance(layer, Scaling):
            found.append(Step("scaling", "", x, x, scaled(layer, x)[1], x[:0]))
        x = out
    return tuple(found), x


def kernels_input(objective: Objective, at: int) -> Vector:
    """Return the z (n, o) of dense step `at`, bit for bit as the kernels compute it."""
    shown = [i for i, layer in enumerate(objective.stack.layers) if objective.key or not isinstance(layer, Dropout)]
    *before, last = objective.stack.layers[: shown[at] + 1]
    layers = (*before, replace(last, activation="identity") if isinstance(last, Dense) else last)
    begin = Stack(layers, None, "float64")
    begin.params[:] = objective.x[: begin.n_params]
    return replace(objective, stack=begin).layer_outputs()[-1]


def gradient_through(objective: Objective, steps: Sequence[Step], delta: Vector) -> Vector:
    """Return the gradient (n_params,) of the data loss from its slopes delta (n, k) at the outputs,
    through some steps.
    """
    grad = np.zeros(objective.stack.n_params)
    places = list(objective.stack.layer_views(grad))
    for step in reversed(steps):
        delta = delta * step.slope
        if step.kind == "dense":
            weight, *bias = places.pop()
            weight[...] = step.x.T @ delta
            for view in bias:
                view[...] = delta.sum(axis=0)
            delta = delta @ step.weight.T
        elif step.kind == "norm":
            gain, shift = places.pop()
            unit, scale = normalized(step.x, step.eps)
            gain[...], shift[...] = (delta * unit).sum(axis=0), delta.sum(axis=0)
            delta = normalized_back(delta * step.weight, unit, scale)
    return grad


def slope_at_output(step: Step) -> Vector:
    """Return an activation's slope evaluated, by mistake, at its output instead of its input."""
    return at_ends(step.activation, at_ends(step.activation, step.z)[0])[1]


def mistakes(objective: Objective) -> tuple[Guess, ...]:
    """Return guesses for a forgotten slope, mask or last row, and for a slope taken at the wrong place."""
    if objective.loss is None:
        return ()
    steps, outputs = steps_of(objective)
    delta = objective.loss_of(outputs)[1]
    tried: list[tuple[str, dict[int, Vector]]] = []
    places = [i for i, step in enumerate(steps) if step.kind == "dense"]
    named = list(zip(places, objective.stack.dense_names, strict=True))
    for i, name in named:
        tried.append((f"leaves the slope of {name}'s activation out", {i: np.ones_like(steps[i].slope)}))
        tried.append((f"takes the slope of {name}'s activation at its output", {i: slope_at_output(steps[i])}))
    masks = {i: np.ones_like(step.slope) for i, step in enumerate(steps) if step.kind == "dropout"}
    every = {i: np.ones_like(steps[i].slope) for i, _ in named}
    tried += [("leaves the activations' slopes out", every), ("leaves dropout's mask out on the way back", masks)]
    own, found = gradient_through(objective, steps, delta), []
    weight = np.ones(len(delta)) if objective.data.weight is None else objective.data.weight
    if weight[:-1].any():
        others = delta * (np.arange(len(delta)) < len(delta) - 1)[:, None]
        for words, factor in (
            ("does not add the last row", 1.0),
            ("leaves the last row out of the mean", weight.sum() / weight[:-1].sum()),
        ):
            found.append(Guess(words, gradient_through(objective, steps, factor * others) - own))
    for words, slopes in tried:
        wrong = [step._replace(slope=slopes.get(i, step.slope)) for i, step in enumerate(steps)]
        found.append(Guess(words, gradient_through(objective, wrong, delta) - own))
    return tuple(guess for guess in found if guess.added.any())
