"""The command line, and the parts of the demo: what they print, and that they can fail."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from interruptible import interruptible

import gdcore as gd
from gdcore.bench import runner
from gdcore.cli import demo
from gdcore.cli import main as cli
from gdcore.datasets import load_digits

ROOT = Path(gd.__file__).parent.parent
COMMAND = [sys.executable, "-m", "gdcore"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"gdcore {gd.__version__}\n"


def test_info_prints_the_configuration(capsys):
    assert cli.main(["info"]) == 0
    assert capsys.readouterr().out == f"{gd.show_config()}\n"


def test_without_a_command_it_prints_the_help(capsys):
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: gdcore")
    assert all(f"    {command} " in printed for command in ("demo", "info", "check", "claims", "bench"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "unknown command 'trian'; known: train, predict, evaluate, diagnose, export, demo, info, check"),
        (["trian"], "did you mean 'train'?"),
        (["info", "--fast"], "unrecognized arguments: --fast"),
        (["demo", "--seed", "-1"], "must be a whole number in 0 … 2**64 - 1, got '-1'"),
        (["demo", "--seed", "one"], "--seed: must be a whole number in 0"),
        (["claims", "7"], "must be 1, 2, 3 or 4, got '7'"),
        (["predict"], "MODEL, DATA are missing: gdcore predict --help tells more"),
    ],
)
def test_what_it_does_not_understand(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert line.startswith("gdcore")


CHECKED = """
import numpy as np
import gdcore as gd

net = gd.MLP([2, 3, 1], activation="tanh", seed=0)
X, y = np.eye(2), np.ones((2, 1))
model = net, X, y, "mse"
right = (lambda x: float(x @ x), lambda x: 2 * x, np.ones(3))
wrong = (lambda x: float(x @ x), lambda x: 3 * x, np.ones(3), {"mode": "sample"})
vague = (lambda x: float(x @ x) if (x == 1).all() else np.nan, lambda x: 2 * x, np.ones(3))
bad = (lambda x: x, lambda x: x, np.ones(3))
number = 3
three = (1, 2, 3)
unknown = net, X, y, "mse", {"l3": 0.1}
raising = (lambda x: {}["w"], lambda x: x, np.ones(3))

def report():
    return gd.check_gradients(net, X, y, "mse", l2=0.1)

def made():
    return model
