"""An estimator, a trainer or another library's model where a model of gdcore is due: the message says where it is."""

import re

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdcore as gd
from gdcore.interop import from_sklearn, to_c, to_onnx, to_sklearn, to_torch
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

X, Y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
FITTED = MLPClassifier((4,), random_state=0).partial_fit(X, Y, classes=[0, 1])
CALLS = [
    to_c,
    to_sklearn,
    to_torch,
    lambda model: gd.Trainer(model, "bce"),
    lambda model: gd.diagnose(model, X, Y, "bce"),
    lambda model: gd.check_gradients(model, X, Y, "bce"),
    lambda model: gd.learning_rate_bound(model, X, Y, "bce"),
    lambda model: gd.find_learning_rate(model, X, Y, "bce"),
]
THINGS = [
    (FITTED, ": pass its model, estimator.net_"),
    (SGDRegressor(), ": fit an estimator, and pass its model, estimator.net_"),
    (MLPClassifier, ": fit an estimator, and pass its model, estimator.net_"),
    (LinearRegression(), ": make one by gdcore.interop.from_sklearn"),
    (
        make_pipeline(StandardScaler(), FITTED),
        ": make one by gdcore.interop.from_sklearn",
    ),
    (FITTED.trainer_, ": pass trainer.model"),
    ("net", "got 'net'"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("thing", "end"), THINGS)
def test_where_the_model_is(call, thing, end):
    with pytest.raises(TypeError, match=rf"^model must be a gdcore\.Sequential, .*{re.escape(end)}$"):
        call(thing)


def test_the_remedies_work():
    assert "static" in to_c(FITTED.net_, name="net")
    again = to_sklearn(FITTED.net_)
    assert np.array_equal(again.predict(X), FITTED.predict(X))
    line = LinearRegression().fit(X, Y)
    assert np.allclose(from_sklearn(line).predict(X)[:, 0], line.predict(X), atol=1e-6)


def test_to_onnx_takes_an_estimator_and_refuses_a_trainer():
    with pytest.raises(TypeError, match=r": pass trainer\.model$"):
        to_onnx(FITTED.trainer_)


PIPED = [
    (MLPClassifier((5,), loss="hinge", max_iter=9), gd.Hinge()),
    (MLPClassifier((5, 5), activation=["relu", "gelu"], dropout=0.5, average=gd.EMA(0.5)), gd.BinaryCrossEntropy()),
    (MLPClassifier((5,), solver="lbfgs", max_iter=9), gd.BinaryCrossEntropy()),
    (MLPRegressor(loss="poisson", max_iter=9), gd.Poisson()),
    (SGDClassifier(max_iter=9), gd.Hinge()),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "loss"), PIPED)
def test_a_pipeline_with_an_estimator_of_gdcore_becomes_one_model(estimator, loss):
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X, Y)
    net = from_sklearn(pipeline)
    own = pipeline[-1].net_
    np.testing.assert_allclose(net.predict(X), own.predict(pipeline[:-1].transform(X)), rtol=1e-9, atol=1e-12)
    assert net.trained_loss == own.trained_loss == loss
    assert net.layers[1:] == own.layers
    alone = from_sklearn(pipeline[-1])
    assert np.array_equal(alone.params, own.params)
    assert not np.shares_memory(alone.params, own.params)


def test_a_pipeline_that_scales_targets_and_names_features():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    line = SGDRegressor(random_state=0)
    model = TransformedTargetRegressor(line, transformer=StandardScaler()).fit(frame, 100 * X[:, 0])
    net = from_sklearn(model)
    np.testing.assert_allclose(net.predict(frame)[:, 0], model.predict(frame), rtol=1e-9)
    assert net.feature_names == ("a", "b", "c")


def test_an_estimator_of_gdcore_that_is_not_fitted():
    with pytest.raises(ValueError, match="MLPClassifier is not fitted: call its fit"):
        from_sklearn(MLPClassifier())
    for value in (FITTED.net_, gd.Adam(), MLPClassifier):
        with pytest.raises(TypeError, match=r"pass the fitted object$"):
            from_sklearn(value)
