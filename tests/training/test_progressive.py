"""`record="progressive"`: the loss of each step's rows before the step."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.io.checkpoint import joined

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3))
Y = X.sum(axis=1)
W = RNG.uniform(0.5, 2, 100)


def trainer(loss="mse", **options):
    return gd.Trainer(gd.MLP([3, 4, 1], seed=0, dtype="float64"), loss, gd.Adam(0.01), batch_size=16, seed=2, **options)


def custom(outputs, y):
    apart = outputs - y[:, None]
    return float((apart**2).mean()), 2 * apart / apart.size


@pytest.mark.parametrize("loss", ["mse", custom])
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"accumulate": 2}, {"drop_last": True}])
@pytest.mark.parametrize("source", [False, True])
def test_it_is_the_loss_before_each_step_and_changes_no_bit(loss, options, source):
    data = (gd.data.Rows(X, Y, window_rows=48, block_rows=10),) if source else (X, Y)
    one, other = trainer(loss, **options), trainer(loss, **options)
    history = one.fit(*data, epochs=2, record="progressive")
    expected = other.fit(*data, epochs=2)
    np.testing.assert_array_equal(one.model.params, other.model.params)
    assert history.loss == pytest.approx(expected.loss, rel=1e-14)
    stepwise = trainer(loss, **options)
    for epoch in range(2):
        found = history.progressive[epoch]
        assert len(found) == one.steps_done // 2
        sizes = np.full(len(found), 32.0 if "accumulate" in options else 16.0)
        if "drop_last" not in options:
            sizes[-1] = 100 - sizes[:-1].sum()
        assert np.average(found, weights=sizes) == pytest.approx(history.loss[epoch], rel=1e-12)
        for step in range(len(found)):
            so_far = stepwise.fit(*data, max_steps=1).loss[-1]
            assert so_far == pytest.approx(np.average(found[: step + 1], weights=sizes[: step + 1]), rel=1e-12)


def test_weights_count_as_without_it():
    one, other = trainer(shuffle=False), trainer(shuffle=False)
    one.fit(X, Y, epochs=2, sample_weight=W, record="progressive")
    other.fit(X, Y, epochs=2, sample_weight=W)
    np.testing.assert_array_equal(one.model.params, other.model.params)


def test_a_history_with_it_is_saved_joined_and_shown(tmp_path):
    of = trainer()
    first = of.fit(X, Y, epochs=2, record="progressive", callbacks=gd.Checkpoint(tmp_path / "run.gdc"))
    assert gd.History.load(tmp_path / "run.gdc").progressive == first.progressive
    second = of.fit(X, Y, epochs=1)
    assert second.progressive == []
    assert joined(first, second).progressive == [*first.progressive, []]
    assert "progressive" not in first.columns()
    gd.save(first, tmp_path / "history.gdc")
    assert gd.load(tmp_path / "history.gdc").to_dict() == first.to_dict()


def test_an_epoch_in_two_fits_has_the_steps_of_each():
    of, whole = trainer(), trainer()
    parts = [of.fit(X, Y, max_steps=steps, record="progressive").progressive for steps in (3, 4)]
    assert parts[0][0] + parts[1][0] == pytest.approx(whole.fit(X, Y, epochs=1, record="progressive").progressive[0])


def test_a_divergence_names_the_batch():
    of = gd.Trainer(gd.LinearModel(3, seed=0), "mse", gd.SGD(1e12), batch_size=16, shuffle=False)
    other = gd.Trainer(gd.LinearModel(3, seed=0), "mse", gd.SGD(1e12), batch_size=16, shuffle=False)
    messages = []
    for each, record in ((of, "progressive"), (other, ())):
        with pytest.raises(gd.DivergedError) as caught:
            each.fit(X, Y, epochs=9, record=record)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
