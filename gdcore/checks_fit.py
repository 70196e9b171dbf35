"""Checks of what a fit takes beside data: schedules, metrics, criteria, callbacks, libraries. See checks.py."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import finite, integer, known_name, nonnegative, positive, short
from .not_arrays import full_name
from .spelling import did_you_mean


def factor(name: str, value: object) -> float:
    """A number in the half-open interval (0, 1]."""
    number = finite(name, value)
    if not 0 < number <= 1:
        raise ValueError(f"{name} must be in (0, 1], got {value!r}")
    return number


def at_least(name: str, value: object, low: float) -> float:
    """A finite number of at least `low`."""
    number = finite(name, value)
    if number < low:
        raise ValueError(f"{name} must be >= {low:g}, got {value!r}")
    return number


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """One of a few words."""
    if value not in allowed:
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, got {short(value)}{hint}")


def rising(name: str, value: object) -> tuple[int, ...]:
    """Integers >= 1, at least one, each above the one before."""
    if not isinstance(value, tuple | list) or not value:
        raise TypeError(f"{name} must be a tuple of integers, got {short(value)}")
    found = tuple(integer(f"{name}[{i}]", item, 1) for i, item in enumerate(value))
    if list(found) != sorted(set(found)):
        raise ValueError(f"{name} must rise, got {value!r}")
    return found


def rate(value: object) -> None:
    """A learning rate that is not a schedule: a finite number above 0."""
    if isinstance(value, type | str) or callable(value):
        raise TypeError(
            f"learning_rate must be a number or a schedule, got {short(value)}: "
            "pass a record such as gdcore.schedules.Cosine(0.1, 1000)"
        )
    positive("learning_rate", value)


def counted(call: str, schedule: object, per: str) -> None:
    """A schedule whose rate follows from a count of steps, not from losses."""
    if per == "plateau":
        raise ValueError(f"{call} knows no losses, which {schedule!r} follows: pass learning_rate, or use fit")


def function_name(kind: str, value: Any) -> str:
    """The name of a function, which a lambda or a partial does not have."""
    name = getattr(value, "__name__", "<lambda>")
    if name == "<lambda>":
        raise ValueError(f"a {kind} needs a name, which {value!r} has not: pass {{'name': function}}")
    return str(name)


def several(name: str, value: object) -> tuple[Any, ...]:
    """The members of a list or the like."""
    if not isinstance(value, Iterable):
        raise TypeError(f"{name} must be one or several, got {short(value)}")
    return tuple(value)


def metric_names(names: Sequence[str], taken: Sequence[str]) -> None:
    """Names that differ from one another, from those that are taken and from columns of layers."""
    for i, name in enumerate(names):
        text("what a metric is called", name)
        if name in names[:i]:
            raise ValueError(f"two metrics are called {name!r}: pass {{'name': metric}} to name them")
        if name in (*taken, "auto") or name.startswith(("val_", "gradient_norm ")):
            raise ValueError(f"a metric cannot be called {name!r}: pass {{'name': metric}} to name it")


def metric_value(name: str, value: object) -> float:
    """What a custom metric returned: a number."""
    found = np.asarray(value)
    if found.shape != () or found.dtype.kind not in "biuf":
        raise TypeError(f"metric {name!r} must return a number, got {value!r}")
    return float(found)


def missing_library(name: str, wanted_by: str, install: str, error: ImportError) -> ImportError:
    """The error that tells which library is needed, by what, and how to get it."""
    return ImportError(f"{wanted_by} needs {name} ({error}): pip install '{install}'")


def text(name: str, value: object) -> None:
    """A word."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a name, got {short(value)}")


