"""Batch, mini-batch and stochastic descent; batch sizes and their time."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np

from ...base.threads import num_threads
from ...models import Sequential
from ...optimizers import SGD
from ...schedules import InverseScaling
from ...training import Trainer
from ..claim import DEPENDS, Claim, Picture, Section, Table, everywhere, holds
from ..pictures import curves
from .problems import accuracy, classifier, digits, full_batch, least_loss, linear, regression

EPOCHS = 10
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
TARGET = 0.2
"""The time until the training loss is below this is measured."""
SIZES = (500, 4000)
"""Numbers of rows of the small and of the large regression."""
CLOSE = 0.25
"""A measured ratio of times may differ from the document's by this share."""
SECONDS = {16: 180, 32: 120, 64: 90, 128: 70}
"""The document's training times by batch size."""


class Run(NamedTuple):
    """One way of descent at its best rate."""

    rate: float
    steps: int
    """Steps in one epoch."""
    losses: list[float]
    """Losses over all training rows, at the start and after each epoch."""
    seconds: float
    """Median time of one epoch."""
    accuracy: float


def run(batch: int, rate: float) -> Run:
    """Train a network on the digits for 10 epochs."""
    data = digits()
    model = classifier()
    trainer = Trainer(model, "cross_entropy", SGD(rate), batch_size=batch, seed=0)
    losses, seconds = [model.loss(data.X, data.y, "cross_entropy")], []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        trainer.epoch(data.X, data.y)
        seconds.append(time.perf_counter() - began)
        losses.append(model.loss(data.X, data.y, "cross_entropy"))
    return Run(rate, trainer.steps_done // EPOCHS, losses, float(np.median(seconds)), accuracy(model))


def best_runs() -> dict[str, Run]:
    """Return the run of each way at that of five rates which leaves the lowest loss."""
    ways = {"one sample": 1, "mini-batch of 32": 32, "all samples": len(digits().X)}
    return {
        name: min((run(batch, rate) for rate in RATES), key=lambda found: found.losses[-1])
        for name, batch in ways.items()
    }


@num_threads(1)
def variants() -> Section:
    """Measure stochastic, mini-batch and batch descent on the digits."""
    runs = best_runs()
    one, mini, whole = runs.values()
    steps = whole.steps, one.steps, mini.steps
    noise = {size: gradient_noise(size) for size in (1, 32, len(digits().X))}
    times = {name: _time_to(found) for name, found in runs.items()}
    rows = tuple(
        (name, found.rate, found.steps, found.losses[1], found.losses[-1], 1e3 * found.seconds, f"{found.accuracy:.1%}")
        for name, found in runs.items()
    )
    single, small, full = noise.values()
    claims = (
        Claim(
            "steps",
            "batch: all samples in one iteration; stochastic: one; mini-batch: a few",
            f"an epoch over {len(digits().X)} images has {whole.steps}, {one.steps} and {mini.steps} steps",
            holds(steps == (1, len(digits().X), 45)),
            {"steps": steps},
        ),
        Claim(
            "sgd faster",
            "SGD can converge faster than mini-batch",
            f"after {EPOCHS} epochs {one.losses[-1]:.2g} against {mini.losses[-1]:.2g}; time to the loss {TARGET}: "
            f"{_ms(times['one sample'])} against {_ms(times['mini-batch of 32'])}",
            everywhere(one.losses[-1] < mini.losses[-1], times["one sample"] < times["mini-batch of 32"]),
            {"losses": (one.losses, mini.losses), "times": times},
        ),
        Claim(
            "variance",
            "SGD may have high variance in the updates",
            f"variance of the step's gradient over the square of its mean: {single:.3g} for one sample, {small:.3g} "
            f"for 32, {full:.1g} for all",
            holds(single > small > full),
            {"noise": noise},
        ),
        Claim(
            "balance",
            "mini-batch balances stability and efficiency",
            f"it reaches {mini.losses[-1]:.3g} in {EPOCHS} epochs of {1e3 * mini.seconds:.2g} ms, all samples "
            f"{whole.losses[-1]:.3g}, one sample {one.losses[-1]:.3g} of {1e3 * one.seconds:.2g} ms",
            holds(mini.losses[-1] < whole.losses[-1] and mini.seconds < one.seconds),
            {"losses": (mini.losses[-1], whole.losses[-1]), "seconds": (mini.seconds, one.seconds)},
        ),
    )
    header = ("gradient of", "best rate", "steps", "loss, 1 epoch", f"{EPOCHS} epochs", "ms/epoch", "held out")
    shown = {name: found.losses for name, found in runs.items()}
    picture = Picture("document3_batches", lambda ax: curves(ax, shown, "epoch", "cross-entropy", log=True))
    note = f"Digits, 64-32-10 tanh, plain descent; the best of the rates {', '.join(map(str, RATES))} for each"
    return Section("Stochastic, mini-batch and batch descent", claims, (Table(header, rows, note),), (picture,))


def _time_to(found: Run) -> float:
    """Return the seconds until the loss is below the target, interpolating epochs; infinity if it is not reached."""
    for epoch, (before, after) in enumerate(zip(found.losses, found.losses[1:], strict=False)):
        if after <= TARGET:
            return found.seconds * (epoch + (before - TARGET) / (before - after))
    return math.inf


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2g} ms" if seconds < math.inf else "never"


