"""Pipelines that end in an estimator of gdcore, exported by skl2onnx and run by onnxruntime."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import register_skl2onnx
from interop.models import drawn, near

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

import onnxruntime
import skl2onnx
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X = np.random.default_rng(0).normal([0, 5, -100], [1, 20, 50], size=(60, 3)).astype(np.float32)


class Regressor(RegressorMixin, BaseEstimator):
    """What the converters need of an estimator."""

    def fit(self, X, y):
        self.net_ = drawn(gd.MLP([3, 4, 1], activation="silu", dtype="float64"), np.random.default_rng(0))
        return self

    def predict(self, X):
        return self.net_.predict(X)


class Classifier(ClassifierMixin, BaseEstimator):
    def __init__(self, loss="cross_entropy"):
        self.loss = loss

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        k = len(self.classes_)
        self.net_ = gd.MLP(
            [3, 4, 1 if k == 2 and self.loss == "bce" else k], activation="mish", dtype="float64", seed=0
        )
        target = np.searchsorted(self.classes_, y)
        self.net_.fit(X, target if k == 2 or self.loss != "bce" else np.eye(k)[target], self.loss, epochs=1)
        drawn(self.net_, np.random.default_rng(0))
        return self

    def predict_proba(self, X):
        found = self.net_.predict_proba(X)
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def run(pipeline, rows, **options):
    proto = skl2onnx.to_onnx(pipeline, rows[:1], target_opset=18, **options)
    return onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"X": rows})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regressors(dtype):
    register_skl2onnx(Regressor)
    rows = X.astype(dtype)
    pipeline = make_pipeline(StandardScaler(), Regressor()).fit(rows, np.zeros(60))
    assert near(run(pipeline, rows)[0], pipeline.predict(rows), "float32")


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
@pytest.mark.parametrize("names", [["a", "b", "é"], [3, 5, 9], ["no", "yes"]], ids=str)
def test_classifiers(loss, names):
    register_skl2onnx(Classifier)
    y = np.array(names)[np.arange(60) % len(names)]
    pipeline = make_pipeline(StandardScaler(), Classifier(loss)).fit(X, y)
    labels, found = run(pipeline, X, options={Classifier: {"zipmap": False}})
    assert near(found, pipeline.predict_proba(X), "float32")
    assert (labels == pipeline.predict(X)).all()
    dicts = run(pipeline, X)[1]
    assert dicts[0] == pytest.approx(dict(zip(np.unique(y).tolist(), found[0].tolist(), strict=True)))


def test_what_a_graph_cannot_hold():
    register_skl2onnx(Classifier)
    fitted = Classifier("bce").fit(X, np.arange(60) % 3)
    fitted.out_activation_ = "logistic"
    with pytest.raises(TypeError, match=r"one label per sample, but .* has several: export its model by"):
        run(fitted, X)
    fitted = Classifier().fit(X, np.arange(60) % 2)
    fitted.net_.fit(X, np.zeros((60, 2)), "mse", epochs=1)
    with pytest.raises(TypeError, match="whose probabilities have no form in ONNX: train with loss='log_loss'"):
        run(fitted, X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_of_gdcore():
    estimators = pytest.importorskip("gdcore.sklearn")
    mlp = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
    fitted = [estimators.MLPRegressor(**mlp), estimators.MLPRegressor(loss="poisson", **mlp), estimators.SGDRegressor()]
    fitted += [estimators.MLPClassifier(**mlp), estimators.SGDClassifier(loss="log_loss"), estimators.SGDClassifier()]
    register_skl2onnx(*{type(each) for each in fitted})
    for each in fitted:
        for k in (2, 3):
            pipeline = make_pipeline(StandardScaler(), each).fit(X, np.arange(60) % k)
            want = pipeline.predict(X)
            found = run(pipeline, X)[0].reshape(want.shape)
            assert near(found, want, "float32"), each
