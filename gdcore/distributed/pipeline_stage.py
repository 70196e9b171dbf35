"""What a stage does in a step: micro-batches forward and backward, and the messages between stages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..data.samples import Samples
from .pipeline_cut import Part
from .pipeline_schedule import schedule, slots_of

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training

FORWARD, BACKWARD, WHOLE = range(3)
"""Tags of the messages. Two stages exchange those of a tag in order."""
CHUNK = 2**26
"""Numbers in a message of `gather`."""

Told = tuple[int, int, list[float], float, tuple[list[float], list[float]]]
"""What a rank tells of a step: stage, copy, its shards' losses, their divisor, the layers' squares (`penalized`)."""


def mean_loss(told: list[Told]) -> tuple[float, float]:
    """Return the mean loss of a step and what it was divided by, from what the last stages tell, in their order.

    Examples
    --------
    >>> mean_loss([(1, 0, [1.0, 2.0], 4.0, ([], [])), (1, 1, [3.0], 4.0, ([], []))])
    (1.5, 4.0)
    """
    total, weight = 0.0, max(t[3] for t in told)
    for t in told:
        for value in t[2]:
            total += value
    return (1 / weight) * total if weight else 0.0, weight


@final
class StageWork:
    """A stage of a pipeline at work.

    Parameters
    ----------
    part : Part
    run : Training
        Of the part's stack, not used for steps of its own.
    row : communicator
        Of this pipeline's stages, in order.
    rows : int
        Most rows of a micro-batch.
    most : int
        Most micro-batches of a step.

    Attributes
    ----------
    kernel : PipelineStage
    waited : float
        Seconds spent waiting for messages.
    seconds : float
        Of all steps' gradients.
    """

    def __init__(self, part: Part, run: Training, row: Any, rows: int, most: int) -> None:
        self.part, self.row, self.stages = part, row, len(part.cuts)
        self.slots = slots_of(part.number, self.stages, most)
        self.kernel = load(part.stack.dtype).PipelineStage(run, rows, self.slots, part.first)
        self.rows, self.waited, self.seconds = rows, 0.0, 0.0

    def gradient(self, data: Samples, parts: list[tuple[int, int]]) -> tuple[float, float]:
        """Sum the gradient of some rows of a batch, micro-batch by micro-batch; on the last stage, return their losses'
        sum and what those of the whole batch are divided by.
        """
        part, kernel, inputs = self.part, self.kernel, {}
        sent: list[tuple[Any, Any]] = []
        total, weight = 0.0, 0.0
        for word, i in schedule(part.number, self.stages, len(parts)):
            start, end = parts[i]
            slot = i % self.slots
            if word == "forward":
                inputs[slot] = self._inputs(data, start, end)
                out = np.empty((end - start, part.behind), part.stack.dtype)
                kernel.forward(slot, inputs[slot], start, out)
                if part.is_last:
                    value, weight = kernel.loss(slot, start, data.target, data.labels, data.weight)
                    total += value
                else:
                    sent.append((self.row.Isend(out, part.number + 1, FORWARD), out))
                continue
            delta = None if part.is_last else self._received(end - start, part.behind, part.number + 1, BACKWARD)
            before = np.empty((end - start, part.before), part.stack.dtype) if part.number else None
            kernel.backward(slot, inputs[slot], start, delta, before, i > 0)
            if before is not None:
                sent.append((self.row.Isend(before, part.number - 1, BACKWARD), before))
        began = time.perf_counter()
        for request, _ in sent:
            request.Wait()
        self.waited += time.perf_counter() - began
        return total, weight

    def penalized(self, clips: bool) -> tuple[list[float], list[float]]:
        """Add the penalties; return each layer's sum of squares, and those behind clipping by value."""
        before = np.zeros(len(self.part.stack.trained))
        self.kernel.penalize(before)
        behind = before.copy()
        if clips:
            self.kernel.clip(behind)
        return before.tolist(), behind.tolist()

    def predict(self, X: NDArray[Any], found: NDArray[Any]) -> None:
        """Write the outputs of X, a micro-batch at a time, into `found` on every stage."""
        part, rows = self.part, self.rows
        for at in range(0, len(X), rows):
            end = min(at + rows, len(X))
            first = part.number == 0
            inputs = X[at:end] if first else self._received(end - at, part.before, part.number - 1, FORWARD)
            out = found[at:end] if part.is_last else np.empty((end - at, part.behind), part.stack.dtype)
            self.kernel.predict(inputs, out)
            if not part.is_last:
                self.row.Send(out, part.number + 1, FORWARD)
        self.row.Bcast(found, self.stages - 1)

    def gather(self, params: NDArray[Any], whole: NDArray[Any] | None) -> None:
        """Write the parameters of all stages, in order, into those of the whole model on stage 0."""
        if whole is None:
            for at in range(0, len(params), CHUNK):
                self.row.Send(params[at : at + CHUNK], 0, WHOLE)
            return
        whole[: len(params)] = params
        end = len(params)
        for stage in range(1, self.stages):
            size = self.part.size_of(stage)
            for at in range(end, end + size, CHUNK):
                self.row.Recv(whole[at : min(at + CHUNK, end + size)], stage, WHOLE)
            end += size

    def _inputs(self, data: Samples, start: int, end: int) -> NDArray[Any]:
        if self.part.number == 0:
            return np.ascontiguousarray(data.X[start:end])
        return self._received(end - start, self.part.before, self.part.number - 1, FORWARD)

    def _received(self, rows: int, width: int, source: int, tag: int) -> NDArray[Any]:
        """Return the next message of a stage."""
        found = np.empty((rows, width), self.part.stack.dtype)
        began = time.perf_counter()
        self.row.Recv(found, source, tag)
        self.waited += time.perf_counter() - began
        return found
