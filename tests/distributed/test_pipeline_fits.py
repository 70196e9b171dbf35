"""`Pipeline.fit` has what `Trainer.fit` has, with the same bits on any number of stages and copies."""

import numpy as np
import pytest
from pipeline_jobs import SCRIPT, job, launched

import gdcore as gd
from gdcore.distributed import Pipeline

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 6))
LABELS = np.abs(X[:, 0] * 2 + X[:, 1]).astype(np.int64).clip(0, 2)
WEIGHT = RNG.random(150) + 0.1


def layers():
    return [gd.Dense(6, 16, "tanh"), gd.Dropout(0.2), gd.Dense(16, 3)]


def pair(**options):
    """A pipeline of one process and a trainer, which begin alike."""
    net = gd.Sequential(*layers(), seed=3, dtype="float64")
    given = {"loss": "cross_entropy", "optimizer": gd.Adam(0.02), "batch_size": 32, "seed": 1, **options}
    return Pipeline(net, micro_batches=4, shards=4, **given), gd.Trainer(net.copy(), **given)


def same(history, expected, rtol=1e-8):
    one, other = history.to_dict(), expected.to_dict()
    for name in one.keys() - {"seconds", "hint"}:
        if isinstance(one[name], str):
            assert one[name] == other[name]
            continue
        columns = ((one[name], other[name]),)
        if isinstance(one[name], dict):
            assert one[name].keys() == other[name].keys()
            columns = ((one[name][key], other[name][key]) for key in one[name])
        if name == "progressive":
            columns = zip(one[name], other[name], strict=True)
        for mine, theirs in columns:
            np.testing.assert_allclose(mine, theirs, rtol=rtol, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {
            "validation_data": (X[:40], LABELS[:40], WEIGHT[:40]),
            "metrics": ("accuracy", gd.metrics.TopK(2)),
            "epochs": 4,
        },
        {"sample_weight": WEIGHT, "class_weight": "balanced", "validation_split": 0.2, "epochs": 4},
        {"validation_split": 0.2, "stop": gd.EarlyStopping(1, min_delta=0.1, restore_best=True), "epochs": 30},
        {"max_steps": 8, "record": "progressive"},
        {"stop": lambda end: end.loss < 0.8 and "low enough", "epochs": 50},
    ],
)
def test_a_fit_is_that_of_a_trainer(options, columns):
    pipe, trainer = pair()
    for _ in range(2):  # the second one goes on, within an epoch too
        same(pipe.fit(X, LABELS, **options), trainer.fit(X, LABELS, shards=4, **options))
    np.testing.assert_allclose(pipe.gather().params, trainer.model.params, rtol=1e-8, atol=1e-10)
    assert (pipe.steps_done, pipe.epochs_done) == (trainer.steps_done, trainer.epochs_done)


@pytest.mark.parametrize(
    "rate", [gd.schedules.ReduceOnPlateau(0.05, patience=0, threshold=0.2), gd.schedules.Cosine(0.05, 12)]
)
def test_schedules(rate, columns):
    pipe, trainer = pair(optimizer=gd.SGD(rate, momentum=0.9))
    options = {"epochs": 6, "validation_data": (X, LABELS)}
    history, expected = pipe.fit(X, LABELS, **options), trainer.fit(X, LABELS, shards=4, **options)
    assert history.learning_rate == expected.learning_rate
    same(history, expected)


def test_weighted_steps_are_in_no_epoch(columns):
    pipe, trainer = pair()
    pipe.fit(X, LABELS, max_steps=3)
    trainer.fit(X, LABELS, max_steps=3, shards=4)
    with gd.distributed.spread(None, shards=4):
        expected = trainer.step(X[:20], LABELS[:20], WEIGHT[:20])
    assert pipe.step(X[:20], LABELS[:20], WEIGHT[:20]) == pytest.approx(expected, rel=1e-12)
    same(pipe.fit(X, LABELS, epochs=1), trainer.fit(X, LABELS, epochs=1, shards=4))
    np.testing.assert_allclose(pipe.gather().params, trainer.model.params, rtol=1e-9, atol=1e-12)


