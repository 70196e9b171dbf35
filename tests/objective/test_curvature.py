"""Products with the Hessian: against differences of gradients, against closed forms, and in both precisions."""

import numpy as np
import pytest
import reference
from cases import RECORDS, draw_targets

import gdcore as gd

ACTIVATIONS = [row.name for row in gd.ACTIVATIONS]


def problem(activation, loss, sizes=(3, 5, 4, 2), rows=70, seed=0, dtype="float64"):
    rng = np.random.default_rng([seed, *map(ord, activation)])
    net = gd.MLP(sizes, activation, dtype=dtype, seed=seed)
    net.params += 0.2 * rng.normal(size=net.n_params).astype(dtype)
    return net, rng.normal(size=(rows, sizes[0])), draw_targets(loss, rng, rows, sizes[-1]), rng.random(rows)


@pytest.mark.parametrize("loss", RECORDS, ids=repr)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_differences_of_gradients(activation, loss, isa):
    """Central differences are off by h^2, unless a kink lies within h: then two steps disagree."""
    sizes = ((3, 2), (4, 6, 2), (3, 5, 4, 2))[len(repr(loss)) % 3]
    net, X, y, weight = problem(activation, loss, sizes)
    v = np.random.default_rng(1).normal(size=net.n_params)
    product, kept, numeric = net.hessian_vector(X, y, loss, v, sample_weight=weight, l2=0.1), net.params.copy(), {}
    for h in (1e-5, 1e-6):
        grads = []
        for sign in (1, -1):
            net.params = kept + sign * h * v
            grads.append(net.loss_and_grad(X, y, loss, sample_weight=weight, l2=0.1)[1])
        numeric[h] = (grads[0] - grads[1]) / (2 * h)
    assert np.abs(numeric[1e-6] - numeric[1e-5]).max() < 1e-6, "a kink lies within the step: take another seed"
    np.testing.assert_allclose(product, numeric[1e-5], atol=1e-7 * max(1, np.abs(product).max()))


@pytest.mark.parametrize("loss", RECORDS, ids=repr)
def test_it_is_linear_and_symmetric(loss):
    for activation in ("gelu", "elu"):
        net, X, y, _ = problem(activation, loss)
        u, v = np.random.default_rng(2).normal(size=(2, net.n_params))

        def product(w, net=net, X=X, y=y):
            return net.hessian_vector(X, y, loss, w, l2=0.3)

        size = np.linalg.norm(product(u)) * np.linalg.norm(v)
        assert u @ product(v) == pytest.approx(v @ product(u), abs=1e-13 * size)
        np.testing.assert_allclose(product(u - 2 * v), product(u) - 2 * product(v), atol=1e-13 * size)


def test_least_squares_have_a_constant_hessian():
    """2 X^T X / n for one output, a column of ones standing for the bias; penalties are the weights' alone."""
    rng = np.random.default_rng(0)
    net, X, weight = gd.LinearModel(4, dtype="float64"), rng.normal(size=(150, 4)), rng.random(150)
    with_ones = np.hstack([X, np.ones((150, 1))])
    share = weight / weight.sum()
    hessian = 2 * with_ones.T @ (share[:, None] * with_ones) + 0.7 * np.diag([1, 1, 1, 1, 0])
    columns = [net.hessian_vector(X, rng.normal(size=150), "mse", e, sample_weight=weight, l2=0.7) for e in np.eye(5)]
    np.testing.assert_allclose(np.array(columns), hessian, rtol=1e-12, atol=1e-14)


