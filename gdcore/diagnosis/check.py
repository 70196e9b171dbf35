"""A short check of the gradient."""

from __future__ import annotations

from ..gradcheck import check_gradients
from .case import Case
from .finding import Finding

DIRECTIONS = 2
"""Along which each block's gradient is compared with differences: one hides a wrong entry very seldom."""


def gradient_wrong(case: Case) -> Finding | None:
    """Derivatives along random directions are not what the gradient says."""
    point = case.point
    report = check_gradients(
        point.model, point.data.X, point.targets, point.loss,
        sample_weight=point.data.weight, l1=point.l1, l2=point.l2, mode="directions", directions=DIRECTIONS,
    )  # fmt: skip
    if report.verdict != "fail":
        return None
    found = report.to_dict()
    evidence = {name: found[name] for name in ("worst", "analytic", "numeric", "bound", "causes")}
    return Finding(
        "gradient wrong",
        f"the loss changes otherwise than its gradient says: {found['worst']} is off",
        evidence,
        "a custom loss must return d value / d outputs; print(check_gradients(model, X, y, loss)) tells more",
    )
