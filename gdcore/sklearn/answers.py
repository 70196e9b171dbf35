"""Probabilities of classes from a network's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ..losses import ModifiedHuber
from .converted_losses import ConvertedLoss
from .targets import Labels


def probabilities(outputs: NDArray[Any], converted: ConvertedLoss, labels: Labels) -> NDArray[Any]:
    """Return probabilities (n, n_classes) of outputs (n, k); of several labels each one's own.

    Classes that were each compared with the rest share their probabilities out, so that they sum to 1.
    """
    found: NDArray[Any]
    if len(labels.classes) == 1 and labels.kind != "multilabel":
        return np.ones((len(outputs), 1), outputs.dtype)
    if converted.link == "softmax":
        found = softmax(outputs, axis=1)
        return found
    huber = isinstance(converted.loss, ModifiedHuber)
    ones = (np.clip(outputs, -1, 1) + 1) / 2 if huber else expit(outputs)
    if labels.kind == "binary":
        return np.hstack([1 - ones if huber else expit(-outputs), ones])
    if labels.kind == "multilabel":
        found = ones
        return found
    total = ones.sum(axis=1, keepdims=True)
    k = ones.shape[1]
    return np.where(total > 0, ones / np.where(total > 0, total, 1), np.asarray(1 / k, ones.dtype))


def log_of(outputs: NDArray[Any], converted: ConvertedLoss, labels: Labels) -> NDArray[Any]:
    """Return the logarithms of `probabilities`; -inf where these are 0."""
    with np.errstate(divide="ignore"):
        found: NDArray[Any] = np.log(probabilities(outputs, converted, labels))
        return found
