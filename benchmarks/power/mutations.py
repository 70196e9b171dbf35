"""The mistakes: a name, what is done, and how it is made."""

from dataclasses import dataclass
from typing import final

import numpy as np

from . import passes as on
from . import vectors as of
from .cases import Case
from .vectors import Change

ROUNDINGS = 256.0
"""What is made in float64 and changes no entry by more than so many roundings of the largest one changes nothing."""


@final
@dataclass(frozen=True)
class Mutation:
    """A mistake.

    Attributes
    ----------
    name : str
    what : str
        What is done to the right gradient.
    change : callable
    """

    name: str
    what: str
    change: Change

    def made(self, case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """The wrong gradient in the case's precision; None where the mistake cannot be made, or changes nothing."""
        wrong = self.change(case, right.astype(np.float64), rng)
        if wrong is None:
            return None
        wrong = wrong.astype(right.dtype)
        least = ROUNDINGS * float(np.finfo(np.float64).eps) * float(np.abs(right).max())
        return None if (np.abs(wrong - right) <= least).all() else wrong


MUTATIONS = (
    Mutation("one entry 1 % off", "one entry, not 0, times 1.01", of.one_entry(1.01)),
    Mutation("one entry 0.1 % off", "one entry, not 0, times 1.001", of.one_entry(1.001)),
    Mutation("one entry zero", "one entry, not 0, becomes 0", of.one_entry(0.0)),
    Mutation("one entry's sign", "one entry, not 0, times -1", of.one_entry(-1.0)),
    Mutation("one entry NaN", "one entry becomes NaN", of.not_a_number),
    Mutation("two entries swapped", "any two entries change places", of.entries_swapped),
    Mutation("every entry x 1.001", "all times 1.001", of.everything(1.001)),
    Mutation("factor 2", "all times 2", of.everything(2.0)),
    Mutation("factor 1/2", "all times 1/2", of.everything(0.5)),
    Mutation("all signs", "all times -1", of.everything(-1.0)),
    Mutation("all zero", "all become 0", of.everything(0.0)),
    Mutation("factor n", "all times the number of rows", of.times(lambda case: len(case.X))),
    Mutation("factor 1/n", "all divided by the number of rows", of.times(lambda case: 1 / len(case.X))),
    Mutation(
        "factor n_outputs",
        "all times the number of outputs: no 1/n_outputs in the mean",
        of.times(lambda case: case.net.out_features),
    ),
    Mutation("rounded to 11 bits", "all rounded as to float16", of.half_precision),
    Mutation("clipped", "all cut to half the size of the largest", of.clipped),
    Mutation("one bias entry zero", "one entry of a bias becomes 0", of.one_block(".bias", of.zero_entry)),
    Mutation("one bias zero", "the bias of one layer becomes 0", of.one_block(".bias", of.scaled(0.0))),
    Mutation("one weight zero", "the weight of one layer becomes 0", of.one_block(".weight", of.scaled(0.0))),
    Mutation("one weight's sign", "the weight of one layer times -1", of.one_block(".weight", of.scaled(-1.0))),
    Mutation("one bias's sign", "the bias of one layer times -1", of.one_block(".bias", of.scaled(-1.0))),
    Mutation(
        "one weight shifted", "every entry of a weight in its neighbour's place", of.one_block(".weight", of.shifted)
    ),
    Mutation("transposed", "a square weight, rows and columns exchanged", of.transposed),
    Mutation("wrong order", "a weight that is not square, in the other order", of.misread),
    Mutation("two units swapped", "two columns of a weight change places", of.units_swapped),
    Mutation("two layers' biases swapped", "biases of one width change places", of.biases_swapped),
    Mutation(
        "l2 missing on one layer",
        "its share of the l2 penalty is not added",
        on.penalty(on.of_weights(lambda case, w: -case.l2 * w), one=True),
    ),
    Mutation("l2 on biases", "biases get the l2 penalty too", on.penalty(on.of_biases(lambda case, b: case.l2 * b))),
    Mutation("l2 twice", "l2 w^2 in place of l2/2 w^2", on.penalty(on.of_weights(lambda case, w: case.l2 * w))),
    Mutation(
        "l1 missing on one layer",
        "its share of the l1 penalty is not added",
        on.penalty(on.of_weights(lambda case, w: -case.l1 * np.sign(w)), one=True),
    ),
    Mutation(
        "l1 sign at zero",
        "the slope of abs(w) at 0 is taken as 1, a subgradient",
        on.penalty(on.of_weights(lambda case, w: case.l1 * (w == 0))),
    ),
    Mutation(
        "l1 beyond its slopes at zero",
        "the slope of abs(w) at 0 is taken as 2, none of them",
        on.penalty(on.of_weights(lambda case, w: 2 * case.l1 * (w == 0))),
    ),
    Mutation(
        "slope wrong at saturation",
        f"slope 0 in hidden units where abs(z) > {on.SATURATED}",
        on.on_the_way(on.hidden(on.at_saturation)),
    ),
    Mutation(
        "slope wrong at zero",
        f"half the slope in hidden units where abs(z) < {on.NEAR_ZERO}",
        on.on_the_way(on.hidden(on.at_zero)),
    ),
    Mutation(
        "slope of the output",
        "a'(a(z)) in place of a'(z) in the last hidden layer",
        on.on_the_way(on.last_hidden(on.slope_of_output)),
    ),
    Mutation("slope left out", "no a'(z) in the last hidden layer", on.on_the_way(on.last_hidden(on.no_slope))),
    Mutation(
        "updated too early",
        "deltas go down through weights that were changed by 1 %",
        on.on_the_way(on.updated_too_early, on.has_hidden),
    ),
    Mutation(
        "mask not applied backward",
        "dropout's mask and scale are left out on the way back",
        on.on_the_way(on.no_mask, lambda case: case.drops),
    ),
    Mutation("dropout left out", "the gradient is that without dropout", on.of_case(on.without_dropout)),
    Mutation(
        "off-by-one batch row", "each row against the target of the row before it", on.of_case(on.shifted_targets)
    ),
    Mutation("wrong class index", "class labels too large by 1", on.of_case(on.shifted_labels)),
    Mutation("last row dropped", "the mean is over all rows but the last", on.of_case(on.without_last_row)),
    Mutation("last row not added", "the sum lacks the last row, the divisor does not", on.last_row_not_added),
    Mutation("first row twice", "the first row is added twice", on.first_row_twice),
    Mutation("sample weights ignored", "the plain mean in place of the weighted one", on.of_case(on.without_weights)),
    Mutation(
        "stale momentum",
        f"{on.DECAY} parts of the gradient of a step before, whose parameters were 1 % apart",
        on.stale,
    ),
    Mutation("float32 in a float64 claim", "computed in float32, given as float64", on.single),
)
