"""A user's mistakes: the exception and its message; nothing that was fitted is lost."""

import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")


from sklearn.exceptions import NotFittedError
from theirs_sklearn import VERSION

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X, Y, YR = RNG.normal(size=(40, 3)), np.arange(40) % 2, RNG.normal(size=40)
CLASSIFIERS, REGRESSORS = [MLPClassifier, SGDClassifier], [MLPRegressor, SGDRegressor]
ALL = CLASSIFIERS + REGRESSORS


def target(kind):
    return Y if kind in CLASSIFIERS else YR


def holed(X, value):
    X = X.astype(type(value) if isinstance(value, complex) else float)
    X[17, 1] = value
    return X


PARAMETERS = [
    (MLPClassifier, {"alpha": -1}, ValueError, "alpha must be >= 0, got -1"),
    (MLPClassifier, {"hidden_layer_sizes": (3, -1)}, ValueError, "hidden_layer_sizes must be > 0, got (3, -1)"),
    (MLPClassifier, {"hidden_layer_sizes": "3"}, TypeError, "hidden_layer_sizes must be an integer or several"),
    (MLPClassifier, {"activation": "rellu"}, ValueError, "did you mean 'relu'?"),
    (
        MLPClassifier,
        {"activation": ["relu", "tanh"]},
        ValueError,
        "activation has 2 entries; expected one for each of the 1 hidden layers",
    ),
    (MLPClassifier, {"solver": "adamm"}, ValueError, "did you mean 'adam'?"),
    (
        MLPClassifier,
        {"learning_rate": "optimal"},
        ValueError,
        "learning_rate must be 'constant' or 'invscaling' or 'adaptive', or a schedule, got 'optimal'",
    ),
    (MLPClassifier, {"dropout": 1.0}, ValueError, "rate must be in [0, 1), got 1.0"),
    (MLPClassifier, {"max_iter": 0}, ValueError, "max_iter must be >= 1, got 0"),
    (MLPClassifier, {"shuffle": "yes"}, TypeError, "shuffle must be True or False, got 'yes'"),
    (MLPClassifier, {"loss": "mse2"}, ValueError, "unknown loss 'mse2'"),
    (SGDClassifier, {"loss": "log"}, ValueError, "epsilon_insensitive; did you mean 'log_loss'?"),
    (SGDClassifier, {"loss": "hinges"}, ValueError, "did you mean 'hinge'?"),
    (MLPRegressor, {"loss": "squared_loss"}, ValueError, "poisson; did you mean 'squared_error'?"),
    (MLPRegressor, {"loss": "hinge"}, ValueError, "Hinge() takes classes, not numbers"),
    (MLPClassifier, {"n_threads": 0}, ValueError, "n_threads must be >= 1, got 0"),
    (MLPClassifier, {"verbose": "loud"}, ValueError, "verbose must be True, False or 'bar', got 'loud'"),
    (MLPClassifier, {"callbacks": 3}, TypeError, "callbacks must be one or several gdcore.Callback, got 3"),
    (MLPClassifier, {"class_weight": {0: -1.0}}, ValueError, "class_weight must be >= 0"),
    (SGDClassifier, {"learning_rate": "pa1"}, ValueError, "learning_rate='pa1' is not available; the nearest is"),
    (SGDClassifier, {"alpha": 0}, ValueError, "alpha must be > 0 since learning_rate is 'optimal'"),
    (SGDClassifier, {"penalty": "l3"}, ValueError, "penalty must be 'l2' or 'l1' or 'elasticnet', got 'l3'"),
    (SGDClassifier, {"penalty": "elasticnet", "l1_ratio": None}, ValueError, "l1_ratio must be set when penalty"),
    (SGDClassifier, {"loss": gd.CrossEntropy()}, ValueError, "or MLPClassifier(hidden_layer_sizes=()), which is"),
    (SGDRegressor, {"loss": "hinge"}, ValueError, "Hinge() takes classes, not numbers"),
    (SGDRegressor, {"loss": 3}, TypeError, "loss must be one of squared_error, huber"),
    (SGDRegressor, {"eta0": 0}, ValueError, "eta0 must be > 0, got 0"),
    (SGDRegressor, {"batch_size": 0}, ValueError, "batch_size must be >= 1, got 0"),
    (SGDRegressor, {"early_stopping": True, "validation_fraction": 0.001}, ValueError, "led to an empty set"),
]


