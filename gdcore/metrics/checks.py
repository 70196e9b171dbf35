"""Checks of metrics; each error says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base import checks
from ..losses import losses_of


def function_name(kind: str, value: Any) -> str:
    """Return the name of a function, which a lambda or a partial does not have."""
    name = getattr(value, "__name__", "<lambda>")
    if name == "<lambda>":
        raise ValueError(f"a {kind} needs a name, which {value!r} has not: pass {{'name': function}}")
    return str(name)


def metric_names(names: Sequence[str], taken: Sequence[str]) -> None:
    """Check that names differ from one another, from taken ones and from columns of layers."""
    for i, name in enumerate(names):
        checks.text("what a metric is called", name)
        if name in names[:i]:
            raise ValueError(f"two metrics are called {name!r}: pass {{'name': metric}} to name them")
        if name in (*taken, "auto") or name.startswith(("val_", "gradient_norm ")):
            raise ValueError(f"a metric cannot be called {name!r}: pass {{'name': metric}} to name it")


def metric_value(name: str, value: object) -> float:
    """Check and return a custom metric's number."""
    found = np.asarray(value)
    if found.shape != () or found.dtype.kind not in "biuf":
        raise TypeError(f"metric {name!r} must return a number, got {value!r}")
    return float(found)


def metric_fits(name: str, target: str | None, n_out: int, kinds: Sequence[str], loss: str) -> None:
    """Check that a metric suits the loss's targets; None stands for those of a custom loss."""
    if not kinds:
        raise ValueError(f"metric {name!r} needs a model of several outputs, got {n_out}: choose another metric")
    if target is not None and target not in kinds:
        classes = [kind for kind in kinds if kind != "real"]
        losses = ", ".join(losses_of(*(classes or kinds)))
        outputs = f" for a model of {n_out} output{'s' * (n_out > 1)}" if classes else ""
        raise ValueError(
            f"metric {name!r} needs a {'classification' if classes else 'regression'} loss ({losses}){outputs}, "
            f"got {loss}: choose another metric, or pass a function"
        )
