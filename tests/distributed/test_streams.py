"""Sources in shards: each rank reads its own rows, every row once in an epoch, in an order that ranks do not change."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thread_ranks import on_ranks

import gdcore as gd
from gdcore.distributed import RankError
from gdcore.distributed.streamed import Cuts

N = 205
X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
Y = np.sin(X[:, :2])


@pytest.fixture(autouse=True)
def own_hook(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


class Recorded(gd.data.Source):
    """A source that notes which rows were read."""

    def __init__(self, y=Y, bad=None):
        self.y, self.bad, self.rows = y, bad, []

    n_samples, n_features = N, 4
    reading = gd.data.Rows(X, window_rows=40, block_rows=6).reading

    def read(self, first, end):
        self.rows.append((first, end))
        block = X[first:end]
        if self.bad is not None and first <= self.bad < end:
            block = block.copy()
            block[self.bad - first, 1] = np.nan
        return block, self.y[first:end]

    def place(self, row, of):
        return "table", row


@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 300))
def test_cuts(shards, size, samples):
    """Shards' shares of each step are those of arrays, and fill each shard's stretch of the source."""
    cuts, steps = Cuts(shards, size, samples), -(-samples // size)
    for step in range(steps):
        n = cuts.rows_of(step)
        shares = [cuts.place(shard, step + 1) - cuts.place(shard, step) for shard in range(shards)]
        assert shares == [n * (shard + 1) // shards - n * shard // shards for shard in range(shards)]
    ends = [cuts.before(shard, steps) for shard in range(shards + 1)]
    assert (ends[0], ends[-1]) == (0, samples)
    assert [cuts.place(shard, steps) for shard in range(shards)] == np.diff(ends).tolist()


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 20), st.sampled_from([1, 7, 20, 33]), st.booleans(), st.booleans(), st.sampled_from([1, 3]))
def test_every_row_is_seen_once_in_an_epoch(shards, batch_size, shuffle, drop_last, accumulate):
    seen = []

    def loss(outputs, y):
        seen.extend(y[:, 0].tolist())
        return 0.0, np.zeros_like(outputs)

    options = {"batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last, "accumulate": accumulate}
    trainer = gd.Trainer(gd.LinearModel(4, 1, seed=0), loss, gd.SGD(0.1), seed=1, **options)
    source = Recorded(np.arange(N, dtype=np.float32)[:, None])
    left = N % batch_size if drop_last else 0
    for _ in range(2):
        seen.clear()
        trainer.fit(source, epochs=1, shards=shards)
        assert len(seen) == N - left
        assert len(set(seen)) == len(seen)
    if not left:
        assert sorted(seen) == list(range(N))


def fitted(comm, source=None, **options):
    net = gd.MLP([4, 6, 2], dropout=0.2, seed=0)
    rate = gd.schedules.Cosine(0.05, 40)
    trainer = gd.Trainer(net, "mse", gd.Adam(rate), batch_size=20, seed=1)
    source = Recorded() if source is None else source
    history = trainer.fit(source, epochs=3, comm=comm, shards=8, record="progressive", **options)
    return net.params.tobytes(), history.progressive, history.loss


def test_the_same_bits_and_only_a_ranks_own_rows():
    sources = [Recorded() for _ in range(4)]
    found = on_ranks(4, lambda comm: fitted(comm, sources[comm.rank]))
    assert all(one == fitted(None) for one in found), found
    for rank, source in enumerate(sources):
        rows = sorted(set(source.rows) - {(0, 6), (N - 6, N)})  # which tell the data from others
        assert rows[0][0] >= N * rank // 4 - 8
        assert rows[-1][1] <= N * (rank + 1) // 4 + 8


def test_it_goes_on_within_an_epoch():
    def cut(comm):
        net = gd.MLP([4, 6, 2], dropout=0.2, seed=0)
        trainer = gd.Trainer(net, "mse", gd.Adam(gd.schedules.Cosine(0.05, 40)), batch_size=20, seed=1)
        losses = []
        for steps in (5, 9, 4, 15):
            losses += trainer.fit(Recorded(), max_steps=steps, comm=comm, shards=8).loss
        return net.params.tobytes()

    whole = fitted(None)[0]
    assert cut(None) == whole
    assert set(on_ranks(3, cut)) == {whole}


def test_a_bad_row_is_an_error_on_every_rank():
    """With its place in the source: only one rank reads it."""
    found = on_ranks(4, lambda comm: fitted(comm, Recorded(bad=130)))
    assert [type(one) for one in found] == [RankError, RankError, ValueError, RankError]
    assert str(found[2]).startswith("table: X contains NaN in row 130, column 1")
    assert str(found[0]) == f"rank 2 failed with ValueError: {found[2]}"


def test_it_diverges_on_every_rank():
    def fit(comm):
        trainer = gd.Trainer(gd.LinearModel(4, 2, seed=0), "mse", gd.SGD(1e30), batch_size=20, seed=1)
        trainer.fit(Recorded(), epochs=3, comm=comm, shards=8)

    assert [type(one) for one in on_ranks(3, fit)] == [gd.DivergedError] * 3


WEIGHTS = np.random.default_rng(1).exponential(size=N) * (np.arange(N) % 3 > 0)
LABELS = (X[:, 0] > 0.8) * 1


class Weighted(Recorded):
    """A source whose rows have weights."""

    def read_weights(self, first, end):
        return WEIGHTS[first:end]


def fitted_by_weight(comm, source, shards, **options):
    net = gd.MLP([4, 6, 2], seed=0, dtype="float64")
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(0.05), batch_size=20, seed=1, **options)
    history = trainer.fit(source, epochs=2, class_weight="balanced", comm=comm, shards=shards, record="progressive")
    return net.params, history.loss, history.progressive


def test_weighted_rows_have_the_same_bits_on_any_ranks():
    found = on_ranks(3, lambda comm: fitted_by_weight(comm, Weighted(LABELS), 8))
    params, loss, progressive = fitted_by_weight(None, Weighted(LABELS), 8)
    for one in found:
        np.testing.assert_array_equal(one[0], params)
        assert one[1:] == (loss, progressive)


def test_weighted_rows_count_as_in_one_process():
    params, loss, progressive = fitted_by_weight(None, Weighted(LABELS), 1, shuffle=False)
    known = fitted_by_weight(None, Weighted(LABELS), None, shuffle=False)
    np.testing.assert_allclose(params, known[0], rtol=1e-10)
    assert loss == pytest.approx(known[1], rel=1e-12)
    assert progressive == [pytest.approx(values, rel=1e-12) for values in known[2]]
