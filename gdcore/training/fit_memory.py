"""`FitMemory`, what a training remembers from one fit to the next beside parameters, optimizer state and counters.

Design
------
It is replaced as a whole, in one assignment, once criteria and plateau have seen an epoch's end. So they and the count
of epochs stay consistent whatever interrupts the fit. Work that an interrupted fit has begun but not committed is
repeated by the next one from the memory recorded here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..schedules import PlateauState
from .fingerprint import Fingerprint
from .stopping.base import Memories


class GradientSum(NamedTuple):
    """Sum of the gradients of the current epoch's steps, kept if a criterion needs their mean."""

    total: NDArray[np.float64]
    """Shape (n_params,); the kernels add to it."""
    unsummed: int
    """Number of the epoch's first steps that are not in the sum."""


ENDS = ("criterion", "callback", "optimizer")
"""What ends a fit before its length does; the last one is a full-batch method that has converged."""


class FitMemory(NamedTuple):
    """What the last fit has left for the next one, or the running fit would leave."""

    criteria: Memories = ()
    """The criteria that did not stop the fit, with what each remembers."""
    plateau: PlateauState = PlateauState()
    """State of a `ReduceOnPlateau`."""
    data: Fingerprint | None = None
    """Fingerprint of the data whose losses criteria and plateau have seen; None without either."""
    seen: int = -1
    """`epochs_done` of the training at the last epoch's end that criteria have seen, or when the fit began; -1 if
    training continued through `step` or `epoch`. If `epochs_done` is one more and the epoch's steps are all made, the
    end of that epoch is still to be measured."""
    before: NDArray[Any] | None = None
    """The parameters before an epoch of one step, if a criterion may restore them."""
    reached: NDArray[Any] | None = None
    """The parameters as trained, if a criterion has put others into the model at the end; training resumes from them.
    """
    shown: NDArray[Any] | None = None
    """The parameters that the criterion put in their place."""
    gradients: GradientSum | None = None
    ended_by: str = ""
    """What has ended the fit before all of its epochs and steps, of `ENDS`; "" if nothing has."""
    ended_at: int = -1
    """Number of the training's steps when it ended so."""

    def ended(self, steps: int) -> str:
        """Return what has ended the fit, or "" if a training of so many steps has gone on since."""
        return self.ended_by if steps == self.ended_at else ""

    def outside_fits(self) -> FitMemory:
        """Return what is left when training continues through `epoch`."""
        if self.seen == -1 and self.before is None and self.gradients is None and not self.ended_by:
            return self
        return self._replace(seen=-1, before=None, gradients=None, ended_by="")
