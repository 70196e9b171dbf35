"""The table of losses: which of them outliers affect, and the forms of huber and cross-entropy."""

from __future__ import annotations

import math

import numpy as np

from ...datasets import friedman
from ...gradcheck import check_gradients
from ...layers.dense import Dense
from ...losses import Huber
from ...models import Sequential
from ...optimizers import Adam
from ..claim import Cell, Claim, Section, Table, holds
from .problems import linear

LOSSES = ("mse", "huber", "log_cosh", "mae")
SIZES = (0.0, 30.0, 300.0)
"""Amounts added to every twentieth target."""


def compared() -> Section:
    """Measure the losses on data with outliers, and their forms."""
    errors = {loss: [error(loss, size) for size in SIZES] for loss in LOSSES}
    rows: tuple[tuple[Cell, ...], ...] = tuple((loss, *those) for loss, those in errors.items())
    squared, huber, mae = errors["mse"], errors["huber"], errors["mae"]
    X, y = friedman(30, dtype="float64")
    report = check_gradients(linear(X), X, y, "mse")
    d = np.linspace(-3, 3, 601)
    values, slopes = loss_and_slope("huber", d)
    inner, outer = np.abs(d) <= 1, np.abs(d) > 1
    near = float(np.abs(values[inner] - d[inner] ** 2 / 2).max())
    far = float(np.abs(slopes[outer] - np.sign(d[outer])).max())
    jump = float(np.abs(np.diff(slopes)).max())
    lowest, logs = cross_entropies()
    claims = (
        Claim(
            "mse",
            "mean squared error: differentiable, sensitive to outliers",
            f"gradient check {'pass' if report.ok else 'fail'}; outliers take the error from {squared[0]:.3g} to "
            f"{squared[-1]:.3g}, mae's from {mae[0]:.3g} to {mae[-1]:.3g}",
            holds(report.ok and squared[-1] - squared[0] > 10 * (mae[-1] - mae[0])),
            {"errors": errors},
        ),
        Claim(
            "huber",
            "huber: robust regression",
            f"its error goes from {huber[0]:.3g} to {huber[-1]:.3g}",
            holds(huber[-1] - huber[0] < 0.1 * (squared[-1] - squared[0])),
            {"errors": huber},
        ),
        Claim(
            "transition",
            "huber: smooth transition between MSE and MAE",
            f"within 1 half the square ({near:.1g} off), beyond it the slope of |d| ({far:.1g} off); no jump of the "
            f"slope above {jump:.2g} on steps of 0.01",
            holds(max(near, far) < 1e-9 and jump < 0.011),
            {"near": near, "far": far, "jump": jump},
        ),
        Claim(
            "cross entropy",
            "cross entropy: non-negative, logarithmic",
            f"the lowest of 1000 random outputs is {lowest:.1e}; probabilities 0.1, 0.01, 0.001 cost "
            + ", ".join(f"{value:.3f}" for value in logs),
            holds(lowest >= 0 and np.allclose(logs, [k * math.log(10) for k in (1, 2, 3)])),
            {"logs": logs},
        ),
        Claim(
            "appropriate loss",
            "choosing an appropriate loss is crucial",
            f"with outliers of {SIZES[-1]:g} the best loss leaves {min(row[-1] for row in errors.values()):.3g}, the "
            f"worst {max(row[-1] for row in errors.values()):.3g}",
            holds(squared[-1] > 2 * mae[-1]),
            {"errors": errors},
        ),
    )
    note = "Squared error, on new rows without outliers, of a linear model of Friedman #1; every 20th target is off"
    header = ("loss", *(f"off by {size:g}" for size in SIZES))
    return Section("Losses", claims, (Table(header, rows, note),))


def error(loss: str, size: float) -> float:
    """Return the squared error on new rows after learning from rows with outliers."""
    X, y = friedman(400, dtype="float64")
    X_new, y_new = friedman(2000, noise=0.0, dtype="float64", seed=1)
    y = y.copy()
    y[::20] += size
    model = linear(X)
    model.params[-1] = np.median(y)
    model.fit(X, y, loss=loss, optimizer=Adam(0.05), epochs=200, seed=0)
    return model.loss(X_new, y_new, "mse")


def loss_and_slope(loss: str | Huber, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a loss and its slope at the differences d (n,) between output and target: each of shape (n,)."""
    model = Sequential(Dense(1, 1, weight_init="zeros"), dtype="float64")
    values, slopes = np.empty(len(d)), np.empty(len(d))
    for i, offset in enumerate(d):
        model.params[1] = offset
        values[i], grad = model.loss_and_grad([[0.0]], [0.0], loss)
        slopes[i] = grad[1]
    return values, slopes


def cross_entropies() -> tuple[float, list[float]]:
    """Return the lowest of many cross-entropies, and those of the probabilities 0.1, 0.01 and 0.001."""
    model = Sequential(Dense(1, 3, weight_init="zeros"), dtype="float64")
    rng = np.random.default_rng(0)
    found = []
    for _ in range(1000):
        model.params[3:] = 10 * rng.normal(size=3)
        found.append(model.loss([[0.0]], [0], "cross_entropy"))
    logs = []
    for p in (0.1, 0.01, 0.001):
        model.params[3:] = np.log([p, (1 - p) / 2, (1 - p) / 2])
        logs.append(model.loss([[0.0]], [0], "cross_entropy"))
    return min(found), logs
