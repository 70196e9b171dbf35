"""`SGDClassifier`, a linear model that predicts classes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from . import checks as sklearn_checks
from .answers import log_of, probabilities
from .available import available
from .class_weights import class_weighted
from .converted_losses import ConvertedLoss, linear_loss
from .sgd import LinearSGD
from .targets import Labels
from .their_callbacks import with_callbacks
from .trainers import over


def _has_probabilities(est: SGDClassifier) -> bool:
    with suppress(TypeError, ValueError):  # a loss that fit refuses, and says why
        if est._linear(1).has_probabilities:
            return True
    raise AttributeError(f"probability estimates are not available for loss={est.loss!r}")


@final
class SGDClassifier(ClassifierMixin, LinearSGD):
    """A linear classifier trained by stochastic gradient descent, in place of scikit-learn's.

    Several classes are each compared with the rest. Parameters up to `average` are scikit-learn's.

    Parameters
    ----------
    loss : str, Loss or callable, default "hinge"
        "hinge", "log_loss", "squared_hinge", "modified_huber", "perceptron", "squared_error", "huber",
        "epsilon_insensitive", "squared_epsilon_insensitive", or a loss of gdcore in its units.
    penalty : {"l2", "l1", "elasticnet"} or None, default "l2"
        L1 is cumulative, as in scikit-learn: a coefficient is 0 unless its gradients together exceed the penalty.
    alpha : float, default 0.0001
        Strength of the penalty; also sets the rate "optimal".
    l1_ratio : float, default 0.15
        Share of L1 in "elasticnet".
    fit_intercept : bool, default True
    max_iter : int, default 1000
        Most epochs of `fit`.
    tol : float or None, default 0.001
        An epoch must be better by this much to count as an improvement; None: run all epochs.
    shuffle : bool, default True
    verbose : bool, int or "bar", default 0
        True prints a line per epoch; "bar" shows a progress bar.
    epsilon : float, default 0.1
        Of "huber" and the two epsilon-insensitive losses.
    n_jobs : int or None
        Accepted and not used: all classes are trained together.
    random_state : int, RandomState or None, default None
    learning_rate : str or Schedule, default "optimal"
        How the rate changes: "constant", "optimal", "invscaling" or "adaptive"; or a schedule, such as
        `gdcore.schedules.Cosine`.
    eta0, power_t : float, default 0.01 and 0.5
        `eta0` is the rate "constant", and the first one of "adaptive"; ``eta0 / t**power_t`` is that of "invscaling" in
        the t-th update. "optimal" follows from `alpha` alone.
    early_stopping, validation_fraction : bool and float, default False and 0.1
        Whether a score on held-out samples decides when to stop, unless `validation_data` is given.
    n_iter_no_change : int, default 5
        Epochs in a row without improvement after which the fit ends. Each of several classes has its own count, and
        keeps its coefficients from then on until the last one has stopped; under the rate "adaptive", and with a loss
        of your own in Python, the mean over the classes counts.
    class_weight : "balanced" or dict, optional
        Weights of the classes, which multiply the sample weights.
    warm_start : bool, default False
        Whether `fit` begins with the coefficients of the last one.
    average : bool, int or Average, default False
        Predict with the mean of the coefficients, from this update on; or `gdcore.EMA(…)`.
    batch_size : int, default 1
        Rows of an update.
    clip_norm : float, optional
        Limit of a gradient's norm; by default 1e12.
    callbacks : Callback or several, default ()
        gdcore's callbacks, which see every epoch of `fit`.
    n_threads : int, optional
        Threads of a call; by default as `gdcore.get_num_threads`.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) or (n_classes, n_features)
    intercept_ : ndarray, shape (n_outputs,)
    classes_ : ndarray
    n_iter_ : int
        Epochs of the last fit, until the last class had stopped.
    t_, n_features_in_ : float, int
    loss_curve_, validation_scores_ : list, list or None
    feature_names_in_ : ndarray, for a data frame with names
    net_, trainer_, history_ : Sequential, Trainer, History
        gdcore's own.

    References
    ----------
    Bottou, L. (2012). Stochastic gradient descent tricks. Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> model = SGDClassifier(random_state=0).fit([[-1.0], [1.0]], ["low", "high"])
    >>> model.predict([[2.0]]).tolist()
    ['high']
    """

    classes_: NDArray[Any]

    def __init__(
        self,
        loss: Any = "hinge",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float | None = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: Any = 0,
        epsilon: float = 0.1,
        n_jobs: int | None = None,
        random_state: Any = None,
        learning_rate: Any = "optimal",
        eta0: float = 0.01,
        power_t: float = 0.5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
        average: Any = False,
        batch_size: int = 1,
        clip_norm: float | None = None,
        callbacks: Any = (),
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.batch_size = batch_size
        self.clip_norm = clip_norm
        self.callbacks = callbacks
        self.n_threads = n_threads

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
        validation_data: Any = None,
        comm: Any = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,)
            Labels of any kind.
        coef_init, intercept_init : array_like, optional
            Initial coefficients, in the shapes of `coef_` and `intercept_`; by default zeros.
        sample_weight : array_like, shape (n_samples,), optional
            Weights relative to their mean.
        validation_data : (X, y), optional
            Used by `early_stopping` instead of a split.
        comm : mpi4py.MPI.Comm, optional
            Ranks over which the fit is spread, 16 shards to a batch; every rank of it calls `fit`. See
            `gdcore.distributed`, whose `spread` takes further arguments.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad parameters and data, and where training met NaN or infinity.
        """
        with over(comm):
            self._fit(X, y, sample_weight, (coef_init, intercept_init), validation_data)
        self._end_task()
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, validation_data: Any = None
    ) -> Self:
        """Train one epoch on these data.

        Parameters
        ----------
        X, y, validation_data
            As in `fit`.
        classes : array_like, optional
            All classes; needed in the first call.
        sample_weight : array_like, shape (n_samples,), optional
            Weights relative to 1: a weight of 2 makes a step twice as long.

        Returns
        -------
        self
        """
        if classes is None and not self.__sklearn_is_fitted__():
            raise sklearn_checks.first_classes()
        self._fit_part(X, y, sample_weight, classes, validation_data)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each sample, (n,)."""
        outputs = self._outputs(X)
        return self._labels.decoded(outputs)

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the outputs: (n,) for two classes, where above 0 is the second one; otherwise (n, n_classes)."""
        outputs = self._outputs(X)
        return self._labels.scores(outputs)

    @available(_has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities (n, n_classes), for "log_loss" and "modified_huber"."""
        outputs = self._outputs(X)
        return probabilities(outputs, self._converted_loss(), self._labels)

    @available(_has_probabilities)
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithms of the probabilities (n, n_classes)."""
        outputs = self._outputs(X)
        return log_of(outputs, self._converted_loss(), self._labels)

    def _linear(self, n_outputs: int) -> ConvertedLoss:
        return linear_loss(self.loss, self.epsilon, n_outputs, True)

    def _classifies(self) -> bool:
        return True

    def _n_outputs(self) -> int:
        return self._labels.n_outputs("sign")

    def _shaped(self, coef: NDArray[Any]) -> NDArray[Any]:
        return coef

    def _learn_targets(self, y: Any, classes: Any) -> None:
        labels = Labels.of(y, classes)
        if labels.kind == "multilabel":
            raise ValueError("y has several labels per sample; SGDClassifier takes one: use MLPClassifier")
        if classes is not None and self.__sklearn_is_fitted__():
            if not np.array_equal(labels.classes, self.classes_):
                raise sklearn_checks.other_classes(classes, self.classes_)
            return
        if len(labels.classes) < 2:
            raise sklearn_checks.one_class(len(labels.classes))
        self._labels, self.classes_ = labels, labels.classes

    def _check_warm(self, y: Any) -> None:
        labels = Labels.of(y)
        if labels.kind != "multilabel" and labels.n_outputs("sign") != self._n_outputs():
            raise sklearn_checks.warm_classes(self.classes_, labels.classes)
        self._learn_targets(y, None)

    def _taken(self, y: Any) -> NDArray[Any]:
        return self._labels.taken(y)

    def _encoded(self, numbers: NDArray[Any]) -> NDArray[Any]:
        return self._labels.encoded(numbers, self._converted_loss().target, self.net_.dtype)

    def _converted_loss(self) -> ConvertedLoss:
        return self._linear(self._n_outputs())

    def _strata(self, numbers: NDArray[Any]) -> NDArray[Any] | None:
        strata: NDArray[Any] = self.classes_[numbers]
        return strata

    def _score(self, outputs: NDArray[Any], numbers: NDArray[Any], weight: Any) -> float:
        return float(accuracy_score(self.classes_[numbers], self._labels.decoded(outputs), sample_weight=weight))

    def _weighted(self, numbers: NDArray[Any], weight: Any, whole: bool) -> Any:
        return class_weighted(self.class_weight, self._labels, numbers, weight, whole)
