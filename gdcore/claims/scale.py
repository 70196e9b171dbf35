"""The first document: y = w x, its gradients, and why its learning rate must shrink when x grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnosis import diagnose, learning_rate_bound
from ..layers.dense import Dense
from ..layers.scaling import Log1p, Standardize
from ..losses import Huber
from ..models import LinearModel, Sequential
from ..optimizers import SGD, Adam
from ..training import Trainer
from ..training.errors import DivergedError
from .claim import Claim, Document, Picture, Section, Table, answered, holds
from .pictures import curves

SETS = {
    100: (np.array([[1.0], [100.0]]), np.array([[2.0], [200.0]])),
    10: (np.array([[1.0], [10.0]]), np.array([[2.0], [20.0]])),
}
"""The larger x -> X, y = 2 x."""
HALF_SQUARE = Huber(delta=1e9)
"""The loss (z - y)^2 / 2, which the document differentiates when it leaves out the factor 2."""
STEPS = 1000


def line(w: float = 1.0) -> Sequential:
    """Return the model y = w x."""
    model = LinearModel(1, bias=False, dtype="float64")
    model.params = [w]
    return model


def gradient(X: NDArray[Any], y: NDArray[Any], loss: str | Huber = "mse") -> float:
    """Return the derivative of the loss with respect to w, at w = 1."""
    return float(line().loss_and_grad(X, y, loss)[1][0])


def descend(model: Sequential, X: NDArray[Any], y: NDArray[Any], rate: float, steps: int) -> list[float]:
    """Return the losses of plain descent over all rows, one more than steps; they end when one is not finite."""
    trainer = Trainer(model, "mse", SGD(rate), batch_size=len(X), shuffle=False)
    losses = []
    try:
        for _ in range(steps):
            losses.append(trainer.step(X, y))
        losses.append(model.loss(X, y, "mse"))
    except DivergedError:
        pass
    return losses


def gradients() -> Section:
    """Check the document's sums and gradients."""
    (X, y), (X_small, y_small) = SETS[100], SETS[10]
    losses = [line().loss(X[i : i + 1], y[i : i + 1], "mse") for i in (0, 1)]
    slopes = [gradient(X[i : i + 1], y[i : i + 1]) / X[i, 0] for i in (0, 1)]
    half = [gradient(X[i : i + 1], y[i : i + 1], HALF_SQUARE) / X[i, 0] for i in (0, 1)]
    large, large_half = gradient(X, y), gradient(X, y, HALF_SQUARE)
    small, small_half = gradient(X_small, y_small), gradient(X_small, y_small, HALF_SQUARE)
    means = {size: line().loss(*data, "mse") for size, data in SETS.items()}
    claims = (
        Claim(
            "losses",
            "x = (1, 100), y = (2, 200), w = 1: the losses are 1 and 10000",
            f"{losses[0]:.0f} and {losses[1]:.0f}",
            holds(losses == [1, 10000]),
            {"losses": losses},
        ),
        Claim(
            "slopes",
            "loss gradients 2(y - ŷ) = -1 and -100",
            f"{slopes[0]:.0f} and {slopes[1]:.0f}; {half[0]:.0f} and {half[1]:.0f} are those of half the square",
            holds(np.allclose(slopes, [-1, -100])),
            {"square": slopes, "half": half},
        ),
        Claim(
            "w gradient",
            "the gradient of w is (-1 + (-100 * 100)) / 2 = -50000.5",
            f"{large:.0f}; of half the square {large_half:.1f}: the document takes 100 * 100 for 100000",
            holds(large == -50000.5),
            {"square": large, "half": large_half},
        ),
        Claim(
            "small w gradient",
            "x = (1, 10): (-1 + (-10) * 10) / 2 = 50.5",
            f"{small:.0f}; of half the square {small_half:.1f}: the sign is wrong, and would lead uphill",
            holds(small == 50.5),
            {"square": small, "half": small_half},
        ),
        Claim(
            "PyTorch",
            "PyTorch's gradient for x = (1, 100): -10001",
            f"{large:.0f}",
            holds(large == -10001),
            {"gradient": large},
        ),
        Claim(
            "loss and gradient",
            "the magnitude of the loss influences that of the gradient",
            f"mean losses {means[100]:.1f} and {means[10]:.1f}, gradients {large:.0f} and {small:.0f}: in proportion",
            holds(bool(np.isclose(large / small, means[100] / means[10]))),
            {"losses": means},
        ),
    )
    return Section("Gradients at w = 1", claims)


