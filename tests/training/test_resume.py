"""Going on: a trainer that is pickled or copied does what the one that never stopped does; its settings stay."""

import copy
import pickle

import numpy as np
import pytest

import gdcore as gd

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2))
WAYS = {"pickle": lambda trainer: pickle.loads(pickle.dumps(trainer)), "deepcopy": copy.deepcopy}


def new_trainer(optimizer, dtype="float32"):
    layers = gd.Dense(4, 9, "relu", max_norm=0.8), gd.Dropout(0.3), gd.Dense(9, 2, l1=0.01)
    net = gd.Sequential(*layers, seed=3, dtype=dtype)
    options = {"l2": 1e-3, "clip_norm": 0.5, "clip_value": 0.2, "layer_rates": {"dense0": 0.5}}
    return gd.Trainer(net, "mse", optimizer(), batch_size=8, **options)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
def test_a_restored_trainer_goes_on_bit_for_bit(optimizer, way):
    whole, stopped = new_trainer(optimizer), new_trainer(optimizer)
    want = whole.fit(X, Y, epochs=5).loss
    first = stopped.fit(X, Y, epochs=2).loss
    other = way(stopped)
    stopped.fit(X, Y, epochs=1)  # the original goes its own way
    assert first + other.fit(X, Y, epochs=3).loss == want
    np.testing.assert_array_equal(other.model.params, whole.model.params)
    np.testing.assert_array_equal(other.optimizer_state.slots, whole.optimizer_state.slots)
    assert (other.steps_done, other.epochs_done) == (whole.steps_done, 5)
    assert repr(other) == repr(whole)


def test_the_learning_rate_is_kept():
    trainer = new_trainer(gd.Adam)
    trainer.learning_rate = 0.25
    assert pickle.loads(pickle.dumps(trainer)).learning_rate == 0.25


@pytest.mark.parametrize("name", ["batch_size", "l2", "layer_rates", "optimizer", "loss", "seed", "epochs_done", "lr"])
def test_settings_cannot_be_set_in_vain(name):
    trainer = new_trainer(gd.SGD)
    with pytest.raises(AttributeError, match=f"{name} cannot be set on a Trainer, only learning_rate"):
        setattr(trainer, name, 0)
    trainer.learning_rate = 0.5
    assert trainer.learning_rate == 0.5


def test_a_custom_losss_own_error_comes_through():
    def loss(outputs, y):
        raise FloatingPointError("divide by zero in my loss")

    for call in (lambda t: t.step(X, Y), lambda t: t.fit(X, Y, epochs=1)):
        with pytest.raises(FloatingPointError, match="divide by zero in my loss"):
            call(gd.Trainer(gd.LinearModel(4, 2), loss))


def test_nan_in_y_is_refused_with_a_custom_loss_too():
    y = Y.copy()
    y[7, 1] = np.nan
    net = gd.LinearModel(4, 2, seed=0)
    before = net.params.copy()
    with pytest.raises(ValueError, match="y contains NaN in row 7"):
        net.fit(X, y, loss=lambda z, y: (0.0, z))
    np.testing.assert_array_equal(net.params, before)


@pytest.mark.parametrize("dtype", [int, bool, float, "float32"])
def test_one_hot_rows_are_probabilities_of_any_type(dtype):
    labels = np.arange(50) % 2
    net = gd.LinearModel(4, 2, seed=0)
    assert net.loss(X, np.eye(2, dtype=dtype)[labels], "cross_entropy") == net.loss(X, labels, "cross_entropy")


def test_a_validation_loss_of_nan_ends_the_fit_and_says_so():
    def loss(outputs, y):
        return (np.nan if len(outputs) == 10 else 1.0), np.zeros_like(outputs)

    stop = gd.EarlyStopping(3)
    history = gd.LinearModel(4, 2).fit(X, Y, loss=loss, validation_data=(X[:10], Y[:10]), epochs=9, stop=stop)
    assert history.epochs == 1
    assert history.stop_reason == "val_loss is NaN in epoch 0"


@pytest.mark.parametrize(
    ("call", "exception", "message"),
    [
        (
            lambda net: net.fit(X, Y, loss="mse", validation_data=(X[:, :3], Y)),
            ValueError,
            "^validation_data: X has 3 fea",
        ),
        (lambda net: net.fit(X, Y, loss="mse", validation_data=(X,)), TypeError, r"be \(X, y\) or .*, got 1 items"),
        (lambda net: net.predict(X[:4, :2]), ValueError, "X has 2 features, but the model expects 4: pass X.T"),
        (
            lambda net: net.loss(X, np.arange(50) % 2 + 1, "cross_entropy"),
            ValueError,
            "y has label 2 in row 1.*pass y - 1",
        ),
        (
            lambda net: gd.LinearModel(4).loss(X, np.arange(50) % 2, "cross_entropy"),
            ValueError,
            "or take binary_cross_en",
        ),
        (lambda net: net.loss(X, np.sign(Y), "bce"), ValueError, r"pass \(y \+ 1\) / 2"),
        (lambda net: gd.Sequential([gd.Dense(1, 1)]), TypeError, "pass the layers themselves, not a list of them"),
        (lambda net: gd.MLP([3, 4.0, 1]), TypeError, r"sizes\[1\] must be an integer, got 4.0"),
        (lambda net: net.fit(X, Y, loss="mse", stop=gd.EarlyStopping), TypeError, "got the class EarlyStopping"),
        (lambda net: net.loss(X + 1j, Y, "mse"), TypeError, "pass X.real, if that is meant"),
    ],
)
def test_a_mistake_is_answered_with_its_remedy(call, exception, message):
    net = gd.LinearModel(4, 2, seed=0)
    before = net.params.copy()
    with pytest.raises(exception, match=message):
        call(net)
    np.testing.assert_array_equal(net.params, before)


def test_sizes_may_be_an_array():
    assert repr(gd.MLP(np.array([3, 4, 1]), seed=0)) == repr(gd.MLP([3, 4, 1], seed=0))
