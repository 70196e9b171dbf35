"""The same numbers as scikit-learn's own estimators, where both make the same steps."""

import doctest
import importlib
import pkgutil
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import linear_model, neural_network
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import scale
from theirs_sklearn import since

import gdcore.sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = load_breast_cancer(return_X_y=True)
X, Y = scale(CANCER[0])[::3], CANCER[1][::3]
DIGITS = load_digits(return_X_y=True)
X3, Y3 = DIGITS[0][:150] / 16, DIGITS[1][:150]
DIABETES = load_diabetes(return_X_y=True)
XR, YR = scale(DIABETES[0])[::3], scale(DIABETES[1])[::3]
SETS = {
    "binary": ("MLPClassifier", X, Y),
    "multiclass": ("MLPClassifier", X3, Y3),
    "numbers": ("MLPRegressor", XR, YR),
    "multilabel": ("MLPClassifier", X, np.stack([Y, X[:, 0] > 0, X[:, 1] > 0], 1).astype(int)),
    "outputs": ("MLPRegressor", XR, np.stack([YR, XR[:, 0] ** 2], 1)),
    "counts": ("MLPRegressor", XR, np.floor(YR - YR.min())),
}
KINDS = [
    pytest.param(kind, marks=since(1, 7, "MLPRegressor has a loss")) if kind == "counts" else kind for kind in SETS
]


EPSILON = 1e-16
"""So small that it does not matter that scikit-learn's Adam does not correct it for the bias of the first steps."""


def both(name, X, y, module=neural_network, **options):
    return [getattr(place, name)(random_state=3, **options).fit(X, y) for place in (ours, module)]


def parameters(model):
    return np.concatenate([np.ravel(a) for a in [*model.coefs_, *model.intercepts_]])


def linear_parameters(model):
    return np.append(model.coef_.ravel(), model.intercept_)


