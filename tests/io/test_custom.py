"""What is the user's own: losses, stopping criteria and classes of models are saved by name, or as what they hold."""

from dataclasses import dataclass

import pytest
from files import X, Y, from_bytes, same_bits, to_bytes

import gdcore as gd
from gdcore.layers.stack import Model
from gdcore.training.stopping.base import StoppingCriterion


class Own(Model):
    """A model of the user's own class."""

    def __init__(self, net):
        self.net = net

    @property
    def stack(self):
        return self.net.stack


def test_a_model_of_an_own_class_comes_back_as_its_layers():
    net = gd.MLP([4, 3, 2], seed=0)
    trainer = gd.Trainer(Own(net), "mse")
    trainer.epoch(X, Y)
    loaded = from_bytes(to_bytes(trainer))
    assert loaded.model.layers == net.layers
    assert loaded.epoch(X, Y) == trainer.epoch(X, Y)
    with pytest.raises(TypeError, match=r"^cannot save .*Own"):
        to_bytes(Own(net))


def own_loss(outputs, y):
    return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size


def test_a_custom_loss_has_a_name():
    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), own_loss)
    trainer.epoch(X, Y)
    data = to_bytes(trainer)
    with pytest.raises(gd.FileFormatError, match=r"^needs 'own_loss', which is not gdcore's: pass custom=\{'own_loss'"):
        from_bytes(data)
    with pytest.raises(gd.FileFormatError, match=r"; given: own_los$"):
        from_bytes(data, {"own_los": own_loss})
    loaded = from_bytes(data, {"own_loss": own_loss})
    assert loaded.loss is own_loss
    assert trainer.epoch(X, Y) == loaded.epoch(X, Y)
    assert from_bytes(to_bytes(trainer, custom={"squares": own_loss}), {"squares": own_loss}).loss is own_loss


def test_a_loss_without_a_name():
    loss = lambda outputs, y: own_loss(outputs, y)  # noqa: E731
    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), loss)
    with pytest.raises(ValueError, match=r"^cannot save <lambda>, .* pass custom=\{'name': it\}"):
        to_bytes(trainer)
    assert from_bytes(to_bytes(trainer, custom={"mine": loss}), {"mine": loss}).loss is loss
    assert from_bytes(to_bytes(trainer.model)).trained_loss is None  # a model predicts without it


def test_a_name_stands_for_one_function():
    def other(outputs, y):
        return own_loss(outputs, 2 * y)

    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), own_loss)
    match = r"^cannot save own_loss by its own name, because custom\['own_loss'\] is another object: give it another"
    for thing in (trainer, trainer.model):
        with pytest.raises(ValueError, match=match):
            to_bytes(thing, custom={"own_loss": other})
    both = {"own_loss": other, "mine": own_loss}
    assert from_bytes(to_bytes(trainer, custom=both), both).loss is own_loss


def test_a_model_predicts_without_its_custom_loss():
    net = gd.MLP([4, 3, 2], seed=0)
    net.fit(X, Y, own_loss, epochs=1)
    assert from_bytes(to_bytes(net)).trained_loss is None
    assert from_bytes(to_bytes(net), {"own_loss": own_loss}).trained_loss is own_loss


@dataclass(frozen=True)
class Patient(StoppingCriterion):
    """A criterion of the user's own, which remembers something."""

    epochs: int

    def start(self, monitors, remembered=()):
        return PatientWatch(*remembered)


class PatientWatch:
    def __init__(self, seen=0, last=None):
        self.seen, self.last = seen, last

    def observe(self, end):
        self.seen, self.last = self.seen + 1, end.params.copy()

    def finish(self, params):
        pass

    def remembered(self):
        return self.seen, self.last


def test_a_stopping_criterion_of_the_users_own():
    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), "mse")
    trainer.fit(X, Y, epochs=3, stop=Patient(7))
    data = to_bytes(trainer)
    with pytest.raises(gd.FileFormatError, match=r"^needs 'Patient', which is not gdcore's"):
        from_bytes(data)
    with pytest.raises(TypeError, match=r"^custom\['Patient'\] must be the class of that name, got"):
        from_bytes(data, {"Patient": own_loss})
    loaded = from_bytes(data, {"Patient": Patient})
    assert same_bits(loaded.state_dict()["carried"]["criteria"][0][1], (3, trainer.model.params))
    assert from_bytes(to_bytes(trainer, custom={"mine": Patient}), {"mine": Patient}).epochs_done == 3


@dataclass(frozen=True, repr=False)
class Halved(gd.schedules.Schedule):
    """A schedule of the user's own."""

    learning_rate: float
    every: int
    per = "step"

    def formula(self, step):
        return self.learning_rate * 0.5 ** (step // self.every)

    def horizon(self):
        return 3 * self.every


def test_a_schedule_of_the_users_own():
    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), "mse", gd.Adam(Halved(0.1, 3)))
    trainer.epoch(X, Y)
    data = to_bytes(trainer)
    with pytest.raises(gd.FileFormatError, match=r"^needs 'Halved', which is not gdcore's"):
        from_bytes(data)
    loaded = from_bytes(data, {"Halved": Halved})
    assert loaded.optimizer == trainer.optimizer
    assert loaded.epoch(X, Y) == trainer.epoch(X, Y)
    assert same_bits(loaded.model.params, trainer.model.params)
