"""`GDSearchCV` beside scikit-learn's own search: the same scores, ranks and best candidate."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from joblib import parallel_config
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit
from test_common import parametrize_with_checks

import gdcore as gd
from gdcore.sklearn import GDSearchCV, MLPClassifier, MLPRegressor
from gdcore.sklearn.mlp import MLP

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` larger than sample size:UserWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning"),  # scikit-learn's, of y
]
X, LABELS = load_iris(return_X_y=True)
X = X[::2] - X.mean(axis=0)
LABELS = LABELS[::2]
NUMBERS = X[:, 0] * X[:, 1]
CLASSIFIER = MLPClassifier((6,), max_iter=12, random_state=0)
REGRESSOR = MLPRegressor(hidden_layer_sizes=(6,), max_iter=12, random_state=0)
TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


def assert_same_search(estimator, grid, y, reasons, **options):
    fit_params = options.pop("fit_params", {})
    ours = GDSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    theirs = GridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for name, values in theirs.cv_results_.items():
        if name in TIMES:
            assert (ours.cv_results_[name] >= 0).all()
        elif name.startswith("rank"):
            np.testing.assert_array_equal(ours.cv_results_[name], values, name)
        elif name == "params":
            assert ours.cv_results_[name] == values
        elif not name.startswith("param_"):
            np.testing.assert_allclose(ours.cv_results_[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
    for name in ("best_index_", "best_params_", "best_score_"):
        if name in vars(theirs):
            assert vars(ours)[name] == vars(theirs)[name]
    if options.get("refit", True):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        assert ours.score(X, y) == theirs.score(X, y)
    assert [bool(reason) for reason in ours.alone_] == reasons
    return ours


def test_numbers_and_names_of_a_classifier():
    grid = {
        "alpha": [1e-4, 1.0],
        "learning_rate_init": [0.001, 0.03],
        "activation": ["relu", "tanh"],
        "solver": ["adam", "sgd"],
    }
    assert_same_search(CLASSIFIER, grid, LABELS, [False] * 16)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_shapes_batches_losses_and_stops_of_a_regressor(n_jobs):
    grid = [
        {"hidden_layer_sizes": [(), (3,), (4, 3)], "batch_size": ["auto", 16]},
        {"loss": ["squared_error", "huber", gd.Quantile(0.9)], "max_iter": [3, 20], "tol": [1e-4, 0.1]},
        {"dropout": [0.0, 0.3], "average": [None, gd.EMA(0.9)], "shuffle": [True, False]},
    ]
    found = assert_same_search(
        REGRESSOR, grid, NUMBERS, [False] * 26, n_jobs=n_jobs, cv=KFold(3), return_train_score=True
    )
    assert len(found.cv_results_["params"]) == 26


def test_scores_splitters_and_refits():
    grid = {"learning_rate_init": [0.001, 0.01]}
    scoring = {"r2": "r2", "mae": make_scorer(mean_absolute_error, greater_is_better=False)}
    assert_same_search(REGRESSOR, grid, NUMBERS, [False] * 2, scoring=scoring, refit="mae")
    assert_same_search(REGRESSOR, grid, NUMBERS, [False] * 2, cv=ShuffleSplit(3, random_state=0), refit=False)
    groups = np.arange(len(X)) % 5
    assert_same_search(CLASSIFIER, grid, LABELS, [False] * 2, cv=GroupKFold(3), fit_params={"groups": groups})
    weighted = MLPClassifier((6,), class_weight="balanced", max_iter=9, random_state=0)
    assert_same_search(weighted, grid, LABELS, [False] * 2)


def test_what_is_fitted_alone_says_why(capsys):
    grid = [
        {"solver": ["adam", "lbfgs"]},
        {"early_stopping": [True]},
        {"learning_rate": ["adaptive"], "solver": ["sgd"]},
    ]
    found = assert_same_search(REGRESSOR, grid, NUMBERS, [False, True, True, True], cv=3)
    assert found.alone_[1:] == [
        "solver='lbfgs' takes all rows at once",
        "early_stopping=True scores each epoch",
        "learning_rate='adaptive' follows the fit",
    ]
    weights = {"fit_params": {"sample_weight": np.ones(len(X))}}
    assert assert_same_search(REGRESSOR, {"alpha": [1.0]}, NUMBERS, [True], **weights).alone_ == [
        "fit takes sample_weight"
    ]
    wrapped = TransformedTargetRegressor(REGRESSOR)
    found = assert_same_search(wrapped, {"regressor__alpha": [0.1, 1.0]}, NUMBERS, [True] * 2, cv=3)
    assert found.alone_[0] == "TransformedTargetRegressor is not one of MLPClassifier and MLPRegressor"
    capsys.readouterr()
    GDSearchCV(REGRESSOR, {"solver": ["lbfgs"]}, cv=2, verbose=1).fit(X, NUMBERS)
    assert "{'solver': 'lbfgs'} is fitted alone: solver='lbfgs' takes all rows at once" in capsys.readouterr().out


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning", "ignore:One or more of the .* scores are non-finite"
)
def test_candidates_that_fail_are_scored_as_there():
    grid = {"solver": ["sgd"], "learning_rate_init": [0.01, 1e30], "momentum": [0.0]}
    found = GDSearchCV(REGRESSOR, grid, cv=3).fit(X, NUMBERS)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [False, True]
    with pytest.raises(ValueError, match="learning_rate_init"):
        GDSearchCV(REGRESSOR, grid, cv=3, error_score="raise").fit(X, NUMBERS)
    found = GDSearchCV(REGRESSOR, {"alpha": [-1.0, 0.1]}, cv=3).fit(X, NUMBERS)
    assert found.alone_ == ["alpha must be >= 0, got -1.0", ""]
    with pytest.raises(ValueError, match="Invalid parameter 'alhpa'"):
        GDSearchCV(REGRESSOR, {"alhpa": [1.0]}).fit(X, NUMBERS)


def test_a_random_splitter_is_asked_once():
    class Counted(KFold):
        asked = 0

        def split(self, *arrays, **more):
            Counted.asked += 1
            return super().split(*arrays, **more)

    GDSearchCV(REGRESSOR, {"alpha": [0.1, 1.0]}, cv=Counted(3, shuffle=True)).fit(X, NUMBERS)
    assert Counted.asked == 1


@parametrize_with_checks(
    [
        GDSearchCV(MLPClassifier(max_iter=30, random_state=0), {"alpha": [1e-4, 0.1]}, cv=2, error_score="raise"),
        GDSearchCV(
            MLPRegressor(max_iter=30, random_state=0), {"learning_rate_init": [0.01, 0.1]}, cv=2, error_score="raise"
        ),
    ]
)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("state", [None, 3, np.random.RandomState(3)], ids=["none", "number", "object"])
def test_nothing_that_was_trained_together_is_fitted_again(state, monkeypatch):
    fits = []
    trained = MLP._fit
    monkeypatch.setattr(MLP, "_fit", lambda est, *args: fits.append(est) or trained(est, *args))
    found = GDSearchCV(MLPRegressor(hidden_layer_sizes=(3,), max_iter=4, random_state=state), {"alpha": [0.1, 1.0]})
    assert found.fit(X, NUMBERS).alone_ == ["", ""]
    assert len(fits) == 1  # the best one, on all rows


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning", "ignore:One or more of the .* scores are non-finite"
)
def test_a_loss_that_refuses_the_targets_fails_alone():
    grid = {"loss": ["squared_error", "poisson"]}
    found = GDSearchCV(REGRESSOR, grid, cv=3).fit(X, NUMBERS - 5)
    theirs = GridSearchCV(REGRESSOR, grid, cv=3).fit(X, NUMBERS - 5)
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert found.alone_[0] == ""
    assert "must be >= 0: they are counts" in found.alone_[1]


@pytest.mark.parametrize(("option", "value"), [("n_jobs", "x"), ("cv", 1), ("verbose", "a"), ("param_grid", "alpha")])
def test_options_are_checked_before_the_training(option, value):
    search = GDSearchCV(REGRESSOR, {"alpha": [1.0]}).set_params(**{option: value})
    with pytest.raises(ValueError, match=f"The '{option}' parameter of GDSearchCV must be"):
        search.fit(X, NUMBERS)


def test_what_is_searched_as_there_has_the_workers_of_there(monkeypatch):
    given = []

    def recorded(**own):
        given.append(own["n_jobs"])
        return GridSearchCV(**own)

    monkeypatch.setattr("gdcore.sklearn.search.GridSearchCV", recorded)
    wrapped = TransformedTargetRegressor(REGRESSOR)
    with parallel_config("threading", n_jobs=2):
        GDSearchCV(wrapped, {"regressor__alpha": [0.1]}, n_jobs=2, cv=2).fit(X, NUMBERS)
        GDSearchCV(REGRESSOR, {"alpha": [0.1]}, n_jobs=2, cv=2).fit(X, NUMBERS)
    assert given == [2, 1]


def test_without_memory_for_all_models_each_is_fitted_alone(monkeypatch):
    def refused(fits, threads, *, whole):
        raise MemoryError("4 models need 9 GiB")

    monkeypatch.setattr("gdcore.sklearn.batches.train_together", refused)
    reasons = assert_same_search(REGRESSOR, {"alpha": [0.1, 1.0]}, NUMBERS, [True, True], cv=2).alone_
    assert reasons == ["4 models need 9 GiB"] * 2


def test_an_interrupted_search_ranks_nothing(monkeypatch):
    """Candidates of which some are trained in part cannot be compared; a single fit keeps what it has."""

    def interrupted(*args, **kwargs):
        raise gd.InterruptedFits(gd.fit_many(*args, **kwargs))

    monkeypatch.setattr("gdcore.sklearn.together.fit_many", interrupted)
    search = GDSearchCV(REGRESSOR, {"alpha": [0.1, 0.2]}, cv=2)
    with pytest.raises(KeyboardInterrupt, match="in the error's attribute many"):
        search.fit(X, NUMBERS)
    assert not hasattr(search, "best_estimator_")
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        REGRESSOR.__class__(max_iter=3, n_ensemble=2, random_state=0).fit(X, NUMBERS)
