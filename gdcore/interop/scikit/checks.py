"""Errors for estimators and models that the other side cannot express; each says what to do."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...base import checks


def no_estimator(value: object, known: Iterable[str]) -> TypeError:
    """Return the error for what is no fitted estimator of scikit-learn."""
    return TypeError(
        f"estimator must be a fitted one of scikit-learn, {', '.join(known)} or a Pipeline that ends in one, got "
        f"{checks.short(value)}: pass the fitted object"
    )


def unknown_estimator(value: object, known: Iterable[str]) -> TypeError:
    """Return the error for an estimator of another kind."""
    return TypeError(f"from_sklearn cannot express {checks.short(value)}; it can express {', '.join(known)}")


def no_step() -> ValueError:
    """Return the error for an empty pipeline."""
    return ValueError("the Pipeline has no step; expected one that ends in an estimator")


def not_fitted(estimator: object) -> ValueError:
    """Return the error for an estimator before its fit."""
    return ValueError(f"{type(estimator).__name__} is not fitted: call its fit(X, y) first")


def clipping() -> ValueError:
    """Return the error for a scaler that clips."""
    return ValueError("MinMaxScaler(clip=True) cuts off what MinMax lets through: fit it with clip=False")


def unknown_step(step: object) -> TypeError:
    """Return the error for a step of a pipeline that no layer does."""
    return TypeError(
        f"from_sklearn cannot express the step {checks.short(step)}; it can express StandardScaler, MinMaxScaler and "
        "FunctionTransformer(numpy.log1p): convert the estimator after it, and keep the step in scikit-learn"
    )


def unknown_transformer(scaler: object) -> TypeError:
    """Return the error for a transformer of targets that no layer does."""
    return TypeError(
        f"from_sklearn cannot express the transformer of targets {checks.short(scaler)}; ScaledTarget does what "
        "StandardScaler does: take that one"
    )


def exponential(estimator: object, activation: str) -> ValueError:
    """Return the error for a network whose outputs go through a function that no layer has."""
    return ValueError(
        f"{type(estimator).__name__} applies {activation} to its outputs, which no layer of gdcore does: "
        "the nearest is gdcore's Poisson loss, whose outputs are the logarithms of the rates"
    )


def classes_of_numbers() -> ValueError:
    """Return the error for classes beside a loss of numbers."""
    return ValueError("classes are given, but the loss is one of numbers: pass loss='cross_entropy' or 'bce'")


def class_labels(classes: ArrayLike | None, n: int) -> NDArray[np.generic]:
    """Check and return the labels of n classes, by default 0, 1, …"""
    labels = np.arange(n) if classes is None else np.asarray(classes)
    if labels.shape != (n,) or len(np.unique(labels)) != n:
        raise ValueError(f"classes has shape {labels.shape}; expected ({n},), one label for each class, all different")
    if (np.sort(labels) != labels).any():
        raise ValueError("classes must be sorted, as scikit-learn keeps them: pass np.unique(y)")
    return labels


def rates() -> ValueError:
    """Return the error for a model whose outputs are logarithms of rates."""
    return ValueError(
        "to_sklearn cannot express poisson, whose outputs are logarithms of rates: pass loss='mse' for an "
        "estimator that predicts the logarithms"
    )


def several_outputs(loss: object, n_out: int) -> ValueError:
    """Return the error for a linear model of several labels per sample, which no estimator is."""
    return ValueError(
        f"to_sklearn cannot express {loss!r} of {n_out} outputs and one layer, whose rows have several labels: train "
        "with 'cross_entropy' if each row has one class, or with 'bce' and hidden layers"
    )


def hidden_layers(loss: object) -> ValueError:
    """Return the error for a network with a loss that MLPClassifier does not have."""
    return ValueError(
        f"to_sklearn cannot express {loss!r} with hidden layers: for one class in each row MLPClassifier has "
        "only the log loss; train with 'cross_entropy', or with 'bce' for two classes"
    )
