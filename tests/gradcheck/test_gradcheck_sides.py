"""Where directions and entries cross several kinks: no right gradient fails in any mode, wrong ones are found."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import SUPPORTED
from gdcore.gradcheck.model.kinks import Sides
from gdcore.gradcheck.model.sides import choices
from gdcore.gradcheck.model.smooth import Smooth
from gdcore.gradcheck.model.standing import activation_kinks, curvatures_at, find_kinks, nearest, slopes_at, standing
from gdcore.losses import get_loss
from gdcore.objective.build import objective_of

ROOT = Path(__file__).parents[2]
BENT = ["relu", "leaky_relu", "selu", "elu"]
MODES = [{"mode": "full"}, {"mode": "directions"}, {"order": 2}]
LOSSES = ["mse", "mean_absolute_error", gd.Quantile(0.9), gd.Huber(0.3), "hinge", "squared_hinge"]
LOSSES += ["perceptron", "modified_huber", gd.EpsilonInsensitive(1.0), gd.SquaredEpsilonInsensitive(1.0)]


def inputs(kind, rng, n=20, m=4):
    """Ordinary tables that put units on their kinks."""
    X = rng.normal(size=(n, m))
    if kind == "a zero row":
        X[3] = 0
    elif kind == "zero columns":
        X[:, :3] = 0
    elif kind == "one-hot, a level dropped":
        X = (rng.integers(0, m + 1, n)[:, None] == np.arange(m)).astype(float)
    elif kind == "bag of words":
        X = (rng.random((n, m)) < 0.15) * rng.integers(1, 4, (n, m)).astype(float)
    elif kind == "all zero":
        X[:] = 0
    return X


KINDS = ["a zero row", "zero columns", "one-hot, a level dropped", "bag of words", "all zero"]


def targets(loss, rng, n=20):
    return rng.choice([-1.0, 1.0], n) if get_loss(loss).target == "sign" else np.round(rng.normal(size=n))


@pytest.mark.parametrize("options", MODES, ids=str)
@pytest.mark.parametrize("activation", BENT)
def test_a_fresh_network_is_never_wrong(activation, options):
    """Where the whole gradient is 0, directions have nothing to be measured by, and are inconclusive."""
    passed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        kind, loss, dtype = KINDS[seed % len(KINDS)], LOSSES[seed % len(LOSSES)], ("float32", "float64")[seed % 2]
        net = gd.MLP([4, 8, 6, 1], activation, dropout=0.5 * (seed % 3 == 0), dtype=dtype, seed=seed)
        report = gd.check_gradients(net, inputs(kind, rng), targets(loss, rng), loss, **options)
        assert report.verdict != "fail", (seed, kind, loss, report)
        passed += report.ok
    assert passed >= 18


def test_a_direction_that_leaves_two_kinks_of_two_signs():
    """D- and D+ are -2.7 and 0.7 times something, and backward's 0 is no mixture of the two."""
    net = gd.MLP([1, 2, 1], "relu", dtype="float64")
    net.params = [-1.0, -2.0, 0.0, 0.0, 0.33, -1.3, 0.5]
    for mode in ("full", "sample", "directions"):
        assert gd.check_gradients(net, [[0.0]], [1.0], "mse", mode=mode, directions=8).ok


def test_diagnose_finds_no_wrong_gradient_under_a_zero_row():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        for activation in BENT[:2]:
            net = gd.MLP([4, 8, 1], activation, seed=seed)
            found = gd.diagnose(net, inputs("a zero row", rng), rng.normal(size=20), "mse")
            assert "gradient wrong" not in found.kinds


def test_a_wide_network_on_sparse_data():
    rng = np.random.default_rng(0)
    X = (rng.random((16, 40)) < 0.02) * 1.0
    net = gd.MLP([40, 200, 200, 4], seed=0)
    assert gd.check_gradients(net, X, rng.integers(0, 4, 16), "cross_entropy", mode="directions").ok


