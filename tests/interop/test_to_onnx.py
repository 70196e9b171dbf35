"""Graphs of ONNX, run by onnxruntime, against `predict`."""

import math
import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import to_onnx
from gdcore.interop.onnx.forms import FORMS
from interop.models import ACTIVATIONS, drawn, near, scaled, with_activation

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def run(proto, X):
    """Outputs of a graph at rows of its own precision."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X})[0]


def test_every_activation_has_a_form():
    assert list(FORMS) == [row.name for row in gd.ACTIVATIONS]


def test_without_onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r"to_onnx needs onnx .*: pip install 'gdcore\[onnx\]'"):
        to_onnx(gd.LinearModel(2))


@each_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_every_activation(activation, dtype, rng):
    pytest.importorskip("onnx")
    net = with_activation(activation, dtype, rng)
    X = (rng.normal(size=(200, 4)) * rng.choice([0.01, 1, 8], (200, 1))).astype(dtype)
    found = run(to_onnx(net), X)
    assert found.dtype == dtype
    assert near(found, net.predict(X), dtype)


def test_gelu_in_float64_keeps_digits_also_in_the_tail():
    pytest.importorskip("onnx")
    net = gd.Sequential(gd.Dense(1, 1, "gelu", weight_init="ones"), dtype="float64")
    X = np.concatenate([np.linspace(-38, 38, 20_001), np.linspace(-3, 3, 20_001), [-1e300, -1e5, 1e5, 1e300]])
    want = np.array([0.5 * x * math.erfc(-x * math.sqrt(0.5)) for x in X])
    found = run(to_onnx(net), X[:, None])[:, 0]
    normal = np.abs(want) > np.finfo(np.float64).tiny
    assert (np.abs(found - want) <= 1e-15 * np.maximum(1, np.abs(want))).all()
    assert (np.abs(found - want)[normal] <= 1e-12 * np.abs(want[normal])).all()


@each_dtype
def test_scaling_layers(dtype, rng):
    pytest.importorskip("onnx")
    net, X = scaled(dtype, rng)
    X = X.astype(dtype)
    proto = to_onnx(net)
    assert near(run(proto, X), net.predict(X), dtype)
    assert run(proto, X[:0]).shape == (0, 2)
    assert "Dropout" not in {node.op_type for node in proto.graph.node}


@each_dtype
def test_log1p_keeps_digits(dtype):
    pytest.importorskip("onnx")
    net = gd.Sequential(gd.Log1p(1), gd.Dense(1, 1, weight_init="ones"), dtype=dtype)
    X = np.concatenate([np.logspace(-30, 30, 997), -np.logspace(-30, -1e-3, 991)])[:, None].astype(dtype)
    want = np.log1p(X.astype(np.float64))
    assert (np.abs(run(to_onnx(net), X) / want - 1) < 8 * np.finfo(dtype).eps).all()


@each_dtype
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_probabilities(output, dtype, rng):
    pytest.importorskip("onnx")
    net = drawn(gd.MLP([4, 6, 3], activation="tanh", dtype=dtype), rng, 3)
    X = rng.normal(size=(30, 4)).astype(dtype)
    z = net.predict(X).astype(np.float64)
    want = gd.softmax(z) if output == "softmax" else 1 / (1 + np.exp(-z))
    assert near(run(to_onnx(net, output=output), X), want, dtype)


def test_the_other_precision_and_names(rng, tmp_path):
    onnx = pytest.importorskip("onnx")
    pandas = pytest.importorskip("pandas")
    net = gd.LinearModel(2, dtype="float64")
    frame = pandas.DataFrame(rng.normal(size=(9, 2)), columns=["área", "b"])
    net.fit(frame, np.ones(9), "mse", epochs=2)
    proto = to_onnx(net, dtype="float32")
    onnx.save(proto, tmp_path / "model.onnx")
    again = onnx.load(tmp_path / "model.onnx")
    assert near(run(again, frame.to_numpy(np.float32)), net.predict(frame), "float32")
    assert {each.key: each.value for each in again.metadata_props} == {"feature_names": "área\nb"}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: to_onnx("net"), TypeError, "model must be a gdcore.Sequential"),
        (lambda: to_onnx(gd.LinearModel(2), dtype="float16"), ValueError, "dtype must be 'float32' or 'float64'"),
        (lambda: to_onnx(gd.LinearModel(2), output="probabilities"), ValueError, "unknown output 'probabilities'"),
        (lambda: to_onnx(gd.LinearModel(2), output="softmax"), ValueError, "use output='sigmoid'"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
