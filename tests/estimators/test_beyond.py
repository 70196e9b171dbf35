"""What scikit-learn's estimators lack."""

import copy
import pickle
import threading

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.special import xlogy
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.preprocessing import scale

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor
from gdcore.sklearn.loss_names import LINEAR

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`")

IRIS = load_iris(return_X_y=True)
X, Y = scale(IRIS[0]), IRIS[1]
XR, YR = (scale(a) for a in load_diabetes(return_X_y=True))
SHORT = {"max_iter": 60, "random_state": 0, "learning_rate_init": 0.01}


# Networks


def test_layers_of_their_own_activations_and_dropout():
    model = MLPClassifier((8, 6), activation=["tanh", "mish"], dropout=[0.1, 0.0], **SHORT).fit(X, Y)
    assert (
        repr(model.net_)
        == "Sequential(Dense(4, 8, 'tanh'), Dropout(0.1), Dense(8, 6, 'mish'), Dense(6, 3), dtype='float64')"
    )
    assert model.score(X, Y) > 0.9
    other = MLPClassifier((8, 6), activation=gd.LeakyReLU(0.1), dropout=0.2, weight_init="orthogonal", **SHORT).fit(
        X, Y
    )
    assert [type(layer).__name__ for layer in other.net_.layers] == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert not np.array_equal(
        model.fit(X, Y).predict_proba(X), model.set_params(dropout=0.0).fit(X, Y).predict_proba(X)
    )


@pytest.mark.parametrize("name", [kind().name for kind in gd.OPTIMIZERS])
def test_every_optimizer_by_name_and_as_a_record(name):
    by_name = MLPClassifier((8,), solver=name, **SHORT).fit(X, Y)
    kind = next(kind for kind in gd.OPTIMIZERS if kind().name == name)
    record = kind(0.01, momentum=0.9, nesterov=True) if name == "sgd" else kind(0.01)  # as scikit-learn's "sgd" has
    assert np.array_equal(by_name.net_.params, MLPClassifier((8,), solver=record, **SHORT).fit(X, Y).net_.params)
    assert by_name.loss_ < by_name.loss_curve_[0]


@pytest.mark.parametrize("loss", [kind.name for kind in gd.LOSSES])
def test_every_loss(loss):
    kind = next(kind for kind in gd.LOSSES if kind.name == loss)
    if kind.target in ("real", "nonnegative"):
        y = YR if kind.target == "real" else np.floor(YR - YR.min())
        model = MLPRegressor(hidden_layer_sizes=(8,), loss=loss, **SHORT).fit(XR, y)
        right = (xlogy(y, y) - y).mean() if loss == "poisson" else 0.0  # scikit-learn's name, which reports a deviance
        own = model.net_.loss(XR, y, loss, l2=model.alpha / 200) + right
        assert model.loss_curve_[0] > model.loss_ == pytest.approx(own, rel=0.05, abs=0.02)
    if loss != "poisson":
        classifier = MLPClassifier((8,), loss=loss, **SHORT).fit(X, Y)
        assert classifier.score(X, Y) > 0.75
        assert hasattr(classifier, "predict_proba") == (kind.target in ("class", "unit") or kind == gd.ModifiedHuber)
        two = MLPClassifier((8,), loss=loss, **SHORT).fit(X[:100], IRIS[1][:100])
        assert two.score(X[:100], Y[:100]) > 0.9


@pytest.mark.parametrize("loss", LINEAR)
def test_every_loss_of_linear_models_is_compiled(loss):
    model = SGDClassifier(loss, epsilon=0.25, random_state=0, max_iter=5, tol=None).fit(X, Y)
    kind = type(model.trainer_.loss)
    assert kind in gd.LOSSES
    assert model.trainer_.loss.option() == (0.25 if loss == "huber" or "epsilon" in loss else 0.0)


def test_quantiles_and_counts():
    low, high = (
        MLPRegressor(hidden_layer_sizes=(), loss=gd.Quantile(q), **{**SHORT, "max_iter": 300}).fit(XR, YR).predict(XR)
        for q in (0.1, 0.9)
    )
    assert (low > YR).mean() == pytest.approx(0.1, abs=0.04)
    assert (high > YR).mean() == pytest.approx(0.9, abs=0.04)
    counts = np.random.default_rng(0).poisson(np.exp(XR[:, 2]))
    model = SGDRegressor("poisson", random_state=0, max_iter=50).fit(XR, counts)
    assert model.predict(XR).min() > 0
    assert model.predict(XR).mean() == pytest.approx(counts.mean(), rel=0.2)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_schedules(solver):
    rate = gd.schedules.Cosine(0.02, 60)
    model = MLPRegressor(
        hidden_layer_sizes=(8,), solver=solver, learning_rate=rate, batch_size=1000, tol=0, **SHORT
    ).fit(XR, YR)
    factor = 0.5 if solver == "sgd" else 1.0  # half a squared error is half of gdcore's
    np.testing.assert_allclose(model.history_.learning_rate, [factor * rate(i) for i in range(60)])
    plateau = gd.schedules.ReduceOnPlateau(0.01, patience=2)
    model.set_params(learning_rate=plateau, max_iter=80).fit(XR, YR)
    assert model.history_.learning_rate[-1] <= model.history_.learning_rate[0]
    linear = SGDClassifier(learning_rate=gd.schedules.StepDecay(0.1, 100), random_state=0).fit(X, Y)
    assert linear.score(X, Y) > 0.8


def test_penalties_limits_and_averages():
    sparse = MLPRegressor(hidden_layer_sizes=(8,), l1=0.05, **SHORT).fit(XR, YR)
    assert sum((w == 0).sum() for w in sparse.coefs_) > 20
    clipped = MLPRegressor(hidden_layer_sizes=(8,), solver="sgd", clip_norm=1e-3, **{**SHORT, "max_iter": 3}).fit(
        XR, YR
    )
    assert sum(clipped.history_.clipped_steps) == clipped.trainer_.steps_done == 9
    mean = MLPRegressor(hidden_layer_sizes=(8,), average=gd.EMA(0.9), **SHORT).fit(XR, YR)
    assert np.array_equal(mean.net_.params, mean.trainer_.averaged)
    assert not np.array_equal(mean.net_.params, mean.trainer_.model.params)
    plain = MLPRegressor(hidden_layer_sizes=(8,), **SHORT).fit(XR, YR)
    assert np.array_equal(mean.trainer_.model.params, plain.net_.params)
    linear = SGDRegressor(average=gd.EMA(0.99), random_state=0).fit(XR, YR)
    assert linear.score(XR, YR) > 0.4


@pytest.mark.parametrize("kind", [MLPClassifier, SGDClassifier, MLPRegressor, SGDRegressor])
def test_float32_is_kept(kind):
    y = Y if "Classifier" in kind.__name__ else YR[:150]
    model = kind(max_iter=5, random_state=0).fit(X.astype(np.float32), y)
    coef = model.coef_ if "SGD" in kind.__name__ else model.coefs_[0]
    assert model.net_.dtype == "float32"
    assert coef.dtype == np.float32
    assert (model.decision_function(X) if y is Y else model.predict(X)).dtype == np.float32


def test_several_labels_and_outputs():
    XM, YM = make_multilabel_classification(300, 10, n_classes=4, random_state=0)
    XM = scale(XM)
    model = MLPClassifier((30,), **{**SHORT, "max_iter": 200}).fit(XM, YM)
    assert (model.predict(XM) == YM).mean() > 0.9
    assert model.predict_proba(XM).shape == model.decision_function(XM).shape == (300, 4)
    assert model.predict_log_proba(XM).max() <= 0
    both = MLPRegressor(hidden_layer_sizes=(20,), **SHORT).fit(XR, np.stack([YR, XR[:, 0]], 1))
    assert both.predict(XR).shape == (len(XR), 2)
    assert both.score(XR, np.stack([YR, XR[:, 0]], 1)) > 0.6


# Runs


def test_validation_data_and_metrics():
    model = MLPClassifier((8,), metrics="accuracy", **SHORT).fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.history_.metrics["val_accuracy"][-1] == pytest.approx(model.score(X[1::2], Y[1::2]))
    assert model.validation_loss_curve_[-1] == pytest.approx(
        -np.log(model.predict_proba(X[1::2])[np.arange(75), Y[1::2]]).mean()
    )
    stopped = MLPClassifier((8,), early_stopping=True, n_iter_no_change=3, random_state=0, learning_rate_init=0.05)
    stopped.fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert len(stopped.validation_scores_) == stopped.n_iter_ < stopped.max_iter
    assert stopped.score(X[1::2], Y[1::2]) == stopped.best_validation_score_ == max(stopped.validation_scores_)


@pytest.mark.parametrize("kind", [MLPClassifier, SGDClassifier])
def test_early_stopping_in_parts(kind):
    model = kind(early_stopping=True, n_iter_no_change=4, validation_fraction=0.3, random_state=0)
    calls = 0
    while calls < 500 and not (calls and model.stopped_):
        model.partial_fit(X, Y, classes=[0, 1, 2])
        calls += 1
    assert 4 < calls == len(model.validation_scores_) < 500
    scores, params = list(model.validation_scores_), model.net_.params.copy()
    with pytest.warns(UserWarning, match="this partial_fit changes nothing"):
        model.partial_fit(X, Y)
    assert np.array_equal(params, model.net_.params)
    assert model.validation_scores_ == scores
    model.fit(X, Y)
    assert not model.stopped_


def test_splits_keep_the_shares_of_all_classes():
    seen = []

    class Scores(gd.Callback):
        def on_epoch_end(self, state):
            seen.append(state.val_loss)

    y = np.repeat([0, 1, 2], [120, 20, 10])
    model = MLPClassifier(
        early_stopping=True, validation_fraction=0.2, callbacks=[Scores()], max_iter=2, random_state=0
    )
    model.fit(X, y)
    assert len(seen) == 2
    assert model.validation_loss_curve_ == seen


def test_callbacks_stop_a_fit():
    class Third(gd.Callback):
        def on_epoch_end(self, state):
            return state.epoch == 2

    for kind in (MLPClassifier, SGDClassifier):
        model = kind(callbacks=Third(), random_state=0).fit(X, Y)
        assert model.n_iter_ == 3


def test_progress(capfd):
    MLPClassifier(max_iter=2, verbose="bar").fit(X, Y)
    assert "2" in capfd.readouterr().err
    SGDClassifier(max_iter=2, verbose=1).fit(X, Y)
    assert "Iteration 2, loss = " in capfd.readouterr().out


@pytest.mark.parametrize("solver", ["adam", "sgd", gd.RMSprop(0.01)])
def test_a_warm_start_goes_on_with_the_optimizers_state(solver):
    options = {"solver": solver, "warm_start": True, "tol": 0.0, "random_state": 0, "batch_size": 50}
    once = MLPClassifier(max_iter=10, **options).fit(X, Y)
    twice = MLPClassifier(max_iter=5, **options).fit(X, Y)
    twice = pickle.loads(pickle.dumps(twice)).fit(X, Y)
    assert np.array_equal(once.net_.params, twice.net_.params)
    assert once.loss_curve_ == twice.loss_curve_
    parts = MLPClassifier(**options)
    for _ in range(10):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert np.array_equal(once.net_.params, parts.net_.params)


def test_hyperparameters_may_change_between_parts():
    model = MLPClassifier((8,), batch_size=50, random_state=0).partial_fit(X, Y, classes=[0, 1, 2])
    steps = model.trainer_.steps_done
    model.set_params(alpha=1.0, learning_rate_init=0.1).partial_fit(X, Y)
    assert (model.trainer_.steps_done, model.trainer_.learning_rate) == (2 * steps, 0.1)
    assert model.trainer_.l2 == 1.0 / 50
    model.set_params(solver="sgd").partial_fit(X, Y)
    assert isinstance(model.trainer_.optimizer, gd.SGD)
    few = model.partial_fit(X[:10], Y[:10])
    assert few.trainer_.l2 == 1.0 / 10
    linear = SGDClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1, 2]).set_params(alpha=0.1).partial_fit(X, Y)
    assert linear.trainer_.l2 == pytest.approx(0.1 / 3)


def test_threads_do_not_change_a_bit():
    fits = [
        MLPClassifier((300,), max_iter=2, batch_size=150, random_state=0, n_threads=n).fit(X, Y).net_.params
        for n in (1, 2)
    ]
    assert np.array_equal(*fits)
    done = []
    models = [MLPClassifier((8,), max_iter=30, random_state=0) for _ in range(4)]
    threads = [threading.Thread(target=lambda m=m: done.append(m.fit(X, Y))) for m in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({model.net_.params.tobytes() for model in done}) == 1


EXAMINED = [
    MLPClassifier((6,), max_iter=60),
    MLPClassifier((6,), solver="lbfgs"),
    SGDClassifier(),
    MLPRegressor(hidden_layer_sizes=(6,), activation="tanh"),
    SGDRegressor(loss="epsilon_insensitive"),
]


@pytest.mark.parametrize("model", EXAMINED, ids=repr)
def test_diagnosis_and_gradient_check(model):
    y = Y if "Classifier" in type(model).__name__ else YR[:150]
    model.set_params(random_state=0).fit(X, y)
    assert "diagnosis" in str(model.diagnose(X, y))
    assert model.check_gradients(X[:20], y[:20]).verdict != "fail"
    assert model.check_gradients(X[:20], y[:20], sample_weight=np.arange(20.0)).verdict != "fail"


def test_coefficients_may_be_set():
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(XR, YR)
    model.coefs_[1][:] = 0
    model.intercepts_[1][:] = 7
    assert np.array_equal(model.predict(XR), np.full(len(XR), 7.0))
    model.coefs_ = [np.zeros((10, 3)), np.ones((3, 1))]
    with pytest.raises(ValueError, match=r"coefs_ has shapes \(\(2,\),\); expected \(\(10, 3\), \(3, 1\)\)"):
        model.coefs_ = [[1, 2]]
    linear = SGDRegressor(max_iter=2, random_state=0).fit(XR, YR)
    linear.coef_ = np.zeros(10)
    linear.intercept_ = 3.0
    assert np.array_equal(linear.predict(XR), np.full(len(XR), 3.0))


def test_interrupts_keep_what_was_learned():
    class Interrupt(gd.Callback):
        def on_epoch_end(self, state):
            if state.epoch == 3:
                raise KeyboardInterrupt

    model = MLPClassifier(callbacks=[Interrupt()], random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y)
    assert model.n_iter_ == 4
    assert model.predict(X).shape == (150,)


def test_copies_are_independent():
    model = MLPClassifier(max_iter=5, random_state=0).fit(X, Y)
    twin = copy.deepcopy(model)
    assert np.array_equal(twin.net_.params, model.net_.params)
    twin.partial_fit(X, Y)
    model.partial_fit(X, Y)
    assert np.array_equal(twin.net_.params, model.net_.params)
    assert twin.trainer_.model is twin.net_
