"""`SGDRegressor`, a linear model that predicts numbers."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from .converted_losses import ConvertedLoss, linear_loss
from .sgd import LinearSGD
from .their_callbacks import with_callbacks
from .trainers import over


@final
class SGDRegressor(RegressorMixin, LinearSGD):
    """A linear regression trained by stochastic gradient descent, in place of scikit-learn's.

    Parameters up to `average` are scikit-learn's.

    Parameters
    ----------
    loss : str, Loss or callable, default "squared_error"
        "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", or a loss of gdcore in its
        units, such as "poisson" or `gdcore.Quantile(0.9)`.
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
    random_state : int, RandomState or None, default None
    learning_rate : str or Schedule, default "invscaling"
        How the rate changes: "constant", "optimal", "invscaling" or "adaptive"; or a schedule, such as
        `gdcore.schedules.Cosine`.
    eta0, power_t : float, default 0.01 and 0.25
        `eta0` is the rate "constant", and the first one of "adaptive"; ``eta0 / t**power_t`` is that of "invscaling" in
        the t-th update. "optimal" follows from `alpha` alone.
    early_stopping, validation_fraction : bool and float, default False and 0.1
        Whether a score on held-out samples decides when to stop, unless `validation_data` is given.
    n_iter_no_change : int, default 5
        Epochs in a row without improvement after which the fit ends.
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
    coef_ : ndarray, shape (n_features,)
    intercept_ : ndarray, shape (n_outputs,)
    n_iter_, t_, n_features_in_ : int, float, int
    loss_curve_, validation_scores_ : list, list or None
    feature_names_in_ : ndarray, for a data frame with names
    net_, trainer_, history_ : Sequential, Trainer, History
        gdcore's own.

    References
    ----------
    Bottou, L. (2012). Stochastic gradient descent tricks. Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> model = SGDRegressor(eta0=0.2, tol=1e-6, random_state=0).fit([[-1.0], [0.0], [1.0]], [1.0, 2.0, 3.0])
    >>> model.coef_.round(1)
    array([1.])
    """

    def __init__(
        self,
        loss: Any = "squared_error",
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
        random_state: Any = None,
        learning_rate: Any = "invscaling",
        eta0: float = 0.01,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
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
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
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
        coef_init, intercept_init : array_like, optional
            Initial coefficients (n_features,) and intercept (1,); by default zeros.
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

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Train one epoch on these data.

        Parameters
        ----------
        X, y, validation_data
            As in `fit`.
        sample_weight : array_like, shape (n_samples,), optional
            Weights relative to 1: a weight of 2 makes a step twice as long.

        Returns
        -------
        self
        """
        self._fit_part(X, y, sample_weight, None, validation_data)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted numbers, (n,)."""
        return self._answer(self._outputs(X))

    def _answer(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return outputs (n, 1) in the units of y (n,)."""
        if self._converted_loss().link != "exp":
            return outputs[:, 0]
        with np.errstate(over="ignore"):
            found: NDArray[Any] = np.exp(outputs[:, 0])
            return found

    def _classifies(self) -> bool:
        return False

    def _n_outputs(self) -> int:
        return 1

    def _shaped(self, coef: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = coef[0]
        return found

    def _learn_targets(self, y: Any, classes: Any) -> None:
        pass

    def _check_warm(self, y: Any) -> None:
        pass

    def _taken(self, y: Any) -> NDArray[Any]:
        found: NDArray[Any] = y.astype(np.float64)
        return found

    def _encoded(self, numbers: NDArray[Any]) -> NDArray[Any]:
        return numbers[:, None].astype(self.net_.dtype)

    def _converted_loss(self) -> ConvertedLoss:
        return linear_loss(self.loss, self.epsilon, 1, False)

    def _strata(self, numbers: NDArray[Any]) -> NDArray[Any] | None:
        return None

    def _score(self, outputs: NDArray[Any], numbers: NDArray[Any], weight: Any) -> float:
        said = self._answer(outputs)
        return float(r2_score(numbers, said, sample_weight=weight)) if np.isfinite(said).all() else float("nan")

    def _weighted(self, numbers: NDArray[Any], weight: Any, whole: bool) -> Any:
        return weight
