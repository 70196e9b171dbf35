"""The misconceptions: global minima, efficiency, optimal results, gradients by hand, networks alone."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...gradcheck import check_gradients
from ...minimize.minimize import minimize
from ...models import MLP
from ...optimizers import SGD, Adam
from ...plot import descent, losses
from ...training import EarlyStopping, Trainer
from ..claim import DEPENDS, Claim, Picture, Section, Table, everywhere, holds
from .problems import classifier, digits, least_loss, linear, regression
from .rates import settled, valley

Vector = NDArray[np.float64]

WELL_STARTS = np.linspace(-2, 2, 41)
XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])
MORE = 1.1
"""A share that is larger by less than this factor counts as no larger."""
XOR_SEEDS = 30
STEEP = 200.0
"""Curvature along the steep coordinate; that of the valleys is below 10."""


def wells(x: Any) -> tuple[Any, Any]:
    """Return value and slope of x^4 - 2 x^2 + x / 2, with a low valley on the left and a higher one on the right."""
    return x**4 - 2 * x**2 + x / 2, 4 * x**3 - 4 * x + 0.5


def ends(rate: float) -> Vector:
    """Return where descent ends from each of the starts; NaN if it does not settle."""
    found = [minimize(wells, start, optimizer=SGD(rate), max_steps=3000) for start in WELL_STARTS]
    return np.array([float(result.x) if result.success else np.nan for result in found])


def _end_beside_a_steep_side(start: float) -> float:
    """Return x[0] where descent from (start, 0.1) ends, if a second coordinate is steep and the rate near its bound."""

    def valleys(x: Vector) -> tuple[float, Vector]:
        value, slope = wells(x[0])
        return value + STEEP / 2 * x[1] ** 2, np.array([slope, STEEP * x[1]])

    return float(minimize(valleys, [start, 0.1], optimizer=SGD(1.9 / STEEP), max_steps=3000).x[0])


def global_minimum() -> Section:
    """Measure two valleys, and a network with several."""
    rates = (0.01, 0.15)
    left = {rate: ends(rate) < 0 for rate in rates}
    deep = {rate: float(np.mean(side)) for rate, side in left.items()}
    stayed = {rate: float(np.mean(side == (_ridge() > WELL_STARTS))) for rate, side in left.items()}
    ended = np.array([_xor(seed) for seed in range(XOR_SEEDS)])
    solved = int(np.sum(ended < 1e-2))
    others = sorted({round(float(loss), 2) for loss in ended if loss >= 1e-2})
    crossed = float(np.mean(left[rates[1]] != left[rates[0]]))
    held = float(np.mean([_end_beside_a_steep_side(start) < 0 for start in WELL_STARTS] == left[rates[0]]))
    claims = (
        Claim(
            "local minimum",
            "it can converge to a local minimum",
            f"two valleys: {1 - deep[0.01]:.0%} of {len(WELL_STARTS)} starts end in the higher one",
            holds(deep[0.01] < 1),
            {"share": deep},
        ),
        Claim(
            "initialization",
            "the initial parameters greatly influence where",
            f"{stayed[rates[0]]:.0%} end on the side of the ridge where they began, at the rate {rates[0]}; "
            f"{stayed[rates[1]]:.0%} at {rates[1]}",
            holds(stayed[rates[0]] == 1),
            {"stayed": stayed},
        ),
        Claim(
            "low rate",
            "too low a rate may get stuck in a suboptimal local minimum",
            f"the low rate leaves {1 - deep[rates[0]]:.0%} there, the high one, which jumps over the ridge, "
            f"{1 - deep[rates[1]]:.0%}: the start decides more than the rate does",
            everywhere(deep[rates[0]] < 1, 1 - deep[rates[0]] > MORE * (1 - deep[rates[1]])),
            {"share": deep},
        ),
        Claim(
            "condition and minima",
            "high condition numbers can affect which minimum is reached",
            f"at the rate {rates[1]} {crossed:.0%} of the starts end in another valley than at {rates[0]}; with a "
            f"second coordinate of curvature {STEEP:g} only rates below {2 / STEEP:g} are stable, and {held:.0%} end "
            f"as at {rates[0]}",
            holds(crossed > 0 and held == 1),
            {"crossed": crossed, "held": held},
        ),
        Claim(
            "several minima",
            "complex losses can have multiple local minima",
            f"xor, a 2-2-1 tanh net, {XOR_SEEDS} seeds: {solved} solve it, the others end at the losses "
            f"{', '.join(map(str, others[:4]))}",
            holds(0 < solved < XOR_SEEDS),
            {"solved": solved, "others": others},
        ),
    )
    pictures = tuple(
        Picture(f"document3_valley_{side}", partial(_draw_valley, start))
        for side, start in (("low", -0.3), ("high", 0.6))
    )
    return Section("Misconception 1: it always finds the global minimum", claims, pictures=pictures)


def _draw_valley(start: float, ax: Any) -> None:
    path = minimize(wells, start, optimizer=SGD(0.05), trace=True)
    descent(wells, path, ax, window=[(-1.7, 1.7)])


def _ridge() -> float:
    """Return the maximum between the two valleys."""
    return float(sorted(np.roots([4, 0, -4, 0.5]).real)[1])


def _xor(seed: int) -> float:
    model = MLP([2, 2, 1], activation="tanh", seed=seed, dtype="float64")
    Trainer(model, "mse", Adam(0.05), batch_size=4, shuffle=False).fit(*XOR, epochs=2000)
    return model.loss(*XOR, "mse")


def efficiency() -> Section:
    """Measure ill-conditioned valleys, and large networks."""
    conditions = (2.0, 10.0, 100.0)
    steps = {condition: settled(valley(condition, 0.0)) for condition in conditions}
    angles = {condition: _angle(condition) for condition in conditions}
    data = digits()
    widths = (16, 128, 1024)
    sizes, seconds = [], []
    for width in widths:
        trainer = Trainer(classifier(width), "cross_entropy", SGD(0.1), batch_size=32, seed=0)
        began = time.perf_counter()
        for _ in range(40):
            trainer.step(data.X[:32], data.y[:32])
        seconds.append((time.perf_counter() - began) / 40)
        sizes.append(trainer.model.n_params)
    rows = tuple((c, steps[c], f"{angles[c]:.1f}°") for c in conditions)
    claims = (
        Claim(
            "ill-conditioned",
            "ill-conditioned functions make it less efficient",
            f"{steps[2.0]:.0f} steps at condition 2, {steps[100.0]:.0f} at condition 100",
            holds(steps[100.0] > 10 * steps[2.0]),
            {"steps": steps},
        ),
        Claim(
            "directions",
            "there gradients can point in different directions",
            f"the median angle between descent and the way to the minimum is {angles[2.0]:.0f}° at condition 2, "
            f"{angles[100.0]:.0f}° at 100",
            holds(angles[100.0] > angles[2.0]),
            {"angles": angles},
        ),
        Claim(
            "large models",
            "many parameters can cost much computation",
            f"a step with {sizes[0]}, {sizes[1]} and {sizes[2]} parameters takes {1e6 * seconds[0]:.3g}, "
            f"{1e6 * seconds[1]:.3g} and {1e6 * seconds[2]:.3g} µs",
            holds(seconds[2] > seconds[0]),
            {"parameters": sizes, "seconds": seconds},
        ),
    )
    note = "Parabolas of two curvatures, rate 1 / the larger: steps to a 1e-12th of the loss"
    table = Table(("condition", "steps", "median angle to the minimum"), rows, note)
    return Section("Misconception 2: it is always efficient", claims, (table,))


def _angle(condition: float) -> float:
    """Return the median angle, in degrees, between -gradient and the direction of the minimum, over random points."""
    x = np.random.default_rng(0).normal(size=(1000, 2))
    gradient = x * np.array([1.0, condition])
    cosine = np.sum(x * gradient, axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(gradient, axis=1)
    return float(np.median(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))


def optimality() -> Section:
    """Show that the last epoch is not the best one."""
    data = digits()
    rows = slice(0, 200)
    fits = {}
    for name, stop in (("all epochs", ()), ("early stopping", EarlyStopping(patience=20, restore_best=True))):
        model = MLP([64, 128, 10], seed=0)
        history = model.fit(
            data.X[rows],
            data.y[rows],
            loss="cross_entropy",
            optimizer=Adam(0.003),
            epochs=200,
            validation_data=(data.X_test, data.y_test),
            stop=stop,
        )
        fits[name] = model.loss(data.X_test, data.y_test, "cross_entropy"), history
    last, early = (loss for loss, _ in fits.values())
    history = fits["all epochs"][1]
    best = int(np.argmin(history.val_loss))
    claims = (
        Claim(
            "number of iterations",
            "a predefined number of iterations may not lead to the best",
            f"a net that learns 200 digits: held-out loss {last:.3f} after 200 epochs, {history.val_loss[best]:.3f} "
            f"after {best + 1}; early stopping returns {early:.3f}",
            holds(history.val_loss[best] < last, DEPENDS),
            {"last": last, "best": history.val_loss[best], "early": early},
        ),
    )
    picture = Picture("document3_epochs", partial(losses, history))
    return Section("Misconception 3: it guarantees optimal results", claims, pictures=(picture,))


def automation() -> Section:
    """Measure gradients by hand, and other uses of descent."""
    data = digits()
    report = check_gradients(classifier(8), data.X[:8], data.y[:8], "cross_entropy")
    by_hand = minimize(wells, 2.0, optimizer=SGD(0.05))
    without = minimize(lambda x: wells(x)[0], 2.0, jac=None, optimizer=SGD(0.05))
    off = abs(float(by_hand.x - without.x))
    X, y = regression()
    model = linear(X)
    model.fit(X, y, loss="mse", optimizer=SGD(0.3), epochs=500, batch_size=len(X))
    above = abs(model.loss(X, y, "mse") - least_loss(X, y))
    valley = minimize(_rosenbrock, [-1.2, 1.0], optimizer=Adam(0.02), max_steps=20_000)
    claims = (
        Claim(
            "by hand",
            "gradients need not be calculated by hand",
            f"a net's {report.to_dict()['entries']} derivatives come with it, and stand the check: "
            f"{'pass' if report.ok else 'fail'}; gd.minimize without a derivative ends {off:.1g} from where it ends "
            "with one",
            holds(report.ok and off < 1e-6),
            {"ok": report.ok, "off": off},
        ),
        Claim(
            "not only networks",
            "it is not only used for neural networks",
            f"linear regression ends within {above:.1g} of least squares; Rosenbrock's valley at "
            f"({valley.x[0]:.4f}, {valley.x[1]:.4f})",
            holds(above < 1e-9 and np.allclose(valley.x, 1, atol=1e-3)),
            {"above": above, "x": valley.x.tolist()},
        ),
    )
    return Section("Misconceptions 4 and 5: gradients by hand, networks alone", claims)


def _rosenbrock(x: Vector) -> tuple[float, Vector]:
    a, b = x
    off = b - a * a
    return float((1 - a) ** 2 + 100 * off**2), np.array([-2 * (1 - a) - 400 * a * off, 200 * off])
