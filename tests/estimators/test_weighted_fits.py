"""A weight of 2 equals the row twice, a weight of 0 the row left out."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import SGDClassifier as TheirSGDClassifier
from sklearn.preprocessing import scale

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`")

IRIS = load_iris(return_X_y=True)
X, Y = scale(IRIS[0]), IRIS[1]
XR, YR = (scale(a)[:150] for a in load_diabetes(return_X_y=True))
WEIGHT = np.random.default_rng(0).integers(0, 4, len(X))

FULL = {"max_iter": 30, "random_state": 0}
LINEAR = {"batch_size": 10_000, "tol": None, "learning_rate": "constant", "eta0": 0.1, **FULL}
CASES = [
    MLPClassifier(batch_size=10_000, alpha=5.0, **FULL),
    MLPClassifier(solver="lbfgs", alpha=5.0, **FULL),
    MLPClassifier(batch_size=10_000, class_weight="balanced", **FULL),
    MLPClassifier(batch_size=10_000, class_weight={0: 3.0, 1: 0.5}, loss="squared_hinge", **FULL),
    MLPRegressor(batch_size=10_000, solver="sgd", alpha=5.0, **FULL),
    MLPRegressor(batch_size=10_000, loss="huber", **FULL),
    SGDClassifier(loss="log_loss", **LINEAR),
    SGDClassifier(loss="modified_huber", class_weight="balanced", **LINEAR),
    SGDClassifier(loss="perceptron", penalty="l1", **LINEAR),
    SGDRegressor(loss="epsilon_insensitive", **LINEAR),
    SGDRegressor(loss="squared_error", alpha=0.1, average=True, **LINEAR),
]


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_a_weight_of_two_is_the_row_twice(model):
    data, y = (X, Y) if "Classifier" in type(model).__name__ else (XR, YR)
    weighted = model.fit(data, y, sample_weight=WEIGHT).net_.params.copy()
    loss = model.loss_curve_[-1] if model.trainer_ is not None else model.loss_
    repeated = model.fit(np.repeat(data, WEIGHT, axis=0), np.repeat(y, WEIGHT)).net_.params
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6, atol=1e-7)
    assert loss == pytest.approx(model.loss_curve_[-1] if model.trainer_ is not None else model.loss_, rel=1e-6)


@pytest.mark.parametrize(
    "model", [*CASES, SGDClassifier(random_state=0), MLPClassifier(batch_size=7, random_state=0)], ids=repr
)
def test_a_weight_of_zero_is_no_row(model):
    data, y = (X, Y) if "Classifier" in type(model).__name__ else (XR, YR)
    kept = np.arange(len(data)) % 3 > 0
    model.set_params(max_iter=8)
    weighted = model.fit(data, y, sample_weight=kept.astype(float)).net_.params.copy()
    assert np.array_equal(weighted, model.fit(data[kept], y[kept]).net_.params)


def test_batches_of_one_row_come_to_the_weighted_minimum():
    X, y = load_breast_cancer(return_X_y=True)
    X, weight = scale(X)[:, :3], np.where(y == 1, 0.2, 3.0)
    own = SGDClassifier(
        loss="log_loss",
        alpha=0.05,
        tol=None,
        max_iter=300,
        random_state=0,
        average=80_000,
        learning_rate="constant",
        eta0=0.02,
    ).fit(X, y, sample_weight=weight)
    exact = LogisticRegression(C=1 / (0.05 * weight.sum()), tol=1e-10).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(own.coef_, exact.coef_, atol=0.02)
    np.testing.assert_allclose(own.intercept_, exact.intercept_, atol=0.02)


def test_small_weights_move_the_boundary_as_scikit_learns():
    X = np.array([[-1.0, -1.0], [-1.0, 0], [-0.8, -1.0], [1.0, 1.0], [1.0, 0.0]])
    y = [1, 1, 1, -1, -1]
    options = {"alpha": 0.1, "max_iter": 1000, "fit_intercept": False, "tol": None, "random_state": 0}
    for weights in ({"class_weight": {1: 0.001}}, {}):
        rows = None if weights else [0.001] * 3 + [1] * 2
        mine, theirs = (
            kind(**options, **weights).fit(X, y, sample_weight=rows) for kind in (SGDClassifier, TheirSGDClassifier)
        )
        np.testing.assert_allclose(mine.coef_, theirs.coef_, atol=0.02)
        assert mine.predict([[0.2, -1.0]]) == [-1]


def test_the_size_of_all_weights_does_not_matter_to_linear_models():
    fits = [SGDClassifier(random_state=0, max_iter=20).fit(X, Y, sample_weight=w * np.ones(150)).coef_ for w in (1, 64)]
    np.testing.assert_allclose(*fits, rtol=1e-9)


def test_weights_in_parts():
    """In one batch; the weights of linear models count relative to 1, so here their mean is 1."""
    mean_one = WEIGHT / WEIGHT[WEIGHT > 0].mean()
    for model, weight in (
        (MLPClassifier(solver="sgd", batch_size=10_000, random_state=0), WEIGHT),
        (SGDClassifier(random_state=0), mean_one),
    ):
        twice = type(model)(**{**model.get_params(), "batch_size": 10_000})
        model.set_params(batch_size=10_000)
        for _ in range(3):
            model.partial_fit(X, Y, classes=[0, 1, 2], sample_weight=weight)
            twice.partial_fit(np.repeat(X, WEIGHT, axis=0), np.repeat(Y, WEIGHT), classes=[0, 1, 2])
        np.testing.assert_allclose(model.net_.params, twice.net_.params, rtol=1e-7, atol=1e-9)


def test_weights_and_a_loss_of_ones_own():
    def loss(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / outputs.size

    model = MLPRegressor(loss=loss, random_state=0, max_iter=3)
    record = MLPRegressor(loss=gd.MeanSquaredError(), random_state=0, max_iter=3)
    np.testing.assert_allclose(model.fit(XR, YR).net_.params, record.fit(XR, YR).net_.params)
    with pytest.raises(TypeError, match="sample_weight and class_weight do not go with loss, a function of yours"):
        model.fit(XR, YR, sample_weight=WEIGHT[: len(XR)])
