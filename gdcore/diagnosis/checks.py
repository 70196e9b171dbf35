"""Checks of the arguments of diagnosis; each error says what to do."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping

from ..base.checks import positive, short, unknown_name
from ..metrics import METRICS
from ..training.history import History


def rate_range(low: object, high: object) -> None:
    """Check that two learning rates are given in increasing order."""
    if positive("low", low) >= positive("high", high):
        raise ValueError(f"low must be < high, got low={low!r} and high={high!r}")


def fixed_rate(value: object) -> None:
    """Check that the range test may set this rate."""
    if not isinstance(value, numbers.Real):
        raise ValueError(f"find_learning_rate sets the rate itself, but it follows {value!r}: pass a number for it")


def no_rate_to_find(method: object) -> ValueError:
    """Return the error for a method that chooses its step lengths itself."""
    return ValueError(
        f"find_learning_rate needs an optimizer with a learning rate, got {method!r}, which chooses its steps itself: "
        "pass 'sgd', 'adam' or the like, or fit with it as it is"
    )


def column_names(value: Iterable[object], n: int) -> tuple[str, ...]:
    """Check and return a name for each of X's columns."""
    found = () if isinstance(value, str) else tuple(map(str, value))
    if len(found) != n:
        raise ValueError(f"feature_names must hold {n} names, one for each column of X, got {value!r}")
    return found


def other_rows(shape: tuple[int, ...], n: int) -> ValueError:
    """Return the error for targets of another number of rows than X."""
    return ValueError(f"y has shape {shape}, but X has {n} rows: pass a target for each row")


def named_histories(value: object) -> dict[str, tuple[History, ...]]:
    """Check and return histories by name, one or several of each."""
    if not isinstance(value, Mapping):
        raise TypeError(f"histories must be a dict such as {{'adam': history, 'sgd': other}}, got {short(value)}")
    found: dict[str, tuple[History, ...]] = {}
    for name, entry in value.items():
        several = (entry,) if isinstance(entry, History) else tuple(entry) if isinstance(entry, Iterable) else ()
        if not several or not all(isinstance(one, History) for one in several):
            raise TypeError(f"histories[{name!r}] must be what fit returned, or a list of these, got {short(entry)}")
        found[str(name)] = several
    if len(found) < 2:
        raise ValueError(f"histories must have two names or more, got {len(found)}: nothing can be compared")
    return found


def greater_is_better(monitor: str) -> bool | None:
    """Return which way a value of a fit is better, None if its name does not tell."""
    if monitor in ("loss", "val_loss"):
        return False
    metric = METRICS.by_name.get(monitor.removeprefix("val_"))
    return None if metric is None else metric.greater_is_better


def way_of_monitor(monitor: object, named: Mapping[str, tuple[History, ...]]) -> bool:
    """Check that histories can be compared by a value, and return whether greater is better."""
    names = (
        "val_loss",
        "loss",
        *dict.fromkeys(name for all_of in named.values() for one in all_of for name in one.metrics),
    )
    if not isinstance(monitor, str):
        raise TypeError(f"monitor must be the name of a value, such as 'val_loss', got {short(monitor)}")
    if monitor not in names:
        error = unknown_name("monitor", monitor, names)
        raise ValueError(f"{error}; monitor must be a loss, or a metric that the fits measured, as with metrics='r2'")
    greater = greater_is_better(monitor)
    if greater is None:
        raise ValueError(f"which {monitor} is better is unknown: monitor a loss or a metric of gdcore.METRICS")
    return greater


def same_loss(monitor: str, named: Mapping[str, tuple[History, ...]]) -> None:
    """Check that values of a loss are all of one loss, as far as the histories know theirs."""
    losses = {name: {one.loss_name for one in several} - {""} for name, several in named.items()}
    if monitor not in ("loss", "val_loss") or len(set().union(*losses.values())) < 2:
        return
    told = ", ".join(f"{name} has {' and '.join(sorted(found))}" for name, found in losses.items() if found)
    measured = [one.metrics for several in named.values() for one in several]
    common = [name for name in measured[0] if all(name in each for each in measured)]
    common = [name for name in common if greater_is_better(name) is not None]
    metric = next((name for name in common if name.startswith("val_")), common[0] if common else "")
    remedy = f"pass monitor={metric!r}" if metric else "fit all with metrics='r2', say, and pass it as monitor"
    raise ValueError(
        f"{monitor} must be of the same loss in all fits, got others: {told}; compare by a metric: {remedy}"
    )


def not_all_validated(without: Iterable[str]) -> str:
    """Return the sentence for histories of which some have no validation loss."""
    return (
        f"Compared by the loss on the training data, since some fits have no val_loss ({', '.join(without)}): it does "
        "not tell how a model does on new rows. Fit all with the same validation_data"
    )


def nothing_monitored(name: str, monitor: str) -> ValueError:
    """Return the error for a history without the values to compare."""
    remedy = {"val_loss": "fit with validation_data, or pass monitor='loss'", "loss": "leave it out"}
    other = f"fit with metrics={monitor.removeprefix('val_')!r}"
    if monitor.startswith("val_"):
        other += " and validation_data"
    return ValueError(f"histories[{name!r}] has no finite {monitor}: {remedy.get(monitor, other)}")
