"""Measurements of a model's outputs in the targets' own units."""

from __future__ import annotations

from collections.abc import Mapping

from ..data.samples import Samples, own_targets
from ..layers.stack import Stack
from ..metrics import Metric


def measure(stack: Stack, data: Samples, metrics: Mapping[str, Metric], prefix: str = "") -> dict[str, float]:
    """Return the metrics of the predictions on checked samples, in the targets' own units."""
    if not metrics:
        return {}
    outputs, targets = stack.predict(data.X), own_targets(stack, data)
    return {prefix + name: metric(outputs, targets, data.sample_weight) for name, metric in metrics.items()}
