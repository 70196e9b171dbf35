"""Damaged files: every truncation, every flipped bit, and files that lie with the right checksum."""

import json

import pytest
from files import from_bytes, put_together, small_trainer, taken_apart, to_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lies import CHANGES, changed, flipped, lied, places

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


def test_every_flipped_bit_of_a_trainer_is_refused():
    for n in range(8 * len(TRAINER)):
        refused(flipped(TRAINER, n))


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


@pytest.mark.parametrize("data", [MODEL, TRAINER], ids=["model", "trainer"])
@given(CHANGES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_document_that_lies_is_refused_or_makes_a_thing_that_can_be_saved(data, what):
    header, document, tensors = taken_apart(data)
    try:
        thing = from_bytes(put_together(header, json.dumps(lied(document, what)), tensors))
    except gd.FileFormatError:
        return
    assert isinstance(thing, gd.Sequential | gd.Trainer | gd.History)
    again = to_bytes(thing)
    assert to_bytes(from_bytes(again)) == again


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
    again = to_bytes(thing)
    assert to_bytes(from_bytes(again)) == again


@given(st.integers(1, 200), st.randoms())
@settings(max_examples=200, deadline=None)
def test_damaged_tensors_are_never_taken_for_whole(n, random):
    found = bytearray(TRAINER)
    for _ in range(n):
        found[random.randrange(len(found))] = random.randrange(256)
    if bytes(found) != TRAINER:
        refused(bytes(found))
