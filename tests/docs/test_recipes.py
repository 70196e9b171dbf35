"""CONTRIBUTING's recipes, followed on a copy of the tree: an activation, a loss and an optimizer of no use.

The copy is compiled for the simplest instruction set, and its own tests run on the additions. That takes a compiler,
Cython and setuptools; without them the tests here are skipped.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import gdcore

ROOT = Path(gdcore.__file__).parents[1]
COPIED = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "benchmarks",
    "docs",
    "examples",
    "gdcore",
    "pyproject.toml",
    "setup.py",
    "src",
    "tests",
)

ACTIVATION = {
    "src/layers/activations.h": [
        (
            "/* log(1 + z) of a scaling layer",
            "#define ISRU_ROOT ((real)__builtin_sqrt(1 + (double)z * z))\n"
            "VALUE(isru) { return z / ISRU_ROOT; }\n"
            "SLOPE(isru) { real s = 1 / ISRU_ROOT; return s * s * s; }\n"
            "CURVATURE(isru) { real s = 1 / ISRU_ROOT, t = s * s; return -3 * z * t * t * s; }\n\n",
        ),
        ("LOOPS(log1p_of)\n", "LOOPS(isru)\n"),
        ("};\nenum { N_ACTIVATIONS", "    {CURVED(isru), .keeps_input = 1},\n"),
    ],
    "gdcore/layers/activations.py": [
        (
            "    ),\n)\n\nPARAMETRIC",
            '        Activation("isru", "z / sqrt(1 + z^2)", Interval(-1.0, 1.0), "(0, 1]", "glorot_uniform"),\n',
        ),
    ],
    "tests/reference/__init__.py": [
        (
            "ACTIVATIONS = {",
            "def isru(z):\n    return z / np.sqrt(1 + z * z), (1 + z * z) ** -1.5\n\n\n",
        ),
        ("    )\n}\n\n\ndef activation(", "        isru,\n"),
    ],
    "tests/layers/test_activations.py": [
        (
            "}\nSLOPES =",
            '    "isru": [(-2, -0.8944271910, 0.08944271910), (0.75, 0.6, 0.512), (0, 0, 1)],\n',
        ),
    ],
    "tests/recorded/make_torch_gradients.py": [
        ("}\nLOSSES =", '    "isru": lambda f, z: z / (1 + z * z).sqrt(),\n'),
    ],
    "gdcore/interop/c/forms.py": [
        (
            '}\n"""The name of every activation -> its form."""',
            '    "isru": Form("z * EXP(-0.5r * @log1p(z * z))", "EXP(-1.5r * @log1p(z * z))"),\n',
        ),
    ],
    "gdcore/interop/onnx/forms.py": [
        (
            "FORMS: dict",
            "def _isru(graph: Graph, z: str, option: float) -> str:\n"
            '    square = graph.node("Add", graph.node("Mul", z, z), graph.constant(1.0))\n'
            '    return graph.node("Div", z, graph.node("Sqrt", square))\n\n\n',
        ),
        ('}\n"""The name of every activation -> what adds', '    "isru": _isru,\n'),
    ],
    "gdcore/interop/torch/forms.py": [
        ('}\n"""The name of every activation -> its form; None', '    "isru": None,\n'),
    ],
    "gdcore/interop/scikit/forms.py": [
        ('}\n"""Every other activation -> the nearest', '    "isru": "tanh",\n'),
    ],
}
"""The text that each file of the recipe gains, and the text before which it stands there."""

LOSS_RECORD = '''

@final
@dataclass(frozen=True, repr=False)
class DeadZone(Loss):
    """max(0, |z - y| - 1)^2."""

    name = "dead_zone"
    formula = "max(0, |z - y| - 1)^2"
'''

