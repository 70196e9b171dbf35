"""The objective: its values and derivatives are the model's, at any parameters, and no model is ever written."""

from dataclasses import replace

import numpy as np
import pytest
from cases import RECORDS, draw_targets

import gdcore as gd
from gdcore.data.samples import Samples
from gdcore.objective.build import objective_of
from gdcore.objective.objective import Objective

DTYPES = ["float32", "float64"]
ROWS = 9


def mse(z, y):
    return float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size


def problem(loss=None, dtype="float64", dropout=0.0, seed=0):
    """A network, samples and options that leave no part of the objective out."""
    rng = np.random.default_rng(seed)
    layers = gd.Dense(3, 5, "tanh", l2=0.3), *[gd.Dropout(dropout)] * bool(dropout), gd.Dense(5, 2, l1=0.2)
    net = gd.Sequential(*layers, dtype=dtype, seed=seed)
    kind = loss if isinstance(loss, gd.losses.Loss) else gd.MeanSquaredError()
    options = {"l1": 0.05, "l2": 0.1}
    if isinstance(loss, gd.losses.Loss):
        options["sample_weight"] = rng.random(ROWS)
    return net, rng.normal(size=(ROWS, 3)), draw_targets(kind, rng, ROWS, 2), options


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [*RECORDS, mse], ids=str)
def test_it_is_what_the_model_says_at_any_parameters(loss, dtype):
    net, X, y, options = problem(loss, dtype, dropout=0.4)
    objective = objective_of(net.stack, X, y, loss, **options)
    other = net.copy()
    other.params *= 0.5
    for seed in (None, 3):
        mine = objective.with_dropout(seed)
        for model, x in ((net, None), (other, other.params)):
            value, grad = model.loss_and_grad(X, y, loss, dropout_seed=seed, **options)
            assert mine.value(x) == value == model.loss(X, y, loss, dropout_seed=seed, **options)
            np.testing.assert_array_equal(mine.gradient(x), grad)
            written = np.full_like(grad, np.nan)
            assert mine.write_gradient(written, x) == value
            np.testing.assert_array_equal(written, grad)
            found = mine.value_and_gradient(x)
            assert found[0] == value
            assert found[1].dtype == dtype
        moved = mine.at(other.params)
        assert moved.value() == mine.value(other.params)
        np.testing.assert_array_equal(moved.x, other.params)
    weight = {"sample_weight": options.get("sample_weight")}
    assert objective.mean_loss() == net.evaluate(X, y, loss=loss, **weight)["loss"]
    assert objective.mean_loss(other.params) == other.evaluate(X, y, loss=loss, **weight)["loss"]


