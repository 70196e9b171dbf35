"""A callback that saves the trainer during a fit.

Design
------
- The newest file always has the name that was asked for; older ones are moved out of its way. The name
  always has a file: the move makes a second name for the old one, or a copy of it where the file system has no hard
  links, and the new one then takes the first name (atomic.py).
- A new process knows nothing of the last one but its files. So the best value is read back from the file, and the
  history in the file is continued, if the trainer is one that goes on: it has the file's seed, layers, precision, loss
  and optimizer, and has come at least as far.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from io import BytesIO
from math import isnan, nan
from typing import Any, final

from ..base import checks
from ..metrics import METRICS
from ..training import Callback, EpochEnd, History, Trainer
from ..training.epoch_end import Mode, Monitored, Monitors, monitored
from ..training.snapshot import Snapshot
from . import checks as io_checks
from . import container
from .atomic import copy_file, write_file
from .errors import FileFormatError
from .files import Path, pieces, saved_before
from .kinds import with_article
from .model_file import parts
from .trainer_file import unpack_trainer
from .values import Reader


@final
class Checkpoint(Callback):
    """Saves the trainer after epochs of a fit, and at its end, so that `Trainer.load` can go on from there.

    Parameters
    ----------
    path : str or path-like
        The newest file. It is replaced in one piece, so it is whole even if the process dies while it is written.
    every : int, default 1
        Save after each epoch whose number, counted over all fits of the trainer, is a multiple of this. Without
        `best_of` the end of a fit is saved too, also if an exception ends it after its first epoch. Before the first
        epoch has ended, nothing is saved.
    keep : int, default 1
        Number of files to keep: "run.gdc", and before it "run.1.gdc", "run.2.gdc", … from newer to older.
    best_of : str, optional
        Save only when this value is better than ever before: "loss", "val_loss" or a metric of the fit, such as
        "val_accuracy". "auto" is the validation loss if there is validation data, else the training loss.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or greater is better; "auto" knows it for losses and built-in metrics.
    custom : mapping of str to callable, optional
        As in `gdcore.save`.

    Attributes
    ----------
    best : float or None
        The best value so far; it is read from the file when a trainer goes on that has trained before.

    Raises
    ------
    TypeError, ValueError
        For wrong arguments, and, before a fit begins, for a value that it does not measure.
    OSError
        If a file cannot be written; this ends the fit, which can be resumed.

    Notes
    -----
    The history up to then is saved with the trainer: `History.load` returns it. A fit that resumes from the file
    appends to it.

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.LinearModel(1, seed=0)
    >>> history = net.fit([[0.0], [1.0]], [1.0, 3.0], "mse", epochs=5, callbacks=gd.Checkpoint("run.gdc", every=2))
    >>> gd.Trainer.load("run.gdc").epochs_done
    5
    """

    def __init__(
        self,
        path: Path,
        *,
        every: int = 1,
        keep: int = 1,
        best_of: str | None = None,
        mode: Mode = "auto",
        custom: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = io_checks.path(path)
        self.every = checks.integer("every", every, 1)
        self.keep = checks.integer("keep", keep, 1, 10_000)
        if best_of is not None:
            checks.text("best_of", best_of)
        self.best_of = best_of
        checks.one_of("mode", mode, ("auto", "min", "max"))
        self.mode: Mode = mode
        self.custom = io_checks.custom(custom)
        self.best: float | None = None
        self._last: EpochEnd | None = None
        self._saved: tuple[int, int] | None = None
        self._earlier: History | None = None

    def check_monitors(self, monitors: Monitors) -> None:
        """Check that the fit measures what is to be best, and that it is known which way is better."""
        if self.best_of is not None:
            self._watched(monitors)

    def on_fit_begin(self, epochs: int) -> None:
        """Forget the last fit."""
        self.best = None
        self._last, self._saved, self._earlier = None, None, None

    def on_epoch_end(self, state: EpochEnd) -> None:
        """Save the trainer if it is time to, or if it is better than ever."""
        if state.snapshot is None:
            raise TypeError("Checkpoint saves trainers, and minimize has none: pass it to a fit")
        first, self._last = self._last is None, state
        what = None if self.best_of is None else self._watched(state.values)
        if first and os.path.exists(self.path):
            self._look_back(state.snapshot(), what)
        if state.epochs_done % self.every:
            return
        if what is not None:
            value = state.values[what.name]
            if isnan(value) or not self._better(what, value):
                return
            self.best = value
        self._save(state.snapshot(), state.history)

    def on_fit_end(self, history: History) -> None:
        """Save the end of the fit, with the reason why it ended."""
        last, self._last = self._last, None
        if last is not None and last.snapshot is not None and self.best_of is None:
            self._save(last.snapshot(), history)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy keeps: all but the end of an epoch, which holds a training that goes on elsewhere."""
        return {**vars(self), "_last": None}

    def _watched(self, names: Iterable[str]) -> Monitored:
        """Return which of the values of these names to watch, and which way is better."""
        monitors = {name: _greater_is_better(name) for name in names}
        return monitored(self, str(self.best_of), self.mode, monitors, "best_of")

    def _better(self, what: Monitored, value: float) -> bool:
        return self.best is None or (value > self.best if what.greater_is_better else value < self.best)

    def _look_back(self, training: Snapshot, what: Monitored | None) -> None:
        """Go on from the history, or the best value, of a file that this trainer has saved before."""
        try:
            before = saved_before(self.path, training, self.custom)
        except FileFormatError:
            return
        now, steps = training.state["epochs_done"], training.state["optimizer"]["step_count"]
        if before is None or before.history is None or not 0 < before.epochs_done <= now or now == 1:
            return
        if what is not None:
            column = before.history.columns().get(what.name)
            self.best = column[-1] if column and not isnan(column[-1]) else None
        elif before.epochs_done >= now - 1:
            rows, goes_on = before.history.epochs, before.steps_done < steps
            # An epoch that max_steps cuts short has a row of its own, so there may be more rows than whole epochs.
            self._earlier = before.history if rows < now or (goes_on and rows <= before.steps_done) else None

    def _save(self, training: Snapshot, history: History | None) -> None:
        """Replace the newest file; the older ones are moved on if the trainer has made steps since."""
        if history is not None and self._earlier is not None:
            history = joined(self._earlier, history)
        steps = training.state["optimizer"]["step_count"], training.state["epochs_done"]
        written = pieces(training, history=history, custom=self.custom)
        write_file(self.path, written, self._rotate if steps != self._saved and self.keep > 1 else None)
        self._saved = steps

    def _rotate(self) -> None:
        """Move each file to the next older name; the newest gets a second name and keeps its own."""
        newest = os.path.realpath(self.path)
        if not os.path.exists(newest):
            return
        for age in range(self.keep - 1, 1, -1):
            with suppress(FileNotFoundError):
                os.replace(self._name(age - 1), self._name(age))
        with suppress(FileNotFoundError):
            os.unlink(self._name(1))
        try:
            os.link(newest, self._name(1))
        except OSError:  # a file system without hard links
            copy_file(newest, self._name(1))

    def _name(self, age: int) -> str:
        """Return the name of an older file."""
        start, end = os.path.splitext(os.path.realpath(self.path))
        return f"{start}.{age}{end}"

    def __repr__(self) -> str:
        best = "" if self.best_of is None else f", best_of={self.best_of!r}"
        mode = "" if self.mode == "auto" else f", mode={self.mode!r}"
        names = ", ".join(f"{name!r}: {checks.callable_name(own)}" for name, own in self.custom.items())
        custom = f", custom={{{names}}}" if names else ""
        return f"Checkpoint({self.path!r}, every={self.every}, keep={self.keep}{best}{mode}{custom})"


