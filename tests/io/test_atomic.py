"""A file is written whole or not at all, and nothing is left beside it."""

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

import gdcore as gd
from gdcore.io import atomic

NET = gd.MLP([4, 40, 2], seed=0)
OLD = gd.LinearModel(1, seed=0)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path):
    OLD.save(tmp_path / "model.gdc")
    return tmp_path / "model.gdc"


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path], ids=["str", "fspath", "Path"])
def test_a_path_of_any_kind(kind, tmp_path):
    NET.save(kind(tmp_path / "ä b.gdc"))
    assert repr(gd.load(kind(tmp_path / "ä b.gdc"))) == repr(NET)


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "fchmod"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
def test_whatever_fails_leaves_the_old_file_and_no_other(call, error, path, monkeypatch):
    before = path.read_bytes()

    def fails(*args):
        raise error

    monkeypatch.setattr(atomic.os, call, fails)
    with pytest.raises(type(error)) as caught:
        NET.save(path)
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert names(path.parent) == ["model.gdc"]


def test_a_write_that_fails_halfway(path, monkeypatch):
    before, pieces = path.read_bytes(), [b"x" * 10**6]

    def broken():
        yield from pieces
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        atomic.write_file(str(path), broken())
    assert path.read_bytes() == before
    assert names(path.parent) == ["model.gdc"]


def test_a_full_disk(path):
    """The limit on a file's size stands for it: write() fails after some of the bytes."""
    code = f"""
import resource, gdcore as gd
net = gd.MLP([100, 1000, 1], seed=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try: net.save({str(path)!r})
except OSError as error: print(type(error).__name__, error.errno, error.filename)
"""
    before = path.read_bytes()
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.split() == ["OSError", str(errno.EFBIG), str(path)]
    assert path.read_bytes() == before
    assert names(path.parent) == ["model.gdc"]


def test_all_is_on_the_disk_before_the_name_changes_and_the_name_after(path, monkeypatch):
    order = []
    own_fsync, own_replace = os.fsync, os.replace

    def fsync(descriptor):
        mode = os.fstat(descriptor).st_mode
        order.append("folder" if stat.S_ISDIR(mode) else f"file of {os.fstat(descriptor).st_size}")
        own_fsync(descriptor)

    def replace(source, target):
        assert os.path.dirname(source) == os.path.dirname(target) == str(path.parent)
        order.append("rename")
        own_replace(source, target)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    monkeypatch.setattr(atomic.os, "replace", replace)
    NET.save(path)
    assert order == [f"file of {path.stat().st_size}", "rename", "folder"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o755])
def test_the_mode_of_a_replaced_file_is_kept(mode, path):
    path.chmod(mode)
    NET.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_in_the_making_is_never_more_open_than_the_old_one(path, monkeypatch):
    path.chmod(0o600)
    modes = []
    own = os.open

    def opened(name, flags, mode=0o777, **options):
        descriptor = own(name, flags, mode, **options)
        if flags & os.O_CREAT:
            assert flags & os.O_EXCL
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(atomic.os, "open", opened)
    NET.save(path)
    assert modes == [0o600]


def test_a_new_file_follows_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        NET.save(tmp_path / "model.gdc")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "model.gdc").stat().st_mode) == 0o640


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "model.gdc"
    link.symlink_to("../real/model.gdc")
    OLD.save(link)  # to a file that is not there yet
    NET.save(link)
    assert link.is_symlink()
    assert repr(gd.load(tmp_path / "real" / "model.gdc")) == repr(NET)
    assert (names(tmp_path / "real"), names(tmp_path / "links")) == (["model.gdc"], ["model.gdc"])


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="Not an ordinary file, which saving would replace"):
        NET.save(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError, match="add a file's name"):
        NET.save(tmp_path)
    with pytest.raises(OSError, match="Not an ordinary file"):
        NET.save("/dev/null")
    with pytest.raises(NotADirectoryError, match="names a folder; choose another path"):
        NET.save(tmp_path / "pipe" / "model.gdc")
    with pytest.raises(FileNotFoundError, match="its folder is not there; make it first") as caught:
        NET.save(tmp_path / "none" / "model.gdc")
    assert caught.value.filename == str(tmp_path / "none" / "model.gdc")
    assert names(tmp_path) == ["pipe"]


