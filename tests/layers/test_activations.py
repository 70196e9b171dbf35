"""Every activation and its slope against the reference, on every instruction set and in both precisions."""

import copy
import pickle
import re

import numpy as np
import pytest
import reference

import gdcore as gd
from gdcore.layers.activations import get_activation

# Values and slopes at three points, computed with 40 digits: name -> rows of z, f(z), f'(z).
LITERALS = {
    "identity": [(-2, -2, 1), (-0.5, -0.5, 1), (1.5, 1.5, 1)],
    "relu": [(-2, 0, 0), (-0.5, 0, 0), (1.5, 1.5, 1)],
    "leaky_relu": [(-2, -0.02, 0.01), (-0.5, -0.005, 0.01), (1.5, 1.5, 1)],
    "elu": [(-2, -0.8646647168, 0.1353352832), (-0.5, -0.3934693403, 0.6065306597), (1.5, 1.5, 1)],
    "selu": [(-2, -1.520166469, 0.2379328723), (-0.5, -0.6917581878, 1.066341153), (1.5, 1.576051481, 1.050700987)],
    "softplus": [(-2, 0.126928011, 0.119202922), (-0.5, 0.4740769842, 0.3775406688), (1.5, 1.701413278, 0.8175744762)],
    "sigmoid": [(-2, 0.119202922, 0.1049935854), (-0.5, 0.3775406688, 0.2350037122), (1.5, 0.8175744762, 0.1491464521)],
    "tanh": [(-2, -0.9640275801, 0.07065082485), (-0.5, -0.4621171573, 0.786447733), (1.5, 0.9051482536, 0.1807066389)],
    "gelu": [(-2, -0.0455002639, -0.08523180108), (-0.5, -0.1542687694, 0.1325048753), (1.5, 1.399789198, 1.127469192)],
    "silu": [(-2, -0.238405844, -0.09078424878), (-0.5, -0.1887703344, 0.2600388127), (1.5, 1.226361714, 1.041294154)],
    "relu6": [(-0.5, 0, 0), (2, 2, 1), (6.5, 6, 0)],
    "hardtanh": [(-1.5, -1, 0), (0.5, 0.5, 1), (2, 1, 0)],
    "hard_swish": [(-2, -0.3333333333, -0.1666666667), (-0.5, -0.2083333333, 0.3333333333), (1.5, 1.125, 1)],
    "mish": [(-2, -0.2525014827, -0.1083550924), (-0.5, -0.2207437747, 0.2895106779), (1.5, 1.403378266, 1.088487985)],
}
SLOPES = [-3.0, -0.2, 0.0, 1e-3, 0.2, 1.0, 5.0]
NAMES = [row.name for row in gd.ACTIVATIONS]
each_name = pytest.mark.parametrize("name", NAMES)


def run(kernels, name, z, option=None):
    """a = f(z) and f'(z)."""
    a, slope = np.empty_like(z), np.empty_like(z)
    kernels.activation(name, z, a, slope, option)
    return a, slope


def cancelled(z):
    """The size of the terms that a slope, and gelu, are the difference of."""
    return 1 + np.minimum(np.abs(z), 40)


@each_name
@pytest.mark.parametrize("width", [0.01, 1, 10, 1e4])
def test_value_and_slope_are_the_references(name, width, kernels, dtype, eps, rng):
    z = (width * rng.uniform(-1, 1, 4000)).astype(dtype)
    a, slope = run(kernels, name, z)
    want_a, want_slope = reference.ACTIVATIONS[name](z.astype(np.float64))
    tiny = float(np.finfo(dtype).tiny)
    size = np.abs(want_a) + (name == "gelu") * np.minimum(np.abs(z), 40)
    assert (np.abs(a - want_a) <= 4 * eps * size + tiny * (1 + np.abs(z))).all()  # exp flushes below tiny
    assert (np.abs(slope - want_slope) <= 4 * eps * cancelled(z)).all()


@each_name
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 70])
def test_bits_depend_on_the_argument_alone(name, n, kernels, dtype, rng):
    """The vector loop, its remainder and any start give the same bits."""
    z = rng.normal(scale=3, size=256).astype(dtype)
    whole = run(kernels, name, z)
    for start in (0, 1, 5):
        part = run(kernels, name, z[start : start + n])
        np.testing.assert_array_equal(part, [numbers[start : start + n] for numbers in whole])


@each_name
def test_nan_comes_out_where_it_went_in(name, kernels, dtype):
    z = np.linspace(-3, 3, 70).astype(dtype)
    z[::7] = np.nan
    a, _ = run(kernels, name, z)
    np.testing.assert_array_equal(np.isnan(a), np.isnan(z))


