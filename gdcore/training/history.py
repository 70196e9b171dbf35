"""What a fit records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final


@final
@dataclass(repr=False)
class History:
    """One entry per epoch, and why the fit stopped.

    Attributes
    ----------
    loss : list of float
        Mean of the samples' losses, each before its batch's update; without penalties, to compare with `val_loss`.
    val_loss : list of float
        Loss on the validation data after the epoch; empty without such data.
    seconds : list of float
        Time of the epoch, validation included.
    stop_reason : str
        A sentence.

    Examples
    --------
    >>> History([0.5, 0.25], [], [0.1, 0.1], "all 2 epochs were run")
    History(epochs=2, loss=0.25, stop_reason='all 2 epochs were run')
    """

    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stop_reason: str = ""

    @property
    def epochs(self) -> int:
        """Epochs run."""
        return len(self.loss)

    def to_dict(self) -> dict[str, Any]:
        """Copies of the lists and the stop reason, ready for JSON."""
        return {
            "loss": list(self.loss),
            "val_loss": list(self.val_loss),
            "seconds": list(self.seconds),
            "stop_reason": self.stop_reason,
        }

    def __repr__(self) -> str:
        parts = [f"epochs={self.epochs}"]
        if self.loss:
            parts.append(f"loss={self.loss[-1]:.4g}")
        if self.val_loss:
            parts.append(f"val_loss={self.val_loss[-1]:.4g}")
        return f"History({', '.join(parts)}, stop_reason={self.stop_reason!r})"
