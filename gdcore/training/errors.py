"""Errors and warnings of training beyond ValueError and TypeError."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .history import History


class OutputRangeWarning(UserWarning):
    """The output activation keeps the outputs away from the targets, or from the logits that the loss takes.

    `fit` warns before the first epoch; without an output activation there is no warning.

    Examples
    --------
    >>> import warnings
    >>> import gdcore as gd
    >>> net = gd.MLP([1, 4, 1], output_activation="sigmoid", seed=0)
    >>> with warnings.catch_warnings(record=True) as given:
    ...     warnings.simplefilter("always")
    ...     history = net.fit([[0.0], [1.0]], [0, 1], loss="bce", epochs=1)
    >>> print(given[0].message)  # doctest: +ELLIPSIS
    the output activation 'sigmoid' keeps the outputs in (0, 1), but ...
    """


class DivergedError(ArithmeticError):
    """Training met NaN or infinity; the model keeps the parameters of the last good step.

    A `Trainer` can resume: its next `fit` begins with the refused update, which may succeed at a lower `learning_rate`.
    If the parameters have already grown too large, load an earlier state with `load_state_dict`, or call
    `model.reset()`. `gdcore.diagnose(model, X, y, loss)` says which rates are possible. Criteria restore no parameters
    after this error; they continue counting in the next fit.

    Attributes
    ----------
    epoch, batch : int
        Where it happened, counted from 0: the epoch over all fits of the trainer, and the batch within it (the first
        one of an update that takes several, see `accumulate`).
    step : int
        Number of the refused update, counted from 0 over all fits.
    quantity : str
        The first quantity that is not finite, from the inputs on, such as "the output of layer 1, Dense(16, 1)".
    history : History or None
        The whole epochs of the failed fit; None after `Trainer.step` and `Trainer.epoch`.

    Examples
    --------
    >>> import gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    >>> trainer = gd.Trainer(line, "mse", gd.SGD(1.5), seed=0)
    >>> try:
    ...     history = trainer.fit([[1.0]], [1.0], epochs=2000)
    ... except gd.DivergedError as error:
    ...     history = error.history
    >>> history.epochs, history.loss[:3]
    (512, [1.0, 4.0, 16.0])
    >>> line.reset()
    >>> trainer.learning_rate = 0.25
    >>> trainer.fit([[1.0]], [1.0], epochs=3).loss
    [1.0, 0.25, 0.0625]
    """

    def __init__(
        self, message: str, epoch: int, batch: int, quantity: str, step: int, history: History | None = None
    ) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.quantity = quantity
        self.step = step
        self.history = history

    def __reduce__(self) -> tuple[type[DivergedError], tuple[str, int, int, str, int, History | None]]:
        return DivergedError, (self.args[0], self.epoch, self.batch, self.quantity, self.step, self.history)
