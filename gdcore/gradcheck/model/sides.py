"""A model's objective with one side taken at each kink it stands on: a smooth function with the same gradient.

Design
------
- Backward takes a slope at a kink (0 of relu at 0), so its gradient is that of a function whose units go on with this
  slope to both sides. That function is smooth around the parameters, however many kinks meet there, so differences of
  it prove the gradient right or wrong, along single parameters and along directions alike.
- Whose backward pass it was is not known: it may take the left slope, the right one or their middle. `choices` are
  gdcore's own and these, for each kink of an activation and the loss. They apply to what has no side of its own.
- Everything is computed in NumPy, from the layer on that moves: a forward pass that owes nothing to the kernels' plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import NamedTuple, final

import numpy as np

from ...layers.dense import Dense
from ...layers.dropout import Dropout
from ...layers.layer import Trained
from ...layers.layer_norm import LayerNorm, normalized
from ...layers.scaling import Scaling, scaled
from ...losses import Loss
from ...objective.objective import Objective
from ..slopes.evaluator import Differences, Indices, Vector
from .backward import Step, gradient_through
from .rounding import at_ends
from .standing import (
    EPS,
    LOSS,
    PENALTY,
    Kinks,
    Mask,
    Standing,
    bend_away,
    bends_at,
    group_of,
    loss_turns,
    slopes_at,
    turning_points,
)

SIDES = ("own", "left", "right", "middle")
BENDS = ("own", "zero", "left", "right")
"""Second derivatives that a Hessian may take at a kink; "own" is that of the slope's side, 0 on the kink itself."""
MOST_CHOICES = 32
PATTERN, OTHER = 1, 2
"""Where no kink has been crossed, and where one has."""
TREMBLES, SAFETY, LOSS_ROUNDINGS = 8, 4.0, 8.0
LOSS_STEP, LEAST_LOSS_STEP = 2.0**-12, 2.0**-36
"""To a side of a loss's kink: of 1 or the loss's own scale, and of the output itself."""


class Line(NamedTuple):
    """What quantities do that stand on a kink: value + slope d + bend d^2 / 2, of d = z - here; arrays (n, k)."""

    near: Mask
    here: Vector
    value: Vector
    slope: Vector
    bend: Vector


def choices(objective: Objective, kinks: Kinks, order: int = 1) -> Iterator[Smooth]:
    """Yield the smooth functions whose gradient a backward pass may have computed, gdcore's own first."""
    if not kinks.count:
        return
    bends = BENDS if order == 2 else BENDS[:1]
    made = 0
    for bend in bends:
        for sides in product(SIDES, repeat=len(kinks.groups)):
            if made < MOST_CHOICES:
                yield Smooth(objective, kinks, dict(zip(kinks.groups, sides, strict=True)), bend, order)
            made += 1


def mixtures(objective: Objective, kinks: Kinks, order: int, count: int) -> Iterator[Smooth]:
    """Yield the same with sides drawn at random, one by one."""
    for seed in range(count):
        drawn = np.random.default_rng(seed)

        def lot(one: Standing | None, drawn: np.random.Generator = drawn) -> Standing | None:
            if one is None:
                return None
            return replace(one, side=np.where(one.unsure, drawn.choice([-1.0, 1.0], one.side.shape), one.side))

        losses = None if kinks.losses is None else lot(kinks.losses)
        mixed = replace(kinks, units=tuple(lot(one) for one in kinks.units), losses=losses)
        yield Smooth(objective, mixed, dict.fromkeys(kinks.groups, "drawn"), "own", order)


def side_taken(standing: Standing, choice: str) -> tuple[Vector, Mask]:
    """Return the side of each quantity, -1, 0 or 1, and whether the middle of both is taken."""
    side, unsure = standing.side, standing.unsure
    if choice in ("left", "right"):
        return np.where(unsure, -1.0 if choice == "left" else 1.0, side), np.zeros_like(unsure)
    return side, unsure if choice == "middle" else np.zeros_like(unsure)


