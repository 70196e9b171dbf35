"""Mistakes that explain a wrong gradient.

Design
------
- A hypothesis predicts what the analytic gradient of a block would be: a multiple of the true one, its transpose, the
  gradient of another objective. It is named only where every checked entry of the block agrees with the prediction,
  and at least one entry is too far from the truth for the agreement to be chance.
- Guesses are tried from the simplest on, and the first that holds is the block's cause. Blocks of one cause are named
  together.
- Of a flat array that no hypothesis explains as a whole, each run of failing neighbours is tried as if it were a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log10
from typing import NamedTuple, final

import numpy as np

from ..slopes.entries import Block, Entries
from ..slopes.evaluator import Vector
from .runs import MAX_RUNS, failing_runs, whereabouts

CLEAR = 10.0
"""An entry counts for a hypothesis only if its error exceeds the hypothesis's tolerance this many times."""
AGREEMENT = 1e-6
EVERY = "every block"
PLURAL = {"is": "are", "has": "have", "does": "do"}
FACTORS = ((-1.0, "has the wrong sign"), (0.0, "is 0, as if never computed"),
           (2.0, "is too large by a factor 2"), (0.5, "is too small by a factor 2"))  # fmt: skip


@final
@dataclass(frozen=True)
class Hypothesis:
    """What a mistake would add to the gradient.

    Parameters
    ----------
    words : str
        What follows the block's name.
    added : ndarray, shape (n,)
    """

    words: str
    added: Vector


class Prediction(NamedTuple):
    """The values that a hypothesis predicts for the entries of a block, and their tolerance."""

    words: str
    values: Vector
    tolerance: Vector


def explain(
    entries: Entries,
    blocks: tuple[Block, ...],
    hypotheses: tuple[Hypothesis, ...] = (),
    factors: tuple[tuple[float, str], ...] = (),
    whole: str = EVERY,
) -> tuple[str, ...]:
    """Return a sentence for each cause of failing entries.

    Parameters
    ----------
    entries : structured ndarray
    blocks : tuple of Block
    hypotheses : tuple of Hypothesis
        Mistakes that only the caller can know of.
    factors : tuple of (float, str)
        Factors that mean something, and what: the number of rows.
    whole : str, default "every block"
        The subject of what is so of all blocks, where there are several or they are called otherwise.

    Returns
    -------
    tuple of str
        Empty where nothing fails, or nothing explains it.
    """
    found: dict[str, list[str]] = {}
    of_runs: dict[str, list[str]] = {}
    failing = np.unique(entries["block"][entries["verdict"] == "fail"])
    for b in failing:
        block, mine = blocks[b], entries[entries["block"] == b]
        words = first_that_holds(entries, blocks, int(b), hypotheses, factors) or located(mine, block)
        if not words and len(block.shape) == 1 and len(mine) == block.size and (mine["verdict"] != "fail").any():
            runs = failing_runs(mine, block)
            words = whereabouts(runs, mine, block)
            for run, cause in causes_of(runs, mine, hypotheses, factors):
                of_runs.setdefault(cause, []).append(run)
        if words:
            found.setdefault(words, []).append(block.name)
    of_blocks = [sentence(names, words, blocks, whole) for words, names in found.items()]
    return (*of_blocks, *(sentence(names, words, (), whole) for words, names in of_runs.items()))


def first_that_holds(
    entries: Entries,
    blocks: tuple[Block, ...],
    b: int,
    hypotheses: tuple[Hypothesis, ...],
    factors: tuple[tuple[float, str], ...],
) -> str:
    """Return the words of the first hypothesis that holds for block b, or ""."""
    mine = entries[entries["block"] == b]
    tried = predictions(mine, entries, blocks, b, hypotheses, factors)
    return next((hypothesis.words for hypothesis in tried if holds(mine, hypothesis)), "")


def causes_of(
    runs: tuple[Block, ...], mine: Entries, hypotheses: tuple[Hypothesis, ...], factors: tuple[tuple[float, str], ...]
) -> Iterator[tuple[str, str]]:
    """Yield the names of runs that a hypothesis explains, and its words; nothing if there are many runs."""
    if len(runs) > MAX_RUNS:
        return
    parts = [mine[run.start - mine["index"][0] :][: run.size].copy() for run in runs]
    for r, part in enumerate(parts):
        part["block"] = r
    for r, run in enumerate(runs):
        words = first_that_holds(np.concatenate(parts), runs, r, hypotheses, factors)
        if words:
            yield run.name, words


