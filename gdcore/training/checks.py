"""Checks of the training arguments and of saved states; each error says what to do."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.checks import (
    boolean,
    every_finite,
    finite,
    inside,
    integer,
    nonnegative,
    short,
    vector,
)
from ..base.not_arrays import full_name
from ..base.spelling import did_you_mean


def known_monitor(rule: object, monitor: str, known: Sequence[str]) -> None:
    """Check that the fit measures this value."""
    if monitor in known:
        return
    name = f"{type(rule).__name__}(monitor={monitor!r})"
    if monitor.removeprefix("val_") in known:
        raise ValueError(f"{name} needs validation data: pass validation_data=(X, y)")
    hint = did_you_mean(monitor, known) or "; pass it in metrics="
    raise ValueError(f"{name}: this fit measures {', '.join(known)}{hint}")


def known_direction(rule: object, monitor: str, greater: bool | None) -> bool:
    """Check that it is known whether greater is better, and return it."""
    if greater is None:
        raise ValueError(f"{type(rule).__name__}: which {monitor} is better is unknown: pass mode='min' or mode='max'")
    return greater


def no_value(rule: object, monitor: str, reason: str) -> ValueError:
    """Return the error for a metric that is undefined on these data."""
    return ValueError(
        f"{type(rule).__name__}(monitor={monitor!r}): {monitor} has no value that could improve, for {reason}: watch "
        "another value, or pass other data"
    )


def stop_function(rule: object) -> None:
    """Check that something that is no criterion is a function."""
    if isinstance(rule, type) or not callable(rule):
        received = f"the class {rule.__name__}" if isinstance(rule, type) else repr(rule)
        raise TypeError(f"stop must hold criteria such as EarlyStopping(patience=5), or functions, got {received}")


def criterion(value: object, kind: type) -> None:
    """Check that a saved criterion is one."""
    if not isinstance(value, kind):
        raise TypeError(f"a criterion must be one such as gdcore.EarlyStopping(5), got {short(value)}")


def stop_answer(function: object, answer: object) -> bool | str:
    """Check and return the answer of a function that may stop a fit."""
    if answer is None or isinstance(answer, bool | np.bool_ | str):
        return answer if isinstance(answer, str) else bool(answer)
    raise TypeError(f"{checks.callable_name(function)} must return True, False, None or the reason, got {answer!r}")


def callback(value: object, kind: type) -> None:
    """Check that this is an instance of the callback interface."""
    if not isinstance(value, kind):
        received = f"{short(value)}{': a function that ends a fit is passed as stop=' * inspect.isroutine(value)}"
        raise TypeError(f"callbacks must hold instances of classes derived from gdcore.Callback, got {received}")


def full_batch(method: object, options: Mapping[str, bool]) -> None:
    """Check that a full-batch method can take model and options; `options` says which unsuitable ones are used."""
    for what, has in options.items():
        if has:
            raise ValueError(f"{method!r} needs the exact gradient and does not go with {what}: leave it out")


def layer_rates(value: object, names: Sequence[str]) -> dict[str, float]:
    """Check and return factors >= 0 on the rates of existing layers, at least one of which is trained."""
    if not isinstance(value, Mapping):
        raise TypeError(f"layer_rates must be a dict of layer -> factor, such as {{'dense0': 0.1}}, got {short(value)}")
    found = {}
    for name, rate_factor in value.items():
        if name not in names:
            raise ValueError(
                f"layer_rates names the layer {name!r}; known: {', '.join(names)}{did_you_mean(name, names)}"
            )
        found[name] = nonnegative(f"layer_rates[{name!r}]", rate_factor)
    if found and not any(found.get(name, 1) for name in names):
        raise ValueError(f"layer_rates freezes every layer, got {value!r}: leave one above 0")
    return found


def mini_batches(method: object, call: str) -> None:
    """Raise the error for a call that a full-batch method does not support."""
    raise TypeError(f"{call} needs an optimizer of mini-batches, got {method!r}: call fit, or take another optimizer")


def own_rate(schedule: object) -> None:
    """Raise the error for setting a rate that a schedule controls."""
    raise AttributeError(f"learning_rate follows {schedule!r} and cannot be set: make a Trainer with a number")


def average(value: object, kind: type) -> None:
    """Check that this is an average of the parameters, or None."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"average must be gdcore.Polyak() or gdcore.EMA(0.999), got {short(value)}")


