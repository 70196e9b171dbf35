"""Exceptions that the kernels raise."""

from __future__ import annotations


class RefusedStep(FloatingPointError):
    """Internal: the step was rejected and nothing changed. The args are (reason, step): "loss", "gradient" or
    "parameters" was not finite, or "turn" if another call trains.
    """
