"""Checks of saved states, which may come from another trainer or a damaged file; each error says what is impossible."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import boolean, every_finite, finite, integer, nonnegative, short, vector

MAX_COUNT = 2**62
"""Largest value accepted for a saved counter; one more still fits the kernels' integers."""


def criterion(value: object, kind: type) -> None:
    """Check that a saved criterion is one."""
    if not isinstance(value, kind):
        raise TypeError(f"a criterion must be one such as gdcore.EarlyStopping(5), got {short(value)}")


def saved_trainer(state: Mapping[str, Any], keys: Sequence[str], n_params: int, dtype: str, seed: int) -> None:
    """Check that a saved state comes from the `state_dict` of a trainer like this one."""
    if not isinstance(state, Mapping):
        raise TypeError(f"the saved state must be a dict that state_dict() has returned, got {short(state)}")
    missing = [key for key in keys if key not in state]
    if missing:
        raise ValueError(f"the saved state lacks {', '.join(missing)}: save all that state_dict() returns")
    saved_vector("the saved params", state["params"], n_params, dtype)
    if isinstance(state["seed"], bool) or not isinstance(state["seed"], numbers.Integral) or state["seed"] != seed:
        raise ValueError(
            f"the saved state has seed {short(state['seed'])}, this trainer {seed!r}: "
            f"pass seed={short(state['seed'])} to Trainer"
        )


def not_a_state(error: Exception) -> ValueError:
    """Return the error for a saved state that differs from what `state_dict` returns."""
    return ValueError(f"the saved state was changed, {error}: save what state_dict() returns as it is")


def saved_average(saved: object, value: object, average: object, n_params: int) -> None:
    """Check that a saved average is of the trainer's kind, or None if the trainer keeps none."""
    if type(saved) is not type(average) or saved != average:
        raise ValueError(
            f"the saved state has average {short(saved)}, this trainer {average!r}: pass average={short(saved)} to "
            "Trainer"
        )
    if average is not None:
        saved_vector("the saved average", value, n_params, "float64")
    elif value is not None:
        raise ValueError(f"averaged must be None where the trainer keeps no average, got {short(value)}")


def saved_vector(name: str, value: object, n: int, dtype: str) -> NDArray[Any]:
    """Check and return a vector (n,) of finite numbers of exactly this dtype."""
    found = vector(name, value, n, dtype)
    if not every_finite(np.ascontiguousarray(found)):
        raise ValueError(f"{name} contains NaN or infinity: save a state that had not diverged")
    return found


def saved_slots(
    value: object, shape: tuple[int, int], dtype: str, names: Sequence[str], squares: Sequence[str]
) -> None:
    """Check an optimizer's slots (n_slots, n): finite, and those named in `squares` nowhere below 0."""
    if not isinstance(value, np.ndarray) or value.shape != shape:
        raise ValueError(f"slots must be an array of shape {shape}, got {short(value)}: use the saved options")
    for name, slot in zip(names, value, strict=True):
        saved_vector(f"the slot {name}", slot, shape[1], dtype)
        if name in squares and (slot < 0).any():
            raise ValueError(f"the slot {name} has {slot.min():g}; it holds no number below 0")


def saved_scalars(value: object, n: int, largest: float) -> NDArray[np.float64]:
    """Check and return an optimizer's running scalars (n,), from 0 to the largest that they can be."""
    found = saved_vector("scalars", value, n, "float64")
    if (found < 0).any() or (found > largest).any():
        raise ValueError(f"scalars must be in [0, {largest:g}], got {found.tolist()}")
    return found


def saved_count(name: str, value: object, high: int = MAX_COUNT) -> int:
    """Check and return a counter."""
    return integer(name, value, 0, high)


def saved_tuple(name: str, value: object, n: int) -> tuple[Any, ...]:
    """Check and return a tuple or list of length n."""
    if not isinstance(value, tuple | list) or len(value) != n:
        raise TypeError(f"{name} must be a tuple of {n}, got {short(value)}")
    return tuple(value)


