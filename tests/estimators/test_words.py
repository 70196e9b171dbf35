"""What the estimators say to users of scikit-learn's habits: names, rates, losses, and where a warning points."""

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdcore as gd
from gdcore.base.checks import short
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X, Y, YR = RNG.normal(size=(60, 4)), np.arange(60) % 2, RNG.normal(size=60)
CLASSIFIERS, REGRESSORS = [MLPClassifier, SGDClassifier], [MLPRegressor, SGDRegressor]
NETWORKS, LINEAR = [MLPClassifier, MLPRegressor], [SGDClassifier, SGDRegressor]
ALL = [*NETWORKS, *LINEAR]


def target(kind):
    return Y if kind in CLASSIFIERS else YR


def said(kind, **options):
    """Return the message of a fit's error."""
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(**options).fit(X, target(kind))
    return str(caught.value)


# Losses


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("loss", ["poisson", "Poisson", gd.Poisson()])
def test_a_loss_of_counts_is_a_regressors(kind, loss):
    first = "log_loss, mean_squared_error" if kind is MLPClassifier else "hinge, log_loss, modified_huber"
    assert said(kind, loss=loss).startswith(
        f"Poisson() takes counts, not classes: it is MLPRegressor's, loss='poisson'; {kind.__name__} takes {first}"
    )
    assert "poisson" not in said(kind, loss=loss).rpartition("takes")[2]


def test_a_loss_of_another_estimator():
    found = said(MLPClassifier, loss="squared_error")
    assert found.startswith(
        "loss='squared_error' is for MLPRegressor, SGDClassifier or SGDRegressor; MLPClassifier takes log_loss, "
    )
    for kind in REGRESSORS:
        for loss in ("log_loss", "log", "LogLoss"):
            found = said(kind, loss=loss)
            assert found.startswith(f"loss='log_loss' is for MLPClassifier or SGDClassifier; {kind.__name__} takes ")
            assert "cross_entropy" not in found
    assert "cross_entropy" not in said(SGDClassifier, loss="nonsense").replace("binary_cross_entropy", "")


def test_a_loss_that_is_none():
    assert said(MLPRegressor, loss=(5, 5)).endswith(
        ", or a loss of gdcore, got (5, 5): loss is the first argument, so pass hidden_layer_sizes=(5, 5) by name"
    )
    for kind in ALL:
        assert said(kind, loss=None).endswith(", or a loss of gdcore, got None")
        assert "loss must be a record, got the class Huber: pass Huber()" in said(kind, loss=gd.Huber)


@quiet
@pytest.mark.parametrize(
    ("kind", "name", "written"),
    [
        (MLPClassifier, {"loss": "log_loss"}, {"loss": "Log_Loss"}),
        (MLPRegressor, {"loss": "poisson"}, {"loss": "POISSON"}),
        (SGDClassifier, {"loss": "hinge"}, {"loss": "Hinge"}),
        (MLPClassifier, {"solver": "sgd"}, {"solver": "SGD"}),
        (MLPClassifier, {"solver": "adam", "beta_1": 0.5}, {"solver": "Adam", "beta_1": 0.5}),
        (MLPClassifier, {"solver": "lbfgs"}, {"solver": "LBFGS"}),
        (MLPClassifier, {"activation": "logistic"}, {"activation": "Logistic"}),
        (MLPClassifier, {"activation": "sigmoid"}, {"activation": "Sigmoid"}),
        (MLPClassifier, {"weight_init": "auto"}, {"weight_init": "Auto"}),
    ],
)
def test_a_name_in_any_case_is_the_same(kind, name, written):
    y = np.abs(YR) if kind is MLPRegressor else Y
    one, other = (kind(max_iter=4, random_state=0, **options).fit(X, y) for options in (name, written))
    assert np.array_equal(one.net_.params, other.net_.params)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_bad_loss_does_not_break_hasattr(kind):
    assert not hasattr(kind(loss="nonsense"), "predict_proba")


# Rates


