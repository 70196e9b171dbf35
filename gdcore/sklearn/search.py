"""`GDSearchCV`: scikit-learn's search over a grid, whose candidates and folds are trained together."""

from __future__ import annotations

import time
from typing import Any, Self, final

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils import indexable

from .ensembles import begun
from .prepared import Entry, prepared, told
from .steps_before import Folds, network_of
from .together import Begun, alone, train_together


@final
class GDSearchCV(GridSearchCV):
    """A search over a grid for `MLPClassifier` and `MLPRegressor`, in place of scikit-learn's `GridSearchCV`.

    The models of all candidates and folds are trained by `gdcore.fit_many`. Each is what its own fit gives, so scores,
    ranks and the best candidate are those of `GridSearchCV`: bit for bit where the kernels take the same order of a
    model's sums, and to roundoff otherwise. What cannot be trained together is fitted by itself, and `alone_` says why.

    Parameters
    ----------
    estimator : estimator
        An `MLPClassifier` or `MLPRegressor`, or a pipeline that ends with one. Of a pipeline the steps before it are
        fitted once more for each fold and each setting of theirs. Others are searched as by `GridSearchCV`.
    param_grid : dict or list of dict
        Names of parameters, with the values to try.
    scoring : str, callable, list, tuple or dict, optional
    n_jobs : int, optional
        Threads that train the models; without a number one. Scores do not depend on it. Where no candidate is trained
        together with others, workers as in `GridSearchCV`.
    refit : bool, str or callable, default True
    cv : int, splitter or iterable, optional
    verbose : int, default 0
        Above 0, what is fitted alone is told.
    pre_dispatch : int or str, default "2*n_jobs"
        As in `GridSearchCV` where no candidate is trained together with others; otherwise without effect.
    error_score : "raise" or float, default nan
    return_train_score : bool, default False

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        Those of `GridSearchCV`. A model that was trained with others has its share of their time in "mean_fit_time".
    alone_ : list of str
        For each candidate, why it was fitted alone; "" if it was not.

    See Also
    --------
    gdcore.sweep : A grid with several seeds for each point, on networks of gdcore's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from gdcore.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"alpha": [1e-4, 1.0], "learning_rate_init": [0.003, 0.03]}
    >>> net = MLPClassifier((10,), max_iter=2000, tol=0.001, random_state=0)
    >>> search = GDSearchCV(net, grid, cv=3).fit(X, y)
    >>> search.best_params_["learning_rate_init"], search.alone_
    (0.003, ['', '', '', ''])
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Train all candidates on all folds, score them, and fit the best one on all rows.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
        y : array_like
            As the estimator takes it.
        **params
            As in `GridSearchCV`; what is for the estimator's `fit` makes it fit candidate by candidate.

        Returns
        -------
        self
        """
        self._validate_params()
        own = self.get_params(deep=False)
        rows, targets = indexable(X, y)
        groups = params.get("groups")
        splitter = check_cv(self.cv, targets, classifier=is_classifier(self.estimator))
        splits = list(splitter.split(rows, targets, groups) if groups is not None else splitter.split(rows, targets))
        began = time.perf_counter()
        given = {name: value for name, value in params.items() if name != "groups"}
        entries, reasons = self._trained(rows, targets, splits, given)
        seconds = time.perf_counter() - began
        workers = 1 if entries else self.n_jobs  # other threads and processes would not find the entries
        search: Any = GridSearchCV(**{**own, "cv": splits, "n_jobs": workers})
        with prepared(entries):
            search.fit(X, y, **given)
        for name, value in vars(search).items():
            if name not in own:
                setattr(self, name, value)
        self.alone_ = reasons
        self._share_out(seconds, len(entries), len(splits))
        return self

    def _trained(
        self, X: Any, y: Any, splits: list[tuple[NDArray[Any], NDArray[Any]]], fit_params: dict[str, Any]
    ) -> tuple[list[Entry], list[str]]:
        """Train the candidates that may be trained together.

        Returns
        -------
        entries : list of Entry
            For each of these candidates and each fold.
        reasons : list of str
            For each candidate, why it is fitted alone.
        """
        fits: list[Begun] = []
        asked: list[tuple[str, str]] = []
        reasons = []
        folds = Folds(X, y, splits)
        for candidate in ParameterGrid(self.param_grid):
            est = clone(self.estimator)
            reason = alone(network_of(est), fit_params)
            if not reason:
                try:
                    net = network_of(est.set_params(**clone(candidate, safe=False)))
                    reason = alone(net, fit_params)
                    if not reason:
                        parts = folds.parts(est)
                        fits += [begun(clone(net), rows, targets) for rows, targets, _ in parts]
                        which = told(net)
                        asked += [(which, digest) for _, _, digest in parts]
                except (TypeError, ValueError) as error:
                    reason = str(error)
            reasons.append(reason)
            if reason and self.verbose > 0:
                print(f"{candidate} is fitted alone: {reason}")
        try:
            diverged = set(train_together(fits, effective_n_jobs(self.n_jobs), whole=True) if fits else ())
        except MemoryError as error:  # one after another they may have enough
            return [], [reason or str(error) for reason in reasons]
        found = [None if i in diverged else one.est for i, one in enumerate(fits)]
        return [Entry(*one, est) for one, est in zip(asked, found, strict=True)], reasons

    def _share_out(self, seconds: float, n_fits: int, n_splits: int) -> None:
        """Add to each candidate that was not fitted alone its share of the time of all."""
        times = self.cv_results_["mean_fit_time"]
        times += np.where([reason == "" for reason in self.alone_], seconds / max(1, n_fits), 0.0)
