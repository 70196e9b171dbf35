"""The package's structure: imports go down, never in a circle; private names stay at home; files stay short.

Design
------
- Imports are read from the source by `ast`: those within functions, those for type checkers only and those by name
  (`import_module`, and `later`, which a method calls) count like all others.
- What does not hold everywhere yet is listed with its reason. A list may only shrink: an entry that has become
  unnecessary fails as a new exception does.
"""

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path
from shutil import which

import pytest
from arrows import ROOMS, arrows, going_up, imported_by_compiled_code, in_circles, private_reads

import gdcore

ROOT = Path(gdcore.__file__).parents[1]
SOURCES = ROOT / "src"

ARROWS_UP = {
    ("bench.gdcore_adapter", ""): "The benchmark measures the package as its users import it.",
    ("layers.scaling", "data"): "`Standardize.from_data` is a method, and reads sources, which know of models.",
    ("models.sequential", "io"): "`Sequential.save` is a method, and files are made of models.",
    ("distributed.pipeline", "models"): "`Pipeline.gather` is a method, and a model is fitted on several processes.",
    ("many.many", "io"): "`Many.save` is a method, and files are made of models.",
    ("training.trainer", "io"): "`Trainer.save` and `Trainer.load` are methods, and files are made of trainers.",
    ("training.fit", "distributed"): "A fit over several processes is asked for as every other, and is made of it.",
    ("distributed.resume", "io.checkpoint"): "A fit is given a file's path, and files are made of trainers.",
    ("training.history", "io"): "`History.load` is a method, and files are made of histories.",
    ("training.history", "plot"): "`History.plot` is a method, and pictures are drawn of histories.",
    ("training.history", "report"): "`History.report` is a method, and reports are written of models and their data.",
    ("io.kinds", "sklearn"): "A file names the kind estimator before scikit-learn has been imported.",
    ("io.kinds", "tables"): "A file names the kind of a model of tables before that room has been imported.",
    ("io.vocabulary", "sklearn"): "A file names the estimators' schedules before scikit-learn has been imported.",
    ("interop.onnx.pipeline", "sklearn"): "skl2onnx is told of the estimators when a pipeline is exported.",
}
"""Imports that go up, each with its reason; all but the first are made by `later`, when a method runs."""

MAX_LINES = 400
LONG_FILES = {
    "gdcore/training/trainer.py": "The public face: most of it is documentation and signatures.",
    "gdcore/models/sequential.py": "The public face: signatures stand with one argument per line.",
}


def compare(found, listed, new, stale):
    """Fail on what is found and not listed, and on what is listed and not found."""
    assert not found - listed, f"{new}: {sorted(found - listed)}"
    assert not listed - found, f"{stale}: take it from the list in {Path(__file__).name}: {sorted(listed - found)}"


# The package


@pytest.fixture(scope="module")
def package():
    return arrows(ROOT / "gdcore")


def test_every_folder_is_a_room():
    folders = {path.parent.name for path in (ROOT / "gdcore").glob("*/*.py")}
    assert folders <= set(ROOMS)


def test_tests_stand_in_the_room_that_they_test():
    tests = ROOT / "tests"
    folders = {path.name for path in tests.iterdir() if any(path.glob("test_*.py"))}
    folders = {{"kernels": "_kernels", "estimators": "sklearn"}.get(name, name) for name in folders}
    assert not (tests / "sklearn").exists()  # where scikit-learn is not installed, it would be imported for it
    assert folders - {"docs"} == {path.parent.name for path in (ROOT / "gdcore").glob("*/*.py")}
    assert not list(tests.glob("test_*.py"))


