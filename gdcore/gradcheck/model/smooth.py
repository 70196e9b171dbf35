"""A model's objective with one side taken at each kink it stands on: a smooth function with the same gradient.

Design
------
- Backward takes a slope at a kink (0 of relu at 0), so its gradient is that of a function whose units go on with this
  slope to both sides. That function is smooth around the parameters, however many kinks meet there, so differences of
  it prove the gradient right or wrong, along single parameters and along directions alike.
- Everything is computed in NumPy, from the layer on that moves: a forward pass that owes nothing to the kernels' plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np

from ...objective.objective import Objective
from ..slopes.evaluator import Differences, Indices, Vector
from .backward import gradient_through
from .kinds.table import kind_of, views_of
from .lines import loss_line, unit_line
from .loss_rounding import loss_kinks
from .standing import EPS, LOSS, PENALTY, Kinks, activation_kinks

PATTERN, OTHER = 1, 2
"""Differences have the first pattern where no kink has been crossed, and the second where one has."""
TREMBLES, SAFETY, LOSS_ROUNDINGS = 8, 4.0, 8.0


@final
class Smooth:
    """An objective with sides taken, as an evaluator of its parameters; so is its gradient.

    Parameters
    ----------
    objective : Objective
    kinks : Kinks
        Of this objective.
    sides : mapping
        For each of the kinks' groups one of `SIDES` in sides.py.
    curvature : str
        One of `CURVATURES` there.
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

    def __init__(
        self, objective: Objective, kinks: Kinks, sides: Mapping[str, str], curvature: str, order: int = 1
    ) -> None:
        self._objective, self._kinks, self._order = objective, kinks, order
        self._l1, self._l2 = objective.penalties()
        self._lines = [
            None if one is None else unit_line(step, one, sides, curvature, order)
            for step, one in zip(kinks.steps, kinks.units, strict=True)
        ]
        self._loss_line = None
        if kinks.losses is not None:
            self._loss_line = loss_line(objective, kinks, kinks.losses, sides.get(LOSS, "own"), curvature)
        self._zero_slope = {"left": -1.0, "right": 1.0}.get(sides.get(PENALTY, "own"), 0.0)
        self.x: Vector = objective.x.copy()
        self.eps, self.pattern = EPS, PATTERN
        self._base, self._z = self._forward(self.x, 0, objective.data.X)
        self.value = self._loss(self._base[-1])
        rng = np.random.default_rng(0)
        moved = [
            self._loss(self._base[-1] + kinks.error * rng.choice([-1.0, 1.0], kinks.error.shape))
            for _ in range(TREMBLES)
        ]
        self._noise = SAFETY * float(np.max(np.abs(np.array(moved) - self.value)))

    def _elementwise(self, i: int, z: Vector) -> tuple[Vector, Vector]:
        """Return value and slope of step i's elementwise function; units on a kink continue along their line."""
        step, line = self._kinks.steps[i], self._lines[i]
        value, slope = kind_of(step.layer).elementwise(step.layer, z, step.slope)
        if line is None:
            return value, slope
        moved = z - line.here
        on_line = line.value + moved * (line.slope + moved * line.curvature / 2)
        return np.where(line.near, on_line, value), np.where(line.near, line.slope + moved * line.curvature, slope)

    def _forward(self, params: Vector, first: int, x: Vector) -> tuple[list[Vector], list[Vector]]:
        """Return every step's output and the input of its elementwise function, from the input x of step `first` on."""
        outputs, inputs, views = [], [], views_of(self._objective, params)
        for i, step in enumerate(self._kinks.steps[first:], first):
            inputs.append(kind_of(step.layer).sums(step.layer, views[i], x))
            x = self._elementwise(i, inputs[-1])[0]
            outputs.append(x)
        return outputs, inputs

    def _loss(self, z: Vector) -> float:
        """Return the loss of outputs z without penalties; outputs on a kink continue along their line."""
        line = self._loss_line
        if line is None:
            return self._objective.loss_of(z)[0]
        moved = np.where(line.near, z - line.here, 0.0)
        off_kinks = self._objective.loss_of(np.where(line.near, line.here, z))[0]
        return off_kinks + float(np.sum(moved * (line.slope + moved * line.curvature / 2)))

    def gradient(self, params: Vector) -> tuple[Vector, int]:
        """Return the gradient (n_params,) at other parameters, and the pattern there."""
        outputs, inputs = self._forward(params, 0, self._objective.data.X)
        steps, x, weights = [], self._objective.data.X, views_of(self._objective, params)
        for i, (step, z, views) in enumerate(zip(self._kinks.steps, inputs, weights, strict=True)):
            slope, weight = self._elementwise(i, z)[1], views[0] if views else step.weight
            steps.append(step._replace(x=x, z=z, slope=slope, weight=weight))
            x = outputs[i]
        delta, line = self._objective.loss_of(x)[1], self._loss_line
        if line is not None:
            delta = np.where(line.near, line.slope + (x - line.here) * line.curvature, delta)
        crossed = self._crosses(0, inputs, x) or self._penalties(self.x, params, self._l1, self._l2)[2]
        grad = gradient_through(self._objective, steps, delta) + self._l1 * np.sign(params) * (self.x != 0)
        return grad + self._l2 * params, OTHER if crossed else PATTERN

    def _crosses(self, first: int, inputs: list[Vector], output: Vector) -> bool:
        """Return whether something off every kink has crossed one, from step `first` on."""
        for i, z in enumerate(inputs, first):
            step, one = self._kinks.steps[i], self._kinks.units[i]
            for kink in activation_kinks(step.activation, self._order):
                other = np.sign(z - kink) != np.sign(self._z[i] - kink)
                if (other if one is None else other & ~one.near).any():
                    return True
        here, there = (loss_kinks(self._objective, z, 2) for z in (self._base[-1], output))
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
        """Return losses and penalties together."""
        values = np.array([loss[0] + penalty[0] for loss, penalty in parts])
        noise = np.array([loss[1] + penalty[1] for loss, penalty in parts])
        patterns = np.array([OTHER if penalty[2] else loss[2] for loss, penalty in parts], np.uint64)
        noise[np.isnan(noise)] = np.inf
        return Differences(values, np.where(np.isfinite(values), noise, 0.0), patterns)

    def at(self, indices: Indices, points: Vector) -> Differences:
        """Return differences where one parameter is another number."""
        views, parts = views_of(self._objective, self.x), []
        steps = [i for i, own in enumerate(views) if own]
        starts = np.cumsum([0, *(sum(view.size for view in views[i]) for i in steps[:-1])])
        for index, point in zip(indices.tolist(), points.tolist(), strict=True):
            place = int(np.searchsorted(starts, index, side="right")) - 1
            i = steps[place]
            row, unit = divmod(index - int(starts[place]), self._z[i].shape[1])
            layer = self._kinks.steps[i].layer
            factors = kind_of(layer).factors(layer, self._input(i), unit)
            z = self._z[i].copy()
            z[:, unit] += (point - self.x[index]) * (factors[:, row] if row < factors.shape[1] else 1.0)
            out = self._elementwise(i, z)[0]
            outputs, inputs = self._forward(self.x, i + 1, out)
            one = slice(index, index + 1)
            penalty = self._penalties(self.x[one], np.array([point]), self._l1[one], self._l2[one])
            parts.append((self._difference(i, [z, *inputs], outputs[-1] if outputs else out), penalty))
        return self._joined(parts)

    def _input(self, i: int) -> Vector:
        """Return the input of step i at x."""
        return self._objective.data.X if i == 0 else self._base[i - 1]

    def along(self, direction: Vector, steps: Vector) -> Differences:
        """Return differences along a line."""
        moved = [i for i, views in enumerate(views_of(self._objective, direction)) if any(view.any() for view in views)]
        first, parts = min(moved, default=0), []
        for step in steps.tolist():
            params = self.x + step * direction
            outputs, inputs = self._forward(params, first, self._input(first))
            penalty = self._penalties(self.x, params, self._l1, self._l2)
            parts.append((self._difference(first, inputs, outputs[-1]), penalty))
        return self._joined(parts)
