"""Pipelines that end in an estimator of gdcore, exported by skl2onnx and run by onnxruntime."""

import subprocess
import sys

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import from_sklearn, register_skl2onnx, to_onnx
from interop.models import drawn, near

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

import onnxruntime
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
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


def fitted_estimators():
    """Every loss with a form, every kind of solver, averages, and classes of two kinds."""
    estimators = pytest.importorskip("gdcore.sklearn")
    mlp = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
    linear = {"random_state": 0}
    yield from (estimators.MLPRegressor(**mlp), estimators.MLPRegressor(loss="poisson", **mlp))
    yield from (estimators.SGDRegressor(**linear), estimators.SGDRegressor(loss="poisson", average=True, **linear))
    yield from (estimators.MLPRegressor(loss="poisson", solver="lbfgs", **mlp), estimators.SGDClassifier(**linear))
    yield from (estimators.MLPClassifier(average=gd.EMA(0.9), **mlp), estimators.MLPClassifier(solver="lbfgs", **mlp))
    yield estimators.SGDClassifier(loss="log_loss", average=True, **linear)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_of_gdcore():
    register_skl2onnx()
    for each in fitted_estimators():
        for k in (2, 3):
            pipeline = make_pipeline(StandardScaler(), each).fit(X, np.arange(60) % k)
            want = pipeline.predict(X)
            found = run(pipeline, X)[0].reshape(want.shape)
            assert near(found, want, "float32"), each


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_to_onnx_takes_estimators_and_pipelines(dtype):
    labels = np.array(["a", "b", "é"])[np.arange(60) % 3]
    rows = StandardScaler().fit_transform(X).astype(dtype)
    for each in fitted_estimators():
        y = labels if isinstance(each, ClassifierMixin) else np.arange(60.0) % 7
        for model in (each.fit(rows, y), make_pipeline(StandardScaler(), each).fit(rows, y)):
            proto = to_onnx(model, dtype=dtype)
            found = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"X": rows})
            want = [model.predict(rows)]
            if isinstance(each, ClassifierMixin):
                several = getattr(model, "predict_proba", None) or model.decision_function
                assert (found[0] == want[0]).all()
                assert near(found[1], several(rows), "float32"), each
            else:
                assert near(found[0].reshape(60), want[0], "float32"), each


def test_to_onnx_of_an_estimator_says_what_is_missing(monkeypatch):
    with pytest.raises(NotFittedError):
        to_onnx(make_pipeline(StandardScaler()))
    fitted = StandardScaler().fit(X)
    with pytest.raises(ValueError, match=r"output='softmax' is for a gdcore\.Sequential"):
        to_onnx(fitted, output="softmax")
    assert onnxruntime.InferenceSession(to_onnx(fitted).SerializeToString()).run(None, {"X": X})[0].shape == X.shape
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"to_onnx of an estimator needs skl2onnx .*: pip install 'gdcore\[onnx\]'"):
        to_onnx(fitted)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_output_of_a_regressor_has_its_shape():
    estimators = pytest.importorskip("gdcore.sklearn")
    network = estimators.MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=3)
    for model, k in ((network, 1), (network, 2), (estimators.SGDRegressor(random_state=0), 1)):
        rows = StandardScaler().fit_transform(X)
        proto = to_onnx(make_pipeline(StandardScaler(), model).fit(rows, rows[:, 0] if k == 1 else rows[:, :k]))
        shape = proto.graph.output[0].type.tensor_type.shape
        assert shape.dim[1].dim_value == k
        assert onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"X": rows})[0].shape == (60, k)


def test_pipelines_whose_input_is_no_matrix_of_floats():
    estimators = pytest.importorskip("gdcore.sklearn")
    pandas = pytest.importorskip("pandas")
    y = np.arange(60) % 2
    way = r"call gdcore\.interop\.register_skl2onnx\(\), then skl2onnx\.to_onnx\(model, initial_types="
    linear = estimators.SGDClassifier(loss="log_loss", random_state=0)
    text = make_pipeline(TfidfVectorizer(), linear).fit(["good one", "bad thing"] * 30, y)
    with pytest.raises(TypeError, match=rf"TfidfVectorizer does not say its number of features .*: {way}"):
        to_onnx(text)
    frame = pandas.DataFrame(StandardScaler().fit_transform(X), columns=["a", "b", "c"])
    chosen = make_pipeline(ColumnTransformer([("two", StandardScaler(), ["a", "b"])]), clone(linear)).fit(frame, y)
    with pytest.raises(TypeError, match=rf"this Pipeline .* \(Unable to find column name 'a'.*\): {way}"):
        to_onnx(chosen)
    register_skl2onnx()
    types = [(name, FloatTensorType([None, 1])) for name in "abc"]
    proto = skl2onnx.to_onnx(chosen, initial_types=types, target_opset=18)
    given = {name: frame[[name]].to_numpy(np.float32) for name in "abc"}
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    assert (session.run(None, given)[0] == chosen.predict(frame)).all()


def test_a_scale_of_targets_goes_by_from_sklearn():
    estimators = pytest.importorskip("gdcore.sklearn")
    rows = StandardScaler().fit_transform(X)
    model = TransformedTargetRegressor(estimators.SGDRegressor(random_state=0), transformer=StandardScaler())
    model.fit(rows, 100 * rows[:, 0])
    with pytest.raises(
        TypeError, match=r"no converter .* to_onnx\(gdcore\.interop\.from_sklearn\(model\)\) exports it"
    ):
        to_onnx(model)
    proto = to_onnx(from_sklearn(model))
    found = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"X": rows})[0]
    assert near(found[:, 0], model.predict(rows), "float32")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_labels_under_a_loss_of_margins():
    estimators = pytest.importorskip("gdcore.sklearn")
    model = estimators.MLPClassifier((4,), loss="hinge", max_iter=2).fit(X, (X.mean(axis=0) < X).astype(int))
    with pytest.raises(TypeError, match=r"has several: export its model by to_onnx\(estimator\.net_\)"):
        to_onnx(model)


def test_importing_the_estimators_does_not_import_skl2onnx():
    code = "import sys, gdcore.sklearn, gdcore.interop; print(*{'onnx', 'skl2onnx'} & set(sys.modules))"
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout == "\n"
