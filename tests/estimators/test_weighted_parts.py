"""Weights in `partial_fit` of linear models count relative to 1, as scikit-learn's do."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_matrix
from sklearn import linear_model
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale
from theirs_sklearn import since

import gdcore.sklearn as ours

IRIS = load_iris(return_X_y=True)
ORDER = np.random.default_rng(1).permutation(120)
X, Y = scale(IRIS[0])[ORDER], IRIS[1][ORDER]
XR, YR = (scale(a)[:120] for a in load_diabetes(return_X_y=True))
WEIGHT = np.random.default_rng(0).uniform(0.1, 5.0, 120)
CONSTANT = {"learning_rate": "constant", "eta0": 0.01, "shuffle": False, "random_state": 0}
SIZES = pytest.mark.parametrize("size", [1, 10, 120])
FORMS = pytest.mark.parametrize("form", [np.asarray, csr_matrix], ids=["dense", "sparse"])


def in_parts(model, X, y, size, weight=None, **first):
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        part = {} if weight is None else {"sample_weight": weight[rows]}
        model.partial_fit(X[rows], y[rows], **part, **(first if start == 0 else {}))
    return np.append(model.coef_.ravel(), model.intercept_)


def both(name, *data, options, **first):
    made = [getattr(place, name)(**CONSTANT, **options) for place in (ours, linear_model)]
    return [in_parts(model, *data, **first) for model in made]


@FORMS
@SIZES
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{"loss": "log_loss"}, {"loss": "hinge", "penalty": None}], ids=repr)
def test_sample_weights_of_classifiers_are_scikit_learns(options, n_classes, size, form):
    rows = n_classes > Y
    data = form(X[rows]), Y[rows], size, WEIGHT[rows]
    mine, theirs = both("SGDClassifier", *data, options=options, classes=range(n_classes))
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@FORMS
@SIZES
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights_of_two_classes_are_scikit_learns(weighted, size, form):
    rows = Y < 2
    data = form(X[rows]), Y[rows], size, WEIGHT[rows] if weighted else None
    options = {"loss": "log_loss", "class_weight": {0: 0.25, 1: 7.0}}
    mine, theirs = both("SGDClassifier", *data, options=options, classes=[0, 1])
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@FORMS
@SIZES
@pytest.mark.parametrize("options", [{}, {"loss": "epsilon_insensitive", "average": 3}], ids=repr)
def test_sample_weights_of_regressors_are_scikit_learns(options, size, form):
    mine, theirs = both("SGDRegressor", form(XR), YR, size, WEIGHT, options=options)
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@SIZES
def test_class_weights_of_several_classes_weigh_the_rows_of_a_class(size):
    """scikit-learn's weigh the positive class of each comparison only, so theirs are not compared."""
    kind, options = ours.SGDClassifier, {**CONSTANT, "loss": "log_loss"}
    factors = np.array([0.5, 1.0, 4.0])
    by_class = in_parts(kind(**options, class_weight=dict(enumerate(factors))), X, Y, size, classes=[0, 1, 2])
    by_row = in_parts(kind(**options), X, Y, size, factors[Y], classes=[0, 1, 2])
    assert np.array_equal(by_class, by_row)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_weight_multiplies_the_step_in_batches_of_any_size(size):
    """Also where a batch holds all rows of its part."""
    moves = []
    for w in (1.0, 3.0):
        model = ours.SGDRegressor(**CONSTANT, penalty=None, batch_size=size)
        moves.append(in_parts(model, XR[:size], YR[:size], size, np.full(size, w)))
    np.testing.assert_allclose(moves[1], 3 * moves[0], rtol=1e-12)


@pytest.mark.parametrize("name", ["SGDClassifier", "MLPClassifier"])
def test_a_part_of_rows_without_weight_changes_nothing(name):
    model = getattr(ours, name)(class_weight={0: 0.0}, random_state=0)
    first = model.partial_fit(X[Y == 0][:1], [0], classes=[0, 1]).net_.params.copy()
    assert (model.n_iter_, model.predict(X).shape) == (0, (120,))
    moved = model.partial_fit(X[Y == 1][:1], [1]).net_.params.copy()
    assert not np.array_equal(moved, first)
    assert np.array_equal(model.partial_fit(X[Y == 0][:5], [0] * 5).net_.params, moved)
    with pytest.raises(ValueError, match="class_weight must be > 0 for at least one class of y"):
        model.set_params(class_weight={0: 0.0, 1: 0.0}).fit(X[Y < 2], Y[Y < 2])


def test_single_rows_in_float32():
    data = X[Y < 2].astype(np.float32), Y[Y < 2], 1, WEIGHT[Y < 2]
    mine, theirs = both("SGDClassifier", *data, options={"loss": "log_loss"}, classes=[0, 1])
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@since(1, 7, "before it, partial_fit of networks took no weights")
def test_weights_of_networks_are_relative_to_the_mean_of_a_part_in_one_batch():
    from sklearn import neural_network

    made = []
    for place in (ours, neural_network):
        model = place.MLPClassifier((5,), solver="sgd", learning_rate_init=0.01, shuffle=False, random_state=0)
        for rows in (slice(0, 1), slice(1, 11), slice(11, 120)):
            model.partial_fit(X[rows], Y[rows], classes=[0, 1, 2], sample_weight=WEIGHT[rows])
        made.append(np.concatenate([np.ravel(a) for a in [*model.coefs_, *model.intercepts_]]))
    np.testing.assert_allclose(*made, rtol=1e-6, atol=1e-9)
