"""Models to scikit-learn and back, and estimators that gdcore can and cannot take."""

import pickle
import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import from_sklearn, to_sklearn
from gdcore.interop.scikit.forms import ACTIVATIONS, NEAREST
from interop.models import drawn, near

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.linear_model import SGDClassifier as SGDC
from sklearn.linear_model import SGDRegressor as SGDR
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from gdcore.sklearn import MLPClassifier as OwnMLPC
from gdcore.sklearn import SGDClassifier as OwnSGDC

ROWS = np.random.default_rng(0)
X = ROWS.normal(size=(90, 4))
NUMBERS = X @ ROWS.normal(size=(4, 2)) + 3
LABELS = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
TWO = np.where(LABELS == "a", "no", "yes")
MLP = {"hidden_layer_sizes": (6, 5), "max_iter": 5, "random_state": 0}
each_activation = pytest.mark.parametrize("activation", list(ACTIVATIONS.values()))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_every_activation_is_named_or_has_a_nearest_one():
    assert {*ACTIVATIONS, *NEAREST} == {row.name for row in gd.ACTIVATIONS}
    assert set(NEAREST.values()) <= set(ACTIVATIONS)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(), Lasso(0.1), ElasticNet(0.1)], ids=str)
def test_linear_regressors(estimator, k):
    y = NUMBERS[:, 0] if k == 1 else NUMBERS
    estimator = clone(estimator).fit(X, y)
    net = from_sklearn(estimator)
    assert near(net.predict(X).reshape(y.shape), estimator.predict(X), "float64")
    assert net.score(X, y) == pytest.approx(estimator.score(X, y)) or k == 2
    back = to_sklearn(net)
    assert near(back.predict(X), estimator.predict(X), "float64")


def test_without_intercept_and_sgd():
    for estimator in (LinearRegression(fit_intercept=False), SGDR(random_state=0), SGDR("huber", random_state=0)):
        estimator.fit(X, NUMBERS[:, 0])
        assert near(from_sklearn(estimator).predict(X)[:, 0], estimator.predict(X), "float64")


@pytest.mark.parametrize("y", [LABELS, TWO], ids=["three", "two"])
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        SGDC("log_loss", random_state=0),
        SGDC("hinge", random_state=0),
        SGDC("modified_huber", random_state=0),
        SGDC("perceptron", random_state=0),
    ],
    ids=str,
)
def test_linear_classifiers(estimator, y):
    estimator = clone(estimator).fit(X, y)
    net = from_sklearn(estimator)
    want = estimator.decision_function(X)
    assert near(net.predict(X).reshape(want.shape), want, "float64")
    assert (estimator.classes_[net.classify(X)] == estimator.predict(X)).all()
    assert net.score(X, np.searchsorted(estimator.classes_, y)) == pytest.approx(estimator.score(X, y))
    if net.trained_loss.target != "sign":
        assert near(net.predict_proba(X), estimator.predict_proba(X), "float64")
        assert near(to_sklearn(net, classes=estimator.classes_).predict_proba(X), estimator.predict_proba(X), "float64")
    assert (to_sklearn(net, classes=estimator.classes_).predict(X) == estimator.predict(X)).all()


CLASSIFIERS = [
    *(SGDC(loss, random_state=0) for loss in ("hinge", "squared_hinge", "perceptron", "log_loss", "squared_error")),
    *(OwnSGDC(loss, random_state=0) for loss in ("hinge", "modified_huber", "log_loss", "mse", "squared_error")),
    *(OwnMLPC((4,), loss=loss, max_iter=5, random_state=0) for loss in ("hinge", "bce", "log_loss", "mse")),
]


