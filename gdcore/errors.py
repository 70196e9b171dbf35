"""What training raises beyond ValueError and TypeError."""

from __future__ import annotations


class RefusedStep(FloatingPointError):
    """A step that changed nothing, for its loss, gradient or update was not finite: (which of them, batch)."""


class DivergedError(ArithmeticError):
    """Training met NaN or infinity; the parameters are those of the last good step.

    Attributes
    ----------
    epoch, batch : int
        Where, both counted from 0.
    quantity : str
        The first bad quantity in the order of the data's way, such as "the output of layer 1, Dense(16, 1)".
    """

    def __init__(self, message: str, epoch: int, batch: int, quantity: str) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.quantity = quantity

    def __reduce__(self) -> tuple[type[DivergedError], tuple[str, int, int, str]]:
        return DivergedError, (self.args[0], self.epoch, self.batch, self.quantity)
