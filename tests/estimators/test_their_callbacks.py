"""scikit-learn's callbacks see a fit and its epochs."""

import numpy as np
import pytest

pytest.importorskip("sklearn.callback")

from sklearn import callback
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = scale(X)


class Recorder:
    def __init__(self, stop_at=None):
        self.stop_at, self.began, self.scores, self.set_up, self.torn_down = stop_at, [], [], 0, 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.began.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.scores.append((context.task_name, fitted_estimator.score(X, y)))
        return context.task_name == "epoch" and len(self.scores) == self.stop_at


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor])
def test_a_task_for_the_fit_and_for_each_epoch(kind):
    seen = Recorder()
    model = kind(max_iter=7, random_state=0).set_callbacks(seen).fit(X, Y)
    assert seen.began == ["fit"] + model.n_iter_ * ["epoch"]
    assert [name for name, _ in seen.scores] == model.n_iter_ * ["epoch"] + ["fit"]
    assert seen.scores[-1][1] == seen.scores[-2][1] == model.score(X, Y)
    assert len({score for _, score in seen.scores}) > 1
    assert (seen.set_up, seen.torn_down) == (1, 1)
    plain = kind(max_iter=7, random_state=0).fit(X, Y)
    assert np.array_equal(plain.net_.params, model.net_.params)


def test_a_callback_ends_a_fit():
    seen = Recorder(stop_at=3)
    model = MLPClassifier(random_state=0).set_callbacks(seen).fit(X, Y)
    assert model.n_iter_ == 3
    assert seen.began == ["fit", "epoch", "epoch", "epoch"]


def test_whatever_ends_a_fit_no_task_stays_open():
    class Second(gd.Callback):
        def on_epoch_end(self, state):
            return state.epoch == 1

    for options in ({"callbacks": [Second()]}, {"tol": 1e9, "n_iter_no_change": 1}, {"solver": "lbfgs"}):
        seen = Recorder()
        model = MLPClassifier(random_state=0, max_iter=30, **options).set_callbacks(seen).fit(X, Y)
        assert len(seen.began) == len(seen.scores)
        if "tol" in options:
            assert len(seen.began) == 1 + model.n_iter_
        assert seen.torn_down == 1
    seen = Recorder()
    with pytest.raises(ValueError, match="Input X contains NaN"):
        MLPClassifier().set_callbacks(seen).fit(X * np.nan, Y)
    assert seen.torn_down == 1


def test_scikit_learns_progress_bar(capsys):
    pytest.importorskip("rich")
    MLPClassifier(max_iter=3, random_state=0).set_callbacks(callback.ProgressBar()).fit(X, Y)
