"""Numbers as people read them: four digits that count, commas between thousands, the place in an order."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

SHARES = ("r2", "accuracy", "balanced_accuracy", "f1_macro")
"""Scores that are 1 at best."""


def figure(value: float) -> str:
    """Return a number with four digits that count, or all those before the point.

    Examples
    --------
    >>> figure(0.123456), figure(1234.5), figure(1234567.8), figure(3.0), figure(float("nan"))
    ('0.1235', '1,234', '1,234,568', '3', 'nan')
    """
    value = float(value)
    if math.isfinite(value) and 1000 <= round(abs(value), 1) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def score_text(name: str, value: float) -> str:
    """Return a score: with four decimals if it is 1 at best, where one just below 1 is not rounded to it.

    Examples
    --------
    >>> score_text("r2", 0.5), score_text("r2", -1e-9), score_text("accuracy", 0.9999921)
    ('0.5000', '0.0000', '0.99999')
    """
    if name not in SHARES or not math.isfinite(value):
        return figure(value)
    if abs(value) >= 100:
        return figure(value) if abs(value) < 1e7 else f"{value:.4g}"
    if 0.9999 < value < 1:
        return f"{math.floor(value * 1e5) / 1e5:.5f}".rstrip("0")
    return f"{round(value, 4) + 0.0:,.4f}"


def ordinal(number: int) -> str:
    """Return a number as a place in an order.

    Examples
    --------
    >>> ordinal(1), ordinal(12), ordinal(22), ordinal(103)
    ('1st', '12th', '22nd', '103rd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def epochs_from_1(text: str) -> str:
    """Return a sentence on a training for those who count epochs from 1, as progress does.

    Examples
    --------
    >>> epochs_from_1("val_loss has not improved for 20 epochs: the best, 0.5, was in epoch 0")
    'the validation loss has not improved for 20 epochs: the best, 0.5, was in the 1st epoch'
    """
    text = re.sub(r"\bepoch (\d+)", lambda found: f"the {ordinal(int(found[1]) + 1)} epoch", text)
    return re.sub(r"\bval_loss\b", "the validation loss", text)


def evidence_from_1(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence of a finding for those who count epochs from 1, with words for names.

    Examples
    --------
    >>> evidence_from_1({"best_epoch": 0, "val_loss_then": 0.5})
    {'best epoch': 1, 'val loss then': 0.5}
    """
    counted = {
        name: value + 1 if name in ("best_epoch", "first_epoch_at_rest") else value for name, value in evidence.items()
    }
    return {name.replace("_", " "): value for name, value in counted.items()}