@pytest.mark.parametrize("loss", RECORDS, ids=str)
def test_a_known_loss_and_the_same_in_python_have_one_curvature(loss):
    """Without dropout and without l1, on whose kinks some weights stand."""
    net, X, y, _ = problem(loss, dropout=0.4)
    net.params[::3] = 0
    known = objective_of(net.stack, X, y, loss, None, 0.05, 0.1)

    def own(z, targets):
        return known.loss_of(z)

    v = np.random.default_rng(1).normal(size=net.n_params)
    python = replace(known, loss=own)
    assert python.value() == pytest.approx(known.value(), rel=1e-14)
    product = net.hessian_vector(X, y, loss, v, l2=0.1)
    for key in (0, 5):
        np.testing.assert_allclose(replace(python, key=key).hessian_vector(v), product, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(replace(known, key=key).hessian_vector(v), product)
        np.testing.assert_array_equal(replace(known, key=key).hessian()(v), product)


METHODS = {
    "mean_loss": lambda objective, x: objective.mean_loss(x),
    "value": lambda objective, x: objective.value(x),
    "gradient": lambda objective, x: objective.gradient(x),
    "value_and_gradient": lambda objective, x: objective.value_and_gradient(x),
    "write_gradient": lambda objective, x: objective.write_gradient(np.zeros_like(x), x),
    "hessian_vector": lambda objective, x: objective.hessian_vector(x),
    "hessian": lambda objective, x: objective.hessian()(x),
    "loss_of": lambda objective, x: objective.loss_of(objective.layer_outputs()[-1]),
    "at": lambda objective, x: objective.at(x).value_and_gradient(),
    "wide": lambda objective, x: objective.wide().value_and_gradient(x),
    "probe": lambda objective, x: objective.probe().value(),
    "penalties": lambda objective, x: objective.penalties(),
}


def test_every_method_is_tried():
    public = {name for name in vars(Objective) if not name.startswith("_") and callable(getattr(Objective, name))}
    assert public - {"with_dropout", "layer_outputs"} == set(METHODS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["known", "Python", "raises at once", "raises later"])
@pytest.mark.parametrize("method", METHODS)
def test_no_method_writes_the_model(method, loss, dtype):
    """Neither afterwards nor while the loss is called, where others may look at it."""
    net, X, y, options = problem(None, dtype, dropout=0.4)
    kept, calls = net.params.copy(), 0

    def watching(z, targets):
        nonlocal calls
        calls += 1
        np.testing.assert_array_equal(net.params, kept)
        if loss == "raises at once" or (loss == "raises later" and calls == 2):
            raise RuntimeError("the user's own")
        return mse(z, targets)

    objective = objective_of(net.stack, X, y, "mse" if loss == "known" else watching, **options).with_dropout(7)
    for _ in range(2):
        try:
            METHODS[method](objective, np.full_like(kept, 0.25))
        except RuntimeError:
            assert "raises" in loss
        np.testing.assert_array_equal(net.params.view(np.uint8), kept.view(np.uint8))


CALLS = {
    "loss": lambda net, *data: net.loss(*data),
    "loss_and_grad": lambda net, *data: net.loss_and_grad(*data, dropout_seed=1),
    "check_gradients": lambda net, *data: gd.check_gradients(net, *data),
    "check_gradients of inputs": lambda net, *data: gd.check_gradients(net, *data, wrt="inputs"),
    "check_gradients of products": lambda net, *data: gd.check_gradients(
        net, *data, order=2, grad=lambda v: np.zeros_like(v)
    ),
    "diagnose": lambda net, *data: gd.diagnose(net, *data, optimizer="sgd"),
    "learning_rate_bound": lambda net, *data: gd.learning_rate_bound(net, *data),
    "find_learning_rate": lambda net, *data: gd.find_learning_rate(net, *data, steps=10),
    "loss_function": lambda net, *data: gd.plot.loss_function(net, *data)(np.ones(net.n_params)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("after", [0, 1, 5, 40, 10**9])
@pytest.mark.parametrize("call", CALLS)
def test_no_trial_is_left_in_a_model_whose_loss_raises(call, after, dtype):
    net, X, y, _ = problem(None, dtype)
    kept, calls = net.params.copy(), 0

    def raising(z, targets):
        nonlocal calls
        calls += 1
        if calls > after:
            raise RuntimeError("the user's own")
        np.testing.assert_array_equal(net.params, kept)
        return mse(z, targets)

    try:
        CALLS[call](net, X, y, raising)
    except RuntimeError:
        assert calls == after + 1
    np.testing.assert_array_equal(net.params.view(np.uint8), kept.view(np.uint8))


def test_two_trials_do_not_meet():
    """Moved objectives have stacks of their own, and a trial changes no objective."""
    net, X, y, options = problem()
    objective = objective_of(net.stack, X, y, "mse", **options)
    first, second = objective.at(np.zeros(net.n_params)), objective.at(np.ones(net.n_params))
    values = first.value(), second.value(), objective.value()
    assert objective.value(np.full(net.n_params, 2.0)) not in values
    assert (first.value(), second.value(), objective.value()) == values
    assert values[:2] == (objective.value(np.zeros(net.n_params)), objective.value(np.ones(net.n_params)))


def test_it_follows_the_models_own_parameters():
    """An objective of a model's stack reads it: what it says changes when the model is trained."""
    net, X, y, options = problem()
    objective = objective_of(net.stack, X, y, "mse", **options)
    net.fit(X, y, "mse", epochs=2)
    assert objective.value() == net.loss(X, y, "mse", **options)
    assert objective.value(net.params) == objective.value()


@pytest.mark.parametrize("of_model", [True, False])
def test_without_a_loss_it_is_its_penalties(of_model):
    net, X, y, options = problem()
    whole = objective_of(net.stack, X, y, "mse", **(options if of_model else {}))
    alone = replace(whole, loss=None)
    assert alone.mean_loss() == 0
    assert alone.value() == pytest.approx(whole.value() - whole.mean_loss(), rel=1e-12)
    l1, l2 = alone.penalties()
    expected = float(np.sum(l1 * np.abs(net.params) + l2 / 2 * net.params**2))
    assert alone.value() == pytest.approx(expected, rel=1e-14)
    grad = np.full(net.n_params, np.nan)
    alone.write_gradient(grad)
    np.testing.assert_allclose(grad, l1 * np.sign(net.params) + l2 * net.params, rtol=1e-14)
    np.testing.assert_allclose(alone.hessian_vector(np.ones(net.n_params)), l2, atol=1e-10)
    value, slopes = alone.loss_of(np.ones((ROWS, 2)))
    assert value == 0
    assert not slopes.any()


def test_the_wide_one_has_standardized_targets_and_the_given_numbers():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), 1e3 + 50 * rng.normal(size=20)
    net = gd.Sequential(gd.Dense(2, 1), gd.ScaledTarget.from_data(y), seed=0)
    for dtype in (None, "float64"):
        wide = objective_of(net.stack, X, y, "mse", dtype=dtype).wide()
        assert wide.stack.dtype == wide.data.X.dtype == wide.data.targets.dtype == wide.gradient().dtype == "float64"
        assert wide.stack.target_scale is None
        np.testing.assert_array_equal(wide.data.X, X.astype("float32") if dtype is None else X)
        assert wide.value() == pytest.approx(net.loss(X, y, "mse"), rel=1e-5)
        np.testing.assert_array_equal(wide.x, net.params)


def test_outputs_of_layers_and_their_loss():
    net, X, y, _ = problem(None, dropout=0.4)
    objective = objective_of(net.stack, X, y, "mse")
    assert [found.shape for found in objective.layer_outputs()] == [(ROWS, 5), (ROWS, 2)]
    np.testing.assert_array_equal(objective.layer_outputs()[-1], net.predict(X))
    value, slopes = objective.loss_of(net.predict(X))
    assert value == pytest.approx(objective.mean_loss(), rel=1e-14)
    np.testing.assert_allclose(slopes, 2 * (net.predict(X) - y) / y.size, rtol=1e-14)
    dropped = objective.with_dropout(2)
    assert len(dropped.layer_outputs()) == 3
    assert dropped.loss_of(dropped.layer_outputs()[-1])[0] == pytest.approx(dropped.mean_loss(), rel=1e-14)


@pytest.mark.parametrize(
    ("labels", "target", "y", "expected"),
    [([1, 0], None, None, [1, 0]), (None, [[1.0], [2.0]], None, [[1.0], [2.0]]), (None, None, [3, 4], [3, 4])],
)
def test_targets_in_the_form_of_the_samples(labels, target, y, expected):
    arrays = [None if given is None else np.array(given) for given in (target, labels)]
    data = Samples(np.zeros((2, 1)), *arrays, None, y)
    np.testing.assert_array_equal(data.targets, expected)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"loss": "mes"}, ValueError, "did you mean 'mse'"),
        ({"X": np.zeros((ROWS, 4))}, ValueError, "X has 4 features, but the model expects 3"),
        ({"l1": -1}, ValueError, "l1 must be >= 0, got -1"),
        ({"l2": np.inf}, ValueError, "l2 must be"),
    ],
)
def test_what_a_user_passes_is_checked(changes, error, message):
    net, X, y, _ = problem()
    with pytest.raises(error, match=message):
        objective_of(net.stack, **({"X": X, "y": y, "loss": "mse"} | changes))