@pytest.mark.parametrize("power", [-30, -40, -44, -50])
@pytest.mark.parametrize("loss", ["mean_absolute_error", gd.Quantile(0.9)], ids=str)
def test_rows_that_underflow_in_float32(loss, power):
    """A residual of 1e-45 is 0 in float32: its gradient takes another side than the float64 copy's."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(12, 4)), np.round(rng.normal(size=(12, 3)))
        X[:6], y[:6] = X[:6] * 10.0**power, 0
        assert gd.check_gradients(gd.MLP([4, 3], seed=seed), X, y, loss).verdict != "fail"


@pytest.mark.parametrize("options", MODES, ids=str)
def test_units_near_a_kink_on_a_side_of_their_own(options):
    """Features of 1e6: a tiny step of a weight pushes units over that are as far as 0.05 from their kink."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        for activation in ("selu", "elu"):
            net = gd.MLP([2, 6, 1], activation, dtype="float64", seed=seed)
            X = np.column_stack([np.full(8, 1e6), rng.normal(size=8)])
            weight, bias = dict(net.parameters())["dense0.weight"], dict(net.parameters())["dense0.bias"]
            bias[:] = -1e6 * weight[0] + rng.uniform(-0.05, 0.05, 6)
            weight[1] *= 1e-2
            report = gd.check_gradients(net, X, rng.normal(size=8), "mse", **options)
            assert report.verdict != "fail", (seed, activation, report)