def words(name: str, value: object, allowed: Sequence[str]) -> tuple[str, ...]:
    """One or several of a few words."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, Iterable):
        raise TypeError(f"{name} must be names among {', '.join(allowed)}, got {short(value)}")
    found = tuple(several)
    for word in found:
        known_name(name, word, allowed)
    return found


def known_monitor(rule: object, monitor: str, known: Sequence[str]) -> None:
    """A value that the fit measures."""
    if monitor in known:
        return
    name = f"{type(rule).__name__}(monitor={monitor!r})"
    if monitor.removeprefix("val_") in known:
        raise ValueError(f"{name} needs validation data: pass validation_data=(X, y)")
    hint = did_you_mean(monitor, known) or "; pass it in metrics="
    raise ValueError(f"{name}: this fit measures {', '.join(known)}{hint}")


def known_direction(rule: object, monitor: str, greater: bool | None) -> bool:
    """Whether greater is better, where that is known."""
    if greater is None:
        raise ValueError(f"{type(rule).__name__}: which {monitor} is better is unknown: pass mode='min' or mode='max'")
    return greater


def no_value(rule: object, monitor: str, reason: str) -> ValueError:
    """The error for a metric that these data leave undefined."""
    return ValueError(
        f"{type(rule).__name__}(monitor={monitor!r}): {monitor} has no value that could improve, for {reason}: watch "
        "another value, or pass other data"
    )


def stop_function(rule: object) -> None:
    """A function, where it is no criterion."""
    if isinstance(rule, type) or not callable(rule):
        received = f"the class {rule.__name__}" if isinstance(rule, type) else repr(rule)
        raise TypeError(f"stop must hold criteria such as EarlyStopping(patience=5), or functions, got {received}")


def criterion(value: object, kind: type) -> None:
    """A saved criterion."""
    if not isinstance(value, kind):
        raise TypeError(f"a criterion must be one such as gdcore.EarlyStopping(5), got {short(value)}")


def stop_answer(function: object, answer: object) -> bool | str:
    """What a function that may stop a fit has answered."""
    if answer is None or isinstance(answer, bool | np.bool_ | str):
        return answer if isinstance(answer, str) else bool(answer)
    raise TypeError(f"{callable_name(function)} must return True, False, None or the reason, got {answer!r}")


def callable_name(function: object) -> str:
    """How a message calls a function."""
    return str(getattr(function, "__name__", repr(function)))


def callback(value: object, kind: type) -> None:
    """An instance of the interface."""
    if not isinstance(value, kind):
        raise TypeError(f"callbacks must hold instances of classes derived from gdcore.Callback, got {short(value)}")


def one_column_of_classes(target: NDArray[Any] | None, kind: str | None) -> NDArray[Any]:
    """Targets (n, 1) of two classes, 0 and 1 or -1 and 1, as (n,)."""
    if target is None or kind not in ("unit", "sign") or target.shape[1] != 1:
        raise ValueError("class_weight needs labels, or one output whose targets are 0 and 1 or -1 and 1")
    column = target[:, 0]
    if kind == "unit" and not np.isin(column, (0, 1)).all():
        raise ValueError("class_weight needs targets that are 0 or 1, got numbers between: use sample_weight")
    return column


def class_weights(value: object, known: Sequence[int]) -> dict[int, float]:
    """Weights of classes that exist."""
    if not isinstance(value, Mapping):
        raise TypeError(f"class_weight must be 'balanced' or a dict class -> weight, got {short(value)}")
    found = {}
    for label, weight in value.items():
        if isinstance(label, bool) or not isinstance(label, numbers.Integral) or label not in known:
            raise ValueError(f"class_weight names the class {label!r}; known: {', '.join(map(str, known))}")
        found[int(label)] = nonnegative(f"class_weight[{label!r}]", weight)
    return found


def some_weight(weight: NDArray[Any]) -> None:
    """Weights that are not all 0."""
    if not weight.any():
        raise ValueError("class_weight leaves no sample with a weight above 0: raise one of its weights")


def full_batch(method: object, options: Mapping[str, bool]) -> None:
    """A model and options that a method over all data can take: whether each of those that it cannot is there."""
    for what, has in options.items():
        if has:
            raise ValueError(f"{method!r} needs the exact gradient and does not go with {what}: leave it out")


def layer_rates(value: object, names: Sequence[str]) -> dict[str, float]:
    """Factors >= 0 on the rates of layers that exist, one of which is trained."""
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


def own_params(value: NDArray[Any], n: int, dtype: str, writes: bool = True) -> NDArray[Any]:
    """A model's own vector as it was made: NumPy lets its dtype, shape and flags be set in place."""
    if value.dtype != dtype:
        raise ValueError(
            f"model.params was set to dtype {value.dtype} in place; expected {dtype}: set model.params.dtype = "
            f"{dtype!r}, and take model.astype for another precision"
        )
    if value.shape != (n,):
        raise ValueError(
            f"model.params was set to shape {value.shape} in place; expected ({n},): set model.params.shape = ({n},), "
            "and take model.parameters() for the layers' own"
        )
    if writes and not value.flags.writeable:
        raise ValueError("params is read-only: set model.params.flags.writeable = True")
    return value


def mini_batches(method: object, call: str) -> None:
    """A call that a method over all data does not have."""
    raise TypeError(f"{call} needs an optimizer of mini-batches, got {method!r}: call fit, or take another optimizer")


def own_rate(schedule: object) -> None:
    """A trainer's rate may be set where no schedule sets it."""
    raise AttributeError(f"learning_rate follows {schedule!r} and cannot be set: make a Trainer with a number")


