"""The table of convergence criteria: noise, and cost."""

from __future__ import annotations

import time

import numpy as np

from ...base.threads import num_threads
from ...models import LinearModel
from ...optimizers import SGD
from ...training import GradientNormThreshold, History, LossThreshold, Trainer
from ...training.stopping.base import StoppingCriterion
from ..claim import DEPENDS, FAILS, Claim, Section, Table, holds
from .problems import classifier, digits, least_loss, regression

SEEDS = range(5)
MAX_EPOCHS = 300
BATCHES = (1, 500)
MEAN = "epoch's mean gradient"
CRITERIA: dict[str, StoppingCriterion] = {
    "loss": LossThreshold(6.0),
    "full gradient": GradientNormThreshold(0.5),
    MEAN: GradientNormThreshold(0.5, of="epoch"),
}


def stopped(rule: StoppingCriterion, batch: int, seed: int) -> History:
    """Return the history of a linear regression that the criterion ends; batches of one row are noisy, all rows are
    not.
    """
    X, y = regression()
    centre, spread = X.mean(axis=0), X.std(axis=0)
    model = LinearModel(X.shape[1], weight_init="zeros", dtype="float64")
    return model.fit(
        (X - centre) / spread,
        y,
        loss="mse",
        optimizer=SGD(0.001 if batch == 1 else 0.1),
        epochs=MAX_EPOCHS,
        batch_size=batch,
        stop=rule,
        seed=seed,
    )


@num_threads(1)
def criteria() -> Section:
    """Measure when each criterion ends noisy and noise-free descent, and what it costs."""
    ends = {
        name: {batch: [stopped(rule, batch, seed).epochs for seed in SEEDS] for batch in BATCHES}
        for name, rule in CRITERIA.items()
    }
    spread = {name: float(np.ptp(epochs[1])) for name, epochs in ends.items()}
    rows = tuple((name, *(_range(ends[name][batch]) for batch in BATCHES)) for name in CRITERIA)
    cost = _cost()
    X, y = regression()
    first = stopped(LossThreshold(6.0), 500, 0)
    best = least_loss(X, y)
    claims = (
        Claim(
            "loss threshold",
            "loss threshold: easy to implement, sensitive to noise",
            f"over {len(SEEDS)} seeds it ends noisy descent after {_range(ends['loss'][1])} epochs, quiet descent "
            f"after {_range(ends['loss'][500])}",
            holds(spread["loss"] > 0),
            {"epochs": ends["loss"]},
        ),
        Claim(
            "gradient threshold",
            "gradient norm threshold: insensitive to noise",
            f"of the full gradient it ends noisy descent after {_range(ends['full gradient'][1])} epochs; of the "
            f"epoch's mean gradient after {_range(ends[MEAN][1])}",
            holds(spread["full gradient"] == 0, DEPENDS if spread["full gradient"] <= spread["loss"] else FAILS),
            {"epochs": ends["full gradient"], "mean": ends[MEAN]},
        ),
        Claim(
            "gradient cost",
            "gradient norm threshold: computationally expensive",
            f"an epoch takes {cost['full']:.3g} times as long with the full gradient's, {cost['mean']:.3g} times "
            "with the mean of those that its steps take",
            holds(cost["full"] > 1.1, DEPENDS),
            {"cost": cost},
        ),
        Claim(
            "criterion",
            "stopping criteria may not always lead to the best solution",
            f"the loss threshold stops at {first.loss[-1]:.4g}, {100 * (first.loss[-1] / best - 1):.2g} % above the "
            f"least loss {best:.4g}",
            holds(first.loss[-1] > best),
            {"loss": first.loss[-1], "least": best},
        ),
    )
    header = ("criterion", "batches of 1", "all rows at once")
    note = f"Epochs until a linear regression is stopped, {len(SEEDS)} orders of the rows; at most {MAX_EPOCHS}"
    return Section("Convergence criteria", claims, (Table(header, rows, note),))


def _range(epochs: list[int]) -> str:
    low, high = min(epochs), max(epochs)
    if low == MAX_EPOCHS:
        return "never"
    last = "never" if high == MAX_EPOCHS else str(high)
    return str(low) if low == high else f"{low} … {last}"


def _cost() -> dict[str, float]:
    """Return the time of an epoch with a criterion that never stops, over the time without one, for a network on the
    digits.
    """
    data = digits()
    rules = {"none": (), "full": (GradientNormThreshold(1e-30),), "mean": (GradientNormThreshold(1e-30, of="epoch"),)}
    seconds = dict.fromkeys(rules, np.inf)
    for _ in range(3):
        for name, stop in rules.items():
            trainer = Trainer(classifier(), "cross_entropy", SGD(0.1), batch_size=32, seed=0)
            began = time.perf_counter()
            trainer.fit(data.X, data.y, epochs=30, stop=stop)
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return {name: value / seconds["none"] for name, value in seconds.items()}
