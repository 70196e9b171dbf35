"""How fast the loss was falling when training ended.

Design
------
- A fall differs from noise by the order of the last losses: in nearly every pair the later one is lower. This holds for
  any form of the curve, and whatever constant is added to it.
- A fall counts if as many epochs again at this pace would lower the loss by a notable share; so what an epoch must gain
  depends on how many there were.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MIN_EPOCHS, MAX_EPOCHS = 5, 50
"""Bounds on the number of last epochs that are looked at; with fewer there is no pace."""
END = 0.2
"""The share of all epochs that counts as the end, within these bounds."""
IN_ORDER = 0.9
"""The loss is falling if in at least this share of the pairs of last epochs the later loss is lower."""
NOTABLE = 0.1
"""A pace is notable if as many epochs again would lower the loss by at least this share."""


def fall_per_epoch(losses: Sequence[float]) -> float:
    """Return the mean relative fall of the loss per epoch over the last epochs; 0 if it hardly fell.

    Examples
    --------
    >>> fall_per_epoch([16.0, 8.0, 4.0, 2.0, 1.0])
    0.5
    >>> fall_per_epoch([16.0, 8.0, 4.0, 5.0, 4.0])
    0.0
    """
    end = np.array(losses[-min(max(MIN_EPOCHS, round(END * len(losses))), MAX_EPOCHS) :])
    if len(end) < MIN_EPOCHS or not np.isfinite(end).all() or not end.all():
        return 0.0
    earlier, later = np.triu_indices(len(end), 1)
    if np.mean(end[later] < end[earlier]) < IN_ORDER:
        return 0.0
    pace = float(np.mean((end[:-1] - end[1:]) / np.abs(end[:-1])))
    return pace if pace * len(losses) >= NOTABLE else 0.0
