"""The record of a fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any, final

from ..base.calls import explains_calls
from ..base.later import later
from ..base.optional import data_frame


@final
@dataclass(repr=False)
class History:
    """One entry per epoch, and why the fit stopped.

    Epochs are numbered from 0, here and in every message: epoch 3 is entry 3 of each list. Progress tells how many were
    run.

    If `max_steps` cut an epoch short, its entry covers the steps made so far; the fit that finishes the epoch has an
    entry for the whole of it.

    Attributes
    ----------
    loss : list of float
        Mean of the samples' losses without penalties, each before its batch's update; like `val_loss` it is weighted
        by sample and class weights. (For L-BFGS and conjugate gradients: after the step.)
    val_loss : list of float
        Loss on the validation data after the epoch; empty without such data.
    seconds : list of float
        Time of the epoch, validation included.
    stop_reason : str
        Why the fit ended, as a sentence.
    hint : str
        Advice after a fit that ran all its epochs, such as to scale the inputs or train longer; "" for none.
    metrics : dict of lists
        Each metric after the epoch, by its name on the training data and with "val_" before it on the validation data.
    learning_rate : list of float
        Rate of the epoch's last step; NaN for a method without one.
    gradient_norm : list of float
        Mean over the epoch's steps of the norm of the batch's gradient, penalties included, before clipping.
    clipped_steps : list of int
        Number of steps whose gradient was changed by `clip_norm` or `clip_value`.
    layer_gradient_norm : dict of lists
        Norm of each layer's part ("dense0", …) of the gradient over all training data after the epoch, with penalties.
    weight_norm : list of float
        Norm of all weights, without biases, after the epoch.
    update_ratio : list of float
        Norm of the parameters' change over the epoch (within this fit), divided by their norm before it.
    progressive : list of lists
        Mean loss of each step's rows before the step, for the epoch's steps within this fit: in the first epoch that of
        a model that has not seen them yet (progressive validation).
    loss_name : str
        What the losses are values of: the loss's name, with its hyper-parameters if it has some. "" where it is not
        known, as in files of earlier versions.

    Notes
    -----
    `layer_gradient_norm` and the three lists behind it are empty unless `fit(record=…)` asks for them.

    Examples
    --------
    >>> History([0.5, 0.25], [], [0.1, 0.1], "all 2 epochs were run")
    History(epochs=2, loss=0.25, stop_reason='all 2 epochs were run')
    """

    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stop_reason: str = ""
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    clipped_steps: list[int] = field(default_factory=list)
    layer_gradient_norm: dict[str, list[float]] = field(default_factory=dict)
    weight_norm: list[float] = field(default_factory=list)
    update_ratio: list[float] = field(default_factory=list)
    hint: str = ""
    progressive: list[list[float]] = field(default_factory=list)
    loss_name: str = ""

    @property
    def epochs(self) -> int:
        """Number of epochs run."""
        return len(self.loss)

    def to_dict(self) -> dict[str, Any]:
        """Return copies of the lists and the stop reason, ready for JSON."""
        return asdict(self)

    @classmethod
    @explains_calls
    def load(cls, path: str | PathLike[str]) -> History:
        """Return the history that `gdcore.save` has saved, with a trainer or as a file of its own.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        FileFormatError
            For a file that is damaged, or holds no history.
        """
        history: History = later("io", "load_history")(path)
        return history

    def columns(self) -> dict[str, list[float]]:
        """Return every recorded list of a number per epoch by name.

        Metrics keep their names, layers become "gradient_norm dense0".
        """
        found: dict[str, list[float]] = {}
        for name, value in self.to_dict().items():
            if name == "progressive":
                continue  # it has a number for each step
            if isinstance(value, list) and value:
                found[name] = value
            elif name == "metrics":
                found.update(value)
            elif isinstance(value, dict):
                found.update({f"gradient_norm {layer}": values for layer, values in value.items()})
        return found

    def to_pandas(self) -> Any:
        """Return `columns` as a pandas DataFrame with one row per epoch.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        frame = data_frame(self.columns())
        frame.index.name = "epoch"
        return frame

    @explains_calls
    def plot(self, ax: Any = None, *, metrics: str | Iterable[str] = ()) -> Any:
        """Draw the losses over the epochs with the best epoch marked, and the metrics beside them.

        The best epoch is the one of the lowest validation loss, or of the lowest loss where there is no validation
        data. The losses' axis is logarithmic, and says so, where the largest is more than 30 times the smallest.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default those of a new figure.
        metrics : str or several, default ()
            Names of recorded metrics, drawn against an axis of their own; "accuracy" stands for "val_accuracy" too.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            For a metric that was not recorded.
        """
        return later("plot", "losses")(self, ax, metrics=metrics)

    @explains_calls
    def report(
        self,
        path: str | PathLike[str],
        model: Any = None,
        X: Any = None,
        y: Any = None,
        *,
        validation_data: tuple[Any, Any] | None = None,
        preflight: Any = None,
        title: str = "Report of a training",
    ) -> str:
        """Write a report as one page of HTML, which needs no network and no script.

        Parameters
        ----------
        path : str or path-like
            A report that is there is replaced; any other file is not.
        model : Sequential, Trainer or TableModel, optional
            What was trained. Without it the page has the curves and the stop reason; a trainer brings its settings.
        X, y : array_like, optional
            The training data: for the columns, the gradient check and the diagnosis. With a `gdcore.tables.TableModel`,
            X is a table with the column of the targets, by which the model is judged, and there is no y.
        validation_data : (X, y), optional
            Rows to judge by: scores, residuals or confusion matrix, calibration, hardest rows, permutation importance.
            By default the training data.
        preflight : Preflight, optional
            What `gdcore.preflight` found before the training.
        title : str, default "Report of a training"

        Returns
        -------
        str
            The path.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            For data that do not fit the model, and a file that cannot be written or is no report.
        """
        return str(
            later("report", "history_report")(
                self, path, model, X, y, validation_data=validation_data, preflight=preflight, title=title
            )
        )

    def __repr__(self) -> str:
        parts = [f"epochs={self.epochs}"]
        last = {"loss": self.loss, "val_loss": self.val_loss, **self.metrics}
        parts += [f"{name}={values[-1]:.4g}" for name, values in last.items() if values]
        hint = f", hint={self.hint!r}" if self.hint else ""
        return f"History({', '.join(parts)}, stop_reason={self.stop_reason!r}{hint})"
