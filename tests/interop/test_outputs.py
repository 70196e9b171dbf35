"""Which function of the outputs goes with which loss."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import to_c, to_onnx

X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
LABELS = np.arange(8) % 3
NUMBERS = np.ones((8, 3))


def trained(loss, y):
    net = gd.LinearModel(2, 3 if np.ndim(y) == 2 or loss == "cross_entropy" else 1, seed=0)
    net.fit(X, y, loss, epochs=1)
    return net


REFUSED = [
    ("bce", NUMBERS, "softmax", r"each output is a binary model of its own: use output='sigmoid', and where .* divide"),
    ("bce", NUMBERS[:, 0], "softmax", "of one output is always 1: use output='sigmoid'"),
    ("cross_entropy", LABELS, "sigmoid", r"trained with CrossEntropy\(\): use output='softmax'"),
    *(
        (loss, NUMBERS, output, rf"whose outputs are {meaning}: use output='raw'")
        for loss, meaning in (("hinge", "margins"), ("mse", "numbers"), ("poisson", "logarithms of rates"))
        for output in ("softmax", "sigmoid")
    ),
]


@pytest.mark.parametrize("export", [to_c, to_onnx])
@pytest.mark.parametrize(("loss", "y", "output", "message"), REFUSED)
def test_what_does_not_fit_the_loss_is_refused(export, loss, y, output, message):
    with pytest.raises(ValueError, match=message):
        export(trained(loss, y), output=output)


@pytest.mark.parametrize(
    ("loss", "y", "output"),
    [("bce", NUMBERS, "sigmoid"), ("cross_entropy", LABELS, "softmax"), ("mse", NUMBERS, "raw")],
)
def test_what_fits_is_exported(loss, y, output):
    assert "static" in to_c(trained(loss, y), output=output)


def test_a_function_of_ones_own_is_not_judged():
    net = gd.LinearModel(2, 3, seed=0)
    net.fit(X, NUMBERS, lambda outputs, y: (0.0, 0 * outputs), epochs=1)
    assert "softmax" in to_c(net, output="softmax")
