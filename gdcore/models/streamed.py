"""What a model does with a source, block by block: predictions, the loss and metrics."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, suppress
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..data.samples import Source, inputs_of
from ..data.stream import input_blocks, take_source
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss, get_loss
from ..metrics import Metric
from ..objective.objective import Objective
from ..objective.streamed import mean_loss, metrics_of
from . import checks as models_checks


def predict(stack: Stack, X: object, out: str | PathLike[str] | None) -> NDArray[Any]:
    """Carry out `Sequential.predict` for a source, and for a file to write to."""
    models_checks.source_features(X, stack.in_features)
    path = None if out is None else models_checks.npy_path(out)
    if path is not None and isinstance(X, Source):
        models_checks.not_read(path, X.files)
    n = X.n_samples if isinstance(X, Source) else len(inputs_of(stack, X))
    with closing(_outputs(stack, X)) as parts:
        if path is not None:
            return _written(path, parts, (n, stack.out_features))
        found = np.empty((n, stack.out_features), stack.dtype if stack.target_scale is None else None)
        at = 0
        for part in parts:
            if not at:
                found = np.empty(found.shape, part.dtype)
            found[at : at + len(part)] = part
            at += len(part)
        return found


def loss_of(
    stack: Stack,
    source: Source,
    y: object,
    loss: str | Loss | CustomLoss,
    not_taken: tuple[object, object],
    l1: float,
    l2: float,
) -> float:
    """Carry out `Sequential.loss` for a source."""
    models_checks.source_alone(y, *not_taken)
    kind = get_loss(loss)
    data = take_source(source, stack, kind)
    penalties = Objective(stack, data.head, None, checks.nonnegative("l1", l1), checks.nonnegative("l2", l2))
    return mean_loss(stack, data, kind) + penalties.value()


def evaluated(
    stack: Stack,
    source: Source,
    y: object,
    loss: Loss | CustomLoss,
    sample_weight: object,
    metrics: Mapping[str, Metric],
) -> dict[str, float]:
    """Carry out `Sequential.evaluate` for a source."""
    models_checks.source_alone(y, sample_weight, None)
    data = take_source(source, stack, loss)
    return {"loss": mean_loss(stack, data, loss), **metrics_of(stack, data, metrics)}


def _outputs(stack: Stack, X: object) -> Generator[NDArray[Any], None, None]:
    """Yield the outputs, in the targets' units, block by block."""
    if not isinstance(X, Source):
        yield stack.predict(inputs_of(stack, X))
        return
    with closing(input_blocks(X, stack)) as blocks:
        for block in blocks:
            yield stack.predict(block)


def _written(path: str, parts: Iterable[NDArray[Any]], shape: tuple[int, int]) -> NDArray[Any]:
    """Write the parts of an array as a .npy file, which takes its name when it is whole, and return a map of it."""
    target = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(target), f".gdcore-{secrets.token_hex(16)}.tmp")
    begun = False
    try:
        with open(temporary, "xb") as file:
            for part in parts:
                if not begun:
                    header = {"descr": part.dtype.str, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    begun = True
                file.write(np.ascontiguousarray(part).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (temporary, None):
            raise type(error)(error.errno, error.strerror, path) from None
        raise
    found: NDArray[Any] = np.load(path, mmap_mode="r")
    return found