@each_name
def test_slope_at_the_kinks_is_a_subgradient(name, kernels, dtype):
    [kinks] = [row.kinks for row in gd.ACTIVATIONS if row.name == name]
    for kink in kinks:
        _, (left, at, right) = run(kernels, name, np.array([kink - 1e-6, kink, kink + 1e-6], dtype))
        assert left != pytest.approx(right, abs=0.1)
        assert min(left, right) - 1e-5 <= at <= max(left, right) + 1e-5
    z = np.linspace(-4, 4, 1600).astype(dtype)  # 0 is not among them, and one stride steps over it
    _, slope = run(kernels, name, z)
    assert (np.abs(np.diff(slope)).max() > 0.1) == bool(kinks)


@each_name
def test_the_references_slope_is_its_derivative(name):
    z = np.linspace(-6.37, 6.71, 1000)  # meets no kink
    h = 1e-5
    f = reference.ACTIVATIONS[name]
    difference = (f(z + h)[0] - f(z - h)[0]) / (2 * h)
    np.testing.assert_allclose(f(z)[1], difference, atol=1e-9)


@each_name
def test_the_registry_tells_the_true_ranges(name):
    """The ends that are stated are not passed, and reached to the last digit that is stated."""
    [row] = [row for row in gd.ACTIVATIONS if row.name == name]
    z = np.concatenate([np.linspace(-40, 40, 80_001), [-1e6, -1e4, 1e4, 1e6]])
    for stated, found in zip((row.output_range, row.slope_range), reference.ACTIVATIONS[name](z), strict=True):
        low, high = (float(number) for number in (re.findall(r"-?(?:\d[\d.]*|inf)", stated) * 2)[:2])
        for end, reached in ((low, found.min()), (high, found.max())):
            assert abs(reached) > 1e3 if np.isinf(end) else reached == pytest.approx(end, abs=5.1e-4)


@each_name
def test_the_registry_tells_which_units_die(name):
    row = get_activation(name)
    low = min(row.kinks, default=-np.inf)
    value, slope = reference.ACTIVATIONS[name](np.linspace(-50, 0, 501))
    below = np.linspace(-50, 0, 501) < low
    assert row.dies == bool(below.any() and row.limits[0] == 0 and not value[below].any() and not slope[below].any())


def test_the_three_tables_agree(kernels):
    assert tuple(NAMES) == kernels.ACTIVATION_NAMES == tuple(reference.ACTIVATIONS)


def test_lengths_must_agree(kernels, dtype):
    with pytest.raises(ValueError, match="must have one length"):
        kernels.activation("tanh", np.zeros(3, dtype), np.zeros(3, dtype), np.zeros(2, dtype))


@each_name
def test_three_literal_points(name, kernels, dtype, eps):
    z, value, slope = np.array(LITERALS[name]).T
    found = run(kernels, name, z.astype(dtype))
    np.testing.assert_allclose(found[0], value, rtol=max(2e-9, 8 * eps), atol=8 * eps)
    np.testing.assert_allclose(found[1], slope, rtol=max(2e-9, 8 * eps), atol=8 * eps)


def test_the_table_of_options_is_the_kernels(kernels):
    for row in gd.ACTIVATIONS:
        assert (row.option or 0) == pytest.approx(kernels.ACTIVATION_FACTS[row.name]["option"], rel=1e-7)


@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_with_a_slope_is_the_reference(slope, kernels, dtype, eps, rng):
    z = rng.normal(size=500).astype(dtype)
    z[::50] = 0
    exact = reference.activation(gd.LeakyReLU(slope), z.astype(float))
    for found, want in zip(run(kernels, "leaky_relu", z, slope), exact, strict=True):
        np.testing.assert_allclose(found, want, rtol=2 * eps)


@pytest.mark.parametrize("slope", SLOPES)
def test_a_network_with_a_slope_is_the_reference(slope, isa, rng):
    """Outputs, loss and gradient, also where a slope below 0 maps both sides of the kink to one."""
    X, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    net = gd.MLP([4, 7, 5, 2], gd.LeakyReLU(slope), dtype="float64", seed=0)
    net.params += 0.1 * rng.normal(size=net.n_params)
    inputs, factors, z = reference.forward(net.layers, net.params, X)
    np.testing.assert_allclose(net.predict(X), z, rtol=1e-12, atol=1e-13)
    value, delta = reference.loss("mean_squared_error", 0.0, z, y)
    gradient = reference.backward(net.layers, net.params, inputs, factors, delta)
    found = net.loss_and_grad(X, y, "mse")
    assert found[0] == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-11, atol=1e-13)
    for options in ({"mode": "full"}, {"mode": "directions"}, {"order": 2}):
        report = gd.check_gradients(net, X, y, "mse", **options)
        assert report.ok, report
        X[0] = 0  # the first layer's units stand on the kink
    if slope != 1:
        plain = net.loss_and_grad(X, y, "mse")[1]
        assert gd.check_gradients(net, X, y, "mse", grad=1.01 * plain).verdict == "fail"


