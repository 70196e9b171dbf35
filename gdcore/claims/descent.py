"""The second document: the loss (3 + 3A)^2, and the steps of gradient descent on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..diagnosis import learning_rate_bound
from ..gradcheck import check_gradient
from ..minimize.minimize import minimize
from ..minimize.result import MinimizeResult
from ..models import LinearModel
from ..optimizers import SGD
from ..plot import descent as draw_descent
from ..training import GradientNormThreshold
from .claim import Claim, Document, Picture, Section, Table, answered, everywhere, holds
from .pictures import curves

START = 2.0
STARTS = (-3.0, -1.5, 0.0, 2.0, 10.0)
TENTH, HUNDREDTH = 0.1, 0.01
SHOWN = 9
FORMULA = "(3 + 3A)²"


def loss(A: Any) -> Any:
    """Return the document's error function."""
    return (3 + 3 * A) ** 2


def slope(A: Any) -> Any:
    """Return the derivative that the document gives."""
    return 18 * (A + 1)


def descend(rate: float, steps: int = 10_000, scale: float = 1.0) -> MinimizeResult:
    """Run plain descent from `START` on scale * loss, until the gradient is below 1e-6."""
    return minimize(
        lambda A: (scale * loss(A), scale * slope(A)),
        START,
        optimizer=SGD(rate),
        max_steps=steps,
        stop=GradientNormThreshold(1e-6),
        trace=True,
    )


def max_rate(scale: float = 1.0) -> float:
    """Return the bound of the rate: (3A + 3)^2 is the squared error of the model y = A x at x = 3, y = -3."""
    root = scale**0.5
    model = LinearModel(1, bias=False, dtype="float64")
    return learning_rate_bound(model, [[3 * root]], [-3 * root], "mse").max_rate


def derivative() -> Section:
    """Measure f'(A) = 18 (A + 1), and which direction is down."""
    reports = [check_gradient(loss, slope, A) for A in STARTS]
    bounds = [float(report.to_dict()["bound"]) for report in reports]
    step = 1e-3
    lower = [loss(A - step * np.sign(slope(A))) < loss(A) < loss(A + step * np.sign(slope(A))) for A in STARTS]
    claims = (
        Claim(
            "derivative",
            "Loss = (3 + 3A)^2, f'(A) = 18 (A + 1)",
            f"agrees with differences of the loss at {sum(report.ok for report in reports)} of {len(STARTS)} points, "
            f"within {max(bounds):.1g} (gd.check_gradient)",
            holds(all(report.ok for report in reports)),
            {"passed": [report.ok for report in reports]},
        ),
        Claim(
            "direction",
            "the derivative points to the highest error, its negative to the lowest",
            f"from {sum(lower)} of {len(STARTS)} points a small step along it raises the loss, against it lowers it",
            holds(all(lower)),
            {"lower": lower},
        ),
    )
    return Section("The derivative", claims)


def steps() -> Section:
    """Measure A after each step, at several rates."""
    bound = max_rate()
    rates = (HUNDREDTH, bound / 2, TENTH, bound, 0.12)
    paths = {rate: descend(rate, 200) for rate in rates}
    xs = {rate: result.trace.x for rate, result in paths.items() if result.trace is not None}
    shown = {rate: [*x[:SHOWN].tolist(), *[x[-1]] * (SHOWN - len(x))] for rate, x in xs.items()}
    falls = {rate: float(np.mean(np.diff(loss(x)) < 0)) for rate, x in xs.items()}
    rows = tuple((step, *(shown[rate][step] for rate in rates)) for step in range(SHOWN))
    swing = float(np.abs(np.abs(xs[bound] + 1) - (START + 1)).max())
    grown = loss(xs[0.12][-1]) / loss(START)
    tenth, hundredth = descend(TENTH), descend(HUNDREDTH)
    table = Table(("step", *(f"rate {rate:.4g}" for rate in rates)), rows, f"A after each step from A = {START:g}")
    claims = (
        Claim(
            "smaller error",
            "each new weight should result in a smaller error",
            f"in {falls[TENTH]:.0%} of the steps at 1/10, {falls[HUNDREDTH]:.0%} at 1/100, {falls[0.12]:.0%} at 0.12",
            everywhere(falls[TENTH] == 1, falls[HUNDREDTH] == 1, falls[0.12] == 1),
            {"falls": falls},
        ),
        Claim(
            "optimum",
            "iterating leads to the optimal parameter",
            f"A = {tenth.x:.7f} after {tenth.nit} steps at 1/10, {hundredth.x:.7f} after {hundredth.nit} at 1/100",
            holds(tenth.success and hundredth.success and abs(float(tenth.x) + 1) < 1e-6),
            {"steps": (tenth.nit, hundredth.nit), "A": (float(tenth.x), float(hundredth.x))},
        ),
        Claim(
            "bound",
            "the rate must be small enough to avoid divergent behaviour",
            f"stable below 2/18 = {bound:.6g}: there A swings between {xs[bound][0]:g} and {xs[bound][1]:g} for "
            f"ever, at 0.12 the loss has grown to {grown:.1g} times the first after 200 steps",
            holds(abs(bound - 2 / 18) < 1e-9 and swing < 1e-9 and grown > 1e6),
            {"bound": bound, "swing": swing, "grown": grown},
        ),
    )
    losses = {f"rate {rate:.4g}": np.maximum(loss(x[:25]), 1e-12).tolist() for rate, x in xs.items()}
    pictures = (
        Picture("document2_tenth", lambda ax: draw_descent(loss, xs[TENTH], ax).set(xlabel="A", ylabel=FORMULA)),
        Picture(
            "document2_hundredth", lambda ax: draw_descent(loss, xs[HUNDREDTH], ax).set(xlabel="A", ylabel=FORMULA)
        ),
        Picture("document2_losses", lambda ax: curves(ax, losses, "step", FORMULA, log=True)),
    )
    return Section("The steps", claims, (table,), pictures)


def advice() -> Section:
    """Measure minimal steps, and rates of one over 10 and one over 100."""
    bound, steeper = max_rate(), max_rate(100.0)
    best, minimal = descend(bound / 2), descend(0.001)
    ends = {rate: descend(rate, 50, 100.0) for rate in (TENTH, HUNDREDTH)}
    lost = [abs(float(result.x) + 1) > START + 1 for result in ends.values()]
    claims = (
        Claim(
            "minimal steps",
            "one should descend in minimal steps",
            f"{minimal.nit} steps at 0.001, {best.nit} at half the bound, {bound / 2:.4g}: small is not minimal",
            holds(minimal.nit <= best.nit),
            {"steps": (minimal.nit, best.nit)},
        ),
        Claim(
            "standard value",
            "a good starting value is 1/10 or 1/100",
            f"here both are below the bound; for (30 + 30A)^2, stable below {steeper:.3g}, "
            f"{sum(lost)} of the 2 diverge: it is the curvature that decides",
            everywhere(bound > TENTH, bound > HUNDREDTH, *(not far for far in lost)),
            {"bounds": (bound, steeper), "lost": lost},
        ),
        Claim(
            "empirical",
            "the value of the learning rate is empirical",
            f"for a quadratic it is known: the bound {bound:.4g}, and half of it is there in {best.nit} step "
            f"(gd.learning_rate_bound)",
            answered(best.nit == 1),
            {"steps": best.nit},
        ),
    )
    return Section("The advice", claims)


DOCUMENT = Document(
    "descent",
    "The loss (3 + 3A)² and its steps",
    "A tutorial: move against the derivative 18 (A + 1), in small steps, at a rate of one over 10 or one over 100.",
    (derivative, steps, advice),
)
