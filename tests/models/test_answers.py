"""Probabilities, classes, evaluation and score, by the loss that a model was trained with."""

import copy
import pickle

import numpy as np
import pytest

import gdcore as gd

DTYPES = ("float32", "float64")
LOSSES_OF_CLASSES = ("cross_entropy", "bce", "hinge", "squared_hinge", "modified_huber", "perceptron")


def problem(rng, k, n=40):
    X = rng.normal(size=(n, 4))
    return gd.MLP([4, 6, k], "tanh", seed=1, dtype="float64"), X


def target_of(loss, rng, n, k):
    """Targets that go with a loss of k outputs."""
    kind = loss.target
    if kind == "class":
        return rng.integers(0, k, n)
    y = rng.normal(size=(n, k))
    if kind == "real":
        return y
    if kind == "nonnegative":
        return rng.poisson(2.0, (n, k)).astype(float)
    return (y > 0) * 1.0 if kind == "unit" else np.sign(y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 0])
def test_softmax_is_the_definition_and_stable(rng, dtype, axis):
    z = rng.normal(size=(5, 7)).astype(dtype)
    powers = np.exp(z.astype(np.longdouble))
    found = gd.softmax(z, axis)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, powers / powers.sum(axis=axis, keepdims=True), rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(gd.softmax(z + np.array(1e4, dtype), axis).sum(axis=axis), 1, rtol=1e-6)
    edge = gd.softmax(np.array([[3e38, 0.0], [-np.inf, 0.0], [-3e38, -3e38]], dtype))
    np.testing.assert_array_equal(edge, [[1, 0], [0, 1], [0.5, 0.5]])
    assert np.isnan(gd.softmax(np.array([np.inf, 0.0], dtype))).any()
    assert np.isnan(gd.softmax(np.array([np.nan, 0.0], dtype))).all()


def test_softmax_takes_lists_and_refuses_what_has_none():
    np.testing.assert_allclose(gd.softmax([0, 0, 0, 0]), [0.25] * 4)
    for bad, axis, error, message in (
        (["a"], -1, TypeError, "outputs has dtype <U1; expected real numbers"),
        (1.0, -1, ValueError, r"axis must be an axis of the outputs' shape \(\), got -1"),
        ([1.0], 1, ValueError, "got 1"),
        (np.ones((3, 0)), -1, ValueError, "at least one entry along axis -1"),
    ):
        with pytest.raises(error, match=message):
            gd.softmax(bad, axis)


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_of_classes_are_the_softmax(rng, dtype):
    net, X = problem(rng, 3)
    net = net.astype(dtype)
    net.fit(X, rng.integers(0, 3, 40), "cross_entropy", epochs=2)
    p = net.predict_proba(X)
    assert (p.shape, p.dtype) == ((40, 3), np.dtype(dtype))
    np.testing.assert_array_equal(p, gd.softmax(net.predict(X)))
    np.testing.assert_array_equal(net.classify(X), net.predict(X).argmax(axis=1))
    y = net.classify(X)
    assert net.loss(X, y, "cross_entropy") == pytest.approx(-np.log(p[np.arange(40), y]).mean(), rel=1e-5)


def test_probabilities_of_one_question_are_those_of_0_and_1(rng):
    net, X = problem(rng, 1)
    y = (X[:, 0] > 0) * 1
    net.fit(X, y, "bce", optimizer=gd.Adam(0.03), epochs=50)
    p = net.predict_proba(X)
    assert p.shape == (40, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-net.predict(X)[:, 0])), rtol=1e-12)
    np.testing.assert_array_equal(net.classify(X), (p[:, 1] > 0.5) * 1)
    assert net.score(X, y) == (net.classify(X) == y).mean() > 0.9
    assert net.loss(X, y, "bce") == pytest.approx(-np.log(p[np.arange(40), y]).mean())
    net.params[:] *= 1e3
    assert (net.predict_proba(X) >= 0).all()


def test_several_questions_have_a_probability_each(rng):
    net, X = problem(rng, 3)
    y = (rng.normal(size=(40, 3)) > 0) * 1
    net.fit(X, y, "bce", epochs=3)
    p, said = net.predict_proba(X), net.classify(X)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-net.predict(X))), rtol=1e-12)
    np.testing.assert_array_equal(said, (p > 0.5) * 1)
    assert net.score(X, y) == (said == y).all(axis=1).mean()  # as accuracy_score of several labels
    assert net.evaluate(X, y, "binary_accuracy")["binary_accuracy"] == pytest.approx((said == y).mean())


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "modified_huber", "perceptron"])
def test_margins_have_classes_and_no_probabilities(rng, loss, k):
    net, X = problem(rng, k)
    y = np.sign(rng.normal(size=(40, k)))
    net.fit(X, y, loss, epochs=2)
    with pytest.raises(ValueError, match=rf"got '{loss}'; its outputs are margins: ask classify"):
        net.predict_proba(X)
    assert set(np.unique(net.classify(X))) <= {-1, 1}
    assert net.classify(X).shape == ((40,) if k == 1 else (40, 2))
    assert net.score(X, y) == (np.where(net.predict(X) > 0, 1, -1) == y).all(axis=1).mean()


