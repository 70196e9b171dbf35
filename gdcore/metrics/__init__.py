"""Metrics: what a fit measures beside its loss, on raw outputs.

CONTRIBUTING has the recipe to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..base import checks as base_checks
from ..base.calls import explains_constructor
from ..base.record import Registry
from . import checks as metrics_checks
from .base import CustomMetric, Metric
from .classification import Accuracy, BinaryAccuracy, TopK
from .regression import MAE, R2

METRICS: Registry[type[Metric]] = Registry("metric", (Accuracy, BinaryAccuracy, TopK, MAE, R2))

MetricSpec = str | Metric | Callable[[Any, Any], float]
"""A name in `METRICS`, a metric object, or a function (outputs, y) -> float."""

Metrics = MetricSpec | Iterable[MetricSpec] | Mapping[str, MetricSpec]
"""One, several, or a mapping that names them."""


def get_metric(spec: MetricSpec, name: str | None = None) -> Metric:
    """Return the metric that `spec` is, names, or computes.

    Parameters
    ----------
    spec : str, Metric or callable
        The name of a record in `METRICS`, with its defaults; a record; or a function with a name,
        (outputs, y) -> float.
    name : str, optional
        What a function is to be called; by default as it is.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, and for what is none of these.

    Examples
    --------
    >>> get_metric("top_k")
    TopK()
    """
    if isinstance(spec, Metric):
        return spec
    if callable(spec) and not isinstance(spec, type):
        return CustomMetric(spec, metrics_checks.function_name("metric", spec) if name is None else name)
    return METRICS.find(spec)()


def get_metrics(spec: Metrics, taken: Sequence[str] = ()) -> dict[str, Metric]:
    """Return one metric, several, or a mapping that names them, as a dict of name -> metric in their order.

    Parameters
    ----------
    spec : MetricSpec, or several, or a mapping
    taken : sequence of str, default ()
        Names that what records them needs for itself.

    Raises
    ------
    TypeError, ValueError
        For two of one name, and for a name that is taken.
    """
    if isinstance(spec, Mapping):
        found = [(name, get_metric(metric, name)) for name, metric in spec.items()]
    else:
        single = isinstance(spec, str | Metric) or callable(spec)
        several = (spec,) if single else base_checks.several("metrics", spec)
        metrics = [get_metric(metric) for metric in several]
        found = [(metric.label(), metric) for metric in metrics]
    metrics_checks.metric_names([name for name, _ in found], taken)
    return dict(found)


__all__ = [
    "MAE",
    "METRICS",
    "R2",
    "Accuracy",
    "BinaryAccuracy",
    "CustomMetric",
    "Metric",
    "MetricSpec",
    "Metrics",
    "TopK",
    "get_metric",
    "get_metrics",
]


def __dir__() -> list[str]:
    """Return only the public names."""
    return sorted(__all__)


for _kind in METRICS:
    explains_constructor(_kind)
