"""`GDSearchCV` on pipelines that end with a network: trained together, and the scores of scikit-learn's own search."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from test_search import CLASSIFIER, LABELS, NUMBERS, REGRESSOR, X, assert_same_search

from gdcore.sklearn import GDSearchCV, MLPRegressor, batches
from gdcore.sklearn.mlp import MLP

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` larger than sample size:UserWarning"),
]
GRID = {"net__alpha": [0.1, 1.0], "net__learning_rate_init": [0.003, 0.03]}


def behind(*steps, net=REGRESSOR):
    return Pipeline([*((f"step{i}", step) for i, step in enumerate(steps)), ("net", net)])


class Shifted(TransformerMixin, BaseEstimator):
    """Adds a number that `draw` gives, and counts how often it is fitted."""

    fits = 0

    def __init__(self, draw=float):
        self.draw = draw

    def fit(self, X, y=None):
        Shifted.fits += 1
        self.by_ = self.draw()
        return self

    def transform(self, X):
        return X + self.by_


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_scaled_numbers_and_classes(n_jobs):
    assert_same_search(behind(StandardScaler()), GRID, NUMBERS, [False] * 4, cv=3, n_jobs=n_jobs)
    classes = make_pipeline(StandardScaler(), PCA(2), CLASSIFIER)
    assert_same_search(classes, {"mlpclassifier__alpha": [0.1, 1.0]}, LABELS, [False] * 2, cv=3)


def test_steps_with_parameters_of_their_own():
    grid = {**GRID, "step0__with_mean": [True, False], "step1__n_components": [2, 3]}
    assert_same_search(behind(StandardScaler(), PCA()), grid, NUMBERS, [False] * 16, cv=3, return_train_score=True)
    steps = {"step0": [StandardScaler(), MinMaxScaler(), "passthrough"], "net__alpha": [0.1, 1.0]}
    assert_same_search(behind(StandardScaler()), steps, NUMBERS, [False] * 6, cv=3)


def test_networks_as_candidates():
    grid = {"net": [REGRESSOR, MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, random_state=1, solver="lbfgs")]}
    found = assert_same_search(behind(StandardScaler()), grid, NUMBERS, [False, True], cv=3)
    assert found.alone_[1] == "solver='lbfgs' takes all rows at once"


def test_data_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    scaled = behind(StandardScaler().set_output(transform="pandas"))
    found = GDSearchCV(scaled, GRID, cv=3).fit(frame, NUMBERS)
    theirs = GridSearchCV(scaled, GRID, cv=3).fit(frame, NUMBERS)
    assert found.alone_ == [""] * 4
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-9)
    assert found.best_estimator_["net"].feature_names_in_.tolist() == list("abcd")


def test_a_network_is_trained_once_and_a_step_once_more_for_each_fold(monkeypatch):
    fits = []
    trained = MLP._fit
    monkeypatch.setattr(MLP, "_fit", lambda est, *args: fits.append(est) or trained(est, *args))
    Shifted.fits = 0
    assert GDSearchCV(behind(Shifted()), GRID, cv=3).fit(X, NUMBERS).alone_ == [""] * 4
    assert len(fits) == 1  # the best one, on all rows
    assert Shifted.fits == 3 + 4 * 3 + 1


@pytest.mark.parametrize("kind", ["list", "pandas", "polars", "sparse"])
def test_rows_of_any_kind_are_known_again(kind, monkeypatch):
    if kind == "list":
        rows, targets = X.tolist(), NUMBERS.tolist()
    elif kind == "sparse":
        rows, targets = pytest.importorskip("scipy.sparse").csr_array(X), NUMBERS
    else:
        library = pytest.importorskip(kind)
        rows, targets = library.DataFrame(dict(zip("abcd", X.T, strict=True))), library.Series(NUMBERS)
    fits = []
    trained = MLP._fit
    monkeypatch.setattr(MLP, "_fit", lambda est, *args: fits.append(est) or trained(est, *args))
    scaler = StandardScaler(with_mean=False)
    if kind in ("pandas", "polars"):
        scaler.set_output(transform=kind)
    for net, grid in ((REGRESSOR, {"alpha": [0.1, 1.0]}), (behind(scaler), GRID)):
        fits.clear()
        assert not any(GDSearchCV(net, grid, cv=3).fit(rows, targets).alone_)
        assert len(fits) == 1  # the best one, on all rows


def test_rows_that_differ_are_not_taken_for_the_same():
    steps = iter(range(1000))
    shifted = behind(StandardScaler(), Shifted(lambda: next(steps) % 7 / 10))
    found = GDSearchCV(shifted, GRID, cv=3).fit(X, NUMBERS)
    steps = iter(range(3, 1000))  # as many as were trained beforehand
    theirs = GridSearchCV(shifted, GRID, cv=3).fit(X, NUMBERS)
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-9)


def test_steps_that_draw_without_a_seed_are_told():
    from sklearn.random_projection import GaussianRandomProjection

    grid = {"net__alpha": [0.1], "step0__random_state": [None, 3]}
    found = GDSearchCV(behind(GaussianRandomProjection(2)), grid, cv=3).fit(X, NUMBERS)
    assert found.alone_ == ["the steps before it give other rows each time: set their random_state", ""]


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning", "ignore:One or more of the .* scores are non-finite"
)
def test_a_step_that_cannot_be_fitted_is_scored_as_there():
    grid = {"net__alpha": [0.1], "step0__n_components": [2, 99]}
    found = GDSearchCV(behind(PCA()), grid, cv=3).fit(X, NUMBERS)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert found.alone_[0] == ""
    assert "n_components=99 must be between" in found.alone_[1]


def test_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse").csr_array(np.where(np.abs(X) > 0.5, X, 0))
    scaled = behind(StandardScaler(with_mean=False))
    found = GDSearchCV(scaled, GRID, cv=3).fit(sparse, NUMBERS)
    theirs = GridSearchCV(scaled, GRID, cv=3).fit(sparse, NUMBERS)
    assert found.alone_ == [""] * 4
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-9)


def refitted_on_other_targets(fitted, X, y):
    return clone(fitted).fit(X, -y).score(X, -y)


def test_a_scorer_that_fits_on_other_targets_trains_anew():
    halves = [(np.arange(36), np.arange(36, 72)), (np.arange(36, 72), np.arange(36))]
    options = {"cv": halves, "scoring": refitted_on_other_targets}
    twice = np.r_[X[:36], X[:36]]  # the rows to score on are those of the other fold, and only the targets differ
    for net, grid in ((REGRESSOR, {"alpha": [0.1]}), (behind(StandardScaler()), {"net__alpha": [0.1]})):
        scores = [search(net, grid, **options).fit(twice, NUMBERS[:72]) for search in (GDSearchCV, GridSearchCV)]
        ours, theirs = (found.cv_results_["mean_test_score"] for found in scores)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_no_fold_of_repeated_rows_takes_the_network_of_another_fold():
    repeated, targets = np.r_[X[:20], X[:20], X[:20]], NUMBERS[:60]
    means = []
    for search, first in ((GDSearchCV, 3), (GridSearchCV, 0)):  # folds are fitted beforehand, and then by the search
        numbers = iter([float(i == first) for i in range(10)])
        moved = behind(Shifted(lambda numbers=numbers: next(numbers)))
        means.append(search(moved, {"net__alpha": [0.1]}, cv=KFold(3), refit=False).fit(repeated, targets))
    ours, theirs = ([found.cv_results_[f"split{i}_test_score"][0] for i in range(3)] for found in means)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.fixture
def trainings(monkeypatch):
    """The numbers of fits of each training of several."""
    counts = []
    trained = batches.train_together

    def counted(fits, threads, *, whole):
        counts.append(len(fits))
        return trained(fits, threads, whole=whole)

    monkeypatch.setattr(batches, "train_together", counted)
    return counts


def test_rows_of_settings_are_let_go_where_they_are_many(trainings, monkeypatch):
    grid = {"net__alpha": [0.1, 1.0], "step0__n_components": [2, 3, 4]}
    assert_same_search(behind(PCA()), grid, NUMBERS, [False] * 6, cv=3)
    assert trainings == [18]
    monkeypatch.setattr(batches, "LIMIT", 6000)  # three folds of 50 rows have 2400, 3600 and 4800 bytes
    trainings.clear()
    assert_same_search(behind(PCA()), grid, NUMBERS, [False] * 6, cv=3)
    assert len(trainings) > 1
    assert sum(trainings) == 18
    monkeypatch.setattr(batches, "LIMIT", 0)
    trainings.clear()
    GDSearchCV(REGRESSOR, {"alpha": [0.1, 1.0]}, cv=3).fit(X.tolist(), NUMBERS)  # each fit makes an array of its own
    assert trainings == [3, 3]


def test_few_megabytes_are_held_for_many_settings():
    rows = np.random.default_rng(0).normal(size=(4000, 250))  # 8 MB, which 12 settings and 4 folds hold 36 times
    moved = behind(Shifted(), net=MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, random_state=0))
    grid = {"step0__draw": [lambda i=i: float(i) for i in range(12)]}
    tracemalloc.start()
    try:
        assert not any(GDSearchCV(moved, grid, cv=4, refit=False).fit(rows, rows[:, 0]).alone_)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * rows.nbytes


@pytest.mark.parametrize("net", [REGRESSOR, behind(StandardScaler())], ids=["network", "pipeline"])
def test_a_fit_that_finds_no_memory_to_begin_is_made_alone(net, monkeypatch):
    calls = iter(range(100))
    begin = batches.begun

    def begun(*args):
        if next(calls) == 1:
            raise MemoryError
        return begin(*args)

    monkeypatch.setattr(batches, "begun", begun)
    grid = {"alpha" if net is REGRESSOR else "net__alpha": [0.1, 1.0]}
    assert assert_same_search(net, grid, NUMBERS, [True, False], cv=3).alone_ == ["MemoryError", ""]


class Doubled:
    """A step without `get_params`."""

    def fit_transform(self, X, y=None):
        return 2 * X

    transform = staticmethod(lambda X: 2 * X)

    def fit(self, X, y=None):
        return self


class Mute:
    """Has no text."""

    def __call__(self):
        return 1.0

    def __repr__(self):
        raise RuntimeError("no text")


class MuteNumber(float):
    """Has no text either."""

    __repr__ = Mute.__repr__


def test_a_step_without_parameters_is_told_by_its_text():
    assert_same_search(behind(Doubled()), GRID, NUMBERS, [False] * 4, cv=3)


def test_what_cannot_be_told_is_fitted_alone():
    found = assert_same_search(behind(Shifted(Mute())), GRID, NUMBERS, [True] * 4, cv=3)
    assert found.alone_[0] == "the steps before it cannot be told apart: no text"
    found = assert_same_search(REGRESSOR, {"alpha": [MuteNumber(0.1), 0.2]}, NUMBERS, [True, False], cv=3)
    assert found.alone_[0] == "its parameters cannot be told apart: no text"