def test_a_read_only_file_is_not_replaced(path, monkeypatch):
    monkeypatch.setattr(atomic.os, "access", lambda *args: False)  # root may write everywhere
    with pytest.raises(PermissionError, match="the file is read-only"):
        NET.save(path)
    assert repr(gd.load(path)) == repr(OLD)


def test_readers_never_see_half_a_file(path):
    """One thread saves, others load."""
    known = {repr(OLD), repr(NET)}
    stop = threading.Event()

    def save():
        while not stop.is_set():
            OLD.save(path)
            NET.save(path)

    thread = threading.Thread(target=save)
    thread.start()
    try:
        for _ in range(100):
            assert repr(gd.load(path)) in known
    finally:
        stop.set()
        thread.join()
    assert names(path.parent) == ["model.gdc"]


def test_several_writers_leave_one_whole_file(path):
    threads = [threading.Thread(target=NET.save, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repr(gd.load(path)) == repr(NET)
    assert names(path.parent) == ["model.gdc"]


def test_a_killed_process_leaves_the_old_file_or_the_new_one(path):
    code = f"""
import gdcore as gd
net = gd.MLP([100, 300, 1], seed=0)
print(flush=True)
while True: net.save({str(path)!r})
"""
    env = {"PYTHONPATH": ":".join(sys.path)}
    for wait in (0.01, 0.02, 0.03):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env)
        child.stdout.readline()
        threading.Event().wait(wait)
        child.kill()
        child.wait()
        child.stdout.close()
        assert isinstance(gd.load(path), gd.Sequential)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: NET.save(3), TypeError, r"^path must be a file's name, such as 'model.gdc', got 3"),
        (lambda: NET.save(""), ValueError, r"^path must be a file's name.*got ''"),
        (
            lambda: gd.load(b"\x90\0\0{"),
            ValueError,
            r"^path must be .* with a zero byte in it: pass the name of the file",
        ),
        (lambda: gd.load(None), TypeError, r"^path must be a file's name"),
        (lambda: gd.save([1], "x"), TypeError, r"^cannot save \[1\]: pass a model, a trainer, a history"),
        (lambda: gd.save(NET.params, "x"), TypeError, r"^cannot save a ndarray of shape \(282,\): pass a model"),
        (lambda: NET.save("x", custom=[1]), TypeError, r"^custom must be a dict, such as"),
        (lambda: NET.save("x", custom={"a": 1}), TypeError, r"^custom\['a'\] must be a function or a class, got 1"),
        (lambda: gd.load("x", custom={1: print}), TypeError, r"^custom must have names that are texts, got 1"),
        (lambda: gd.save(NET, "x", history=gd.History()), TypeError, r"^history is saved with a trainer, not with a m"),
        (lambda: gd.Trainer(NET, "mse").save("x", history=3), TypeError, r"^history must be a History, .* got 3"),
        (lambda: NET.save("x", overwrite=True), TypeError, r"^save\(\) has no argument 'overwrite'; it has"),
    ],
)
def test_wrong_arguments(call, error, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=match):
        call()
    assert names(tmp_path) == []


def test_files_of_another_kind(tmp_path):
    NET.save(tmp_path / "model.gdc")
    with pytest.raises(gd.FileFormatError, match=r"model.gdc holds a model, not a trainer: load it by gd.load"):
        gd.Trainer.load(tmp_path / "model.gdc")
    with pytest.raises(gd.FileFormatError, match=r"model.gdc holds no history: save one by trainer.save"):
        gd.History.load(tmp_path / "model.gdc")
