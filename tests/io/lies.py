"""Changes that make a file lie: flipped bits, and other values in its document or header."""

import copy
import json

from hypothesis import strategies as st


def flipped(data, n):
    found = bytearray(data)
    found[n // 8] ^= 1 << n % 8
    return bytes(found)


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


def lied(document, changes):
    """A document with these changes (number of a place, change), one after the other."""
    for n, change in changes:
        paths = list(places(document))
        document = changed(document, paths[n % len(paths)], change)
    return document


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
