"""Checks of the training arguments; each error says what to do."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.checks import inside, nonnegative, positive, short
from ..base.not_arrays import full_name
from ..base.spelling import did_you_mean
from ..optimizers.full_batch import FullBatch


def known_monitor(rule: object, monitor: str, known: Sequence[str], argument: str) -> None:
    """Check that the fit measures this value, which the rule was given as this argument."""
    if monitor in known:
        return
    name = f"{type(rule).__name__}({argument}={monitor!r})"
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


def layer_rates(value: object, names: Sequence[str], biases: Sequence[str]) -> dict[str, float]:
    """Check and return factors on the rates of layers, >= 0, and of biases, > 0; at least one layer is trained."""
    known = [*names, *biases]
    if not isinstance(value, Mapping):
        raise TypeError(f"layer_rates must be a dict of layer -> factor, such as {{'dense0': 0.1}}, got {short(value)}")
    found = {}
    for name, rate_factor in value.items():
        if name not in known:
            raise ValueError(
                f"layer_rates names the layer {name!r}; known: {', '.join(known)}{did_you_mean(name, known)}"
            )
        check = positive if name in biases else nonnegative
        found[name] = check(f"layer_rates[{name!r}]", rate_factor)
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


def not_linear_outputs(layers: object) -> ValueError:
    """Return the error for a model whose outputs are not linear models of their own."""
    return ValueError(
        f"sum_outputs() needs several outputs of one dense layer without activation, got {short(layers)}: with other "
        "models watch the loss that epoch() returns"
    )


def not_pointwise(loss: object) -> ValueError:
    """Return the error for a loss that gives outputs no losses of their own."""
    return ValueError(
        f"sum_outputs() needs a loss of gdcore in which each output has a loss of its own, got {short(loss)}: with "
        "this one watch the loss that epoch() returns"
    )


def validation_data(value: object) -> tuple[Any, Any, Any]:
    """Check and return (X, y, sample_weight); the last one is None if it was not given."""
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        received = f"{len(value)} items" if isinstance(value, tuple | list) else full_name(type(value))
        raise TypeError(f"validation_data must be (X, y) or (X, y, sample_weight), got {received}")
    return value[0], value[1], value[2] if len(value) == 3 else None


def whole_source(optimizer: object, y: object, sample_weight: object) -> None:
    """Check that nothing is given that a source holds itself, and no optimizer that takes all rows at once."""
    if y is not None:
        raise TypeError(f"a source holds the targets, got y, {short(y)}, besides: leave it out")
    if sample_weight is not None:
        raise TypeError(
            f"a source holds the weights, got sample_weight, {short(sample_weight)}, besides: pass them to the source, "
            "as in gdcore.data.Npy('X.npy', 'y.npy', weight='w.npy')"
        )
    if isinstance(optimizer, FullBatch):
        raise TypeError(
            f"{optimizer.name} takes all data at once, so it needs arrays, not a source: pass gdcore.Adam()"
        )


def split_of_stream(n: int, window: int) -> ValueError:
    """Return the error for a validation split of a source larger than memory."""
    return ValueError(
        f"validation_split takes rows at random places of all {n}, of which a window of the source holds {window}: "
        f"pass validation_data=, another source or arrays, or window_rows={n} to the source if memory holds them"
    )


def needs_y(call: str, error: TypeError) -> TypeError:
    """Return the error for a call without y."""
    return TypeError(f"{call} needs y: {error}")


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


def own_turn(call: str, other: str, same_thread: bool) -> None:
    """Check that the call does not come from within another call of the same trainer."""
    if same_thread:
        raise RuntimeError(
            f"{call} was called within {other} of the same trainer, by a callback, a metric, a loss or a signal's "
            f"handler: call it when {other} is over, or take a trainer of its own"
        )


SAVING = ("save", "state_dict")
"""Calls that copy a trainer."""


def other_thread(call: str, other: str) -> RuntimeError:
    """Return the error for a call that cannot wait for another thread's call."""
    remedy = "wait for that thread, or give each thread a trainer of its own"
    if call in SAVING and other != "fit":
        remedy = "wait for that thread"
    elif call in SAVING:
        remedy = "pass callbacks=gdcore.Checkpoint(path) to it, save in a callback of your own, or wait for that thread"
    return RuntimeError(
        f"this trainer is training in another thread, in {other}, which {call} does not wait for: {remedy}"
    )


def torn(is_torn: bool) -> None:
    """Check that a copy is not taken in the middle of a step."""
    if is_torn:
        raise RuntimeError(
            "the trainer's state was asked for in the middle of a step: save it in Callback.on_epoch_end, after "
            "fit(max_steps=…), or raise in the signal's handler and save what the interrupted fit has left"
        )
