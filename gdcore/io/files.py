"""`save` and `load`: one file for a model, a trainer, a history or an estimator."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ..base.calls import explains_calls
from ..data.paths import unread
from . import checks as io_checks
from . import container
from .atomic import write_file
from .errors import FileFormatError
from .kinds import kind_named, kind_of, with_article
from .model_file import parts
from .trainer_file import PARTS as TRAINER_PARTS
from .trainer_file import same_settings, unpack_history
from .values import Reader, Writer

if TYPE_CHECKING:
    from ..training.snapshot import Snapshot

Path = str | os.PathLike[str]
Custom = Mapping[str, Any]
"""Names of the user's own functions and classes."""


@explains_calls
def save(thing: Any, path: Path, *, history: Any = None, custom: Custom | None = None) -> None:
    """Save a model, a trainer, a history, many models or an estimator as one file, which `load` reads.

    The file is written in one piece: if anything fails, the one that was there before stays. Its layout is that of
    safetensors, so the `safetensors` library reads its arrays.

    Parameters
    ----------
    thing : Sequential, Trainer, History, Many, or an estimator of gdcore.sklearn
        A trainer is saved with its model and everything that training changes: a loaded one resumes bit for bit. A
        callback that has no trainer saves `EpochEnd.snapshot()` instead. A model of a class of your own comes back as
        the Sequential of its layers. An estimator is saved with its parameters and all that its last fit has left.
    path : str or path-like
        What is there is replaced; its mode is kept, and a symbolic link is followed.
    history : History, optional
        Saved with a trainer, for `History.load`.
    custom : mapping of str to callable, optional
        The names that functions of your own are saved by, instead of their own names; `load` needs the same.

    Raises
    ------
    TypeError
        For anything else, and for a trainer with parts that a file cannot hold.
    ValueError
        For parameters that are not finite.
    OSError
        If the file cannot be written.

    References
    ----------
    Hugging Face (2022). safetensors: format description. https://github.com/huggingface/safetensors

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.LinearModel(2, seed=0)
    >>> gd.save(net, "model.gdc")
    >>> bool((gd.load("model.gdc").params == net.params).all())
    True
    """
    target = io_checks.path(path)
    write_file(target, pieces(thing, history=history, custom=custom))


@explains_calls
def load(path: Path, *, custom: Custom | None = None) -> Any:
    """Return what `save` has saved: a model, a trainer, a history, many models or an estimator.

    Nothing in a file is imported, evaluated or executed, and every bit of it is checked. So a file of unknown origin
    can be loaded; it may hold any model and any settings all the same.

    Parameters
    ----------
    path : str or path-like
    custom : mapping of str to callable, optional
        What the names of your own functions stand for, such as a trainer's custom loss.

    Returns
    -------
    Sequential, Trainer, History, Many or estimator

    Raises
    ------
    FileFormatError
        For a file that is damaged, truncated, of a newer version or no file of gdcore.
    OSError
        If the file cannot be read.
    ImportError
        For an estimator, if scikit-learn is not installed: the extra "sklearn".

    Examples
    --------
    >>> import gdcore as gd
    >>> gd.MLP([2, 3, 1], seed=0).save("model.gdc")
    >>> gd.load("model.gdc")
    Sequential(Dense(2, 3, 'relu'), Dense(3, 1), seed=0)
    """
    target, own = io_checks.path(path), io_checks.custom(custom)
    return opened(target, lambda stream, size: read(stream, size, own))


def load_trainer(path: Path, *, custom: Custom | None = None) -> Any:
    """Return the trainer of a file; see `load`."""
    target, own = io_checks.path(path), io_checks.custom(custom)
    return opened(target, lambda stream, size: read(stream, size, own, "trainer"))


def load_history(path: Path) -> Any:
    """Return the history of a file: one that was saved itself, or with a trainer."""
    return opened(io_checks.path(path), read_history)


def opened(path: str, reads: Callable[[BinaryIO, int], Any]) -> Any:
    """Return what `reads` makes of a file and its size; a FileFormatError is given the file's name."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer does not block
    except OSError as error:
        raise unread(path, error) from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise unread(path, IsADirectoryError(errno.EISDIR, "Is a directory"))
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(stream.fileno())
        try:
            if not stat.S_ISREG(found.st_mode):
                raise FileFormatError("is no ordinary file, such as a pipe or a device: copy its contents to one")
            return reads(stream, found.st_size)
        except FileFormatError as error:
            raise FileFormatError(f"{path} {error}") from None


def pieces(thing: Any, *, history: Any = None, custom: Custom | None = None) -> list[bytes | memoryview]:
    """Return the bytes of a file that holds `thing`."""
    writer = Writer(io_checks.custom(custom))
    kind = kind_of(thing)
    if history is not None:
        io_checks.history(history, kind.name)
    content = kind.pack(thing, writer, history)
    return container.pieces({"kind": kind.name, "content": content}, writer.tensors)


def read(stream: BinaryIO, size: int, custom: Custom, kind: str | None = None) -> Any:
    """Return the thing in a stream of `size` bytes; with `kind`, only one of that kind."""
    document, tensors = container.read(stream, size)
    found = parts(document, ("kind", "content"), "a file's content")
    row = kind_named(found["kind"])
    if kind is not None and row.name != kind:
        raise FileFormatError(f"holds {with_article(row.name)}, not a {kind}: load it by gd.load")
    reader = Reader(tensors, custom)
    thing = row.unpack(found["content"], reader)
    reader.finish()
    return thing


def read_history(stream: BinaryIO, size: int) -> Any:
    """Return the history in a stream, without making the trainer beside it."""
    document, tensors = container.read(stream, size)
    found = parts(document, ("kind", "content"), "a file's content")
    content = found["content"]
    if found["kind"] == "trainer":
        content = parts(content, TRAINER_PARTS, "the trainer")["history"]
    if found["kind"] not in ("trainer", "history") or content is None:
        raise FileFormatError("holds no history: save one by trainer.save(path, history=history)")
    return unpack_history(content, Reader(tensors, {}))


class Before(NamedTuple):
    """How far a training had come when it was saved."""

    epochs_done: int
    steps_done: int
    history: Any
    """The history beside it, or None."""


def saved_before(path: str, training: Snapshot, custom: Custom) -> Before | None:
    """Return how far the trainer in a file had come; None for one of another seed or with other settings."""

    def read_all(stream: BinaryIO, size: int) -> Before | None:
        document, tensors = container.read(stream, size)
        content = parts(document, ("kind", "content"), "a file's content")["content"]
        values = parts(content, TRAINER_PARTS, "the trainer")
        state = _of_dict(values["state"])
        seed, epochs_done = state.get("seed"), state.get("epochs_done")
        steps_done = _of_dict(state.get("optimizer")).get("step_count")
        if type(epochs_done) is not int or type(steps_done) is not int:
            raise FileFormatError("has a trainer without a number of epochs or steps")
        if seed != training.options["seed"] or not same_settings(values, tensors, training, Writer(custom)):
            return None
        history = None if values["history"] is None else unpack_history(values["history"], Reader(tensors, {}))
        return Before(epochs_done, steps_done, history)

    found: Before | None = opened(path, read_all)
    return found


def _of_dict(value: Any) -> Mapping[str, Any]:
    """Return the entries of a saved dict."""
    entries = parts(value, ("dict",), "the state of a trainer")["dict"]
    if not isinstance(entries, dict):
        raise FileFormatError("has no state of a trainer")
    return entries