def rates() -> Section:
    """Measure how large the learning rate may be."""
    bounds, rows = {}, []
    for size, (X, y) in SETS.items():
        bounds[size] = learning_rate_bound(line(), X, y, "mse")
        rate = bounds[size].max_rate
        below, above = (descend(line(), X, y, share * rate, STEPS) for share in (0.99, 1.01))
        rows.append((f"(1, {size})", bounds[size].largest_curvature, rate, below[-1], above[-1]))
    ratio = bounds[10].max_rate / bounds[100].max_rate
    found = diagnose(line(), *SETS[100], "mse", optimizer=SGD(0.1))
    stable = all(below < 1e-3 < 1e3 < above for *_, below, above in rows)
    claims = (
        Claim(
            "tiny rate",
            "x = (1, 100) needs a tiny learning rate, x = (1, 10) allows a larger one",
            f"stable below {bounds[100].max_rate:.3g} and {bounds[10].max_rate:.3g}: {ratio:.3g} times as much",
            holds(ratio > 1 and stable),
            {"large": bounds[100].max_rate, "small": bounds[10].max_rate},
        ),
        Claim(
            "diagnosis",
            "I still feel pretty confused",
            f"gd.diagnose at x = (1, 100) and the rate 0.1, {0.1 / bounds[100].max_rate:.3g} times the largest "
            f"stable one: {', '.join(found.kinds)}",
            answered("diverging" in found.kinds),
            {"kinds": found.kinds},
        ),
    )
    header = ("x", "curvature", "largest stable rate", "loss at 0.99 of it", "loss at 1.01 of it")
    note = f"gd.learning_rate_bound, and the loss after {STEPS} steps just below and just above it"
    return Section("How large the learning rate may be", claims, (Table(header, tuple(rows), note),))


def remedies() -> Section:
    """Measure one rate for both data sets: with scaled inputs, or with steps that do not depend on the scale."""
    same, paths, losses = {}, {}, {}
    for size, (X, y) in SETS.items():
        model = Sequential(Standardize.from_data(X), Dense(1, 1, weight_init="ones"), dtype="float64")
        same[size] = learning_rate_bound(model, X, y, "mse").max_rate
        losses[f"x = (1, {size}), standardized, rate 0.25"] = descend(model, X, y, 0.25, 20)
        losses[f"x = (1, {size}) as it is, rate 1e-4"] = descend(line(), X, y, 1e-4, 20)
        paths[size] = _path(size, Adam(0.01), None)
    scaled = [values[-1] for name, values in losses.items() if "standardized" in name]
    apart = float(np.abs(paths[100] - paths[10]).max())
    divided = [
        1.0 - gradient(X, y) / learning_rate_bound(line(), X, y, "mse").largest_curvature for X, y in SETS.values()
    ]
    claims = (
        Claim(
            "standardize",
            "am I missing something?",
            f"with Standardize as the first layer both are stable below {same[100]:.3g} and {same[10]:.3g}; "
            f"at 0.25 the losses after 20 steps are {scaled[0]:.1e} and {scaled[1]:.1e}",
            answered(abs(same[100] - same[10]) < 1e-9 and max(scaled) < 1e-4),
            {"rates": same, "losses": scaled},
        ),
        Claim(
            "divide by x or the loss",
            "should I divide by x or the loss somewhere?",
            f"by the curvature, the mean of 2 x^2: then the rate 1 takes w to {divided[0]:.6g} and {divided[1]:.6g} "
            f"in one step; Adam divides by the gradient's size: its two paths are {apart:.1g} apart",
            answered(np.allclose(divided, 2) and apart < 1e-4),
            {"w": divided, "apart": apart},
        ),
    )
    picture = Picture("document1_one_rate", lambda ax: curves(ax, losses, "step", "mean squared error", log=True))
    return Section("One learning rate for both", claims, pictures=(picture,))


