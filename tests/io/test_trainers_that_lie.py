"""Files of trainers whose parts are well formed and do not belong together."""

import pytest
from files import X, Y, from_bytes, put_together, small_trainer, taken_apart, to_bytes

import gdcore as gd

TRAINER = to_bytes(small_trainer(), history=gd.History([0.5], clipped_steps=[1]))


def lying(change):
    header, document, tensors = taken_apart(TRAINER)
    change(document["content"])
    return put_together(header, document, tensors)


def options_without(name):
    def change(content):
        del content["options"]["dict"][name]

    return change


def set_to(*path, value):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


SCHEDULE = {"record": "averages", "values": {"kind": "ema", "decay": 0.5, "start": 0, "validate": False}}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (options_without("seed"), "has the options .*; expected batch_size, "),
        (set_to("options", "dict", "more", value=1), "has the options .*more; expected batch_size, "),
        (set_to("options", value=3), "has 3 and a dict of length .* where options and state are due"),
        (
            set_to("options", "dict", "batch_size", value=0),
            "describes an invalid trainer: batch_size must be >= 1, got 0",
        ),
        (set_to("state", value=None), "where options and state are due"),
        (set_to("trainer_loss", value=SCHEDULE), "has EMA.* where a loss is expected"),
        (set_to("trainer_loss", value="mse"), "has 'mse' where a loss is expected"),
        (set_to("optimizer", value=SCHEDULE), "has EMA.* where an optimizer is expected"),
        (set_to("optimizer", value="adam"), "has 'adam' where an optimizer is expected"),
        (
            set_to("optimizer", value={"record": "optimizers", "values": {"kind": "adam"}}),
            "describes an invalid record: the saved optimizer 'adam' lacks learn",
        ),
        (
            set_to("model", "layers", 1, value={"record": "layers", "values": {"kind": "no"}}),
            "unknown kind of layer 'no'",
        ),
        (set_to("history", value=3), "has 3 where a history is due"),
        (set_to("history", "dict", "loss", value=[0.5]), "where the history's loss is due"),
        (set_to("history", "dict", "loss", value={"list": ["a"]}), "where the history's loss is due"),
        (set_to("history", "dict", "loss", value={"dict": {}}), "where the history's loss is due"),
        (set_to("history", "dict", "metrics", value={"list": []}), "where the history's metrics is due"),
        (set_to("history", "dict", "metrics", value={"dict": {"a": 3}}), "where the history's metrics is due"),
        (set_to("history", "dict", "metrics", value={"dict": {"a": "nan"}}), "where the history's metrics is due"),
        (
            set_to("history", "dict", "layer_gradient_norm", value={"dict": {"dense0": ""}}),
            "where the history's layer_gradient_norm is due",
        ),
        (set_to("history", "dict", "loss", value="nan"), "where the history's loss is due"),
        (set_to("history", "dict", "hint", value=3), "where the history's hint is due"),
        (set_to("history", "dict", "loss", value={"list": []}), "lengths: loss 0, clipped_steps 1$"),
        (
            set_to("history", "dict", "seconds", value={"list": [0.1, 0.1]}),
            "a history with columns of different lengths: loss 1, seconds 2$",
        ),
        (
            set_to("history", "dict", "metrics", value={"dict": {"a": {"list": [0.1, 0.1]}}}),
            "lengths: loss 1, metrics 2$",
        ),
        (set_to("history", "dict", "stop_reason", value={"list": []}), "where the history's stop_reason is due"),
        (set_to("history", "dict", "more", value=1), "where a history is due"),
        (set_to("more", value=1), "where the trainer is due, with model, "),
    ],
)
def test_trainers(change, match):
    with pytest.raises(gd.FileFormatError, match=match):
        from_bytes(lying(change))


@pytest.mark.parametrize(
    "change",
    [
        set_to("state", "dict", "seed", value="3"),
        set_to("state", "dict", "epochs_done", value=None),
        set_to("state", "dict", value=3),
        set_to("state", value=3),
        set_to("history", value=3),
    ],
)
def test_a_checkpoint_replaces_what_is_none(change, tmp_path):
    path = tmp_path / "run.gdc"
    path.write_bytes(lying(change))
    trainer = small_trainer()
    trainer.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path))
    assert gd.Trainer.load(path).steps_done == trainer.steps_done