def test_scaled_targets_and_names():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcdef"))
    y = 100 * X[:, :1] + 7
    net = gd.Sequential(gd.Dense(6, 8, "tanh"), gd.Dense(8, 1), gd.ScaledTarget.from_data(y), seed=0)
    pipe = Pipeline(net, loss="mse", micro_batches=2, batch_size=32, seed=0)
    history = pipe.fit(table, y, epochs=20, metrics="r2", validation_data=(table, y))
    whole = pipe.gather()
    found = whole.predict(table)
    r2 = 1 - ((found - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert history.metrics["val_r2"][-1] == pytest.approx(r2, rel=1e-4)
    assert history.val_loss[-1] == pytest.approx(whole.loss(table, y, "mse"), rel=1e-4)
    for model in (pipe, whole):
        with pytest.raises(ValueError, match=r"[Cc]olumn|feature|name"):
            model.predict(table[list("bacdef")])


def test_checkpoints(tmp_path):
    options = {"epochs": 6, "validation_data": (X, LABELS), "checkpoint": tmp_path / "run.gdc"}
    whole, first, second, third = (pair()[0] for _ in range(4))
    history = whole.fit(X, LABELS, epochs=6, validation_data=(X, LABELS))
    first.fit(X, LABELS, **{**options, "epochs": 3})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.stage1of1.1.gdc", "run.stage1of1.gdc"]
    other = second.fit(X, LABELS, **options, resume=True)
    assert np.array_equal(whole.gather().params, second.gather().params)
    assert (other.loss, other.val_loss) == (history.loss, history.val_loss)
    assert third.fit(X, LABELS, **options, resume=True).loss == history.loss  # there is nothing left to do
    net = gd.Sequential(*layers(), seed=3, dtype="float64")
    given = {"loss": "cross_entropy", "optimizer": gd.Adam(0.02), "batch_size": 32, "seed": 1}
    with pytest.raises(ValueError, match="holds a trainer with batch_size 32, this one has 16"):
        Pipeline(net, micro_batches=4, **{**given, "batch_size": 16}).fit(X, LABELS, **options, resume=True)
    with pytest.raises(ValueError, match="made with micro_batches=4 and shards=4, got micro_batches=2 and shards=1"):
        Pipeline(net, micro_batches=2, **given).fit(X, LABELS, **options, resume=True)


def test_a_checkpoint_of_other_stages(tmp_path):
    (tmp_path / "run.stage1of3.gdc").write_bytes(b"")
    with pytest.raises(ValueError, match=r"run.stage1of3.gdc is of another number of stages than 1"):
        pair()[0].fit(X, LABELS, epochs=1, checkpoint=tmp_path / "run.gdc", resume=True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"record": "weight_norm"}, ValueError, "a Pipeline cannot record 'weight_norm'"),
        ({"stop": gd.GradientNormThreshold(1e-6, of="epoch")}, ValueError, "a Pipeline cannot stop by GradientNorm"),
        ({"stop": gd.GradientNormThreshold(1e-6)}, ValueError, "a Pipeline has no gradient of all layers"),
        ({"callbacks": gd.Checkpoint("run.gdc")}, TypeError, "pass checkpoint= to fit in place of a gdcore.Checkpoint"),
        ({"resume": True}, ValueError, "resume=True needs checkpoint="),
        ({"timeout": -1}, ValueError, "timeout must be > 0"),
        ({"metrics": "r3"}, ValueError, "r3"),
        ({"validation_data": X}, TypeError, "validation_data"),
        ({"sample_weight": -WEIGHT}, ValueError, "sample_weight"),
        ({"validation_data": gd.data.Rows(X, LABELS, window_rows=40)}, TypeError, "a Pipeline takes data in memory"),
    ],
)
def test_what_is_refused(options, error, message):
    pipe = pair()[0]
    with pytest.raises(error, match=message):
        pipe.fit(X, LABELS, epochs=2, **options)
    assert pipe.fit(X, LABELS, epochs=1).epochs >= 1


# Several processes


@pytest.fixture(scope="module")
def alone():
    (found,) = job(1, "everything", 1, 4)
    assert found["stop_reason"] == "enough"
    return found


