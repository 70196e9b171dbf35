"""What a new user tries first, and the sentences it is answered by."""

import pickle
import re

import numpy as np
import pytest

pytest.importorskip("sklearn")

from gdcore.sklearn import MLPClassifier, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(30, 2))
Y = np.arange(30) % 3
CLASSIFIERS = pytest.mark.parametrize("kind", [MLPClassifier, SGDClassifier])


def says(text):
    return pytest.raises(ValueError, match=re.escape(text))


def test_an_array_is_assigned_to_one_layer():
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, Y)
    model.coefs_[1] = np.ones((4, 3))
    model.intercepts_[0] = [1.0, 2.0, 3.0, 4.0]
    model.intercepts_[1:] = [np.zeros(3)]
    assert np.array_equal(model.net_.params[-15:], [1.0] * 12 + [0.0] * 3)
    assert np.array_equal(model.intercepts_[0], [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)
    with says("coefs_[1] has shapes ((3,),); expected ((4, 3),)"):
        model.coefs_[1] = np.ones(3)
    assert isinstance(model.coefs_, list)
    assert np.array_equal(pickle.loads(pickle.dumps(model.coefs_))[1], np.ones((4, 3)))


@CLASSIFIERS
def test_a_warm_start_with_fewer_classes_is_refused(kind):
    model = kind(warm_start=True, max_iter=2, random_state=0).fit(X, Y)
    before = model.net_.params.copy()
    with says("warm_start can only be used where `y` has the same classes as in the previous call to fit"):
        model.fit(X[Y < 2], Y[Y < 2])
    with says("X has 1 features, but"):
        model.fit(X[:, :1], Y)
    assert np.array_equal(model.net_.params, before)
    assert model.classes_.tolist() == [0, 1, 2]


@CLASSIFIERS
def test_unknown_labels_of_validation_data(kind):
    with says("validation_data has classes [0 5], but the model knows [0 1 2]: leave the rows of other classes out of"):
        kind(early_stopping=True).fit(X, Y, validation_data=(X[:2], [0, 5]))


@CLASSIFIERS
def test_labels_of_numbers_and_text(kind):
    with says("y mixes numbers and text, such as 0 and 'a': make all labels text, for example by y.astype(str)"):
        kind().fit(X[:2], np.array([0, "a"], dtype=object))


def test_several_columns_of_numbers():
    with says("MLPRegressor takes several columns.") as error:
        SGDRegressor().fit(X, X)
    assert "argmax" not in str(error.value)
    with says("classes as columns of 0 and 1 are y.argmax(axis=1)."):
        SGDClassifier().fit(X, np.eye(3, dtype=int)[Y][:, :2])


@pytest.mark.parametrize("name", ["L2", "L1", "ElasticNet"])
def test_names_of_penalties_in_any_case(name):
    fits = [SGDClassifier(penalty=each, random_state=0).fit(X, Y).net_.params for each in (name, name.lower())]
    assert np.array_equal(*fits)


def test_no_penalty_is_none_without_quotes():
    with says("penalty must be 'l2' or 'l1' or 'elasticnet', or None, got 'none': pass penalty=None"):
        SGDRegressor(penalty="none").fit(X, Y)
