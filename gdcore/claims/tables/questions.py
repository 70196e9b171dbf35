"""The frequently asked questions that the tables have not answered."""

from __future__ import annotations

import numpy as np

from ...base.threads import num_threads
from ...diagnosis import learning_rate_bound
from ...minimize.minimize import minimize
from ...models import MLP
from ...optimizers import SGD, Adagrad, Adam, Optimizer, RMSprop
from ...training import LossThreshold, Trainer
from ..claim import DEPENDS, Claim, Picture, Section, Table, everywhere, holds
from ..pictures import curves
from .problems import accuracy, digits, full_batch, least_loss, linear, regression

VARIATIONS: dict[str, tuple[Optimizer, ...]] = {
    "SGD": tuple(SGD(rate) for rate in (0.03, 0.1, 0.3)),
    "SGD, momentum 0.9": tuple(SGD(rate, momentum=0.9) for rate in (0.01, 0.03, 0.1)),
    "Adagrad": tuple(Adagrad(rate) for rate in (0.01, 0.03, 0.1)),
    "RMSprop": tuple(RMSprop(rate) for rate in (0.001, 0.003, 0.01)),
    "Adam": tuple(Adam(rate) for rate in (0.001, 0.003, 0.01)),
}
EPOCHS = 10
WIDE = 10.0
"""One column is multiplied by this, for inputs of different scales."""


@num_threads(1)
def steepest() -> Section:
    """Measure what steepest means, and what it needs."""
    data = digits()
    model = MLP([64, 16, 10], activation="tanh", seed=0, dtype="float64")
    value, grad = model.loss_and_grad(data.X, data.y, "cross_entropy")
    start, length = model.params.copy(), 1e-3
    rng = np.random.default_rng(0)
    drops = []
    for direction in (-grad, *rng.normal(size=(200, len(grad)))):
        model.params = start + length * direction / np.linalg.norm(direction)
        drops.append(value - model.loss(data.X, data.y, "cross_entropy"))
    apart = _by_hand()
    wrong = _refusal()
    X, y = regression()
    kinked = linear(X)
    kinked.fit(X, y, loss="mae", optimizer=Adam(0.05), epochs=100)
    median = float(np.mean(np.abs(y - np.median(y))))
    reached = kinked.loss(X, y, "mae")
    claims = (
        Claim(
            "steepest",
            "it moves in the direction of steepest descent",
            f"a step of length {length:g} against the gradient lowers the loss by {drops[0]:.2e}, the best of 200 "
            f"random directions by {max(drops[1:]):.2e}",
            holds(drops[0] > max(drops[1:])),
            {"drops": (drops[0], max(drops[1:]))},
        ),
        Claim(
            "easy",
            "predict, loss, gradient, update: easy to implement",
            f"four lines of NumPy: 100 steps on a linear regression end {apart:.1g} from gd.Trainer's",
            holds(apart < 1e-9),
            {"apart": apart},
        ),
        Claim(
            "non-differentiable",
            "it cannot be applied to non-differentiable losses",
            f"a number of mistakes is refused: “{wrong}”. A kink here and there does no harm: absolute errors fall "
            f"from {median:.3g} to {reached:.3g}",
            everywhere(bool(wrong), not reached < 0.7 * median),
            {"refused": bool(wrong), "mae": (median, reached)},
        ),
    )
    return Section("What it is, and what it needs", claims)


def _by_hand() -> float:
    """Return how far a linear regression by the document's steps, written in NumPy, ends from a trainer's."""
    X, y = regression()
    model = linear(X, standardized=False)
    full_batch(model, "mse", SGD(0.1), X).fit(X, y, epochs=100)
    weight, bias = np.zeros((X.shape[1], 1)), np.zeros(1)
    for _ in range(100):
        off = X @ weight + bias - y
        weight -= 0.1 * 2 * X.T @ off / len(X)
        bias -= 0.1 * 2 * off.mean(axis=0)
    return float(np.abs(np.append(weight, bias) - model.params).max())


def _refusal() -> str:
    """Return what `minimize` says of the number of wrong signs, which has no slope; empty if it does not refuse."""
    X = np.linspace(-1, 1, 41)

    def mistakes(w: np.ndarray) -> float:
        return float(np.sum((X + w > 0) != (X > 0.3)))

    try:
        minimize(mistakes, 0.02, jac=None)
    except ValueError as error:
        return str(error)
    return ""


def normalized() -> Section:
    """Measure inputs on one scale."""
    X, y = regression()
    X = X * np.where(np.arange(X.shape[1]) == 3, WIDE, 1.0)
    found = {}
    for name, model in (("as they are", linear(X, standardized=False)), ("standardized", linear(X))):
        bound = learning_rate_bound(model, X, y, "mse")
        rate = bound.best_rate or bound.max_rate / 2
        history = full_batch(model, "mse", SGD(rate), X).fit(
            X, y, epochs=20_000, stop=LossThreshold(1.01 * least_loss(X, y))
        )
        found[name] = bound.condition_number or np.inf, rate, history.epochs, history.loss
    rows = tuple((name, condition, rate, epochs) for name, (condition, rate, epochs, _) in found.items())
    raw, scaled = found.values()
    shown = {name: losses[:200] for name, (*_, losses) in found.items()}
    claims = (
        Claim(
            "normalizing",
            "normalizing the inputs helps to converge faster",
            f"one column {WIDE:g} times as large: {raw[2]} iterations to 1 % of the least loss, standardized "
            f"{scaled[2]}; condition {raw[0]:.2g} against {scaled[0]:.2g}",
            holds(scaled[2] < raw[2]),
            {"iterations": (raw[2], scaled[2]), "condition": (raw[0], scaled[0])},
        ),
    )
    header = ("inputs", "condition number", "best rate", "iterations")
    picture = Picture("document3_inputs", lambda ax: curves(ax, shown, "iteration", "mean squared error", log=True))
    return Section("Normalizing the inputs", claims, (Table(header, rows),), (picture,))


def variations() -> Section:
    """Measure the common variations, each at the best of three rates."""
    data = digits()
    found = {}
    for name, rules in VARIATIONS.items():
        runs = []
        for rule in rules:
            model = MLP([64, 32, 10], activation="tanh", seed=0)
            trainer = Trainer(model, "cross_entropy", rule, batch_size=32, seed=0)
            losses = [trainer.epoch(data.X, data.y) for _ in range(EPOCHS)]
            runs.append((losses[-1], accuracy(model), rule, losses))
        found[name] = min(runs, key=lambda run: run[0])
    rows = tuple((name, repr(rule), loss, f"{right:.1%}") for name, (loss, right, rule, _) in found.items())
    best, plain = min(found, key=lambda name: found[name][0]), found["SGD"][0]
    better = [name for name, run in found.items() if run[0] < plain]
    claims = (
        Claim(
            "variations",
            "variations: momentum, Adam, RMSprop, Adagrad",
            f"after {EPOCHS} epochs {best} has the lowest loss, {found[best][0]:.2g}; plain SGD {plain:.2g}; "
            f"{len(better)} of {len(found) - 1} are below it",
            holds(len(better) == len(found) - 1, DEPENDS),
            {"losses": {name: run[0] for name, run in found.items()}},
        ),
    )
    shown = {name: losses for name, (*_, losses) in found.items()}
    picture = Picture("document3_variations", lambda ax: curves(ax, shown, "epoch", "cross-entropy", log=True))
    note = f"Digits, 64-32-10 tanh, batches of 32, {EPOCHS} epochs; each at the best of three rates"
    return Section("Variations", claims, (Table(("method", "record", "loss", "held out"), rows, note),), (picture,))
