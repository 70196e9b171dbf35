"""Names of a data frame's columns: remembered when a model is fitted, compared whenever it sees a frame again."""

import pickle

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.names import feature_names

pd = pytest.importorskip("pandas")

NAMES = ["age", "height", "weight"]


@pytest.fixture
def frame(rng):
    return pd.DataFrame(rng.normal(size=(30, 3)), columns=NAMES)


@pytest.fixture
def net(frame):
    model = gd.LinearModel(3, seed=0)
    model.fit(frame, frame["age"], "mse", epochs=2)
    return model


CALLS = {
    "predict": lambda net, X, y: net.predict(X),
    "loss": lambda net, X, y: net.loss(X, y, "mse"),
    "loss_and_grad": lambda net, X, y: net.loss_and_grad(X, y, "mse"),
    "evaluate": lambda net, X, y: net.evaluate(X, y),
    "score": lambda net, X, y: net.score(X, y),
    "classify": lambda net, X, y: net.classify(X, loss="bce"),
    "predict_proba": lambda net, X, y: net.predict_proba(X, loss="bce"),
    "hessian_vector": lambda net, X, y: net.hessian_vector(X, y, "mse", np.ones(4)),
    "check_gradients": lambda net, X, y: gd.check_gradients(net, X, y, "mse"),
    "diagnose": lambda net, X, y: gd.diagnose(net, X, y, "mse"),
    "find_learning_rate": lambda net, X, y: gd.find_learning_rate(net, X, y, "mse"),
    "learning_rate_bound": lambda net, X, y: gd.learning_rate_bound(net, X, y, "mse"),
    "a trainer's step": lambda net, X, y: gd.Trainer(net.copy(), "mse").step(X, y),
}


def test_they_are_remembered_copied_and_pickled(net):
    assert net.feature_names == tuple(NAMES)
    for twin in (net.copy(), net.astype("float64"), pickle.loads(pickle.dumps(net))):
        assert twin.feature_names == tuple(NAMES)
    net.reset()
    assert net.feature_names is None


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_columns_in_another_order_are_refused(net, frame, call):
    y = np.zeros(30)
    call(net, frame, y)
    call(net, frame.to_numpy(), y)
    message = r"X has 'weight' in column 0, where the model was fitted on 'age': pass X\[list\(model.feature_names\)\]"
    with pytest.raises(ValueError, match=message):
        call(net, frame[NAMES[::-1]], y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: f.rename(columns={"age": "Age"}),
            "X lacks 'age' and has 'Age' besides; the model was fitted on 'age'",
        ),
        (lambda f: f[["age", "height"]], "X lacks 'weight'; the model was fitted on .*pass a frame with those columns"),
        (lambda f: f.assign(shoe=1.0), r"X has 'shoe' besides; .*pass X\[list\(model.feature_names\)\]"),
        (lambda f: f[["age", "age", "height", "weight"]], "X has a column twice"),
    ],
    ids=range(4),
)
def test_other_columns_are_named(net, frame, change, message):
    with pytest.raises(ValueError, match=message):
        net.predict(change(frame))


def test_validation_data_are_compared_with_the_training_data(net, frame):
    with pytest.raises(ValueError, match="validation_data: X has 'weight' in column 0"):
        net.fit(frame, frame["age"], "mse", validation_data=(frame[NAMES[::-1]], frame["age"]))


def test_the_remedy_works(net, frame):
    mixed = frame.assign(shoe=1.0)[["shoe", *NAMES[::-1]]]
    np.testing.assert_array_equal(net.predict(mixed[list(net.feature_names)]), net.predict(frame))


def test_what_has_no_names_passes(net, frame):
    for X in (frame.to_numpy(), frame.to_numpy().tolist(), pd.DataFrame(frame.to_numpy())):
        np.testing.assert_array_equal(net.predict(X), net.predict(frame))
    assert feature_names(pd.DataFrame(np.ones((2, 2)))) is None
    assert feature_names(pd.DataFrame(np.ones((2, 2)), columns=["a", 1])) is None


def test_a_new_fit_names_anew_and_a_trainer_goes_on_with_its_names(net, frame):
    other = frame.rename(columns=str.upper)
    net.fit(other, other["AGE"], "mse", epochs=1)
    assert net.feature_names == ("AGE", "HEIGHT", "WEIGHT")
    net.fit(frame.to_numpy(), frame["age"], "mse", epochs=1)
    assert net.feature_names is None
    trainer = gd.Trainer(net, "mse")
    trainer.fit(frame, frame["age"], epochs=1)
    with pytest.raises(ValueError, match="X lacks 'age', 'height', 'weight' and has 'AGE'"):
        trainer.fit(other, other["AGE"], epochs=1)
    trainer.fit(frame.to_numpy(), frame["age"], epochs=1)
    assert net.feature_names == tuple(NAMES)


def test_a_fit_that_is_refused_leaves_them(net, frame):
    with pytest.raises(ValueError, match="y has shape"):
        net.fit(frame.rename(columns=str.upper), [1.0], "mse")
    assert net.feature_names == tuple(NAMES)


def test_many_names_are_cut_short(rng):
    frame = pd.DataFrame(rng.normal(size=(9, 30)), columns=[f"c{i}" for i in range(30)])
    net = gd.LinearModel(30)
    net.fit(frame, np.zeros(9), "mse", epochs=1)
    with pytest.raises(ValueError, match="'c7' and 22 more: pass"):
        net.predict(frame.assign(more=0.0))
