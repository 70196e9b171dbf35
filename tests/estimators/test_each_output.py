"""Several classes of `SGDClassifier`: each stops by itself, as scikit-learn's fits of one class each do."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_array
from sklearn import linear_model
from sklearn.datasets import load_digits, make_classification
from theirs_sklearn import since

import gdcore as gd
from gdcore.sklearn import SGDClassifier
from gdcore.sklearn.each_output import Objectives, Units

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(400, 12, n_informative=8, n_classes=4, random_state=1)
DIGITS, DIGIT = load_digits(return_X_y=True)
DIGITS, DIGIT = DIGITS[DIGIT < 4] / 16, DIGIT[DIGIT < 4]
WEIGHT = np.random.default_rng(0).uniform(0.2, 2.0, 400)
WEIGHT /= WEIGHT.mean()

FITS = [
    {},
    {"n_iter_no_change": 1, "tol": 1e-2},
    {"average": True},
    {"average": 900},
    {"fit_intercept": False, "alpha": 1e-3},
    {"loss": "squared_hinge", "alpha": 1e2},
    {"loss": "log_loss", "learning_rate": "invscaling", "eta0": 0.1},
    {"loss": "log_loss", "learning_rate": "constant", "eta0": 0.01, "penalty": None},
]
OBJECTIVE = since(1, 8, "Whether a fit has converged is decided with the penalty from 1.8 on.")


def both(X, y, weight=None, **options):
    options = {"shuffle": False, "random_state": 3, **options}
    return [kind(**options).fit(X, y, sample_weight=weight) for kind in (SGDClassifier, linear_model.SGDClassifier)]


def own_loss(z, y):
    return ((z - y) ** 2).mean(), 2 * (z - y) / z.size


def assert_same(mine, theirs):
    assert mine.n_iter_ == theirs.n_iter_
    size = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(mine.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-9 * size)


def stops(model, X, y, **options):
    """Fit, and return the epoch after which each class's coefficients changed no more, and all coefficients."""
    seen = []

    class Look(gd.Callback):
        def on_epoch_end(self, state):
            pickle.loads(pickle.dumps(model.set_params(callbacks=())))
            seen.append(np.column_stack([model.coef_, model.intercept_]))

    model.set_params(callbacks=Look(), **options).fit(X, y)
    changed = (np.diff(seen, axis=0) != 0).any(axis=2)  # after each epoch but the first, of each class
    return [int(np.flatnonzero(each).max(initial=-1)) + 2 for each in changed.T], seen


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
@pytest.mark.parametrize("options", FITS, ids=repr)
@pytest.mark.parametrize("form", [np.asarray, csr_array])
@OBJECTIVE
def test_each_class_stops_where_scikit_learns_fit_of_it_does(form, options, weight):
    if form is csr_array:
        options = {**options, "fit_intercept": False}  # scikit-learn's intercepts of sparse rows have another rate
    mine, theirs = both(form(X), Y, weight, **options)
    assert_same(mine, theirs)
    assert mine.history_.stop_reason.startswith("all classes have stopped, the last one when its training loss ")


@OBJECTIVE
def test_digits_stop_where_scikit_learns_do():
    mine, theirs = both(DIGITS, DIGIT)
    assert_same(mine, theirs)
    epochs, _ = stops(SGDClassifier(shuffle=False, random_state=3), DIGITS, DIGIT)
    assert max(epochs) == mine.n_iter_ > min(epochs)


@pytest.mark.parametrize("options", [{"penalty": None}, {"fit_intercept": False}], ids=repr)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
def test_each_class_stops_by_its_own_validation_score(options, weight):
    """scikit-learn scores weights before they are scaled by the penalty, which only an intercept makes a difference."""
    mine, theirs = both(X, Y, weight, early_stopping=True, **options)
    if weight is None:  # weights are relative to the mean of the rows that are left
        assert_same(mine, theirs)
    assert len(mine.validation_scores_) == mine.n_iter_ < 1000
    assert "the last one when its validation score " in mine.history_.stop_reason


@pytest.mark.parametrize("average", [False, True, gd.EMA(0.99)], ids=repr)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_has_stopped_stays(average, early_stopping):
    model = SGDClassifier(random_state=0, average=average, early_stopping=early_stopping)
    if average:
        model.fit(X, Y)
    else:
        epochs, seen = stops(model, X, Y)
        assert len(seen) == model.n_iter_ == max(epochs)
        assert len(set(epochs)) > 1
        assert np.array_equal(seen[-1], np.column_stack([model.coef_, model.intercept_]))
    if average:
        np.testing.assert_array_equal(model.trainer_.averaged, model.net_.params)
    again = pickle.loads(pickle.dumps(model)).set_params(callbacks=())
    for each in (model.set_params(callbacks=()), again):
        each.partial_fit(X, Y)
    assert np.array_equal(again.net_.params, model.net_.params)
    assert np.isfinite(again.coef_).all()


