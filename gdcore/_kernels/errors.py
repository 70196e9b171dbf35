"""What the kernels raise."""

from __future__ import annotations


class RefusedStep(FloatingPointError):
    """A step that changed nothing. Its args are the reason and the step: "loss", "gradient" or "parameters" was not
    finite, or "turn", where another call trains.
    """
