"""What `load_state_dict` takes and what it refuses: never by half."""

import copy

import numpy as np
import pytest

import gdcore as gd
from gdcore import schedules

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 2))
VALIDATION = X[:9], Y[:9]
STOP = gd.EarlyStopping(40), gd.RelativeChange(1e-9, 30), gd.GradientNormThreshold(1e-9, of="epoch")
TOLD = {"validation_data": VALIDATION, "stop": STOP}
WHOLE = gd.Adam(schedules.ReduceOnPlateau(0.01), amsgrad=True)
OPTIMIZERS = [WHOLE, *(kind() for kind in gd.OPTIMIZERS), gd.SGD(cumulative_l1=True)]


def new_trainer(optimizer):
    net = gd.MLP([4, 3, 2], "relu", dropout=0.3, seed=3)
    return gd.Trainer(net, "mse", optimizer, batch_size=8, l1=1e-3, clip_norm=0.5, average=gd.EMA(0.9))


def trained(optimizer):
    trainer = new_trainer(optimizer)
    trainer.fit(X, Y, max_steps=8, **TOLD)
    return trainer


def places(value, path=()):
    """Every part of a state, at whatever depth: the keys that lead to it."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple | list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def at(state, path):
    for key in path:
        state = state[key]
    return state


def changed(state, path, value):
    """A deep copy in which one part is another; tuples keep their kind."""
    if not path:
        return value
    key, *rest = path
    part = changed(state[key], rest, value)
    if isinstance(state, dict):
        return {**copy.deepcopy({k: v for k, v in state.items() if k != key}), key: part}
    parts = [part if i == key else copy.deepcopy(v) for i, v in enumerate(state)]
    if isinstance(state, list):
        return parts
    return tuple(parts) if type(state) is tuple else type(state)(*parts)


def filled(array, index, value):
    array = array.copy()
    array.flat[index] = value
    return array


def mutations(value):
    """What may stand in the place of a value, right or wrong."""
    yield from (None, True, -1, 0, 1, 2, 7, 10**6, 2**62, 2**63, 2**70, 10**400, 0.5, -0.5, 1e300, 1e-300)
    yield from (np.nan, np.inf, -np.inf, "", "x", b"x", (), [], {}, (1, 2), [None] * 4, object, 1j, np.ones(3))
    yield from (object(), np.zeros((2, 2), "float32"), np.array("x"), np.array(None), gd.EarlyStopping(2), print)
    if isinstance(value, np.ndarray) and value.size:
        yield from (value.astype("float64"), value.astype("float32"), value.astype(object), value.astype("int64"))
        yield from (value[..., None], value.ravel()[:-1], value.tolist(), value.T, value[::-1])
        yield np.asfortranarray(value)
        yield from (filled(value, i, bad) for i in (0, -1) for bad in (np.nan, np.inf, -1e-30, -1.0, 1e38))
        yield np.broadcast_to(value.ravel()[:1], value.shape)
    if isinstance(value, dict):
        yield from ({k: v for k, v in value.items() if k != key} for key in value)
        yield {**value, "more": 1}
    if isinstance(value, tuple | list):
        yield from (list(value), tuple(value), value[:-1], [*value, 1], value[::-1])
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from (-value, value + 1, value - 1, float(value), np.float32(value), np.int64(9))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_changed_state_loads_whole_or_not_at_all(optimizer):
    """Thousands of them: a TypeError or a ValueError that changes nothing, or a trainer that trains.

    Of one optimizer every part of the state, of the others what is their own.
    """
    good = trained(optimizer).state_dict()
    trainer = trained(optimizer)
    trainer.fit(X, Y, epochs=1, **TOLD)
    before = trainer.state_dict()
    loaded = refused = 0
    for path in places(good):
        if optimizer is not WHOLE and path[:1] != ("optimizer",):
            continue
        for value in mutations(at(good, path)):
            state = changed(good, path, value)
            try:
                trainer.load_state_dict(state)
            except (TypeError, ValueError):
                refused += 1
                np.testing.assert_equal(trainer.state_dict(), before, err_msg=f"{path} {value!r}")
                continue
            loaded += 1
            assert np.isfinite(trainer.model.params).all()
            assert 0 <= trainer.learning_rate < np.inf  # after a million plateaus it is 0
            try:
                trainer.fit(X, Y, epochs=1, **TOLD)
            except gd.DivergedError:
                assert np.isfinite(trainer.model.params).all()
            if trainer.steps_done < 2**60:
                trainer.load_state_dict(trainer.state_dict())  # what training has come to is taken
            trainer.load_state_dict(before)
    assert refused > (1000 if optimizer is WHOLE else 100)
    assert loaded > (50 if optimizer is WHOLE else 5)


BAD = [
    ("learning_rate", np.nan, "learning_rate must be finite"),
    ("learning_rate", -0.1, "learning_rate must be >= 0, got -0.1"),
    ("learning_rate", 0.0, "learning_rate must be > 0, got 0.0"),
    ("epochs_done", -1, "epochs_done must be >= 0, got -1"),
    ("epochs_done", 9, "epochs_done must be <= 8, got 9"),
    ("place", (20, 4, 3), "cannot be"),
    ("place", (2, 1, 3), "cannot be"),
    ("sums", (np.nan, 1.0, 1.0, 0), r"sums\[0\] must be finite"),
    ("plateau", (np.nan, 0, 0, 0), r"plateau\[0\] is NaN"),
]


@pytest.mark.parametrize(("key", "value", "message"), BAD, ids=lambda value: str(value))
def test_an_impossible_state_is_refused_with_its_reason(key, value, message):
    trainer = trained(gd.Adam())
    before, other = trainer.state_dict(), trained(gd.Adam(0.1)).state_dict()
    with pytest.raises(ValueError, match=message):
        trainer.load_state_dict({**other, key: value})
    np.testing.assert_equal(trainer.state_dict(), before)


def test_second_moments_below_zero_are_refused():
    trainer, other = trained(gd.Adam()), trained(gd.Adam(0.1)).state_dict()
    before = trainer.state_dict()
    other["optimizer"]["slots"][1, 2] = -1e-20
    with pytest.raises(ValueError, match="the slot second_moment has -1e-20; it holds no number below 0"):
        trainer.load_state_dict(other)
    np.testing.assert_equal(trainer.state_dict(), before)
