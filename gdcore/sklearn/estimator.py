"""What the four estimators share: their network, what they answer with it, and how a training runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ..base import checks
from ..base.not_arrays import is_sparse
from ..base.threads import num_threads
from ..data.sparse_checks import dense_only
from ..diagnosis import Diagnosis
from ..diagnosis.case import Case
from ..diagnosis.diagnose import diagnosis_of
from ..diagnosis.rate_words import RateWords
from ..gradcheck import GradientReport, check_gradients
from ..io import load, save
from ..models import Sequential
from ..objective.build import wide_objective
from ..optimizers.full_batch import get_method
from ..training import Callback, History, Trainer
from ..training.errors import DivergedError
from . import checks as sklearn_checks
from .converted_losses import ConvertedLoss
from .diagnosed import in_their_words, of_classes
from .inputs import validate_data
from .of_a_fit import of_a_fit
from .rows import Rows, checked_weights, rows_of
from .their_callbacks import SUPPORTED, Support, Tasks
from .warn import warn
from .watch import Record, Watch

DTYPES = (np.float64, np.float32)
SPARSE = ("csr", "csc")
PROGRESS = "bar"
MOST_DENSE = 10**7
"""A sparse matrix of more entries, zeros included, is not made dense for a diagnosis or a check of gradients."""


class Estimator(Support, BaseEstimator, ABC):
    """Interface of the estimators.

    Attributes
    ----------
    net_ : Sequential
        The network that answers; with `average` its parameters are the mean.
    trainer_ : Trainer or None
        The trainer, with the optimizer's state; None after lbfgs.
    history_ : History or None
        What the last fit recorded, in gdcore's units.
    """

    _starts_at_zero = False
    """Whether the estimator is a linear model without initial weights to draw."""

    n_threads: int | None
    callbacks: Any
    verbose: Any
    average: Any

    net_: Sequential = of_a_fit()
    trainer_: Trainer | None = of_a_fit()
    history_: History | None = of_a_fit()
    stopped_: bool
    _record: Record
    _held: tuple[Any, Any, Any] | None

    # What each pair of estimators knows of itself

    @abstractmethod
    def _converted_loss(self) -> ConvertedLoss:
        """Return the loss, for the targets that are known."""

    @abstractmethod
    def _classifies(self) -> bool:
        """Return whether y has labels."""

    @abstractmethod
    def _learn_targets(self, y: Any, classes: Any) -> None:
        """Learn the classes or the number of outputs from y."""

    @abstractmethod
    def _check_warm(self, y: Any) -> None:
        """Check that a warm start has the classes, or as many outputs, as the last fit."""

    @abstractmethod
    def _strata(self, numbers: NDArray[Any]) -> NDArray[Any] | None:
        """Return what a validation split keeps the shares of."""

    @abstractmethod
    def _taken(self, y: Any) -> NDArray[Any]:
        """Return targets as numbers of their classes, or as they are; refuse what was not fitted on."""

    @abstractmethod
    def _encoded(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return what the loss takes."""

    @abstractmethod
    def _score(self, outputs: NDArray[Any], numbers: NDArray[Any], weight: Any) -> float:
        """Return the score that stops a fit early."""

    @abstractmethod
    def _penalties(self, mass: float) -> tuple[float, float]:
        """Return l1 and l2 in scikit-learn's units, for rows of this sum of weights."""

    @abstractmethod
    def _weighted(self, numbers: NDArray[Any], weight: Any, whole: bool) -> Any:
        """Return the weights times those of the classes."""

    @abstractmethod
    def _rate_words(self, scale: float) -> RateWords:
        """Return how a user says the learning rate; `scale` is gdcore's divided by theirs."""

    # Files

    def save(self, path: str | PathLike[str], *, custom: Mapping[str, Any] | None = None) -> None:
        """Save the estimator, fitted or not, as one file that is safe to load; see `gdcore.save`.

        A loaded one predicts the same bits, and goes on with the same bits in `partial_fit`; in `fit` too, if
        `random_state` is a number. It has no callbacks: a file holds no functions, so give it `set_params(callbacks=…)`
        again.

        Parameters
        ----------
        path : str or path-like
        custom : mapping of str to callable, optional
            The names that losses and metrics of your own are saved by, instead of their own names.

        Raises
        ------
        TypeError, ValueError
            For parameters that a file cannot hold, and for coefficients that are not finite.
        OSError
            If the file cannot be written; what was there before is still there.
        """
        save(self, path, custom=custom)

    @classmethod
    def load(cls, path: str | PathLike[str], *, custom: Mapping[str, Any] | None = None) -> Self:
        """Return the estimator of this class that `save` has saved; `gdcore.load` takes files of any kind.

        Parameters
        ----------
        path : str or path-like
        custom : mapping of str to callable, optional
            What the names of your own losses and metrics stand for.

        Raises
        ------
        FileFormatError
            For a file that is damaged, or holds something else.
        """
        found = load(path, custom=custom)
        if not isinstance(found, cls):
            raise sklearn_checks.other_class(path, found, cls)
        return found

    # Answers

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return the network's outputs, (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=SPARSE, reset=False)
        with self._threads():
            return self.net_.predict(X)

    def diagnose(self, X: Any, y: Any, sample_weight: Any = None) -> Diagnosis:
        """Say what the last fit did and what stands in its way; see `gdcore.diagnose`.

        Rates are in scikit-learn's units, losses in gdcore's.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            A sparse matrix is made dense; one of more than 10 million entries, zeros included, is refused.
        y : array_like
            As in `fit`; usually the data of the last fit.
        sample_weight : array_like, shape (n_samples,), optional

        Returns
        -------
        gdcore.Diagnosis
        """
        converted, rows, (l1, l2) = self._examined(X, y, sample_weight)
        objective = wide_objective(self.net_, rows.X, rows.y, converted.loss, rows.weight, l1, l2)
        names = () if self._names() is None else tuple(map(str, self._names()))
        optimizer = get_method("lbfgs") if self.trainer_ is None else self.trainer_.optimizer
        words = self._rate_words(converted.scale)
        found = diagnosis_of(Case(objective, self.net_.dtype, names, self.history_, optimizer, words))
        labels = vars(self).get("_labels")
        found = found if labels is None else of_classes(found, labels, rows)
        return in_their_words(found, linear=self._starts_at_zero)

    def check_gradients(self, X: Any, y: Any, sample_weight: Any = None, *, mode: str = "auto") -> GradientReport:
        """Compare the gradient of the penalized loss with finite differences; see `gdcore.check_gradients`.

        Parameters
        ----------
        X, y, sample_weight
            As in `diagnose`.
        mode : str, default "auto"
            As in `gdcore.check_gradients`.

        Returns
        -------
        gdcore.GradientReport
        """
        converted, rows, (l1, l2) = self._examined(X, y, sample_weight)
        return check_gradients(
            self.net_, rows.X, rows.y, converted.loss, sample_weight=rows.weight, l1=l1, l2=l2, mode=mode
        )

    def _names(self) -> Any:
        return getattr(self, "feature_names_in_", None)

    def _examined(self, X: Any, y: Any, sample_weight: Any) -> tuple[ConvertedLoss, Rows, tuple[float, float]]:
        """Return the converted loss, the rows and the penalties in gdcore's units, for data like those of a fit."""
        check_is_fitted(self)
        X, y = validate_data(self, X, y, accept_sparse=SPARSE, multi_output=True, dtype=DTYPES, reset=False)
        if is_sparse(X):
            if X.shape[0] * X.shape[1] > MOST_DENSE:
                dense_only(X)
            X = X.toarray()
        numbers, converted = self._taken(y), self._converted_loss()
        weight = self._weighted(numbers, checked_weights(sample_weight, X), True)
        rows = rows_of(X, self._encoded(numbers), weight, converted)
        l1, l2 = self._penalties(rows.mass)
        return converted, rows, (l1 / converted.scale, l2 / converted.scale)

    # Training

    _context: Any = None

    def _begin_task(self, max_iter: int, X: Any, y: Any, sample_weight: Any) -> None:
        """Tell scikit-learn's callbacks, if there are any, that a fit begins."""
        self._context = None
        own = vars(self)
        if SUPPORTED and ("_skl_callbacks" in own or "_parent_callback_ctx" in own):
            given = {"X": X, "y": y, "metadata": {} if sample_weight is None else {"sample_weight": sample_weight}}
            self._context = self._init_callback_context(max_subtasks=max_iter), given
            self._context[0].call_on_fit_task_begin(estimator=self, **given)

    def _end_task(self) -> None:
        """Tell scikit-learn's callbacks that a fit has ended."""
        if self._context is not None:
            context, given = self._context
            del self._context
            context.call_on_fit_task_end(estimator=self, **given, reconstruction_attributes=self._now)

    def _now(self) -> dict[str, Any]:
        """Return the attributes of a fitted estimator as it is now."""
        self._update_answers()
        return {"net_": self.net_.copy(), "trainer_": None}

    def _threads(self) -> Any:
        """Return the context of a call that takes time."""
        return nullcontext() if self.n_threads is None else num_threads(self.n_threads)

    def _update_answers(self) -> None:
        """Copy the average of the parameters, if there is one, into the network that answers."""
        trainer = self.trainer_
        if trainer is not None and trainer.model is not self.net_:
            self.net_.params = trainer.averaged

    def _scorer(self, X: NDArray[Any], numbers: NDArray[Any], weight: Any) -> Callable[[], tuple[float, NDArray[Any]]]:
        """Return a function () -> (score on these data, the parameters that have it)."""

        def score() -> tuple[float, NDArray[Any]]:
            self._update_answers()
            with np.errstate(over="ignore"):
                value = self._score(self.net_.predict(X), numbers, weight)
            return value, self.net_.params

        return score

    def _run(self, rows: Rows, validation: Rows | None, watch: Watch, max_iter: int, metrics: Any = ()) -> None:
        """Train until the watch or a callback stops it, or all epochs are run.

        Raises
        ------
        ValueError
            Where training met NaN or infinity and nothing has kept better parameters.
        """
        trainer = watch.trainer
        held = None if validation is None else (validation.X, validation.y)
        if validation is not None and held is not None and validation.weight is not None:
            held = (*held, validation.weight)  # type: ignore[assignment]  # a pair or a triple
        own = [self.callbacks] if isinstance(self.callbacks, Callback) else list(self.callbacks or ())
        tasks = [] if self._context is None else [Tasks(self, self._context, watch, self._now)]
        try:
            with self._threads():
                self.history_ = trainer.fit(
                    rows.X,
                    rows.y,
                    epochs=max_iter,
                    sample_weight=rows.weight,
                    validation_data=held,
                    metrics=metrics,
                    callbacks=[watch, *own, *tasks],
                    progress=isinstance(self.verbose, str) and self.verbose == PROGRESS,
                )
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        except DivergedError as error:
            self.history_ = error.history
            detail = self._in_detail(error, trainer)
            if not watch.diverged():
                raise sklearn_checks.diverged(watch.epochs + 1, detail) from error
            warn(f"{detail}. The parameters of the best epoch are kept.", ConvergenceWarning)
        finally:
            self._update_answers()

    def _run_part(self, rows: Rows, watch: Watch, mean_weight: float | None = None) -> bool:
        """Train one epoch; return whether the watch would stop.

        Weights count relative to `mean_weight`, by default their mean.

        Raises
        ------
        ValueError
            Where training met NaN or infinity.
        """
        trainer = watch.trainer
        with self._threads():
            try:
                loss = trainer.epoch(rows.X, rows.y, rows.weight, mean_weight=mean_weight)
            except DivergedError as error:
                detail = self._in_detail(error, trainer)
                raise sklearn_checks.diverged(trainer.epochs_done + 1, detail) from error
            finally:
                self._update_answers()
            return watch.see(loss)

    def _in_detail(self, error: DivergedError, trainer: Trainer) -> str:
        """Return what is known of a training that met NaN or infinity."""
        words = self._rate_words(self._converted_loss().scale)
        return sklearn_checks.in_detail(error, trainer.learning_rate, words)

    def _restore(self, record: Record) -> None:
        """Give the network, and the trainer's, the parameters of the best score."""
        if record.params is not None:
            self.net_.params = record.params

    def _check_common(self) -> None:
        """Check the parameters that all estimators have."""
        if self.n_threads is not None:
            checks.integer("n_threads", self.n_threads, 1)
        sklearn_checks.callbacks(self.callbacks)
        if isinstance(self.verbose, str) and self.verbose != PROGRESS:
            raise ValueError(f"verbose must be True, False or {PROGRESS!r}, got {self.verbose!r}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "net_" in vars(self)
