"""Exceptions that the kernels raise."""

from __future__ import annotations


class Unfit(ValueError):
    """Internal: the kernels do not take arrays as they stand, and nothing was done. Python converts them, or explains.

    A class of its own, because a signal's handler may raise any other while the kernels run.
    """


class RefusedStep(FloatingPointError):
    """Internal: the step was rejected and nothing changed. The args are (reason, step): "loss", "gradient" or
    "parameters" was not finite, or "turn" if another call trains.
    """
