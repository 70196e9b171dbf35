"""Turn a model's outputs into answers under its loss: probabilities, classes, metrics and one score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.samples import Source, inputs_of, own_targets, take_samples
from ..layers.stack import Stack
from ..losses import BinaryCrossEntropy, CrossEntropy, CustomLoss, Loss, get_loss
from ..losses.probabilities import sigmoid, softmax
from ..metrics import R2, Metrics, get_metrics
from ..objective.build import objective_of
from ..objective.outputs import measure
from . import checks as models_checks


def predict_proba(stack: Stack, X: ArrayLike, loss: str | Loss | None) -> NDArray[Any]:
    """Carry out `Sequential.predict_proba`."""
    kind = models_checks.probabilities(_known_loss(stack, loss, "predict_proba"))
    outputs = stack.predict(inputs_of(stack, X))
    if kind.target != "class" and _are_numbered(stack, loss) and stack.out_features > 1:
        return _shared_out(sigmoid(outputs))
    return probabilities_of(outputs, kind)


def probabilities_of(outputs: NDArray[Any], loss: Loss | CustomLoss) -> NDArray[Any]:
    """Return the class probabilities of raw outputs (n, k), in the form of `Sequential.predict_proba`."""
    if models_checks.probabilities(loss).target == "class":
        return softmax(outputs)
    ones = sigmoid(outputs)
    return ones if outputs.shape[1] > 1 else np.hstack([sigmoid(-outputs), ones])


def classify(stack: Stack, X: ArrayLike, loss: str | Loss | None) -> NDArray[np.int64]:
    """Carry out `Sequential.classify`."""
    known = _known_loss(stack, loss, "classify")
    if _are_numbered(stack, loss):
        return _numbers(stack.predict(inputs_of(stack, X)))
    return classes_of(stack.predict(inputs_of(stack, X)), known)


def classes_of(outputs: NDArray[Any], loss: Loss | CustomLoss) -> NDArray[np.int64]:
    """Return the likeliest classes of raw outputs (n, k), in the form of `Sequential.classify`."""
    return _classes(outputs, models_checks.classes(loss))


def evaluate(
    stack: Stack,
    X: ArrayLike | Source,
    y: ArrayLike | None,
    metrics: Metrics,
    loss: str | Loss | CustomLoss | None,
    sample_weight: ArrayLike | None,
) -> dict[str, float]:
    """Carry out `Sequential.evaluate`."""
    kind = _known_loss(stack, loss, "evaluate")
    found = get_metrics(metrics, ("loss",))
    for metric in found.values():
        target, name = (kind.target, kind.name) if isinstance(kind, Loss) else (None, "a custom loss")
        metric.check_fit(target, stack.out_features, name)
    if isinstance(X, Source):
        from .streamed import evaluated  # which arrays do without

        return evaluated(stack, X, y, kind, sample_weight, found)
    objective = objective_of(stack, X, y, kind, sample_weight)
    return {"loss": objective.mean_loss(), **measure(stack, objective.data, found)}


def score(stack: Stack, X: ArrayLike, y: ArrayLike, loss: str | Loss | None, sample_weight: ArrayLike | None) -> float:
    """Carry out `Sequential.score`."""
    known = _known_loss(stack, loss, "score")
    if _are_numbered(stack, loss):
        labels = BinaryCrossEntropy() if stack.out_features == 1 else CrossEntropy()
        data = take_samples(stack, X, y, sample_weight, labels)
        targets = data.targets - 0.5 if stack.out_features == 1 else data.targets
        wanted = targets if targets.ndim == 1 else _numbers(targets)
        return float(np.average(_numbers(stack.predict(data.X)) == wanted, weights=data.weight))
    kind = models_checks.scored(known)
    data = take_samples(stack, X, y, sample_weight, kind)
    outputs, targets = stack.predict(data.X), own_targets(stack, data)
    if kind.target == "real":
        return R2()(outputs, targets, data.weight)
    if kind.target == "nonnegative":
        return _explained_deviance(outputs.astype(np.float64), targets.astype(np.float64), data.weight)
    said = _classes(outputs, kind)
    if kind.target == "class":
        right = said == (targets if targets.ndim == 1 else targets.argmax(axis=1))
    else:
        right = ((said.reshape(outputs.shape) > 0) == (targets > (0.5 if kind.target == "unit" else 0))).all(axis=1)
    return float(np.average(right, weights=data.weight))


def _known_loss(stack: Stack, loss: str | Loss | CustomLoss | None, call: str) -> Loss | CustomLoss:
    """Return the given loss, or else the one of the last trainer or fit."""
    if loss is not None:
        return get_loss(loss)
    return models_checks.known_loss(stack.trained_loss, call)


def _are_numbered(stack: Stack, loss: object) -> bool:
    """Return whether answers are classes 0, 1, …, one for each row, whatever the loss; one that is given decides."""
    return loss is None and stack.numbered_classes


def _numbers(outputs: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each row's class (n,), from one output for two classes or from one output for each."""
    found = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return found.astype(np.int64)


def _shared_out(ones: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities (n, k) divided by their sum; where all of them are 0, equal ones."""
    total = ones.sum(axis=1, keepdims=True)
    shares: NDArray[Any] = np.where(total > 0, ones / np.where(total > 0, total, 1), 1 / ones.shape[1])
    return shares.astype(ones.dtype)


def _classes(outputs: NDArray[Any], loss: Loss) -> NDArray[np.int64]:
    """Return the likeliest classes of raw outputs (n, k), in the form that `Sequential.classify` returns."""
    found: NDArray[np.int64]
    if loss.target == "class":
        found = outputs.argmax(axis=1).astype(np.int64)
        return found
    found = np.where(outputs > 0, 1, 0 if loss.target == "unit" else -1).astype(np.int64)
    return found if found.shape[1] > 1 else found[:, 0]


def _explained_deviance(
    logarithms: NDArray[np.float64], counts: NDArray[np.float64], weight: NDArray[Any] | None
) -> float:
    """Return D^2: 1 minus the Poisson deviance over that of the mean count, averaged over outputs."""
    mean = np.average(counts, axis=0, weights=weight)
    own, constant = (
        np.average(_deviance(counts, rate), axis=0, weights=weight)
        for rate in (np.exp(logarithms), np.broadcast_to(mean, counts.shape))
    )
    varies = constant > 0
    return float(np.where(varies, 1 - own / np.where(varies, constant, 1.0), own == 0).mean())


def _deviance(counts: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 2 (y log(y / rate) - y + rate), with 0 log 0 = 0."""
    ratio = np.divide(counts, rates, out=np.ones_like(counts), where=counts > 0)
    found: NDArray[np.float64] = 2 * (counts * np.log(ratio) - counts + rates)
    return found
