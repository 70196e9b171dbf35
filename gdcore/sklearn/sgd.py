"""What `SGDClassifier` and `SGDRegressor` share.

Design
------
- A batch has one row by default, and updates count as in scikit-learn: with the same order of rows (`shuffle=False`)
  the coefficients are scikit-learn's to roundoff. L1 is the cumulative penalty of `SGD`, which scikit-learn has too.
- Several classes are one model with an output for each, trained together: one pass over the data instead of one per
  class. Each class stops by itself, as in scikit-learn (each_output.py), unless the rate is "adaptive", or, without
  early stopping, the loss is computed in Python or ranks share out the fit: then the mean over the classes decides.
- In `fit` weights count relative to their mean: it minimizes the weighted mean of the loss, so that a row of weight 2
  is the same as the row twice. In `partial_fit` they count relative to 1, as in scikit-learn: what a row weighs must
  not depend on the other rows of its part.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from ..diagnosis.rate_words import RateWords
from ..optimizers import SGD
from ..schedules import Schedule
from ..training import Average, Polyak, Trainer
from . import checks as sklearn_checks
from .converted_losses import ConvertedLoss
from .diagnosed import linear_words
from .each_output import Columns, EachOutput, Objectives, Units, has_values, put_back
from .estimator import DTYPES, Estimator
from .inputs import named, validate_data
from .network import SEED_RANGE, biases_of, linear, weights_of
from .rates import Optimal, PowerOfUpdates, scaled
from .rows import Rows, checked_weights, rows_of
from .sgd_checks import check_parameters, penalty_name
from .targets import flat
from .trainers import Settings, answering, going_on
from .warn import warn
from .watch import SLOWEST, Patience, Record, Watch, penalty

LARGEST_STEP = 1e12
"""Gradients of a larger norm are scaled down to it, so that features far from zero end a fit late rather than in
infinity; scikit-learn limits the slope of the loss by the same number."""
SPARSE_INTERCEPT = 0.01
"""Factor on the rate of intercepts where X is sparse, as in scikit-learn: every row moves the intercept, and few rows
move any one coefficient."""


class LinearSGD(Estimator):
    """Interface of the linear models."""

    loss: Any
    penalty: Any
    alpha: float
    l1_ratio: float | None
    fit_intercept: bool
    max_iter: int
    tol: float | None
    shuffle: bool
    epsilon: float
    random_state: Any
    learning_rate: Any
    eta0: float
    power_t: float
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    warm_start: bool
    batch_size: int
    clip_norm: float | None

    sparsified_ = False
    _starts_at_zero = True
    _kept: Columns | None = None

    @abstractmethod
    def _n_outputs(self) -> int:
        """Return the number of outputs."""

    @abstractmethod
    def _shaped(self, coef: NDArray[Any]) -> NDArray[Any]:
        """Return coefficients (k, n_features) in the shape of `coef_`."""

    @property
    def coef_(self) -> Any:
        """Coefficients: a view of the network's; after `sparsify` a copy as a CSR matrix."""
        found = self._coefficients()
        return csr_matrix(found) if self.sparsified_ else found

    @coef_.setter
    def coef_(self, value: Any) -> None:
        self._coefficients()[...] = value.toarray().reshape(self._coefficients().shape) if issparse(value) else value

    def _coefficients(self) -> NDArray[Any]:
        return self._shaped(weights_of(self._network())[0].T)

    def sparsify(self) -> Self:
        """Let `coef_` be a CSR matrix, until `densify` or the next `fit`; predictions are the same.

        Returns
        -------
        self
        """
        self._network()
        self.sparsified_ = True
        return self

    def densify(self) -> Self:
        """Let `coef_` be an array again.

        Returns
        -------
        self
        """
        self._network()
        self.sparsified_ = False
        return self

    @property
    def intercept_(self) -> NDArray[Any]:
        """Intercepts (n_outputs,): a view of the network's; zeros where none is fitted."""
        net = self._network()
        found = biases_of(net)
        return found[0] if found else np.zeros(net.out_features, net.dtype)

    @intercept_.setter
    def intercept_(self, value: Any) -> None:
        self.intercept_[...] = value

    def _network(self) -> Any:
        if "net_" not in vars(self):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self.net_

    # Fitting

    def _fit(self, X: Any, y: Any, sample_weight: Any, init: tuple[Any, Any], validation_data: Any) -> None:
        check_parameters(self, self._classifies())
        self._check_common()
        self._begin_task(self.max_iter, X, y, sample_weight)
        warm = self.warm_start and self.__sklearn_is_fitted__()
        X, numbers, weight = self._taken_data(X, y, sample_weight, not warm, None, whole=True)
        if not warm:
            self.net_ = linear(X.shape[1], self._n_outputs(), bool(self.fit_intercept), X.dtype.name)
        self._begin(init)
        rng, converted, held = check_random_state(self.random_state), self._converted_loss(), None
        if validation_data is not None:
            held = self._held_out(validation_data)
        elif self.early_stopping:
            X, numbers, weight, held = self._split(X, numbers, weight, rng)
        rows = rows_of(X, self._encoded(numbers), weight, converted)
        watch = self._watch(rows, held, converted, rng)
        validation = None if held is None else rows_of(held[0], self._encoded(held[1]), held[2], converted)
        self._run_outputs(rows, validation, watch, held)
        self._finish(watch, rows.X.shape[0])
        if watch.has_diverged:
            self._restore(self._record)
        if self.tol is not None and watch.epochs == self.max_iter and not watch.converged:
            warn(
                "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the "
                "fit.",
                ConvergenceWarning,
            )

    def _fit_part(self, X: Any, y: Any, sample_weight: Any, classes: Any, validation_data: Any) -> None:
        check_parameters(self, self._classifies())
        self._check_common()
        first = not self.__sklearn_is_fitted__()
        if not first and self.early_stopping and self.stopped_:
            warn(
                "The validation score has stopped improving: this partial_fit changes nothing. Call fit to begin anew.",
                ConvergenceWarning,
            )
            return
        X, numbers, weight = self._taken_data(X, y, sample_weight, first, classes, whole=False)
        if first:
            self.net_ = linear(X.shape[1], self._n_outputs(), bool(self.fit_intercept), X.dtype.name)
            self._begin((None, None))
        rng, converted = check_random_state(self.random_state), self._converted_loss()
        if validation_data is not None:
            self._held = self._held_out(validation_data)
        elif self.early_stopping and self._held is None:
            X, numbers, weight, self._held = self._split(X, numbers, weight, rng)
        rows = rows_of(X, self._encoded(numbers), weight, converted)
        if not rows.X.shape[0]:  # class_weight gives every row of this part the weight 0
            self.n_iter_, self.loss_curve_ = 0, self._record.losses
            return
        watch = self._watch(rows, self._held, converted, rng)
        stops = self._run_part(rows, watch, mean_weight=1.0) and self.early_stopping
        self._finish(watch, rows.X.shape[0])
        if stops:
            self.stopped_ = True
            self._restore(self._record)

    def _taken_data(
        self, X: Any, y: Any, sample_weight: Any, first: bool, classes: Any, *, whole: bool
    ) -> tuple[NDArray[Any], NDArray[Any], Any]:
        """Check data, learn their targets, and return X, the targets' numbers and the weights."""
        X, y = validate_data(
            self,
            X,
            flat(y),
            dtype=DTYPES,
            order="C",
            accept_sparse="csr",
            reset=first,
            y_numeric=not self._classifies(),
        )
        if first or classes is not None:
            self._learn_targets(y, classes)
        elif whole:
            self._check_warm(y)
        numbers = self._taken(y)
        return X, numbers, self._weighted(numbers, checked_weights(sample_weight, X), whole)

    def _begin(self, init: tuple[Any, Any]) -> None:
        """Forget what was counted, and set initial coefficients that were given."""
        for name, value, views in zip(
            ("coef_init", "intercept_init"), init, (self._coefficients(), self.intercept_), strict=True
        ):
            if value is not None:
                given = np.asarray(value, dtype=self.net_.dtype)
                if given.size != views.size or (given.shape != views.shape and views.ndim == 2 and len(views) > 1):
                    raise sklearn_checks.other_init(name, given.shape, views.shape)
                views[...] = given.reshape(views.shape)
        self.trainer_, self.history_ = None, None
        self._record, self._held = Record([], []), None
        self.t_ = 1.0
        self.stopped_ = self.sparsified_ = False

    def _split(self, X: Any, numbers: Any, weight: Any, rng: Any) -> tuple[Any, Any, Any, tuple[Any, Any, Any]]:
        """Hold out validation data."""
        rows = np.arange(X.shape[0])
        if not 1 <= self.validation_fraction * len(rows) <= len(rows) - 1:
            raise sklearn_checks.empty_split(len(rows), self.validation_fraction)
        kept, held = train_test_split(
            rows, random_state=rng, test_size=self.validation_fraction, stratify=self._strata(numbers)
        )
        kept = np.sort(kept)
        weights = (None, None) if weight is None else (weight[kept], weight[held])
        if weights[1] is not None and not weights[1].any():
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different random state."
            )
        return X[kept], numbers[kept], weights[0], (X[held], numbers[held], weights[1])

    def _held_out(self, validation_data: Any) -> tuple[Any, Any, Any]:
        """Check validation data that were given."""
        X, y = sklearn_checks.pair(validation_data)
        with named("validation_data"):
            X, y = validate_data(self, X, y, dtype=DTYPES, order="C", accept_sparse="csr", reset=False)
            return X, self._taken(y), None

    def _watch(self, rows: Rows, held: Any, converted: ConvertedLoss, rng: Any) -> Watch:
        """Return what watches a training over these rows; it holds the trainer."""
        trainer = self._trainer(converted, rng, issparse(rows.X))
        l1, l2 = self._penalties(rows.mass)
        views, k, n_outputs = weights_of(trainer.model), converted.shown, trainer.model.out_features
        adaptive = self.learning_rate == "adaptive"
        return Watch(
            Patience(
                -np.inf if self.tol is None else self.tol,
                self.n_iter_no_change - 1,
                SLOWEST * converted.scale if adaptive else np.inf,
            ),
            self._record,
            trainer,
            reported=lambda loss: (k * loss + penalty(views, l1, l2)) / n_outputs,
            score=self._scorer(*held) if self.early_stopping and held is not None else None,
            verbose=bool(self.verbose) and not isinstance(self.verbose, str),
        )

    def _run_outputs(self, rows: Rows, validation: Rows | None, watch: Watch, held: Any) -> None:
        """Train all epochs of a fit, in which each class may stop by itself."""
        outputs = self._each_output(rows, watch, held)
        if outputs is None:
            self._run(rows, validation, watch, self.max_iter)
            return
        watch.outputs, self._kept = outputs, outputs.kept
        try:
            self._run(rows, validation, watch, self.max_iter)
            outputs.finish()
        finally:
            del self._kept

    def _each_output(self, rows: Rows, watch: Watch, held: Any) -> EachOutput | None:
        """Return what stops each class by itself; None if there is one output, or the mean decides."""
        converted, trainer = self._converted_loss(), watch.trainer
        k = self.net_.out_features
        scores = self._each_scorer(*held) if watch.score is not None else None
        mean = self.learning_rate == "adaptive" or (scores is None and not has_values(converted.loss))
        if k == 1 or self.tol is None or mean:
            return None
        return EachOutput(
            watch.rule,
            trainer,
            scores or Objectives(trainer, Units(converted.shown / k, *self._penalties(rows.mass))),
            of_answers=scores is not None,
            answers=self.net_,
            update=self._update_answers,
            kept={},
        )

    def _each_scorer(self, X: Any, numbers: NDArray[Any], weight: Any) -> Callable[[], NDArray[np.float64]]:
        """Return a function () -> the accuracy of each class against the others on these rows, times -1."""
        own = numbers[:, None] == np.arange(self.net_.out_features)

        def score() -> NDArray[np.float64]:
            self._update_answers()
            found: NDArray[np.float64] = -np.average((self.net_.predict(X) > 0) == own, axis=0, weights=weight)
            return found

        return score

    def _update_answers(self) -> None:
        super()._update_answers()
        if self._kept:
            put_back(self.net_, self._kept)

    def _finish(self, watch: Watch, n: int) -> None:
        """Set the attributes that follow from a training."""
        self.n_iter_ = watch.epochs
        self.t_ += n * watch.epochs
        self.loss_curve_ = self._record.losses
        self.validation_scores_ = self._record.scores if watch.score is not None else None

    # What a trainer is made of

    def _penalties(self, mass: float) -> tuple[float, float]:
        share = {None: 0.0, "l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio}[penalty_name(self.penalty)]
        strength = 0.0 if self.penalty is None else self.alpha
        return strength * float(share or 0.0), strength * (1 - float(share or 0.0))

    def _rate(self, scale: float) -> float | Schedule:
        """Return the rate in gdcore's units."""
        if isinstance(self.learning_rate, Schedule):
            return scaled(self.learning_rate, scale)
        if self.learning_rate == "optimal":
            return Optimal(scale, self.alpha)
        if self.learning_rate == "invscaling":
            return PowerOfUpdates(self.eta0 * scale, self.power_t)
        return self.eta0 * scale

    def _rate_words(self, scale: float) -> RateWords:
        return linear_words(self.learning_rate, scale)

    def _average(self) -> Average | None:
        """Return how to average; scikit-learn's number is the first update that counts."""
        if isinstance(self.average, Average):
            return self.average
        return Polyak(int(self.average) - 1) if self.average else None

    def _trainer(self, converted: ConvertedLoss, rng: Any, sparse: bool) -> Trainer:
        """Return the trainer that goes on, or a new one."""
        scale = converted.scale
        l1, l2 = self._penalties(1.0)
        if self.learning_rate in ("constant", "adaptive"):
            l2 = min(l2, 1 / self.eta0)  # beyond, a step would turn weights round; scikit-learn sets them to 0
        old = self.trainer_
        settings = Settings(
            converted.loss,
            SGD(self._rate(scale), cumulative_l1=bool(l1 > 0)),
            self.batch_size,
            bool(self.shuffle),
            l1 / scale,
            l2 / scale,
            (LARGEST_STEP if self.clip_norm is None else self.clip_norm) / scale,
            None,
            self._average(),
            rng.randint(SEED_RANGE) if old is None else old.seed,
            {"dense0.bias": SPARSE_INTERCEPT} if sparse and biases_of(self.net_) else {},
        )
        self.trainer_ = settings.trainer(self.net_) if old is None else going_on(old, settings)
        self.net_ = answering(self.trainer_, self.net_)
        return self.trainer_
