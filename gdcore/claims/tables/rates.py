"""Learning rates and momentum: how fast they are, how far they get, and from where on they are unstable."""

from __future__ import annotations

import math

import numpy as np

from ...base.threads import num_threads
from ...diagnosis import learning_rate_bound
from ...optimizers import SGD
from ...training.errors import DivergedError
from ..claim import DEPENDS, FAILS, Claim, Picture, Section, Table, everywhere, holds
from ..pictures import curves
from .problems import classifier, digits, full_batch, linear, regression

RATES = (0.001, 0.01, 0.1, 1.0)
PRINTED = {0.01: 0.215, 0.1: 0.039, 1.0: 0.001}
ITERATIONS = 1000
REMOVED = 0.5
"""Share of what the best rate removes from the loss: where iterations are counted."""
MOMENTA = (0.0, 0.1, 0.5, 0.9, 1.0)
CONDITIONS = (2.0, 300.0)
MOMENTUM_STEPS = 6000
SWING = 20
"""Steps in a row of which the picture shows the largest loss at momentum 1, whose swings would fill it."""


def descents() -> dict[str, dict[float, list[float]]]:
    """Return the losses of 1000 iterations at each rate, on both problems; shorter if the loss becomes infinite."""
    (X, y), data = regression(), digits()
    found: dict[str, dict[float, list[float]]] = {"digits": {}, "regression": {}}
    for rate in RATES:
        trainer = full_batch(classifier(0), "cross_entropy", SGD(rate), data.X)
        found["digits"][rate] = [trainer.step(data.X, data.y) for _ in range(ITERATIONS)]
        trainer = full_batch(linear(X), "mse", SGD(rate), X)
        losses = found["regression"][rate] = []
        try:
            for _ in range(ITERATIONS):
                losses.append(trainer.step(X, y))
        except DivergedError:
            pass
    return found


@num_threads(1)
def learning_rates() -> Section:
    """Measure both tables of learning rates."""
    (X, y), data = regression(), digits()
    runs = descents()
    last = {name: {rate: _last(losses) for rate, losses in those.items()} for name, those in runs.items()}
    counts = {name: _iterations(those) for name, those in runs.items()}
    softmax = classifier(0)
    softmax.fit(data.X, data.y, loss="cross_entropy", optimizer=SGD(1.0), epochs=200, batch_size=len(data.X))
    bounds = {
        "digits": learning_rate_bound(softmax, data.X, data.y, "cross_entropy", max_products=30).max_rate,
        "regression": learning_rate_bound(linear(X), X, y, "mse").max_rate,
    }
    rows = tuple(
        (
            rate,
            PRINTED.get(rate, "-"),
            *(
                cell
                for name in runs
                for cell in (
                    last[name][rate] if last[name][rate] < math.inf else "diverged",
                    _count(counts[name][rate], f"over {ITERATIONS}"),
                )
            ),
        )
        for rate in RATES
    )
    falls = {name: last[name][0.01] > last[name][0.1] > last[name][1.0] for name in runs}
    fast = [count[0.001] > count[0.01] > count[0.1] for count in counts.values()]
    unstable = [bound < 1.0 for bound in bounds.values()]
    creep, high = runs["regression"][0.001], runs["regression"][1.0]
    claims = (
        Claim(
            "final loss",
            "1000 iterations at 0.01, 0.1, 1: loss 0.215, 0.039, 0.001",
            f"digits {_listed(last['digits'])}; regression {_listed(last['regression'])}: a larger rate ends lower "
            "where it is stable",
            everywhere(*falls.values()),
            {"last": last},
        ),
        Claim(
            "convergence",
            "0.001 slow, 0.01 moderate, 0.1 fast",
            f"iterations half way: digits {_counted(counts['digits'])}; regression {_counted(counts['regression'])}",
            everywhere(*fast),
            {"iterations": counts},
        ),
        Claim(
            "unstable",
            "1: unstable (the table before gives it the lowest loss)",
            f"digits are stable below {bounds['digits']:.3g} near their minimum, the regression below "
            f"{bounds['regression']:.3g}",
            everywhere(*unstable),
            {"bounds": bounds},
        ),
        Claim(
            "too high",
            "too high a rate may prevent convergence altogether",
            f"regression at 1: the loss grows from {high[0]:.3g} to {high[-1]:.1g} in {len(high)} iterations",
            holds(high[-1] > 1e6 * high[0]),
            {"losses": (high[0], high[-1])},
        ),
        Claim(
            "too low",
            "too low a rate slows convergence down",
            f"regression at 0.001: {creep[-1]:.3g} after {ITERATIONS} iterations, at 0.1 {last['regression'][0.1]:.3g}",
            holds(creep[-1] > last["regression"][0.1]),
            {"creep": creep[-1]},
        ),
    )
    note = (
        "Digits: softmax regression, cross-entropy. Regression: Friedman #1, 500 rows, linear model, squared "
        "error, inputs standardized. Every iteration sees all rows."
    )
    header = ("rate", "document", "digits: loss", "iterations", "regression: loss", "iterations")
    shown = {f"rate {rate:g}": losses for rate, losses in runs["digits"].items()}
    picture = Picture("document3_learning_rates", lambda ax: curves(ax, shown, "iteration", "cross-entropy", log=True))
    return Section("Learning rates", claims, (Table(header, rows, note),), (picture,))