LOSS = {
    "src/losses/losses.h": [
        (
            "VALUE(quantile)",
            "VALUE(dead_zone)\n{\n"
            "    real d = z - y, beyond = d - (d > 1 ? 1 : d < -1 ? -1 : d);\n"
            "    *slope = 2 * beyond;\n    return beyond * beyond;\n}\n"
            "CURVATURE(dead_zone) { return 2 * (real)(real_abs(z - y) > 1); }\n\n",
        ),
        ("KINK(margin_kink)", "KINK(unit_kink) { return (z - y) + (which ? 1 : -1); }\n"),
        (
            "LOOP_OVER(margin_kinks",
            "LOOPS(dead_zone)\nLOOP_OVER(unit_kinks, KINKS, argument[i] = unit_kink(which, z[i], y[i], option))\n",
        ),
        (
            "};\nenum { N_LOSSES",
            '    {"dead_zone", &REALS, dead_zone_values, dead_zone_curvatures,\n'
            "     OF(unit), .n_all_kinks = 2, .smooth = 1},\n",
        ),
    ],
    "gdcore/losses/regression.py": [(None, LOSS_RECORD)],
    "gdcore/losses/__init__.py": [
        ("    EpsilonInsensitive,\n    Huber,\n", "    DeadZone,\n"),
        ('    "Hinge",\n', '    "DeadZone",\n'),
        ("    ),\n)\n\n\ndef losses_of", "        DeadZone,\n"),
    ],
    "gdcore/__init__.py": [
        ("    EpsilonInsensitive,\n", "    DeadZone,\n"),
        ('    "Dense",\n', '    "DeadZone",\n'),
    ],
    "tests/reference/__init__.py": [
        (
            "POINTWISE = {",
            "def dead_zone(z, y, _):\n"
            "    d = z - y\n    beyond = np.sign(d) * np.maximum(np.abs(d) - 1, 0)\n"
            "    return beyond**2, 2 * beyond\n\n\n",
        ),
        ("        squared_hinge,\n", "        dead_zone,\n"),
    ],
    "tests/reference/probe.py": [
        ('    "hinge": lambda', '    "dead_zone": lambda z, y, _: [z - y - 1, z - y + 1],\n'),
    ],
    "tests/recorded/make_torch_gradients.py": [
        ('    "Hinge()":', '    "DeadZone()": lambda f, z, y: ((z - y).abs() - 1).relu().square().mean(),\n'),
    ],
}

RECORD = '''

@final
@dataclass(frozen=True, repr=False)
class SignSGD(Optimizer):
    """The sign of the gradient, as a step of one size."""

    name = "signsgd"

    learning_rate: float | Schedule = 1e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        checks.nonnegative("weight_decay", self.weight_decay)

    def slot_names(self) -> tuple[str, ...]:
        """None."""
        return ()
'''

OPTIMIZER = {
    "src/updates/rules.pxi": [
        ("    N_COEFFICIENTS\n", "    SIGN_RATE            # of a step that has the sign of the gradient\n")
    ],
    "src/updates/lion.pxi": [
        (
            None,
            """

cdef void signsgd_begin(Update *u) noexcept nogil:
    u.c[KEEP] = 1 - u.learning_rate * u.hyper[0]
    u.c[SIGN_RATE] = u.learning_rate


cdef void signsgd_apply(
    const Update *u, real *p, const real *g, real *slots, Py_ssize_t stride, Py_ssize_t n,
) noexcept nogil:
    cdef real keep = <real>u.c[KEEP], rate = <real>u.c[SIGN_RATE], sign
    cdef Py_ssize_t i
    for i in range(n):
        sign = 1 if g[i] > 0 else -1 if g[i] < 0 else g[i]
        p[i] = keep * p[i] - rate * sign
""",
        )
    ],
    "src/updates/table.pxi": [
        ("]\ncdef tuple RULE_NAMES", '    Rule(b"signsgd", signsgd_begin, signsgd_apply, NULL),\n'),
    ],
    "gdcore/optimizers/lion.py": [(None, RECORD)],
    "gdcore/optimizers/__init__.py": [
        ("\nfrom .sgd import", ", SignSGD"),
        ("),\n)\n\n\ndef get_optimizer", ", SignSGD"),
        ('"get_optimizer",\n]', '"SignSGD", '),
    ],
    "gdcore/__init__.py": [
        ('"Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion"', '"SignSGD", '),
        ("    )\n    from .optimizers.full_batch", "        SignSGD,\n"),
        ('    "SquaredHinge",\n', '    "SignSGD",\n'),
    ],
    "tests/reference/optimizers.py": [
        (
            "UPDATES =",
            "def signsgd(o, t, lr, p, g, slots, scalars):\n"
            "    p *= 1 - lr * o.weight_decay\n    p -= lr * np.sign(g)\n\n\n",
        ),
        (")}\n", ", signsgd"),
    ],
}

SELECTED = [
    "tests/losses/test_losses.py",
    "tests/metrics/test_metrics.py::test_messages_know_every_loss",
    "tests/models/test_answers.py",
    "tests/diagnosis/test_diagnosis_learning.py",
    "tests/training/test_hints.py",
    "tests/kernels/test_probe_kinks.py",
    "tests/layers/test_activations.py",
    "tests/kernels/test_probe.py",
    "tests/objective/test_curvature.py",
    "tests/optimizers/test_optimizer_records.py",
    "tests/kernels/test_streaming.py",
    "tests/base/test_import.py",
    "tests/interop/test_to_onnx.py",
    "tests/interop/test_torch.py",
    "tests/interop/test_to_c.py::test_every_activation_has_a_form",
    "tests/interop/test_to_c.py::test_every_activation_predicts_and_differentiates",
    "tests/docs/test_readme.py",
]

