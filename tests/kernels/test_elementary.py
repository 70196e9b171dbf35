"""Branch-free elementary functions: worst error in ulp, special values, symmetry, order, position."""

import importlib
import math
from functools import lru_cache

import numpy as np
import pytest

from gdcore._kernels import cpu

MODULES = [f"{isa}_{dtype}" for isa in cpu.supported() for dtype in ("float32", "float64")]
# Worst error in ulp that elementary.h states: float32, float64.
BOUNDS = {
    "exp": (1.3, 1.3),
    "expm1": (1.4, 1.9),
    "log": (0.9, 0.9),
    "log1p": (1.5, 1.5),
    "tanh": (3.1, 1.6),
    "sigmoid": (1.9, 1.9),
    "softplus": (2.3, 1.9),
    "erf": (2.6, 2.0),
}
ODD = ("tanh", "erf")
KEEPS_SIGNED_ZERO = ("expm1", "log1p", "tanh", "erf")
FLUSHES = ("exp", "sigmoid", "softplus")
EXTENDED = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps
INF, NAN = math.inf, math.nan


@pytest.fixture(params=MODULES)
def kernels(request):
    return importlib.import_module(f"gdcore._kernels.{request.param}")


@pytest.fixture
def dtype(kernels):
    return np.dtype(kernels.__name__.rsplit("_", 1)[1])


def apply(kernels, name, x):
    out = np.empty_like(x)
    kernels.elementary(name, x, out)
    return out


def ulp(x):
    """Spacing of the numbers at |x|; the constant one below the smallest normal number."""
    info = np.finfo(x.dtype)
    return np.spacing(np.clip(np.abs(x), info.tiny, np.nextafter(info.max, x.dtype.type(0))))


def erf(x):
    """exp(-x^2) times a series of positive terms; 1 beyond 7."""
    if x.dtype == np.float64:
        return np.fromiter(map(math.erf, x), np.float64, x.size)
    a = np.clip(x, -7, 7)
    term = total = a * np.longdouble("1.12837916709551257389615890312154517169")
    for n in range(1, 200):
        term = term * (2 * a * a / (2 * n + 1))
        total = total + term
    return np.exp(-a * a) * total


REFERENCES = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "erf": erf,
}