def test_softmax_regression():
    """Of one sample: x_i x_k (p_j [j = l] - p_j p_l)."""
    net = gd.LinearModel(2, 3, bias=False, dtype="float64", seed=0)
    x = np.array([[0.5, -2.0]])
    z = net.predict(x)[0]
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    hessian = np.kron(np.outer(x, x), np.diag(p) - np.outer(p, p))
    columns = [net.hessian_vector(x, [1], "cross_entropy", e) for e in np.eye(6)]
    np.testing.assert_allclose(np.array(columns), hessian, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_agrees_with_float64(activation, isa):
    for loss in (gd.MeanSquaredError(), gd.CrossEntropy()):
        net, X, y, _ = problem(activation, loss, dtype="float32")
        X, y = X.astype(np.float32), y if y.ndim == 1 else y.astype(np.float32)
        v = np.random.default_rng(3).normal(size=net.n_params).astype(np.float32)
        product, wide = net.hessian_vector(X, y, loss, v), net.astype("float64").hessian_vector(X, y, loss, v)
        assert product.dtype == np.float32
        np.testing.assert_allclose(product, wide, atol=100 * np.finfo(np.float32).eps * np.abs(wide).max())


def test_kinks_have_no_curvature():
    """relu at 0, |z - y| at 0 and hinge at its corner: the product is finite, and what the smooth pieces make it."""
    net = gd.LinearModel(1, bias=False, dtype="float64", weight_init="ones")
    for loss, x, y, want in (
        ("mae", 2.0, 2.0, 0),
        ("quantile", 2.0, 2.0, 0),
        ("huber", 2.0, 1.0, 0),
        ("huber", 2.0, 1.5, 4),
        ("hinge", 1.0, 1.0, 0),
        ("squared_hinge", 1.0, 1.0, 0),
        ("squared_hinge", 0.5, 1.0, 0.5),
        ("mse", 2.0, 2.0, 8),
        ("modified_huber", 1.0, 1.0, 0),
        ("modified_huber", 0.5, 1.0, 0.5),
        ("modified_huber", 1.0, -1.0, 0),
        ("modified_huber", 0.5, -1.0, 0.5),
        ("modified_huber", 2.0, -1.0, 0),
        ("perceptron", 0.0, 1.0, 0),
        (gd.EpsilonInsensitive(0.5), 2.0, 1.5, 0),
        (gd.SquaredEpsilonInsensitive(0.5), 2.0, 1.5, 0),
        (gd.SquaredEpsilonInsensitive(0.5), 2.0, 2.0, 0),
        (gd.SquaredEpsilonInsensitive(0.5), 2.0, 1.0, 8),
        (gd.SquaredEpsilonInsensitive(0.0), 2.0, 2.0, 8),
    ):
        assert net.hessian_vector([[x]], [y], loss, [1.0])[0] == want
    for activation in ("relu", "leaky_relu", "elu", "selu"):
        flat = gd.MLP([1, 1, 1], activation, dtype="float64", seed=0)
        slope, v = reference.ACTIVATIONS[activation](np.zeros(1))[1][0], flat.params[2]
        inner = 2 * v * slope * (v * slope + 1) - 2 * slope  # of the first bias; its own second derivative is 0
        found = flat.hessian_vector([[0.0]], [1.0], "mse", np.ones(flat.n_params))
        np.testing.assert_allclose(found, [0, inner, -2 * slope, 2 * (v * slope + 1)], rtol=1e-14)


def test_nothing_is_changed():
    net, X, y, weight = problem("tanh", gd.MeanSquaredError())
    v = np.ones(net.n_params)
    kept = [part.copy() for part in (net.params, X, y, weight, v)]
    first = net.hessian_vector(X, y, "mse", v, sample_weight=weight)
    np.testing.assert_array_equal(first, net.hessian_vector(X, y, "mse", v, sample_weight=weight))
    for part, copy in zip((net.params, X, y, weight, v), kept, strict=True):
        np.testing.assert_array_equal(part, copy)


NET = gd.MLP([3, 4, 2], "tanh", dtype="float64", seed=0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"v": np.ones(3)}, ValueError, r"v has shape \(3,\); expected \(26,\)"),
        ({"v": np.full(26, np.nan)}, ValueError, "v contains NaN"),
        ({"X": np.ones((2, 5))}, ValueError, "X has 5 features"),
        ({"loss": lambda z, y: (0.0, 0 * z)}, TypeError, "loss must be a Loss, such as 'mean_squared_error'"),
        ({"loss": "nonsense"}, ValueError, "loss"),
        ({"l2": -1.0}, ValueError, "l2 must be >= 0"),
    ],
)
def test_wrong_arguments_are_refused(change, error, message):
    given = {"X": np.ones((2, 3)), "y": np.ones((2, 2)), "loss": "mse", "v": np.ones(26), "l2": 0.0} | change
    with pytest.raises(error, match=message):
        NET.hessian_vector(given["X"], given["y"], given["loss"], given["v"], l2=given["l2"])


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_scaling_layers_bend_and_stretch(activation, isa):
    """Before and between dense layers: against differences of gradients."""
    rng = np.random.default_rng(4)
    X, y = 1 + rng.random((70, 3)), rng.normal(size=(70, 2))
    net = gd.Sequential(
        gd.Log1p(3),
        gd.Standardize.from_data(X),
        gd.Dense(3, 5, activation),
        gd.MinMax((-1.0,) * 5, (2.0,) * 5),
        gd.Dense(5, 4, "sigmoid"),
        gd.Log1p(4),
        gd.Dense(4, 2, "tanh"),
        dtype="float64",
        seed=0,
    )
    v, h = rng.normal(size=net.n_params), 1e-5
    product, kept, grads = net.hessian_vector(X, y, "mse", v, l2=0.1), net.params.copy(), []
    for sign in (1, -1):
        net.params = kept + sign * h * v
        grads.append(net.loss_and_grad(X, y, "mse", l2=0.1)[1])
    np.testing.assert_allclose(product, (grads[0] - grads[1]) / (2 * h), atol=1e-7 * np.abs(product).max())


def test_dropout_is_left_out():
    layers = gd.Dense(3, 4, "tanh"), gd.Dropout(0.5), gd.Dense(4, 2)
    with_it, without = (gd.Sequential(*some, dtype="float64", seed=0) for some in (layers, layers[::2]))
    rng = np.random.default_rng(0)
    X, y, v = rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), rng.normal(size=with_it.n_params)
    np.testing.assert_array_equal(*(net.hessian_vector(X, y, "mse", v) for net in (with_it, without)))
