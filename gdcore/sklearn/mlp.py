"""What `MLPClassifier` and `MLPRegressor` share.

Design
------
- scikit-learn divides its penalty by the rows of a batch. Here the divisor is the batch's size, or the sum of the
  weights if that is less: so a row of weight 2 is the same as the row twice.
- With `warm_start`, and in `partial_fit`, the trainer goes on with the optimizer's state, also after a change of
  hyper-parameters.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from ..diagnosis.rate_words import RateWords
from ..optimizers import SGD, Adam, Optimizer, get_optimizer
from ..optimizers.full_batch import LBFGS
from ..schedules import Schedule
from ..training import Trainer
from ..training.fit_options import spread_here
from . import checks as sklearn_checks
from .converted_losses import ConvertedLoss, constant_of
from .diagnosed import network_words
from .estimator import DTYPES, Estimator
from .inputs import named, validate_data
from .lbfgs import Limits, solve, warn_of_unused
from .mlp_checks import check_parameters, solver_name
from .network import SEED_RANGE, Views, biases_of, copy_into, perceptron, weights_of
from .rates import scaled
from .rows import Rows, checked_weights, rows_of
from .trainers import Settings, answering, going_on, replaced
from .warn import warn
from .watch import SLOWEST, Patience, Record, Watch, penalty

AUTO_BATCH = 200


def takes_parts(est: MLP) -> bool:
    """Return whether an estimator has `partial_fit`: all but those of lbfgs."""
    if is_lbfgs(est.solver):
        raise AttributeError("partial_fit goes on from batch to batch, and lbfgs takes all data at once: use 'adam'")
    if est.n_ensemble != 1:
        raise AttributeError(f"partial_fit trains one model, got n_ensemble={est.n_ensemble}: use fit")
    return True


def is_lbfgs(solver: Any) -> bool:
    """Return whether a solver takes all data at once."""
    return isinstance(solver, LBFGS) or solver_name(solver) == "lbfgs"


class MLP(Estimator):
    """Interface of the multilayer perceptrons."""

    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    alpha: float
    batch_size: Any
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    loss: Any
    shuffle: bool
    random_state: Any
    tol: float
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    dropout: Any
    weight_init: Any
    l1: float
    clip_norm: float | None
    clip_value: float | None
    metrics: Any
    n_ensemble: int = 1

    n_outputs_: int
    validation_loss_curve_: list[float] | None

    # Parameters and attributes in scikit-learn's form

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """Weights of each layer, (in_features, out_features): views of the network's."""
        return Views(weights_of(self._network()), "coefs_")

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        copy_into(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """Biases of each layer, (out_features,): views of the network's."""
        return Views(biases_of(self._network()), "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Any) -> None:
        copy_into(self.intercepts_, values, "intercepts_")

    def _network(self) -> Any:
        if "net_" not in vars(self):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self.net_

    @property
    def n_layers_(self) -> int:
        """Number of layers, inputs and outputs included."""
        return len(self.coefs_) + 1

    @property
    def out_activation_(self) -> str:
        """What turns outputs into predictions: "identity", "logistic", "softmax" or "exp"."""
        self._network()
        return self._converted_loss().link

    # Fitting

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any) -> None:
        check_parameters(self, "MLPClassifier" if self._classifies() else "MLPRegressor")
        self._check_common()
        self._begin_task(self.max_iter, X, y, sample_weight)
        first = not (self.warm_start and self.__sklearn_is_fitted__())
        X, numbers, weight = self._taken_data(X, y, sample_weight, first, None, whole=True)
        rng = check_random_state(self.random_state)
        if first:
            self._begin(X, rng)
        converted, held = self._converted_loss(), None
        if validation_data is not None:
            held = self._held_out(validation_data)
        elif self.early_stopping:
            X, numbers, weight, held = self._split(X, numbers, weight, rng)
        rows = rows_of(X, self._encoded(numbers), weight, converted)
        if is_lbfgs(self.solver):
            if spread_here() is not None:
                raise sklearn_checks.not_spread(self.solver)
            warn_of_unused(self, validation_data)
            self._solve(rows, converted, constant_of(converted, numbers, weight))
            return
        watch = self._watch(rows, constant_of(converted, numbers, weight), held, converted, rng)
        validation = None if held is None else rows_of(held[0], self._encoded(held[1]), held[2], converted)
        self._run(rows, validation, watch, self.max_iter, self.metrics)
        self._finish(watch, rows.X.shape[0])
        if self.history_ is not None and validation is not None:
            self.validation_loss_curve_ = [
                *(self.validation_loss_curve_ or []),
                *(converted.shown * v for v in self.history_.val_loss),
            ]
        if self.early_stopping:
            self._restore(self._record)
        self._warn_unless_converged(watch)

    def _warn_unless_converged(self, watch: Watch) -> None:
        if watch.epochs == self.max_iter and not watch.converged:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
            )

    def _fit_part(self, X: Any, y: Any, sample_weight: Any, classes: Any, validation_data: Any) -> None:
        check_parameters(self, "MLPClassifier" if self._classifies() else "MLPRegressor")
        self._check_common()
        first = not self.__sklearn_is_fitted__()
        if not first and self.early_stopping and self.stopped_:
            warn(
                "The validation score has stopped improving: this partial_fit changes nothing. Call fit to begin anew.",
                ConvergenceWarning,
            )
            return
        X, numbers, weight = self._taken_data(X, y, sample_weight, first, classes, whole=False)
        rng = check_random_state(self.random_state)
        if first:
            self._begin(X, rng)
        converted = self._converted_loss()
        if validation_data is not None:
            self._held = self._held_out(validation_data)
        elif self.early_stopping and self._held is None:
            X, numbers, weight, self._held = self._split(X, numbers, weight, rng)
        rows = rows_of(X, self._encoded(numbers), weight, converted)
        if not rows.X.shape[0]:  # class_weight gives every row of this part the weight 0
            return
        watch = self._watch(rows, constant_of(converted, numbers, weight), self._held, converted, rng)
        stops = self._run_part(rows, watch)
        self._finish(watch, rows.X.shape[0])
        if self.early_stopping and stops:
            self.stopped_ = True
            self._restore(self._record)

    def _taken_data(
        self, X: Any, y: Any, sample_weight: Any, first: bool, classes: Any, *, whole: bool
    ) -> tuple[NDArray[Any], NDArray[Any], Any]:
        """Check data, learn their targets, and return X, the targets' numbers and the weights."""
        X, y = validate_data(
            self,
            X,
            y,
            multi_output=True,
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
        weight = self._weighted(numbers, checked_weights(sample_weight, X), whole)
        return X, numbers, weight

    def _begin(self, X: NDArray[Any], rng: np.random.RandomState) -> None:
        """Draw a network, and forget what was counted."""
        sizes = [X.shape[1], *sklearn_checks.hidden_sizes(self.hidden_layer_sizes), self.n_outputs_]
        self.net_ = perceptron(sizes, self.activation, self.dropout, self.weight_init, rng, X.dtype.name)
        self.trainer_, self.history_ = None, None
        self._record, self._held = Record([], []), None
        self.n_iter_ = self.t_ = 0
        self.stopped_ = False
        self.validation_loss_curve_ = None

    def _split(self, X: Any, numbers: Any, weight: Any, rng: Any) -> tuple[Any, Any, Any, tuple[Any, Any, Any]]:
        """Hold out validation data."""
        rows = np.arange(X.shape[0])
        if self.validation_fraction == 0:
            raise sklearn_checks.nothing_held_out()
        kept, held = train_test_split(
            rows, random_state=rng, test_size=self.validation_fraction, stratify=self._strata(numbers)
        )
        if len(held) < 2:
            raise sklearn_checks.few_held_out()
        weights = (None, None) if weight is None else (weight[kept], weight[held])
        for part in weights:
            if part is not None and not part.any():
                raise ValueError("The sample weights of a part of the split are all 0: change random_state")
        return X[kept], numbers[kept], weights[0], (X[held], numbers[held], weights[1])

    def _held_out(self, validation_data: Any) -> tuple[Any, Any, Any]:
        """Check validation data that were given."""
        X, y = sklearn_checks.pair(validation_data)
        options: dict[str, Any] = {"multi_output": True, "dtype": DTYPES, "order": "C", "accept_sparse": "csr"}
        with named("validation_data"):
            X, y = validate_data(self, X, y, reset=False, **options)
            return X, self._taken(y), None

    def _watch(self, rows: Rows, constant: float, held: Any, converted: ConvertedLoss, rng: Any) -> Watch:
        """Return what watches a training over these rows; it holds the trainer."""
        trainer = self._trainer(rows, converted, rng)
        l1, l2 = self._penalties(rows.mass)
        net = trainer.model
        scores = self.early_stopping and held is not None
        adaptive = self._rate_name() == "adaptive"
        follows = self._rate_name() == "invscaling"
        return Watch(
            Patience(self.tol, self.n_iter_no_change, SLOWEST * converted.scale if adaptive else np.inf),
            self._record,
            trainer,
            reported=lambda loss: converted.shown * loss + constant + penalty(weights_of(net), l1, l2),
            score=self._scorer(*held) if scores else None,
            rate=partial(self._inverse, rows.X.shape[0], converted.scale) if follows else None,
            verbose=bool(self.verbose) and not isinstance(self.verbose, str),
        )

    def _inverse(self, n: int, scale: float) -> float:
        """Count an epoch's samples, and return the rate of "invscaling" after it."""
        self.t_ += n
        return float(scale * self.learning_rate_init / (self.t_ + 1) ** self.power_t)

    def _finish(self, watch: Watch, n: int) -> None:
        """Set the attributes that follow from a training."""
        record = self._record
        self.n_iter_ = watch.epochs
        if watch.rate is None:
            self.t_ += n * watch.epochs
        self.loss_curve_ = record.losses
        self.loss_ = record.losses[-1] if record.losses else np.nan
        scored = watch.score is not None
        self.best_loss_ = None if scored else record.best_loss
        self.validation_scores_ = record.scores if scored else None
        self.best_validation_score_ = record.best_score if scored else None

    def _solve(self, rows: Rows, converted: ConvertedLoss, constant: float) -> None:
        """Fit by lbfgs."""
        l1, l2 = self._penalties(rows.mass)
        self.trainer_, self.history_ = None, None
        limits = Limits(self.max_iter, self.max_fun, self.tol)
        with self._threads():
            found = solve(self.net_, rows, converted, l1 / converted.scale, l2 / converted.scale, limits)
        part = penalty(self.coefs_, l1, l2)
        self.loss_ = (found.loss - part) * converted.shown / converted.scale + constant + part
        self.n_iter_ = found.n_iter

    # What a trainer is made of

    def _rate_name(self) -> str:
        """Return the name of scikit-learn's schedule that is in use; "adam" has none."""
        changes = isinstance(self.learning_rate, str) and solver_name(self.solver) not in ("", "adam")
        return self.learning_rate if changes else "constant"

    def _rate_words(self, scale: float) -> RateWords:
        return network_words(self.solver, self.learning_rate, scale)

    def _batch(self, mass: float) -> float:
        """Return the rows of a batch, of the given sum of weights at most; lbfgs takes all rows at once."""
        if is_lbfgs(self.solver):
            return mass
        return min(float(AUTO_BATCH if self.batch_size == "auto" else self.batch_size), mass)

    def _penalties(self, mass: float) -> tuple[float, float]:
        return self.l1, self.alpha / self._batch(mass)

    def _made_optimizer(self, scale: float) -> Optimizer:
        """Return the optimizer in gdcore's units."""
        rate = self.learning_rate_init
        if isinstance(self.solver, Optimizer):
            found = self.solver
        elif solver_name(self.solver) == "sgd":
            found = SGD(rate * scale, self.momentum, nesterov=bool(self.nesterovs_momentum and self.momentum > 0))
        elif solver_name(self.solver) == "adam":
            found = Adam(rate, (self.beta_1, self.beta_2), self.epsilon / scale)
        else:
            found = replaced(get_optimizer(self.solver), rate)
        if isinstance(self.learning_rate, Schedule):
            plain = isinstance(found, SGD) and not isinstance(self.solver, Optimizer)
            found = replaced(found, scaled(self.learning_rate, scale if plain else 1.0))
        return found

    def _trainer(self, rows: Rows, converted: ConvertedLoss, rng: Any) -> Trainer:
        """Return the trainer that goes on, or a new one."""
        scale = converted.scale
        l1, l2 = self._penalties(rows.mass)
        old = self.trainer_
        seed = rng.randint(SEED_RANGE) if old is None else old.seed
        size = AUTO_BATCH if self.batch_size == "auto" else self.batch_size
        if size != AUTO_BATCH and size > rows.X.shape[0]:
            warn("Got `batch_size` larger than sample size. It is going to be clipped")
        settings = Settings(
            converted.loss,
            self._made_optimizer(scale),
            int(size),
            bool(self.shuffle),
            l1 / scale,
            l2 / scale,
            None if self.clip_norm is None else self.clip_norm / scale,
            None if self.clip_value is None else self.clip_value / scale,
            self.average,
            seed,
            {},
        )
        self.trainer_ = settings.trainer(self.net_) if old is None else going_on(old, settings)
        self.net_ = answering(self.trainer_, self.net_)
        return self.trainer_