def unit_line(step: Step, standing: Standing, sides: Mapping[str, str], bend: str, order: int) -> Line:
    """Return the lines along which the units of a layer continue; units on a kink follow the side taken."""
    value, slope = at_ends(step.activation, step.z)
    second = np.zeros_like(slope)
    for kink in turning_points(step.activation, order):
        mine, name = standing.near & (standing.at == kink), group_of(step.activation, kink, order)
        if not mine.any():
            continue
        side, middle = side_taken(standing, sides.get(name, "own"))
        left, here, right = slopes_at(step.activation, kink)
        taken = np.where(middle, (left + right) / 2, np.choose((side + 1).astype(int), [left, here, right]))
        slope = np.where(mine & standing.unsure, taken, slope)
        before, after = bends_at(step.activation, kink)
        bends = {"left": (before, before), "right": (after, after), "zero": (0.0, 0.0), "own": (before, after)}[bend]
        bent = np.where(side < 0, bends[0], np.where(side > 0, bends[1], 0.0 if bend == "own" else bends[0]))
        away = bend_away(step.activation, step.z, np.where(side < 0, -1.0, 1.0))
        bent = np.where(standing.unsure, bent, away)
        second = np.where(mine, bent, second)
    return Line(standing.near, step.z, value, slope, second)


def loss_line(objective: Objective, kinks: Kinks, standing: Standing, choice: str, bend: str) -> Line:
    """Return the lines along which the losses of outputs on a kink continue."""
    z, option = kinks.outputs, objective.loss.option() if isinstance(objective.loss, Loss) else 0.0
    step = np.maximum(LOSS_STEP * min(1.0, option or 1.0), LEAST_LOSS_STEP * np.abs(z))
    far_left, left, own, right, far_right = (objective.loss_of(z + k * step)[1] for k in (-2, -1, 0, 1, 2))
    before, after = (left - far_left) / step, (far_right - right) / step
    turned = loss_turns(objective, z + step, 2)
    to_the_right = standing.side > 0 if turned is None else np.sign(turned) == standing.side
    drawn = np.where(to_the_right, right, left)
    slope = {"own": own, "left": left, "right": right, "middle": (left + right) / 2, "drawn": drawn}[choice]
    certain = np.where(to_the_right, after, before)
    second = {"own": np.where(standing.side == 0, 0.0, certain), "zero": 0 * own, "left": before, "right": after}[bend]
    slope, second = np.where(standing.unsure, slope, own), np.where(standing.unsure, second, certain)
    return Line(standing.near, z, np.zeros_like(z), slope, second)


