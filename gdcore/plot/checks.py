"""Checks of the arguments of plots; each error says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base.checks import finite, numbers_array, short
from ..base.spelling import did_you_mean

T = TypeVar("T")


PARALLEL = 1e-6
"""Two directions whose angle has a sine below this span no plane."""


def two_features(n: int) -> None:
    """Check that a picture can show the model's inputs."""
    if n != 2:
        raise ValueError(f"decision_boundary needs a model of 2 features, got one of {n}: choose two and train on them")


def recorded(names: str | Iterable[str], known: Sequence[str]) -> list[str]:
    """Check and return recorded metrics; one of the training data includes that of the validation data."""
    if not isinstance(names, Iterable):
        raise TypeError(f"metrics must be a name or several, got {short(names)}")
    found: list[str] = []
    for name in (names,) if isinstance(names, str) else names:
        if not known:
            raise ValueError(f"the history holds no metrics, and so not {name!r}: pass metrics={name!r} to fit")
        if name not in known:
            raise ValueError(
                f"the history holds no metric {name!r}; it holds {', '.join(known)}{did_you_mean(name, known)}"
            )
        found += [one for one in (name, f"val_{name}") if one in known]
    return list(dict.fromkeys(found))


def traced(found: T | None) -> T:
    """Check and return the trace of a result that holds one."""
    if found is None:
        raise ValueError("path is a result without a trace: pass trace=True to minimize")
    return found


def places(value: object) -> NDArray[np.float64]:
    """Check and return points, shape (k, …), k >= 1."""
    found = numbers_array("path", value, "float64")
    if found.ndim < 1 or not found.size:
        raise ValueError(f"path has shape {found.shape}; expected (steps, n), n the number of parameters")
    return found


def drawable(n: int) -> None:
    """Check that a picture can show a function of this many numbers."""
    if n not in (1, 2):
        raise ValueError(f"path moves in {n} numbers; descent draws 1 or 2: take loss_plane, which projects a path")


def path_of_model(n: int, n_params: int) -> None:
    """Check that a path is one of a model's parameters."""
    if n != n_params:
        raise ValueError(f"path moves in {n} numbers, the model has {n_params} parameters: record it with ParamsTrace")


def window(value: Iterable[object], n: int) -> NDArray[np.float64]:
    """Check and return the lowest and the highest number on each axis, shape (n, 2)."""
    pairs = [tuple(pair) if isinstance(pair, Iterable) else () for pair in value] if isinstance(value, Iterable) else []
    if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
        raise TypeError(f"window must hold {n} pair{'s' * (n > 1)} (low, high), one for each axis, got {value!r}")
    found = np.array([[finite("window", end) for end in pair] for pair in pairs])
    if (found[:, 0] >= found[:, 1]).any():
        raise ValueError(f"window must hold pairs (low, high) with low < high, got {value!r}")
    return found


def some_finite(values: NDArray[np.float64]) -> None:
    """Check that some of the values are finite and can be drawn."""
    if not np.isfinite(values).any():
        raise ValueError("the function is nowhere finite in the window: pass window= around where it is")


def directions(value: object, n: int, n_params: int) -> NDArray[np.float64]:
    """Check and return directions among a model's parameters, shape (n, n_params), that span n dimensions."""
    found = numbers_array("directions", value, "float64")
    if found.shape != (n, n_params):
        raise ValueError(f"directions has shape {found.shape}; expected ({n}, {n_params})")
    length = np.linalg.norm(found, axis=1)
    if not length.all():
        raise ValueError("a direction is zero, as random ones are where all weights are: pass another")
    if n == 2:
        one, other = found / length[:, None]
        if np.linalg.norm(other - (one @ other) * one) < PARALLEL:
            raise ValueError("the two directions are parallel and span no plane: pass others, or another seed")
    return found
