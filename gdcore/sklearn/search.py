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

from .batches import Batches
from .prepared import Entry, prepared
from .steps_before import Folds, in_words, network_of, setting_of
from .together import alone


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
        The rows of all folds are held for one such setting at least. When those that are held exceed 64 MB, the models
        on them are trained and the rows let go, before the next setting's.
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

    Notes
    -----
    The training rows of all folds are held at the same time, for k folds k - 1 times the memory of X; where networks
    take them in another precision, copies of these besides. The networks of all candidates and folds are held until
    the search ends. `GridSearchCV` holds the rows and the network of one fit for each worker.

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
        candidates = list(ParameterGrid(self.param_grid))
        reasons = [""] * len(candidates)
        settings: dict[str, list[tuple[int, Any]]] = {}
        for i, candidate in enumerate(candidates):
            est = clone(self.estimator)
            reasons[i] = alone(network_of(est), fit_params)
            if not reasons[i]:
                try:
                    est.set_params(**clone(candidate, safe=False))
                    reasons[i] = alone(network_of(est), fit_params)
                    if not reasons[i]:
                        settings.setdefault(setting_of(est), []).append((i, est))
                except (TypeError, ValueError, MemoryError) as error:
                    reasons[i] = in_words(error)
        folds, batches = Folds(X, y, splits), Batches(effective_n_jobs(self.n_jobs))
        for several in settings.values():
            self._add_setting(several, folds, batches, reasons)
            batches.end_setting()
        batches.train()
        for i, reason in batches.failed.items():
            reasons[i] = reason
        if self.verbose > 0:
            for candidate, reason in zip(candidates, reasons, strict=True):
                if reason:
                    print(f"{candidate} is fitted alone: {reason}")
        return batches.entries, reasons

    def _add_setting(self, several: list[tuple[int, Any]], folds: Folds, batches: Batches, reasons: list[str]) -> None:
        """Begin the fits of candidates with the same steps before the network; note why one cannot begin."""
        parts = None
        for i, est in several:
            try:
                parts = folds.parts(est) if parts is None else parts
                batches.add(i, network_of(est), parts)
            except (TypeError, ValueError, MemoryError) as error:
                reasons[i] = in_words(error)

    def _share_out(self, seconds: float, n_fits: int, n_splits: int) -> None:
        """Add to each candidate that was not fitted alone its share of the time of all."""
        times = self.cv_results_["mean_fit_time"]
        times += np.where([reason == "" for reason in self.alone_], seconds / max(1, n_fits), 0.0)