def gradient_noise(batch: int, draws: int = 200) -> float:
    """Return the mean square of (a batch's gradient - the full one) over that of the full one, at
    the initial weights.
    """
    data = digits()
    model = classifier()
    _, full = model.loss_and_grad(data.X, data.y, "cross_entropy")
    rng = np.random.default_rng(0)
    off = []
    for _ in range(draws if batch < len(data.X) else 1):
        rows = rng.permutation(len(data.X))[:batch]
        _, grad = model.loss_and_grad(data.X[rows], data.y[rows], "cross_entropy")
        off.append(float(np.sum((grad - full) ** 2, dtype=np.float64)))
    return float(np.mean(off)) / float(np.sum(full**2, dtype=np.float64))


@num_threads(1)
def advantages() -> Section:
    """Measure the table of advantages and disadvantages."""
    data = digits()
    looked = {size: (_looked_at(size, size), _looked_at(size, 32)) for size in SIZES}
    small, large = (looked[size] for size in SIZES)
    growth = large[0] / small[0], large[1] / small[1]
    model = classifier()
    full_batch(model, "cross_entropy", SGD(1.0), data.X).fit(data.X, data.y, epochs=300)
    excess = {
        name: _excess(batch, rate)
        for name, batch, rate in (("all", 500, 0.05), ("one", 1, 0.01), ("one, falling rate", 1, InverseScaling(0.05)))
    }
    sizes = {batch: run(batch, 0.1).losses[-1] for batch in (1, 8, 32, 128, 512)}
    claims = (
        Claim(
            "good solution",
            "gradient descent often converges to a good solution",
            f"300 iterations over all digits: {accuracy(model):.1%} of the held-out images are right",
            holds(accuracy(model) > 0.9),
            {"accuracy": accuracy(model)},
        ),
        Claim(
            "large data",
            "gradient descent is slow for large data sets",
            f"{SIZES[1] // SIZES[0]} times the rows: it looks at {growth[0]:.3g} times as many samples to come "
            f"within 1 % of the least loss, mini-batch descent at {growth[1]:.2g} times",
            holds(growth[0] > 2 * growth[1]),
            {"growth": growth},
        ),
        Claim(
            "efficient",
            "SGD: fast convergence, computationally efficient",
            f"{small[1]} samples instead of {small[0]} for the same loss with {SIZES[0]} rows, {large[1]} instead of "
            f"{large[0]} with {SIZES[1]}",
            holds(small[1] < small[0] and large[1] < large[0]),
            {"looked": looked},
        ),
        Claim(
            "global optimum",
            "SGD may not reach the global optimum",
            f"least squares: it hovers {excess['one']:.2g} above the minimum, all samples end {excess['all']:.1g} "
            f"from it; with a falling rate SGD is {excess['one, falling rate']:.2g} above",
            holds(excess["one"] > 1e-3 > excess["all"]),
            {"excess": excess},
        ),
        Claim(
            "tuning",
            "mini-batch requires tuning of the batch size",
            "loss after 10 epochs at rate 0.1, batches of "
            + ", ".join(f"{batch}: {loss:.2g}" for batch, loss in sizes.items()),
            holds(max(sizes.values()) > 2 * min(sizes.values())),
            {"losses": sizes},
        ),
    )
    return Section("Their advantages and disadvantages", claims)


