"""What a user of scikit-learn tries first, and passes by mistake: each message says what to do."""

import re

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.model_selection import GridSearchCV, cross_val_predict

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y, YR = (X[:, 0] > 0).astype(int), X @ [1.0, 2.0, 3.0, 4.0]
NAMES = np.array(["no", "yes"])[Y]
CLASSIFIERS, REGRESSORS = [MLPClassifier, SGDClassifier], [MLPRegressor, SGDRegressor]
NETWORKS = [MLPClassifier, MLPRegressor]
ALL = [*CLASSIFIERS, *REGRESSORS]


def target(kind):
    return Y if kind in CLASSIFIERS else YR


def said(call, *arguments, **options):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("kind", ALL)
def test_text_in_a_column_is_named(kind):
    pandas = pytest.importorskip("pandas")
    remedy = ": encode it, for example by a OneHotEncoder in a ColumnTransformer, or leave it out"
    for column in (pandas.Categorical(NAMES), NAMES):
        frame = pandas.DataFrame({"width": X[:, 0], "colour": column})
        found = said(kind().fit, frame, target(kind))
        assert found.startswith("could not convert string to float: ")
        assert found.endswith(f" in column 'colour' of X{remedy}")
    plain = np.array([[1.0, "a"]] * 60, object)
    assert said(kind().fit, plain, target(kind)).endswith(f" in column 1 of X{remedy}")
    model = kind(max_iter=2).fit(X[:, :2], target(kind))
    assert said(model.predict, plain).endswith(f" in column 1 of X{remedy}")


@pytest.mark.parametrize("kind", REGRESSORS)
def test_names_of_classes_in_a_regressor(kind):
    for y in (NAMES, NAMES.tolist(), NAMES.astype(object)):
        assert re.search(
            r"could not convert string to float: .* in y: use a classifier for names of", said(kind().fit, X, y)
        )


@pytest.mark.parametrize("kind", REGRESSORS)
def test_no_names_at_all_in_a_regressor(kind):
    assert said(kind().fit, X[:0], NAMES[:0]).startswith("Found array with 0 sample(s)")


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_label_that_is_missing(kind):
    y = NAMES.astype(object)
    y[3] = None
    for given in (y, y.tolist()):
        assert said(kind().fit, X, given) == "Input y contains None in row 3: leave the row out, or give it a label"


@pytest.mark.parametrize("kind", [SGDClassifier, SGDRegressor])
def test_several_columns_in_a_linear_model(kind):
    found = said(kind().fit, X, np.eye(2)[Y])
    end = "MLPRegressor takes several columns."
    if kind is SGDClassifier:
        end = "MLPClassifier takes several columns; classes as columns of 0 and 1 are y.argmax(axis=1)."
    assert found.startswith("y should be a 1d array, got an array of shape (60, 2) instead.")
    assert found.endswith(f" instead. {end}")


@pytest.mark.parametrize("kind", ALL)
def test_validation_data_are_named(kind):
    y = target(kind)
    fit = kind(max_iter=2).fit
    found = said(fit, X, y, validation_data=(X[:, :2], y))
    assert found.startswith(f"in validation_data: X has 2 features, but {kind.__name__} is expecting 4 features")
    assert said(fit, X, y, validation_data=(X, y, y)).endswith("got a tuple of length 3: its rows have no weights")
    if kind in CLASSIFIERS:
        assert said(fit, X, y, validation_data=(X, y + 1)).startswith("validation_data has classes [1 2], but")


@pytest.mark.parametrize("kind", NETWORKS)
def test_nothing_to_hold_out(kind):
    found = said(kind(early_stopping=True, validation_fraction=0).fit, X, target(kind))
    assert found == "validation_fraction must be > 0 with early_stopping, got 0: pass 0.1, or validation_data to fit"