def logarithms() -> Section:
    """Measure what log(x + 1) does to the data and the gradients."""
    values = Sequential(Log1p(1), Dense(1, 1, bias=False, weight_init="ones"), dtype="float64").predict(
        [[1.0], [2.0], [100.0], [200.0]]
    )[:, 0]
    printed = np.array([0.693, 1.098, 4.615, 5.303])
    log_gradient = {size: gradient(np.log1p(X), np.log1p(y)) for size, (X, y) in SETS.items()}
    squares = {
        name: (f(SETS[100][0]) * (f(SETS[100][1]) - f(SETS[100][0])))[:, 0]
        for name, f in (("raw", np.positive), ("log", np.log1p))
    }
    share = {name: float(parts[1] / parts.sum()) for name, parts in squares.items()}
    X, y = SETS[100]
    wide, narrow = (descend(line(), f(X), f(y), 0.01, STEPS) for f in (np.positive, np.log1p))
    claims = (
        Claim(
            "log values",
            "log(x + 1) gives 0.693, 1.098, 4.615, 5.303",
            f"{values[0]:.5f}, {values[1]:.5f}, {values[2]:.5f}, {values[3]:.5f}: 1.098 was cut, not rounded",
            holds(float(np.abs(values - printed).max()) < 1e-3),
            {"values": values.tolist()},
        ),
        Claim(
            "log gradient",
            "with log1p the gradient is -1.8316",
            f"{log_gradient[10]:.4f} for x = (1, 10); the -10001 beside it are of x = (1, 100), where log1p gives "
            f"{log_gradient[100]:.4f}",
            holds(round(log_gradient[10], 4) == -1.8316),
            {"gradient": log_gradient},
        ),
        Claim(
            "instability",
            "wide ranges tend to lead to numerical instability",
            f"at the rate 0.01 the loss of x = (1, 100) is {wide[-1]:.1g} after {len(wide) - 1} steps and then no "
            f"number any more; of its logarithms it is {narrow[-1]:.2g} after {STEPS}",
            holds(len(wide) < STEPS < len(narrow) and narrow[-1] < narrow[0]),
            {"wide": wide, "narrow": narrow},
        ),
        Claim(
            "dominating",
            "wide ranges: large loss terms dominate small ones",
            f"the second sample makes {share['raw']:.2%} of the gradient, after log1p {share['log']:.1%}",
            holds(share["raw"] > 0.99 > share["log"]),
            {"share": share},
        ),
    )
    return Section("Logarithms of x and y", claims)


def clipping() -> Section:
    """Measure a rate 350 times too large, with and without clipping."""
    rate = 0.07
    ends = {size: _path(size, SGD(rate), 1.0) for size in SETS}
    plain = descend(line(), *SETS[100], rate, STEPS)
    off = {size: float(np.abs(path[-100:] - 2).max()) for size, path in ends.items()}
    claims = (
        Claim(
            "clipping",
            "gradient clipping controls the gradient's magnitude too",
            f"rate {rate}, clip_norm 1: w stays within {off[100]:.2g} and {off[10]:.2g} of 2 for both data sets; "
            f"unclipped the loss is {plain[-1]:.1g} after {len(plain) - 1} steps. Steps are bounded, w never rests",
            holds(max(off.values()) <= rate and plain[-1] > 1e9),
            {"off": off, "unclipped": plain[-1]},
        ),
    )
    return Section("Clipping", claims)


def _path(size: int, optimizer: SGD | Adam, clip: float | None) -> NDArray[np.float64]:
    """Return w after each of the steps."""
    X, y = SETS[size]
    model = line()
    trainer = Trainer(model, "mse", optimizer, batch_size=2, shuffle=False, clip_norm=clip)
    path = np.empty(STEPS)
    for i in range(STEPS):
        trainer.step(X, y)
        path[i] = model.params[0]
    return path


DOCUMENT = Document(
    "scale",
    "Why must the learning rate shrink when x grows?",
    "A question about y = w x: with x = (1, 100) the gradient is huge and the learning rate must be tiny, with "
    "x = (1, 10) it may be larger. Should something be divided, so that one rate serves both?",
    (gradients, rates, remedies, logarithms, clipping),
)
