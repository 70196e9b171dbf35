"""The order in which the stages of a pipeline work: one micro-batch forward, one backward.

Design
------
A stage first sends as many micro-batches forward as there are stages behind it. From then on a micro-batch goes
backward for each that goes forward, so that a stage keeps the activations of at most as many micro-batches as there
are stages from it on, however many a batch has. Gradients are summed in the order of the micro-batches. A stage that
waits at the beginning and at the end does so for (p - 1) micro-batches of m + p - 1: the bubble.

References
----------
Huang, Y. et al. (2019). GPipe: efficient training of giant neural networks using pipeline parallelism. NeurIPS.
Narayanan, D. et al. (2019). PipeDream: generalized pipeline parallelism for DNN training. SOSP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Action = tuple[Literal["forward", "backward"], int]


def slots_of(stage: int, stages: int, micro_batches: int) -> int:
    """Return the number of micro-batches that a stage keeps at once."""
    return min(micro_batches, stages - stage)


def schedule(stage: int, stages: int, micro_batches: int) -> list[Action]:
    """Return what a stage does, in order: a word and the number of a micro-batch.

    Examples
    --------
    >>> schedule(1, 2, 2)
    [('forward', 0), ('backward', 0), ('forward', 1), ('backward', 1)]
    """
    ahead = min(micro_batches, stages - 1 - stage)
    actions: list[Action] = [("forward", i) for i in range(ahead)]
    for i in range(micro_batches):
        if ahead + i < micro_batches:
            actions.append(("forward", ahead + i))
        actions.append(("backward", i))
    return actions


def bubble(stages: int, micro_batches: int) -> float:
    """Return the share of a step's time in which a stage waits, if all stages take the same time.

    Examples
    --------
    >>> bubble(2, 8)
    0.1111111111111111
    """
    return (stages - 1) / (micro_batches + stages - 1)


def makespan(micro_batches: int, forward: Sequence[float], backward: Sequence[float]) -> float:
    """Return the time of a step by the schedule, if messages take none.

    Parameters
    ----------
    micro_batches : int
    forward, backward : sequence of float
        What a micro-batch takes on each stage.

    Examples
    --------
    >>> makespan(8, [1.0, 1.0], [2.0, 2.0])
    27.0
    """
    stages = len(forward)
    plans = [schedule(stage, stages, micro_batches) for stage in range(stages)]
    done: dict[tuple[int, str, int], float] = {}
    clock, at = [0.0] * stages, [0] * stages
    while any(at[s] < len(plans[s]) for s in range(stages)):
        for s in range(stages):
            while at[s] < len(plans[s]):
                word, i = plans[s][at[s]]
                other = s - 1 if word == "forward" else s + 1
                needs = (other, word, i)
                if 0 <= other < stages and needs not in done:
                    break
                clock[s] = max(clock[s], done.get(needs, 0.0)) + (forward if word == "forward" else backward)[s]
                done[s, word, i] = clock[s]
                at[s] += 1
    return max(clock)
