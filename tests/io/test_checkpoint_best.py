"""`Checkpoint(best_of=)`: the best is kept, and only the best."""

import numpy as np
import pytest
from files import X, Y

import gdcore as gd


def trainer(seed=0):
    return gd.Trainer(gd.MLP([4, 3, 2], dropout=0.2, seed=seed), "mse", gd.Adam(0.01), batch_size=8)


def epochs(folder):
    return {path.name: gd.Trainer.load(path).epochs_done for path in folder.iterdir()}


def test_the_best_is_kept(tmp_path):
    other = np.random.default_rng(1).normal(size=(50, 4)), np.ones((50, 2))
    net = gd.MLP([4, 64, 2], seed=0)  # learns 9 rows by heart
    options = {"optimizer": gd.Adam(0.05), "epochs": 60, "validation_data": other, "metrics": "r2"}
    names = ("val_loss", "val_r2", "auto")
    callbacks = [gd.Checkpoint(tmp_path / f"{name}.gdc", best_of=name) for name in names]
    history = net.fit(X[:9], Y[:9], "mse", callbacks=callbacks, **options)
    best, best_r2 = 1 + int(np.argmin(history.val_loss)), 1 + int(np.argmax(history.metrics["val_r2"]))
    assert best < 60
    assert epochs(tmp_path) == {"val_loss.gdc": best, "val_r2.gdc": best_r2, "auto.gdc": best}
    assert gd.History.load(tmp_path / "val_loss.gdc").val_loss == history.val_loss[:best]


def test_the_best_of_an_earlier_run_is_beaten_or_kept(tmp_path):
    """A run that goes on in another process does not replace a better file by a worse one; a new run begins anew."""
    path = tmp_path / "best.gdc"
    run = trainer()
    run.fit(X, Y, epochs=3, validation_data=(X, Y), callbacks=gd.Checkpoint(path, best_of="val_loss"))
    run.save(tmp_path / "run.gdc")
    resumed = gd.Trainer.load(tmp_path / "run.gdc")
    far = 100 + Y
    callback = gd.Checkpoint(path, best_of="val_loss")
    resumed.fit(X, Y, epochs=1, validation_data=(X, far), callbacks=callback)
    assert callback.best == gd.History.load(path).val_loss[-1]
    assert gd.Trainer.load(path).epochs_done == 3
    trainer(seed=1).fit(X, Y, epochs=1, validation_data=(X, far), callbacks=callback)
    assert gd.Trainer.load(path).epochs_done == 1
    assert callback.best > 1000


def other_layers():
    return gd.Trainer(gd.MLP([4, 8, 2], dropout=0.2, seed=0), "mse", gd.Adam(0.01), batch_size=8)


def other_scale():
    net = gd.Sequential(gd.Standardize((1.0,) * 4, (2.0,) * 4), gd.Dense(4, 2), seed=0)
    return gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=8)


def other_precision():
    net = gd.MLP([4, 3, 2], dropout=0.2, seed=0, dtype="float64")
    return gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=8)


def other_loss():
    return gd.Trainer(gd.MLP([4, 3, 2], dropout=0.2, seed=0), "mae", gd.Adam(0.01), batch_size=8)


def other_optimizer():
    return gd.Trainer(gd.MLP([4, 3, 2], dropout=0.2, seed=0), "mse", gd.Adam(0.02), batch_size=8)


@pytest.mark.parametrize("make", [other_layers, other_scale, other_precision, other_loss, other_optimizer])
def test_the_best_of_another_training_does_not_count(make, tmp_path):
    """A training with other settings begins anew, though it has the same seed and has come further."""
    path, far = tmp_path / "best.gdc", 100 + Y
    trainer().fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=gd.Checkpoint(path, best_of="val_loss"))
    run, callback = make(), gd.Checkpoint(path, best_of="val_loss")
    run.fit(X, Y, epochs=4)
    history = run.fit(X, Y, epochs=1, validation_data=(X, far), callbacks=callback)
    assert callback.best == history.val_loss[0]
    assert gd.Trainer.load(path).model.layers == run.model.layers
    assert gd.Trainer.load(path).epochs_done == 5


def scaled(mean):
    """A model whose scaling layer has so many numbers that a file holds them as tensors."""
    net = gd.Sequential(gd.Standardize((mean,) * 20, (1.0,) * 20), gd.Dense(20, 2), seed=0)
    return gd.Trainer(net, "mse", gd.Adam(0.01))


@pytest.mark.parametrize(("mean", "same"), [(0.0, True), (0.5, False)])
def test_many_numbers_of_a_layer_are_compared(mean, same, tmp_path):
    path, inputs = tmp_path / "best.gdc", np.tile(X, 5)
    run = scaled(0.0)
    run.fit(inputs, Y, epochs=2, callbacks=gd.Checkpoint(path, best_of="loss"))
    later = run if same else scaled(mean)
    later.fit(inputs, Y, epochs=3)
    later.fit(inputs, Y + 100, epochs=1, callbacks=gd.Checkpoint(path, best_of="loss"))
    assert gd.Trainer.load(path).epochs_done == (2 if same else 4)


def own_loss(outputs, y):
    return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size


@pytest.mark.parametrize("custom", [None, {"squares": own_loss}])
def test_the_best_with_a_custom_loss_is_read_back(custom, tmp_path):
    path = tmp_path / "best.gdc"
    run = gd.Trainer(gd.MLP([4, 3, 2], seed=0), own_loss)
    run.fit(X, Y, epochs=2, callbacks=gd.Checkpoint(path, best_of="loss", custom=custom))
    callback = gd.Checkpoint(path, best_of="loss", custom=custom)
    run.fit(X, Y + 100, epochs=1, callbacks=callback)
    assert callback.best == gd.History.load(path).loss[-1]
    assert callback.best < 100


@pytest.mark.parametrize("first", [1.0, float("nan")])
def test_nan_is_never_the_best(first, tmp_path):
    values = iter([first, 2.0, float("nan")])
    metric = {"m": lambda outputs, y: next(values)}
    trainer().fit(X, Y, epochs=3, metrics=metric, callbacks=gd.Checkpoint(tmp_path / "b.gdc", best_of="m", mode="max"))
    assert epochs(tmp_path) == {"b.gdc": 2}
