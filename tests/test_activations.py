"""Every activation and its slope against the twin, on every instruction set and in both precisions."""

import re

import numpy as np
import pytest
import reference

import gdcore as gd

NAMES = [row.name for row in gd.ACTIVATIONS]
each_name = pytest.mark.parametrize("name", NAMES)


def run(kernels, name, z):
    """a = f(z) and f'(z)."""
    a, slope = np.empty_like(z), np.empty_like(z)
    kernels.activation(name, z, a, slope)
    return a, slope


def cancelled(z):
    """The size of the terms that a slope, and gelu, are the difference of."""
    return 1 + np.minimum(np.abs(z), 40)


@each_name
@pytest.mark.parametrize("width", [0.01, 1, 10, 1e4])
def test_value_and_slope_are_the_twins(name, width, kernels, dtype, eps, rng):
    z = (width * rng.uniform(-1, 1, 4000)).astype(dtype)
    a, slope = run(kernels, name, z)
    want_a, want_slope = reference.ACTIVATIONS[name](z.astype(np.float64))
    tiny = float(np.finfo(dtype).tiny)
    size = np.abs(want_a) + (name == "gelu") * np.minimum(np.abs(z), 40)
    assert (np.abs(a - want_a) <= 4 * eps * size + tiny * (1 + np.abs(z))).all()     # exp flushes below tiny
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
    z = np.linspace(-4, 4, 1600).astype(dtype)     # 0 is not among them, and one stride steps over it
    _, slope = run(kernels, name, z)
    assert (np.abs(np.diff(slope)).max() > 0.1) == bool(kinks)


@each_name
def test_the_twins_slope_is_its_derivative(name):
    z = np.linspace(-6.37, 6.71, 1000)    # meets no kink
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


def test_the_three_tables_agree(kernels):
    assert tuple(NAMES) == kernels.ACTIVATION_NAMES == tuple(reference.ACTIVATIONS)


def test_lengths_must_agree(kernels, dtype):
    with pytest.raises(ValueError, match="must have one length"):
        kernels.activation("tanh", np.zeros(3, dtype), np.zeros(3, dtype), np.zeros(2, dtype))