"""


@pytest.mark.parametrize(
    ("name", "status", "printed"),
    [
        ("model", 0, "gradient check: pass (13 entries"),
        ("made", 0, "dense1.bias"),
        ("report", 0, "l2 penalty"),
        ("right", 0, "gradient check: pass (3 entries"),
        ("wrong", 1, "cause: the gradient is 1.5 times the true gradient in every entry"),
        ("vague", 3, "gradient check: inconclusive (3 entries"),
        ("bad", 2, "gdcore check: fun returned an array of shape (3,); expected one number"),
        ("number", 2, "gdcore check: the object must be a GradientReport, (model, X, y, loss) or"),
        ("three", 2, "three, which must be (fun, grad, x) with a function first, got 1 first: a model needs four"),
        ("unknown", 2, "gdcore check: unknown option 'l3'; known: sample_weight, l1, l2"),
        ("raising", 2, "mine.py, line 15)"),
        ("nothing", 2, "has no object 'nothing'; it has: np, gd, net, X, y, model"),
    ],
)
def test_check_looks_at_a_users_object(name, status, printed, tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(CHECKED)
    path = list(sys.path)
    assert cli.main(["check", f"{file}:{name}"]) == status
    assert printed in "".join(capsys.readouterr())
    assert sys.path == path


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import numpy\nimport nope_x", "ModuleNotFoundError: No module named 'nope_x' (FILE, line 2)"),
        ("\nx = (", "SyntaxError: '(' was never closed (FILE, line 2)"),
        ("def x():\n    return {}['w']", "KeyError: 'w' (FILE, line 2)"),
        ("def x():\n    raise ValueError", "ValueError (FILE, line 2)"),
        ("import sys\nsys.exit(0)", "SystemExit: 0 (FILE, line 2)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (FILE, line 1)"),
        ("raise GeneratorExit", "GeneratorExit (FILE, line 1)"),
        ("class B(BaseException): pass\n\nraise B('a\\n  b')", "B: a b (FILE, line 3)"),
        ("class E(Exception):\n  def __str__(self): raise ValueError\nraise E", "E (FILE, line 3)"),
        ("import os\nos.chdir('/')\n1 / 0", "ZeroDivisionError: division by zero (FILE, line 3)"),
        ("def x(): return x()", "RecursionError: maximum recursion depth exceeded (FILE, line 1)"),
        ("raise MemoryError", "MemoryError (FILE, line 1)"),
        ("# coding: nope", "SyntaxError: unknown encoding: nope (FILE)"),
        ("import sys\nsys.path.clear()", "FILE has no object 'x'; it has: sys"),
        ("import sys\nsys.path = []\nraise OSError('no\\nroom')", "OSError: no room (FILE, line 3)"),
    ],
)
def test_check_of_a_file_that_raises(source, said, tmp_path, capsys, monkeypatch):
    file, path, search = tmp_path / "mine.py", sys.path, list(sys.path)
    file.write_text(source)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", f"{file}:x"]) == 2
    assert sys.path is path
    assert sys.path == search
    assert capsys.readouterr() == ("", f"gdcore check: {said.replace('FILE', str(file))}\n")


def test_check_takes_options_and_files_that_are_there(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(CHECKED)
    assert cli.main(["check", f"{file}:model", "--mode", "directions", "--seed", "3"]) == 0
    assert "mode directions, as asked" in capsys.readouterr().out
    assert cli.main(["check", str(tmp_path / "other.py:model")]) == 2
    assert cli.main(["check", str(file)]) == 2
    errors = capsys.readouterr().err
    assert "there is no file" in errors
    assert "the target must be FILE.py:OBJECT" in errors


def test_bench_gets_its_own_arguments(monkeypatch):
    received = []
    monkeypatch.setattr("gdcore.bench.main", lambda argv: received.append(argv) or 7)
    assert cli.main(["bench", "train", "--quick", "--json", "out.json"]) == 7
    assert received == [["train", "--quick", "--json", "out.json"]]


def test_demo_passes(capsys):
    assert cli.main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "every part passed" in lines[-1]
    assert not [line for line in lines if "FAIL" in line or "\r" in line or len(line) > 80]


@pytest.mark.parametrize("seed", range(1, 6))
def test_training_suffices_for_other_seeds_and_splits(seed, capsys):
    digits = load_digits(seed=seed)
    assert demo.show_training(gd.MLP([64, 128, 10], activation="relu", seed=seed), digits)
    assert capsys.readouterr().out.count("%") >= demo.EPOCHS


def test_training_that_does_not_suffice_fails(monkeypatch, capsys):
    monkeypatch.setattr(demo, "EPOCHS", 1)
    assert not demo.show_training(gd.MLP([64, 128, 10], activation="relu", seed=0), load_digits())
    assert "FAIL" in capsys.readouterr().out


def test_wrong_gradients_fail(monkeypatch, capsys):
    def doubled(X, y, loss):
        return 0.0, np.array([2 * -10001.0])

    monkeypatch.setattr("gdcore.models.Sequential.loss_and_grad", lambda self, *data: doubled(*data))
    assert not demo.show_gradients()
    assert capsys.readouterr().out.count("FAIL") == 2


def test_a_gradient_check_that_fails_fails(monkeypatch, capsys):
    def one_wrong(*data):
        grad = data[0].astype("float64").loss_and_grad(*data[1:])[1]
        grad[5] += 1e-3
        return gd.check_gradients(*data, grad=grad)

    model = gd.MLP([64, 4, 10], activation="tanh", seed=0)
    assert demo.show_gradient_check(model, load_digits())
    monkeypatch.setattr(demo, "check_gradients", one_wrong)
    assert not demo.show_gradient_check(model, load_digits())
    assert "1 of 310 entries beyond their bounds" in capsys.readouterr().out


def test_unequal_work_fails(monkeypatch, capsys):
    monkeypatch.setattr(runner, "TOLERANCE", -1.0)
    assert not demo.show_speed()
    assert "FAIL" in capsys.readouterr().out


def test_one_part_that_fails_is_the_exit_status(monkeypatch, capsys):
    for part in ("show_training", "show_gradient_check", "show_speed"):
        monkeypatch.setattr(demo, part, lambda *data: True)
    monkeypatch.setattr(demo, "show_gradients", lambda: False)
    assert cli.main(["demo"]) == 1
    assert "1 of 4 parts FAILED" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_with_130_and_a_word():
    command = interruptible("import sys; from gdcore.cli.main import main; sys.exit(main(['demo']))")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"gdcore demo: interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_a_reader_that_leaves_is_met_quietly():
    process = subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), errors) == (141, b"")


def test_check_in_json(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(CHECKED)
    assert cli.main(["check", f"{tmp_path / 'mine.py'}:wrong", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"
