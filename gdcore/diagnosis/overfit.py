"""Did it learn the training data by heart?

Design
------
The loss of counts is below 0, so a ratio of losses may mean nothing. How far the validation loss has risen is
therefore measured by what it had gained over the best constant, by all that there is to learn, and by its noise from
epoch to epoch. Where losses are above 0, their ratio counts as well: it tells of a rise after both have fallen by
orders of magnitude.
"""

from __future__ import annotations

import numpy as np

from .case import Case
from .finding import Finding

FEWEST_EPOCHS = 5
LOST = 0.1
"""Of the validation loss's gain over the best constant that the rise has lost."""
ROSE = 0.1
"""Of all that there is to learn that the validation loss has risen by."""
NOISE = 4.0
"""Times the deviation of the validation loss from one epoch to the next that it has risen by."""
FELL = 0.1
"""Of what the validation loss rose by, or more, the training loss went on falling meanwhile."""
TIMES = 1.1
"""Times its lowest, above 0, that the validation loss is at the end, whatever it fell by before."""
WIDENED = 2.0
"""Times that the validation loss over the training loss is then what it was: less is the noise of few data."""
RESTORED = "restored"
"""In the reason of a stop, where a criterion has brought the best epoch back."""
END = 0.1
"""Of the epochs, at least three, are the end: the lowest loss there counts, so that one bad epoch is none."""


def overfitting(case: Case) -> Finding | None:
    """The validation loss has been rising while the training loss went on falling, and the model is the last one.

    What a criterion has restored is not overfitted.
    """
    history = case.history
    if history is None or len(history.val_loss) < FEWEST_EPOCHS or not np.isfinite(history.val_loss).all():
        return None
    validation = np.array(history.val_loss)
    best = int(np.argmin(validation))
    last = max(3, round(END * len(validation)))
    lowest, end = float(validation[best]), float(validation[-last:].min())
    train_then, train_end = history.loss[best], history.loss[-1]
    rise, fall = end - lowest, train_then - train_end
    noise = float(np.diff(validation[best:]).std()) if len(validation) > best + 2 else 0.0
    rose = rise > max(_notable(case, lowest), NOISE * noise) and fall > FELL * rise
    widened = end > TIMES * lowest > 0 and end * train_then > WIDENED * lowest * train_end
    if rise <= 0 or not (rose or widened) or _restored(case, best):
        return None
    return Finding(
        "overfitting",
        f"the validation loss has risen since epoch {best} from {lowest:.4g} to {end:.4g}, while the training loss "
        f"went on falling, from {train_then:.4g} to {train_end:.4g}",
        {
            "best_epoch": best, "val_loss_then": lowest, "val_loss_at_end": end,
            "loss_then": train_then, "loss_at_end": train_end,
        },
        "stop=EarlyStopping(restore_best=True); l2, dropout, a smaller model or more data raise the best itself",
    )  # fmt: skip


def _restored(case: Case, best: int) -> bool:
    """Whether the model is that of the best epoch: a criterion says so, or its own loss is nearer to the loss then."""
    history = case.history
    if history is None or RESTORED in history.stop_reason:
        return history is not None
    return case.finite and case.data_loss > (history.loss[best] + history.loss[-1]) / 2


def _notable(case: Case, lowest: float) -> float:
    """A rise of the validation loss that matters: of a custom loss a share of all that training took off."""
    learning, losses = case.learning, case.history.loss if case.history else []
    if learning is None:
        return LOST * (losses[0] - min(losses))
    constant = learning.constant_loss
    return max(LOST * (constant - lowest), ROSE * (constant - learning.ideal_loss))
