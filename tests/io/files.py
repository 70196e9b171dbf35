"""What the tests of files share: models and trainers to save, files in memory, and files that lie."""

import hashlib
import json
from io import BytesIO

import numpy as np

import gdcore as gd
from gdcore.io import container, files
from gdcore.io.header import LENGTH_BYTES

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 2))
STOP = gd.EarlyStopping(40), gd.RelativeChange(1e-9, 30), gd.GradientNormThreshold(1e-9, of="epoch")
TOLD = {"validation_data": (X[:9], Y[:9]), "stop": STOP}


def small_trainer(optimizer="adam", dtype="float32"):
    """A trainer in the middle of an epoch, with everything that a trainer may carry."""
    net = gd.MLP([4, 3, 2], "relu", dropout=0.3, seed=3, dtype=dtype)
    trainer = gd.Trainer(net, "mse", optimizer, batch_size=8, clip_norm=0.5, average=gd.EMA(0.9))
    trainer.fit(X, Y, max_steps=8, **TOLD)
    return trainer


def to_bytes(thing, **options):
    return b"".join(files.pieces(thing, **options))


def from_bytes(data, custom=None):
    return files.read(BytesIO(data), len(data), custom or {})


def taken_apart(data):
    """Header (a dict), document and the bytes of the tensors."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    header = json.loads(data[LENGTH_BYTES : LENGTH_BYTES + length])
    return header, json.loads(header["__metadata__"]["document"]), data[LENGTH_BYTES + length :]


def put_together(header, document=None, tensors=b"", text=None):
    """A file with the right checksum, whatever it says; `text` is its header, with 64 zeros for the checksum."""
    if document is not None:
        header["__metadata__"]["document"] = document if isinstance(document, str) else json.dumps(document)
    if text is None:
        if "sha256" in header.get("__metadata__", {}):
            header["__metadata__"]["sha256"] = container.BLANK
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    length = len(text).to_bytes(LENGTH_BYTES, "little")
    digits = hashlib.sha256(length + text + tensors).hexdigest().encode()
    return length + text.replace(b'"sha256":"' + b"0" * 64, b'"sha256":"' + digits) + tensors


def same_bits(one, other):
    """Whether two values of a state are the same, arrays to the bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_bits(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same_bits, one, other))
    return one == other or (one != one and other != other)