@pytest.mark.parametrize("kind", gd.LOSSES)
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_loss_evaluates_and_scores(rng, kind, k, weighted):
    loss = kind()
    if loss.target == "class" and k == 1:
        pytest.skip("needs several outputs")
    net, X = problem(rng, k)
    y = target_of(loss, rng, 40, k)
    weight = rng.random(40) if weighted else None
    net.fit(X, y, loss, epochs=2)
    assert net.evaluate(X, y, sample_weight=weight) == {"loss": net.loss(X, y, loss, sample_weight=weight)}
    assert net.score(X, y, sample_weight=weight) == net.score(X, y, loss=loss, sample_weight=weight) <= 1
    copies = np.arange(40) % 3
    repeated = net.score(X.repeat(copies, axis=0), y.repeat(copies, axis=0))
    assert net.score(X, y, sample_weight=copies) == pytest.approx(repeated, rel=1e-12)


def test_scores_are_scikit_learns(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    net, X = problem(rng, 2)
    y, counts, weight = rng.normal(size=(40, 2)), rng.poisson(3.0, (40, 1)).astype(float), rng.random(40)
    assert net.score(X, y, loss="mae", sample_weight=weight) == pytest.approx(
        metrics.r2_score(y, net.predict(X), sample_weight=weight), rel=1e-12
    )
    one, _ = problem(rng, 1)
    assert one.score(X, counts, loss="poisson", sample_weight=weight) == pytest.approx(
        metrics.d2_tweedie_score(counts[:, 0], np.exp(one.predict(X)[:, 0]), power=1, sample_weight=weight), rel=1e-12
    )
    answers = (y > 0) * 1
    assert net.score(X, answers, loss="bce") == metrics.accuracy_score(answers, net.classify(X, loss="bce"))


def test_the_loss_is_remembered_copied_and_pickled(rng):
    net, X = problem(rng, 3)
    y = rng.integers(0, 3, 40)
    for call in (net.predict_proba, net.classify):
        with pytest.raises(ValueError, match="goes by the loss, but this model was not trained: call fit first"):
            call(X)
    with pytest.raises(ValueError, match="score goes by the loss"):
        net.score(X, y)
    np.testing.assert_array_equal(net.predict_proba(X, loss="cross_entropy"), gd.softmax(net.predict(X)))
    trainer = gd.Trainer(net, gd.CrossEntropy(0.1))
    assert net.trained_loss == gd.CrossEntropy(0.1)
    for twin in (
        net.copy(),
        net.astype("float32"),
        pickle.loads(pickle.dumps(net)),
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(trainer)).model,
    ):
        assert twin.trained_loss == gd.CrossEntropy(0.1)
    gd.Trainer(net, "mse")
    with pytest.raises(ValueError, match="got 'mean_squared_error'; it has no classes: ask predict"):
        net.predict_proba(X)
    with pytest.raises(ValueError, match=r"classify needs a loss of classes .*ask predict for its numbers"):
        net.classify(X)
    net.reset()
    assert net.trained_loss is None


def test_a_custom_loss_evaluates_and_has_neither_classes_nor_score(rng):
    net, X = problem(rng, 1)

    def mine(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / outputs.size

    y = rng.normal(size=(40, 1))
    net.fit(X, y, mine, epochs=1)
    assert net.evaluate(X, y, {"worst": lambda z, y: abs(z - y).max()}) == {
        "loss": pytest.approx(net.loss(X, y, "mse")),
        "worst": pytest.approx(abs(net.predict(X) - y).max()),
    }
    for call, message in (
        (lambda: net.score(X, y), "score knows no measure for the custom loss mine: pass metrics to evaluate"),
        (lambda: net.classify(X), "got mine"),
        (lambda: net.predict_proba(X), "got mine"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert pickle.loads(pickle.dumps(net)).trained_loss is None  # a function may not be pickled
    assert net.copy().trained_loss is mine


def test_evaluate_refuses_what_does_not_go_together(rng):
    net, X = problem(rng, 2)
    y = rng.normal(size=(40, 2))
    for metrics, message in (("top_k", "k of"), ({"loss": "mae"}, "called 'loss'"), ("binary_accuracy", "2 outputs")):
        with pytest.raises(ValueError, match=message):
            net.evaluate(X, y, metrics, loss="mse")
    with pytest.raises(ValueError, match="X has 3 features"):
        net.evaluate(X[:, :3], y, loss="mse")
