"""What `help` prints of the package and of its classes."""

import inspect
import pydoc
import re
import subprocess
import sys

import pytest

import gdcore as gd


def page(thing):
    return pydoc.render_doc(thing, renderer=pydoc.plaintext).splitlines()


def test_the_package_is_a_map_of_the_library():
    lines = page(gd)
    assert len(lines) < 150
    assert max(map(len, lines)) <= 120
    words = set(re.findall(r"\w+", "\n".join(lines)))
    assert words >= {name for name in gd.__all__ if name != "__version__"}
    known = set(gd.__all__).union(*(module.__all__ for module in (gd.metrics, gd.plot, gd.schedules)))
    names = re.findall(r"^    +((?:[A-Z]\w+(?:, )?)+)", gd.__doc__, re.MULTILINE)
    assert {name for row in names for name in row.split(", ") if name} <= known


def test_only_pydoc_is_shown_less():
    assert dir(gd) == sorted(gd.__all__)
    assert {"Adam", "plot", "minimize"} <= {name for name, _ in inspect.getmembers(gd)}
    found = {}
    exec("from gdcore import *", found)
    assert set(gd.__all__) <= set(found)


@pytest.mark.parametrize("name", ["Adam", "Dense", "Trainer", "EarlyStopping", "History", "Huber"])
def test_a_class_begins_with_what_it_does(name):
    lines = page(getattr(gd, name))
    assert len(lines) < (360 if sys.version_info >= (3, 13) else 300)  # since 3.13 an argument has a line of its own
    assert lines[3].startswith(f" |  {name}(")
    told = lines[lines.index(" |") + 1] if " |" in lines else lines[lines.index(" |  ") + 1]  # behind the signature
    assert told.removeprefix(" |  ") == getattr(gd, name).__doc__.splitlines()[0]


def test_tab_completion():
    code = "import gdcore as gd, rlcompleter as r; c = r.Completer({'gd': gd}); print(c.complete('gd.Ada', 0))"
    assert subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    ).stdout.startswith("gd.Ada")


def test_a_name_that_is_spelled_nearly_right_is_answered():
    """The interpreter itself asks for the names then, without a frame that calls."""
    code = "import gdcore as gd; gd.LayerNrom"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Did you mean: 'LayerNorm'?" in done.stderr
