"""A fit with weights ends where the weighted mean is least, whatever its batches; and what it measures on the way."""

import numpy as np
import pytest

import gdcore as gd

LOGISTIC = (0.97496918, 0.970535, -1.09927485)
"""scikit-learn 1.9.1: LogisticRegression(C=inf, class_weight="balanced", tol=1e-12) on `rare_class()`."""
PLAIN = (1.014, 1.108, -4.059)
"""The same without class weights."""
SOFTMAX = ((-0.39039544, 1.02655506, -0.63615962), (-0.54817504, -0.32618454, 0.87435959))
"""scikit-learn 1.9.1: coef_.T of LogisticRegression(C=1 / (0.01 * 600), class_weight="balanced", tol=1e-12)."""


def rare_class():
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.05).astype(int)
    return rng.normal(size=(2000, 2)) + 1.2 * y[:, None], y


def three_classes():
    rng = np.random.default_rng(1)
    y = rng.choice(3, 600, p=[0.8, 0.15, 0.05])
    return rng.normal(size=(600, 2)) + np.array([[0, 0], [1.5, 0], [0, 1.5]])[y], y


def averaged_fit(net, X, y, loss, batch_size, rate, epochs=60, **options):
    """Steps of a rate that falls, and the mean of the second half's parameters."""
    steps = epochs * -(-len(X) // batch_size)
    optimizer = gd.SGD(gd.schedules.Polynomial(rate * min(1, batch_size / 32), steps))
    return net.fit(
        X,
        y,
        loss=loss,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        average=gd.Polyak(start=steps // 2),
        **options,
    )


@pytest.mark.parametrize(("batch_size", "epochs"), [(1, 40), (8, 40), (32, 60), (2000, 3000)])
def test_balanced_classes_end_where_scikit_learn_does(batch_size, epochs):
    net = gd.LinearModel(2, dtype="float64", weight_init="zeros", seed=0)
    averaged_fit(net, *rare_class(), "bce", batch_size, 0.5, epochs, class_weight="balanced")
    np.testing.assert_allclose(net.params, LOGISTIC, atol=0.03)
    assert np.abs(net.params - PLAIN).max() > 2


@pytest.mark.parametrize("batch_size", [1, 8, 32, 600])
def test_balanced_softmax_with_a_penalty_ends_where_scikit_learn_does(batch_size):
    """The penalty's strength beside the weighted mean does not depend on the batch either."""
    net = gd.LinearModel(2, 3, dtype="float64", weight_init="zeros", seed=0)
    options = {"l2": 0.01, "class_weight": "balanced"}
    averaged_fit(net, *three_classes(), "cross_entropy", batch_size, 0.5, 1500 if batch_size == 600 else 150, **options)
    np.testing.assert_allclose(dict(net.parameters())["dense0.weight"], SOFTMAX, atol=0.03)


@pytest.mark.parametrize("batch_size", [1, 8, 32, 200])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_weighted_least_squares(batch_size, l2):
    """mean_w (x a + b - y)^2 + l2 / 2 a^2, which is closed; weights fall with x, so that the plain line is another."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, 200)
    y, weight = np.exp(x) + 0.1 * rng.normal(size=200), 10.0 ** (-2 * x)
    A, share = np.c_[x, np.ones(200)], weight / weight.sum()
    normal = 2 * A.T @ (share[:, None] * A) + np.diag([l2, 0])
    want = np.linalg.solve(normal, 2 * A.T @ (share * y))
    plain = np.linalg.solve(2 * A.T @ A / 200 + np.diag([l2, 0]), 2 * A.T @ y / 200)
    net = gd.LinearModel(1, dtype="float64", weight_init="zeros", seed=0)
    averaged_fit(net, x[:, None], y, "mse", batch_size, 0.5, 400, sample_weight=weight, l2=l2)
    assert np.linalg.norm(net.params - want) < 0.03 * np.linalg.norm(want - plain)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 10])
def test_at_the_weighted_optimum_the_epochs_mean_gradient_is_nothing(batch_size):
    rng = np.random.default_rng(3)
    X, y, weight = rng.normal(size=(40, 2)), rng.normal(size=40), 10 ** rng.uniform(-1, 1, 40)
    root = np.sqrt(weight)[:, None]
    net = gd.LinearModel(2, dtype="float64", seed=0)
    net.params = np.linalg.lstsq(root * np.c_[X, np.ones(40)], root[:, 0] * y, rcond=None)[0]
    for of in ("epoch", "full"):
        stop = gd.GradientNormThreshold(1e-13, of=of)
        trainer = gd.Trainer(net, "mse", gd.SGD(1e-30), batch_size=batch_size)
        assert "converged" in trainer.fit(X, y, epochs=1, sample_weight=weight, stop=stop).stop_reason


@pytest.mark.parametrize("batch_size", [1, 2])
def test_means_of_two_numbers(batch_size):
    for y, weight, want in (([0.0, 1.0], [1.0, 9.0], 0.9), ([1.0, -1.0], [1.0, 0.001], 0.998002)):
        net = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64", seed=0)
        options = {"epochs": 20_000, "batch_size": batch_size, "sample_weight": weight}
        net.fit(np.ones((2, 1)), y, loss="mse", optimizer=gd.SGD(gd.schedules.InverseScaling(0.25, 0.7)), **options)
        assert net.params[0] == pytest.approx(want, abs=2e-4)


def test_a_method_over_all_data_ends_there_too():
    pytest.importorskip("scipy")
    net = gd.LinearModel(2, dtype="float64", weight_init="zeros", seed=0)
    X, y = rare_class()
    history = net.fit(X, y, loss="bce", optimizer="lbfgs", epochs=200, class_weight="balanced", validation_data=(X, y))
    np.testing.assert_allclose(net.params, LOGISTIC, atol=1e-4)
    assert history.val_loss[-1] == pytest.approx(history.loss[-1], rel=1e-6)


FIXED = {"optimizer": gd.SGD(1e-30), "epochs": 1, "loss": "bce"}


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 0.5, 1: 7.0}, {1: 0.0}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights_are_in_both_losses_and_in_no_metric(class_weight, weighted):
    """Of the same rows, training and validation say the same; metrics say what they say without class weights."""
    X, y = rare_class()
    weight = np.random.default_rng(0).random(len(X)) if weighted else None
    net = gd.LinearModel(2, dtype="float64", seed=0)
    given = {"metrics": "accuracy", "validation_data": (X, y), "sample_weight": weight, **FIXED}
    found = net.fit(X, y, class_weight=class_weight, **given)
    want = net.fit(X, y, **given)
    assert found.metrics == want.metrics
    own = np.ones(len(X)) if weight is None else weight
    if class_weight is None:
        factor = {0: 1, 1: 1}
    elif class_weight == "balanced":
        factor = {c: own.sum() / (2 * own[y == c].sum()) for c in (0, 1)}
    else:
        factor = {0: 1.0, 1: 1.0, **class_weight}
    by_class = np.where(y == 1, factor[1], factor[0])
    assert found.loss == [pytest.approx(net.loss(X, y, "bce", sample_weight=own * by_class), rel=1e-12)]
    assert found.val_loss == [pytest.approx(net.loss(X, y, "bce", sample_weight=by_class), rel=1e-12)]
    if not weighted:
        assert found.loss == pytest.approx(found.val_loss, rel=1e-12)
        assert found.metrics["accuracy"] == found.metrics["val_accuracy"]


def test_balanced_weights_of_validation_data_are_those_of_the_training_data():
    X, y = rare_class()
    rows = np.r_[np.flatnonzero(y)[:30], np.flatnonzero(y == 0)[:30]]
    net = gd.LinearModel(2, dtype="float64", seed=0)
    history = net.fit(X, y, class_weight="balanced", validation_data=(X[rows], y[rows]), **FIXED)
    weight = len(y) / (2 * np.bincount(y)[y[rows]])
    assert history.val_loss == [pytest.approx(net.loss(X[rows], y[rows], "bce", sample_weight=weight), rel=1e-12)]


def test_validation_data_whose_classes_have_no_weight_are_refused_before_training():
    X, y = rare_class()
    net = gd.LinearModel(2, seed=0)
    kept = net.params.copy()
    with pytest.raises(ValueError, match="validation_data: class_weight leaves no sample with a weight above 0"):
        net.fit(X, y, loss="bce", class_weight={1: 0}, validation_data=(X[y == 1], y[y == 1]))
    with pytest.raises(ValueError, match="class_weight makes weights that sum to inf; expected a sum from 1e-280"):
        net.fit(X, y, loss="bce", class_weight={1: 1e60})
    np.testing.assert_array_equal(net.params, kept)
