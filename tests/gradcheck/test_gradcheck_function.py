"""check_gradient: any function, written with anything; bad input is refused or judged, never passed."""

import math
import random

import numpy as np
import pytest

import gdcore as gd

X = np.array([0.5, -1.0, 2.0])
NAN, INF = np.nan, np.inf


def fun(x):
    return float(np.sum(np.sin(x) + x**2))


def grad(x):
    return np.cos(x) + 2 * x


def both(x):
    return fun(x), grad(x)


RIGHT = {
    "function and gradient": lambda: gd.check_gradient(fun, grad, X),
    "fun returns both": lambda: gd.check_gradient(both, True, X),
    "the gradient itself": lambda: gd.check_gradient(fun, grad(X), X),
    "a list": lambda: gd.check_gradient(fun, grad, [0.5, -1, 2]),
    "integers": lambda: gd.check_gradient(fun, grad, np.arange(3)),
    "a number": lambda: gd.check_gradient(lambda x: x**3, lambda x: 3 * x**2, 2.0),
    "a matrix": lambda: gd.check_gradient(fun, grad, np.arange(6.0).reshape(2, 3) - 2.5),
    "an array of one": lambda: gd.check_gradient(lambda x: np.array([[fun(x)]]), grad, X),
    "further arguments": lambda: gd.check_gradient(
        lambda x, a, b: a * fun(x) + b, lambda x, a, b: a * grad(x), X, args=(3.0, 1.0)
    ),
    "fun writes into x": lambda: gd.check_gradient(lambda x: float(np.square(x, out=x).sum()), lambda x: 2 * x, X),
    "Python's own numbers": lambda: gd.check_gradient(lambda x: (x * x).sum().item(), lambda x: (2 * x).tolist(), X),
    "float32": lambda: gd.check_gradient(lambda x: np.sum(x * x, dtype=np.float32), lambda x: 2 * x, X),
    "float32 x": lambda: gd.check_gradient(lambda x: np.sum(np.sin(x)), np.cos, X.astype(np.float32)),
    "a float32 gradient of float64 values": lambda: gd.check_gradient(fun, grad(X).astype(np.float32), X),
    "a gradient computed in float32": lambda: gd.check_gradient(
        fun, lambda x: grad(x.astype(np.float32)), np.linspace(-2, 2, 99)
    ),
    "math functions": lambda: gd.check_gradient(lambda x: math.log(x[0]), lambda x: 1 / x, np.array([1e-6])),
    "sample": lambda: gd.check_gradient(fun, grad, np.linspace(-2, 2, 99), mode="sample", samples_per_block=5),
    "directions": lambda: gd.check_gradient(fun, grad, np.linspace(-2, 2, 99), mode="directions", directions=3),
}


@pytest.mark.parametrize("check", RIGHT.values(), ids=RIGHT)
def test_right_gradients_pass(check):
    report = check()
    assert report.ok, report


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wrong_gradients_fail_at_any_scale(scale, dtype):
    x = X.astype(dtype)

    def scaled(x):
        return np.dtype(dtype).type(scale) * np.sum(np.sin(x) + x**2)

    def off(x, factor=1.0):
        return (scale * factor * (np.cos(x) + 2 * x)).astype(dtype)

    assert gd.check_gradient(scaled, off, x).ok
    for index in range(3):
        one = np.ones(3, dtype)
        one[index] += np.dtype(dtype).type(0.03 if dtype == "float32" else 1e-4)
        report = gd.check_gradient(scaled, lambda x, one=one: off(x) * one, x)
        assert report.entries["verdict"].tolist() == ["fail" if i == index else "pass" for i in range(3)]


