"""Files made to do harm: refused at once, whatever they claim, without memory and without running anything."""

import gzip
import json
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
from files import from_bytes, put_together, taken_apart, to_bytes

import gdcore as gd
from gdcore.io.header import MAX_BYTES

MODEL = to_bytes(gd.LinearModel(2, seed=0))


def refused(data, match):
    """Refused with this message, in little time."""
    began = time.process_time()
    with pytest.raises(gd.FileFormatError, match=match):
        from_bytes(data)
    assert time.process_time() - began < 5  # a second or less on a machine that does nothing else


def header_of(**metadata):
    header, _, tensors = taken_apart(MODEL)
    header["__metadata__"].update(metadata)
    return header, tensors


def with_text(text):
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, MAX_BYTES + 1, 2**32])
def test_a_huge_header_is_not_read(length):
    refused(length.to_bytes(8, "little") + b"{}", "does not begin as files of gdcore do")


def test_a_header_longer_than_the_file():
    refused((1000).to_bytes(8, "little") + b"{}", "is truncated: its header has 1,000 bytes, and only 2 are there")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"[" * 10**6, "does not begin"),
        (b'{"a":' * 10**6, "brackets 1,000,000 deep; at most 32"),
        (b'{"a":' + b"[" * 10**7, "10,000,001 objects and lists"),
        (b'{"a":[' + b"[]," * 3_000_000 + b"[]]}", "3,000,003 objects and lists; at most 2,097,152"),
        (b'{"' + b'\\"' * 10**7, "not JSON"),
        (b'{"' + b"\\" * 10**7, "not JSON"),
        (b'{"a":"' + b"[" * 10**6 + b'"}', "has no metadata"),
        (b'{"a":1' + b"0" * 10**6 + b"}", "beyond 64 bits"),
        (b'{"a":-1' + b"0" * 30 + b"}", "beyond 64 bits"),
        (b'{"a":1e999}', "beyond float64"),
        (b'{"a":NaN}', "has NaN, which is no number"),
        (b'{"a":-Infinity}', "has -Infinity, which is no number"),
        (b'{"\xff":1}', "not UTF-8: its byte 2"),
        ('{"a":1}'.encode("utf-16-le"), "not JSON"),
        (b'{"a":1}\0', "not JSON"),
        (b'{"a":1,"a":1}', "has 'a' twice"),
        (b'{"__metadata__":{"x":"1","x":"1"}}', "has 'x' twice"),
        (b'{"__metadata__":{"x":"\\ud800"}}', "an unpaired surrogate, which is no valid UTF-8, in its metadata"),
        (b'{"__metadata__":{},"\\udfff":{}}', "an unpaired surrogate|not described"),
        (b'{"__metadata__":{"x":1}}', "no metadata"),
        (b'{"__metadata__":{"format":"pt"}}', "no format 'gdcore' in its metadata: load them by safetensors"),
        (b"{}", "no metadata"),
        (b"", "does not begin"),
    ],
    ids=range(23),
)
def test_headers_that_are_none(text, match):
    refused(with_text(text), match)


def test_many_entries_are_refused_quickly():
    header, tensors = header_of()
    header |= {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [12, 12]} for i in range(100_000)}
    refused(put_together(header, tensors=tensors), "has a tensor that nothing refers to: 't")