@lru_cache(maxsize=1)
def arguments(dtype):
    """Every magnitude by its bits, the ranges where something happens densely, and the boundaries."""
    info, rng = np.finfo(dtype), np.random.default_rng(0)
    word = np.uint32 if dtype == np.float32 else np.uint64
    n = 500_000 if dtype == np.float32 else 40_000
    bits = rng.integers(0, np.iinfo(word).max, n, dtype=word, endpoint=True).view(dtype)
    edge = [0, info.smallest_subnormal, info.tiny, info.eps, 1, 3.95, 5.93, 20, 40, info.max]
    edge += [math.log(2) / 2, math.sqrt(2), math.sqrt(2) - 1]
    edge += [math.log(v) for v in (info.max, info.tiny, info.smallest_subnormal)]
    edge = np.array(edge, dtype)
    with np.errstate(over="ignore", under="ignore"):
        edge = np.concatenate([np.nextafter(edge, dtype.type(to)) for to in (-INF, INF)] + [edge])
    dense = [rng.uniform(-w, w, n // 5).astype(dtype) for w in (0.3, 1, 3, 20, -1.1 * math.log(info.tiny))]
    x = np.concatenate([bits, edge, -edge, *dense])
    return x[np.isfinite(x)]


@lru_cache(maxsize=1)
def exact(name, dtype):
    """Arguments inside the domain, and the function in the next wider precision."""
    x = arguments(dtype)
    x = x[x > {"log": 0, "log1p": -1}.get(name, -INF)]
    with np.errstate(all="ignore"):
        return x, REFERENCES[name](x.astype(np.float64 if dtype == np.float32 else np.longdouble))


@pytest.mark.parametrize("name", BOUNDS)
def test_worst_error(name, kernels, dtype):
    x, want = exact(name, dtype)
    y = apply(kernels, name, x)
    info = np.finfo(dtype)
    with np.errstate(over="ignore", under="ignore"):
        rounded = want.astype(dtype)
    overflow = np.isinf(rounded)
    np.testing.assert_array_equal(y[overflow], rounded[overflow])
    flushed = (np.abs(want) < info.tiny) & (y == 0) & (name in FLUSHES)
    checked = ~(overflow | flushed)
    y, want = y[checked], want[checked]
    error = np.abs(y - want) / ulp(rounded[checked])
    bound = BOUNDS[name][dtype == np.float64] + (dtype == np.float64 and not EXTENDED)
    worst = np.argmax(error)
    assert error[worst] <= bound, f"{error[worst]:.2f} ulp at x = {x[checked][worst]!r}"


def test_tanh_at_every_third_float(kernels, dtype):
    """Where tanh is neither x nor 1 to the last bit; every third number of each stretch, the stretches shifted."""
    if dtype != np.float32:
        pytest.skip("there are too many numbers of double precision")
    first, last = (np.float32(x).view(np.uint32).item() for x in (2**-11, 10))
    for start in range(first, last, 3 << 20):
        x = np.arange(start, min(start + (3 << 20), last), 3, np.uint32).view(np.float32)
        y, want = apply(kernels, "tanh", x), np.tanh(x.astype(np.float64))
        assert (np.abs(y) <= 1).all()
        assert (np.abs(y - want) <= BOUNDS["tanh"][0] * ulp(want.astype(np.float32))).all()
        assert (np.diff(y) >= -2 * BOUNDS["tanh"][0] * ulp(y[1:])).all()


@pytest.mark.skipif(not EXTENDED, reason="long double is double here")
def test_tanh_at_a_million_doubles(kernels, dtype):
    """Of every size up to saturation, more of them where n changes first, and none above 1."""
    if dtype != np.float64:
        pytest.skip("every third number of single precision has a test of its own")
    rng = np.random.default_rng(1)
    ranges = ((2.0**-30, 0.2), (0.2, 0.65), (0.65, 3), (3, 19.5))
    for low, high in ranges:
        x = np.exp(rng.uniform(math.log(low), math.log(high), 250_000))
        y, want = apply(kernels, "tanh", x), np.tanh(x.astype(np.longdouble))
        assert (y <= 1).all()
        assert (np.abs(y - want) <= BOUNDS["tanh"][1] * ulp(want.astype(np.float64))).all()


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_every_ninth_float(name, kernels, dtype):
    """Of both signs, from where the function is linear to where it saturates or is flushed."""
    if dtype != np.float32:
        pytest.skip("there are too many numbers of double precision")
    first, last = (np.float32(x).view(np.uint32).item() for x in (2**-24, 88))
    for start in range(first, last, 9 << 20):
        x = np.arange(start, min(start + (9 << 20), last), 9, np.uint32).view(np.float32)
        for z in (x, -x):
            y, want = apply(kernels, name, z), REFERENCES[name](z.astype(np.float64))
            normal = want > np.finfo(np.float32).tiny * 1.01
            error = np.abs(y - want)[normal]
            assert (error <= BOUNDS[name][0] * ulp(want[normal].astype(np.float32))).all()


SPECIAL = [
    ("exp", [0, INF, -INF, NAN], [1, INF, 0, NAN]),
    ("expm1", [INF, -INF, NAN], [INF, -1, NAN]),
    ("log", [1, 0, -0.0, -1, INF, -INF, NAN], [0, -INF, -INF, NAN, INF, NAN, NAN]),
    ("log1p", [-1, -2, INF, -INF, NAN], [-INF, NAN, INF, NAN, NAN]),
    ("tanh", [INF, -INF, NAN], [1, -1, NAN]),
    ("sigmoid", [0, INF, -INF, NAN], [0.5, 1, 0, NAN]),
    ("softplus", [INF, -INF, NAN], [INF, 0, NAN]),
    ("erf", [INF, -INF, NAN], [1, -1, NAN]),
]


@pytest.mark.parametrize(("name", "x", "want"), SPECIAL, ids=[row[0] for row in SPECIAL])
def test_special_values(name, x, want, kernels, dtype):
    x = np.repeat(np.array(x, dtype), 16)  # long enough for the vector loop
    np.testing.assert_array_equal(apply(kernels, name, x), np.repeat(np.array(want, dtype), 16))


def test_every_nan_stays_nan(kernels, dtype):
    """Also those whose payload would reach the exponent."""
    word = np.uint32 if dtype == np.float32 else np.uint64
    quiet = np.array(NAN, dtype).view(word)
    payloads = quiet | np.arange(5000, dtype=word) | word(1) << np.arange(5000, dtype=word) % word(20)
    x = np.concatenate([payloads.view(dtype), -payloads.view(dtype)])
    for name in BOUNDS:
        assert np.isnan(apply(kernels, name, x)).all(), name


@pytest.mark.parametrize("name", KEEPS_SIGNED_ZERO)
def test_tiny_arguments_are_returned(name, kernels, dtype):
    """f(x) = x where x^2 vanishes, to the last subnormal, and both zeros keep their sign."""
    info = np.finfo(dtype)
    x = np.array([0, info.smallest_subnormal, info.tiny / 2, info.tiny, info.eps**2], dtype).repeat(16)
    x = np.concatenate([x, -x])
    y = apply(kernels, name, x)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(x))
    if name != "erf":  # erf(x) = 2 x / sqrt(pi)
        assert (np.abs(y - x) <= info.smallest_subnormal).all()


@pytest.mark.parametrize("name", ODD)
def test_odd(name, kernels, dtype):
    x = arguments(dtype)
    np.testing.assert_array_equal(apply(kernels, name, -x), -apply(kernels, name, x))


@pytest.mark.parametrize("name", BOUNDS)
def test_increasing(name, kernels, dtype):
    """Neighbours may swap within the error bound, never more."""
    x, _ = exact(name, dtype)
    y = apply(kernels, name, np.sort(x))
    y = y[np.isfinite(y)]
    fall = np.maximum.accumulate(y)[:-1] - y[1:]
    assert (fall <= 2 * BOUNDS[name][dtype == np.float64] * ulp(y[1:])).all()


@pytest.mark.parametrize("name", BOUNDS)
def test_result_depends_on_the_argument_alone(name, kernels, dtype):
    """The vector loop, its remainder and the scalar code give the same bits; out may be x."""
    x = np.random.default_rng(1).normal(scale=3, size=257).astype(dtype)
    x = np.abs(x) if name.startswith("log") else x
    whole = apply(kernels, name, x)
    for n in (0, 1, 2, 3, 5, 7, 13, 31, 100):
        for start in range(0, x.size - n, max(n, 1)):
            part = slice(start, start + n)
            np.testing.assert_array_equal(apply(kernels, name, x[part]), whole[part])
    kernels.elementary(name, x, x)
    np.testing.assert_array_equal(x, whole)


def test_names(kernels):
    assert set(kernels.ELEMENTARY) == set(BOUNDS)


def test_unknown_name(kernels, dtype):
    x = np.zeros(3, dtype)
    with pytest.raises(ValueError, match=r"name must be one of exp, expm1, .*; got 'sin'"):
        kernels.elementary("sin", x, x)


def test_unequal_lengths(kernels, dtype):
    with pytest.raises(ValueError, match=r"out has length 2; expected 3"):
        kernels.elementary("exp", np.zeros(3, dtype), np.zeros(2, dtype))