@pytest.mark.parametrize(
    ("call", "exception", "message"),
    [
        (lambda: gd.check_gradient(X, grad, fun), TypeError, r"fun must be callable, got a ndarray of shape \(3,\)$"),
        (lambda: gd.check_gradient(lambda x: NAN, grad, X), ValueError, r"fun\(x\) is nan; expected a finite number"),
        (lambda: gd.check_gradient(lambda x: -INF, grad, X), ValueError, r"fun\(x\) is -inf.*inside the domain"),
        (lambda: gd.check_gradient(np.sin, grad, X), ValueError, r"fun returned an array of shape \(3,\); expected"),
        (lambda: gd.check_gradient(lambda x: None, grad, X), TypeError, "fun returned None.*return missing"),
        (lambda: gd.check_gradient(lambda x: "3", grad, X), TypeError, "fun returned str; expected a number"),
        (lambda: gd.check_gradient(lambda x: 1j, grad, X), TypeError, "fun returned a complex number"),
        (lambda: gd.check_gradient(both, grad, X), TypeError, "fun returned 2 items; expected a number: pass grad"),
        (lambda: gd.check_gradient(fun, None, X), TypeError, "grad must be a function, an array, or True.*got None$"),
        (lambda: gd.check_gradient(fun, False, 1.0), TypeError, "grad must be a function, an array.*got False$"),
        (lambda: gd.check_gradient(fun, True, X), TypeError, r"fun must return \(value, gradient\).*got float: pass"),
        (lambda: gd.check_gradient(fun, lambda x: None, X), TypeError, "grad returned None.*return missing"),
        (lambda: gd.check_gradient(fun, lambda x: x[:2], X), ValueError, r"grad has shape \(2,\); expected \(3,\)"),
        (lambda: gd.check_gradient(fun, lambda x: x[None], X), ValueError, r"\(1, 3\).*pass grad.reshape\(3,\)$"),
        (
            lambda: gd.check_gradient(lambda W: (W**2).sum(), lambda W: 2 * W.T, np.ones((3, 4))),
            ValueError,
            r"grad has shape \(4, 3\); expected \(3, 4\), as the parameters have: pass grad.T$",
        ),
        (
            lambda: gd.check_gradient(fun, np.ones((2, 6)), np.ones((3, 4))),
            ValueError,
            r"grad has shape \(2, 6\); expected \(3, 4\), as the parameters have$",
        ),
        (lambda: gd.check_gradient(fun, lambda x: x + 1j, X), TypeError, "grad has dtype complex128"),
        (lambda: gd.check_gradient(fun, 3.0, X), ValueError, r"grad has shape \(\); expected \(3,\)"),
        (lambda: gd.check_gradient(fun, grad, []), ValueError, r"x has shape \(0,\): no entries"),
        (lambda: gd.check_gradient(fun, grad, X, args=3), TypeError, r"args must be a tuple, such as \(1.0,\), got 3"),
        (lambda: gd.check_gradient(fun, grad, [1.0, NAN]), ValueError, "x contains NaN in row 1"),
        (lambda: gd.check_gradient(fun, grad, ["a"]), TypeError, "x has text in row 0"),
        (lambda: gd.check_gradient(fun, grad, X, mode="fast"), ValueError, "mode must be 'auto' or 'full' or"),
        (lambda: gd.check_gradient(fun, grad, X, samples_per_block=0), ValueError, "samples_per_block must be >= 1"),
        (lambda: gd.check_gradient(fun, grad, X, directions=0), ValueError, "directions must be >= 1, got 0"),
        (lambda: gd.check_gradient(fun, grad, X, seed=-1), ValueError, "seed must be >= 0, got -1"),
        (lambda: gd.check_gradient(lambda x: 1 // 0, grad, X), ZeroDivisionError, "division"),
    ],
)
def test_bad_input_is_refused(call, exception, message):
    with pytest.raises(exception, match=message):
        call()


def test_what_is_not_deterministic_is_refused_and_by_how_much():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"fun is not deterministic: two calls.* gave values 0\.\d+ apart"):
        gd.check_gradient(lambda x: fun(x) + rng.random(), grad, X)
    with pytest.raises(ValueError, match=r"grad is not deterministic: two calls.*differ by up to 0\.\d+"):
        gd.check_gradient(fun, lambda x: grad(x) + rng.random(), X)


def test_roundoff_that_differs_from_call_to_call_is_noise():
    rng = np.random.default_rng(0)
    assert gd.check_gradient(lambda x: fun(x) * (1 + 1e-15 * rng.normal()), grad, X).ok


def judged(fun, grad, x):
    return gd.check_gradient(fun, grad, np.atleast_1d(np.asarray(x, float))).entries["verdict"].tolist()


def test_verdicts_at_the_edge_of_the_domain():
    with np.errstate(all="ignore"):
        assert judged(lambda x: np.sqrt(x).sum(), lambda x: 0.5 / np.sqrt(x), 0.0) == ["fail"]  # infinite
        assert judged(lambda x: np.sqrt(x).sum(), lambda x: 1.0 + x, 0.0) != ["pass"]
        assert judged(lambda x: (x**1.5).sum(), lambda x: 1.5 * np.sqrt(x), 0.0) != ["fail"]
        assert judged(lambda x: (x**1.5).sum(), lambda x: 0.1 + x, 0.0) == ["fail"]
        assert judged(lambda x: math.sqrt(x[0]), lambda x: 0.5 / np.sqrt(x), 1e-12) == ["pass"]
        assert judged(lambda x: math.sqrt(x[0]), lambda x: 0.51 / np.sqrt(x), 1e-12) == ["fail"]
        for place in (1e-3, 1e-9, 1e-12, 1e-300):
            assert judged(lambda x: np.log(x).sum(), lambda x: 1 / x, place) == ["pass"]
            assert judged(lambda x: np.log(x).sum(), lambda x: 1.1 / x, place) == ["fail"]
        x = np.array([1e-300, 1.0])  # no step of the second one's size resolves the first
        report = gd.check_gradient(lambda x: float(np.log(x).sum()), lambda x: 1 / x, x)
        assert report.entries["verdict"].tolist() == ["inconclusive", "pass"]


def test_a_gradient_of_nan_fails():
    assert judged(lambda x: x.sum(), lambda x: x * NAN, X) == ["fail"] * 3


def test_a_point_without_neighbours_is_inconclusive():
    """NaN everywhere but at x: nothing can be said, and nothing is passed."""
    report = gd.check_gradient(lambda x: fun(x) if (x == X).all() else NAN, grad, X)
    assert report.entries["verdict"].tolist() == ["inconclusive"] * 3
    assert report.verdict == "inconclusive"
    assert not report.ok


def test_a_function_of_noise_alone_is_not_passed():
    def noisy(x):
        return fun(x) + np.random.default_rng(x.tobytes()[0] + 7).normal()

    assert not gd.check_gradient(noisy, lambda x: grad(x) * 1.001, X).ok


def test_a_jump_is_not_passed():
    assert judged(lambda x: np.floor(x).sum() + x.sum(), np.ones_like, 1.0) != ["pass"]


def test_errors_away_from_x_are_noted():
    def domain(x):
        if x[0] < 0.5:
            raise ValueError("x[0] must be at least 0.5")
        return fun(x)

    report = gd.check_gradient(domain, grad, X)
    assert report.verdict != "fail"
    assert "note: away from x fun raised ValueError: x[0] must be at least 0.5" in str(report)
    with pytest.raises(KeyError):
        gd.check_gradient(lambda x: fun(x) if (x == X).all() else {}[0], grad, X)


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt, RuntimeError])
def test_x_and_random_numbers_are_put_back(ending):
    calls = []
    x = X.copy()

    def drawing(x):
        np.random.random(), random.random()  # noqa: NPY002
        calls.append(1)
        if ending is not None and len(calls) == 20:
            raise ending
        x *= 2
        return fun(x)

    np.random.seed(3), random.seed(3)  # noqa: NPY002
    want = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    if ending is None:
        gd.check_gradient(drawing, lambda x: 2 * grad(2 * x), x)
    else:
        with pytest.raises(ending):
            gd.check_gradient(drawing, lambda x: 2 * grad(2 * x), x)
    np.testing.assert_array_equal(x, X)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == want  # noqa: NPY002


