"""Tables of networks: activations, iterations and accuracy, initial weights."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...layers.activations import ACTIVATIONS
from ...layers.dense import Dense
from ...layers.initializers import Initializer, Normal, Uniform
from ...models import MLP, Sequential
from ...optimizers import SGD
from ...training import LossThreshold, Trainer
from ..claim import DEPENDS, FAILS, Cell, Claim, Picture, Section, Table, everywhere, holds
from ..pictures import DASHES, curves
from .problems import accuracy, classifier, digits

Z = np.linspace(-20, 20, 4001)
PRINTED = {"relu": "[0, ∞) and [0, 1)", "sigmoid": "(0, 1) and [0, 0.25]", "tanh": "(-1, 1) and (-1, 1)"}
ITERATIONS = {1000: 80, 5000: 90, 10_000: 95, 20_000: 98}
STARTS: dict[str, tuple[str, str | Initializer]] = {
    "zeros": ("slow", "zeros"),
    "normal, std 0.01": ("moderate", Normal(0.01)),
    "uniform ±1": ("moderate", Uniform(-1, 1)),
    "glorot": ("fast", "glorot_uniform"),
    "he": ("fast", "he_normal"),
}
MAX_EPOCHS = 40
ENOUGH = 0.1


class Shape(NamedTuple):
    """An activation and its slope at Z, each of shape (n,)."""

    value: NDArray[np.float64]
    slope: NDArray[np.float64]

    def ranges(self) -> tuple[float, float, float, float]:
        """Return the least and largest value, and the least and largest slope."""
        return tuple(float(f(part)) for part in self for f in (np.min, np.max))  # type: ignore[return-value]


def shape(name: str) -> Shape:
    """Return an activation's shape from one layer whose biases are Z: the sum of its outputs has the slopes as its
    gradient.
    """
    model = Sequential(Dense(1, len(Z), name, weight_init="zeros"), dtype="float64")
    model.params[len(Z) :] = Z

    def total(outputs: NDArray[Any], y: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        return float(outputs.sum()), np.ones_like(outputs)

    _, grad = model.loss_and_grad([[0.0]], np.zeros((1, len(Z))), total)
    return Shape(model.predict([[0.0]])[0], grad[len(Z) :])


def activations() -> Section:
    """Measure the ranges of values and slopes."""
    shapes = {row.name: shape(row.name) for row in ACTIVATIONS}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (row.name, *shapes[row.name].ranges(), row.output_range, row.slope_range) for row in ACTIVATIONS
    )
    relu, sigmoid, tanh = (shapes[name] for name in PRINTED)
    kinds = np.unique(relu.slope).tolist()
    claims = (
        Claim(
            "relu",
            f"ReLU: {PRINTED['relu']}",
            f"slopes found on z = -20 … 20: {', '.join(f'{kind:g}' for kind in kinds)}, nothing between: {{0, 1}}",
            holds(max(kinds) < 1),
            {"slopes": kinds},
        ),
        Claim(
            "sigmoid",
            f"Sigmoid: {PRINTED['sigmoid']}",
            f"slope {sigmoid.slope.min():.2g} to {sigmoid.slope.max():g}; 0 is approached and never met: (0, 0.25]",
            holds(sigmoid.slope.min() == 0, DEPENDS if sigmoid.slope.max() == 0.25 else FAILS),
            {"slopes": (float(sigmoid.slope.min()), float(sigmoid.slope.max()))},
        ),
        Claim(
            "tanh",
            f"Tanh: {PRINTED['tanh']}",
            f"slope {tanh.slope.min():.2g} to {tanh.slope.max():g}: never negative, and 1 at z = 0: "
            f"(0, 1]. A least slope of 0 is rounding: at z = 20 it is {4 * math.exp(-40):.1g}",
            holds(tanh.slope.min() < 0 and tanh.slope.max() < 1),
            {"slopes": (float(tanh.slope.min()), float(tanh.slope.max()))},
        ),
    )
    header = ("activation", "least", "largest", "least slope", "largest slope", "range", "slope")
    note = (
        "Measured on 4001 points from z = -20 to 20; to the right what is so for all z: an end that a range leaves "
        "out is met by rounding alone"
    )
    picture = Picture("document3_activations", lambda ax: _draw(ax, {name: shapes[name] for name in PRINTED}))
    return Section("Activations", claims, (Table(header, rows, note),), (picture,))


def _draw(ax: Any, shapes: dict[str, Shape]) -> None:
    near = np.abs(Z) <= 4
    for dashes, (name, those) in zip(DASHES, shapes.items(), strict=False):
        ax.plot(Z[near], those.value[near], color="black", linestyle=dashes, label=name)
        ax.plot(Z[near], those.slope[near], color="0.6", linestyle=dashes, label=f"slope of {name}")
    ax.set(xlabel="z", ylabel="a(z), and its slope", ylim=(-1.1, 1.6))
    ax.legend()


def iterations() -> Section:
    """Measure iterations and accuracy, at a low and at a good rate."""
    data = digits()
    rates = (0.001, 0.1)
    found: dict[float, dict[int, tuple[float, float]]] = {}
    for rate in rates:
        model = classifier()
        trainer = Trainer(model, "cross_entropy", SGD(rate), batch_size=32, drop_last=True, seed=0)
        found[rate] = {}
        for count in ITERATIONS:
            while trainer.steps_done < count:
                trainer.epoch(data.X, data.y)
            found[rate][count] = accuracy(model, held_out=False), accuracy(model)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (count, f"{printed}%", *(f"{share:.1%}" for rate in rates for share in found[rate][count]))
        for count, printed in ITERATIONS.items()
    )
    rising = {rate: bool(np.all(np.diff([new for _, new in those.values()]) > 0)) for rate, those in found.items()}
    slow, good = (list(those.values()) for those in found.values())
    claims = (
        Claim(
            "iterations",
            "1000, 5000, 10000, 20000 iterations: 80, 90, 95, 98 %",
            "held out, at rate 0.001: "
            + ", ".join(f"{new:.1%}" for _, new in slow)
            + "; at 0.1: "
            + ", ".join(f"{new:.1%}" for _, new in good),
            everywhere(*rising.values()),
            {"accuracy": found, "rising": rising},
        ),
        Claim(
            "influence",
            "the number of iterations directly influences the accuracy",
            f"up to a point: at 0.1 the last 15000 iterations change it by {good[-1][1] - good[1][1]:+.1%}",
            everywhere(good[1][1] > good[0][1], abs(good[-1][1] - good[1][1]) > 0.01),
            {"good": good},
        ),
    )
    header = ("iterations", "document", "0.001: learned", "held out", "0.1: learned", "held out")
    note = "Digits, 64-32-10 tanh, batches of 32 (whole epochs: at most 43 iterations more)"
    return Section("Iterations and accuracy", claims, (Table(header, rows, note),))


def initial_weights() -> Section:
    """Measure the epochs until the loss is low, from each initialization."""
    runs = {
        name: {activation: _descent(init, activation) for activation in ("relu", "tanh")}
        for name, (_, init) in STARTS.items()
    }
    epochs = {
        name: {activation: _epochs(losses) for activation, losses in those.items()} for name, those in runs.items()
    }
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, printed, *(e if e < math.inf else f"over {MAX_EPOCHS}" for e in epochs[name].values()))
        for name, (printed, _) in STARTS.items()
    )
    never = [runs["zeros"][activation][-1] for activation in ("relu", "tanh")]
    first = [runs["zeros"][activation][0] for activation in ("relu", "tanh")]
    linear = classifier(0)
    linear.params = np.zeros(linear.n_params)
    linear.fit(digits().X, digits().y, loss="cross_entropy", optimizer=SGD(0.1), epochs=20)
    scaled = [epochs[name][a] for name in ("glorot", "he") for a in ("relu", "tanh")]
    random = [epochs[name][a] for name in ("normal, std 0.01", "uniform ±1") for a in ("relu", "tanh")]
    claims = (
        Claim(
            "zeros",
            "zero weights: slow",
            f"not slow: a net never learns from them, its loss goes from {first[0]:.3f} to {never[0]:.3f}; a linear "
            f"model has nothing to break and reaches {accuracy(linear):.1%}",
            holds(max(scaled) < epochs["zeros"]["tanh"] < math.inf),
            {"last": never, "linear": accuracy(linear)},
        ),
        Claim(
            "scaled",
            "Glorot and He: fast; random: moderate",
            f"epochs with relu and tanh: glorot {_listed(epochs['glorot'])}, he {_listed(epochs['he'])}; normal 0.01 "
            f"{_listed(epochs['normal, std 0.01'])}, uniform ±1 {_listed(epochs['uniform ±1'])}",
            everywhere(*(max(scaled) < slower for slower in random)),
            {"epochs": epochs},
        ),
    )
    header = ("initial weights", "document", "relu: epochs", "tanh: epochs")
    note = f"Digits, 64-64-64-64-10, descent at rate 0.05 in batches of 32: epochs until the loss is below {ENOUGH}"
    shown = {name: those["relu"] for name, those in runs.items()}
    picture = Picture("document3_initial_weights", lambda ax: curves(ax, shown, "epoch", "cross-entropy", log=True))
    return Section("Initial weights", claims, (Table(header, rows, note),), (picture,))


def _descent(init: str | Initializer, activation: str) -> list[float]:
    data = digits()
    model = MLP([64, 64, 64, 64, 10], activation=activation, weight_init=init, seed=0)
    history = model.fit(
        data.X, data.y, loss="cross_entropy", optimizer=SGD(0.05), epochs=MAX_EPOCHS, stop=LossThreshold(ENOUGH)
    )
    return history.loss


def _epochs(losses: list[float]) -> float:
    return len(losses) if losses[-1] < ENOUGH else math.inf


def _listed(epochs: dict[str, float]) -> str:
    return " and ".join(f"{e:.0f}" if e < math.inf else f"over {MAX_EPOCHS}" for e in epochs.values())
