"""Damaged files: every truncation, every flipped bit, and files that lie with the right checksum."""

import copy
import json

import pytest
from files import from_bytes, put_together, small_trainer, taken_apart, to_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gdcore as gd


def small_model():
    net = gd.LinearModel(2, seed=0)
    net.fit([[0.0, 1.0]], [1.0], "mse", epochs=1)
    return net


MODEL, TRAINER = to_bytes(small_model()), to_bytes(small_trainer(gd.Adam(gd.schedules.ReduceOnPlateau(0.01))))

DIGITS = {data: taken_apart(data)[0]["__metadata__"]["sha256"].encode() for data in (MODEL, TRAINER)}


def refused(data):
    with pytest.raises(gd.FileFormatError) as caught:
        from_bytes(data)
    return str(caught.value)


@pytest.mark.parametrize("data", [MODEL, TRAINER], ids=["model", "trainer"])
def test_every_truncation_is_refused(data):
    assert {type(refused(data[:n])) for n in range(len(data))} == {str}
    assert refused(data[:-1]).startswith("is truncated: its tensors have ")
    assert refused(b"") == "ends after 0 bytes: it is truncated, or no file of gdcore"


def test_every_flipped_bit_of_a_model_is_refused():
    for n in range(8 * len(MODEL)):
        refused(flipped(MODEL, n))


def test_flipped_bits_of_a_trainer_are_refused():
    for n in range(0, 8 * len(TRAINER), 5):  # 5 and 8 have no common factor: each bit's turn comes
        refused(flipped(TRAINER, n))


def flipped(data, n):
    found = bytearray(data)
    found[n // 8] ^= 1 << n % 8
    return bytes(found)


def test_a_flipped_weight_is_named_as_damage():
    assert refused(flipped(MODEL, 8 * len(MODEL) - 9)).startswith("is damaged: its bytes do not give the checksum")


@pytest.mark.parametrize("more", [b"\0", b" " * 8, MODEL], ids=len)
def test_bytes_after_the_end_are_refused(more):
    assert f"has {len(more):,} bytes after its last tensor" in refused(MODEL + more)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused(data):
    refused(data)
    refused(len(data).to_bytes(8, "little") + data)


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def changed(value, path, change):
    """A copy in which the part at a path is what `change` makes of it; DROP removes it."""
    found = copy.deepcopy(value)
    if not path:
        part = change(found)
        return None if part is DROP else part
    inner = at(found, path[:-1])
    part = change(inner[path[-1]])
    if part is DROP:
        del inner[path[-1]]
    else:
        inner[path[-1]] = part
    return found


DROP = object()
NASTY = json.loads("""[
    null, true, false, 0, 1, -1, 2, 3, 7, 2147483648, 9223372036854775808, 18446744073709551616, 1e22, 0.5, -0.5, 1e308,
    -1e308, 1e-320, "", "x", "nan", "relu", "dense", "adam", "model", "trainer", "dense0.weight", "dense0.bias", "F64",
    "__class__", "../x", [], {}, [[]], [1, 2], [0, 8], ["a"], {"a": 1}, {"float": "nan"}, {"float": "inf"},
    {"list": []}, {"list": [1.0, 2.0]}, {"dict": {}}, {"tensor": "dense0.weight", "as": "array"},
    {"tensor": "dense0.bias", "as": "list"}, {"custom": "print"}, {"custom": "os.system", "fields": {}},
    {"record": "losses", "values": {"kind": "huber", "delta": 1.0}},
    {"record": "layers", "values": {"kind": "dropout", "rate": 0.5}},
    {"record": "optimizers", "values": {"kind": "sgd"}},
    {"record": "criteria", "values": {"kind": "time_limit", "seconds": 1.0}}
]""")
JSON = st.recursive(
    st.sampled_from(NASTY) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def shorter(old):
    """A dict without its first entry, and a list or text from its end to its start."""
    if isinstance(old, dict):
        return dict(list(old.items())[1:])
    return old[::-1] if isinstance(old, list | str) else old


def longer(old):
    if isinstance(old, dict):
        return {**old, "more": 1}
    return [*old, *old] if isinstance(old, list) else old


CHANGE = st.one_of(
    JSON.map(lambda value: lambda old: value),
    st.sampled_from([shorter, longer, lambda old: DROP]),
    st.sampled_from([1, -1, 8, -8, 2**32]).map(lambda d: lambda old: old + d if type(old) in (int, float) else [old]),
)
"""Functions from a part of a document to what stands in its place."""
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), CHANGE), min_size=1, max_size=3)


@pytest.mark.parametrize("data", [MODEL, TRAINER], ids=["model", "trainer"])
@given(CHANGES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_document_that_lies_is_refused_or_makes_a_thing_that_can_be_saved(data, what):
    header, document, tensors = taken_apart(data)
    for n, change in what:
        paths = list(places(document))
        document = changed(document, paths[n % len(paths)], change)
    try:
        thing = from_bytes(put_together(header, json.dumps(document), tensors))
    except gd.FileFormatError:
        return
    assert isinstance(thing, gd.Sequential | gd.Trainer | gd.History)
    assert from_bytes(to_bytes(thing)) is not None


@pytest.mark.parametrize("data", [MODEL, TRAINER], ids=["model", "trainer"])
@given(CHANGES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_header_that_lies_is_refused_or_says_the_same(data, what):
    header, _, tensors = taken_apart(data)
    for n, change in what:
        paths = [path for path in places(header) if path != ("__metadata__", "sha256")]
        header = changed(header, paths[n % len(paths)], change)
        if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
            break
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    text = text.replace(DIGITS[data], b"0" * 64)  # where it still stands, put_together gives the right one
    try:
        thing = from_bytes(put_together({}, text=text, tensors=tensors))
    except gd.FileFormatError:
        return
    assert from_bytes(to_bytes(thing)) is not None


@given(st.integers(1, 200), st.randoms())
@settings(max_examples=200, deadline=None)
def test_damaged_tensors_are_never_taken_for_whole(n, random):
    found = bytearray(TRAINER)
    for _ in range(n):
        found[random.randrange(len(found))] = random.randrange(256)
    if bytes(found) != TRAINER:
        refused(bytes(found))
