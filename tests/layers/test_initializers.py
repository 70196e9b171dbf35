"""Initial weights: distribution, orthogonality, reproducibility, names and errors."""

import dataclasses
import doctest
import math
import re

import numpy as np
import pytest

import gdcore.layers.initializers
from gdcore.layers.initializers import (
    INITIALIZERS,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    LecunNormal,
    Normal,
    Ones,
    Orthogonal,
    Uniform,
    Zeros,
    get_initializer,
)

SHAPES = [(1, 1), (1, 7), (7, 1), (2, 3), (3, 2), (16, 16), (65, 33)]
DETERMINISTIC = (Zeros, Ones, Constant)
RANDOM = [record for record in INITIALIZERS if not isinstance(record, DETERMINISTIC)]

FAN_IN, FAN_OUT = 200, 300
KURTOSIS_NORMAL, KURTOSIS_UNIFORM = 3.0, 1.8
MOMENTS = [  # record, mean, variance, kurtosis
    (Normal(), 0.0, 0.01**2, KURTOSIS_NORMAL),
    (Normal(std=2.0, mean=-3.0), -3.0, 4.0, KURTOSIS_NORMAL),
    (Uniform(-0.05, 0.05), 0.0, 0.1**2 / 12, KURTOSIS_UNIFORM),
    (Uniform(1.0, 3.0), 2.0, 4 / 12, KURTOSIS_UNIFORM),
    (GlorotUniform(), 0.0, 2 / (FAN_IN + FAN_OUT), KURTOSIS_UNIFORM),
    (GlorotNormal(), 0.0, 2 / (FAN_IN + FAN_OUT), KURTOSIS_NORMAL),
    (HeUniform(), 0.0, 2 / FAN_IN, KURTOSIS_UNIFORM),
    (HeNormal(), 0.0, 2 / FAN_IN, KURTOSIS_NORMAL),
    (LecunNormal(), 0.0, 1 / FAN_IN, KURTOSIS_NORMAL),
]


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("record", INITIALIZERS, ids=repr)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_result_is_a_finite_float64_matrix_in_c_order(record, shape):
    weight = record(shape, rng())
    assert weight.shape == shape
    assert weight.dtype == np.float64
    assert weight.flags.c_contiguous
    assert np.isfinite(weight).all()


@pytest.mark.parametrize(
    ("record", "value"), [(Zeros(), 0.0), (Ones(), 1.0), (Constant(0.1), 0.1), (Constant(-2), -2.0)], ids=repr
)
def test_constants(record, value):
    np.testing.assert_array_equal(record((3, 4), rng()), np.full((3, 4), value))


def test_every_random_entry_has_its_moments_or_is_orthogonal():
    assert set(RANDOM) <= {row[0] for row in MOMENTS} | {Orthogonal()}


@pytest.mark.parametrize(("record", "mean", "variance", "kurtosis"), MOMENTS, ids=repr)
def test_moments(record, mean, variance, kurtosis):
    weight = record((FAN_IN, FAN_OUT), rng(1))
    n = weight.size
    z = (weight - mean) / math.sqrt(variance)
    assert abs(z.mean()) < 5 / math.sqrt(n)
    assert abs((z**2).mean() - 1) < 5 * math.sqrt((kurtosis - 1) / n)
    assert abs((z**4).mean() - kurtosis) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize("record", [row[0] for row in MOMENTS if row[3] == KURTOSIS_UNIFORM], ids=repr)
def test_uniform_weights_fill_their_interval(record):
    _, mean, variance, _ = next(row for row in MOMENTS if row[0] == record)
    half_width = math.sqrt(3 * variance)
    distance = np.abs(record((FAN_IN, FAN_OUT), rng()) - mean)
    assert 0.999 * half_width < distance.max() <= half_width * (1 + 4 * np.finfo(np.float64).eps)


@pytest.mark.parametrize("record", [HeUniform(), HeNormal(), LecunNormal()], ids=repr)
def test_fan_in_scaling_ignores_the_number_of_outputs(record):
    wide = record((4, 50_000), rng())
    narrow = record((50_000, 4), rng())
    assert wide.std() / narrow.std() == pytest.approx(math.sqrt(50_000 / 4), rel=0.02)


@pytest.mark.parametrize("gain", [1.0, 2.0, math.sqrt(2)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonal(gain, shape):
    weight = Orthogonal(gain)(shape, rng())
    gram = weight.T @ weight if shape[0] >= shape[1] else weight @ weight.T
    tolerance = 8 * max(shape) * gain**2 * np.finfo(np.float64).eps
    np.testing.assert_allclose(gram, gain**2 * np.eye(min(shape)), rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4), (4, 2)], ids=str)
def test_orthogonal_matrices_are_uniform(shape):
    draws = 2000
    generator = rng(2)
    weight = np.stack([Orthogonal()(shape, generator) for _ in range(draws)])
    n = max(shape)
    assert np.abs(weight.mean(axis=0)).max() < 5 * math.sqrt(1 / n / draws)
    # The square of an entry of a uniform unit vector is Beta(1/2, (n - 1)/2).
    spread = math.sqrt(2 * (n - 1) / (n**2 * (n + 2)) / draws)
    assert np.abs((weight**2).mean(axis=0) - 1 / n).max() <= 5 * spread + 1e-12


@pytest.mark.parametrize("record", RANDOM, ids=repr)
def test_the_seed_fixes_the_weights(record):
    first = record((5, 6), rng(3))
    np.testing.assert_array_equal(record((5, 6), rng(3)), first)
    assert not np.array_equal(record((5, 6), rng(4)), first)