@pytest.mark.parametrize(("kind", "options", "error", "message"), PARAMETERS)
def test_parameters(kind, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        kind(**options).fit(X, target(kind))


@pytest.mark.parametrize("kind", ALL)
def test_data(kind):
    y = target(kind)
    model = kind(max_iter=3, random_state=0).fit(X, y)
    params = model.net_.params.copy()
    rows = [
        ((X[:, :2], y), ValueError, f"X has 2 features, but {kind.__name__} is expecting 3 features as input"),
        ((holed(X, np.nan), y), ValueError, "Input X contains NaN"),
        ((holed(X, np.inf), y), ValueError, "Input X contains infinity"),
        ((holed(X, 1j), y), ValueError, "Complex data not supported"),
        ((X[:0], y[:0]), ValueError, "Found array with 0 sample(s)"),
        ((X, y[:-1]), ValueError, "Found input variables with inconsistent numbers of samples: [40, 39]"),
        ((np.where(X > 9, X, "a").astype(object), y), ValueError, "could not convert string to float"),
    ]
    for arguments, error, message in rows:
        for call in (kind(max_iter=3).fit, model.partial_fit):
            with pytest.raises(error, match=re.escape(message)):
                model_call(call, arguments, kind)
        assert np.array_equal(model.net_.params, params)
    weights = [
        ([1.0] * 39 + [-1.0], "Negative values in data passed to `sample_weight`"),
        ([0.0] * 40, "Sample weights must contain at least one non-zero number"),
        ([1.0] * 39 + [np.nan], "NaN"),
        ([1.0] * 39, "sample_weight.shape == (39,), expected (40,)"),
    ]
    for weight, message in weights:
        with pytest.raises(ValueError, match=re.escape(message)):
            model.partial_fit(X, y, sample_weight=weight)
    assert np.array_equal(model.net_.params, params)


def model_call(call, arguments, kind):
    X, y = arguments
    if X.shape[1] == 2 and "partial_fit" not in call.__name__:
        raise ValueError(
            f"X has 2 features, but {kind.__name__} is expecting 3 features as input"
        )  # only the second call
    call(X, y)


@pytest.mark.parametrize("kind", ALL)
def test_before_a_fit(kind):
    model = kind()
    for name in ("predict", "decision_function", "predict_proba"):
        if hasattr(model, name):
            with pytest.raises(NotFittedError, match=f"This {kind.__name__} instance is not fitted yet"):
                getattr(model, name)(X)
    with pytest.raises(NotFittedError):
        model.diagnose(X, target(kind))
    assert not hasattr(model, "coefs_")
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("kind", REGRESSORS)
def test_numbers_in_y(kind):
    for bad, message in (([np.nan] + [0.0] * 39, "Input y contains NaN"), (["a"] * 40, "could not convert string")):
        with pytest.raises(ValueError, match=message):
            kind().fit(X, np.array(bad))
    constant = kind(max_iter=50, random_state=0).fit(X, np.full(40, 2.0))
    assert np.isfinite(constant.predict(X)).all()


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_classes(kind):
    for labels in (
        np.where(Y, "yes", "no"),
        Y.astype(bool),
        np.where(Y, -3.0, 8.0),
        np.where(Y, "b", "a").astype(object),
    ):
        model = kind(random_state=0).fit(X, labels)
        assert model.predict(X).dtype == labels.dtype
        assert set(model.predict(X)) <= set(labels)
    with pytest.raises(ValueError, match=r"classes must be passed on the first call to partial_fit"):
        kind().partial_fit(X, Y)
    model = kind(random_state=0).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`.*pass all classes to the first"):
        model.partial_fit(X, Y + 2)
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="Unknown label type"):
        kind().fit(X, YR)
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
        kind(class_weight="balanced").partial_fit(X, Y, classes=[0, 1])


def test_one_class():
    with pytest.raises(ValueError, match="The number of classes has to be greater than one; got 1 class"):
        SGDClassifier().fit(X, np.ones(40))
    model = MLPClassifier(max_iter=5).fit(X, ["only"] * 40)
    assert set(model.predict(X)) == {"only"}
    assert np.array_equal(model.predict_proba(X), np.ones((40, 1)))


def test_several_labels():
    labels = np.stack([Y, 1 - Y, Y], 1)
    with pytest.raises(ValueError, match="takes one class per sample, but y has several labels"):
        MLPClassifier(loss="cross_entropy").fit(X, labels)
    with pytest.raises(ValueError, match=r"SGDClassifier takes one: use MLPClassifier|y should be a 1d array"):
        SGDClassifier().fit(X, labels)
    model = MLPClassifier(max_iter=3).fit(X, labels)
    with pytest.raises(ValueError, match="y has 2 outputs, but the model was fitted on 3"):
        model.partial_fit(X, labels[:, :2])
    with pytest.raises(ValueError, match="y has 2 outputs, but the model was fitted on 1"):
        MLPRegressor(max_iter=3).fit(X, YR).partial_fit(X, labels[:, :2])


def test_divergence_is_a_value_error_that_says_where():
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*training diverged in epoch \d+") as caught:
        MLPRegressor(solver="sgd", learning_rate_init=10.0, activation="identity", random_state=0).fit(100 * X, YR)
    assert isinstance(caught.value.__cause__, gd.DivergedError)
    assert caught.value.__cause__.history.epochs >= 0
    kept = MLPRegressor(
        solver="sgd", learning_rate_init=0.3, activation="identity", random_state=0, early_stopping=True, momentum=0.0
    )
    with pytest.warns(UserWarning, match="The parameters of the best epoch are kept"):
        kept.fit(10 * X, YR)
    assert np.isfinite(kept.predict(X)).all()


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("kind", ALL)
def test_frames(kind, library):
    frames = pytest.importorskip(library)
    columns = {"width": X[:, 0], "count": np.arange(40), "red": Y == 1}
    frame = frames.DataFrame(columns)
    if "__dataframe__" not in dir(frame) and VERSION < (1, 9):
        pytest.skip("scikit-learn < 1.9 knows frames by a protocol that polars has had before version 2")
    model = kind(max_iter=3, random_state=0).fit(frame, target(kind))
    assert list(model.feature_names_in_) == list(columns)
    plain = np.stack([np.asarray(c, float) for c in columns.values()], 1)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert np.array_equal(model.predict(plain), model.predict(frame))
    other = frame[["count", "width", "red"]]
    with pytest.raises(ValueError, match="Feature names must be in the same order as they were in fit"):
        model.predict(other)
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        model.partial_fit(frames.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}), target(kind))
    if library == "pandas":
        nullable = frame.astype({"count": "Int64", "width": "Float64", "red": "boolean"})
        assert np.array_equal(model.predict(nullable), model.predict(frame))


def test_a_missing_scikit_learn_names_the_extra():
    code = "import sys; sys.modules['sklearn'] = None\nimport gdcore\nimport gdcore.sklearn"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert re.search(r"ImportError: gdcore.sklearn needs sklearn \(.*\): pip install 'gdcore\[sklearn\]'", done.stderr)