@pytest.mark.parametrize("activation", BENT[:3])
@pytest.mark.parametrize("mode", ["full", "directions"])
def test_wrong_entries_are_found_there_too(activation, mode):
    """Also in the biases, which stand on kinks; and each side's own gradient is right."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = inputs("a zero row", rng), rng.normal(size=20)
        net = gd.MLP([4, 8, 1], activation, dtype="float64", seed=seed)
        right = net.loss_and_grad(X, y, "mse")[1]
        bias = slice(32, 40)
        for at in (int(np.abs(right[:32]).argmax()), 32 + int(np.abs(right[bias]).argmax())):
            wrong = right.copy()
            wrong[at] *= 3
            report = gd.check_gradients(net, X, y, "mse", grad=wrong, mode=mode)
            assert report.verdict == "fail"
            assert report.entries["index"][report.entries["verdict"] == "fail"].tolist() == [at]


@pytest.mark.parametrize("mode", ["full", "directions"])
def test_every_choice_of_sides_is_right(mode):
    """Left as in PyTorch, right, or the middle as JAX's maximum: the same for all units."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        net = gd.MLP([4, 6, 5, 1], "relu", dtype="float64", seed=seed)
        X, y = inputs("a zero row", rng), rng.normal(size=20)
        objective = objective_of(net.stack, X, y, "mse")
        made = list(choices(objective, find_kinks(objective)))
        assert len(made) == 4
        grads = [smooth.gradient(net.params)[0] for smooth in made]
        np.testing.assert_allclose(grads[0], net.loss_and_grad(X, y, "mse")[1], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(grads[0], grads[1])  # relu's slope at 0 is that to the left
        assert not np.allclose(grads[1], grads[2])
        for grad in grads:
            assert gd.check_gradients(net, X, y, "mse", grad=grad, mode=mode).ok


def test_sides_mixed_unit_by_unit_are_inconclusive_not_wrong():
    """Backward may take the left slope in one unit and the right one in its neighbour: nothing proves that wrong."""
    net = gd.MLP([2, 3, 4, 1], "relu", dtype="float64", seed=3)
    X, y = np.array([[0.0, 0], [1, 0], [1, 1]]), np.array([[1.0], [0], [1]])
    right = net.loss_and_grad(X, y, "mse")[1]
    apart = Sides(objective_of(net.stack, X, y, "mse")).apart
    bias = dict(net.parameters(apart))["dense0.bias"]
    mixed = right.copy()
    dict(net.parameters(mixed))["dense0.bias"][:] += 0.3 * bias * [1, -1, 1]
    report = gd.check_gradients(net, X, y, "mse", grad=mixed)
    assert report.verdict == "inconclusive"
    unclear = report.entries[report.entries["verdict"] == "inconclusive"]
    assert unclear["kink"].all()
    assert re.search(r"(1 entry stands|\d+ entries stand) on several kinks at once", str(report))


@pytest.mark.parametrize("activation", [row.name for row in gd.ACTIVATIONS])
def test_the_smooth_function_is_the_objective_where_no_kink_is(activation):
    rng = np.random.default_rng(1)
    net = gd.MLP([3, 5, 4, 2], activation, dtype="float64", seed=1)
    net.params += 0.1 * rng.normal(size=net.n_params)
    X, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    objective = objective_of(net.stack, X, y, "mse")
    smooth = Smooth(objective, find_kinks(objective, 2), {}, "own", 2)
    assert smooth.value == pytest.approx(net.loss(X, y, "mse"), rel=1e-13)
    grad, pattern = smooth.gradient(net.params)
    assert pattern == smooth.pattern
    np.testing.assert_allclose(grad, net.loss_and_grad(X, y, "mse")[1], rtol=1e-11, atol=1e-15)
    moved, index = net.copy(), rng.integers(net.n_params, size=12)
    found = smooth.at(index, net.params[index] + 1e-3)
    for change, i in zip(found.values, index, strict=True):
        moved.params[:] = net.params
        moved.params[i] += 1e-3
        assert change == pytest.approx(moved.loss(X, y, "mse") - smooth.value, rel=1e-8, abs=1e-14)


def test_slopes_and_second_derivatives_to_both_sides_of_every_kink():
    assert curvatures_at("elu", 0.0) == pytest.approx((1.0, 0.0), abs=1e-9)
    assert curvatures_at("selu", 0.0) == pytest.approx((1.0507 * 1.6733, 0.0), abs=1e-3)
    assert curvatures_at("hard_swish", -3.0) == pytest.approx((0.0, 1 / 3), abs=1e-9)
    assert curvatures_at("hard_swish", 3.0) == pytest.approx((1 / 3, 0.0), abs=1e-9)
    assert slopes_at("relu", 0.0) == (0, 0, 1)
    assert slopes_at("relu6", 6.0) == (1, 0, 0)
    assert slopes_at("hardtanh", -1.0) == (0, 0, 1)
    assert slopes_at("hard_swish", 3.0) == pytest.approx((1.5, 1.5, 1))
    assert slopes_at(gd.LeakyReLU(-0.2), 0.0) == (-0.2, -0.2, 1)
    kinks = {row.name: activation_kinks(row.name, 2) for row in gd.ACTIVATIONS if activation_kinks(row.name, 2)}
    assert kinks == {
        "relu": (0,),
        "leaky_relu": (0,),
        "elu": (0,),
        "selu": (0,),
        "relu6": (0, 6),
        "hardtanh": (-1, 1),
        "hard_swish": (-3, 3),
    }
    assert not activation_kinks("elu", 1)
    assert not activation_kinks(gd.LeakyReLU(1), 2)


KINKS = {"relu6": (0, 6), "hardtanh": (-1, 1), "hard_swish": (-3, 3), "elu": (0,), gd.LeakyReLU(-0.5): (0,)}


def on_kinks(activation, dtype, seed):
    """A network and samples whose units stand exactly on kinks: zero rows, duplicates, sums of quarters."""
    rng = np.random.default_rng(seed)
    net = gd.MLP([4, 8, 6, 1], activation, dropout=0.5 * (seed % 4 == 3), dtype=dtype, seed=seed)
    blocks = dict(net.parameters())
    X = rng.normal(size=(16, 4)) if seed % 2 else rng.integers(-4, 5, (16, 4)) / 2
    if seed % 2 == 0:
        blocks["dense0.weight"][:] = rng.integers(-6, 7, (4, 8)) / 2
    X[3] = X[9] = 0
    X[4:6] = X[6]
    blocks["dense0.bias"][:6] = np.resize(KINKS[activation], 6)
    blocks["dense1.bias"][:4] = rng.choice(KINKS[activation], 4)
    blocks["dense1.weight"][:, :2] *= rng.random((8, 1)) < 0.3
    if seed % 3 == 0:
        blocks["dense1.weight"][:, 2] = 0  # every row stands on a kink
    return net, X, rng


@pytest.mark.parametrize("options", [*MODES, {"mode": "auto"}], ids=str)
@pytest.mark.parametrize("activation", KINKS, ids=str)
def test_on_kinks_anywhere_no_right_gradient_fails(activation, options):
    passed = 0
    for seed in range(12):
        net, X, rng = on_kinks(activation, ("float32", "float64")[seed // 2 % 2], seed)
        loss = LOSSES[seed % len(LOSSES)]
        report = gd.check_gradients(net, X, targets(loss, rng, 16), loss, **options)
        assert report.verdict != "fail", (seed, loss, report)
        passed += report.ok
    assert passed == 12 or options == {"mode": "directions"}  # whose bounds hold the jumps, and may be too wide


@pytest.mark.parametrize("mode", ["full", "directions"])
@pytest.mark.parametrize("activation", KINKS, ids=str)
def test_on_kinks_anywhere_wrong_entries_are_found(activation, mode):
    for seed in (0, 1, 2, 4, 5):
        net, X, rng = on_kinks(activation, "float64", seed)
        y = rng.normal(size=16)
        wrong = net.loss_and_grad(X, y, "mse")[1]
        at = int(np.abs(wrong[:40]).argmax())
        wrong[at] *= 4
        report = gd.check_gradients(net, X, y, "mse", grad=wrong, mode=mode)
        assert report.verdict == "fail"
        assert report.entries["index"][report.entries["verdict"] == "fail"].tolist() == [at]


@pytest.mark.parametrize("activation", KINKS, ids=str)
def test_on_kinks_anywhere_on_every_instruction_set(activation, isa):
    for seed in range(4):
        net, X, rng = on_kinks(activation, "float64", seed)
        y = rng.normal(size=16)
        for mode in ("full", "directions"):
            assert gd.check_gradients(net, X, y, "mse", mode=mode).verdict != "fail", (seed, mode)


@pytest.mark.parametrize("activation", KINKS, ids=str)
def test_choices_of_sides_are_one_for_each_kink(activation):
    """Own sides are the kernels'; a slope from either side is right, at one kink otherwise than at the next."""
    net, X, rng = on_kinks(activation, "float64", 0)
    y = rng.normal(size=16)
    objective = objective_of(net.stack, X, y, "mse")
    kinks = find_kinks(objective)
    names = [str(activation)] if len(KINKS[activation]) == 1 else [f"{activation} at {k}" for k in KINKS[activation]]
    assert list(kinks.groups) == ([] if activation == "elu" else sorted(names))
    made = list(choices(objective, kinks))
    assert len(made) == (0 if activation == "elu" else 4 ** len(names))
    if made:
        np.testing.assert_allclose(made[0].gradient(net.params)[0], net.loss_and_grad(X, y, "mse")[1], rtol=1e-12)
    for smooth in made[::3]:
        assert gd.check_gradients(net, X, y, "mse", grad=smooth.gradient(net.params)[0]).ok


def test_a_unit_stands_on_the_nearest_kink():
    z = np.array([[-9.0, -1e-17, 2.9, 3.1, 6.0, 6 + 1e-15, 7]])
    assert nearest((0.0, 6.0), z).tolist() == [[0, 0, 0, 6, 6, 6, 6]]
    one = standing(z, nearest((0.0, 6.0), z), np.full_like(z, 1e-16), np.full_like(z, 1e-14))
    assert one.near.tolist() == [[False, True, False, False, True, True, False]]
    assert one.unsure.tolist() == [[False, True, False, False, True, False, False]]
    assert one.side.tolist() == [[-1, -1, 1, -1, 0, 1, 1]]


@pytest.mark.parametrize("isa", ["base", "v3", "v4"])
def test_rows_met_exactly_on_every_instruction_set(isa):
    """Where one row's residual is 0, or roundoff of it, every entry stands on its kink: many seeds, all in time."""
    code = """
import numpy as np, gdcore as gd
from gdcore.gradcheck.slopes.search import EVALUATIONS, SPARE
X = np.random.default_rng(0).normal(size=(1, 8))
for loss in (gd.MeanAbsoluteError(), gd.Quantile(0.9), gd.Quantile()):
    for seed in range(20):
        net = gd.MLP([8, 24, 24, 1], "tanh", dtype="float64", seed=seed)
        y = net.predict(X)
        report = gd.check_gradients(net, X, y, loss)
        assert report.ok and report.entries["kink"].all(), (loss, seed, report)
        assert report.evaluations <= EVALUATIONS * net.n_params + SPARE, (loss, seed, report.evaluations)
        wrong = report.numeric + 1.2 * report.entries["bound"]
        assert (gd.check_gradients(net, X, y, loss, grad=wrong).entries["verdict"] == "fail").all(), (loss, seed)
"""
    if isa not in SUPPORTED:
        pytest.skip(f"this machine has no {isa}")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={**os.environ, "GDCORE_ISA": isa})
