"""Did the model memorize the training data?

Design
------
The loss of counts can be below 0, so a ratio of losses may mean nothing. The rise of the validation loss is therefore
compared with its gain over the best constant, with all that can be learned, and with its noise from epoch to epoch. If
losses are above 0, their ratio counts as well: it reveals a rise after both have fallen by orders of magnitude.
"""

from __future__ import annotations

import numpy as np

from .case import Case
from .finding import Finding

MIN_EPOCHS = 5
LOST = 0.1
"""The rise matters if it undoes more than this share of the validation loss's gain over the best constant."""
ROSE = 0.1
"""The rise must also exceed this share of all that can be learned."""
NOISE = 4.0
"""The rise must exceed this many standard deviations of the validation loss between epochs."""
FELL = 0.1
"""Meanwhile the training loss must have fallen by at least this share of the rise."""
TIMES = 1.1
"""A validation loss that ends above this many times its lowest value (above 0) also counts, whatever it had gained."""
WIDENED = 2.0
"""For that, validation loss over training loss must have grown by this factor; less is the noise of few data."""
RESTORED = "restored"
"""A stop reason that contains this says that a criterion restored the best epoch."""
END = 0.1
"""The end is this share of the epochs, at least three. Its lowest loss counts, so that one bad epoch is not
overfitting."""


def overfitting(case: Case) -> Finding | None:
    """Report a validation loss that rose while the training loss went on falling, if the model is that of the last
    epoch.

    What a criterion has restored is not overfitted.
    """
    history = case.history
    if history is None or len(history.val_loss) < MIN_EPOCHS or not np.isfinite(history.val_loss).all():
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
            "best_epoch": best,
            "val_loss_then": lowest,
            "val_loss_at_end": end,
            "loss_then": train_then,
            "loss_at_end": train_end,
        },
        "stop=EarlyStopping(restore_best=True); l2, dropout, a smaller model or more data raise the best itself",
    )


def _restored(case: Case, best: int) -> bool:
    """Return whether the model is that of the best epoch, by the stop reason or by its loss."""
    history = case.history
    if history is None or RESTORED in history.stop_reason:
        return history is not None
    return case.finite and case.data_loss > (history.loss[best] + history.loss[-1]) / 2


def _notable(case: Case, lowest: float) -> float:
    """Return how large a rise of the validation loss matters; a custom loss's is a share of all
    that training gained.
    """
    learning, losses = case.learning, case.history.loss if case.history else []
    if learning is None:
        return LOST * (losses[0] - min(losses))
    constant = learning.constant_loss
    return max(LOST * (constant - lowest), ROSE * (constant - learning.ideal_loss))
