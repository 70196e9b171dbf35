"""Penalties of the model and of its layers: in losses, gradients, the checker and training; weights of exactly 0."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import reference
from reference import training as reference_training

import gdcore as gd
from gdcore.models.sequential import of_stack
from gdcore.objective.penalties import least_subgradient, penalty_vectors
from gdcore.objective.penalties import without_penalties as stack_without_penalties

DATA = Path(__file__).parents[1] / "recorded"
spec = importlib.util.spec_from_file_location("make_sklearn_lasso", DATA / "make_sklearn_lasso.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)
PROBLEM_X, PROBLEM_Y = maker.draw_problem()

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), RNG.normal(size=(30, 3))
each_optimizer = pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def without_penalties(net, keep=()):
    return of_stack(stack_without_penalties(net.stack, keep))


def net_of(dtype="float64"):
    """One layer with both penalties of its own, one with the model's, one without any."""
    layers = gd.Dense(4, 7, "tanh", l1=0.3, l2=0.2), gd.Dense(7, 5, "tanh"), gd.Dense(5, 3, l1=0.0, l2=0)
    return gd.Sequential(*layers, seed=1, dtype=dtype)


@each_dtype
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.4), (0.1, 0.4)])
def test_a_layers_own_stand_in_the_models_place(isa, dtype, l1, l2):
    net, eps = net_of(dtype), float(np.finfo(dtype).eps)
    net.params[::5] = 0
    X_, Y_ = X.astype(dtype), Y.astype(dtype)
    batch = net.params.astype(float), X_.astype(float), Y_.astype(float), "mean_squared_error"
    want, want_grad = reference.loss_and_grad(net.layers, *batch, l1=l1, l2=l2)
    value, grad = net.loss_and_grad(X_, Y_, "mse", l1=l1, l2=l2)
    assert value == pytest.approx(want, rel=50 * eps)
    assert net.loss(X_, Y_, "mse", l1=l1, l2=l2) == value
    np.testing.assert_allclose(grad, want_grad, rtol=0, atol=50 * eps * np.abs(want_grad).max())
    bare = reference.data_loss_and_grad(net.layers, *batch)[0]
    assert without_penalties(net).loss(X_, Y_, "mse") == pytest.approx(bare, rel=50 * eps)
    assert gd.Trainer(net, "mse", l1=l1, l2=l2).step(X_, Y_) == pytest.approx(bare, rel=50 * eps)


