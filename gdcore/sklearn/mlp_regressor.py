"""`MLPRegressor`, a network that predicts numbers."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from ..training import Average
from . import checks as sklearn_checks
from .available import available
from .converted_losses import ConvertedLoss, regressor_loss
from .ensembles import EnsembleMLP, mean_of
from .mlp import takes_parts
from .targets import flat
from .their_callbacks import with_callbacks
from .trainers import over


@final
class MLPRegressor(RegressorMixin, EnsembleMLP):
    """A multilayer perceptron for numbers, in place of scikit-learn's.

    It minimizes half the squared error or the Poisson deviance, or any loss of gdcore, for one output or several.
    Parameters up to `max_fun` are scikit-learn's.

    Parameters
    ----------
    loss : str, Loss or callable, default "squared_error"
        "squared_error", "poisson", or one of gdcore's, such as "huber" or `gdcore.Quantile(0.9)`, in its units.
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
        Models that are trained together, each with a seed of its own, and answer by the mean of their predictions.
    n_threads : int, optional
        Threads of a call; by default as `gdcore.get_num_threads`. Results do not depend on it.

    Attributes
    ----------
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

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = MLPRegressor(learning_rate_init=0.01, random_state=0).fit(X, X[:, 0] ** 2)
    >>> model.score(X, X[:, 0] ** 2) > 0.95
    True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
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
        self.loss = loss
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
            Numbers, (n_samples,) or (n_samples, n_outputs).
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Train one epoch on these data, going on with the optimizer's state.

        With `early_stopping` a share of the first call's rows is held out for good, unless `validation_data` is given,
        and scored after each call. When the score has not improved for `n_iter_no_change` calls, the best parameters
        are restored, `stopped_` becomes True, and later calls change nothing.

        Parameters
        ----------
        X, y, sample_weight, validation_data
            As in `fit`.

        Returns
        -------
        self
        """
        self._fit_part(X, y, sample_weight, None, validation_data)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the predicted numbers.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
        return_std : bool, default False
            Whether to return the standard deviation over an ensemble too, with n_ensemble - 1 in the denominator.

        Returns
        -------
        ndarray, shape (n_samples,) for one output, otherwise (n_samples, n_outputs); or a pair of them
        """
        check_is_fitted(self)
        answers = [self._answer(outputs) for outputs in self._outputs_of_each(X)]
        if return_std and len(answers) == 1:
            raise sklearn_checks.no_std()
        found = [answers[0] if len(answers) == 1 else mean_of(answers)]
        if return_std:
            found.append(np.std(answers, axis=0, ddof=1, dtype=np.float64).astype(found[0].dtype))
        shaped = [array[:, 0] if self.n_outputs_ == 1 else array for array in found]
        return tuple(shaped) if return_std else shaped[0]

    def _answer(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return outputs (n, k) in the units of y."""
        if self._converted_loss().link != "exp":
            return outputs
        with np.errstate(over="ignore"):
            found: NDArray[Any] = np.exp(outputs)
            return found

    def _classifies(self) -> bool:
        return False

    def _learn_targets(self, y: Any, classes: Any) -> None:
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]

    def _check_warm(self, y: Any) -> None:
        pass

    def _taken(self, y: Any) -> NDArray[Any]:
        y = flat(y)
        n = 1 if y.ndim == 1 else y.shape[1]
        if n != self.n_outputs_:
            raise sklearn_checks.other_outputs(n, self.n_outputs_)
        found: NDArray[Any] = y.astype(np.float64)
        return found

    def _encoded(self, numbers: NDArray[Any]) -> NDArray[Any]:
        columns = numbers if numbers.ndim == 2 else numbers[:, None]
        return columns.astype(self.net_.dtype)

    def _converted_loss(self) -> ConvertedLoss:
        return regressor_loss(self.loss, self.n_outputs_)

    def _strata(self, numbers: NDArray[Any]) -> NDArray[Any] | None:
        return None

    def _score(self, outputs: NDArray[Any], numbers: NDArray[Any], weight: Any) -> float:
        said = self._answer(outputs)
        if not np.isfinite(said).all():
            return float("nan")
        return float(r2_score(numbers, said if numbers.ndim == 2 else said[:, 0], sample_weight=weight))

    def _weighted(self, numbers: NDArray[Any], weight: Any, whole: bool) -> Any:
        return weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