@pytest.mark.parametrize("average", [False, True])
def test_what_has_stopped_owes_no_penalty(average):
    """The steps that are taken back count no more for the cumulative L1, from which training goes on."""
    rng = np.random.default_rng(11)
    rows = rng.normal(size=(120, 8))
    classes = np.digitize(rows[:, 0] + 0.5 * rows[:, 1] + rng.normal(size=120), [-0.5, 0.5])
    options = {"loss": "log_loss", "penalty": "l1", "alpha": 0.02, "learning_rate": "constant", "eta0": 0.02}
    model = SGDClassifier(random_state=11, average=average, **options).fit(rows, classes)
    trained, optimizer = model.trainer_.model, model.trainer_.state_dict()["optimizer"]
    weights, received = trained.params[:24], optimizer["slots"][0, :24]
    paid = -np.sign(weights) * optimizer["scalars"][0]
    np.testing.assert_allclose(received[weights != 0], paid[weights != 0], rtol=1e-12)
    if average:
        np.testing.assert_array_equal(model.trainer_.averaged, model.net_.params)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_classes_are_those_of_fits_of_two_classes(batch_size):
    options = {"shuffle": False, "random_state": 0, "batch_size": batch_size, "penalty": None, "tol": 1e-2}
    several = SGDClassifier(**options).fit(X, Y)
    alone = [SGDClassifier(**options).fit(X, j == Y) for j in range(4)]
    assert several.n_iter_ == max(each.n_iter_ for each in alone)
    np.testing.assert_allclose(several.coef_, np.vstack([each.coef_ for each in alone]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", [{"batch_size": 8}, {"penalty": "elasticnet"}], ids=repr)
def test_other_objectives_have_the_mean_of_the_penalties_before_and_after_an_epoch(options):
    model = SGDClassifier(random_state=0, alpha=0.05, learning_rate="constant", tol=None, max_iter=3, **options)
    model.fit(X, Y)
    share = 0.15 if "penalty" in options else 0.0
    units = Units(2.0, 0.05 * share, 0.05 * (1 - share))
    objectives = Objectives(model.trainer_, units)

    def penalties():
        return units.l1 * np.abs(model.coef_).sum(1) + 0.5 * units.l2 * (model.coef_**2).sum(1)

    before = penalties()
    model.trainer_.epoch(X, np.where(Y[:, None] == np.arange(4), 1.0, -1.0))
    np.testing.assert_allclose(objectives(), 2 * objectives.sums.losses + (before + penalties()) / 2, rtol=1e-12)


def test_a_fit_that_is_interrupted_keeps_what_has_stopped():
    epochs, seen = stops(SGDClassifier(random_state=0), X, Y)
    first = min(epochs)

    class Interrupt(gd.Callback):
        def on_epoch_end(self, state):
            if state.epoch == first + 1:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        model = SGDClassifier(random_state=0, callbacks=Interrupt()).fit(X, Y)
    assert np.array_equal(np.column_stack([model.coef_, model.intercept_]), seen[first + 1])


def test_a_warm_start_begins_with_what_has_stopped(tmp_path):
    model = SGDClassifier(random_state=0, warm_start=True).fit(X, Y)
    model.save(tmp_path / "model.gdc")
    again = gd.load(tmp_path / "model.gdc")
    afresh = SGDClassifier(random_state=0).fit(X, Y, coef_init=model.coef_, intercept_init=model.intercept_)
    for each in (model, again):
        each.fit(X, Y)
        assert np.array_equal(each.coef_, afresh.coef_)
    model.partial_fit(X, Y)
    again.partial_fit(X, Y)
    assert np.array_equal(model.net_.params, again.net_.params)


def test_validation_data_and_callbacks_and_the_curves():
    model = SGDClassifier(random_state=0, early_stopping=True).fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert model.validation_scores_[-1] == model.score(X[1::2], Y[1::2])
    assert len(model.loss_curve_) == model.n_iter_ == len(model.history_.val_loss)
    assert "diagnosis" in str(model.diagnose(X, Y))


def test_verbose_says_that_all_have_stopped(capsys):
    SGDClassifier(random_state=0, verbose=1).fit(X, Y)
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "Training loss did not improve more than tol=0.001000 for 4 consecutive epochs. Stopping."


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": "adaptive", "eta0": 0.01},
        {"loss": own_loss, "eta0": 0.01, "learning_rate": "constant"},
    ],
    ids=["adaptive", "own loss"],
)
def test_where_the_mean_decides(options):
    epochs, _ = stops(SGDClassifier(random_state=0, batch_size=20, tol=1e-2, **options), X, Y)
    assert len(set(epochs)) == 1


def test_epochs_without_a_tolerance_are_all_run():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SGDClassifier(random_state=0, tol=None, max_iter=7).fit(X, Y)
    assert model.n_iter_ == 7
