"""Values and kinds of things that files can hold beside models: what a room above adds."""

import json

import numpy as np
import pytest
from files import from_bytes, put_together, same_bits, taken_apart, to_bytes

import gdcore as gd
from gdcore.io import kinds
from gdcore.io.values import Reader, Writer


class Bag:
    """Something that another room would save."""

    def __init__(self, **contents):
        self.contents = contents


@pytest.fixture
def bags(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", list(kinds.KINDS))
    kinds.register(
        kinds.Kind(
            "bag",
            lambda thing: isinstance(thing, Bag),
            lambda bag, writer, history: writer.encode(bag.contents, "bag"),
            lambda document, reader: Bag(**reader.mapping(document["dict"])),
        )
    )


VALUES = {
    "numbers": (0, 1, -1, 2**63, 2**64 - 1, 0.1, -0.0, 5e-324, 1.7976931348623157e308),
    "not_finite": [float("nan"), float("inf"), float("-inf")],
    "many": tuple(range(100)),
    "many_floats": [0.1] * 50 + [float("nan")],
    "many_large": [*range(50), 2**64 - 1],
    "many_mixed": [*range(50), 0.5],
    "bools": (True,) * 50,
    "none": None,
    "texts": ["", "ä", "\0", '"\\', "𝒳", "tensor"],
    "nested": {"a": [(), [], {}, ({"list": [1]}, {"tensor": "bag.many"})]},
    "numpy": (np.float64(0.1).item(), np.int64(3).item()),
    "record": gd.Adam(gd.schedules.Cosine(0.1, 9)),
    "f4": np.ones((2, 0, 3), "float32"),
    "f8": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "i8": np.array(7),
    "labels": np.array(["cat", "dög", ""]),
    "objects": np.array(["a", "bb"], object),
    "flags": np.array([True, False]),
    "bytes_": np.array([0, 255], "uint8"),
    "small": np.array([-128, 127], "int8"),
    "wide": np.array([2**64 - 1], "uint64"),
    "no_labels": np.array([], "<U3"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_come_back_as_they_were(name, bags):
    value = VALUES[name]
    found = from_bytes(to_bytes(Bag(value=value))).contents["value"]
    assert type(found) is type(value)
    if name == "no_labels":
        assert found.shape == (0,)
        assert found.dtype.kind == "U"
    elif isinstance(value, np.ndarray) and value.dtype == object:
        assert found.dtype == object
        assert found.tolist() == value.tolist()
    else:
        assert same_bits(found, value)
        assert repr(found) == repr(value)


def test_big_endian_and_strided_arrays(bags):
    array = np.arange(12.0).reshape(3, 4)[::2, ::-1]
    for given in (array, array.astype(">f8")):
        found = from_bytes(to_bytes(Bag(value=given))).contents["value"]
        assert found.dtype == np.float64
        assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (object(), TypeError, r"^cannot save bag.x, an object: files hold"),
        (1j, TypeError, r"^cannot save bag.x, 1j: files hold numbers, texts, arrays and records"),
        (b"x", TypeError, r"^cannot save bag.x, b'x'"),
        ({1: 2}, TypeError, r"^cannot save bag.x with the name 1: names must be texts"),
        ("\ud800", ValueError, r"^cannot save bag.x, '\\ud800': UTF-8 cannot write it"),
        (["\ud800"], ValueError, r"^cannot save bag.x.0"),
        (np.array(["\ud800"]), ValueError, r"^cannot save bag.x, '\\ud800'"),
        (np.array([1j]), TypeError, r"^cannot save bag.x, an array of complex128 and shape \(1,\): files hold float64"),
        (np.array([["a"]]), TypeError, r"^cannot save bag.x, an array of <U1 and shape \(1, 1\)"),
        (np.array([None]), TypeError, r"^cannot save bag.x, an array of object"),
        (np.array([1.0], "float16"), TypeError, r"^cannot save bag.x, an array of float16"),
        (2**64, ValueError, r"^cannot save bag.x, 18446744073709551616: files hold integers below 2\*\*64"),
    ],
    ids=range(12),
)
def test_what_no_file_can_hold(value, error, match, bags):
    with pytest.raises(error, match=match):
        to_bytes(Bag(x=value))


@pytest.mark.parametrize(
    ("labels", "of"),
    [
        (["a", 1], "str"),
        ([1], "str"),
        ([True], "int8"),
        ([1], "bool"),
        ([200], "int8"),
        ([-1], "uint64"),
        ("ab", "str"),
        (["a"], "object_"),
        (["a"], "<U9999"),
        ([1], ["int8"]),
        (None, "str"),
        (["a" * 2**14] + ["b"] * 2**11, "str"),
    ],
)
def test_labels_that_are_none(labels, of, bags):
    header, document, tensors = taken_apart(to_bytes(Bag(x=1)))
    document["content"]["dict"]["x"] = {"labels": labels, "of": of}
    with pytest.raises(
        gd.FileFormatError, match=r"has labels|has an invalid list of class labels|has a value of unknown form"
    ):
        from_bytes(put_together(header, json.dumps(document), tensors))


def test_a_kind_has_one_row(bags):
    with pytest.raises(ValueError, match="there is a kind 'bag' already"):
        kinds.register(kinds.KINDS[-1])


def test_a_kind_that_is_not_known():
    header, document, tensors = taken_apart(to_bytes(gd.LinearModel(1)))
    document["kind"] = "bag"
    known = "model, trainer, history, many, estimator, table model"
    with pytest.raises(gd.FileFormatError, match=f"holds 'bag'; known: {known}: import"):
        from_bytes(put_together(header, document, tensors))


def test_a_tensor_is_used_once_and_all_are():
    writer = Writer({})
    document = writer.encode([np.ones(1), np.zeros(1)], "x")
    reader = Reader(writer.tensors, {})
    with pytest.raises(gd.FileFormatError, match=r"has a tensor that nothing refers to: 'x\.0'"):
        reader.finish()
    reader.decode(document)
    reader.finish()
    with pytest.raises(gd.FileFormatError, match=r"has no tensor 'x\.0', or refers to it twice"):
        reader.decode(document)
