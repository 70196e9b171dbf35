"""The forms that data of many models may have: shared, own, groups, rows; each gives what single fits give."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import gdcore as gd

NET = gd.MLP([3, 4, 1], activation="tanh")
FIT = {"epochs": 2, "batch_size": 4}


def alone(seed, X, y, net=NET, **options):
    single = gd.Sequential(*net.layers, seed=seed, dtype=net.dtype)
    single.fit(X, y, "mse", seed=seed, **{**FIT, **options})
    return single.params


def drawn(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


@pytest.mark.parametrize("turn", [np.asarray, list, lambda X: [*map(np.asfortranarray, X)]], ids=["array", "list", "F"])
def test_inputs_and_targets_of_each_model(turn):
    X, y, w = drawn(3, 9, 3), drawn(3, 9), np.abs(drawn(3, 9))
    many = gd.fit_many(NET, turn(X), turn(y), "mse", sample_weight=turn(w), seeds=range(3), **FIT)
    for i in range(3):
        np.testing.assert_array_equal(many.params[i], alone(i, X[i], y[i], sample_weight=w[i]))


def test_arrays_of_different_lengths():
    X, y = [drawn(n, 3) for n in (5, 1, 12)], [drawn(n) for n in (5, 1, 12)]
    many = gd.fit_many(NET, X, y, "mse", seeds=range(3), **FIT)
    for i in range(3):
        np.testing.assert_array_equal(many.params[i], alone(i, X[i], y[i]))
    assert [output.shape for output in many.predict(X)] == [(5, 1), (1, 1), (12, 1)]


def test_targets_of_each_model_over_shared_inputs():
    X, y = drawn(9, 3), drawn(4, 9)
    for form in (y, y[:, :, None], list(y)):
        many = gd.fit_many(NET, X, form, "mse", seeds=range(4), **FIT)
        for i in range(4):
            np.testing.assert_array_equal(many.params[i], alone(i, X, y[i]))
    np.testing.assert_allclose(many.loss(X, y), [many[i].loss(X, y[i], "mse") for i in range(4)])


def test_weights_of_each_model_over_shared_data():
    X, y, w = drawn(9, 3), drawn(9), np.abs(drawn(2, 9))
    for form in (w, list(w)):
        many = gd.fit_many(NET, X, y, "mse", sample_weight=form, seeds=range(2), **FIT)
        for i in range(2):
            np.testing.assert_array_equal(many.params[i], alone(i, X, y, sample_weight=w[i]))


def test_groups_have_models_by_id():
    X, y, ids = drawn(20, 3), drawn(20), np.array(["b", "a", "c", "a", "b"] * 4)
    many = gd.fit_many(NET, X, y, "mse", groups=ids, seeds=range(3), **FIT)
    assert many.ids.tolist() == ["a", "b", "c"]
    for i, name in enumerate("abc"):
        np.testing.assert_array_equal(many.of(name).params, alone(i, X[ids == name], y[ids == name]))
    outputs = many.predict(X, groups=ids)
    for name in "abc":
        np.testing.assert_allclose(outputs[ids == name], many.of(name).predict(X[ids == name]), rtol=1e-6)
    with pytest.raises(ValueError, match="there is no model of group 'd'; known: 'a', 'b', 'c'"):
        many.of("d")
    for numbers in ([2, 0, 1], [1, 2, 0], [2, 1, 0]):
        some = many.select(numbers)
        assert [some.of(name).params.tolist() for name in "abc"] == many.params.tolist()


def test_rows_and_rows_to_validate_on():
    X, y = drawn(20, 3), drawn(20)
    rows, held = [np.arange(9), np.array([3, 3, 1]), np.arange(20) > 11], [[10], [0, 2], [5]]
    many = gd.fit_many(NET, X, y, "mse", rows=rows, validation_rows=held, seeds=range(3), **FIT)
    for i in range(3):
        np.testing.assert_array_equal(many.params[i], alone(i, X[rows[i]], y[rows[i]]))
        np.testing.assert_allclose(many.columns["val_loss"][i, -1], many[i].loss(X[held[i]], y[held[i]], "mse"), 1e-5)


def test_shared_data_are_not_copied():
    X, y = drawn(20, 3).astype("float32"), drawn(20).astype("float32")
    from gdcore.losses import get_loss
    from gdcore.many.data import Intake, taken_apart
    from gdcore.many.jobs import Shape

    intake = Intake(taken_apart(X, y, None, 1), None, None)
    shape = Shape(NET.layers, "float32")
    first, second = (intake.samples(i, shape, get_loss("mse")) for i in range(2))
    assert first is second
    assert np.shares_memory(first.X, X)


def test_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(drawn(9, 3), columns=list("abc"))
    many = gd.fit_many(NET, frame, drawn(9), "mse", seeds=range(2), **FIT)
    assert many[1].feature_names == ("a", "b", "c")
    with pytest.raises(ValueError, match="X has 'c' in column 0"):
        many.predict(frame[["c", "b", "a"]])
    assert list(many.to_frame()["seed"]) == [0, 1]


def test_models_of_several_shapes():
    nets = [gd.MLP([3, 4, 1]), gd.MLP([3, 2, 1]), gd.MLP([3, 4, 1])]
    X, y = drawn(9, 3), drawn(9)
    many = gd.fit_many(nets, X, y, "mse", seeds=range(3), **FIT)
    for i, net in enumerate(nets):
        np.testing.assert_array_equal(many.params_of(i), alone(i, X, y, net))
    assert many.predict(X).shape == (3, 9, 1)
    with pytest.raises(ValueError, match="different numbers of parameters"):
        many.params  # noqa: B018


def test_initial_parameters_and_warm_start():
    X, y = drawn(9, 3), drawn(9)
    first = gd.fit_many(NET, X, y, "mse", seeds=range(2), **FIT)
    second = gd.fit_many(NET, X, y, "mse", seeds=range(2), params=first, **FIT)
    for i in range(2):
        model = first[i]
        model.fit(X, y, "mse", seed=i, **FIT)
        np.testing.assert_array_equal(second.params[i], model.params)
    same = gd.fit_many(NET, X, y, "mse", seeds=range(2), params=first.params[1], max_steps=1, batch_size=99)
    assert np.ptp(same.columns["loss"]) == 0


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_give_the_same_bits(pool):
    X, y, ids = drawn(40, 3), drawn(40), np.arange(40) % 5
    here = gd.fit_many(NET, X, y, "mse", groups=ids, seeds=range(5), **FIT)
    with pool(2) as executor:
        there = gd.fit_many(NET, X, y, "mse", groups=ids, seeds=range(5), executor=executor, **FIT)
    np.testing.assert_array_equal(there.params, here.params)
    np.testing.assert_array_equal(there.columns["loss"], here.columns["loss"])
    assert there.stop_reasons == here.stop_reasons
