"""What `import gdcore` imports, and what comes when it is first asked for.

What it costs beside NumPy, in processor time, the bytecode of both being compiled (`python -m compileall gdcore`):

    python benchmarks/import_time.py
"""

import ast
import importlib.util
import inspect
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

import gdcore as gd
from gdcore.base.elsewhere import ROOMS

LATER = (
    "bench",
    "claims",
    "cli",
    "datasets",
    "diagnosis",
    "gradcheck",
    "interop",
    "io",
    "minimize.minimize",
    "optimizers",
    "plot",
    "schedules",
    "tables",
    "training",
)
MAX_OWN, MAX_OTHERS = 72, 20
"""`import gdcore` brings at most so many modules of its own, and so many others beside NumPy's."""
LIBRARIES = ("decimal", "difflib", "matplotlib", "numpy.random", "pandas", "pathlib", "scipy", "sklearn", "torch")


def run(code):
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_heavy_is_imported():
    code = "import sys, numpy; before = set(sys.modules); import gdcore; print(*(set(sys.modules) - before))"
    found = run(code).split()
    assert "gdcore.models.sequential" in found
    assert not set(found) & {*LIBRARIES, *(f"gdcore.{room}" for room in LATER)}


def test_few_modules_are_imported():
    """What an import costs grows with the modules that it brings; their number is the same in every run."""
    code = "import sys, numpy; before = set(sys.modules); import gdcore; print(*(set(sys.modules) - before))"
    found = run(code).split()
    own = [name for name in found if name.partition(".")[0] == "gdcore"]
    assert len(own) <= MAX_OWN, sorted(own)
    assert len(found) - len(own) <= MAX_OTHERS, sorted(set(found) - set(own))


def test_a_model_predicts_without_what_trains_it():
    code = "import sys, gdcore as gd; X, y = [[1, 2]], [1]; net = gd.MLP([2, 3, 1], seed=0); net.predict(X)"
    shown = "print(*(room for room in ('training', 'optimizers', 'schedules') if f'gdcore.{room}' in sys.modules))"
    assert run(f"{code}; net.loss(X, y, 'mse'); {shown}") == ""
    assert run(f"{code}; net.fit(X, y, 'mse', epochs=1); {shown}") == "training optimizers schedules"


@pytest.mark.parametrize("name", [name for room, names in gd.LATER.items() for name in (names or (room,))[:1]])
def test_every_room_is_there_first_of_all(name):
    assert run(f"from gdcore import {name}; import gdcore; print({name} is gdcore.{name})") == "True"


def test_every_name_is_there():
    assert run("import gdcore\nfor name in gdcore.__all__: exec(f'from gdcore import {name}')") == ""
    assert {name for names in gd.LATER.values() for name in names} <= set(gd.__all__)


def test_names_that_are_not_there():
    with pytest.raises(AttributeError, match=r"^module 'gdcore' has no attribute 'Adamm'"):
        gd.Adamm  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Adamm'"):
        exec("from gdcore import Adamm")


NAMES_OF_ROOMS = [(room, name) for room, names in ROOMS.items() for name in names]


@pytest.mark.parametrize(("room", "name"), NAMES_OF_ROOMS)
def test_a_name_of_a_room_says_which(room, name):
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}': it is gdcore\.{room}\.{name}$"):
        getattr(gd, name)
    if room == "sklearn":
        pytest.importorskip("sklearn")
    assert getattr(getattr(gd, room), name).__name__ == name


def test_every_public_name_of_a_room_is_found():
    for room, names in ROOMS.items():
        if room != "sklearn" or importlib.util.find_spec("sklearn"):
            public = set(importlib.import_module(f"gdcore.{room}").__all__)
            assert public - set(gd.__all__) - NOT_FOR_USERS == set(names), room


NOT_FOR_USERS = {
    "PlateauState", "MetricSpec", "Metrics", "get_metric", "get_metrics", "ParamsTrace",
    "losses",  # gdcore.losses is there: the room
}  # fmt: skip


def test_a_misspelt_name_of_a_room():
    with pytest.raises(AttributeError, match=r"'MLPClasifier'; did you mean gdcore\.sklearn\.MLPClassifier\?$"):
        gd.MLPClasifier  # noqa: B018
    for name in ("Adamm", "foo", "__wrapped__"):  # the first is Python's to explain
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(gd, name)


def test_the_estimators_are_imported_when_they_are_asked_for():
    pytest.importorskip("sklearn")
    assert run("import gdcore as gd; print(gd.sklearn.MLPClassifier.__module__)") == "gdcore.sklearn.mlp_classifier"


WAYS = ("import gdcore.minimize.minimize", "gdcore.minimize", "from gdcore.minimize import checks")


@pytest.mark.parametrize("order", list(itertools.permutations(WAYS)))
def test_minimize_is_the_function_in_any_order(order):
    checked = [f"{way}\nassert callable(gdcore.minimize)" for way in order]
    assert run("\n".join(["import gdcore", *checked])) == ""


@pytest.mark.parametrize(
    "first",
    [
        "import gdcore.minimize",
        "import gdcore.minimize.minimize",
        "import gdcore.plot",
        "import gdcore.diagnosis",
        "from gdcore import *",
        "from gdcore import MinimizeResult",
    ],
)
def test_minimize_is_the_function_whatever_came_first(first):
    assert run(f"{first}\nimport gdcore as gd\nprint(callable(gd.minimize))") == "True"


def test_a_pickle_comes_before_any_name():
    code = "import pickle, gdcore as gd; print(pickle.dumps((gd.Adam(gd.schedules.Cosine(0.1, 9)), gd.minimize)).hex())"
    load = f"import pickle; print(pickle.loads(bytes.fromhex('{run(code)}'))[0])"
    assert run(load) == "Adam(Cosine(0.1, 9))"


def test_constructors_explain_wrong_arguments_whenever_they_come():
    assert (
        run("""
import gdcore.training, gdcore as gd
for kind in (gd.Adam, gd.EarlyStopping, gd.Huber, gd.Dense, gd.schedules.Cosine, gd.metrics.TopK, gd.LBFGS, gd.Finding):
    try:
        kind(nonsense=1)
    except TypeError as error:
        assert str(error).startswith(f"{kind.__name__}() has no argument 'nonsense'; "), error
    else:
        raise AssertionError(kind)
""")
        == ""
    )


def test_type_checkers_are_told_what_comes_later():
    tree = ast.parse(Path(inspect.getfile(gd)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    told = {node.module or alias.name: [] for node in block.body for alias in node.names}
    for node in block.body:
        if node.module is not None:
            told[node.module] += [alias.name for alias in node.names]
    assert {room: set(names) for room, names in told.items()} == {room: set(names) for room, names in gd.LATER.items()}


def test_tab_completion_offers_what_is_not_imported_yet():
    assert run(
        "import gdcore as gd, rlcompleter as r; print(r.Completer({'gd': gd}).complete('gd.check_gradients', 0))"
    ).startswith("gd.check_gradients")
