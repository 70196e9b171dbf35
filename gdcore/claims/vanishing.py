"""The fourth document: one tanh unit whose gradient becomes very small. Vanishing, or converged?"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..diagnosis import diagnose, learning_rate_bound
from ..gradcheck import check_gradients
from ..layers.dense import Dense
from ..layers.initializers import Constant
from ..minimize.minimize import minimize
from ..models import MLP, LinearModel, Sequential
from ..optimizers import SGD
from ..plot import gradient_flow
from ..training import GradientNormThreshold, Trainer
from .claim import DEPENDS, Claim, Document, Picture, Section, Table, answered, holds
from .pictures import curves

X = np.arange(1, 21)[:, None] * 0.025
Y = 2 * X
RATE, STEPS = 0.07, 10_000
MEAN_RATE = RATE * len(X) / 2
"""The rate for "mse": the document sums halves of squares over the examples, "mse" takes their mean, so gradients
differ by a factor n/2."""
RECORDED = (0, 10, 100, 1000, 10_000)


class Trained(NamedTuple):
    """The document's network after training."""

    model: Sequential
    norms: list[float]
    """The gradient's norm, in the document's scale, before each step and after the last."""


def network() -> Sequential:
    """Return one tanh unit with w = b = 0.5."""
    half = Constant(0.5)
    return Sequential(Dense(1, 1, "tanh", weight_init=half, bias_init=half), dtype="float64")


@cache
def trained() -> Trained:
    """Return the network after 10,000 steps over all examples."""
    model = network()
    trainer = Trainer(model, "mse", SGD(MEAN_RATE), batch_size=len(X), shuffle=False)
    norms = []
    for _ in range(STEPS):
        norms.append(_norm(model))
        trainer.step(X, Y)
    return Trained(model, [*norms, _norm(model)])


def _norm(model: Sequential) -> float:
    return len(X) / 2 * float(np.linalg.norm(model.loss_and_grad(X, Y, "mse")[1]))


def documents_own() -> NDArray[np.float64]:
    """Return the w and b at which the document's formulas end, term by term, in NumPy: shape (2,)."""
    w, b = 0.5, 0.5
    for _ in range(STEPS):
        z = X * w + b
        output = (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))
        delta = -(Y - output) * 4 / (np.exp(z) + np.exp(-z)) ** 2
        w, b = w - RATE * np.sum(X * delta), b - RATE * np.sum(delta)
    return np.array([w, b])


def training() -> Section:
    """Measure the run, and how small the gradient becomes."""
    model, norms = trained()
    own = documents_own()
    apart = float(np.abs(model.params - own).max())
    rows = tuple((step, norms[step]) for step in RECORDED)
    claims = (
        Claim(
            "same network",
            "w = b = 0.5, rate 0.07, 20 examples, 10000 steps",
            f"w = {model.params[0]:.10f}, b = {model.params[1]:.10f}; the document's formulas in NumPy end "
            f"{apart:.1g} apart. Its rate {RATE} on the summed loss is {MEAN_RATE:.2g} on the mean",
            holds(apart < 1e-9),
            {"apart": apart, "params": model.params.tolist()},
        ),
        Claim(
            "small gradient",
            "the gradient becomes very small",
            f"from {norms[0]:.3g} to {norms[-1]:.1e}",
            holds(norms[-1] < 1e-9 * norms[0]),
            {"norms": [norms[step] for step in RECORDED]},
        ),
    )
    picture = Picture(
        "document4_gradient",
        lambda ax: curves(ax, {"tanh unit": norms[:2000]}, "step", "norm of the gradient", log=True),
    )
    table = Table(("step", "norm of the gradient"), rows)
    return Section("Its training", claims, (table,), (picture,))