def test_few_calls():
    calls = []
    x = np.linspace(-2, 2, 400)
    report = gd.check_gradient(lambda x: calls.append(1) or fun(x), grad, x)
    assert report.ok
    assert len(calls) <= 7 * len(x)
    assert report.evaluations <= 5 * len(x)


def test_torch():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X)

    def loss(x):
        return (torch.sin(x) + x**2).sum()

    assert gd.check_gradient(loss, torch.func.grad(loss), x).ok
    assert gd.check_gradient(loss, torch.func.grad(loss), x.float()).ok
    assert not gd.check_gradient(loss, lambda x: 1.01 * torch.func.grad(loss)(x), x).ok

    def backward(x):
        x.requires_grad_(True)
        value = loss(x)
        value.backward()
        return value, x.grad

    assert gd.check_gradient(backward, True, x).ok

    def plain(x):
        assert not x.requires_grad
        return loss(x)

    assert gd.check_gradient(plain, torch.func.grad(loss), x).ok


def test_torch_tensors_require_grad_where_x_does():
    torch = pytest.importorskip("torch")

    class Cube(torch.autograd.Function):
        factor = 3

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, upstream):
            return Cube.factor * ctx.saved_tensors[0] ** 2 * upstream

    def loss(x):
        return torch.sin(Cube.apply(x)).sum()

    def grad(x):
        assert x.is_leaf
        return torch.autograd.grad(loss(x), x)[0]

    for dtype in (torch.float64, torch.float32):
        x = torch.linspace(0.1, 1, 6, dtype=dtype, requires_grad=True)
        for point in (x, torch.nn.Parameter(x), x + 1):
            assert gd.check_gradient(loss, grad, point).ok
    Cube.factor = 2
    assert gd.check_gradient(loss, grad, x.double()).causes == (
        "the gradient is 0.6667 times the true gradient in every entry",
    )


@pytest.fixture
def jax_in_single_precision():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64  # whatever another test has asked for
    jax.config.update("jax_enable_x64", False)
    yield jax
    jax.config.update("jax_enable_x64", before)


def test_jax(jax_in_single_precision):
    jax = jax_in_single_precision

    def loss(x):
        return (jax.numpy.sin(x) + x**2).sum()

    for x in (X, jax.numpy.array(X)):  # float32, for jax computes in it
        report = gd.check_gradient(loss, jax.grad(loss), x)
        assert report.ok, report
        assert "float32" in str(report)
        assert not gd.check_gradient(loss, lambda x: 1.1 * jax.grad(loss)(x), x).ok


def test_scipy_functions():
    optimize = pytest.importorskip("scipy.optimize")
    assert gd.check_gradient(optimize.rosen, optimize.rosen_der, np.linspace(-1, 1, 6)).ok


def test_autograd():
    autograd = pytest.importorskip("autograd")
    numpy = pytest.importorskip("autograd.numpy")

    def loss(x):
        return numpy.sum(numpy.tanh(x) ** 2)

    assert gd.check_gradient(loss, autograd.grad(loss), X).ok
