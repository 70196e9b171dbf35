"""The defaults of a trainer's settings.

Design
------
`Trainer` and `Sequential.fit` take the same settings and read their defaults here. This file imports nothing of the
package, because a model has a `fit` before anything that trains it is imported.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class TrainerDefaults(NamedTuple):
    """A setting's name and its default; None and "no rates" mean that the setting is not used."""

    optimizer: str = "adam"
    batch_size: int = 32
    accumulate: int = 1
    shuffle: bool = True
    drop_last: bool = False
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: None = None
    clip_value: None = None
    layer_rates: None = None
    average: None = None
    seed: None = None


DEFAULTS: Final = TrainerDefaults()
