"""Where a fit ends, and which parameters it leaves."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_array
from sklearn import linear_model, neural_network
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

XR, YR = (scale(a)[:100] for a in load_diabetes(return_X_y=True))
X, Y = load_iris(return_X_y=True)
X = scale(X)


@pytest.mark.parametrize("n_outputs", [1, 4])
def test_adaptive_rates_of_networks_fall_as_scikit_learns(n_outputs):
    y = np.stack([YR] * n_outputs, 1) if n_outputs > 1 else YR
    options = {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 3, "shuffle": False}
    mine, theirs = (
        kind(random_state=0, max_iter=500, **options).fit(XR, y) for kind in (MLPRegressor, neural_network.MLPRegressor)
    )
    assert mine.n_iter_ == theirs.n_iter_ < 500
    rate = mine.trainer_.learning_rate / (n_outputs / 2)
    assert rate == pytest.approx(theirs._optimizer.learning_rate)


def test_a_penalty_beyond_the_rate_sets_weights_to_zero_as_scikit_learns():
    options = {"alpha": 100.0, "eta0": 0.1, "learning_rate": "constant", "shuffle": False, "max_iter": 3, "tol": None}
    mine, theirs = (kind(**options).fit(XR, YR) for kind in (SGDRegressor, linear_model.SGDRegressor))
    np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-9)


def test_early_stopping_leaves_the_parameters_of_the_best_epoch():
    params = []

    class Keep(gd.Callback):
        def on_epoch_end(self, state):
            params.append(state.params.copy())

    options = {"early_stopping": True, "n_iter_no_change": 5, "tol": 0.0, "random_state": 0, "solver": "sgd"}
    model = MLPRegressor(callbacks=Keep(), learning_rate_init=0.1, max_iter=300, **options).fit(XR, YR)
    best = int(np.argmax(model.validation_scores_))
    assert best < model.n_iter_ - 1
    assert np.array_equal(model.net_.params, params[best])
    assert not np.array_equal(model.net_.params, params[-1])


def test_a_class_of_one_sample_cannot_be_split():
    y = np.array(["a"] * 149 + ["b"])
    older = "The least populated class in y has only 1 member"  # before scikit-learn 1.9
    with pytest.raises(ValueError, match=rf"The least populated classes in y have only 1 member.*\['b'\]|{older}"):
        MLPClassifier(early_stopping=True).fit(X, y)
    y = np.array([0, 1] * 74 + [1, 2])  # scikit-learn does not keep the shares of three classes and takes these
    assert MLPClassifier(early_stopping=True, max_iter=2).fit(X, y).n_iter_ == 2


def test_lbfgs_that_fails_leaves_the_parameters_from_before():
    calls = []

    def broken(outputs, y):
        calls.append(1)
        if len(calls) > 3:
            raise RuntimeError("enough")
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / outputs.size

    model = MLPRegressor(solver="lbfgs", max_iter=5, random_state=0, warm_start=True).fit(XR, YR)
    params = model.net_.params.copy()
    with pytest.raises(RuntimeError, match="enough"):
        model.set_params(loss=broken).fit(XR, YR)
    assert len(calls) == 4
    assert np.array_equal(model.net_.params, params)


def test_the_reason_of_an_end_is_a_sentence():
    model = MLPClassifier((5,), learning_rate_init=0.1, max_iter=500, random_state=0).fit(X, Y)
    said = f"the training loss improved by less than tol=0.0001 for 11 epochs in a row, up to epoch {model.n_iter_ - 1}"
    assert model.history_.stop_reason == said
    for rows in (X, csr_array(X)):
        for y, what in ((Y > 0, "the"), (Y, "all classes have stopped, the last one when its")):
            model = SGDClassifier(random_state=0, early_stopping=True, n_iter_no_change=1).fit(rows, y)
            said = (
                f"{what} validation score improved by less than tol=0.001 for 1 epoch, up to epoch {model.n_iter_ - 1}"
            )
            assert model.history_.stop_reason == said
    model = SGDRegressor(learning_rate="adaptive", random_state=0, max_iter=5000).fit(XR, YR)
    assert model.history_.stop_reason.endswith(f" epoch {model.n_iter_ - 1}, and the learning rate is down to 6.4e-07")
    model = SGDRegressor(max_iter=3).fit(XR, YR)
    assert model.history_.stop_reason == "all 3 epochs were run"


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_linear_fit_that_diverges_keeps_its_best_epoch(classes, average):
    rows = np.random.default_rng(0).normal(size=(300, 5))
    y = (rows[:, : classes - 1] > 0).sum(1)
    options = {"loss": "squared_error", "penalty": None, "learning_rate": "constant", "eta0": 0.45, "clip_norm": 1e300}
    model = SGDClassifier(early_stopping=True, tol=None, average=average, random_state=0, **options)
    with pytest.warns(ConvergenceWarning, match="The parameters of the best epoch are kept"):
        model.fit(rows[::2], y[::2], validation_data=(rows[1::2], y[1::2]))
    assert model.score(rows[1::2], y[1::2]) == np.nanmax(model.validation_scores_) > model.validation_scores_[-2]
