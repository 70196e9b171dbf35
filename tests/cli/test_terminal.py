"""Streams that are closed, full, left or of another encoding, and files that cannot be checked: no traceback, ever."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from interruptible import interruptible

import gdcore as gd
from gdcore.base.config import instruction_sets
from gdcore.base.terminal import HANDLER, PLAIN, any_encoding, complain, is_terminal
from gdcore.claims import prompt, vanishing
from gdcore.cli import demo
from gdcore.cli import main as cli
from gdcore.training.progress import Line

ROOT = Path(gd.__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
FULL = Path("/dev/full")
posix = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")

CHECKED = """
import numpy as np
right = (lambda x: float(x @ x), lambda x: 2 * x, np.ones(3))
wrong = (lambda x: float(x @ x), lambda x: 3 * x, np.ones(3))
"""


def shell(command, **environment):
    """Run `gdcore …` in a shell, `gdcore` being this one."""
    text = command.replace("gdcore ", f"'{sys.executable}' -m gdcore ", 1)
    options = {"stdin": subprocess.DEVNULL, "env": {**ENVIRONMENT, **environment}, "timeout": 120}
    return subprocess.run(["sh", "-c", text], capture_output=True, **options)


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(CHECKED)
    return file


@posix
@pytest.mark.parametrize("name", ["right", "wrong"])
@pytest.mark.parametrize(
    ("where", "said"),
    [
        (">/dev/full", "gdcore check: the report could not be written: [Errno 28] No space left on device\n"),
        (">&-", "gdcore check: standard output is closed\n"),
        (">/dev/full 2>/dev/full", ""),
        (">&- 2>&-", ""),
    ],
)
def test_a_report_that_cannot_be_written_is_no_verdict(mine, name, where, said):
    done = shell(f"gdcore check {mine}:{name} {where}")
    assert (done.returncode, done.stderr.decode()) == (2, said)


@posix
@pytest.mark.parametrize("command", ["info", "claims 2", "demo", "bench train --quick --libraries gdcore"])
@pytest.mark.parametrize(
    ("where", "said"),
    [(">/dev/full", "No space left on device"), (">&-", "standard output is closed"), (">&- 2>&-", "")],
)
def test_commands_whose_output_is_full_or_closed(command, where, said):
    done = shell(f"gdcore {command} {where}")
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == bool(said)


@posix
@pytest.mark.parametrize("command", ["info", "claims 2", "--help"])
def test_a_reader_that_takes_nothing(command):
    done = shell(f"{{ gdcore {command}; echo $? >&2; }} | head -0")
    assert done.stderr in (b"141\n", b"0\n")  # 0 where it was done before the reader left


@posix
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = 1\0\n", "null byte"),
        (b"x = '\xff'\n", "SyntaxError: "),
        (b"x = (", "was never closed"),
        (b"import sys\nsys.stdout.close()\n" + CHECKED.encode(), "could not be written: I/O operation on closed"),
        (b"import os\nos.close(1)\n" + CHECKED.encode(), "the report could not be written: [Errno 9]"),
        (b"1" + b" + 1" * 200_000, "(mine.py"),
    ],
    ids=lambda value: value[:30],
)
def test_files_that_cannot_be_run(content, said, tmp_path):
    (tmp_path / "mine.py").write_bytes(content)
    done = shell(f"cd '{tmp_path}' && gdcore check mine.py:right")
    errors = done.stderr.decode()
    assert (done.returncode, errors.count("\n")) == (2, 1), errors
    assert errors.startswith("gdcore check: ")
    assert said in errors


@posix
def test_paths_that_are_no_files(tmp_path, capsys):
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("loop.py", "folder.py", "pipe.py", "a\0b.py", "x" * 300 + ".py"):
        assert cli.main(["check", f"{tmp_path / name}:x"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("gdcore check: ")
        assert err.count("\n") == 1


@posix
def test_ctrl_c_in_a_file_that_is_checked(tmp_path):
    (tmp_path / "mine.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    command = interruptible("import sys; from gdcore.cli.main import main; sys.exit(main(['check', 'mine.py:x']))")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path)
    assert process.stdout.readline() == b"here\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"gdcore check: interrupted\n")


@posix
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "koi8-r"])
def test_claims_print_on_any_encoding(encoding):
    done = shell("gdcore claims 2", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "The loss (3 + 3A)" in done.stdout.decode(encoding)


@posix
def test_claims_print_in_the_c_locale():
    done = shell("gdcore claims 2", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"The loss (3 + 3A)^2 and its steps" in done.stdout


def test_every_character_of_the_package_has_a_plain_form():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "gdcore").rglob("*.py")]
    assert {character for text in texts for character in text if ord(character) > 127} <= set(PLAIN)
    assert all(plain.isascii() for plain in PLAIN.values())
    assert "±2² 字".encode("ascii", HANDLER) == b"+-2^2 ?"


def test_the_streams_are_left_as_they_were(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with any_encoding():
        print("x²…")
    assert stream.errors == "strict"
    stream.flush()
    assert stream.buffer.getvalue() == b"x^2...\n"
    with any_encoding():
        stream.close()
    monkeypatch.setattr(sys, "stdout", None)
    with any_encoding():
        print("nowhere")


def test_help_is_what_no_command_prints(capsys):
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: gdcore")
    for verb in ("demo", "info", "check", "claims", "bench"):
        assert f"\n    {verb} " in printed


@pytest.mark.parametrize("verb", ["demo", "info", "check", "claims", "bench"])
def test_every_command_is_described(verb, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([verb, "--help"])
    assert end.value.code == 0
    usage, description, *_ = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: gdcore {verb}")
    assert description[0].isupper()
    assert description.endswith(".")


def test_demo_and_info_name_the_same_instruction_sets(monkeypatch, capsys):
    for part in ("show_training", "show_gradient_check", "show_speed", "show_gradients"):
        monkeypatch.setattr(demo, part, lambda *data: True)
    demo.demo()
    assert instruction_sets() in capsys.readouterr().out
    assert instruction_sets() in str(gd.show_config())


class Broken(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("tqdm", [True, False])
@pytest.mark.parametrize("stream", [None, "closed", "full"])
def test_progress_ends_no_training(stream, tqdm, monkeypatch):
    if tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setattr("gdcore.training.progress.find_spec", lambda name: None)
    chosen = {"closed": io.StringIO(), "full": Broken(), None: None}[stream]
    if stream == "closed":
        chosen.close()
    monkeypatch.setattr(sys, "stderr", chosen)
    history = gd.LinearModel(1, seed=0).fit([[1.0]], [1.0], loss="mse", epochs=30, progress=True)
    assert history.epochs == 30
    assert not is_terminal(chosen)
    complain("said to nobody")


def test_a_line_of_progress_to_a_stream_that_is_closed_on_the_way(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    line = Line()
    net = gd.LinearModel(1, seed=0)
    net.fit([[1.0]], [1.0], loss="mse", epochs=10, callbacks=[line], stop=lambda end: end.epoch == 5 and stream.close())
    assert stream.closed


@posix
@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_progress_in_a_process_without_standard_error(where, tmp_path):
    (tmp_path / "train.py").write_text(
        "import gdcore as gd\n"
        "h = gd.LinearModel(1, seed=0).fit([[1.0]], [1.0], loss='mse', epochs=9, progress=True)\nprint(h.epochs)\n"
    )
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' {tmp_path}/train.py {where}"],
        capture_output=True,
        env=ENVIRONMENT,
        timeout=60,
    )
    assert done.stdout == b"9\n"


@pytest.mark.parametrize("stdin", [None, "closed", "latin"])
def test_the_prompt_without_a_readable_input(stdin, monkeypatch, capsys):
    stream = {None: None, "closed": io.StringIO(), "latin": io.TextIOWrapper(io.BytesIO(b"0.\xe9\n"), "utf-8")}[stdin]
    if stdin == "closed":
        stream.close()
    monkeypatch.setattr(sys, "stdin", stream)
    prompt.ask_numbers(vanishing.trained().model)
    printed = capsys.readouterr().out
    assert prompt.WANTED in printed
    assert ("the input is no text in utf-8" in printed) == (stdin == "latin")
