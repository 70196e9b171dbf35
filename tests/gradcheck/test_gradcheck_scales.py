"""Functions whose entries are of sizes far apart: what roundoff hides is inconclusive, never wrong."""

import numpy as np
import pytest

import gdcore as gd

CURVES = {
    "tanh": (np.tanh, lambda v: 1 / np.cosh(v) ** 2),
    "sigmoid": (lambda v: 1 / (1 + np.exp(-v)), lambda v: np.exp(-v) / (1 + np.exp(-v)) ** 2),
    "sin": (np.sin, np.cos),
    "square": (np.square, lambda v: 2 * v),
    "exp": (np.exp, np.exp),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_beside_a_large_entry(curve, dtype):
    f, slope = CURVES[curve]
    kind = np.dtype(dtype).type
    for power in np.arange(1, 8, 0.75):
        large = 10.0 ** (power if dtype == "float32" else 2 * power + 1)
        for rate in (1 / large, 1e-3, 1.0):
            for v in (0.7, -1.3, 0.0):

                def fun(x, rate=rate):
                    return kind(x[0] * kind(rate) + f(x[1]))

                def grad(x, rate=rate):
                    return np.array([rate, slope(x[1])], dtype)

                for mode in ("full", "directions"):
                    report = gd.check_gradient(fun, grad, np.array([large, v], dtype), mode=mode)
                    assert report.verdict != "fail", (power, rate, v, mode, report)


@pytest.mark.parametrize("large", [1e2, 1e4, 1e6])
def test_what_roundoff_does_not_hide_is_told(large):
    """Beside an entry of any size whose effect is small, the slope of a tanh is seen, and a wrong one found."""
    f32 = np.float32

    def fun(x):
        return f32(x[0] * f32(1 / large) + np.tanh(x[1]))

    right = np.array([1 / large, 1 / np.cosh(0.7) ** 2], f32)
    x = np.array([large, 0.7], f32)
    assert gd.check_gradient(fun, right, x).ok
    assert gd.check_gradient(fun, right * f32([1, 1.05]), x).verdict == "fail"


@pytest.mark.parametrize("mode", ["full", "directions"])
def test_a_curve_through_prices(mode):
    """a + b tanh(c t + d) by least squares, in float32, as JAX and torch would give it."""
    f32, passed = np.float32, 0
    t = np.linspace(0, 3, 30).astype(f32)
    for price in 10.0 ** np.arange(0, 8):
        for seed in range(4):
            rng = np.random.default_rng(seed)
            x = np.array([price * (1 + 0.1 * rng.random()), price * 0.1 * rng.random(), *rng.normal(size=2)], f32)
            y = (x[0] + x[1] * np.tanh(x[2] * t + x[3]) + 0.01 * price * rng.normal(size=30)).astype(f32)

            def fun(x, y=y):
                off = x[0] + x[1] * np.tanh(x[2] * t + x[3]) - y
                return np.mean(off * off, dtype=f32)

            def grad(x, y=y):
                h = np.tanh(x[2] * t + x[3])
                d = 2 * (x[0] + x[1] * h - y) / f32(30)
                bent = d * x[1] * (1 - h * h)
                return np.array([d.sum(), (d * h).sum(), (bent * t).sum(), bent.sum()], f32)

            report = gd.check_gradient(fun, grad, x, mode=mode)
            assert report.verdict != "fail", (price, seed, report)
            passed += report.ok
            assert gd.check_gradient(fun, lambda x, grad=grad: 2 * grad(x), x, mode=mode).verdict == "fail"
    assert passed >= 20
