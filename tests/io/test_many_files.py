"""Files of many models that lie: each is refused as a damaged file, whatever it claims."""

import copy

import numpy as np
import pytest
from files import from_bytes, put_together, taken_apart, to_bytes

import gdcore as gd

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 2)), RNG.normal(size=12)


@pytest.fixture(scope="module")
def saved():
    nets = [gd.MLP([2, 3, 1]), gd.LinearModel(2), gd.MLP([2, 3, 1])]
    levels = gd.Quantile(np.array([0.1, 0.5, 0.9]))
    return to_bytes(gd.fit_many(nets, X, Y, levels, groups=list("abc") * 4, seeds=range(3), epochs=2))


def places(value, at=()):
    """The ways to each value within a document."""
    yield at
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(entry, (*at, key))


def replaced(document, at, value):
    changed = copy.deepcopy(document)
    if not at:
        return value
    inner = changed
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return changed


@pytest.mark.parametrize(
    "lie", [None, -1, 7, "mean_squared_error", [], {}, [[]], {"list": [1]}, {"float": "nan"}], ids=repr
)
def test_a_document_that_lies_is_refused_or_true(saved, lie):
    header, document, tensors = taken_apart(saved)
    refused = 0
    for at in places(document["content"]):
        data = put_together(copy.deepcopy(header), replaced(document, ("content", *at), lie), tensors)
        try:
            many = from_bytes(data)
        except gd.FileFormatError:
            refused += 1
        else:  # it may say something else that is as possible
            assert isinstance(many, gd.Many)
            many.predict(X)
            many.history(0)
            repr(many)
    assert refused > 20


def test_exchanged_tensors_are_refused_or_true(saved):
    header, document, tensors = taken_apart(saved)
    names = [name for name in header if name != "__metadata__"]
    for first in names:
        for second in names:
            other = copy.deepcopy(header)
            other[first], other[second] = other[second], other[first]
            try:
                many = from_bytes(put_together(other, document, tensors))
            except gd.FileFormatError:
                continue
            many.predict(X)
            many.history(2)


def test_parameters_that_are_not_finite_are_not_saved():
    many = gd.fit_many(gd.LinearModel(2), X, Y, "mse", n_models=2, epochs=1)
    many.params[1, 0] = np.nan
    with pytest.raises(ValueError, match="the parameters contain NaN or infinity"):
        to_bytes(many)


def test_a_custom_loss_is_kept_by_its_name():
    def squares(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / len(y)

    data = to_bytes(gd.fit_many(gd.LinearModel(2), X, Y[:, None], squares, n_models=2, epochs=1))
    assert from_bytes(data).losses == [None, None]
    assert from_bytes(data, {"squares": squares}).losses == [squares, squares]
