"""What all ways out share: a kind of layer that none knows is refused, and nothing is imported before it is needed."""

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import parts, to_c, to_onnx
from gdcore.interop.c import source
from gdcore.interop.onnx import model
from gdcore.interop.parts import parts_of
from gdcore.interop.scikit import out as scikit_out
from gdcore.interop.torch import out as torch_out
from gdcore.layers.layer import Layer
from interop.exchanged import Exchanged


@pytest.mark.parametrize("kind", ["Log1p", "Dropout"])
@pytest.mark.parametrize("way", [to_c, to_onnx])
def test_a_layer_of_an_unknown_kind_is_refused_by_name(kind, way, monkeypatch):
    net = gd.Sequential(gd.Log1p(2), gd.Dropout(0.5), gd.Dense(2, 1))
    monkeypatch.delitem(parts.MAKERS, getattr(gd, kind))
    place = {"Log1p": 0, "Dropout": 1}[kind]
    with pytest.raises(
        TypeError, match=rf"^{way.__name__} cannot express layer {place}, {kind}\(.*it can express Dense"
    ):
        way(net)


def test_every_kind_of_layer_has_a_part_and_every_way_out_takes_every_part():
    assert set(parts.MAKERS) == set(get_args(Layer))
    for table in (source.WRITERS, torch_out.BUILDERS, model.ADDERS, scikit_out.BEHIND_SCALING):
        assert set(table) == set(get_args(parts.Part))


def test_parts_are_the_layers_with_their_numbers(rng):
    net = gd.Sequential(
        gd.Standardize((1.0, 2.0), (4.0, 8.0)), gd.Dense(2, 3, gd.LeakyReLU(0.2)), gd.Dense(3, 1, bias=False), seed=0
    )
    scale, first, second = parts_of(net, "float32", "to_c")
    assert (scale.index, scale.shift.tolist(), scale.factor.tolist(), scale.offset) == (0, [1, 2], [0.25, 0.125], 0)
    assert (first.activation, first.option, first.weight.shape, first.bias.shape) == ("leaky_relu", 0.2, (2, 3), (3,))
    assert second.bias is None
    assert (second.weight == net.parameters()[2][1]).all()


def test_a_scale_that_the_precision_cannot_hold():
    net = gd.Sequential(gd.Standardize((1e300,), (1e10,)), gd.Dense(1, 1), dtype="float64")
    with pytest.raises(ValueError, match=r"scale of layer 0, Standardize, has 1e\+300 at \[0\], which float32 cannot"):
        to_c(net, dtype="float32")


def test_nothing_optional_is_imported():
    code = "import sys, gdcore.interop; print(*{'torch', 'onnx', 'sklearn', 'scipy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_public_names_are_sorted_and_there():
    assert gd.interop.__all__ == sorted(gd.interop.__all__)
    assert all(callable(getattr(gd.interop, name)) for name in gd.interop.__all__)


def test_names_of_arguments_are_explained():
    with pytest.raises(TypeError, match="has no argument 'nam'; did you mean 'name'"):
        to_c(gd.LinearModel(2), nam="price")


def test_a_tensor_in_order_is_not_copied():
    from gdcore.base.arrays import numbers_array

    X = np.ones((4, 3), np.float32)
    assert np.shares_memory(numbers_array("X", Exchanged(X), "float32"), X)
