"""Guesses of likely mistakes in an objective: what each would multiply its gradient by, or add to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...data.samples import Samples
from ...objective.objective import Objective
from ..report.causes import Hypothesis


def factors(objective: Objective) -> tuple[tuple[float, str], ...]:
    """Return factors that a wrong normalization would leave."""
    rows, outputs = len(objective.data.X), objective.stack.out_features
    known = [
        (1.0 * rows, f"is too large by {rows}, the number of rows: summed, not averaged over the batch"),
        (1 / rows, f"is too small by {rows}, the number of rows: divided by the batch size twice"),
        (1.0 * outputs, f"is too large by {outputs}, the number of outputs"),
        (1 / outputs, f"is too small by {outputs}, the number of outputs"),
        (1.0 * rows * outputs, f"is too large by {rows * outputs}, rows times outputs: summed, not averaged"),
        (1 / (rows * outputs), f"is too small by {rows * outputs}, rows times outputs: divided by them twice"),
    ]
    return tuple((factor, words) for factor, words in known if factor != 1)


def hypotheses(objective: Objective) -> tuple[Hypothesis, ...]:
    """Return hypotheses of mistakes in penalties, sample weights, targets and dropout."""
    params, biases = objective.x, np.ones(objective.stack.n_params, np.bool_)
    for block, view in objective.stack.views(biases):
        view[...] = not block.is_weight
    l1, l2 = objective.penalties()
    found = []
    signs = np.sign(params)
    for name, on, of_model in (("l2", l2 * params, objective.l2 * params), ("l1", l1 * signs, objective.l1 * signs)):
        found += [
            Hypothesis(f"lacks the {name} penalty", -on),
            Hypothesis(f"has the {name} penalty twice", on),
            Hypothesis(f"has the {name} penalty, which is for weights only", np.where(biases, of_model, 0.0)),
        ]
    own = objective.gradient()
    for words, other in mistaken_samples(objective.data, objective.stack.out_features):
        found.append(Hypothesis(words, replace(objective, data=other).gradient() - own))
    if objective.key:
        found.append(Hypothesis("leaves dropout out", replace(objective, key=0).gradient() - own))
    return tuple(hypothesis for hypothesis in found if hypothesis.added.any())


def mistaken_samples(data: Samples, n_classes: int) -> list[tuple[str, Samples]]:
    """Return the samples as likely mistakes would use them, each with words that say what was done."""
    found = []
    if data.weight is not None:
        found.append(("ignores the sample weights", data._replace(weight=None)))
    for by in (1, -1):
        words = f"compares each row with the target of the row {'before' if by == 1 else 'after'} it"
        found.append((words, shifted(data, by)))
    if data.labels is not None:
        found.append(("has class labels too large by 1", data._replace(labels=(data.labels + 1) % n_classes)))
        found.append(("has class labels too small by 1", data._replace(labels=(data.labels - 1) % n_classes)))
    return found


def shifted(data: Samples, by: int) -> Samples:
    """Return the samples with targets moved by some rows."""
    return data._replace(
        target=None if data.target is None else np.roll(data.target, by, axis=0),
        labels=None if data.labels is None else np.roll(data.labels, by),
        y=np.roll(data.y, by, axis=0),
    )
