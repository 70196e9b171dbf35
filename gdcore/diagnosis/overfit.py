"""Did it learn the training data by heart?"""

from __future__ import annotations

import numpy as np

from .case import Case
from .finding import Finding

FEWEST_EPOCHS = 5
ROSE = 1.1
"""Times its lowest that the validation loss is at the end."""
WIDENED = 2.0
"""Times that the validation loss over the training loss is what it was then: less is the noise of few data."""
END = 0.1
"""Of the epochs, at least three, are the end: the lowest loss there counts, so that one bad epoch is none."""


def overfitting(case: Case) -> Finding | None:
    """The validation loss has been rising while the training loss went on falling."""
    history = case.history
    if history is None or len(history.val_loss) < FEWEST_EPOCHS or not np.isfinite(history.val_loss).all():
        return None
    best = int(np.argmin(history.val_loss))
    last = max(3, round(END * len(history.val_loss)))
    lowest, end = history.val_loss[best], min(history.val_loss[-last:])
    train_then, train_end = history.loss[best], history.loss[-1]
    if not (end > ROSE * lowest > 0 and end * train_then > WIDENED * lowest * train_end):
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
