"""Trainers as rows of the compiled engine of many models, and what both make of the same epochs."""

import numpy as np

from gdcore._kernels import load
from gdcore._kernels.records import ModelStates


def as_models(trainers):
    """Models in the state of these trainers, which have one shape; the first one's compiled training serves all."""
    states = [trainer._state for trainer in trainers]
    rules, settings = [state.settings.rule for state in states], [state.settings for state in states]
    first, n_params = states[0], states[0].stack.n_params
    rows = ModelStates(
        params=np.stack([state.stack.params for state in states]),
        slots=np.stack([state.slots.memory[:, :n_params] for state in states]),
        scalars=np.stack([state.slots.scalars for state in states]),
        hyper=np.array([rule.hyper() for rule in rules], float).reshape(len(states), -1),
        options=np.array(
            [
                (
                    state.learning_rate,
                    chosen.l1,
                    chosen.l2,
                    chosen.clip_norm or np.inf,
                    chosen.clip_value or np.inf,
                    rule.weight_decay,
                    rule.amplification(),
                )
                for state, rule, chosen in zip(states, rules, settings, strict=True)
            ]
        ),
        seeds=np.array([state.seed for state in states], np.uint64),
        counts=np.array([(state.steps_done, state.epochs_done) for state in states], np.int64),
        active=np.ones(len(states), np.uint8),
        outcomes=np.zeros(len(states), np.int64),
        means=None if first.mean is None else np.stack([state.mean for state in states]),
        dropout=np.array([[getattr(layer, "rate", 0.0) for layer in state.stack.plain.layers] for state in states]),
    )
    return load(first.stack.dtype).Models(first.run, rows), rows


def as_data(trainers, samples, places=None, index=None):
    """The data of models, from checked samples: one for all, or one for each."""
    state = trainers[0]._state
    sources = [(data.X, data.target, data.labels, data.weight) for data in samples]
    if places is None:
        places = [(0, len(samples[i if len(samples) > 1 else 0].X)) for i in range(len(trainers))]
    kernels = load(state.stack.dtype)
    return kernels.ModelData(state.network, state.settings.loss.name, sources, np.array(places, np.int64), index)


def lap(trainer, epochs=1):
    """How a call goes through the rows, from a trainer's settings."""
    chosen = trainer._state.settings
    return chosen.batch_size * chosen.accumulate, chosen.batch_size, epochs, chosen.shuffle, chosen.drop_last


def assert_same_bits(trainers, rows):
    """The rows are what the trainers have: parameters, slots, scalars, averages and counters."""
    for i, trainer in enumerate(trainers):
        state = trainer._state
        n = state.stack.n_params
        assert np.array_equal(rows.params[i], state.stack.params), i
        assert np.array_equal(rows.slots[i], state.slots.memory[:, :n]), i
        assert np.array_equal(rows.scalars[i], state.slots.scalars), i
        assert tuple(rows.counts[i]) == (state.steps_done, state.epochs_done), i
        if rows.means is not None:
            assert np.array_equal(rows.means[i], state.mean), i