def test_many_layers_are_refused_quickly():
    header, tensors = header_of()
    _, document, _ = taken_apart(MODEL)
    document["content"]["layers"] *= 50_000
    refused(put_together(header, document, tensors), "layers of 150,000 parameters, and only 3 numbers")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("dtype", "F16", "of dtype F16; known: F64, I64, F32"),
        ("dtype", ["F32"], "of dtype"),
        ("shape", [2**62, 2**62], "in 8 bytes; it has 85,070,591"),
        ("shape", [-2, -1], "not 8 or fewer integers >= 0"),
        ("shape", [2.0, 1], "not 8 or fewer integers >= 0"),
        ("shape", [True, 2], "not 8 or fewer integers >= 0"),
        ("shape", [1] * 9, "not 8 or fewer integers >= 0"),
        ("shape", [1, 2], r"has dense0.weight of shape \(1, 2\) .*; its layer takes \(2, 1\)"),
        ("shape", [2], r"has dense0.weight of shape \(2,\)"),
        ("data_offsets", [0, 9], "in 9 bytes; it has 8"),
        ("data_offsets", [8, 0], "in -8 bytes; it has 8"),
        ("data_offsets", [4, 12], "leaves a gap before it: byte 4 where 0 is due"),
        ("data_offsets", [0], "not two integers"),
        ("data_offsets", None, "not two integers"),
    ],
)
def test_entries_that_lie(name, value, match):
    header, tensors = header_of()
    header["dense0.weight"][name] = value
    refused(put_together(header, tensors=tensors), match)


def test_overlapping_tensors():
    header, tensors = header_of()
    header["dense0.bias"]["data_offsets"] = [4, 8]
    refused(put_together(header, tensors=tensors[:8]), "overlaps the one before it: byte 4 where 8 is due")


def test_a_missing_and_a_renamed_tensor():
    header, tensors = header_of()
    bias = header.pop("dense0.bias")
    refused(put_together(header, tensors=tensors[:8]), "layers of 3 parameters, and only 2 numbers")
    header["dense1.bias"] = bias
    refused(put_together(header, tensors=tensors), "has no tensor 'dense0.bias'")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_parameters_that_are_not_finite(bad):
    header, tensors = header_of()
    refused(put_together(header, tensors=np.float32(bad).tobytes() + tensors[4:]), "NaN or infinity in dense0.weight")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        (
            "dtype",
            "float64",
            r"has dense0.weight of shape .* and dtype float32; its layer takes \(2, 1\) and float64",
        ),
        ("dtype", "float16", "has a model of dtype 'float16'"),
        ("feature_names", ["a"], "has 1 feature names for 2 inputs"),
        ("feature_names", ["a", 1], "has the feature names .*; expected texts"),
        ("layers", [], "describes an invalid model: a model needs at least one Dense layer"),
        ("layers", 3, "has a list of layers with something else in it"),
        ("seed", -1, "describes an invalid model: seed must be >= 0, got -1"),
        ("loss", {"dict": {"custom": 3}}, "has {.*} where a loss is expected"),
    ],
)
def test_models_that_lie(name, value, match):
    header, tensors = header_of()
    _, document, _ = taken_apart(MODEL)
    document["content"][name] = value
    refused(put_together(header, document, tensors), match)


def test_a_layer_larger_than_the_file():
    header, tensors = header_of()
    _, document, _ = taken_apart(MODEL)
    document["content"]["layers"][0]["values"].update(in_features=2**40, out_features=2**20)
    refused(put_together(header, document, tensors), "layers of 1,152,921,504,607,895,552 parameters, and only 3")


@pytest.mark.parametrize(
    ("version", "match"),
    [
        ("2", "has format version 2, saved by gdcore '0.1.0'; gdcore .* reads version 1: install a newer gdcore"),
        ("999999999", "has format version 999999999"),
        ("1" * 5000, "has the format version '1111"),
        ("-1", "has the format version '-1'; expected a number"),
        ("١", "expected a number"),
        ("", "expected a number"),
    ],
)
def test_a_newer_version_is_said_to_be_one(version, match):
    header, tensors = header_of(format_version=version)
    refused(put_together(header, tensors=tensors), match)


def test_other_metadata():
    header, tensors = header_of(more="x")
    refused(put_together(header, tensors=tensors), "has other metadata than format, ")


def test_a_checksum_that_stands_twice_or_nowhere():
    header, tensors = header_of()
    digits = header["__metadata__"]["sha256"]
    text = json.dumps(header).encode()  # with a blank after each colon
    refused(with_text(text) + tensors, "has no checksum where one is due")
    header["__metadata__"]["sha256"] = digits[:-1]
    refused(with_text(json.dumps(header, separators=(",", ":")).encode()) + tensors, "no checksum where one is due")


