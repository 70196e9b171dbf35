"""What `pyproject.toml` says to cibuildwheel: every CPython that is promised, and tests that an image can run."""

import re
import shlex
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEELS = PROJECT["tool"]["cibuildwheel"]


def named(requirement):
    return re.split(r"[<>=!~\[; ]", requirement)[0]


def test_a_wheel_for_every_python_that_is_promised():
    promised = [text.rpartition(" ")[2] for text in PROJECT["project"]["classifiers"] if "Python :: 3." in text]
    assert WHEELS["build"].split() == [f"cp{version.replace('.', '')}-*" for version in promised]
    assert PROJECT["project"]["requires-python"] == f">={promised[0]}"


def test_the_tests_of_a_wheel_are_there_and_need_no_mpi():
    extra = {named(one) for one in PROJECT["project"]["optional-dependencies"]["test"]}
    needed = {named(one) for one in WHEELS["test-requires"]}
    assert needed == extra - {"gdcore", "mpich"}  # for musllinux there are neither wheels of mpi4py nor of mpich
    assert "test-extras" not in WHEELS
    [tests] = [command for command in WHEELS["test-command"] if command.startswith("pytest")]
    folders = [word.removeprefix("{project}/") for word in shlex.split(tests) if word.startswith("{project}/")]
    assert folders
    for folder in folders:
        assert list((ROOT / folder).glob("test_*.py"))
        assert not any("mpi_jobs" in path.read_text(encoding="utf-8") for path in (ROOT / folder).glob("*.py"))
