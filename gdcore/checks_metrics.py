"""Which metrics go with which losses. See checks.py."""

from __future__ import annotations

from collections.abc import Sequence

LOSSES_OF = {
    "real": ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "quantile"),
    "nonnegative": ("poisson",),
    "unit": ("binary_cross_entropy",),
    "sign": ("hinge", "squared_hinge"),
    "class": ("cross_entropy",),
}
"""The losses by what targets they take, as messages name them."""


def metric_fits(name: str, target: str | None, n_out: int, kinds: Sequence[str], loss: str) -> None:
    """A metric that goes with the loss's targets; None: the targets of a custom loss."""
    if not kinds:
        raise ValueError(f"metric {name!r} needs a model of several outputs, got {n_out}: choose another metric")
    if target is not None and target not in kinds:
        classes = [kind for kind in kinds if kind != "real"]
        losses = ", ".join(loss for kind in classes or kinds for loss in LOSSES_OF[kind])
        outputs = f" for a model of {n_out} output{'s' * (n_out > 1)}" if classes else ""
        raise ValueError(
            f"metric {name!r} needs a {'classification' if classes else 'regression'} loss ({losses}){outputs}, "
            f"got {loss}: choose another metric, or pass a function"
        )