def test_nothing_in_a_file_is_called_or_imported():
    header, tensors = header_of()
    _, document, _ = taken_apart(MODEL)
    for value in (
        {"custom": "os.system"},
        {"custom": "system", "fields": {"command": "true"}},
        {"record": "os", "values": {"kind": "system"}},
        {"record": "gdcore.losses", "values": {"kind": "huber", "delta": 1.0}},
        {"py/object": "os.system"},
    ):
        document["content"]["seed"] = value
        refused(put_together(header, document, tensors), "is not gdcore's|has a record of|has a value of unknown form")


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (lambda path: path.write_bytes(pickle.dumps(np.zeros(9))), "looks like a pickle: load it with pickle.load"),
        (lambda path: np.save(path, np.zeros(9)), "looks like an array of numpy.save"),
        (lambda path: np.savez(path, np.zeros(9)), "looks like a zip archive"),
        (
            lambda path: path.write_text("hello world, this is text"),
            "does not begin as files of gdcore do, which have the layout of safetensors: it looks like text, 'hello wo'"
            " and so on; load a file that gdcore.save has written$",
        ),
        (lambda path: path.write_text('{"a": 1}\n'), "it looks like text, '{\"a\": 1}' and so on"),
        (
            lambda path: path.write_bytes(b"\x08" * 99),
            "safetensors: its first 8 bytes are no length of a header; load a",
        ),
        (lambda path: path.write_bytes(gzip.compress(b"x", mtime=1e9)), "looks like a gzip archive: unpack it"),
        (lambda path: path.write_bytes(gzip.compress(b"x", mtime=0)), "looks like a gzip archive: unpack it"),
        (
            lambda path: path.write_bytes((8).to_bytes(8, "little") + b"[1, 2]  "),
            "safetensors: after its first 8 bytes no JSON begins$",
        ),
        (
            lambda path: path.write_bytes((8).to_bytes(8, "little") + b'{"a":1]}'),
            "is damaged: it has a header that is not JSON from character 6 on$",
        ),
        (lambda path: path.write_bytes(b""), "ends after 0 bytes"),
    ],
)
def test_other_files_are_told_apart(write, match, tmp_path):
    path = tmp_path / "x.npz"
    write(path)
    path = next(tmp_path.iterdir())
    with pytest.raises(gd.FileFormatError, match=match) as caught:
        gd.load(path)
    assert str(caught.value).startswith(f"{path} ")


def test_a_pipe_and_a_device_are_refused_and_block_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/null"):
        with pytest.raises(gd.FileFormatError, match="is no ordinary file"):
            gd.load(path)
    with pytest.raises(IsADirectoryError):
        gd.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        gd.load(tmp_path / "none")


def test_a_low_recursion_limit_or_a_high_one_crashes_nothing(tmp_path):
    (tmp_path / "deep").write_bytes(with_text(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"))
    code = f"""
import sys; sys.setrecursionlimit(10**6)
import gdcore as gd
try: gd.load({str(tmp_path / "deep")!r})
except gd.FileFormatError as error: print(error)
"""
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert "brackets 200,001 deep" in done.stdout


def test_a_file_that_claims_more_than_it_holds_needs_no_memory(tmp_path):
    """A file with holes: 1 TB long, and nothing in it but a header that is no header."""
    path = tmp_path / "sparse"
    path.write_bytes((MAX_BYTES).to_bytes(8, "little"))
    try:
        os.truncate(path, 2**40)
    except OSError:
        pytest.skip("this file system has no such files")
    code = f"""
import resource, gdcore as gd
resource.setrlimit(resource.RLIMIT_AS, ({4 * 2**30}, {4 * 2**30}))
try: gd.load({str(path)!r})
except gd.FileFormatError as error: print(error)
"""
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert "does not begin" in done.stdout
