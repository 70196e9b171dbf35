"""A training's state: made without a trainer it trains alike; its settings are fixed and their defaults one record."""

import dataclasses
import inspect
import pydoc

import numpy as np
import pytest

import gdcore as gd
from gdcore.base.defaults import DEFAULTS
from gdcore.training.compiled import begin
from gdcore.training.epoch import run_epoch
from gdcore.training.resume import load_state_dict, state_dict
from gdcore.training.settings import Settings

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2))
OPTIONS = {"batch_size": 8, "l2": 1e-3, "clip_norm": 0.5, "average": gd.EMA(0.9), "layer_rates": {"dense0": 0.5}}


def new_net(seed=3):
    return gd.MLP([4, 9, 2], "relu", dropout=0.3, seed=seed)


def settings_with(**changes):
    values = {**DEFAULTS._asdict(), **OPTIONS, "loss": gd.MeanSquaredError(), "optimizer": gd.Adam(), **changes}
    return Settings(**values)


def test_a_state_trains_as_the_trainer_that_has_one():
    net, other = new_net(), new_net()
    state = begin(net.stack, settings_with().checked(net.stack))
    trainer = gd.Trainer(other, "mse", gd.Adam(), **OPTIONS)
    for _ in range(3):
        assert run_epoch(state, state.take(X, Y, None)) == trainer.epoch(X, Y)
    np.testing.assert_array_equal(net.params, other.params)
    np.testing.assert_array_equal(state.averaged, trainer.averaged)
    assert (state.steps_done, state.epochs_done, state.seed) == (trainer.steps_done, trainer.epochs_done, trainer.seed)


def test_states_are_saved_and_loaded_as_trainers_are():
    net, other = new_net(), new_net()
    state = begin(net.stack, settings_with().checked(net.stack))
    data = state.take(X, Y, None)
    run_epoch(state, data, most=3)
    trainer = gd.Trainer(other, "mse", gd.Adam(), **OPTIONS)
    trainer.load_state_dict(state_dict(state))
    assert trainer.epoch(X, Y) == run_epoch(state, data)
    np.testing.assert_array_equal(net.params, other.params)
    again = new_net()
    third = begin(again.stack, settings_with().checked(again.stack))
    load_state_dict(third, trainer.state_dict())
    assert run_epoch(third, data) == trainer.epoch(X, Y)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings_with().batch_size = 1


def test_checked_settings_have_their_own_layer_rates():
    rates, net = {"dense0": 0.5}, new_net()
    found = settings_with(layer_rates=rates).checked(net.stack)
    rates["dense0"] = 7.0
    assert (found.rate_of("dense0"), found.rate_of("dense1")) == (0.5, 1.0)
    assert settings_with(layer_rates=None).checked(net.stack).rate_of("dense0") == 1.0


def test_a_seed_is_the_settings_or_the_models_or_a_fresh_one():
    net, unseeded = new_net(), new_net(seed=None)
    assert begin(net.stack, settings_with(seed=5).checked(net.stack)).seed == 5
    assert begin(net.stack, settings_with().checked(net.stack)).seed == 3
    fresh = {begin(unseeded.stack, settings_with().checked(unseeded.stack)).seed for _ in range(3)}
    assert len(fresh) == 3


@pytest.mark.parametrize("call", [gd.Trainer.__init__, gd.Sequential.fit])
def test_defaults_are_those_of_one_record(call):
    parameters = inspect.signature(call).parameters
    assert {name: parameters[name].default for name in DEFAULTS._fields} == DEFAULTS._asdict()
    assert "batch_size: 'int' = 32" in pydoc.plain(pydoc.render_doc(call))


def test_every_default_is_a_setting_that_a_trainer_shows():
    names = {field.name for field in dataclasses.fields(Settings)}
    assert names == {"loss", *DEFAULTS._fields}
    trainer = gd.Trainer(new_net(), "mse")
    given = {name: getattr(trainer, name) for name in DEFAULTS._fields}
    assert given == {**DEFAULTS._asdict(), "optimizer": gd.Adam(), "layer_rates": {}, "seed": 3}


def test_the_repr_of_a_trainer_holds_what_differs_from_the_defaults():
    net, loss, rule = new_net(), gd.MeanSquaredError(), gd.Adam()
    start = f"Trainer({net!r}, {loss!r}, {rule!r}"
    assert repr(gd.Trainer(net, "mse")) == f"{start}, batch_size=32, seed=3)"
    assert repr(gd.Trainer(net, "mse", layer_rates={}, shuffle=True)) == f"{start}, batch_size=32, seed=3)"
    changed = gd.Trainer(net, "mse", shuffle=False, layer_rates={"dense0": 2}, seed=4)
    assert repr(changed) == f"{start}, batch_size=32, shuffle=False, layer_rates={{'dense0': 2.0}}, seed=4)"
