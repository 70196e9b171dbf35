"""What goes wrong on one rank ends the job, or is an error on every rank: nothing hangs, nothing is lost."""

import os
import signal
import time
from pathlib import Path

import pytest
from mpi_jobs import TIMEOUT, end, run, start

import gdcore as gd


def failed(n, *arguments, cwd, within=10):
    """Run a job that fails soon; the time counts from its start, on a loaded machine."""
    began = time.monotonic()
    done = end(start(n, *arguments, cwd=cwd), timeout=60)
    assert done.code != 0, f"{done.out}\n{done.err}"
    assert time.monotonic() - began < 2 * within, done.err
    return done


def test_ranks_that_differ(tmp_path):
    """The rank and the name are told, the same on every rank; then all is well again."""
    found = run(3, "disagree", cwd=tmp_path).line
    assert found.pop("good") == "none"
    for name, told in found.items():
        assert told.startswith(f"ValueError: rank 2 has {name} "), (name, told)
        assert ("than rank 0: " if name == "data" else "but rank 0 has") in told


def test_another_instruction_set(tmp_path):
    if len(gd._kernels.SUPPORTED) < 2:
        pytest.skip("this machine runs one instruction set")
    assert "rank 1 has instruction set base, but rank 0 has" in run(2, "isa", cwd=tmp_path).line["error"]


def test_a_failure_on_one_rank_is_an_error_on_all(tmp_path):
    first, failing, last = run(3, "one_fails", cwd=tmp_path).line
    assert first == last
    for name in ("input", "loss", "callback"):
        assert first[name] == f"RankError: rank 1 failed with {failing[name]}"
    assert failing["input"] == "ValueError: X contains NaN in row 17, column 2; remove or impute it"
    assert failing["loss"] == "ZeroDivisionError: a bad loss"
    assert failing["callback"] == "OSError: a bad callback"
    for told in (first, failing):
        assert "rank 1 ends its fit" in told["stop"]
        assert told["diverged"].startswith("DivergedError: ")
        assert told["shards"].startswith("ValueError: shards=1 for 3 ranks leaves some without work")
        assert told["full batch"].startswith("ValueError: comm and shards cut mini-batches")
        assert told["good"] == "none"


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("raises", "ValueError: a mistake of the user's callback"),
        ("uncaught", "ValueError: a mistake of the user's program"),
        ("freed", "ValueError: a mistake after the fit"),
        ("interrupted", "gdcore: rank 1 failed with KeyboardInterrupt"),
        ("interrupted_at_the_beginning", "gdcore: rank 1 failed with KeyboardInterrupt"),
    ],
)
def test_an_exception_ends_the_job(task, told, tmp_path):
    assert told in failed(3, task, cwd=tmp_path).err


@pytest.mark.parametrize(
    ("n", "task"), [(2, ("leaves", "0")), (3, ("leaves", "0")), (3, ("leaves", "7")), (4, ("leaves_one_of_two",))]
)
def test_a_rank_that_leaves_ends_the_job(n, task, tmp_path):
    """By `sys.exit`, which no hook of Python's sees."""
    told = failed(n, *task, cwd=tmp_path).err
    assert "RankError: rank 1 has ended its program, but this one begins a fit" in told


def test_ranks_leave_together(tmp_path):
    assert run(4, "leave_together", cwd=tmp_path).line == "well"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("raises", "FileNotFoundError: the data of rank 1"),
        ("no comm", "TypeError: comm must be a communicator"),
    ],
)
def test_a_rank_that_fails_before_its_first_fit(how, told, tmp_path):
    """Where the program has used gdcore.distributed, as this one has; see the next test for others."""
    assert told in failed(3, "early", how, cwd=tmp_path).err


def test_a_long_wait_is_told(tmp_path):
    """As where one rank passes no communicator, and trains alone; here the others come in the end."""
    done = run(2, "begins_late", cwd=tmp_path)
    assert "gdcore: rank 0 has waited " in done.err
    assert "s for the others to begin a fit, and waits on: every rank" in done.err


@pytest.mark.parametrize("how", ["raises", "leaves"])
def test_a_rank_that_fails_before_it_uses_this_room(how, tmp_path):
    """By what the documentation's command adds, `-m mpi4py`."""
    job = start(3, "early", how, cwd=tmp_path, by=("-m", "mpi4py"))
    done = end(job, timeout=30)
    assert done.code != 0
    assert "the data of rank 1" in done.err


@pytest.mark.parametrize("task", ["hangs", "comes_late"])
def test_a_wait_that_is_too_long_ends_the_job(task, tmp_path):
    done = failed(2, task, cwd=tmp_path)
    assert "gdcore: rank 0 has waited more than 1.5 s for the other ranks" in done.err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return run(0, "checkpointed", 0, folder / "run.gdc", "new", cwd=folder).line


def numbers(told):
    """All but the sentences about the last call."""
    return {name: value for name, value in told.items() if name not in ("stop_reason", "hint")}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The checkpoint of a job of which one rank was killed in its fifth epoch."""
    folder = tmp_path_factory.mktemp("killed")
    failed(3, "checkpointed", 4, folder / "run.gdc", "new", cwd=folder)
    assert gd.Trainer.load(folder / "run.gdc").epochs_done == 4
    return (folder / "run.gdc").read_bytes()


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_a_killed_job_goes_on_with_the_same_bits(n, killed, undisturbed, tmp_path):
    path = tmp_path / "run.gdc"
    path.write_bytes(killed)
    found = run(n, "checkpointed", 0, path, "resume", cwd=tmp_path).line
    assert numbers(found) == numbers(undisturbed)
    assert gd.Trainer.load(path).epochs_done == 8


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_the_end_of_the_launcher_ends_all_ranks(number, tmp_path):
    """Also by Ctrl-C."""
    job = start(3, "long_fit", tmp_path, cwd=tmp_path)
    files = [tmp_path / f"pid{rank}" for rank in range(3)]
    try:
        wait_until(lambda: all(file.exists() and file.read_text() for file in files), TIMEOUT)
        pids = [int(file.read_text()) for file in files]
        time.sleep(0.3)
        assert all(map(alive, pids))
        os.kill(job.pid, number)
        wait_until(lambda: not any(map(alive, pids)), 20)
    finally:
        job.kill()
        job.communicate()
        for file in files:
            if file.exists() and alive(int(file.read_text())):
                os.kill(int(file.read_text()), signal.SIGKILL)


def alive(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def wait_until(condition, seconds):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path):
    path = tmp_path / "run.gdc"
    first, second = run(2, "full_disk", path, cwd=tmp_path).line
    assert first.startswith("OSError: ")
    assert second == f"RankError: rank 0 failed with {first}"
    assert gd.Trainer.load(path).epochs_done == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.gdc"]
