"""Sparse rows: the results of dense ones, and never dense as a whole."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor, blocks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`")

RNG = np.random.default_rng(0)
SPARSE = sparse.random_array((90, 30), density=0.2, format="csr", rng=RNG)
X = SPARSE.toarray()
SCORE = X @ RNG.normal(size=30)
Y, Y3 = (SCORE > 0).astype(int), np.digitize(SCORE, [-0.5, 0.5])
WEIGHT = RNG.integers(0, 3, 90).astype(float)

IN_ORDER = {"shuffle": False, "max_iter": 6, "random_state": 0}
CASES = [
    (MLPClassifier(batch_size=20, **IN_ORDER), Y3),
    (MLPClassifier(batch_size=20, dropout=0.2, solver="sgd", **IN_ORDER), Y),
    (MLPClassifier(max_iter=6, random_state=0), Y3),
    (MLPClassifier(solver="lbfgs", l1=0.01, max_iter=6, random_state=0), Y3),
    (MLPRegressor(batch_size=7, average=gd.EMA(0.9), **IN_ORDER), SCORE),
    (SGDClassifier(loss="log_loss", average=True, **IN_ORDER), Y3),
    (SGDClassifier(loss="modified_huber", batch_size=8, **IN_ORDER), Y),
    (SGDRegressor(penalty="l1", alpha=0.01, **IN_ORDER), SCORE),
    (SGDRegressor(early_stopping=True, fit_intercept=False, **IN_ORDER), SCORE),
]


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize(("model", "y"), CASES, ids=[repr(model) for model, _ in CASES])
def test_results_are_those_of_dense_rows(model, y, kind, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 30 * 25)
    rows = getattr(sparse, kind)(X)
    for weight in (None, WEIGHT):
        dense = model.fit(X, y, sample_weight=weight)
        params, answers = dense.net_.params.copy(), dense.predict(X)
        losses = dense.history_.loss if dense.history_ else dense.loss_
        found = model.fit(rows, y, sample_weight=weight)
        np.testing.assert_allclose(found.net_.params, params, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.history_.loss if found.history_ else found.loss_, losses, rtol=1e-9)
        np.testing.assert_allclose(found.predict(rows), answers, rtol=1e-9)
        np.testing.assert_allclose(found.predict(rows), found.predict(X), rtol=1e-9)


def test_parts():
    for model in (MLPClassifier(batch_size=10, shuffle=False, random_state=0), SGDClassifier(shuffle=False)):
        ways = [type(model)(**model.get_params()) for _ in range(2)]
        for rows in (slice(0, 40), slice(40, 90)):
            ways[0].partial_fit(X[rows], Y3[rows], classes=[0, 1, 2])
            ways[1].partial_fit(SPARSE[rows], Y3[rows], classes=[0, 1, 2])
        np.testing.assert_allclose(ways[0].net_.params, ways[1].net_.params, rtol=1e-10, atol=1e-13)


def test_shuffled_rows_are_all_seen_and_learned():
    model = SGDClassifier(loss="log_loss", random_state=0, alpha=1e-3).fit(SPARSE, Y)
    assert model.score(SPARSE, Y) > 0.95
    again = SGDClassifier(loss="log_loss", random_state=0, alpha=1e-3).fit(SPARSE, Y)
    assert np.array_equal(model.coef_, again.coef_)


def test_wide_matrices_are_never_dense(monkeypatch):
    wide = sparse.random_array((60, 1_000_000), density=1e-5, format="csr", rng=RNG)
    largest = []
    plain = blocks.dense_blocks

    def watched(*arguments):
        for rows, block in plain(*arguments):
            largest.append(block.size)
            yield rows, block

    monkeypatch.setattr(blocks, "dense_blocks", watched)
    model = SGDClassifier(max_iter=1, tol=None, random_state=0).fit(wide, np.arange(60) % 2)
    assert model.predict(wide).shape == (60,)
    assert max(largest) <= blocks.BLOCK < 60 * 1_000_000


def test_what_needs_dense_rows():
    class Nothing(gd.Callback):
        def on_epoch_end(self, state):
            pass

    with pytest.raises(ValueError, match=r"a fit with callbacks or metrics needs dense rows: pass X.toarray()"):
        MLPClassifier(callbacks=[Nothing()]).fit(SPARSE, Y)
    with pytest.raises(ValueError, match="counts epochs, which does not go with sparse rows"):
        MLPClassifier(learning_rate=gd.schedules.StepDecay(0.1, 5, per="epoch")).fit(SPARSE, Y)
    model = MLPClassifier(max_iter=2).fit(SPARSE, Y)
    with pytest.raises(ValueError, match=r"diagnose\(\) or check_gradients\(\) needs dense rows"):
        model.diagnose(SPARSE, Y)
    holed = SPARSE.copy()
    holed.data[3] = np.nan
    for call in (model.predict, lambda rows: model.fit(rows, Y)):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            call(holed)