def converged() -> Section:
    """Show that the gradient has not vanished: training has converged."""
    model, norms = trained()
    found = diagnose(model, X, Y, "mse", optimizer=SGD(MEAN_RATE))
    bound = learning_rate_bound(model, X, Y, "mse")
    reached = model.loss(X, Y, "mse")
    others = [_elsewhere(start) for start in ((-2.0, 1.0), (3.0, -1.0), (0.0, 0.0), (5.0, 2.0))]
    off = max(abs(value - reached) for value in others)
    deep = MLP([1, *[8] * 8, 1], activation="sigmoid", seed=0, dtype="float64")
    layers = _gradient_norms(deep)
    kinds = diagnose(deep, X, Y, "mse").kinds
    shallow = diagnose(MLP([1, 8, 1], activation="sigmoid", seed=0, dtype="float64"), X, Y, "mse").kinds
    straight = LinearModel(1, weight_init=Constant(0.5), dtype="float64")
    history = straight.fit(
        X,
        Y,
        loss="mse",
        optimizer=SGD(MEAN_RATE),
        batch_size=len(X),
        shuffle=False,
        epochs=STEPS,
        stop=GradientNormThreshold(1e-15),
    )
    left = float(np.linalg.norm(straight.loss_and_grad(X, Y, "mse")[1]))
    claims = (
        Claim(
            "not vanishing",
            "this is not vanishing, it is your network converging as designed",
            f"gd.diagnose: {', '.join(found.kinds) or 'nothing'}; gradient {norms[-1]:.1g}, curvatures from "
            f"{bound.smallest_curvature or 0:.2g} to {bound.largest_curvature:.3g}",
            holds(found.kinds == ("converged",)),
            {"kinds": found.kinds},
        ),
        Claim(
            "minimum",
            "concerns about local as opposed to global minima",
            f"the loss is {reached:.6e}; four other starts end within {off:.1g} of the same",
            answered(off < 1e-12),
            {"loss": reached, "off": off},
        ),
        Claim(
            "deep",
            "vanishing gradients only apply to really deep networks",
            f"8 sigmoid layers: {', '.join(kinds)}; the gradient's norm is {layers[0]:.1g} in the first "
            f"layer, {layers[-1]:.1g} in the last. One layer: {', '.join(shallow) or 'nothing to report'}",
            holds("vanishing" in kinds and "vanishing" not in shallow),
            {"norms": layers, "shallow": shallow},
        ),
        Claim(
            "linear",
            "like your linear regression, zero within rounding errors",
            f"the tanh unit is no linear regression; one on the same data comes to {left:.1g} after {history.epochs} "
            f"steps",
            holds(left < 1e-14),
            {"left": left, "steps": history.epochs},
        ),
    )
    picture = Picture("document4_vanishing", lambda ax: gradient_flow(deep, X, Y, "mse", ax))
    return Section("Vanishing or converged?", claims, pictures=(picture,))


def _elsewhere(start: tuple[float, float]) -> float:
    """Return the loss where another start ends."""
    model = network()

    def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        model.params = x
        return model.loss_and_grad(X, Y, "mse")

    return minimize(objective, start, optimizer=SGD(MEAN_RATE), max_steps=20_000, stop=GradientNormThreshold(1e-9)).fun


def _gradient_norms(model: Sequential) -> list[float]:
    """Return the norm of the gradient by each layer's weights."""
    grad = model.loss_and_grad(X, Y, "mse")[1]
    return [float(np.linalg.norm(view)) for block, view in model.stack.views(grad) if block.is_weight]