def sentence(names: list[str], words: str, blocks: tuple[Block, ...], whole: str) -> str:
    """Return a sentence from blocks' names and words that begin with a verb in the singular.

    Examples
    --------
    >>> two = Block("a", 0, (1,)), Block("b", 1, (1,)), Block("c", 2, (1,))
    >>> sentence(["a", "b"], "has the wrong sign", two, "every block")
    'a, b have the wrong sign'
    """
    if len(names) == len(blocks) and (len(blocks) > 1 or whole != EVERY):
        return f"{whole} {words}"
    if len(names) == 1:
        return f"{names[0]} {words}"
    verb, _, rest = words.partition(" ")
    return f"{', '.join(names)} {PLURAL.get(verb, verb.removesuffix('s'))} {rest}"


def predictions(
    mine: Entries,
    entries: Entries,
    blocks: tuple[Block, ...],
    b: int,
    hypotheses: tuple[Hypothesis, ...],
    factors: tuple[tuple[float, str], ...],
) -> Iterator[Prediction]:
    """Yield what mistakes would make of block b, the simplest first."""
    numeric, bound = mine["numeric"], mine["bound"]
    for factor, words in (*FACTORS, *factors):
        yield Prediction(words, factor * numeric, max(1.0, abs(factor)) * bound)
    for hypothesis in hypotheses:
        yield Prediction(hypothesis.words, numeric + hypothesis.added[mine["index"]], bound)
    constant = common_factor(mine)
    if np.isfinite(constant):
        words = f"is {in_digits(constant)} times the true gradient in every entry"
        yield Prediction(words, constant * numeric, (1 + abs(constant)) * bound)
    block = blocks[b]
    if len(mine) < block.size:
        return
    if len(block.shape) == 2 and min(block.shape) > 1:
        square = block.shape[0] == block.shape[1]
        words = "is transposed" if square else "is transposed: the entries are in the other order"
        for shape in (block.shape, block.shape[::-1]):
            turned, width = (part.reshape(shape).T.ravel() for part in (numeric, bound))
            yield Prediction(words, turned, width + bound)
    if len(mine) == 2:
        yield Prediction("has its two entries swapped", numeric[::-1], bound[::-1] + bound)
    for shift, words in ((1, "is shifted by one entry"), (-1, "is shifted by one entry, backwards")):
        yield Prediction(words, np.roll(numeric, shift), np.roll(bound, shift) + bound)
    for other, named in enumerate(blocks):
        theirs = entries[entries["block"] == other]
        if other != b and len(theirs) == len(mine):
            yield Prediction(f"is the gradient of {named.name}", theirs["numeric"], theirs["bound"] + bound)


def common_factor(mine: Entries) -> float:
    """Return the ratio of analytic to numeric at the block's largest entries; NaN if there are too few."""
    strong = (np.abs(mine["numeric"]) > CLEAR**2 * mine["bound"]) & np.isfinite(mine["analytic"])
    if strong.sum() < 2:
        return float("nan")
    return float(np.median(mine["analytic"][strong] / mine["numeric"][strong]))


def in_digits(factor: float) -> str:
    """Return a factor with as many digits as distinguish it from 1.

    Examples
    --------
    >>> in_digits(1.5), in_digits(1 + 1e-7)
    ('1.5', '1.0000001')
    """
    apart = max(abs(factor - 1), float(np.finfo(np.float64).eps))
    return f"{factor:.{max(4, 2 + ceil(-log10(apart)))}g}"


def holds(mine: Entries, hypothesis: Prediction) -> bool:
    """Return whether the analytic values are as the hypothesis predicts, and not by chance."""
    with np.errstate(invalid="ignore", over="ignore"):
        sizes = np.abs(hypothesis.values)
        top = float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
        tolerance = hypothesis.tolerance + AGREEMENT * np.maximum(sizes, AGREEMENT * top)
        agree = np.abs(mine["analytic"] - hypothesis.values) <= tolerance
        clear = np.abs(mine["analytic"] - mine["numeric"]) > CLEAR * tolerance
    return bool(agree.all() and clear.any())


def located(mine: Entries, block: Block) -> str:
    """Return where in the block the wrong entries are, if they are one entry, one row or one column."""
    wrong = mine["verdict"] == "fail"
    if not np.isfinite(mine["analytic"]).all():
        return "has entries that are not finite"
    if len(mine) < 2 or wrong.all():
        return ""
    if wrong.sum() == 1:
        return f"is wrong in one entry alone, {block.entry_name(int(mine['index'][wrong][0]))}"
    if len(block.shape) != 2:
        return ""
    places = np.unravel_index(mine["index"] - block.start, block.shape)
    for axis, word in ((0, "row"), (1, "column")):
        lines = np.unique(places[axis][wrong])
        if len(lines) == 1 and block.shape[axis] > 1:
            return f"is wrong in {word} {lines[0]} alone"
    return ""
