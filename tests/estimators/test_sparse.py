"""Sparse rows: the results of dense ones for the same rate of the intercept, and never dense as a whole."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn import linear_model

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

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


@pytest.fixture
def same_rate(monkeypatch):
    """Give the intercepts of sparse rows the rate that those of dense ones have."""
    monkeypatch.setattr("gdcore.sklearn.sgd.SPARSE_INTERCEPT", 1.0)


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize(("model", "y"), CASES, ids=[repr(model) for model, _ in CASES])
@pytest.mark.usefixtures("same_rate")
def test_results_are_those_of_dense_rows(model, y, kind):
    rows = getattr(sparse, kind)(X)
    for weight in (None, WEIGHT):
        dense = model.fit(X, y, sample_weight=weight)
        params, answers = dense.net_.params.copy(), dense.predict(X)
        losses = dense.history_.loss if dense.history_ else dense.loss_
        found = model.fit(rows, y, sample_weight=weight)
        np.testing.assert_allclose(found.net_.params, params, rtol=1e-9, atol=1e-10 * np.abs(params).max())
        np.testing.assert_allclose(found.history_.loss if found.history_ else found.loss_, losses, rtol=1e-9)
        np.testing.assert_allclose(found.predict(rows), answers, rtol=1e-9)
        np.testing.assert_allclose(found.predict(rows), found.predict(X), rtol=1e-9)


@pytest.mark.usefixtures("same_rate")
def test_parts():
    for model in (MLPClassifier(batch_size=10, shuffle=False, random_state=0), SGDClassifier(shuffle=False)):
        ways = [type(model)(**model.get_params()) for _ in range(2)]
        for rows in (slice(0, 40), slice(40, 90)):
            ways[0].partial_fit(X[rows], Y3[rows], classes=[0, 1, 2])
            ways[1].partial_fit(SPARSE[rows], Y3[rows], classes=[0, 1, 2])
        np.testing.assert_allclose(ways[0].net_.params, ways[1].net_.params, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
@pytest.mark.usefixtures("same_rate")
def test_shuffled_rows_come_in_the_order_of_dense_ones(penalty):
    ways = [
        SGDClassifier(loss="log_loss", penalty=penalty, random_state=0, alpha=1e-3).fit(rows, Y) for rows in (X, SPARSE)
    ]
    np.testing.assert_allclose(ways[1].coef_, ways[0].coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ways[1].loss_curve_, ways[0].loss_curve_, rtol=1e-9)


@pytest.mark.parametrize("name", ["SGDClassifier", "SGDRegressor"])
@pytest.mark.parametrize("options", [{}, {"average": True}, {"penalty": None, "learning_rate": "adaptive"}], ids=repr)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_models_make_the_steps_of_scikit_learns(name, options, n_classes):
    """The intercept too, at a hundredth of the rate."""
    y = SCORE if name == "SGDRegressor" else {2: Y, 3: Y3}[n_classes]
    found = []
    for place in (gd.sklearn, linear_model):
        model = getattr(place, name)(shuffle=False, tol=None, max_iter=5, **{"alpha": 1e-3, **options})
        found.append(model.fit(SPARSE, y))
    for attribute in ("coef_", "intercept_"):
        mine, theirs = (getattr(model, attribute) for model in found)
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-10 * np.abs(theirs).max())


def test_parts_may_be_sparse_and_dense():
    """The rate of the intercept is that of each part."""
    found = []
    for place in (gd.sklearn, linear_model):
        model = place.SGDClassifier(loss="log_loss", shuffle=False)
        for rows, last in ((SPARSE, 40), (X, 70), (SPARSE.tocsc(), 90)):
            model.partial_fit(rows[last - 30 : last], Y[last - 30 : last], classes=[0, 1])
        found.append(model)
    for attribute in ("coef_", "intercept_", "t_"):
        np.testing.assert_allclose(*(getattr(model, attribute) for model in found), rtol=1e-8)
    without = SGDClassifier(fit_intercept=False).partial_fit(SPARSE, Y, classes=[0, 1])
    assert without.set_params(fit_intercept=True).partial_fit(SPARSE, Y).intercept_ == 0


def test_a_penalty_may_change_between_parts():
    """The rate goes on, and a coefficient has received nothing of the new penalty."""
    model = SGDClassifier(alpha=0.01, shuffle=False).partial_fit(X, Y, classes=[0, 1])
    trainer = model.trainer_
    model.set_params(penalty="l1").partial_fit(SPARSE, Y)
    assert model.trainer_ is not trainer
    assert model.trainer_.steps_done == model.t_ - 1 == 180
    assert (model.coef_ == 0).any()
    model.set_params(alpha=0.02).partial_fit(SPARSE, Y)
    assert model.trainer_.optimizer_state.scalars[0] > 0
    assert model.set_params(penalty="l2").partial_fit(X, Y).trainer_.steps_done == 360


MEMORY = """
import resource
import numpy as np
from scipy import sparse
from gdcore.sklearn import MLPClassifier, SGDClassifier, SGDRegressor
n, k = 200, 1_000_000
rng = np.random.default_rng(0)
columns = np.sort(rng.integers(0, k, (n, 50)), axis=1)
X = sparse.csr_matrix((rng.normal(size=n * 50), columns.ravel(), np.arange(0, n * 50 + 1, 50)), shape=(n, k))
y = np.arange(n) % 2
for rows in (X, X.tocsc()):
    for model in ({models}):
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        model.fit(rows, y).predict(rows)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begin) * 1024)
"""


@pytest.mark.parametrize(
    ("models", "copies"),
    [
        ("SGDClassifier(max_iter=2, tol=None), SGDRegressor(max_iter=2, tol=None, penalty='elasticnet')", 8),
        ("MLPClassifier((2,), max_iter=2, n_iter_no_change=9), MLPClassifier((2,), solver='sgd', max_iter=2)", 16),
    ],
)
def test_a_million_columns_take_the_memory_of_the_parameters(models, copies):
    """Dense, the rows alone would take 1.6 GB."""
    code = f"import warnings; warnings.simplefilter('ignore'){MEMORY.format(models=models)}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert max(map(int, found)) < copies * 8 * 1_000_000


def test_callbacks_metrics_schedules_and_early_stopping():
    class Epochs(gd.Callback):
        def __init__(self):
            self.losses = []

        def on_epoch_end(self, state):
            self.losses.append(state.loss)

    schedule = gd.schedules.StepDecay(0.01, 2, per="epoch")
    found = []
    for rows in (X, SPARSE):
        callback = Epochs()
        model = MLPClassifier(
            (5,),
            learning_rate=schedule,
            early_stopping=True,
            callbacks=[callback],
            metrics="accuracy",
            max_iter=7,
            random_state=0,
        ).fit(rows, Y)
        found.append((callback.losses, model.history_.metrics["accuracy"], model.validation_scores_, model.coefs_[0]))
    for dense, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, dense, rtol=1e-9, atol=1e-12)


def test_a_sparse_nan_is_found():
    model = MLPClassifier(max_iter=2).fit(SPARSE, Y)
    holed = SPARSE.copy()
    holed.data[3] = np.nan
    for call in (model.predict, lambda rows: model.fit(rows, Y)):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            call(holed)


def test_labels_of_several_kinds_may_be_sparse():
    several = (RNG.random((90, 3)) < 0.4).astype(int)
    dense, found = (MLPClassifier(max_iter=3, random_state=0).fit(X, y) for y in (several, sparse.csr_array(several)))
    assert np.array_equal(dense.coefs_[0], found.coefs_[0])
