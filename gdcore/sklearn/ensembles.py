"""What `MLPClassifier` and `MLPRegressor` have for several models: fits together, and ensembles.

Design
------
- An ensemble is a list of estimators, `estimators_`, each with a `random_state` of its own; each is what its own fit
  gives. The other attributes of the fit are those of the first one.
- They are trained together where that is possible, and otherwise one by one.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state

from ..base import checks
from ..data.samples import take_samples
from ..training.history import History
from . import checks as sklearn_checks
from .converted_losses import constant_of
from .mlp import MLP
from .mlp_checks import check_parameters
from .network import SEED_RANGE
from .prepared import learn_from, taken
from .rows import rows_of
from .together import Begun, alone, train_together
from .watch import Watch


class EnsembleMLP(MLP):
    """Interface of the multilayer perceptrons, of one model or several."""

    estimators_: list[Any]

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any) -> None:
        if "estimators_" in vars(self):
            del self.estimators_
        if taken(self, X, y, sample_weight, validation_data):
            return
        checks.integer("n_ensemble", self.n_ensemble, 1)
        if self.n_ensemble == 1:
            super()._fit(X, y, sample_weight, validation_data)
            return
        if self.warm_start:
            raise sklearn_checks.no_warm_ensemble(self.n_ensemble)
        rng = check_random_state(self.random_state)
        members = [self._member(rng.randint(SEED_RANGE)) for _ in range(self.n_ensemble)]
        reason = alone(members[0], {"validation_data": validation_data})
        if reason:
            for member in members:
                member.fit(X, y, sample_weight, validation_data)
        else:
            fits = [begun(member, X, y, sample_weight) for member in members]
            for i in train_together(fits, self.n_threads):
                members[i].fit(X, y, sample_weight)  # it says where it diverges
        learn_from(self, members[0])
        self.estimators_ = members

    def _fit_part(self, X: Any, y: Any, sample_weight: Any, classes: Any, validation_data: Any) -> None:
        if "estimators_" in vars(self):  # of a fit with another n_ensemble: the first model goes on
            del self.estimators_
        super()._fit_part(X, y, sample_weight, classes, validation_data)

    def _member(self, seed: int) -> Any:
        found: Any = clone(self)
        return found.set_params(n_ensemble=1, random_state=int(seed))

    def _members(self) -> list[Self]:
        """Return the models that answer together."""
        found: list[Self] = vars(self).get("estimators_", [self])
        return found

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return the network's outputs, (n, k), of an ensemble their mean."""
        if "estimators_" not in vars(self):
            return super()._outputs(X)
        return mean_of(self._outputs_of_each(X))

    def _outputs_of_each(self, X: Any) -> list[NDArray[Any]]:
        """Return the outputs (n, k) of each model."""
        return [member._outputs(X) for member in self._members()]

    def _begun(self, X: Any, y: Any, sample_weight: Any) -> Begun:
        """Begin a fit, up to where it trains."""
        check_parameters(self, "MLPClassifier" if self._classifies() else "MLPRegressor")
        self._check_common()
        X, numbers, weight = self._taken_data(X, y, sample_weight, True, None, whole=True)
        rng = check_random_state(self.random_state)
        self._begin(X, rng)
        converted = self._converted_loss()
        rows = rows_of(X, self._encoded(numbers), weight, converted)
        watch = self._watch(rows, constant_of(converted, numbers, weight), None, converted, rng)
        take_samples(self.net_.stack, rows.X, rows.y, rows.weight, converted.loss)  # targets that the loss refuses
        return Begun(self, rows, watch, self._ended)

    def _ended(self, watch: Watch, params: NDArray[Any], history: History, n: int) -> None:
        """Take what a training with others has found; nothing can go on from there."""
        self.net_.params = params
        self.trainer_, self.history_ = None, history
        self._finish(watch, n)
        self._warn_unless_converged(watch)


def begun(est: EnsembleMLP, X: Any, y: Any, sample_weight: Any = None) -> Begun:
    """Begin an estimator's fit, up to where it trains."""
    return est._begun(X, y, sample_weight)


def mean_of(answers: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the mean of the models' answers, summed in float64, in their precision."""
    found: NDArray[Any] = np.mean(answers, axis=0, dtype=np.float64).astype(answers[0].dtype)
    return found