@pytest.mark.parametrize(("n", "stages"), [(2, 2), (3, 3), (4, 2), (4, 4)])
def test_the_bits_of_a_whole_fit(n, stages, alone):
    for found in job(n, "everything", stages, 4):
        assert {**found, "rank": 0} == alone


@pytest.mark.parametrize(("n", "stages", "again"), [(2, 2, 4), (3, 3, 3)])
def test_a_job_that_was_killed_goes_on(n, stages, again, tmp_path):
    """While one stage has written its file and another has not; then on more copies."""
    whole = job(n, "checkpointed", stages, tmp_path / "whole.gdc", "new", 0)[0]
    path, about_the_call = tmp_path / "run.gdc", {"rank": 0, "stop_reason": ""}
    assert launched(n, SCRIPT, "checkpointed", stages, path, "new", 3).returncode != 0
    for found in job(again, "checkpointed", stages, path, "resume", 0):
        assert {**found, **about_the_call} == {**whole, **about_the_call}


def test_stages_of_different_jobs(tmp_path):
    path = tmp_path / "run.gdc"
    job(2, "checkpointed", 2, path, "new", 0)
    for age in ("", ".1"):
        (tmp_path / f"run.stage2of2{age}.gdc").unlink()
    done = launched(2, SCRIPT, "checkpointed", 2, path, "resume", 0)
    assert done.returncode != 0
    assert "have files of different steps" in done.stderr


def test_files_of_two_fits_are_not_mixed(tmp_path):
    """Of as many steps; those of one fit go on, whatever another one has left beside them."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        job(2, "checkpointed", 2, tmp_path / name / "run.gdc", "new", 0)
    one, other = tmp_path / "one", tmp_path / "other"
    for age in ("", ".1"):
        (other / f"run.stage2of2{age}.gdc").replace(one / f"run.stage2of2{age}.gdc")
    done = launched(2, SCRIPT, "checkpointed", 2, one / "run.gdc", "resume", 0)
    assert done.returncode != 0
    assert "have files of different fits, at the steps " in done.stderr


def test_a_job_that_was_killed_while_the_end_of_its_fit_was_written_goes_on(tmp_path):
    """One stage says that a criterion has ended the fit, and the other has only the last epoch."""
    whole = job(2, "ends", 2, tmp_path / "whole.gdc", "no")[0]
    path = tmp_path / "run.gdc"
    assert launched(2, SCRIPT, "ends", 2, path, "yes").returncode != 0
    for found in job(2, "ends", 2, path, "no"):
        assert {**found, "rank": 0} == whole


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        ("callback", "RankError: rank 1 failed with ZeroDivisionError: a bad callback", "ZeroDivisionError: a bad c"),
        ("metric", "RankError: rank 1 failed with ZeroDivisionError: a bad metric", "ZeroDivisionError: a bad m"),
        ("stops", "RankError: the ranks have come apart", "RankError: the ranks have come apart"),
        ("epochs", "ValueError: rank 1 has epochs 6, but rank 0 has 5", "ValueError: rank 1 has epochs 6"),
    ],
)
def test_a_mistake_on_one_rank(what, first, second):
    """It is an error on all of them, and the next fit succeeds."""
    found = job(3, "goes_wrong", what)
    for facts, expected in zip(found, (first, second, first), strict=True):
        assert facts["error"].startswith(expected)
    assert len({facts["epochs"] for facts in found}) == 1


def test_pipelines_on_parts_of_a_job():
    found = job(4, "parts_of_the_job")
    for facts in found:
        half = facts["rank"] // 2
        assert facts["first"] == found[2 * half]["first"]
        assert facts["loss"] == found[0]["loss"]
        assert facts["own"] == found[0]["own"]
    assert found[0]["first"] != found[2]["first"]
    assert None not in (found[0]["bits"], found[2]["bits"])


def test_a_stage_that_hangs_ends_the_job():
    done = launched(2, SCRIPT, "goes_wrong", "hangs", timeout=30)
    assert done.returncode != 0
    assert "gdcore: rank 0 has waited more than 1.5 s for the other ranks" in done.stderr


def test_a_rank_that_leaves_ends_the_job():
    done = launched(3, SCRIPT, "leaves", timeout=30)
    assert done.returncode != 0
    assert "rank 1 has ended its program" in done.stderr
