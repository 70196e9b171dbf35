"""Did it learn the training data by heart?"""

from __future__ import annotations

import numpy as np

from .case import Case
from .finding import Finding

FEWEST_EPOCHS = 5
ROSE = 1.3
"""Times its lowest that the validation loss is at the end, the last three epochs' lowest being taken."""
FELL = 0.9
"""Times its value then that the training loss is at the end."""
LAST = 3


def overfitting(case: Case) -> Finding | None:
    """The validation loss has been rising while the training loss went on falling."""
    history = case.history
    if history is None or len(history.val_loss) < FEWEST_EPOCHS or not np.isfinite(history.val_loss).all():
        return None
    best = int(np.argmin(history.val_loss))
    lowest, end = history.val_loss[best], min(history.val_loss[-LAST:])
    train_then, train_end = history.loss[best], history.loss[-1]
    if not (end - lowest > (ROSE - 1) * abs(lowest) and train_end < FELL * train_then):
        return None
    return Finding(
        "overfitting",
        f"the validation loss has risen since epoch {best} while the training loss went on falling",
        {
            "best_epoch": best, "val_loss_then": lowest, "val_loss_at_end": end,
            "loss_then": train_then, "loss_at_end": train_end,
        },
        "stop=EarlyStopping(restore_best=True); l2, dropout, a smaller model or more data raise the best itself",
    )  # fmt: skip
