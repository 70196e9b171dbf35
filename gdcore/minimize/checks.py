"""Checks of the arguments of `minimize`; each error says what to do."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import short
from ..base.not_arrays import full_name

INSTEAD = "use CMA-ES (an evolution strategy) or, where fun is a mean over random actions, policy gradients"


def deterministic(value: float, again: float) -> None:
    """Check that two evaluations at one point agree."""
    if value != again:
        raise ValueError(
            f"fun gave {value:.6g} and then {again:.6g} at the same x: differences of a random function are noise; "
            f"fix its seed, or {INSTEAD}"
        )


def no_jump_here(jumps: bool) -> None:
    """Check that the function does not jump at its start."""
    if jumps:
        raise ValueError(f"fun jumps at x0: no derivative to follow; {INSTEAD}")


def no_jump(distance: float | None) -> None:
    """Raise the error for a function made of steps."""
    if distance is not None:
        raise ValueError(
            f"fun is constant around x0 and jumps within {distance:.2g} of it: no derivative to follow; {INSTEAD}"
        )


def objective_value(value: object, where: str) -> float:
    """Check and return an objective's value."""
    found = np.asarray(value)
    if found.size != 1 or found.dtype.kind not in "biuf":
        raise TypeError(f"{where} must return a number, got {value!r}")
    return float(found.reshape(()))


def objective_pair(value: object) -> tuple[object, object]:
    """Check and return an objective's value and gradient."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(
            f"fun must return (value, gradient), got {full_name(type(value))}: pass jac=None for finite differences or "
            f"jac=function; without a derivative, {INSTEAD}"
        )
    return value[0], value[1]


def objective_gradient(value: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Check and return an objective's gradient, of x's shape, as a flat vector."""
    found = np.asarray(value)
    if found.dtype.kind not in "biuf" or (found.shape != shape and found.size != 1) or found.size != np.prod(shape):
        raise ValueError(f"the gradient has shape {found.shape} and dtype {found.dtype}; expected real numbers {shape}")
    return found.astype(np.float64).ravel()


def bounds(value: object, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check pairs of bounds; return lowest and highest values (n,)."""
    several = several_pairs(value)
    if len(several) != n:
        raise ValueError(f"bounds has {len(several)} pairs; expected one for each of x0's {n} numbers")
    low = np.array([-np.inf if pair[0] is None else pair[0] for pair in several], np.float64)
    high = np.array([np.inf if pair[1] is None else pair[1] for pair in several], np.float64)
    if not ((low <= high) & (low < np.inf) & (high > -np.inf)).all():
        raise ValueError(f"bounds must be pairs (low, high) with low <= high, got {short(value)}")
    return low, high


def several_pairs(value: object) -> list[Any]:
    """Check and return a list of pairs."""
    found = list(value) if isinstance(value, Iterable) else []
    pairs = found and all(isinstance(pair, tuple | list | np.ndarray) and len(pair) == 2 for pair in found)
    if not pairs or not all(end is None or isinstance(end, numbers.Real) for pair in found for end in pair):
        raise TypeError(f"bounds must be a list of pairs (low, high), None for no bound, got {short(value)}")
    return found


def finite_start(what: str, at_start: bool) -> None:
    """Check that value and gradient are finite at the start; `what` is the one that is not."""
    if what and at_start:
        raise ValueError(f"{what} is not finite at x0: begin elsewhere")


def takes_bounds(method: object, takes: bool, given: bool) -> None:
    """Check that the method supports bounds if they are given."""
    if given and not takes:
        raise ValueError(f"{method!r} does not take bounds: use 'lbfgs', or an optimizer with a learning rate")


def jacobian(value: object) -> None:
    """Check `jac`, which says where the gradient comes from."""
    if value is not None and value is not True and not callable(value):
        raise TypeError(
            "jac must be True (fun returns value and gradient), a function or None (finite differences), "
            f"got {short(value)}"
        )


def no_tree(name: str, value: object) -> None:
    """Check that one array is given rather than a dict or list of several, like JAX's trees."""
    items = list(value) if isinstance(value, list | tuple) else []
    arrays = any(isinstance(item, np.ndarray | list | tuple | dict) or np.ndim(item) for item in items)
    shapes = {_shape(item) for item in items}
    if isinstance(value, Mapping) or (arrays and (len(shapes) > 1 or None in shapes)):
        count = len(value) if isinstance(value, Mapping) else len(items)
        raise TypeError(
            f"{name} is a {type(value).__name__} of {count} arrays; expected one array: pass "
            f"jax.flatten_util.ravel_pytree({name})[0], or all of them joined by np.concatenate, and split it up in fun"
        )


def _shape(value: Any) -> tuple[int, ...] | None:
    try:
        return tuple(np.shape(value))
    except ValueError:
        return None
