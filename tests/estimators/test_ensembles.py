"""Estimators of several models: each is what its own fit gives, and their answers are means."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
NUMBERS = X[:, 0] - X[:, 1] ** 2
CLASSES = np.array(["a", "b", "c"])[(X[:, :2] > 0).sum(axis=1)]
WEIGHTS = RNG.integers(0, 3, 60).astype(float)


def assert_same_fit(one, other):
    np.testing.assert_array_equal(one.net_.params, other.net_.params)
    assert one.loss_curve_ == other.loss_curve_
    assert (one.n_iter_, one.t_, one.loss_, one.best_loss_) == (other.n_iter_, other.t_, other.loss_, other.best_loss_)


OPTIONS = {
    "plain": {},
    "stops": {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 60},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "batch_size": 16},
    "penalties": {"alpha": 0.5, "l1": 0.01, "clip_norm": 0.5, "dropout": 0.2},
    "average": {"average": gd.EMA(0.9)},
    "schedule": {"learning_rate": gd.schedules.Cosine(0.01, 20), "shuffle": False},
    "early_stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "lbfgs": {"solver": "lbfgs"},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
def test_each_model_is_what_its_own_fit_gives(kind, name, weighted):
    y = NUMBERS if kind is MLPRegressor else CLASSES
    weight = WEIGHTS if weighted else None
    options = {"max_iter": 15, **OPTIONS[name]}
    model = kind(hidden_layer_sizes=(5,), n_ensemble=3, random_state=7, **options).fit(X, y, sample_weight=weight)
    assert len(model.estimators_) == 3
    assert len({own.random_state for own in model.estimators_}) == 3
    for own in model.estimators_:
        alone = clone(own).fit(X, y, sample_weight=weight)
        if name == "lbfgs":
            np.testing.assert_array_equal(own.net_.params, alone.net_.params)
        else:
            assert_same_fit(own, alone)
    again = clone(model).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_predictions_are_means():
    model = MLPRegressor(hidden_layer_sizes=(5,), n_ensemble=4, max_iter=20, random_state=0).fit(
        X, np.c_[NUMBERS, X[:, 2]]
    )
    each = np.array([own.predict(X) for own in model.estimators_])
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, each.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1), rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), mean)
    counts = MLPRegressor("poisson", (5,), n_ensemble=3, max_iter=20, random_state=0)
    counts.fit(X, np.exp(X[:, 0]))
    each = np.array([own.predict(X) for own in counts.estimators_])
    np.testing.assert_allclose(counts.predict(X), each.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("y", [CLASSES, CLASSES == "a", (X[:, :2] > 0).astype(int)], ids=["three", "two", "labels"])
def test_classes_are_those_of_the_mean_probability(y):
    model = MLPClassifier((5,), n_ensemble=4, max_iter=20, random_state=0).fit(X, y)
    proba = np.mean([own.predict_proba(X) for own in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), proba, rtol=1e-6)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba), rtol=1e-5, atol=1e-6)
    expected = (proba > 0.5).astype(int) if y.ndim == 2 else model.classes_[proba.argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(X), expected)
    scores = np.mean([own.decision_function(X) for own in model.estimators_], axis=0)
    np.testing.assert_allclose(model.decision_function(X), scores, rtol=1e-5, atol=1e-6)
    margins = MLPClassifier((5,), loss="hinge", n_ensemble=3, max_iter=9, random_state=0).fit(X, CLASSES)
    np.testing.assert_array_equal(margins.predict(X), margins.classes_[margins.decision_function(X).argmax(axis=1)])


def test_a_fit_of_one_model_forgets_the_ensemble():
    model = MLPRegressor(hidden_layer_sizes=(5,), n_ensemble=3, max_iter=5, random_state=0).fit(X, NUMBERS)
    model.set_params(n_ensemble=1).fit(X, NUMBERS)
    alone = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(X, NUMBERS)
    np.testing.assert_array_equal(model.predict(X), alone.predict(X))
    assert "estimators_" not in vars(model)


def test_a_model_that_diverges_is_told():
    model = MLPRegressor(hidden_layer_sizes=(5,), n_ensemble=3, solver="sgd", learning_rate_init=1e30, random_state=0)
    with pytest.raises(ValueError, match="learning_rate_init"):
        model.fit(X, NUMBERS)


def test_a_loss_that_a_member_cannot_have_is_told():
    """As one of the ensemble's own: scikit-learn's `set_params` checks nothing."""
    model = MLPClassifier((5,), n_ensemble=2, max_iter=2, random_state=0).fit(X, CLASSES)
    model.estimators_[1].set_params(loss="log_los")
    with pytest.raises(ValueError, match="log_los"):
        model.predict(X)
    assert not hasattr(model, "predict_proba")


def test_what_an_ensemble_does_not_do(tmp_path):
    model = MLPRegressor(hidden_layer_sizes=(5,), n_ensemble=3, max_iter=5, random_state=0)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        model.partial_fit(X, NUMBERS)
    assert str(caught.value.__cause__) == "partial_fit trains one model, got n_ensemble=3: use fit"
    assert str(caught.value).endswith("has no attribute 'partial_fit': " + str(caught.value.__cause__))
    with pytest.raises(ValueError, match="warm_start=True goes on with one model, got n_ensemble=3"):
        clone(model).set_params(warm_start=True).fit(X, NUMBERS)
    with pytest.raises(ValueError, match="n_ensemble must be >= 1, got 0"):
        clone(model).set_params(n_ensemble=0).fit(X, NUMBERS)
    with pytest.raises(ValueError, match="return_std=True needs an ensemble: fit with n_ensemble=2 or more"):
        MLPRegressor(hidden_layer_sizes=(5,), max_iter=5).fit(X, NUMBERS).predict(X, return_std=True)
    model.save(tmp_path / "unfitted.gdc")
    assert gd.load(tmp_path / "unfitted.gdc").n_ensemble == 3


@pytest.mark.parametrize("option", ["plain", "average", "early_stopping", "lbfgs"])
@pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
def test_a_file_holds_all_models_of_an_ensemble(kind, option, tmp_path):
    model = kind(hidden_layer_sizes=(5,), n_ensemble=3, max_iter=5, random_state=0, **OPTIONS[option])
    y = NUMBERS if kind is MLPRegressor else CLASSES
    model.fit(X, y).save(tmp_path / "three.gdc")
    loaded = gd.load(tmp_path / "three.gdc")
    assert loaded.get_params() == model.get_params()
    assert set(vars(loaded)) == set(vars(model)) - {"_context"}
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for one, other in zip([loaded, *loaded.estimators_], [model, *model.estimators_], strict=True):
        np.testing.assert_array_equal(one.net_.params, other.net_.params)
        assert (one.n_iter_, one.t_, one.loss_) == (other.n_iter_, other.t_, other.loss_)
    if kind is MLPRegressor:
        np.testing.assert_array_equal(loaded.predict(X, return_std=True), model.predict(X, return_std=True))
    else:
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.fit(X, y).predict(X), model.predict(X))


def test_members_that_do_not_belong_together_are_refused(tmp_path):
    model = MLPClassifier((5,), n_ensemble=3, max_iter=5, random_state=0).fit(X, CLASSES)
    others = MLPClassifier((4,), max_iter=5).fit(X, CLASSES), MLPClassifier((5,), max_iter=5).fit(X, CLASSES == "a")
    for other in (
        *others,
        MLPClassifier((5,)),
        MLPRegressor(hidden_layer_sizes=(5,), max_iter=5).fit(X, NUMBERS),
        model,
    ):
        wrong = clone(model).fit(X, CLASSES)
        wrong.estimators_[1] = other
        wrong.save(tmp_path / "wrong.gdc")
        with pytest.raises(gd.FileFormatError, match="member"):
            gd.load(tmp_path / "wrong.gdc")


def test_a_part_after_an_ensemble_goes_on_with_its_first_model():
    model = MLPClassifier((5,), n_ensemble=3, max_iter=5, random_state=0).fit(X, CLASSES)
    first = model.estimators_[0]
    model.set_params(n_ensemble=1).partial_fit(X, CLASSES)
    assert "estimators_" not in vars(model)
    np.testing.assert_array_equal(model.predict_proba(X), first.predict_proba(X))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_before_a_fit_every_answer_says_so(method):
    for n_ensemble in (1, 3):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            getattr(MLPClassifier((5,), n_ensemble=n_ensemble), method)(X)
