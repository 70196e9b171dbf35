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

import numpy as np

from ...layers.dropout import Dropout
from ...layers.layer import acting
from ...layers.stack import Stack
from ...objective.objective import Objective
from ..report.causes import Hypothesis
from ..slopes.evaluator import Vector
from .activation import at_ends
from .kinds.kind import Step
from .kinds.table import kind_of, layers_of, views_of


def masks(objective: Objective) -> dict[int, Vector]:
    """Return the factors by which each dropout layer multiplies its input (n, i), by the layer's position."""
    layers = [kind_of(layer).filled(layer) for layer in objective.stack.layers]
    if not objective.key or not any(isinstance(layer, Dropout) for layer in layers):
        return {}
    other, x = Stack(tuple(layers), None, "float64"), np.ones_like(objective.data.X)
    other.reset()
    found = {}
    for i, out in enumerate(replace(objective, stack=other, data=objective.data._replace(X=x)).layer_outputs()):
        if isinstance(layers[i], Dropout):
            found[i] = np.divide(out, x, out=np.ones_like(x), where=x != 0)
        x = out
    return found


def steps_of(objective: Objective) -> tuple[tuple[Step, ...], Vector]:
    """Return the layers of a model, from the inputs on, and the outputs (n, k)."""
    x, kept, found = objective.data.X, masks(objective), []
    for i, (layer, views, out) in enumerate(layers_of(objective)):
        kind = kind_of(layer)
        z = kind.sums(layer, views, x)
        slope = kind.elementwise(layer, z, kept.get(i))[1]
        found.append(Step(layer, kind.activation(layer), x, z, slope, views[0] if views else x[:0]))
        x = out
    return tuple(found), x


def kernels_input(objective: Objective, at: int) -> Vector:
    """Return the z (n, o) of step `at`, bit for bit as the kernels compute it."""
    *before, last = acting(objective.stack.layers, objective.key)[: at + 1]
    begin = Stack((*before, kind_of(last).bare(last)), None, "float64")
    begin.params[:] = objective.x[: begin.n_params]
    return replace(objective, stack=begin).layer_outputs()[-1]


def gradient_through(objective: Objective, steps: Sequence[Step], delta: Vector) -> Vector:
    """Return the gradient (n_params,) of the data loss from its slopes delta (n, k) at the outputs,
    through some steps.
    """
    grad = np.zeros(objective.stack.n_params)
    for step, views in reversed(list(zip(steps, views_of(objective, grad), strict=True))):
        delta = kind_of(step.layer).back(step.layer, step, delta * step.slope, views)
    return grad


def slope_at_output(step: Step) -> Vector:
    """Return an activation's slope evaluated, by mistake, at its output instead of its input."""
    return at_ends(step.activation, at_ends(step.activation, step.z)[0])[1]


def mistakes(objective: Objective) -> tuple[Hypothesis, ...]:
    """Return hypotheses for a forgotten slope, mask or last row, and for a slope taken at the wrong place."""
    if objective.loss is None:
        return ()
    steps, outputs = steps_of(objective)
    delta = objective.loss_of(outputs)[1]
    tried: list[tuple[str, dict[int, Vector]]] = []
    places = [i for i, step in enumerate(steps) if step.activation]
    named = list(zip(places, objective.stack.dense_names, strict=True))
    for i, name in named:
        tried.append((f"leaves the slope of {name}'s activation out", {i: np.ones_like(steps[i].slope)}))
        tried.append((f"takes the slope of {name}'s activation at its output", {i: slope_at_output(steps[i])}))
    left_out = {i: np.ones_like(step.slope) for i, step in enumerate(steps) if isinstance(step.layer, Dropout)}
    every = {i: np.ones_like(steps[i].slope) for i, _ in named}
    tried += [("leaves the activations' slopes out", every), ("leaves dropout's mask out on the way back", left_out)]
    own, found = gradient_through(objective, steps, delta), []
    weight = np.ones(len(delta)) if objective.data.weight is None else objective.data.weight
    if weight[:-1].any():
        others = delta * (np.arange(len(delta)) < len(delta) - 1)[:, None]
        for words, factor in (
            ("does not add the last row", 1.0),
            ("leaves the last row out of the mean", weight.sum() / weight[:-1].sum()),
        ):
            found.append(Hypothesis(words, gradient_through(objective, steps, factor * others) - own))
    for words, slopes in tried:
        wrong = [step._replace(slope=slopes.get(i, step.slope)) for i, step in enumerate(steps)]
        found.append(Hypothesis(words, gradient_through(objective, wrong, delta) - own))
    return tuple(hypothesis for hypothesis in found if hypothesis.added.any())
