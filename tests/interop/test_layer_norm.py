"""LayerNorm on every way out, and from PyTorch back."""

import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import from_torch, to_c, to_onnx, to_sklearn, to_torch
from interop.compiled import COMPILERS, Compiled
from interop.models import drawn, near

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def normed(dtype, rng):
    layers = [gd.LayerNorm(4), gd.Dense(4, 6, "tanh"), gd.LayerNorm(6, eps=1e-3), gd.Dense(6, 2)]
    net = drawn(gd.Sequential(*layers, dtype=dtype), rng)
    return net, (rng.normal(size=(40, 4)) * [1, 2, 3, 0.1] + 5).astype(dtype)


@each_dtype
@pytest.mark.parametrize("compiler", COMPILERS)
def test_in_c(dtype, compiler, rng, tmp_path):
    net, X = normed(dtype, rng)
    model = Compiled(to_c(net, gradient=True), tmp_path, dtype=dtype, compiler=compiler, gradient=True)
    assert near(model.predict(X, 2), net.predict(X), dtype)
    wide = net.astype("float64")
    for x in X[:8].astype(np.float64):
        steps = 1e-5 * np.eye(4)
        want = (wide.predict(x + steps) - wide.predict(x - steps)).T / 2e-5
        y, found = model.gradient(x, 2)
        assert near(y, net.predict(x[None].astype(dtype))[0], dtype)
        assert np.allclose(found, want, rtol=1e-4, atol=2e-5)


@each_dtype
def test_in_onnx(dtype, rng):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    net, X = normed(dtype, rng)
    session = runtime.InferenceSession(to_onnx(net).SerializeToString())
    found = session.run(None, {"X": X})[0]
    assert near(found, net.predict(X), "float32")


@each_dtype
def test_in_torch_and_back(dtype, rng):
    torch = pytest.importorskip("torch")
    net, X = normed(dtype, rng)
    module = to_torch(net)
    with torch.no_grad():
        assert near(module(torch.from_numpy(X)), net.predict(X), dtype)
    again = from_torch(module)
    assert again.layers == net.layers
    assert (again.params == net.params).all()
    nn = torch.nn
    for odd, message in (
        (nn.LayerNorm((2, 2)), "normalizes over axes of shape (2, 2); expected one axis"),
        (nn.LayerNorm(2, elementwise_affine=False), "has no gain and bias: pass elementwise_affine=True"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            from_torch(nn.Sequential(odd, nn.Linear(2, 1)))


def test_not_in_scikit_learn(rng):
    pytest.importorskip("sklearn")
    with pytest.raises(
        TypeError, match=r"to_sklearn cannot express layer 0, LayerNorm\(4\); .*the nearest leaves it out"
    ):
        to_sklearn(normed("float32", rng)[0])