def _looked_at(n: int, batch: int) -> int:
    """Return the samples used until a linear regression is within 1 % of its least loss, checked every 4 steps."""
    X, y = regression(n)
    model = linear(X)
    target = 1.01 * least_loss(X, y)
    trainer = Trainer(model, "mse", SGD(0.1 if batch == n else 0.02), batch_size=batch)
    rng = np.random.default_rng(0)
    seen = 0
    order = rng.permutation(n)
    while model.loss(X, y, "mse") > target:
        for _ in range(1 if batch == n else 4):
            if len(order) < batch:
                order = rng.permutation(n)
            rows, order = order[:batch], order[batch:]
            trainer.step(X[rows], y[rows])
            seen += batch
    return seen


def _excess(batch: int, rate: float | InverseScaling) -> float:
    """Return how far above the least loss a linear regression ends, as the mean of its last 20 epochs of 100."""
    X, y = regression()
    model: Sequential = linear(X)
    trainer = Trainer(model, "mse", SGD(rate), batch_size=batch, seed=0)
    losses = []
    for _ in range(100):
        trainer.epoch(X, y)
        losses.append(model.loss(X, y, "mse"))
    return float(np.mean(losses[-20:])) - least_loss(X, y)


def batch_sizes() -> Section:
    """Measure the table of batch sizes and training times."""
    runs = {batch: run(batch, 0.1) for batch in SECONDS}
    rows = tuple(
        (
            batch,
            printed,
            printed / SECONDS[128],
            1e3 * runs[batch].seconds,
            runs[batch].seconds / runs[128].seconds,
            runs[batch].losses[-1],
        )
        for batch, printed in SECONDS.items()
    )
    seconds, last = [found.seconds for found in runs.values()], [found.losses[-1] for found in runs.values()]
    ratio, printed_ratio = seconds[0] / seconds[-1], SECONDS[16] / SECONDS[128]
    claims = (
        Claim(
            "batch time",
            "batches of 16, 32, 64, 128: 180, 120, 90, 70 seconds",
            f"an epoch takes {ratio:.2g} times as long with 16 as with 128; {printed_ratio:.2g} times in the document",
            everywhere(ratio > 1, abs(ratio - printed_ratio) < CLOSE * printed_ratio),
            {"ratio": ratio},
        ),
        Claim(
            "batch convergence",
            "the batch size affects the speed of convergence",
            f"the same rate, 0.1, and {EPOCHS} epochs: loss {last[0]:.2g} with 16, {last[-1]:.2g} with 128: what an "
            "epoch gains in time it loses in steps",
            holds(last[-1] > 2 * last[0], DEPENDS),
            {"losses": last},
        ),
    )
    header = ("batch", "document, s", "ratio", "ms per epoch", "ratio", f"loss after {EPOCHS} epochs")
    note = "Digits, 64-32-10 tanh, rate 0.1; medians; ratios to the batch of 128"
    return Section("Batch size and time", claims, (Table(header, rows, note),))
