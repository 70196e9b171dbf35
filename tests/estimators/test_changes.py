"""Parameters that change between parts and warm starts, and copies of an estimator."""

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y, YR = (X[:, 0] > 0).astype(int), X @ [1.0, 2.0, 3.0, 4.0]
CLASSIFIERS = [MLPClassifier, SGDClassifier]
NETWORKS, LINEAR = [MLPClassifier, MLPRegressor], [SGDClassifier, SGDRegressor]
ALL = [*NETWORKS, *LINEAR]


def part(model, n=1):
    """Train n parts."""
    for _ in range(n):
        kind = type(model)
        options = {"classes": [0, 1]} if kind in CLASSIFIERS else {}
        model.partial_fit(X, Y if kind in CLASSIFIERS else YR, **options)
    return model


def trained(model):
    """Return the parameters that the trainer changes."""
    return model.trainer_.model.params


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("wanted", [gd.Polyak(), gd.EMA(0.9)])
def test_an_average_that_is_switched_on(kind, wanted):
    """It is the mean of the parameters after each step from then on, and the steps are those without it."""
    off = None if kind in NETWORKS else False
    plain = part(kind(average=off, random_state=0, batch_size=60), 2)
    model = part(kind(average=off, random_state=0, batch_size=60), 2).set_params(average=wanted)
    mean = None
    for i in range(4):
        part(plain), part(model)
        now = trained(plain).astype(np.float64)
        rate = 1 / (i + 1) if isinstance(wanted, gd.Polyak) else 0.1
        mean = now if mean is None else mean + rate * (now - mean)
        assert np.array_equal(trained(plain), trained(model))
        np.testing.assert_allclose(model.net_.params, mean, rtol=1e-12)
    weights = model.coefs_[0] if kind in NETWORKS else model.coef_
    assert np.array_equal(weights.ravel(), model.net_.params[: weights.size])


@pytest.mark.parametrize("kind", ALL)
def test_an_average_that_is_switched_off(kind):
    off = None if kind in NETWORKS else False
    plain = part(kind(average=off, random_state=0), 4)
    model = part(kind(average=gd.Polyak(), random_state=0), 2)
    assert not np.array_equal(trained(model), model.net_.params)
    part(model.set_params(average=off), 2)
    assert np.array_equal(model.net_.params, plain.net_.params)
    assert model.net_ is model.trainer_.model


@pytest.mark.parametrize("kind", ALL)
def test_another_average_begins_anew_and_the_steps_go_on(kind):
    off = None if kind in NETWORKS else False
    plain, model = part(kind(average=off, random_state=0), 4), part(kind(average=gd.EMA(0.5), random_state=0), 2)
    part(model.set_params(average=gd.EMA(0.0)), 2)
    assert np.array_equal(trained(model), trained(plain))
    assert np.array_equal(model.net_.params, trained(model))  # the mean of the last step alone


@pytest.mark.parametrize("kind", NETWORKS)
def test_an_average_in_a_warm_start(kind):
    y = Y if kind in CLASSIFIERS else YR
    plain = kind(max_iter=5, warm_start=True, random_state=0).fit(X, y).fit(X, y)
    model = kind(max_iter=5, warm_start=True, random_state=0).fit(X, y).set_params(average=gd.EMA(0.0)).fit(X, y)
    assert np.array_equal(model.net_.params, plain.net_.params)
    model.set_params(average=None).fit(X, y)
    assert np.array_equal(model.net_.params, plain.fit(X, y).net_.params)


@pytest.mark.parametrize("kind", ALL)
def test_a_changed_average_outlives_a_file_and_a_pickle(kind, tmp_path):
    off = None if kind in NETWORKS else False
    model = part(part(kind(average=off, random_state=0), 2).set_params(average=gd.Polyak()))
    model.save(tmp_path / "model.gdc")
    copies = gd.load(tmp_path / "model.gdc"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)
    part(model, 2)
    for each in copies:
        assert np.array_equal(part(each, 2).net_.params, model.net_.params)


@pytest.mark.parametrize("kind", ALL)
def test_no_seed_and_a_validation_split_go_on_from_a_file(kind, tmp_path):
    """The seed that was drawn, and the rows that were held out, are in the file."""
    model = part(kind(random_state=None, early_stopping=True))
    model.save(tmp_path / "model.gdc")
    again = gd.load(tmp_path / "model.gdc")
    assert again.random_state is None
    part(model, 3), part(again, 3)
    assert np.array_equal(again.net_.params, model.net_.params)
    assert again.validation_scores_ == model.validation_scores_


def test_a_fitted_estimator_with_a_checkpoint_is_copied(tmp_path):
    model = MLPClassifier(callbacks=[gd.Checkpoint(tmp_path / "run.gdc")], max_iter=3, random_state=0).fit(X, Y)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(again.predict(X), model.predict(X))
    new = clone(model).fit(X, Y)
    assert np.array_equal(new.net_.params, model.net_.params)


def test_two_warm_fits_of_networks_are_one_and_those_of_linear_models_are_not():
    """The rate of linear models follows from `t_`, which begins anew, as in scikit-learn."""
    for kind, same in ((MLPClassifier, True), (SGDClassifier, False)):
        options = {"random_state": 0, "tol": 0.0, "warm_start": True}
        whole = kind(max_iter=4, **options).fit(X, Y)
        halves = kind(max_iter=2, **options).fit(X, Y).fit(X, Y)
        assert np.array_equal(whole.net_.params, halves.net_.params) == same


@pytest.mark.parametrize("kind", [MLPClassifier, SGDClassifier])
@pytest.mark.parametrize("number", [None, 0])
def test_a_new_fit_of_a_loaded_estimator_is_the_originals_under_a_number(kind, number, tmp_path):
    model = kind(random_state=number, max_iter=2).fit(X, Y)
    model.save(tmp_path / "model.gdc")
    again = gd.load(tmp_path / "model.gdc")
    part = [each.partial_fit(X, Y).net_.params.copy() for each in (model, again)]
    assert np.array_equal(*part)
    new = [each.fit(X, Y).net_.params.copy() for each in (model, again)]
    assert np.array_equal(*new) == (number == 0)
