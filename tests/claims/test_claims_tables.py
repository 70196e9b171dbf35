"""Verdicts of the tables for other measurements, and what their pictures show."""

import numpy as np
import pytest

from gdcore.claims.tables import batches, networks, rates


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [((18, 12, 9, 7), "holds"), ((12, 11, 10.5, 10), "depends"), ((9, 9, 9, 10), "does not hold")],
)
def test_times_hold_where_their_ratio_does_too(seconds, verdict, monkeypatch):
    times = dict(zip(batches.SECONDS, seconds, strict=True))
    monkeypatch.setattr(batches, "run", lambda batch, rate: batches.Run(rate, 1, [2.0, 1.0], times[batch], 0.9))
    assert batches.batch_sizes().claims[0].verdict == verdict


def test_activations_are_cut_by_the_axis_alone():
    ax = pytest.importorskip("matplotlib.figure").Figure().subplots()
    networks.activations().pictures[0].draw(ax)
    [relu] = [line for line in ax.lines if line.get_label() == "relu"]
    np.testing.assert_allclose(relu.get_ydata(), np.maximum(relu.get_xdata(), 0), atol=1e-12)
    assert ax.get_ylim()[1] < 2


def test_a_loss_that_swings_is_drawn_as_its_envelope():
    ax = pytest.importorskip("matplotlib.figure").Figure().subplots()
    rates.momentum().pictures[0].draw(ax)
    [swinging] = [line.get_ydata() for line in ax.lines if line.get_label().startswith("momentum 1,")]
    values = np.array(rates.valley(rates.CONDITIONS[1], 1.0))
    assert swinging.min() > 0.99 * values.max() > 100 * values.min()
    assert all((swinging >= values[k : k + len(swinging)]).all() for k in range(rates.SWING))