# Perceptrons


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {"solver": "adam", "alpha": 0.3, "epsilon": EPSILON},
        {"solver": "sgd", "alpha": 0.3, "learning_rate_init": 0.01},
        {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling", "momentum": 0.0},
        {"solver": "adam", "alpha": 0.0, "batch_size": 60, "learning_rate_init": 0.01, "epsilon": EPSILON},
    ],
)
def test_perceptrons_make_the_steps_of_scikit_learns(kind, activation, options):
    name, X, y = SETS[kind]
    loss = {"loss": "poisson"} if kind == "counts" else {}
    mine, theirs = both(name, X, y, activation=activation, shuffle=False, max_iter=5, **options, **loss)
    np.testing.assert_allclose(parameters(mine), parameters(theirs), rtol=1e-6, atol=2e-6)
    # theirs has the penalty before each step, ours that after the epoch: the change of 5 small epochs lies between
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=0.06)
    assert (mine.n_iter_, mine.t_, mine.n_layers_, mine.out_activation_) == (
        theirs.n_iter_,
        theirs.t_,
        theirs.n_layers_,
        theirs.out_activation_,
    )
    np.testing.assert_allclose(mine.predict(X), theirs.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_reported_losses_are_scikit_learns(kind):
    name, X, y = SETS[kind]
    loss = {"loss": "poisson"} if kind == "counts" else {}
    mine, theirs = both(name, X, y, alpha=0.0, shuffle=False, max_iter=4, epsilon=EPSILON, **loss)
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert mine.best_loss_ == pytest.approx(theirs.best_loss_, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_lbfgs_goes_where_scikit_learns_goes(kind):
    name, X, y = SETS[kind]
    loss = {"loss": "poisson"} if kind == "counts" else {}
    mine, theirs = both(name, X, y, solver="lbfgs", alpha=1.0, max_iter=6, hidden_layer_sizes=(5,), **loss)
    assert mine.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(parameters(mine), parameters(theirs), rtol=1e-4, atol=1e-5)
    if kind != "outputs":  # theirs reports the mean over the outputs and minimizes the sum
        assert mine.loss_ == pytest.approx(theirs.loss_, rel=1e-5)


@pytest.mark.parametrize("batch_size", ["auto", 50])
def test_lbfgs_divides_alpha_by_all_rows(batch_size):
    """Whatever the batches of the other solvers, and with more rows than one of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = (X[:, 0] + rng.normal(size=500) > 0).astype(int)
    options = {"solver": "lbfgs", "alpha": 10.0, "hidden_layer_sizes": (4,), "max_iter": 20, "batch_size": batch_size}
    mine, theirs = both("MLPClassifier", X, y, **options)
    assert mine.n_iter_ == theirs.n_iter_
    assert mine.loss_ == pytest.approx(theirs.loss_, rel=1e-6)
    np.testing.assert_allclose(parameters(mine), parameters(theirs), rtol=1e-4, atol=1e-5)


def test_probabilities_are_scikit_learns():
    for kind in ("binary", "multiclass", "multilabel"):
        _, X, y = SETS[kind]
        mine, theirs = both("MLPClassifier", X, y, max_iter=3, shuffle=False, epsilon=EPSILON)
        np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
        np.testing.assert_allclose(mine.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-5)
        scores = mine.decision_function(X)
        assert scores.shape == (len(X),) if kind == "binary" else scores.shape == mine.predict_proba(X).shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_parameters_are_those_that_scikit_learn_draws(dtype):
    for activation in ("relu", "logistic"):
        options = {"activation": activation, "hidden_layer_sizes": (7, 5), "solver": "sgd", "learning_rate_init": 1e-30}
        mine, theirs = both("MLPClassifier", X3.astype(dtype), Y3, max_iter=1, **options)
        assert np.array_equal(parameters(mine), parameters(theirs))
        assert parameters(mine).dtype == dtype


@since(1, 8, "before it, eta0 of SGDClassifier was 0 by default")
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor"])
def test_parameters_and_defaults_are_scikit_learns(name):
    module = neural_network if name.startswith("MLP") else linear_model
    mine, theirs = getattr(ours, name)().get_params(), getattr(module, name)().get_params()
    assert {key: mine[key] for key in theirs} == theirs


# Linear models


RATES = [
    {"learning_rate": "constant", "eta0": 0.002},
    {"learning_rate": "optimal", "alpha": 0.01},
    {"learning_rate": "invscaling", "eta0": 0.01, "power_t": 0.3},
    {"learning_rate": "adaptive", "eta0": 0.01, "max_iter": 60, "tol": 1e-2},
    {"learning_rate": "constant", "eta0": 0.002, "average": 20},
    {"learning_rate": "constant", "eta0": 0.002, "penalty": None, "fit_intercept": False},
]
STEEP = {"squared_hinge", "modified_huber", "squared_error", "squared_epsilon_insensitive"}
"""Under the large first rates of "optimal" these leap so far that roundoff grows to anything."""
LOSSES = [
    "hinge",
    "log_loss",
    "modified_huber",
    "squared_hinge",
    "perceptron",
    "squared_error",
    "huber",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
]


@pytest.mark.parametrize("rate", RATES, ids=repr)
@pytest.mark.parametrize("loss", LOSSES)
def test_linear_classifiers_make_the_steps_of_scikit_learns(loss, rate):
    if loss in STEEP | {"huber"} and rate["learning_rate"] == "optimal":
        rate = {**rate, "alpha": 1e4}
    for data, several in (((X, Y), False), ((X3, Y3), True)):
        if several and rate["learning_rate"] == "adaptive":
            continue  # the rate of all classes falls together
        mine, theirs = both(
            "SGDClassifier", *data, linear_model, loss=loss, shuffle=False, **{"max_iter": 3, "tol": None, **rate}
        )
        assert (mine.n_iter_, mine.t_) == (theirs.n_iter_, theirs.t_)
        size = max(1.0, np.abs(theirs.coef_).max())
        np.testing.assert_allclose(linear_parameters(mine), linear_parameters(theirs), rtol=1e-6, atol=1e-7 * size)
        np.testing.assert_allclose(
            mine.decision_function(data[0]), theirs.decision_function(data[0]), rtol=1e-5, atol=1e-5 * size
        )
        if loss in ("log_loss", "modified_huber"):
            np.testing.assert_allclose(mine.predict_proba(data[0]), theirs.predict_proba(data[0]), atol=1e-5)


@pytest.mark.parametrize("rate", RATES, ids=repr)
@pytest.mark.parametrize("loss", LOSSES[5:])
def test_linear_regressions_make_the_steps_of_scikit_learns(loss, rate):
    if rate["learning_rate"] == "optimal":
        rate = {**rate, "alpha": 1e4}
    mine, theirs = both("SGDRegressor", XR, YR, linear_model, loss=loss, shuffle=False, **rate)
    assert mine.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(linear_parameters(mine), linear_parameters(theirs), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("rate", [rate for rate in RATES if "average" not in rate], ids=repr)
@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_linear_models_under_l1_make_the_steps_of_scikit_learns(penalty, rate):
    """With its zeros: the penalty is cumulative. Only its averages are of the coefficients before the penalty."""
    for name, loss, data in (
        ("SGDClassifier", "log_loss", (X, Y)),
        ("SGDClassifier", "hinge", (X3, Y3)),
        ("SGDRegressor", "huber", (XR, YR)),
    ):
        options = {**rate, "penalty": penalty, "loss": loss, "shuffle": False, "max_iter": 4, "tol": None}
        strength = 100.0 if name == "SGDRegressor" and rate["learning_rate"] == "optimal" else 0.05
        mine, theirs = both(name, *data, linear_model, **{"alpha": strength, **options})
        size = np.abs(theirs.coef_).max()
        np.testing.assert_allclose(linear_parameters(mine), linear_parameters(theirs), rtol=1e-8, atol=1e-9 * size)
        np.testing.assert_array_equal(mine.coef_ == 0, theirs.coef_ == 0)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_l1_comes_to_the_same_minimum(penalty):
    options = {"penalty": penalty, "alpha": 0.1, "tol": None, "max_iter": 300, "eta0": 0.01}
    mine, theirs = both("SGDRegressor", XR, YR, linear_model, **options)
    np.testing.assert_allclose(mine.coef_, theirs.coef_, atol=0.02)
    assert penalty == "elasticnet" or (mine.coef_ == 0).any()


def test_parts_go_on_like_scikit_learns():
    models = []
    for place in (ours, linear_model):
        model = place.SGDClassifier(loss="log_loss", shuffle=False, random_state=0)
        for rows in (slice(0, 50), slice(50, 120), slice(120, None)):
            model.partial_fit(X[rows], Y[rows], classes=[0, 1])
        models.append(model)
    np.testing.assert_allclose(models[0].coef_, models[1].coef_, rtol=1e-7)
    assert models[0].t_ == models[1].t_


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(ours.__path__)])
def test_examples_in_docstrings(module):
    failed, _ = doctest.testmod(importlib.import_module(f"gdcore.sklearn.{module}"))
    assert not failed


def test_accuracy_after_whole_fits():
    for kind in ("binary", "multiclass", "numbers"):
        name, X, y = SETS[kind]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mine, theirs = both(name, X[::2], y[::2], early_stopping=True, max_iter=400)
        assert mine.score(X[1::2], y[1::2]) > theirs.score(X[1::2], y[1::2]) - 0.1


def test_rates_of_an_epoch_are_those_of_its_steps():
    from gdcore.schedules import Cosine, ReduceOnPlateau
    from gdcore.sklearn.rates import Optimal, PowerOfUpdates, Scaled, scaled

    for rate in (Optimal(2.0, 0.01), PowerOfUpdates(0.1, 0.25), PowerOfUpdates(0.1, 0.0), Scaled(0.5, Cosine(0.1, 90))):
        np.testing.assert_allclose(rate.rates(7, 50), [rate(step) for step in range(7, 57)], rtol=1e-15)
        assert (rate.per, rate.horizon() > 0) == ("step", True)
    assert scaled(ReduceOnPlateau(0.2, min_rate=0.1), 0.5) == ReduceOnPlateau(0.1, min_rate=0.05)
    assert scaled(Cosine(0.1, 9), 1.0) == Cosine(0.1, 9)