def no_average() -> AttributeError:
    """Return the error that says how to make a trainer keep an average."""
    return AttributeError("averaged needs a trainer that averages: pass average=gdcore.EMA(0.999) to Trainer")


def validation_data(value: object) -> tuple[Any, Any, Any]:
    """Check and return (X, y, sample_weight); the last one is None if it was not given."""
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        received = f"{len(value)} items" if isinstance(value, tuple | list) else full_name(type(value))
        raise TypeError(f"validation_data must be (X, y) or (X, y, sample_weight), got {received}")
    return value[0], value[1], value[2] if len(value) == 3 else None


def one_validation(data: object) -> None:
    """Check that validation data and a validation split are not both given."""
    if data is not None:
        raise ValueError("validation_data and validation_split were both given: leave one of them out")


def held_out(share: object, n: int) -> int:
    """Return the number of validation samples for a share in (0, 1) of n: at least one, and not all."""
    count = round(inside("validation_split", share, 0, 1) * n)
    if n < 2:
        raise ValueError("validation_split needs at least 2 samples, got 1: leave it out")
    return min(max(count, 1), n - 1)


def weighted_part(weight: NDArray[Any] | None, n: int, what: str) -> None:
    """Check that a part of the samples has something to measure."""
    if n == 0:
        raise ValueError(f"validation_split leaves no {what} samples, as no class has two: pass validation_data")
    if weight is not None and not weight.any():
        raise ValueError(f"validation_split leaves {what} samples of weight 0 alone: pass validation_data instead")


def not_a_callback(criterion: object) -> TypeError:
    """Return the error for a criterion passed as a callback."""
    return TypeError(f"callbacks are told of epochs, and {criterion!r} ends a fit: pass it as stop={criterion!r}")


MOST = 2**62
"""Largest value accepted for a saved counter; one more still fits the kernels' integers."""


def own_turn(call: str, other: str, same_thread: bool) -> None:
    """Check that the call does not come from within another call of the same trainer."""
    if same_thread:
        raise RuntimeError(
            f"{call} was called within {other} of the same trainer, by a callback, a metric, a loss or a signal's "
            f"handler: call it when {other} is over, or take a trainer of its own"
        )


def other_thread(call: str, other: str) -> RuntimeError:
    """Return the error for a call that cannot wait for another thread's call."""
    return RuntimeError(
        f"this trainer is training in another thread, in {other}, which {call} does not wait for: wait for that "
        "thread, or give each thread a trainer of its own"
    )


def torn(is_torn: bool) -> None:
    """Check that a copy is not taken in the middle of a step."""
    if is_torn:
        raise RuntimeError(
            "the trainer's state was asked for in the middle of a step: save it in Callback.on_epoch_end, after "
            "fit(max_steps=…), or raise in the signal's handler and save what the interrupted fit has left"
        )


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


def saved_scalars(value: object, n: int) -> NDArray[np.float64]:
    """Check and return an optimizer's running scalars (n,), which are products of factors in [0, 1]."""
    found = saved_vector("scalars", value, n, "float64")
    if (found < 0).any() or (found > 1).any():
        raise ValueError(f"scalars must be in [0, 1], got {found.tolist()}")
    return found


def saved_count(name: str, value: object, high: int = MOST) -> int:
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
    loss, mass, norms, clipped = saved_tuple("sums", value, 4)
    finite("sums[0]", loss)
    nonnegative("sums[1]", mass)
    nonnegative("sums[2]", norms)
    saved_count("sums[3]", clipped, steps)
    if not steps and (loss, mass, norms) != (0, 0, 0):
        raise ValueError(f"sums is {(loss, mass, norms, clipped)} where no step of the epoch is made")
    return float(loss), float(mass), float(norms), int(clipped)


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
