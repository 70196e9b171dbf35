"""A model's objective in float64: its value, its gradient, its parts, and the effects of likely mistakes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...data.samples import Samples
from ...layers.dense import Dense
from ...layers.stack import Stack
from ...losses import CustomLoss, Loss
from ...objective.evaluate import evaluate
from ...objective.penalties import penalty_vectors, without_penalties
from ...objective.probe import probe_of, twice_differentiable
from ..report.causes import Guess
from ..slopes.evaluator import Evaluator, Vector
from .model_evaluator import ModelEvaluator


@final
@dataclass(frozen=True)
class Objective:
    """Mean loss plus penalties of a float64 model on fixed samples.

    Parameters
    ----------
    stack : Stack
        Of float64. Its parameters stay as they are.
    data : Samples
    loss : Loss or callable
    l1, l2 : float
    key : int
        Of the dropout mask, 0 to leave dropout out.
    has_data : bool, default True
        Whether the loss takes part, or penalties alone do.
    """

    stack: Stack
    data: Samples
    loss: Loss | CustomLoss
    l1: float
    l2: float
    key: int
    has_data: bool = True

    def _at(self, stack: Stack, grad: NDArray[Any] | None = None) -> float:
        if self.has_data:
            return evaluate(stack, self.data, self.loss, self.l1, self.l2, self.key, grad)
        return stack.network(True).penalty(self.l1, self.l2, grad)

    def value(self) -> float:
        """Return the value at the model's parameters."""
        return self._at(self.stack)

    def gradient(self) -> Vector:
        """Return the gradient of the model's own backward pass, shape (n_params,)."""
        grad = np.zeros(self.stack.n_params)
        self._at(self.stack, grad)
        return grad

    def hessian_vector(self, v: Vector) -> Vector:
        """Return the Hessian times v (n_params,) from the model's own kernels, without dropout."""
        loss = twice_differentiable(self.loss, ", or grad be given")
        product = np.zeros(self.stack.n_params)
        probe_of(self.stack, self.data, loss, l2=self.l2).hessian_vector(v, product)
        return product

    def evaluator(self) -> Evaluator:
        """Return an evaluator of differences with respect to the parameters."""
        loss = self.loss if self.has_data else None
        return ModelEvaluator(self.stack, self.data, loss, self.l1, self.l2, self.key)

    def of_inputs(self) -> Objective:
        """Return the same loss as a function of its inputs, without penalties.

        They become the weights of a layer in front, X itself, which is fed with the identity matrix. So the first
        n * in_features parameters are X, and the backward pass gives d loss / d X.
        """
        X = self.data.X
        layers = (Dense(len(X), X.shape[1], bias=False, weight_init="zeros"), *without_penalties(self.stack).layers)
        stack = Stack(layers, None, "float64")
        stack.params[:] = np.concatenate([X.ravel(), self.stack.params])
        return replace(self, stack=stack, data=self.data._replace(X=np.eye(len(X))), l1=0.0, l2=0.0)

    def parts(self) -> tuple[tuple[str, Objective], ...]:
        """Return the data loss, with and without sample weights, and each penalty; empty if there is only one part."""
        l1, l2 = (bool(strengths.any()) for strengths in self.penalties())
        weighted = self.data.weight is not None
        if not (l1 or l2 or weighted):
            return ()
        data = self._keeping()
        found = [("data loss", replace(data, data=self.data._replace(weight=None)))]
        if weighted:
            found.append(("data loss, weighted", data))
        if l1:
            found.append(("l1 penalty", replace(self._keeping("l1"), has_data=False)))
        if l2:
            found.append(("l2 penalty", replace(self._keeping("l2"), has_data=False)))
        return tuple(found)

    def penalties(self) -> tuple[Vector, Vector]:
        """Return the l1 and the l2 of each parameter, (n_params,) each: the layers' own, or the model's."""
        return penalty_vectors(self.stack, self.l1, self.l2)

    def _keeping(self, *names: str) -> Objective:
        """Return the objective with only the named penalties, layers' own and model's."""
        stack = without_penalties(self.stack, names)
        return replace(self, stack=stack, l1=self.l1 if "l1" in names else 0.0, l2=self.l2 if "l2" in names else 0.0)

    def turns(self, outputs: NDArray[Any]) -> Vector | None:
        """What is 0 where the loss's slope jumps, of outputs (n, k); None where nothing does that is known of."""
        loss, target = self.loss, self.data.target
        if not isinstance(loss, Loss) or not loss.kink or target is None:
            return None
        found: Vector = outputs - target if loss.kink == "residual" else 1 - target * outputs
        return found

    def factors(self) -> tuple[tuple[float, str], ...]:
        """Return factors that a wrong normalization would leave."""
        rows, outputs = len(self.data.X), self.stack.out_features
        known = [
            (1.0 * rows, f"is too large by {rows}, the number of rows: summed, not averaged over the batch"),
            (1 / rows, f"is too small by {rows}, the number of rows: divided by the batch size twice"),
            (1.0 * outputs, f"is too large by {outputs}, the number of outputs"),
            (1 / outputs, f"is too small by {outputs}, the number of outputs"),
            (1.0 * rows * outputs, f"is too large by {rows * outputs}, rows times outputs: summed, not averaged"),
            (1 / (rows * outputs), f"is too small by {rows * outputs}, rows times outputs: divided by them twice"),
        ]
        return tuple((factor, words) for factor, words in known if factor != 1)

    def guesses(self) -> tuple[Guess, ...]:
        """Return guesses of mistakes in penalties, sample weights, targets and dropout."""
        params, biases = self.stack.params, np.ones(self.stack.n_params, np.bool_)
        for name, view in self.stack.parameters(biases):
            view[...] = name.endswith(".bias")
        l1, l2 = self.penalties()
        found = []
        signs = np.sign(params)
        for name, on, of_model in (("l2", l2 * params, self.l2 * params), ("l1", l1 * signs, self.l1 * signs)):
            found += [
                Guess(f"lacks the {name} penalty", -on),
                Guess(f"has the {name} penalty twice", on),
                Guess(f"has the {name} penalty, which is for weights only", np.where(biases, of_model, 0.0)),
            ]
        own = self.gradient()
        for words, other in self._variants():
            found.append(Guess(words, replace(self, data=other).gradient() - own))
        if self.key:
            found.append(Guess("leaves dropout out", replace(self, key=0).gradient() - own))
        return tuple(guess for guess in found if guess.added.any())

    def _variants(self) -> list[tuple[str, Samples]]:
        """Return the samples as likely mistakes would use them."""
        data, found = self.data, []
        if data.weight is not None:
            found.append(("ignores the sample weights", data._replace(weight=None)))
        for shift in (1, -1):
            words = f"compares each row with the target of the row {'before' if shift == 1 else 'after'} it"
            found.append((words, shifted(data, shift)))
        if data.labels is not None:
            labels = (data.labels + 1) % self.stack.out_features
            found.append(("has class labels too large by 1", data._replace(labels=labels)))
            labels = (data.labels - 1) % self.stack.out_features
            found.append(("has class labels too small by 1", data._replace(labels=labels)))
        return found


def shifted(data: Samples, by: int) -> Samples:
    """Return the samples with targets moved by some rows."""
    return data._replace(
        target=None if data.target is None else np.roll(data.target, by, axis=0),
        labels=None if data.labels is None else np.roll(data.labels, by),
        y=np.roll(data.y, by, axis=0),
    )
