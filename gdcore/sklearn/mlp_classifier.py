"""`MLPClassifier`, a network that predicts classes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from ..training import Average
from . import checks as sklearn_checks
from .answers import log_of, probabilities
from .available import available
from .class_weights import class_weighted
from .converted_losses import ConvertedLoss, classifier_loss
from .ensembles import EnsembleMLP, mean_of
from .mlp import takes_parts
from .targets import Labels
from .their_callbacks import with_callbacks
from .trainers import over


def _has_probabilities(est: MLPClassifier) -> bool:
    with suppress(TypeError, ValueError):  # a loss that fit refuses, and says why
        if est._has_probabilities():
            return True
    raise AttributeError(f"probability estimates are not available for loss={est.loss!r}")


@final
class MLPClassifier(ClassifierMixin, EnsembleMLP):
    """A multilayer perceptron for classes, in place of scikit-learn's.

    It minimizes the log loss, for two classes, several, or several labels per sample. Parameters up to `max_fun` are
    scikit-learn's.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each hidden layer; () is a linear model.
    activation : str, record or list, default "relu"
        "identity", "logistic", "tanh", "relu", another name in `gdcore.ACTIVATIONS`, or a list of one per hidden layer.
    solver : str, Optimizer or LBFGS, default "adam"
        "adam", "sgd", "lbfgs", another name in `gdcore.OPTIMIZERS` (with the rate `learning_rate_init`), or a record,
        which has its own rate. "lbfgs" takes all rows at once: it makes no use of batches, rates, dropout, clipping,
        averages, metrics, callbacks and validation data.
    alpha : float, default 0.0001
        L2 penalty; divided by the rows of a batch, as scikit-learn does, and for "lbfgs" by all rows.
    batch_size : int or "auto", default "auto"
        "auto" is 200, or all samples where there are fewer.
    learning_rate : str or Schedule, default "constant"
        How the rate changes: "constant", "invscaling" and "adaptive" (both for "sgd"), or for all solvers a schedule
        such as `gdcore.schedules.Cosine`.
    learning_rate_init : float, default 0.001
        The rate itself, or the first one.
    power_t : float, default 0.5
        Power of "invscaling".
    max_iter : int, default 200
        Most epochs; for lbfgs iterations.
    shuffle : bool, default True
    random_state : int, RandomState or None, default None
        Fixes initial weights (those that scikit-learn would draw), the validation split, shuffling and dropout.
    tol : float, default 0.0001
        An epoch must be better by this much to count as an improvement.
    verbose : bool or "bar", default False
        True prints a line per epoch; "bar" shows a progress bar.
    warm_start : bool, default False
        Whether `fit` goes on from the last one, with the optimizer's state.
    momentum, nesterovs_momentum : float and bool, default 0.9 and True
        For "sgd".
    early_stopping : bool, default False
        Whether a validation score decides when to stop, and which parameters are kept.
    validation_fraction : float, default 0.1
        Share of the samples that are held out for it, unless `validation_data` is given.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        For "adam".
    n_iter_no_change : int or inf, default 10
        Epochs in a row without improvement after which the fit ends.
    max_fun : int, default 15000
        Most evaluations of lbfgs.
    loss : str, Loss or callable, default "log_loss"
        "log_loss", or one of gdcore's, such as "hinge" or `gdcore.CrossEntropy(label_smoothing=0.1)`, in its units.
    class_weight : "balanced" or dict, optional
        Weights of the classes, which multiply the sample weights.
    dropout : float or list, default 0.0
        Rate of dropout after the hidden layers: one for all, or one for each.
    weight_init : str or Initializer, default "auto"
        "auto" draws as scikit-learn does; otherwise a name in `gdcore.INITIALIZERS`, or a record.
    l1 : float, default 0.0
        Adds l1 * sum |w| to the loss; not divided by rows.
    clip_norm, clip_value : float, optional
        Limits of the gradient's norm and of its entries.
    average : Average, optional
        `gdcore.Polyak()` or `gdcore.EMA(…)`: the model predicts with the mean of its parameters.
    metrics : str, Metric or several, default ()
        What `history_` records besides the loss; see `gdcore.METRICS`.
    callbacks : Callback or several, default ()
        gdcore's callbacks, which see every epoch of `fit`.
    n_ensemble : int, default 1
        Models that are trained together, each with a seed of its own, and answer by the mean of their probabilities.
    n_threads : int, optional
        Threads of a call; by default as `gdcore.get_num_threads`. Results do not depend on it.

    Attributes
    ----------
    classes_ : ndarray
    coefs_, intercepts_ : list of ndarray
        Views of the network's parameters, layer by layer.
    loss_, best_loss_, loss_curve_ : float, float or None, list
        scikit-learn's training loss, penalties included.
    validation_scores_, best_validation_score_ : list and float, or None
    validation_loss_curve_ : list or None
        The loss on the validation data after each epoch.
    n_iter_, t_, n_features_in_, n_layers_, n_outputs_ : int
    feature_names_in_ : ndarray, for a data frame with names
    out_activation_ : str
    net_, trainer_, history_ : Sequential, Trainer, History
        gdcore's own.
    stopped_ : bool
        Whether `partial_fit` with `early_stopping` has stopped.
    estimators_ : list
        The models of an ensemble; the other attributes are those of the first, whose `trainer_` is None.

    References
    ----------
    Rumelhart, D., Hinton, G. and Williams, R. (1986). Learning representations by back-propagating errors. Nature 323.
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep feedforward networks. AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((20,), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).tolist()
    [0, 0, 0]
    """

    classes_: NDArray[Any]

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: Any = 0.0,
        weight_init: Any = "auto",
        l1: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        average: Average | None = None,
        metrics: Any = (),
        callbacks: Any = (),
        n_ensemble: int = 1,
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.weight_init = weight_init
        self.l1 = l1
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.average = average
        self.metrics = metrics
        self.callbacks = callbacks
        self.n_ensemble = n_ensemble
        self.n_threads = n_threads

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None, comm: Any = None) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
        y : array_like
            Labels of any kind (n_samples,), or 0 and 1 (n_samples, n_labels).
        sample_weight : array_like, shape (n_samples,), optional
            A weight of 2 counts as the row twice, one of 0 as no row.
        validation_data : (X, y), optional
            Measured after each epoch, in `validation_loss_curve_`; with `early_stopping` it decides instead of a split.
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
            self._fit(X, y, sample_weight, validation_data)
        self._end_task()
        return self

    @available(takes_parts)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None, validation_data: Any = None
    ) -> Self:
        """Train one epoch on these data, going on with the optimizer's state.

        With `early_stopping` a share of the first call's rows is held out for good, unless `validation_data` is given,
        and scored after each call. When the score has not improved for `n_iter_no_change` calls, the best parameters
        are restored, `stopped_` becomes True, and later calls change nothing.

        Parameters
        ----------
        X, y, sample_weight, validation_data
            As in `fit`.
        classes : array_like, optional
            All classes; needed in the first call.

        Returns
        -------
        self
        """
        if classes is None and not self.__sklearn_is_fitted__() and not sklearn_checks.is_multilabel(y):
            raise sklearn_checks.first_classes()
        self._fit_part(X, y, sample_weight, classes, validation_data)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each sample (n,), or 0 and 1 for each label (n, n_labels)."""
        if "estimators_" not in vars(self) or not self._has_probabilities():
            outputs = self._outputs(X)
            return self._labels.decoded(outputs)
        found = self.predict_proba(X)
        if self._labels.kind == "multilabel":
            return np.asarray(found > 0.5, np.int64)
        likeliest: NDArray[Any] = self.classes_[found.argmax(axis=1)]
        return likeliest

    @available(_has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities (n, n_classes), or of each label (n, n_labels)."""
        if "estimators_" in vars(self):
            return mean_of([member.predict_proba(X) for member in self._members()])
        outputs = self._outputs(X)
        return probabilities(outputs, self._converted_loss(), self._labels)

    @available(_has_probabilities)
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithms of the probabilities, -inf where these are 0 (n, n_classes)."""
        if "estimators_" in vars(self):
            with np.errstate(divide="ignore"):
                found: NDArray[Any] = np.log(self.predict_proba(X))
                return found
        outputs = self._outputs(X)
        return log_of(outputs, self._converted_loss(), self._labels)

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the raw outputs: (n,) for two classes, where above 0 is the second one; otherwise (n, n_classes)."""
        outputs = self._outputs(X)
        return self._labels.scores(outputs)

    def _has_probabilities(self) -> bool:
        kind = self._labels.kind if "_labels" in vars(self) else "binary"
        losses = [self.loss, *(member.loss for member in self._members())]
        return all(classifier_loss(loss, kind, 2).has_probabilities for loss in losses)

    def _classifies(self) -> bool:
        return True

    def _learn_targets(self, y: Any, classes: Any) -> None:
        labels = Labels.of(y, classes)
        if "_labels" in vars(self) and self.__sklearn_is_fitted__() and classes is not None:
            if labels.kind != "multilabel" and not np.array_equal(labels.classes, self.classes_):
                raise sklearn_checks.other_classes(classes, self.classes_)
            return
        self._labels, self.classes_ = labels, labels.classes
        self.n_outputs_ = labels.n_outputs(self._converted_loss().target)

    def _check_warm(self, y: Any) -> None:
        if self._labels.kind != "multilabel" and not sklearn_checks.is_multilabel(y):
            present = np.unique(y)
            if not np.array_equal(present, self.classes_):
                raise sklearn_checks.warm_classes(self.classes_, present)

    def _taken(self, y: Any) -> NDArray[Any]:
        return self._labels.taken(y)

    def _encoded(self, numbers: NDArray[Any]) -> NDArray[Any]:
        return self._labels.encoded(numbers, self._converted_loss().target, self.net_.dtype)

    def _converted_loss(self) -> ConvertedLoss:
        return classifier_loss(self.loss, self._labels.kind, len(self.classes_))

    def _strata(self, numbers: NDArray[Any]) -> NDArray[Any] | None:
        if self._labels.kind == "multilabel":
            return None
        if self._labels.kind == "multiclass":  # scikit-learn does not keep their shares, so there may be too few
            held = self.validation_fraction * len(numbers)
            if np.unique(numbers, return_counts=True)[1].min() < 2 or held < len(self.classes_):
                return None
        strata: NDArray[Any] = self.classes_[numbers]
        return strata

    def _score(self, outputs: NDArray[Any], numbers: NDArray[Any], weight: Any) -> float:
        said = self._labels.decoded(outputs)
        right = numbers if self._labels.kind == "multilabel" else self.classes_[numbers]
        return float(accuracy_score(right, said, sample_weight=weight))

    def _weighted(self, numbers: NDArray[Any], weight: Any, whole: bool) -> Any:
        return class_weighted(self.class_weight, self._labels, numbers, weight, whole)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
