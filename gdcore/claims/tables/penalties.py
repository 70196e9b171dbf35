"""L1 and L2: zeros, small weights, outliers; and all the advice against overfitting."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...base.optional import whole_numbers
from ...datasets import friedman
from ...losses import Huber
from ...models import MLP
from ...optimizers import SGD, Adam
from ...training import EarlyStopping
from ..claim import DEPENDS, FAILS, Claim, Picture, Section, Table, everywhere, holds
from .problems import linear

FEATURES = 20
USED = (0, 1, 3, 4)
"""Features of Friedman's problem that a straight line can use; the third's best line is flat."""
EPOCHS = 2000
SEEDS = range(3)


class Remedy(NamedTuple):
    """A remedy against overfitting."""

    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    patience: int | None = None
    n: int = 100


class Fitted(NamedTuple):
    """Weights of a linear model, and its error on new rows."""

    weight: NDArray[np.float64]
    error: float


def fitted(
    n: int, features: int, *, l1: float = 0.0, l2: float = 0.0, loss: str | Huber = "mse", outliers: float = 0.0
) -> Fitted:
    """Run plain descent over all rows of Friedman's problem until it has converged.

    Parameters
    ----------
    n, features : int
        Of the rows to learn from.
    outliers : float, default 0
        What is added to every twentieth target.
    """
    X, y = friedman(n, features, dtype="float64")
    X_new, y_new = friedman(2000, features, noise=0.0, dtype="float64", seed=1)
    y = y.copy()
    y[::20] += outliers
    model = linear(X)
    model.params[-1] = np.median(y)
    rate = 0.1 / (1 + l2)
    model.fit(X, y, loss=loss, optimizer=SGD(rate), epochs=EPOCHS, batch_size=n, shuffle=False, l1=l1, l2=l2)
    return Fitted(model.params[:-1].copy(), model.loss(X_new, y_new, "mse"))


def _definitions() -> dict[str, float]:
    """Return how far a penalty's contribution to a loss is from its formula."""
    X, y = friedman(50, FEATURES, dtype="float64")
    model = linear(X)
    model.params = np.random.default_rng(0).normal(size=model.n_params)
    w = model.params[:-1]
    plain = model.loss(X, y, "mse")
    return {
        "l1": abs(model.loss(X, y, "mse", l1=0.1) - plain - 0.1 * float(np.abs(w).sum())),
        "l2": abs(model.loss(X, y, "mse", l2=0.1) - plain - 0.1 / 2 * float(np.sum(w**2))),
    }


def _subgradient(n: int, l1: float) -> NDArray[np.float64]:
    """Return the weights after the steps of `fitted` with each weight's sign in its gradient,
    without a proximal step.
    """
    X, y = friedman(n, FEATURES, dtype="float64")
    model = linear(X)
    model.params[-1] = np.median(y)
    for _ in range(EPOCHS):
        model.params -= 0.1 * model.loss_and_grad(X, y, "mse", l1=l1)[1]
    return model.params[:-1].copy()


