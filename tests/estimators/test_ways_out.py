"""An estimator, a trainer or another library's model where a model of gdcore is due: the message says where it is."""

import re

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdcore as gd
from gdcore.interop import from_sklearn, to_c, to_onnx, to_sklearn, to_torch
from gdcore.sklearn import MLPClassifier, SGDRegressor

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
        ": a Pipeline's last step has a model, pipeline[-1].net_, which takes what the steps before it make",
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