def test_strengths_and_least_subgradients_parameter_by_parameter():
    net = net_of()
    want = reference.strengths(net.layers, net.params, 0.5, 0.25)
    np.testing.assert_array_equal(penalty_vectors(net.stack, 0.5, 0.25), want)
    params, grad = np.array([0.0, 0.0, 0.0, 0.0, 1.0]), np.array([3.0, -3.0, 0.5, 3.0, 3.0])
    least_subgradient(params, grad, np.array([1.0, 1.0, 1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(grad, [2, -2, 0, 3, 3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_checked_together_and_apart(dtype):
    report = gd.check_gradients(net_of(dtype), X, Y, "mse", l2=0.1)
    assert report.ok
    parts = {part.name: part.verdict for part in report.parts}
    assert {parts[name] for name in ("data loss", "l1 penalty", "l2 penalty")} == {"pass"}
    assert gd.check_gradients(net_of(dtype), X, Y, "mse", l1=0.1, wrt="inputs").ok
    assert gd.check_gradients(net_of(dtype), X, Y, "mse", l1=0.1, mode="directions").ok


@pytest.mark.parametrize(("name", "cause"), [("l1", "lacks the l1 penalty"), ("l2", "lacks the l2 penalty")])
def test_a_gradient_without_a_layers_own_penalty_fails(name, cause):
    net = net_of()
    other = "l2" if name == "l1" else "l1"
    grad = without_penalties(net, (other,)).loss_and_grad(X, Y, "mse")[1]
    report = gd.check_gradients(net, X, Y, "mse", grad=grad)
    assert report.causes == (f"dense0.weight {cause}",)


@pytest.mark.parametrize("rate", [0.01, 1.0])
@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("weight_decay", [0.0, 0.25])
@each_dtype
def test_plain_descent_takes_the_proximal_step(isa, rate, l2, weight_decay, dtype):
    """soft(w - rate g, rate l1), whatever side the weight is on and whatever side it gets to; biases have none."""
    l1, net = 0.1, gd.LinearModel(40, 5, dtype=dtype, seed=0)
    rng = np.random.default_rng(3)
    net.params = rng.choice([0.0, 0.0, -1.0, 1.0], net.n_params) * rng.uniform(0, 0.4, net.n_params)
    data = rng.normal(size=(8, 40)).astype(dtype), rng.normal(size=(8, 5)).astype(dtype)
    before = net.params.astype(float)
    grad = net.loss_and_grad(*data, "mse", l2=l2)[1].astype(float) + weight_decay * before
    want = before - rate * grad
    strength = penalty_vectors(net.stack, l1, 0.0)[0]
    want = np.where(strength > 0, reference_training.soft(want, rate * strength), want)
    gd.Trainer(net, "mse", gd.SGD(rate, weight_decay=weight_decay), l1=l1, l2=l2).step(*data)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(net.params, want, rtol=0, atol=20 * eps * (np.abs(want) + rate * np.abs(grad)).max())
    weights = strength > 0
    if rate == 1.0:
        assert (want[weights] * before[weights] < 0).any()  # some get past 0
    assert (want[weights] == 0).any()


def fitted(optimizer, l1, l2, steps, **options):
    net = gd.LinearModel(maker.N_FEATURES, dtype="float64", weight_init="zeros")
    net.params[:] = np.random.default_rng(0).normal(size=net.n_params)
    n = len(PROBLEM_X)
    history = net.fit(
        PROBLEM_X, PROBLEM_Y, loss="mse", optimizer=optimizer, l1=l1, l2=l2, batch_size=n, epochs=steps, **options
    )
    return net.params[:-1], net.params[-1], history


def recorded():
    with np.load(DATA / "sklearn_lasso.npz") as file:
        return list(zip(*(file[key] for key in ("l1", "l2", "coefs", "intercepts")), strict=True))


@pytest.mark.parametrize("rule", [gd.SGD(0.1), gd.SGD(0.05, momentum=0.9)], ids=repr)
def test_the_lasso_is_scikit_learns(isa, rule):
    """Support and coefficients to 1e-9."""
    assert [(l1, l2) for l1, l2, *_ in recorded()] == list(maker.CASES)
    for l1, l2, coef, intercept in recorded():
        weights, bias, history = fitted(rule, l1, l2, 20000, stop=gd.GradientNormThreshold(1e-11))
        assert "norm" in history.stop_reason
        np.testing.assert_array_equal(weights != 0, coef != 0)
        np.testing.assert_allclose([*weights, bias], [*coef, intercept], rtol=0, atol=1e-9)


@each_optimizer
def test_every_optimizer_finds_the_lassos_support(optimizer):
    """Exact zeros, and coefficients to 1e-2, where its rate falls."""
    l1, l2, coef, _ = recorded()[1]
    start = {"adadelta": 100.0, "adagrad": 1.0}.get(optimizer.name, 0.1)
    weights, _, _ = fitted(optimizer(gd.schedules.Polynomial(start, 2000), weight_decay=0.0), l1, l2, 2000)
    np.testing.assert_array_equal(weights != 0, coef != 0)
    np.testing.assert_allclose(weights, coef, rtol=0, atol=1e-2)


def test_the_lasso_live():
    linear_model = pytest.importorskip("sklearn.linear_model")
    for l1, l2 in ((0.3, 0.0), (0.3, 0.1)):
        coef, intercept = maker.solve(linear_model, PROBLEM_X, PROBLEM_Y, l1, l2)
        weights, bias, _ = fitted(gd.SGD(0.1), l1, l2, 20000, stop=gd.GradientNormThreshold(1e-11))
        np.testing.assert_array_equal(weights != 0, coef != 0)
        np.testing.assert_allclose([*weights, bias], [*coef, intercept], rtol=0, atol=1e-9)


@each_optimizer
@each_dtype
def test_zeros_come_and_stay_in_mini_batches(optimizer, dtype):
    """Under a penalty that no batch's slope exceeds every weight gets to 0; the biases are left alone."""
    layers = gd.Dense(4, 6, "tanh", l1=50.0), gd.Dense(6, 3)
    net = gd.Sequential(*layers, dtype=dtype, seed=0)
    rule = optimizer(0.05) if optimizer.name != "adadelta" else optimizer(10.0)
    net.fit(X, Y, loss="mse", optimizer=rule, batch_size=7, epochs=60)
    named = dict(net.parameters())
    np.testing.assert_array_equal(named["dense0.weight"], 0)
    for name in ("dense0.bias", "dense1.weight", "dense1.bias"):
        assert (named[name] != 0).all()


def test_losses_of_the_history_have_no_penalties():
    history = net_of().fit(X, Y, loss="mse", optimizer=gd.SGD(1e-9), epochs=1, l1=1.0, validation_data=(X, Y))
    bare = without_penalties(net_of()).loss(X, Y, "mse")
    assert history.loss[0] == pytest.approx(bare, rel=1e-6)
    assert history.val_loss[0] == pytest.approx(bare, rel=1e-6)


def test_the_full_batch_methods_count_them():
    pytest.importorskip("scipy")
    net = gd.Sequential(gd.Dense(4, 3, l2=0.3), dtype="float64", seed=0)
    history = net.fit(X, Y, loss="mse", optimizer="lbfgs", epochs=200)
    assert np.linalg.norm(net.loss_and_grad(X, Y, "mse")[1]) < 1e-6
    assert history.loss[-1] == pytest.approx(without_penalties(net).loss(X, Y, "mse"))


def test_the_bound_and_the_diagnosis_count_them():
    plain = gd.LinearModel(4, 3, seed=0, dtype="float64")
    own = gd.Sequential(gd.Dense(4, 3, l1=0.2, l2=0.5), seed=0, dtype="float64")
    bounds = gd.learning_rate_bound(own, X, Y, "mse"), gd.learning_rate_bound(plain, X, Y, "mse", l2=0.5)
    assert bounds[0].largest_curvature == pytest.approx(bounds[1].largest_curvature, rel=1e-9)
    history = own.fit(X, Y, loss="mse", optimizer=gd.SGD(0.3), batch_size=30, epochs=2000)
    assert (own.params[:-3] == 0).any()
    found = gd.diagnose(own, X, Y, "mse", history, optimizer=gd.SGD(0.3))
    assert "converged" in {finding.kind for finding in found.findings}


def test_products_with_the_hessian_count_them():
    """l2 of each layer on its weights; l1 has no second derivative."""
    net = net_of()
    v = np.random.default_rng(2).normal(size=net.n_params)
    extra = net.hessian_vector(X, Y, "mse", v, l2=0.7) - without_penalties(net).hessian_vector(X, Y, "mse", v)
    np.testing.assert_allclose(extra, penalty_vectors(net.stack, 0.0, 0.7)[1] * v, rtol=1e-10, atol=1e-12)
    assert gd.check_gradients(net, X, Y, "mse", order=2).ok