def joined(earlier: History, later: History) -> History:
    """Return the rows of two histories, one after the other; what only one of them has is NaN in the other.

    Examples
    --------
    >>> joined(History([2.0], [3.0]), History([1.0], stop_reason="all 1 epochs were run")).val_loss
    [3.0, nan]
    """

    def column(first: list[Any], second: list[Any], none: Any = nan) -> list[Any]:
        if not first and not second:
            return []
        return (first or [none] * earlier.epochs) + (second or [none] * later.epochs)

    found: dict[str, Any] = {}
    for entry in fields(History):
        one, two = getattr(earlier, entry.name), getattr(later, entry.name)
        if isinstance(one, str):
            found[entry.name] = two
        elif isinstance(one, dict):
            found[entry.name] = {name: column(one.get(name, []), two.get(name, [])) for name in {**one, **two}}
        else:
            found[entry.name] = column(one, two, [] if entry.name == "progressive" else nan)
    return History(**found)


def _greater_is_better(name: str) -> bool | None:
    """Return which way a value of a fit is better, None if its name does not tell."""
    if name in ("loss", "val_loss"):
        return False
    metric = METRICS.by_name.get(name.removeprefix("val_"))
    return None if metric is None else metric.greater_is_better


def read_back(path: Path, content: bytes, custom: Mapping[str, Any]) -> tuple[Trainer, History | None]:
    """Return the trainer and the history in the bytes of the file at `path`.

    Raises
    ------
    FileFormatError
        For a file that is damaged, or holds no trainer.
    """
    try:
        document, tensors = container.read(BytesIO(content), len(content))
        found = parts(document, ("kind", "content"), "a file's content")
        if found["kind"] != "trainer":
            raise FileFormatError(f"holds {with_article(str(found['kind']))}, not a trainer")
        return unpack_trainer(found["content"], Reader(tensors, io_checks.custom(custom)))
    except FileFormatError as error:
        raise FileFormatError(f"{os.fspath(path)} {error}") from None