@pytest.mark.parametrize("record", RANDOM, ids=repr)
def test_layers_that_share_a_generator_differ(record):
    generator = rng()
    assert not np.array_equal(record((5, 6), generator), record((5, 6), generator))


@pytest.mark.parametrize("record", [Zeros(), Ones(), Constant(0.5)], ids=repr)
def test_constants_draw_nothing(record):
    generator = rng()
    record((5, 6), generator)
    assert generator.random() == rng().random()


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (Zeros(), "Zeros()"),
        (HeNormal(), "HeNormal()"),
        (Constant(0.5), "Constant(0.5)"),
        (Normal(), "Normal()"),
        (Normal(mean=1.0), "Normal(mean=1.0)"),
        (Normal(0.2, 1.0), "Normal(std=0.2, mean=1.0)"),
        (Uniform(-1.0, 2.0), "Uniform(-1.0, 2.0)"),
        (Orthogonal(), "Orthogonal()"),
        (Orthogonal(2.0), "Orthogonal(gain=2.0)"),
    ],
)
def test_repr_reads_like_the_call(record, text):
    assert repr(record) == text


@pytest.mark.parametrize("record", [*INITIALIZERS, Constant(-3), Normal(0.2, 1.0), Orthogonal(0.5)], ids=repr)
def test_repr_evaluates_to_an_equal_record(record):
    assert eval(repr(record), vars(gdcore.layers.initializers)) == record


@pytest.mark.parametrize("record", INITIALIZERS, ids=repr)
def test_records_are_frozen_and_hashable(record):
    field = next((field.name for field in dataclasses.fields(record)), "name")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, field, 1.0)
    assert len({record, dataclasses.replace(record)}) == 1


def test_names_are_unique():
    names = [name for record in INITIALIZERS for name in (record.name, *record.aliases)]
    assert len(set(names)) == len(names)
    assert "auto" not in names


@pytest.mark.parametrize("record", INITIALIZERS, ids=repr)
def test_every_name_gives_its_record(record):
    for name in (record.name, *record.aliases):
        assert get_initializer(name, "zeros") is record
        assert get_initializer("auto", name) is record


@pytest.mark.parametrize(
    ("alias", "record"),
    [
        ("xavier_uniform", GlorotUniform()),
        ("xavier_normal", GlorotNormal()),
        ("kaiming_uniform", HeUniform()),
        ("kaiming_normal", HeNormal()),
    ],
)
def test_aliases(alias, record):
    assert get_initializer(alias, "zeros") == record


def test_a_record_is_returned_as_it_is():
    class Identity(Initializer):
        name = "identity"

        def __call__(self, shape, rng):
            return np.eye(*shape)

    for record in (Orthogonal(gain=2.0), Identity()):
        assert get_initializer(record, "zeros") is record


KNOWN = "known: auto, " + ", ".join(name for r in INITIALIZERS for name in (r.name, *r.aliases))


@pytest.mark.parametrize(
    ("call", "exception", "message"),
    [
        (
            lambda: get_initializer("he_norml", "zeros"),
            ValueError,
            f"unknown initializer 'he_norml'; {KNOWN}; did you mean 'he_normal'?",
        ),
        (lambda: get_initializer("qqq", "zeros"), ValueError, f"unknown initializer 'qqq'; {KNOWN}"),
        (
            lambda: get_initializer(HeNormal, "zeros"),
            TypeError,
            "initializer must be a name or a record, got the class HeNormal: pass HeNormal(…)",
        ),
        (
            lambda: get_initializer(None, "zeros"),
            TypeError,
            "initializer must be a name or a record, got None; " + KNOWN.replace("known", "names"),
        ),
        (lambda: Constant(math.nan), ValueError, "value must be finite, got nan"),
        (lambda: Constant("1"), TypeError, "value must be a number, got '1'"),
        (lambda: Constant(True), TypeError, "value must be a number, got True"),
        (lambda: Normal(std=0.0), ValueError, "std must be > 0, got 0.0"),
        (lambda: Normal(std=-0.1), ValueError, "std must be > 0, got -0.1"),
        (lambda: Normal(std=math.inf), ValueError, "std must be finite, got inf"),
        (lambda: Normal(mean=math.nan), ValueError, "mean must be finite, got nan"),
        (lambda: Uniform(math.nan, 1.0), ValueError, "low must be finite, got nan"),
        (lambda: Uniform(0.0, math.inf), ValueError, "high must be finite, got inf"),
        (lambda: Uniform(1.0, 1.0), ValueError, "low must be < high, got low=1.0 and high=1.0"),
        (lambda: Uniform(-1e308, 1e308), ValueError, "high - low must be finite, got inf"),
        (lambda: Orthogonal(gain=0.0), ValueError, "gain must be > 0, got 0.0"),
        (lambda: Orthogonal(gain=None), TypeError, "gain must be a number, got None"),
    ],
)
def test_errors(call, exception, message):
    with pytest.raises(exception, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("record", INITIALIZERS, ids=repr)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (-1, 3), (3,), (2, 3, 4), (2.0, 3), [2, 3], 3], ids=str)
def test_shapes_that_are_refused(record, shape):
    message = f"shape must be (in_features, out_features), integers >= 1, got {shape!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        record(shape, rng())


def test_the_interface_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Initializer()


@pytest.mark.parametrize(
    "module", [gdcore.layers.initializers, gdcore.layers.initializers.fixed, gdcore.layers.initializers.scaled], ids=str
)
def test_examples_run(module):
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0