@pytest.mark.parametrize("kind", ALL)
def test_callbacks_that_are_none(kind):
    def function(state):
        """Do nothing."""

    rows = [
        (gd.EarlyStopping(), "got EarlyStopping(): early_stopping, tol and n_iter_no_change say when a fit ends"),
        ([gd.EarlyStopping()], "got [EarlyStopping()]: early_stopping, tol and n_iter_no_change say when a fit ends"),
        ([function], ": derive a class from gdcore.Callback, whose on_epoch_end is called after each epoch"),
        (function, ": derive a class from gdcore.Callback, whose on_epoch_end is called after each epoch"),
        (3, "callbacks must be one or several gdcore.Callback, got 3"),
    ]
    for value, end in rows:
        assert said(kind(callbacks=value).fit, X, target(kind)).endswith(end)


def test_scikit_learns_callbacks_have_a_method_of_their_own():
    theirs = type("ProgressBar", (), {"__module__": "sklearn.callback._progressbar"})()
    assert said(MLPClassifier(callbacks=[theirs]).fit, X, Y).endswith(": pass scikit-learn's own to set_callbacks")


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_lbfgs_makes_no_use_of(kind, tmp_path):
    used = {
        "dropout": 0.5,
        "average": gd.EMA(),
        "clip_norm": 1.0,
        "clip_value": 1.0,
        "metrics": "mae",
        "callbacks": gd.Checkpoint(tmp_path / "run.gdc"),
    }
    y = target(kind)
    for name, value in used.items():
        message = f"^lbfgs takes all data at once, and makes no use of {name}: leave it out, or use solver='adam'$"
        with pytest.warns(UserWarning, match=message):
            kind(solver="lbfgs", max_iter=3, **{name: value}).fit(X, y)
    with pytest.warns(UserWarning, match="makes no use of validation_data"):
        kind(solver="lbfgs", max_iter=3).fit(X, y, validation_data=(X, y))
    kind(solver="lbfgs", max_iter=3, early_stopping=True, dropout=0.0).fit(X, y)  # no warning, as in scikit-learn


def reason(model, name):
    with pytest.raises(AttributeError) as caught:
        getattr(model, name)
    assert str(caught.value).endswith(f" has no attribute {name!r}: {caught.value.__cause__}")  # the last line says it
    return str(caught.value.__cause__)


def test_a_method_that_is_not_there_says_why():
    assert "lbfgs takes all data at once: use 'adam'" in reason(MLPClassifier(solver="lbfgs"), "partial_fit")
    for model in (MLPClassifier(loss="mse"), SGDClassifier()):
        for name in ("predict_proba", "predict_log_proba"):
            assert reason(model, name) == f"probability estimates are not available for loss={model.loss!r}"


@pytest.mark.parametrize(
    ("model", "y", "scale", "rate", "words"),
    [
        (MLPRegressor(solver="sgd", random_state=0), YR, 1e6, "0.001", "a smaller learning_rate_init"),
        (SGDRegressor(learning_rate="constant", eta0=1e160, random_state=0), YR, 1.0, "1e+160", "a smaller eta0"),
        (SGDClassifier(), Y, 1e200, "10", "learning_rate='constant' with a smaller eta0"),
    ],
)
def test_a_fit_that_diverges_names_the_users_rate(model, y, scale, rate, words):
    found = said(model.fit, scale * X, y)
    where = rf"In detail: training diverged in epoch \d+, batch \d+: .* at a rate of {re.escape(rate)}; try "
    assert re.search(where, found)
    assert f"; try {words}, clip_norm, or inputs on one scale; diagnose(X, y) tells which rates are possible" in found
    assert "diverging" in model.diagnose(scale * X, y).kinds


def test_usual_calls_work():
    proba = cross_val_predict(MLPClassifier(max_iter=20, random_state=0), X, NAMES, method="predict_proba")
    assert np.allclose(proba.sum(axis=1), 1)
    losses = {"loss": ["squared_error", "huber", gd.Quantile(0.5)]}
    found = GridSearchCV(MLPRegressor(max_iter=20, random_state=0), losses).fit(X, YR)
    assert found.best_params_["loss"] in losses["loss"]
    model = SGDClassifier(max_iter=20, random_state=0).fit(X.tolist(), NAMES.tolist())
    assert model.predict(X[:1].tolist())[0] in ("no", "yes")