def test_a_slope_of_0_is_relu_and_one_of_1_is_none(isa, rng):
    X, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    for slope, name in ((0, "relu"), (1, "identity"), (0.01, "leaky_relu")):
        one, other = (gd.MLP([4, 7, 2], f, weight_init="he_normal", seed=0) for f in (gd.LeakyReLU(slope), name))
        for net in (one, other):
            net.fit(X, y, "mse", epochs=3)
        np.testing.assert_array_equal(one.params, other.params)


def test_a_record_is_kept_compared_copied_and_printed():
    layer = gd.Dense(3, 4, gd.LeakyReLU(0.2))
    assert repr(layer) == "Dense(3, 4, LeakyReLU(0.2))"
    assert layer == gd.Dense(3, 4, gd.LeakyReLU(0.2)) != gd.Dense(3, 4, gd.LeakyReLU(0.3))
    assert len({layer, gd.Dense(3, 4, gd.LeakyReLU(0.2)), gd.Dense(3, 4, "leaky_relu")}) == 2
    assert gd.Dense(3, 4, gd.LeakyReLU()) == gd.Dense(3, 4, "leaky_relu")
    assert pickle.loads(pickle.dumps(layer)) == layer
    net = gd.MLP([3, 4, 1], gd.LeakyReLU(0.2), output_activation=gd.LeakyReLU(-1), seed=0)
    assert repr(net) == "Sequential(Dense(3, 4, LeakyReLU(0.2)), Dense(4, 1, LeakyReLU(-1.0)), seed=0)"
    for other in (net.copy(), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        np.testing.assert_array_equal(other.predict(np.eye(3)), net.predict(np.eye(3)))
        assert other.layers == net.layers
    assert gd.LeakyReLU(np.float32(0.5)) == gd.LeakyReLU(0.5)
    assert repr(gd.LeakyReLU()) == "LeakyReLU(0.01)"


@pytest.mark.parametrize(
    ("slope", "limits", "slopes"),
    [
        (0.2, (-np.inf, np.inf), "{0.2, 1}"),
        (0, (0, np.inf), "{0, 1}"),
        (-2, (0, np.inf), "{-2, 1}"),
        (1, (-np.inf, np.inf), "1"),
        (3, (-np.inf, np.inf), "{1, 3}"),
    ],
)
def test_ranges_of_a_record(slope, limits, slopes):
    row = get_activation(gd.LeakyReLU(slope))
    assert (row.limits, row.slope_range, row.init) == (limits, slopes, "he_normal")
    assert row.kinks == (() if slope == 1 else (0,))


def test_outputs_of_a_record_are_told_apart_from_targets_out_of_reach(rng):
    X, y = rng.normal(size=(40, 2)), -1 - rng.random(40)
    with pytest.warns(gd.OutputRangeWarning, match=r"activation LeakyReLU\(-0.5\) keeps the outputs in \[0, inf\)"):
        gd.MLP([2, 4, 1], output_activation=gd.LeakyReLU(-0.5), seed=0).fit(X, y, "mse", epochs=1)


def test_dead_units_of_a_record(rng):
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    for activation, dead in (("relu", True), (gd.LeakyReLU(0), True), (gd.LeakyReLU(0.2), False)):
        net = gd.MLP([2, 4, 1], activation, seed=0)
        dict(net.parameters())["dense0.bias"][:] = -100
        assert ("dead relu units" in gd.diagnose(net, X, y, "mse").kinds) == dead


@pytest.mark.parametrize(
    ("slope", "error", "message"),
    [
        (True, TypeError, "slope must be a number, got True"),
        ("0.2", TypeError, "slope must be a number, got '0.2'"),
        (None, TypeError, "slope must be a number, got None"),
        (1j, TypeError, "slope must be a number, got 1j"),
        (np.nan, ValueError, "slope must be finite, got nan"),
        (np.inf, ValueError, "slope must be finite, got inf"),
    ],
)
def test_a_slope_is_a_finite_number(slope, error, message):
    with pytest.raises(error, match=message):
        gd.LeakyReLU(slope)


def test_what_is_no_activation_is_refused():
    with pytest.raises(TypeError, match=r"got the class LeakyReLU: pass LeakyReLU\(…\)"):
        gd.Dense(3, 4, gd.LeakyReLU)
    with pytest.raises(TypeError, match=r"activation must be a name or a record, got 0\.2"):
        gd.Dense(3, 4, 0.2)
    with pytest.raises(ValueError, match=r"LeakyReLU\(1e\+300\) has a slope that float32 cannot hold: use"):
        gd.MLP([3, 4, 1], gd.LeakyReLU(1e300))
    assert gd.MLP([3, 4, 1], gd.LeakyReLU(1e300), dtype="float64").n_params == 21


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_dead_units_of_every_activation_that_can_die_are_found(activation, rng):
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    net = gd.MLP([2, 4, 1], activation, seed=0)
    dict(net.parameters())["dense0.bias"][:] = -100
    assert "dead relu units" in gd.diagnose(net, X, y, "mse").kinds