@pytest.mark.parametrize("y", [LABELS, TWO], ids=["three", "two"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
def test_classes_are_numbered_as_in_the_estimator(estimator, y, tmp_path):
    estimator = clone(estimator).fit(X, y)
    made = from_sklearn(estimator)
    made.save(tmp_path / "model.gdc")
    numbers = np.searchsorted(estimator.classes_, y)
    weight = np.arange(1.0, 91.0)
    for net in (made, made.copy(), pickle.loads(pickle.dumps(made)), gd.load(tmp_path / "model.gdc")):
        assert (estimator.classes_[net.classify(X)] == estimator.predict(X)).all()
        assert net.score(X, numbers) == pytest.approx(estimator.score(X, y))
        assert net.score(X, numbers, sample_weight=weight) == pytest.approx(estimator.score(X, y, weight))
        if net.trained_loss.target in ("class", "unit"):
            assert near(net.predict_proba(X), estimator.predict_proba(X), "float64")
    with pytest.raises(ValueError, match=r"y has|targets of this loss must be"):
        made.score(X, numbers + 1)


def test_a_loss_that_is_given_or_trained_with_has_its_own_targets():
    net = from_sklearn(SGDC(random_state=0).fit(X, TWO))
    assert set(net.classify(X)) == {0, 1}
    assert set(net.classify(X, loss="hinge")) == {-1, 1}
    assert net.score(X, np.where(TWO == "yes", 1, -1), loss="hinge") == net.score(X, np.where(TWO == "yes", 1, 0))
    net.fit(X, np.where(TWO == "yes", 1, -1), "hinge", epochs=1)
    assert set(net.classify(X)) == {-1, 1}
    net = from_sklearn(SGDC("log_loss", random_state=0).fit(X, LABELS))
    assert net.classify(X, loss="bce").shape == (90, 3)
    assert near(net.predict_proba(X, loss="bce"), 1 / (1 + np.exp(-net.predict(X))), "float64")
    net.reset()
    assert net.classify(X, loss="bce").shape == (90, 3)
    assert not net.stack.numbered_classes


def test_probabilities_that_are_all_0_become_equal():
    estimator = SGDC("log_loss", random_state=0).fit(X, LABELS)
    estimator.intercept_ = np.full(3, -1e4)
    estimator.coef_ = np.zeros((3, 4))
    assert near(from_sklearn(estimator).predict_proba(X), np.full((90, 3), 1 / 3), "float64")


def test_several_labels_under_a_loss_of_margins():
    Y = (NUMBERS > 3).astype(int)
    estimator = OwnMLPC((4,), loss="hinge", max_iter=5, random_state=0).fit(X, Y)
    net = from_sklearn(estimator)
    assert (np.maximum(net.classify(X), 0) == estimator.predict(X)).all()
    assert net.score(X, 2 * Y - 1) == pytest.approx(estimator.score(X, Y))


@pytest.mark.parametrize("loss", ["hinge", "modified_huber", "log_loss"])
def test_several_classes_each_compared_with_the_rest_go_back(loss):
    estimator = OwnSGDC(loss, random_state=0).fit(X, LABELS)
    back = to_sklearn(from_sklearn(estimator), classes=estimator.classes_)
    assert type(back) is SGDC
    assert back.loss == loss
    assert near(back.decision_function(X), estimator.decision_function(X), "float64")
    assert (back.predict(X) == estimator.predict(X)).all()


def test_an_answer_before_a_fit_says_that_fit_comes_first():
    for kind in (OwnSGDC, OwnMLPC):
        for name in ("net_", "trainer_", "history_"):
            with pytest.raises(AttributeError, match=f"this {kind.__name__} is not fitted yet: call fit first"):
                getattr(kind(), name)
            assert name not in vars(kind())


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_losses_of_linear_models_come_with_their_epsilon(epsilon):
    for name, loss in (
        ("squared_error", gd.MeanSquaredError()),
        ("huber", gd.Huber(epsilon or 1e-30)),
        ("epsilon_insensitive", gd.EpsilonInsensitive(epsilon)),
        ("squared_epsilon_insensitive", gd.SquaredEpsilonInsensitive(epsilon)),
    ):
        net = from_sklearn(SGDR(name, epsilon=epsilon, random_state=0).fit(X, NUMBERS[:, 0]))
        assert net.trained_loss == loss
        assert isinstance(to_sklearn(net), LinearRegression)
    for name in ("modified_huber", "perceptron"):
        net = from_sklearn(SGDC(name, random_state=0).fit(X, TWO))
        assert net.trained_loss == gd.losses.get_loss(name)
        assert to_sklearn(net, classes=np.unique(TWO)).loss == name


def test_sparse_coefficients():
    estimator = SGDC(random_state=0).fit(X, TWO).sparsify()
    assert near(from_sklearn(estimator).predict(X)[:, 0], estimator.decision_function(X), "float64")


@each_activation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_of_numbers(activation, dtype):
    rows = X.astype(dtype)
    for y in (NUMBERS, NUMBERS[:, 0]):
        estimator = MLPRegressor(activation=activation, **MLP).fit(rows, y)
        net = from_sklearn(estimator)
        assert net.dtype == dtype
        want = estimator.predict(rows)
        assert near(net.predict(rows).reshape(want.shape), want, dtype)
        back = to_sklearn(net)
        assert isinstance(back, MLPRegressor)
        assert near(back.predict(rows), want, dtype)


@each_activation
@pytest.mark.parametrize("y", [LABELS, TWO], ids=["three", "two"])
def test_networks_of_classes(activation, y):
    estimator = MLPClassifier(activation=activation, **MLP).fit(X, y)
    net = from_sklearn(estimator)
    assert near(net.predict_proba(X), estimator.predict_proba(X), "float64")
    back = to_sklearn(net, classes=estimator.classes_)
    assert near(back.predict_proba(X), estimator.predict_proba(X), "float64")
    assert (back.predict(X) == estimator.predict(X)).all()


def test_several_labels():
    Y = (NUMBERS > 3).astype(int)
    estimator = MLPClassifier(**MLP).fit(X, Y)
    net = from_sklearn(estimator)
    assert near(net.predict_proba(X), estimator.predict_proba(X), "float64")
    assert (net.classify(X) == estimator.predict(X)).all()
    assert (to_sklearn(net).predict(X) == estimator.predict(X)).all()


def test_two_outputs_of_two_classes_become_one(rng):
    for sizes in ([4, 2], [4, 5, 2]):
        net = drawn(gd.MLP(sizes, activation="tanh", dtype="float64"), rng)
        back = to_sklearn(net, loss="cross_entropy")
        assert near(back.predict_proba(X), net.predict_proba(X, loss="cross_entropy"), "float64")


def test_pipelines_and_scaled_targets():
    rows = np.abs(X) * [1, 10, 100, 0] + [0, 0, 0, 5]
    scalers = [FunctionTransformer(np.log1p), StandardScaler(), MinMaxScaler((-1, 2)), "passthrough"]
    network = TransformedTargetRegressor(MLPRegressor(**MLP), transformer=StandardScaler())
    estimator = make_pipeline(*scalers, network).fit(rows, 1000 * NUMBERS)
    net = from_sklearn(estimator)
    kinds = ["Log1p", "Standardize", "MinMax", "Dense", "Dense", "Dense", "ScaledTarget"]
    assert [type(layer).__name__ for layer in net.layers] == kinds
    other = rows + np.eye(4)[3]
    for data in (rows, other):
        assert np.allclose(net.predict(data), estimator.predict(data), rtol=1e-10)
        assert np.allclose(to_sklearn(net).predict(data), estimator.predict(data), rtol=1e-10)
    one = TransformedTargetRegressor(make_pipeline(StandardScaler(), Ridge()), transformer=StandardScaler())
    one.fit(rows, NUMBERS[:, 0])
    back = to_sklearn(from_sklearn(one))
    assert np.allclose(back.predict(rows), one.predict(rows))


def test_constant_columns_and_scalers_with_less(rng):
    net = drawn(gd.Sequential(gd.MinMax((1.0, 0.0), (1.0, 2.0), -1.0, 3.0), gd.Dense(2, 1), dtype="float64"), rng)
    rows = rng.normal(size=(9, 2))
    assert near(to_sklearn(net).predict(rows), net.predict(rows)[:, 0], "float64")
    for scaler in (StandardScaler(with_mean=False), StandardScaler(with_std=False)):
        estimator = make_pipeline(scaler, Ridge()).fit(X, NUMBERS)
        assert near(from_sklearn(estimator).predict(X), estimator.predict(X), "float64")


def test_names_of_features():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    estimator = make_pipeline(StandardScaler(), Ridge()).fit(frame, NUMBERS)
    net = from_sklearn(estimator)
    assert net.feature_names == ("a", "b", "c", "d")
    back = to_sklearn(net)
    assert list(back.feature_names_in_) == list("abcd")
    assert near(back.predict(frame), estimator.predict(frame), "float64")


def test_a_fit_of_gdcore_leaves():
    net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(4, 8, "relu"), gd.Dropout(0.2), gd.Dense(8, 3), seed=0)
    classes, y = np.unique(LABELS, return_inverse=True)
    net.fit(X, y, "cross_entropy", epochs=3)
    estimator = to_sklearn(net, classes=classes)
    assert near(estimator.predict_proba(X), net.predict_proba(X), "float32")
    assert (estimator.predict(X) == classes[net.classify(X)]).all()


def hidden(*activations, output="identity"):
    layers = [gd.Dense(2, 2, activation) for activation in activations]
    return gd.Sequential(*layers, gd.Dense(2, 2, output))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: from_sklearn(3), TypeError, "estimator must be a fitted one of scikit-learn, MLPClassifier,"),
        (lambda: from_sklearn(Ridge), TypeError, "estimator must be a fitted one"),
        (lambda: from_sklearn(Ridge()), ValueError, "Ridge is not fitted: call its fit(X, y) first"),
        (lambda: from_sklearn(MLPRegressor()), ValueError, "MLPRegressor is not fitted"),
        (lambda: from_sklearn(DecisionTreeRegressor()), TypeError, "cannot express DecisionTreeRegressor(); it can"),
        (
            lambda: from_sklearn(make_pipeline(QuantileTransformer(), Ridge())),
            TypeError,
            "cannot express the step QuantileTransformer(); it can express StandardScaler, MinMaxScaler and",
        ),
        (
            lambda: from_sklearn(make_pipeline(MinMaxScaler(clip=True), Ridge()).fit(X, NUMBERS)),
            ValueError,
            "fit it with clip=False",
        ),
        (
            lambda: to_sklearn(hidden("gelu")),
            TypeError,
            "to_sklearn cannot express layer 0, Dense(2, 2, 'gelu'); it can express one activation for all hidden "
            "layers, of identity, sigmoid, tanh, relu: the nearest is 'relu'",
        ),
        (lambda: to_sklearn(hidden("relu", "tanh")), TypeError, "cannot express layer 1, Dense(2, 2, 'tanh')"),
        (lambda: to_sklearn(hidden("relu", output="tanh")), TypeError, "an output layer without an activation"),
        (
            lambda: to_sklearn(gd.Sequential(gd.Dense(2, 2), gd.Log1p(2), gd.Dense(2, 1))),
            TypeError,
            "cannot express layer 1, Log1p(in_features=2); it can express scaling layers before the first Dense",
        ),
        (lambda: to_sklearn(gd.LinearModel(2), loss="poisson"), ValueError, "cannot express poisson"),
        (
            lambda: to_sklearn(hidden("relu"), loss="hinge"),
            ValueError,
            "cannot express Hinge() with hidden layers: for one class in each row MLPClassifier has only the log loss",
        ),
        (
            lambda: to_sklearn(gd.LinearModel(2, 3), loss="bce"),
            ValueError,
            "cannot express BinaryCrossEntropy() of 3 outputs and one layer, whose rows have several labels: train",
        ),
        (lambda: to_sklearn(gd.LinearModel(2), loss="bce", classes=[1, 2, 3]), ValueError, "expected (2,)"),
        (lambda: to_sklearn(gd.LinearModel(2), loss="bce", classes=["b", "a"]), ValueError, "must be sorted"),
        (lambda: to_sklearn(gd.LinearModel(2), classes=[0, 1]), ValueError, "the loss is one of numbers"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
