"""Mistakes that are made on the way: in the data, the penalties, the forward or the backward pass.

Each is computed by making it, in float64; what it adds to the right gradient is added to the case's.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

import gdcore as gd
from gdcore.gradcheck.model.activation import at_ends
from gdcore.gradcheck.model.backward import Step, gradient_through, steps_of

from .cases import Case
from .vectors import Change

SATURATED = 1.5
NEAR_ZERO = 0.1
DECAY = 0.9
"""Of momentum."""


def is_dense(step: Step) -> bool:
    """Whether a step is a dense layer's."""
    return isinstance(step.layer, gd.Dense)


def of_case(other: Callable[[Case], Case | None]) -> Change:
    """The gradient of another case: other targets, rows, penalties."""

    def change(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        wide = case.wide()
        found = other(wide)
        return None if found is None else right + (found.gradient() - wide.gradient())

    return change


def shifted_targets(case: Case) -> Case | None:
    """Each row against the target of the row before it."""
    return case.but(y=np.roll(case.y, 1, axis=0)) if len(case.X) > 1 else None


def shifted_labels(case: Case) -> Case | None:
    """Every class label too large by one."""
    labels = case.y.ndim == 1 and case.y.dtype.kind == "i"
    return case.but(y=(case.y + 1) % case.net.out_features) if labels else None


def without_last_row(case: Case) -> Case | None:
    """The last row is left out of the mean. Dropout's masks are of the rows' places: the others keep theirs."""
    if len(case.X) < 2:
        return None
    weight = None if case.weight is None else case.weight[:-1]
    return case.but(X=case.X[:-1], y=case.y[:-1], weight=weight)


def last_row_not_added(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """The last row is left out of the sum, but not of the number of rows."""
    return by_rows(case, right, lambda delta: delta * (np.arange(len(delta)) < len(delta) - 1)[:, None])


def first_row_twice(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A buffer that was not cleared: the first row counts twice."""
    return by_rows(case, right, lambda delta: delta * (1 + (np.arange(len(delta)) == 0))[:, None])


def without_weights(case: Case) -> Case | None:
    """Sample weights are ignored."""
    return None if case.weight is None else case.but(weight=None)


def without_dropout(case: Case) -> Case | None:
    """Dropout is left out, forward and backward."""
    return case.but(dropout_seed=None) if case.drops else None


def by_rows(case: Case, right: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The slopes of the loss at the outputs are changed."""
    objective = case.objective()
    steps, outputs = steps_of(objective)
    delta = objective.loss_of(outputs)[1]
    return right + case.scale * gradient_through(objective, steps, change(delta) - delta)


def on_the_way(change: Callable[[int, Step], Step], needs: Callable[[Case], bool] = lambda case: True) -> Change:
    """A backward pass through changed steps; `change` gets the number of dense layers that follow, and a step."""

    def made(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        if not needs(case):
            return None
        objective = case.objective()
        steps, outputs = steps_of(objective)
        delta = objective.loss_of(outputs)[1]
        behind = np.cumsum([is_dense(step) for step in reversed(steps)])[::-1]
        wrong = [change(int(after), step) for after, step in zip([*behind[1:], 0], steps, strict=True)]
        added = gradient_through(objective, wrong, delta) - gradient_through(objective, steps, delta)
        return right + case.scale * added

    return made


def hidden(slope: Callable[[Step], np.ndarray]) -> Callable[[int, Step], Step]:
    """Another slope in every hidden layer."""
    return lambda after, step: step._replace(slope=slope(step)) if is_dense(step) and after else step


def at_saturation(step: Step) -> np.ndarray:
    """Slope 0 where the unit is far from 0."""
    return np.where(np.abs(step.z) > SATURATED, 0.0, step.slope)


def at_zero(step: Step) -> np.ndarray:
    """Half the slope where the unit is near 0."""
    return np.where(np.abs(step.z) < NEAR_ZERO, 0.5 * step.slope, step.slope)


def slope_of_output(step: Step) -> np.ndarray:
    """The slope taken at the unit's output in place of its input."""
    return at_ends(step.activation, at_ends(step.activation, step.z)[0])[1]


def no_slope(step: Step) -> np.ndarray:
    """The slope left out."""
    return np.ones_like(step.slope)


def last_hidden(slope: Callable[[Step], np.ndarray]) -> Callable[[int, Step], Step]:
    """Another slope in the last hidden layer alone."""
    return lambda after, step: step._replace(slope=slope(step)) if is_dense(step) and after == 1 else step


def no_mask(after: int, step: Step) -> Step:
    """Dropout's mask is not applied on the way back."""
    return step._replace(slope=np.ones_like(step.slope)) if isinstance(step.layer, gd.Dropout) else step


def updated_too_early(after: int, step: Step) -> Step:
    """Layers above the first were updated before their deltas went down: weights changed by 1 %."""
    return step._replace(weight=0.99 * step.weight) if is_dense(step) else step


def has_hidden(case: Case) -> bool:
    """Whether there is more than one dense layer."""
    return sum(isinstance(layer, gd.Dense) for layer in case.net.layers) > 1


def penalty(change: Callable[[Case, str, np.ndarray], np.ndarray | None], one: bool = False) -> Change:
    """What a mistake in the penalties adds to each block, or to one of those where there is anything."""

    def made(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        wrong, wide = right.copy(), case.wide()
        found = [
            (view, added)
            for (name, view), (_, values) in zip(wide.net.parameters(wrong), wide.net.parameters(), strict=True)
            if (added := change(case, name, values)) is not None and added.any()
        ]
        if not found:
            return None
        for view, added in [found[rng.integers(len(found))]] if one else found:
            view += case.scale * added
        return wrong

    return made


def of_weights(added: Callable[[Case, np.ndarray], np.ndarray]) -> Callable[[Case, str, np.ndarray], np.ndarray | None]:
    """To weights only."""
    return lambda case, name, values: added(case, values) if name.endswith(".weight") else None


def of_biases(added: Callable[[Case, np.ndarray], np.ndarray]) -> Callable[[Case, str, np.ndarray], np.ndarray | None]:
    """To biases only."""
    return lambda case, name, values: added(case, values) if name.endswith(".bias") else None


def stale(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """The running mean with the gradient of the step before, whose parameters were 1 % apart."""
    wide = case.wide()
    before = wide.net.copy()
    before.params *= 1 + 0.01 * rng.standard_normal(before.n_params)
    return right + DECAY * (replace(wide, net=before).gradient() - wide.gradient())


def single(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Computed in float32, and said to be of float64."""
    if case.dtype == "float32":
        return None
    weight = None if case.weight is None else case.weight.astype(np.float32)
    narrow = case.but(net=case.net.astype("float32"), X=case.X.astype(np.float32), weight=weight)
    return narrow.gradient().astype(np.float64)