def average(value: object, kind: type) -> None:
    """A mean of the parameters, or None."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"average must be gdcore.Polyak() or gdcore.EMA(0.999), got {short(value)}")


def no_average() -> AttributeError:
    """The error that tells how a trainer comes to keep a mean."""
    return AttributeError("averaged needs a trainer that averages: pass average=gdcore.EMA(0.999) to Trainer")


INSTEAD = "use CMA-ES (an evolution strategy) or, where fun is a mean over random actions, policy gradients"


def deterministic(value: float, again: float) -> None:
    """A function with one value at one place."""
    if value != again:
        raise ValueError(
            f"fun gave {value:.6g} and then {again:.6g} at the same x: differences of a random function are noise; "
            f"fix its seed, or {INSTEAD}"
        )


def no_jump_here(jumps: bool) -> None:
    """A function that does not jump at its start."""
    if jumps:
        raise ValueError(f"fun jumps at x0: no derivative to follow; {INSTEAD}")


def no_jump(distance: float | None) -> None:
    """A function that is not made of steps."""
    if distance is not None:
        raise ValueError(
            f"fun is constant around x0 and jumps within {distance:.2g} of it: no derivative to follow; {INSTEAD}"
        )


def objective_value(value: object, where: str) -> float:
    """What an objective returned: a number."""
    found = np.asarray(value)
    if found.size != 1 or found.dtype.kind not in "biuf":
        raise TypeError(f"{where} must return a number, got {value!r}")
    return float(found.reshape(()))


def objective_pair(value: object) -> tuple[object, object]:
    """What an objective returned with its gradient."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(
            f"fun must return (value, gradient), got {full_name(type(value))}: pass jac=None for finite differences or "
            f"jac=function; without a derivative, {INSTEAD}"
        )
    return value[0], value[1]


def objective_gradient(value: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """An objective's gradient, of x's shape, as a flat vector."""
    found = np.asarray(value)
    if found.dtype.kind not in "biuf" or (found.shape != shape and found.size != 1) or found.size != np.prod(shape):
        raise ValueError(f"the gradient has shape {found.shape} and dtype {found.dtype}; expected real numbers {shape}")
    return found.astype(np.float64).ravel()


def bounds(value: object, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest values (n,) from pairs, None for none."""
    several = several_pairs(value)
    if len(several) != n:
        raise ValueError(f"bounds has {len(several)} pairs; expected one for each of x0's {n} numbers")
    low = np.array([-np.inf if pair[0] is None else pair[0] for pair in several], np.float64)
    high = np.array([np.inf if pair[1] is None else pair[1] for pair in several], np.float64)
    if not ((low <= high) & (low < np.inf) & (high > -np.inf)).all():
        raise ValueError(f"bounds must be pairs (low, high) with low <= high, got {short(value)}")
    return low, high


def several_pairs(value: object) -> list[Any]:
    """A list of pairs."""
    found = list(value) if isinstance(value, Iterable) else []
    pairs = found and all(isinstance(pair, tuple | list | np.ndarray) and len(pair) == 2 for pair in found)
    if not pairs or not all(end is None or isinstance(end, numbers.Real) for pair in found for end in pair):
        raise TypeError(f"bounds must be a list of pairs (low, high), None for no bound, got {short(value)}")
    return found


def finite_start(what: str, at_start: bool) -> None:
    """A value and a gradient to begin with; `what` is the one that is not finite."""
    if what and at_start:
        raise ValueError(f"{what} is not finite at x0: begin elsewhere")


def takes_bounds(method: object, takes: bool, given: bool) -> None:
    """A method that can keep to bounds."""
    if given and not takes:
        raise ValueError(f"{method!r} does not take bounds: use 'lbfgs', or an optimizer with a learning rate")


def function(name: str, value: object) -> None:
    """Something to call."""
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {short(value)}")


def jacobian(value: object) -> None:
    """What says where a gradient comes from."""
    if value is not None and value is not True and not callable(value):
        raise TypeError(
            "jac must be True (fun returns value and gradient), a function or None (finite differences), "
            f"got {short(value)}"
        )


def rate_range(low: object, high: object) -> None:
    """Two learning rates, the first below the second."""
    if positive("low", low) >= positive("high", high):
        raise ValueError(f"low must be < high, got low={low!r} and high={high!r}")


def fixed_rate(value: object) -> None:
    """A rate that the range test may set."""
    if not isinstance(value, numbers.Real):
        raise ValueError(f"find_learning_rate sets the rate itself, but it follows {value!r}: pass a number for it")


def no_rate_to_find(method: object) -> ValueError:
    """The error for a method that chooses the length of its steps itself."""
    return ValueError(
        f"find_learning_rate needs an optimizer with a learning rate, got {method!r}, which chooses its steps itself: "
        "pass 'sgd', 'adam' or the like, or fit with it as it is"
    )


def column_names(value: Iterable[object], n: int) -> tuple[str, ...]:
    """A name for each of X's columns."""
    found = () if isinstance(value, str) else tuple(map(str, value))
    if len(found) != n:
        raise ValueError(f"feature_names must hold {n} names, one for each column of X, got {value!r}")
    return found
