"""How fast the loss was falling when training ended.

Design
------
- Noise is told from a fall by the order of the last losses alone: of nearly every two of them the later is the lower.
  That holds whatever the curve's form and whatever a constant adds to it.
- A fall counts where as many epochs again at this pace would take off a notable share: what an epoch must bring
  depends on how many there were.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST, MOST = 5, 50
"""Epochs that are looked at."""
END = 0.2
"""Of all epochs that are the end, within those numbers."""
IN_ORDER = 0.9
"""Of the pairs of the end's losses in which the later is the lower."""
NOTABLE = 0.1
"""Of the loss that as many epochs again would take off at the end's pace."""


def fall_per_epoch(losses: Sequence[float]) -> float:
    """The mean share of itself that the loss fell by in each of the last epochs; 0 where it did not, or hardly.

    Examples
    --------
    >>> fall_per_epoch([16.0, 8.0, 4.0, 2.0, 1.0])
    0.5
    >>> fall_per_epoch([16.0, 8.0, 4.0, 5.0, 4.0])
    0.0
    """
    end = np.array(losses[-min(max(FEWEST, round(END * len(losses))), MOST) :])
    if len(end) < FEWEST or not np.isfinite(end).all() or not end.all():
        return 0.0
    earlier, later = np.triu_indices(len(end), 1)
    if np.mean(end[later] < end[earlier]) < IN_ORDER:
        return 0.0
    pace = float(np.mean((end[:-1] - end[1:]) / np.abs(end[:-1])))
    return pace if pace * len(losses) >= NOTABLE else 0.0