@final
class Smooth:
    """An objective with sides taken, as an evaluator of its parameters; so is its gradient.

    Parameters
    ----------
    objective : Objective
    kinks : Kinks
        Of this objective.
    sides : mapping
        For each of the kinks' groups one of `SIDES`.
    bend : str
        One of `BENDS`.
    order : {1, 2}, default 1
        2 where the gradient's own kinks count as crossed too.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> from gdcore.data.samples import Samples
    >>> from gdcore.gradcheck.model.standing import find_kinks
    >>> net = gd.Sequential(gd.Dense(1, 1, "relu"), dtype="float64", seed=0)
    >>> data = Samples(np.zeros((1, 1)), np.ones((1, 1)), None, None, None)
    >>> objective = Objective(net.stack, data, gd.MeanSquaredError(), 0.0, 0.0, 0)
    >>> smooth = Smooth(objective, find_kinks(objective), {"relu": "own"}, "own")
    >>> smooth.at(np.array([1, 1]), np.array([-0.5, 0.5])).values       # relu(b) has the slope 0 to both sides of b = 0
    array([0., 0.])
    """

    def __init__(self, objective: Objective, kinks: Kinks, sides: Mapping[str, str], bend: str, order: int = 1) -> None:
        self._objective, self._kinks, self._order = objective, kinks, order
        self._l1, self._l2 = objective.penalties()
        self._layers = [layer for layer in objective.stack.layers if objective.key or not isinstance(layer, Dropout)]
        self._lines = [
            None if one is None else unit_line(step, one, sides, bend, order)
            for step, one in zip(kinks.steps, kinks.units, strict=True)
        ]
        self._loss_line = None
        if kinks.losses is not None:
            self._loss_line = loss_line(objective, kinks, kinks.losses, sides.get(LOSS, "own"), bend)
        self._zero_slope = {"left": -1.0, "right": 1.0}.get(sides.get(PENALTY, "own"), 0.0)
        self.x: Vector = objective.x.copy()
        self.eps, self.pattern = EPS, PATTERN
        self._base, self._z = self._forward(self._weights(self.x), 0, objective.data.X)
        self.value = self._loss(self._base[-1])
        rng = np.random.default_rng(0)
        moved = [
            self._loss(self._base[-1] + kinks.error * rng.choice([-1.0, 1.0], kinks.error.shape))
            for _ in range(TREMBLES)
        ]
        self._noise = SAFETY * float(np.max(np.abs(np.array(moved) - self.value)))

    def _weights(self, params: Vector) -> list[list[Vector]]:
        """Weight and bias of each layer of `params`; of a layer that has none, nothing."""
        views = self._objective.stack.layer_views(params)
        return [next(views) if isinstance(layer, Trained) else [] for layer in self._layers]

    def _output(self, i: int, z: Vector) -> Vector:
        """Return the output of step i for the input z of its elementwise function."""
        step, layer, line = self._kinks.steps[i], self._layers[i], self._lines[i]
        if isinstance(layer, Scaling):
            return scaled(layer, z)[0]
        if not isinstance(layer, Dense):
            return z * step.slope
        out = at_ends(step.activation, z)[0]
        if line is None:
            return out
        moved = z - line.here
        return np.where(line.near, line.value + moved * (line.slope + moved * line.bend / 2), out)

    def _input(self, i: int, weights: list[Vector], x: Vector) -> Vector:
        """Return the input of step i's elementwise function, from the step's own input x."""
        layer = self._layers[i]
        if isinstance(layer, LayerNorm):
            return normalized(x, layer.eps)[0] * weights[0] + weights[1]
        return x @ weights[0] + sum(weights[1:]) if weights else x

    def _forward(self, weights: list[list[Vector]], first: int, x: Vector) -> tuple[list[Vector], list[Vector]]:
        """From the input x of step `first` on: every step's output, and the input of its elementwise function."""
        outputs, inputs = [], []
        for i in range(first, len(self._layers)):
            inputs.append(self._input(i, weights[i], x))
            x = self._output(i, inputs[-1])
            outputs.append(x)
        return outputs, inputs

    def _loss(self, z: Vector) -> float:
        """Return the loss of outputs z without penalties; outputs on a kink continue along their line."""
        line = self._loss_line
        if line is None:
            return self._objective.loss_of(z)[0]
        moved = np.where(line.near, z - line.here, 0.0)
        still = self._objective.loss_of(np.where(line.near, line.here, z))[0]
        return still + float(np.sum(moved * (line.slope + moved * line.bend / 2)))

    def gradient(self, params: Vector) -> tuple[Vector, int]:
        """Return the gradient (n_params,) at other parameters, and the pattern there."""
        outputs, inputs = self._forward(self._weights(params), 0, self._objective.data.X)
        steps, x = [], self._objective.data.X
        for i, (step, z, weight) in enumerate(zip(self._kinks.steps, inputs, self._weights(params), strict=True)):
            steps.append(step._replace(x=x, z=z, slope=self._slope(i, z), weight=weight[0] if weight else step.weight))
            x = outputs[i]
        delta, line = self._objective.loss_of(x)[1], self._loss_line
        if line is not None:
            delta = np.where(line.near, line.slope + (x - line.here) * line.bend, delta)
        crossed = self._crosses(0, inputs, x) or self._penalties(self.x, params, self._l1, self._l2)[2]
        grad = gradient_through(self._objective, steps, delta) + self._l1 * np.sign(params) * (self.x != 0)
        return grad + self._l2 * params, OTHER if crossed else PATTERN

    def _slope(self, i: int, z: Vector) -> Vector:
        """Return the slope of step i's elementwise function."""
        step, layer, line = self._kinks.steps[i], self._layers[i], self._lines[i]
        if not isinstance(layer, Dense):
            return scaled(layer, z)[1] if isinstance(layer, Scaling) else step.slope
        slope = at_ends(step.activation, z)[1]
        return slope if line is None else np.where(line.near, line.slope + (z - line.here) * line.bend, slope)

    def _crosses(self, first: int, inputs: list[Vector], output: Vector) -> bool:
        """Return whether something off every kink has crossed one, from step `first` on."""
        for i, z in enumerate(inputs, first):
            step, one = self._kinks.steps[i], self._kinks.units[i]
            for kink in turning_points(step.activation, self._order):
                other = np.sign(z - kink) != np.sign(self._z[i] - kink)
                if (other if one is None else other & ~one.near).any():
                    return True
        here, there = (loss_turns(self._objective, z, 2) for z in (self._base[-1], output))
        if here is None or there is None:
            return False
        other = np.sign(here) != np.sign(there)
        return bool((other if self._loss_line is None else other & ~self._loss_line.near).any())

    def _difference(self, first: int, inputs: list[Vector], output: Vector) -> tuple[float, float, int]:
        """Return the loss's change, its roundoff and its pattern."""
        value = self._loss(output)
        noise = self._noise + LOSS_ROUNDINGS * EPS * (abs(value) + abs(self.value))
        return value - self.value, noise, OTHER if self._crosses(first, inputs, output) else PATTERN

    def _penalties(self, here: Vector, there: Vector, l1: Vector, l2: Vector) -> tuple[float, float, bool]:
        """Return the penalties' change and roundoff for some parameters, and whether a weight has changed its sign."""
        zero = here == 0
        bent = np.where(zero, self._zero_slope * there, np.abs(there) - np.abs(here))
        change = float(np.sum(l1 * bent + l2 / 2 * (there - here) * (there + here)))
        size = float(np.sum(l1 * (np.abs(here) + np.abs(there)) + l2 * (here**2 + there**2)))
        crossed = (l1 > 0) & ~zero & (np.sign(here) != np.sign(there))
        return change, LOSS_ROUNDINGS * EPS * size, bool(crossed.any())

    def _joined(self, parts: list[tuple[tuple[float, float, int], tuple[float, float, bool]]]) -> Differences:
        """Losses and penalties together."""
        values = np.array([loss[0] + penalty[0] for loss, penalty in parts])
        noise = np.array([loss[1] + penalty[1] for loss, penalty in parts])
        patterns = np.array([OTHER if penalty[2] else loss[2] for loss, penalty in parts], np.uint64)
        noise[np.isnan(noise)] = np.inf
        return Differences(values, np.where(np.isfinite(values), noise, 0.0), patterns)

    def at(self, indices: Indices, points: Vector) -> Differences:
        """Differences where one parameter is another number."""
        steps = [i for i, layer in enumerate(self._layers) if isinstance(layer, Trained)]
        weights, parts = self._weights(self.x), []
        starts = np.cumsum([0, *(sum(view.size for view in weights[i]) for i in steps[:-1])])
        for index, point in zip(indices.tolist(), points.tolist(), strict=True):
            place = int(np.searchsorted(starts, index, side="right")) - 1
            i = steps[place]
            row, unit = divmod(index - int(starts[place]), self._z[i].shape[1])
            factors = self._factors(i, unit)
            z = self._z[i].copy()
            z[:, unit] += (point - self.x[index]) * (factors[:, row] if row < factors.shape[1] else 1.0)
            out = self._output(i, z)
            outputs, inputs = self._forward(weights, i + 1, out)
            one = slice(index, index + 1)
            penalty = self._penalties(self.x[one], np.array([point]), self._l1[one], self._l2[one])
            parts.append((self._difference(i, [z, *inputs], outputs[-1] if outputs else out), penalty))
        return self._joined(parts)

    def _factors(self, i: int, unit: int) -> Vector:
        """Return what the parameters of a unit of step i multiply, (n, their number), without the bias."""
        x, layer = self._objective.data.X if i == 0 else self._base[i - 1], self._layers[i]
        return normalized(x, layer.eps)[0][:, unit : unit + 1] if isinstance(layer, LayerNorm) else x

    def along(self, direction: Vector, steps: Vector) -> Differences:
        """Differences along a line."""
        moved = [i for i, views in enumerate(self._weights(direction)) if any(view.any() for view in views)]
        first, parts = min(moved, default=0), []
        x = self._objective.data.X if first == 0 else self._base[first - 1]
        for step in steps.tolist():
            params = self.x + step * direction
            outputs, inputs = self._forward(self._weights(params), first, x)
            penalty = self._penalties(self.x, params, self._l1, self._l2)
            parts.append((self._difference(first, inputs, outputs[-1]), penalty))
        return self._joined(parts)