def sparsity() -> Section:
    """Measure which penalty gives zeros, and which small weights."""
    plain, lasso, ridge, small = (
        fitted(200, FEATURES, l1=l1, l2=l2) for l1, l2 in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.1))
    )
    ways = {"no penalty": plain, "l1 = 1": lasso, "l2 = 0.1": small, "l2 = 1": ridge}
    exact = {name: int(np.sum(found.weight == 0)) for name, found in ways.items()}
    near = {name: int(np.sum(np.abs(found.weight) < 0.05)) for name, found in ways.items()}
    norms = {name: float(np.linalg.norm(found.weight)) for name, found in ways.items()}
    all_used = [fitted(200, 5, l1=l1).error for l1 in (0.0, 1.0)]
    rows = tuple((name, exact[name], near[name], norms[name], found.error) for name, found in ways.items())
    off, by_hand = _definitions(), _subgradient(200, 1.0)
    kept = tuple(int(i) for i in np.flatnonzero(lasso.weight))
    claims = (
        Claim(
            "penalties",
            "L1 adds the absolute values of the weights to the loss, L2 the squared values",
            f"l1 times the sum of |w| is what is added, {off['l1']:.1g} off, and l2 times half the sum of w^2, "
            f"{off['l2']:.1g} off",
            holds(max(off.values()) < 1e-12),
            {"off": off},
        ),
        Claim(
            "l1 sparse",
            "L1 generates sparse solutions",
            f"{exact['l1 = 1']} of {FEATURES} weights are exactly zero, {near['l1 = 1']} below 0.05; without a "
            f"penalty {exact['no penalty']} and {near['no penalty']}",
            holds(exact["l1 = 1"] >= FEATURES // 2, DEPENDS if near["l1 = 1"] > near["no penalty"] else FAILS),
            {"exact": exact, "near": near},
        ),
        Claim(
            "selection",
            "L1 helps feature selection",
            f"it keeps the features {', '.join(map(str, kept))}; 0 to 4 make the target, of which a straight line "
            f"can use {', '.join(map(str, USED))}",
            holds(kept == USED, DEPENDS),
            {"kept": kept},
        ),
        Claim(
            "l1 suits",
            "L1 may not be suitable for all problems",
            f"where every feature is used it costs: with the five alone the error on new rows is {all_used[0]:.3g}, "
            f"with l1 = 1 {all_used[1]:.3g}",
            holds(all_used[1] > all_used[0]),
            {"errors": all_used},
        ),
        Claim(
            "l1 complexity",
            "L1 adds complexity to the optimization process",
            f"|w| has no slope at 0: {EPOCHS} steps along the gradient and the sign of w leave "
            f"{int(np.sum(by_hand == 0))} weights exactly zero; the proximal step behind each step, which fit takes, "
            f"{exact['l1 = 1']}",
            holds(exact["l1 = 1"] > 0 == np.sum(by_hand == 0)),
            {"by hand": by_hand.tolist()},
        ),
        Claim(
            "l2 shrinks",
            "L2 is a penalty for large weights, shrinks weights",
            f"the norm of the weights: {norms['no penalty']:.3g}, with l2 = 0.1 {norms['l2 = 0.1']:.3g}, with l2 = 1 "
            f"{norms['l2 = 1']:.3g}",
            holds(norms["no penalty"] > norms["l2 = 0.1"] > norms["l2 = 1"]),
            {"norms": norms},
        ),
        Claim(
            "l2 dense",
            "L2 does not generate sparse solutions",
            f"{exact['l2 = 1']} weights are exactly zero",
            holds(exact["l2 = 1"] == 0),
            {"exact": exact},
        ),
    )
    header = ("penalty", "exact zeros", "|w| < 0.05", "norm of the weights", "error on new rows")
    note = f"Friedman #1 with {FEATURES} features, of which five make the target; 200 rows, linear model"
    picture = Picture("document3_penalties", lambda ax: _draw(ax, ways))
    return Section("L1 and L2", claims, (Table(header, rows, note),), (picture,))


def _draw(ax: Any, ways: dict[str, Fitted]) -> None:
    for marker, (name, found) in zip("osx+", ways.items(), strict=True):
        ax.plot(np.abs(found.weight), "k" + marker, label=name, markerfacecolor="none")
    ax.set(xlabel="feature", ylabel="|weight|")
    whole_numbers(ax)
    ax.legend()


def outliers() -> Section:
    """Measure whether L2 is less sensitive to outliers."""
    pulled = {
        name: _pull(l2, loss)
        for name, l2, loss in (("no penalty", 0.0, "mse"), ("l2 = 1", 1.0, "mse"), ("huber", 0.0, Huber(1.0)))
    }
    claims = (
        Claim(
            "l2 outliers",
            "L2 regularization is less sensitive to outliers",
            f"outliers move the weights by {pulled['no penalty']:.2g} of their norm, with l2 = 1 by "
            f"{pulled['l2 = 1']:.2g}; it is the loss that helps: huber {pulled['huber']:.2g}",
            holds(pulled["l2 = 1"] < 0.75 * pulled["no penalty"]),
            {"pulled": pulled},
        ),
    )
    return Section("L2 and outliers", claims)


def _pull(l2: float, loss: str | Huber) -> float:
    clean, off = (fitted(200, 10, l2=l2, loss=loss, outliers=size).weight for size in (0.0, 100.0))
    return float(np.linalg.norm(off - clean) / np.linalg.norm(clean))


def overfitting() -> Section:
    """Measure the remedies against overfitting, on few rows."""
    ways = {
        "nothing": Remedy(),
        "l1 = 0.003": Remedy(l1=0.003),
        "l2 = 0.03": Remedy(l2=0.03),
        "dropout 0.2": Remedy(dropout=0.2),
        "early stopping": Remedy(patience=30),
        "10 times the data": Remedy(n=1000),
    }
    errors = {name: [_net_error(seed, remedy) for seed in SEEDS] for name, remedy in ways.items()}
    means = {name: tuple(np.mean(those, axis=0).tolist()) for name, those in errors.items()}
    wide = {l2: fitted(40, 30, l2=l2).error for l2 in (0.0, 0.3)}
    plain = means["nothing"][1]
    better = {name: error < plain for name, (_, error) in means.items() if name != "nothing"}
    best = min(means, key=lambda name: means[name][1])
    claims = (
        Claim(
            "overfitting",
            "l1, l2, early stopping, dropout or more data mitigate overfitting",
            f"{sum(better.values())} of {len(better)} lower the error on new rows, {plain:.2g} without any; most "
            f"helps: {best}, {means[best][1]:.2g}",
            everywhere(*better.values()),
            {"errors": means},
        ),
        Claim(
            "l2 overfitting",
            "L2 reduces overfitting",
            f"linear model, 40 rows of 30 features: error on new rows {wide[0.0]:.3g}, with l2 = 0.3 {wide[0.3]:.3g}",
            holds(wide[0.3] < wide[0.0]),
            {"errors": wide},
        ),
    )
    rows = tuple((name, learned, new) for name, (learned, new) in means.items())
    note = "Friedman #1, 100 rows, 10-64-1 relu, Adam, 300 epochs: squared error in units of the target's variance"
    return Section("Overfitting", claims, (Table(("remedy", "rows learned", "new rows"), rows, note),))


def _net_error(seed: int, remedy: Remedy) -> tuple[float, float]:
    """Return errors of a network on its training rows and on 2000 new ones without noise."""
    X, y = friedman(remedy.n, noise=2.0, seed=seed)
    X_new, y_new = friedman(2000, noise=0.0, seed=100 + seed)
    mean, spread = y.mean(), y.std()
    y, y_new = (y - mean) / spread, (y_new - mean) / spread
    early = remedy.patience is not None
    learned = int(0.8 * remedy.n) if early else remedy.n
    model = MLP([10, 64, 1], dropout=remedy.dropout, seed=seed)
    model.fit(
        X[:learned],
        y[:learned],
        loss="mse",
        optimizer=Adam(0.01),
        epochs=300 * 100 // remedy.n,
        l1=remedy.l1,
        l2=remedy.l2,
        validation_data=(X[learned:], y[learned:]) if early else None,
        stop=() if remedy.patience is None else EarlyStopping(patience=remedy.patience, restore_best=True),
    )
    return model.loss(X[:learned], y[:learned], "mse"), model.loss(X_new, y_new, "mse")