USE = """
import numpy as np, gdcore as gd
X = np.random.default_rng(0).normal(size=(200, 3))
net = gd.MLP([3, 8, 1], "isru", seed=0, dtype="float64")
history = net.fit(X, np.tanh(X.sum(axis=1)), "mse", optimizer=gd.SignSGD(0.003), epochs=30)
assert history.loss[-1] < 0.2 * history.loss[0], history.loss
assert gd.check_gradients(net, X, X[:, 0], "mse").ok
assert gd.check_gradients(net, X, X[:, 0], "mse", order=2).ok
line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
kinks = [[0.0], [1.0], [2.0]], [1.0, 0.0, 5.0]    # residuals of -1, 1 and -3
assert line.loss_and_grad(*kinks, gd.DeadZone()) == (4 / 3, -8 / 3)
for order in (1, 2):
    assert gd.check_gradients(line, *kinks, "dead_zone", order=order).ok
"""


def recipe(title):
    """The files that a recipe of CONTRIBUTING.md names in its numbered steps."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = text.partition(f"### To add {title}\n")[2].partition("\n### ")[0]
    assert steps, f"CONTRIBUTING.md has no recipe to add {title}"
    return set(re.findall(r"`((?:src|gdcore|tests)/[\w./]*)`", steps))


def follow(root, edits):
    """Insert the texts into the files of a tree; each place must be there exactly once."""
    for file, insertions in edits.items():
        path = root / file
        text = path.read_text(encoding="utf-8")
        for before, added in insertions:
            assert before is None or text.count(before) == 1, f"{file} has {text.count(before)} times {before!r}"
            text = text + added if before is None else text.replace(before, added + before)
        path.write_text(text, encoding="utf-8")


def run(root, *command):
    env = {name: value for name, value in os.environ.items() if not name.startswith("GDCORE_")}
    env["PYTHONPATH"] = str(root)
    done = subprocess.run([sys.executable, *command], cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


RECIPES = {"an activation": ACTIVATION, "a loss": LOSS, "an optimizer": OPTIMIZER}


@pytest.mark.parametrize(("title", "edits"), RECIPES.items(), ids=RECIPES)
def test_a_recipe_names_every_file_that_changes(title, edits):
    named = recipe(title)
    folders = tuple(name for name in named if name.endswith("/"))
    assert not {file for file in edits if file not in named and not file.startswith(folders)}
    recorded = {name for name in named if "recorded" in name}  # only for what PyTorch has too
    others = {"gdcore/losses/classification.py"}  # a loss stands in one of two files
    assert not {file for file in named - recorded - others if not any(edit.startswith(file) for edit in edits)}


def test_the_recipe_of_a_layer_names_every_file_that_knows_its_model():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = text.partition("### To add a kind of layer\n")[2].partition("\n### ")[0]
    named = set(re.findall(r"`((?:src|gdcore|tests|docs)/[\w./]*)`", steps))
    assert not {file for file in named if not (ROOT / file).is_file()}
    knowing = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "gdcore", "docs", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".pyi", ".pyx", ".pxi", ".h", ".md")
        and re.search(r"\b(sink_)?(LayerNorm|layer_norm)(?![a-z])", path.read_text(encoding="utf-8"))
    }
    apart = {"docs/reference.md"}  # docs/make_tables.py writes it
    found = knowing - apart - named
    assert not {file for file in found if not file.startswith("tests/") or "reference" in file}, found


def test_the_recipes_work(tmp_path):
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None or not (ROOT / "setup.py").exists():
        pytest.skip("needs a C compiler and the source tree")
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools", minversion="77")
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copyfile(source, target)
    for edits in RECIPES.values():
        follow(tmp_path, edits)
    table = tmp_path / "src/updates/table.pxi"
    rows = re.compile(r"(?<=Rule\[)\d+(?=\] RULES)")
    table.write_text(rows.sub(lambda n: str(int(n[0]) + 1), table.read_text(encoding="utf-8")), encoding="utf-8")
    simplest = [("\nEXTENSIONS = [", '\nISAS = {"base": []}')]
    follow(tmp_path, {"setup.py": simplest})
    run(tmp_path, "setup.py", "-q", "build_ext", "--inplace")
    run(tmp_path, "-c", USE)
    run(tmp_path, "docs/make_tables.py")
    run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SELECTED)