def _last(losses: list[float]) -> float:
    return losses[-1] if len(losses) == ITERATIONS else math.inf


def _iterations(runs: dict[float, list[float]]) -> dict[float, float]:
    """Return the iterations until half of what the best rate removes is gone; infinity if that never happens."""
    first, lowest = runs[0.1][0], min(_last(losses) for losses in runs.values())
    target = first - REMOVED * (first - lowest)
    return {
        rate: float(next((i for i, loss in enumerate(losses) if loss <= target), math.inf))
        for rate, losses in runs.items()
    }


def _listed(last: dict[float, float]) -> str:
    return ", ".join(f"{last[rate]:.3g}" if last[rate] < math.inf else "diverged" for rate in PRINTED)


def _counted(counts: dict[float, float]) -> str:
    return ", ".join(str(_count(counts[rate], f"over {ITERATIONS}")) for rate in (0.001, 0.01, 0.1))


def _count(steps: float, never: str) -> int | str:
    return int(steps) if steps < math.inf else never


def valley(condition: float, momentum: float) -> list[float]:
    """Return the values of descent with momentum on a parabola of two curvatures, 1 and `condition`."""
    curvature = np.array([1.0, condition])
    x = np.ones(2)
    state = SGD(1 / condition, momentum=momentum).init(2, "float64")
    values = []
    for _ in range(MOMENTUM_STEPS):
        values.append(float(curvature @ x**2) / 2)
        state.step(x, curvature * x)
    return values


def settled(values: list[float]) -> float:
    """Return the steps until the values stay below a 1e-12th of the first; infinity if they never do."""
    above = np.flatnonzero(np.array(values) > 1e-12 * values[0])
    return math.inf if above[-1] == len(values) - 1 else float(above[-1] + 1)


def envelope(values: list[float], k: int) -> list[float]:
    """Return the largest of each k values in a row, for swings too fast to draw.

    Examples
    --------
    >>> envelope([1.0, 3.0, 2.0, 0.0], 2)
    [3.0, 3.0, 2.0]
    """
    return [max(values[i : i + k]) for i in range(len(values) - k + 1)]


def momentum() -> Section:
    """Measure the table of momentum values."""
    runs = {condition: {m: valley(condition, m) for m in MOMENTA} for condition in CONDITIONS}
    steps = {condition: {m: settled(values) for m, values in those.items()} for condition, those in runs.items()}
    rows = tuple((m, *(_count(steps[c][m], "never") for c in CONDITIONS)) for m in MOMENTA)
    faster = [those[0.1] > those[0.5] > those[0.9] for those in steps.values()]
    gains = [those[0.0] > those[0.9] for those in steps.values()]
    swings = [max(runs[c][1.0][MOMENTUM_STEPS // 2 :]) / runs[c][1.0][0] for c in CONDITIONS]
    gentle, steep = (steps[c] for c in CONDITIONS)
    claims = (
        Claim(
            "momentum",
            "momentum 0.1 slow, 0.5 moderate, 0.9 fast",
            f"condition {CONDITIONS[1]:g}: {steep[0.1]:.0f}, {steep[0.5]:.0f}, {steep[0.9]:.0f} steps; condition "
            f"{CONDITIONS[0]:g}: {gentle[0.1]:.0f}, {gentle[0.5]:.0f}, {gentle[0.9]:.0f}",
            everywhere(*faster),
            {"steps": steps},
        ),
        Claim(
            "acceleration",
            "a momentum term can accelerate convergence",
            f"0.9 takes {steep[0.9]:.0f} steps instead of {steep[0.0]:.0f} in the narrow valley, {gentle[0.9]:.0f} "
            f"instead of {gentle[0.0]:.0f} in the round one",
            everywhere(*gains),
            {"gains": gains},
        ),
        Claim(
            "undamped",
            "momentum 1: unstable",
            f"it does not settle and does not grow: after {MOMENTUM_STEPS // 2} steps the loss still swings up to "
            f"{swings[1]:.2f} times the first",
            holds(min(swings) > 10, DEPENDS if steep[1.0] == math.inf else FAILS),
            {"swings": swings},
        ),
    )
    note = "Parabolas of two curvatures, rate 1 / the larger: steps until the loss stays below a 1e-12th of the first"
    header = ("momentum", *(f"condition {c:g}" for c in CONDITIONS))
    shown = {f"momentum {m:g}": runs[CONDITIONS[1]][m][:400] for m in MOMENTA if m < 1}
    shown[f"momentum 1, largest of {SWING} steps"] = envelope(runs[CONDITIONS[1]][1.0], SWING)[:400]
    picture = Picture("document3_momentum", lambda ax: curves(ax, shown, "step", "loss", log=True))
    return Section("Momentum", claims, (Table(header, rows, note),), (picture,))