@pytest.mark.parametrize("kind", ALL)
def test_a_rate_is_named(kind):
    fixed = "learning_rate_init=0.01" if kind in NETWORKS else "learning_rate='constant', eta0=0.01"
    for value in (0.01, np.float32(0.01)):
        assert said(kind, learning_rate=value).endswith(
            f"got {value!r}: it says how the rate changes; for a fixed one pass {fixed}"
        )
    assert said(kind, learning_rate="0.01").endswith(f"got '0.01': pass {fixed}")
    assert said(kind, learning_rate="adaptiv").endswith("; did you mean 'adaptive'?")
    assert said(kind, learning_rate="Constant").endswith("; did you mean 'constant'?")
    assert said(kind, learning_rate=gd.schedules.Cosine).endswith(": pass Cosine(…)")
    assert said(kind, learning_rate=gd.Adam(0.1)).endswith("solver of a network, MLPClassifier(solver=Adam(0.1))")
    for value in (None, "nan", "-inf", "-0.1", [0.1], np.array([0.1, 0.2])):
        assert said(kind, learning_rate=value).endswith(f"or a schedule, got {short(value)}")
    own = "learning_rate_init" if kind in NETWORKS else "eta0"
    for value in ("adaptive", gd.schedules.Cosine(0.1, 10)):
        assert said(kind, **{own: value}) == (
            f"{own} must be a number, got {value!r}: how the rate changes is learning_rate={value!r}"
        )


# Names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "adma"}, r"unknown solver 'adma'; known: adam, sgd, lbfgs, .*; did you mean 'adam'\?$"),
        ({"solver": "lbfg"}, r"did you mean 'lbfgs'\?$"),
        ({"solver": "l-bfgs"}, r"did you mean 'lbfgs'\?$"),
        ({"solver": None}, r"solver must be a name or a record, got None; names: adam, sgd, lbfgs"),
        ({"activation": "logistc"}, r"known: identity, logistic, tanh, relu, .*; did you mean 'logistic'\?$"),
        ({"activation": ["relu", "tnah"], "hidden_layer_sizes": (5, 5)}, r"did you mean 'tanh'\?$"),
        ({"activation": None}, r"activation must be a name or a record, got None; names: identity, logistic"),
        ({"class_weight": "balance"}, r"class_weight must be 'balanced', .*got 'balance'; did you mean 'balanced'\?$"),
    ],
)
def test_lists_have_the_names_of_scikit_learn(options, message):
    assert re.search(message, said(MLPClassifier, **options))


def test_an_average_of_a_linear_model():
    assert said(SGDClassifier, average="polyak") == (
        "average must be True, False, the number of the first update that counts, or an average such as "
        "gdcore.Polyak(), got 'polyak'"
    )


# Warnings


def lines_of(call):
    """Return file and line of each warning of a call."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return {(each.filename, each.lineno) for each in seen}


def network_that_stopped():
    model = MLPClassifier((3,), early_stopping=True, random_state=0)
    model.partial_fit(X, Y, classes=[0, 1])
    model.stopped_ = True
    return model


CALLS = [
    *(lambda kind=kind: kind(max_iter=1).fit(X, target(kind)) for kind in ALL),
    lambda: MLPClassifier(solver="lbfgs", max_iter=1).fit(X, Y),
    lambda: MLPClassifier(batch_size=999, max_iter=1).fit(X, Y),
    lambda: MLPClassifier(batch_size=999).partial_fit(X, Y, classes=[0, 1]),
    lambda: network_that_stopped().partial_fit(X, Y),
    lambda: SGDRegressor(power_t=-0.5, learning_rate="invscaling", tol=None, max_iter=2).fit(X, YR),
    *(lambda kind=kind: kind(max_iter=1).fit(X, target(kind)[:, None]) for kind in ALL),
    lambda: make_pipeline(StandardScaler(), MLPClassifier(max_iter=1)).fit(X, Y),
    lambda: GridSearchCV(SGDClassifier(max_iter=1), {"alpha": [1e-4, 1e-3]}).fit(X, Y),
    lambda: cross_val_score(MLPRegressor(max_iter=1), X, YR),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_a_warning_points_to_the_users_line(call):
    assert lines_of(call) == {(__file__, call.__code__.co_firstlineno)}


@quiet
def test_one_column_of_targets_is_taken_with_scikit_learns_warning():
    frames = pytest.importorskip("pandas")
    for kind in ALL:
        flat = kind(max_iter=3, random_state=0)
        y = target(kind)
        flat.fit(X, y)
        for column in (y[:, None], frames.DataFrame({"y": y})):
            with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
                again = kind(max_iter=3, random_state=0).fit(X, column)
            assert np.array_equal(flat.net_.params, again.net_.params)