def saved_list(name: str, value: object) -> tuple[Any, ...]:
    """Check and return a tuple or list."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name} must be a tuple or a list, got {short(value)}")
    return tuple(value)


def saved_parts(name: str, value: object, keys: Sequence[str]) -> Mapping[str, Any]:
    """Check and return a mapping with exactly these keys."""
    if not isinstance(value, Mapping) or set(value) != set(keys):
        raise ValueError(f"{name} must be a dict of {', '.join(keys)}, got {short(value)}")
    return value


def both_or_none(name: str, value: object, other_name: str, other: object) -> None:
    """Check that two values are both given or both None."""
    if (value is None) != (other is None):
        raise ValueError(f"{name} and {other_name} must both be arrays, or both None")


def saved_unsummed(value: object, place: tuple[int, int, int]) -> int:
    """Check and return how many of the current epoch's steps its gradient sum leaves out."""
    return saved_count("unsummed", value, max(0, min(place[1], place[2] - 1)))


def saved_place(value: object, step_count: int, epochs_done: int) -> tuple[int, int, int]:
    """Check and return samples, steps made and all steps of the last epoch begun; (0, 0, 0) before the first."""
    samples, steps, of_steps = (
        saved_count(f"place[{i}]", part) for i, part in enumerate(saved_tuple("place", value, 3))
    )
    possible = steps <= of_steps <= samples and (of_steps > 0) == (samples > 0)
    if not possible or steps > step_count or (0 < steps == of_steps and not epochs_done):
        raise ValueError(
            f"place is {(samples, steps, of_steps)} after {step_count} steps and {epochs_done} epochs, which cannot be"
        )
    return samples, steps, of_steps


def saved_sums(value: object, steps: int) -> tuple[float, float, float, int]:
    """Check and return an epoch's sums: losses, weights, gradient norms, and the number of clipped steps."""
    loss, total_weight, norms, clipped = saved_tuple("sums", value, 4)
    finite("sums[0]", loss)
    nonnegative("sums[1]", total_weight)
    nonnegative("sums[2]", norms)
    saved_count("sums[3]", clipped, steps)
    if not steps and (loss, total_weight, norms) != (0, 0, 0):
        raise ValueError(f"sums is {(loss, total_weight, norms, clipped)} where no step of the epoch is made")
    return float(loss), float(total_weight), float(norms), int(clipped)


def is_nan(value: object) -> bool:
    """Return whether a watched value is NaN."""
    return isinstance(value, float | np.floating) and math.isnan(value)


def saved_value(name: str, value: object) -> float:
    """Check and return a watched value: a number, which may be infinite."""
    if is_nan(value):
        raise ValueError(f"{name} is NaN, which is never kept")
    infinite = isinstance(value, float | np.floating) and math.isinf(value)
    return float(value) if infinite else finite(name, value)  # type: ignore[arg-type]


def saved_monitor(value: object) -> None:
    """Check a monitor: a name, and whether greater is better."""
    name, greater = saved_tuple("what a criterion watches", value, 2)
    if not isinstance(name, str):
        raise TypeError(f"what a criterion watches must have a name, got {short(name)}")
    boolean("whether greater is better", greater)


def saved_plateau(value: object) -> tuple[float | None, int, int, int]:
    """Check and return the best value or None, epochs without improvement, epochs of cooldown left, plateaus."""
    best, waited, cooling, plateaus = saved_tuple("plateau", value, 4)
    return (
        None if best is None else saved_value("plateau[0]", best),
        saved_count("plateau[1]", waited),
        saved_count("plateau[2]", cooling),
        saved_count("plateau[3]", plateaus),
    )


def saved_fingerprint(value: object) -> tuple[int, int | None] | None:
    """Check and return the checksums of training and validation data, or None."""
    if value is None:
        return None
    data, validation = saved_tuple("data", value, 2)
    return saved_count("data[0]", data), None if validation is None else saved_count("data[1]", validation)


def saved_rate(value: object, scheduled: bool) -> float:
    """Check and return a learning rate; only a schedule's may be 0."""
    rate = nonnegative("learning_rate", value)
    if not rate and not scheduled:
        raise ValueError(f"learning_rate must be > 0, got {value!r}")
    return rate