def stationary() -> Section:
    """Show that gradients are small near any stationary point."""

    def saddle(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        return float(x[0] ** 2 - x[1] ** 2 + x[1] ** 4), np.array([2 * x[0], -2 * x[1] + 4 * x[1] ** 3])

    stuck, free = (minimize(saddle, [1.0, start], optimizer=SGD(0.1)) for start in (0.0, 1e-3))
    flat = MLP([1, 4, 1], activation="tanh", weight_init="zeros", dtype="float64")
    flat.fit(X, Y, loss="mse", optimizer=SGD(0.1), epochs=500)
    kinds = diagnose(flat, X, Y, "mse").kinds
    claims = (
        Claim(
            "stationary",
            "learning slows or halts near any stationary point",
            f"x^2 - y^2 + y^4 from (1, 0): halts at {stuck.fun:.2g} after {stuck.nit} steps, at a saddle; from "
            f"(1, 0.001) it goes on to {free.fun:.2g}. Of a hidden layer of zero weights gd.diagnose says: "
            f"{', '.join(kinds)}",
            holds(stuck.fun > free.fun + 0.2 and "stationary but not a minimum" in kinds),
            {"stuck": stuck.fun, "free": free.fun, "kinds": kinds},
        ),
    )
    return Section("Stationary points", claims)


def central_differences(model: Sequential, epsilon: float = 1e-5) -> NDArray[np.float64]:
    """Return the answer's recipe: (J(+ε) - J(-ε)) / 2ε for each weight in turn, shape (n_params,)."""
    other = model.copy()
    slopes = np.empty(model.n_params)
    for i in range(model.n_params):
        ends = []
        for sign in (1, -1):
            other.params = model.params
            other.params[i] += sign * epsilon
            ends.append(other.loss(X, Y, "mse"))
        slopes[i] = (ends[0] - ends[1]) / (2 * epsilon)
    return slopes


def _seconds(work: Callable[[], object]) -> float:
    """Return the time of the fastest of three calls."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def gradient_check() -> Section:
    """Carry out the check that the answer describes."""
    model = network()
    _, grad = model.loss_and_grad(X, Y, "mse")
    off = float(np.abs(central_differences(model) - grad).max())
    net = MLP([1, 16, 16, 1], activation="tanh", seed=0, dtype="float64")
    slow, fast = (_seconds(lambda: central_differences(net)), _seconds(lambda: net.loss_and_grad(X, Y, "mse")))
    report = check_gradients(model, X, Y, "mse")
    output = model.predict(X)
    unfinished = np.array([np.mean(2 * (output - Y) * X), np.mean(2 * (output - Y))])
    wrong = check_gradients(model, X, Y, "mse", grad=unfinished)
    claims = (
        Claim(
            "gradient check",
            "compare (J(+ε) - J(-ε)) / 2ε with the gradient",
            f"by hand with ε = 1e-5 they are {off:.1g} apart; gd.check_gradients finds its own steps: "
            f"{'pass' if report.ok else 'fail'}; without tanh' in the gradient: {'pass' if wrong.ok else 'fail'}",
            holds(off < 1e-8 and report.ok and not wrong.ok),
            {"off": off, "ok": report.ok, "wrong": wrong.ok},
        ),
        Claim(
            "slower",
            "this alternative is much slower",
            f"a net of {net.n_params} parameters on {len(X)} rows: {1e3 * slow:.2g} ms for two losses per parameter, "
            f"{1e3 * fast:.2g} ms for the gradient",
            holds(slow > 10 * fast),
            {"seconds": (slow, fast)},
        ),
    )
    return Section("Its gradient check", claims)


def answers() -> Section:
    """Show that a number goes in and twice that number comes out."""
    model, _ = trained()
    asked = np.array([0.05, 0.1, 0.25, 0.4, 0.5, 1.0])
    outputs = model.predict(asked[:, None])[:, 0]
    inside = float(np.abs(model.predict(X) - Y).max())
    rows = tuple(zip(asked.tolist(), (2 * asked).tolist(), outputs.tolist(), strict=True))
    table = Table(("number", "twice", "the network says"), rows)
    bound = learning_rate_bound(model, X, Y, "mse").max_rate
    claims = (
        Claim(
            "doubles",
            "between 0 and 0.5 it multiplies inputs by 2",
            f"within {inside:.2g} of twice the number; a tanh ends at 1, so 1.0 gives {outputs[-1]:.3f}",
            holds(inside < 0.01, DEPENDS),
            {"inside": inside, "at 1": float(outputs[-1])},
        ),
        Claim(
            "rate",
            "how do I stop the gradient from vanishing?",
            f"nothing is to be stopped. The loss of one tanh unit cannot fall further; the rate {MEAN_RATE:.2g} was "
            f"below its bound {bound:.2g}",
            answered(bound > MEAN_RATE),
            {"bound": bound},
        ),
    )
    picture = Picture("document4_fit", _draw_fit)
    return Section("Its answers", claims, (table,), (picture,))


def _draw_fit(ax: Any) -> None:
    ax.plot(X, Y, "k.", label="examples, y = 2x")
    ax.plot(X, trained().model.predict(X), "k-", label="the trained unit")
    ax.set(xlabel="x", ylabel="y")
    ax.legend()


DOCUMENT = Document(
    "vanishing",
    "Is my gradient vanishing?",
    "A question about a network of one tanh unit that learns to double numbers: its gradient becomes very small. "
    "The answer: it has converged, and gradients are checked against small changes of the weights.",
    (training, converged, stationary, gradient_check, answers),
)