def test_test_files_have_names_of_their_own():
    """Files of one name are one module to pytest, unless their folder is a package."""
    paths = [path for path in (ROOT / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").exists()]
    assert not [name for name, n in Counter(path.name for path in paths).items() if n > 1]


def test_imports_go_down(package):
    compare(going_up(package), set(ARROWS_UP), "imports that go up", "no longer goes up")


def test_imports_make_no_circle(package):
    found = in_circles(package - set(ARROWS_UP))  # these are made when a method runs, when all modules are complete
    assert not found, f"imports in a circle: {sorted(found)}"


def test_private_attributes_are_read_where_they_are_defined():
    found = {
        f"{path.relative_to(ROOT / 'gdcore')}": list(private_reads(ast.parse(path.read_text(encoding="utf-8"))))
        for path in (ROOT / "gdcore").rglob("*.py")
    }
    found = {file: reads for file, reads in found.items() if reads}
    assert not found, f"private attributes of another module: {found}"


def test_compiled_code_imports_nothing_from_above():
    files = [path for path in SOURCES.rglob("*.p*") if path.suffix in (".pyx", ".pxi", ".pxd")]
    assert files
    found = {str(path.relative_to(ROOT)): imported_by_compiled_code(path.read_text(encoding="utf-8")) for path in files}
    assert not {file: names for file, names in found.items() if names}


def test_tuned_constants_stand_in_one_header():
    """Each tells a figure that was measured, or that none was, and Cython declares those of that header alone."""
    header = (SOURCES / "machine" / "tuning.h").read_text(encoding="utf-8")
    names = re.findall(r"^ +([A-Z_]+) = ", header, re.MULTILINE)
    told = re.findall(r"(?:Measured: [^*]*\d|Not measured)[^*]* \*/\n(?:#if.*\n)? +([A-Z_]+) = ", header)
    assert told == list(dict.fromkeys(names))
    declared = re.findall(r"enum: ([A-Z_]+)", (SOURCES / "machine" / "tuning.pxi").read_text(encoding="utf-8"))
    assert set(declared) - {"LANES"} <= set(told)
    assert not re.findall(
        r"^ +[A-Z_]+ = ", (SOURCES / "machine" / "tuning.pxi").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_the_root_holds_no_file_that_a_run_has_left():
    """Tests and examples write tables and models into folders of their own."""
    if not (ROOT / ".git").exists() or which("git") is None:
        pytest.skip("needs a clone")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip(done.stderr)
    root = {name for name in done.stdout.splitlines() if "/" not in name and not name.startswith(".")}
    assert not {name for name in root if Path(name).suffix not in ("", ".in", ".md", ".py", ".toml")}


def test_files_are_short():
    lines = Counter()
    for folder in ("gdcore", "src", "tests", "benchmarks", "examples"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".pyi", ".pyx", ".pxi", ".pxd", ".h"):
                lines[path.relative_to(ROOT).as_posix()] = len(path.read_text(encoding="utf-8").splitlines())
    found = {file for file, n in lines.items() if n > MAX_LINES}
    compare(found, set(LONG_FILES), f"more than {MAX_LINES} lines", f"no longer above {MAX_LINES} lines")


# What these tests see


@pytest.fixture
def house(tmp_path):
    """Write modules by name, such as "layers.dense" -> their arrows."""

    def build(**texts):
        for name, text in texts.items():
            path = tmp_path / (name.replace(".", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(text, encoding="utf-8")
        return arrows(tmp_path)

    return build


@pytest.mark.parametrize(
    "text",
    [
        "from ..training.fit import fit",
        "from ..training import fit",
        "import gdcore.training.fit",
        "from gdcore.training import fit",
        "def late():\n    from ..training.fit import fit",
        "if TYPE_CHECKING:\n    from ..training.fit import fit",
        "import_module('gdcore.training.fit')",
        "importlib.import_module('..training.fit', __package__)",
    ],
)
def test_an_import_that_goes_up_is_seen(house, text):
    below = "from ..layers.dense import Dense\nfrom .._version import x"
    found = house(**{"layers.dense": text, "training.fit": below})
    assert going_up(found) == {("layers.dense", "training.fit")}
    assert in_circles(found) == {("layers.dense", "training.fit"), ("training.fit", "layers.dense")}


def test_a_room_opened_later_is_seen(house):
    below = "from ..layers.dense import Dense"
    for text in ("def save(self):\n    later('io', 'save')(self)", "LATE = lambda: later.later('io', 'save')"):
        found = house(**{"layers.dense": text, "io.files": below})
        assert going_up(found) == {("layers.dense", "io")}
    with pytest.raises(ValueError, match="malformed node"):
        house(**{"layers.dense": "later(room, 'save')"})


def test_a_circle_within_a_room_is_seen(house):
    texts = {"a": "from .b import b", "b": "from . import c", "c": "from .a import a\nimport numpy"}
    found = house(**{f"layers.{name}": text for name, text in texts.items()})
    assert not going_up(found)
    assert len(in_circles(found)) == 3
    assert not in_circles(found - {("layers.c", "layers.a")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trainer._run", ["trainer._run"]),
        ("self.trainer._run = 1", ["self.trainer._run"]),
        ("from .fit import _fit", ["_fit"]),
        ("getattr(x, '_run')", ["getattr(x, '_run')"]),
        ("def _run(): pass\nx._run", ["x._run"]),
        ("self._run + cls._n + x.__class__ + point._replace(x=1) + sys._getframe()", []),
        ("class A:\n    def __eq__(self, other): return other._key == self._key\n    def _key(self): pass", []),
        ("from .._kernels import load\nfrom .._version import x\nfrom . import _kernels", []),
    ],
)
def test_private_reads_are_seen(text, expected):
    assert [name for _, name in private_reads(ast.parse(text))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from gdcore._kernels.errors import RefusedStep", set()),
        ("cimport numpy\nfrom libc.math cimport exp", set()),
        ("    from gdcore.losses import Loss", {"gdcore.losses"}),
        ("import gdcore", {"gdcore"}),
        ("from ..base import checks", {"..base"}),
    ],
)
def test_imports_of_compiled_code_are_seen(text, expected):
    assert imported_by_compiled_code(text) == expected
