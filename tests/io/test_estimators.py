"""Estimators saved and loaded: the same parameters, attributes and predictions, and the same bits from there on."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from files import from_bytes, same_bits, to_bytes
from saved_estimators import CLASSES, CUSTOM, LABELS, NUMBERS, SMALL, X, estimators, fitted, own_loss, state_of
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor, saved_parts

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
each = pytest.mark.parametrize(("name", "est", "y"), list(estimators()), ids=lambda v: v if isinstance(v, str) else "")


def loaded(est, custom=CUSTOM):
    return from_bytes(to_bytes(est), custom)


def told(est):
    """The repr, with no address of a generator of random numbers in it."""
    return re.sub(r" at 0x\w+", "", repr(est))


def same_estimator(one, other):
    return told(one) == told(other) and same_bits(state_of(one), state_of(other))


def predictions(est, rows=X):
    names = ("predict", "predict_proba", "decision_function")
    return [getattr(est, name)(rows) for name in names if getattr(est, name, None) is not None]


@each
def test_a_loaded_estimator_is_the_same_and_goes_on_bit_for_bit(name, est, y):
    est = fitted(clone(est), y)
    again = loaded(est)
    assert type(again) is type(est)
    assert same_estimator(est, again)
    assert same_bits(predictions(est), predictions(again))
    assert est.history_ is None or est.history_ == again.history_
    for one in (est, again):
        if getattr(one, "partial_fit", None) is not None:
            one.partial_fit(X[:40], y[:40]).partial_fit(X[20:], y[20:])
        fitted(one, y)
    assert same_estimator(est, again)


@each
def test_every_attribute_of_a_fit_is_in_the_file(name, est, y):
    held = {"_context", "net_", "trainer_", "history_", "_record", "_held", "_labels", "classes_"}
    held |= {"n_features_in_", "feature_names_in_", *saved_parts.ATTRIBUTES, *est.get_params(deep=False)}
    assert set(vars(fitted(clone(est), y))) <= held


@each
def test_an_estimator_that_is_not_fitted(name, est, y):
    again = loaded(clone(est))
    assert told(again) == told(est)
    assert "net_" not in vars(again)
    assert same_estimator(fitted(again, y), fitted(clone(est), y))


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("model", [MLPClassifier(**SMALL), SGDClassifier(max_iter=5)], ids=["mlp", "sgd"])
def test_labels_keep_their_type(model, kind):
    est = fitted(clone(model), LABELS[kind])
    again = loaded(est)
    assert again.classes_.dtype == est.classes_.dtype
    assert again.classes_.tolist() == est.classes_.tolist()
    said = again.predict(X)
    assert said.dtype == est.predict(X).dtype
    assert (said == est.predict(X)).all()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_features_and_labels_of_frames(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"a": X[:, 0], "é": X[:, 1], "c c": X[:, 2]})
    y = frames.Series(LABELS["texts"].tolist())
    est = MLPClassifier(**SMALL).fit(frame, y)
    again = loaded(est)
    assert again.feature_names_in_.tolist() == ["a", "é", "c c"]
    assert same_estimator(est, again)
    assert (again.predict(frame) == est.predict(frame)).all()
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[["c c", "a", "é"]])


@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
@pytest.mark.parametrize("model", [MLPClassifier(**SMALL), SGDClassifier(random_state=0)], ids=["mlp", "sgd"])
def test_sparse_rows_that_are_held_out(model, kind):
    rows = kind(np.where(np.abs(X) > 0.5, X, 0))
    est = clone(model).set_params(early_stopping=True, validation_fraction=0.2)
    est.partial_fit(rows, CLASSES, classes=[0, 1, 2])
    again = loaded(est)
    for _ in range(3):
        for one in (est, again):
            one.partial_fit(rows, CLASSES)
    assert again.validation_scores_ == est.validation_scores_
    assert same_bits(again.net_.params, est.net_.params)


def test_float32_and_weights_of_held_out_rows():
    est = MLPRegressor(**SMALL, early_stopping=True)
    est.partial_fit(X.astype(np.float32), NUMBERS, sample_weight=np.linspace(0.1, 2, 60))
    again = loaded(est)
    assert again.net_.dtype == "float32"
    for one in (est, again):
        one.partial_fit(X.astype(np.float32), NUMBERS, sample_weight=np.linspace(0.1, 2, 60))
    assert same_bits(again.net_.params, est.net_.params)
    assert again.validation_scores_ == est.validation_scores_


def test_methods_of_estimators(tmp_path):
    path = tmp_path / "model.gdc"
    est = fitted(MLPClassifier(**SMALL), CLASSES)
    est.save(path)
    for again in (gd.load(path), MLPClassifier.load(path)):
        assert same_estimator(est, again)
    with pytest.raises(
        gd.FileFormatError, match=r"holds an MLPClassifier, not an SGDRegressor: load it by gdcore\.load"
    ):
        SGDRegressor.load(path)
    with pytest.raises(gd.FileFormatError, match=r"holds an estimator, not a trainer: load it by gd\.load"):
        gd.Trainer.load(path)
    gd.LinearModel(2).save(path)
    with pytest.raises(gd.FileFormatError, match="holds a Sequential, not an MLPClassifier"):
        MLPClassifier.load(path)


def test_the_arrays_are_those_of_the_network_that_answers(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    est = fitted(MLPClassifier(**SMALL, average=gd.Polyak()), CLASSES)
    est.save(tmp_path / "model.gdc")
    arrays = numpy.load_file(tmp_path / "model.gdc")
    assert same_bits(arrays["dense1.weight"], est.coefs_[1])
    assert not same_bits(arrays["training.dense1.weight"], est.coefs_[1])


def test_the_trainer_of_an_estimator_is_saved_too():
    for est in (SGDClassifier(random_state=0), SGDClassifier("modified_huber", learning_rate="invscaling")):
        trainer = fitted(est, CLASSES).trainer_
        again = from_bytes(to_bytes(trainer))
        assert (again.optimizer, again.loss) == (trainer.optimizer, trainer.loss)
        assert same_bits(again.state_dict(), trainer.state_dict())


def test_what_is_the_users_own_is_saved_by_its_name():
    est = fitted(MLPRegressor(own_loss, **SMALL), NUMBERS)
    with pytest.raises(gd.FileFormatError, match=r"needs 'own_loss', which is not gdcore's: pass custom=\{'own_loss'"):
        loaded(est, {})
    data = to_bytes(est, custom={"mine": own_loss})
    assert from_bytes(data, {"mine": own_loss}).loss is own_loss
    nameless = fitted(MLPRegressor(lambda outputs, y: own_loss(outputs, y), **SMALL), NUMBERS)
    with pytest.raises(ValueError, match=r"^cannot save <lambda>, .* pass custom=\{'name': it\}"):
        to_bytes(nameless)


@pytest.mark.parametrize(
    ("est", "message"),
    [
        (MLPClassifier(random_state=np.random.RandomState(np.random.PCG64())), "cannot save random_state, a PCG64:"),
        (MLPClassifier(alpha={1, 2}), "cannot save parameters.alpha, {1, 2}: files hold numbers"),
    ],
)
def test_what_a_file_cannot_hold(est, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        to_bytes(est)


@pytest.mark.parametrize("several", [False, True])
def test_callbacks_are_left_out(several, tmp_path):
    own = gd.Checkpoint(tmp_path / "run.gdc")
    est = fitted(MLPClassifier(**SMALL, callbacks=[own] if several else own), CLASSES)
    again = from_bytes(to_bytes(est))
    assert again.callbacks == ()
    assert np.array_equal(again.net_.params, est.net_.params)
    assert (est.callbacks == [own]) if several else (est.callbacks is own)
    assert again.get_params() == {**est.get_params(), "callbacks": ()}


def test_a_fit_that_failed():
    est = SGDRegressor(learning_rate="constant", eta0=1e6, random_state=0)
    with pytest.raises(ValueError, match="non-finite"):
        est.fit(X * 1e200, NUMBERS)
    with pytest.raises(ValueError, match=r"^.*whose fit ended early and has left no n_iter_"):
        to_bytes(est)
    est = fitted(MLPRegressor(**SMALL), NUMBERS)
    est.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"dense0\.weight contains NaN"):
        to_bytes(est)


def test_a_pickle_is_as_good():
    for _, est, y in estimators():
        est = fitted(clone(est), y)
        assert same_estimator(pickle.loads(pickle.dumps(est)), est)
        assert same_estimator(pickle.loads(pickle.dumps(loaded(est))), est)


def in_a_new_process(code):
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_room_is_imported_when_a_file_names_it(tmp_path):
    path = tmp_path / "model.gdc"
    est = fitted(SGDClassifier(random_state=0), LABELS["texts"])
    est.save(path)
    trainer = tmp_path / "trainer.gdc"
    est.trainer_.save(trainer)
    code = f"""
import sys, gdcore as gd
assert "sklearn" not in sys.modules
print(gd.load({str(path)!r}).predict([[1.0, 2.0, 3.0]]), gd.load({str(trainer)!r}).optimizer)"""
    assert in_a_new_process(code) == f"{est.predict([[1.0, 2.0, 3.0]])} {est.trainer_.optimizer!r}\n"
    for name in (path, trainer):
        code = f"""
import sys, gdcore as gd
sys.modules["sklearn"] = None
try: gd.load({str(name)!r})
except ImportError as error: print(error)"""
        assert re.search(r"gdcore\.sklearn needs sklearn.*: pip install 'gdcore\[sklearn\]'", in_a_new_process(code))
