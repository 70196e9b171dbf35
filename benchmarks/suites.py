"""What `python -m benchmarks` runs: the suites of `gdcore bench` over the full table of problems, and its own."""

from dataclasses import replace

from gdcore._kernels import SUPPORTED
from gdcore.bench.library import Entry
from gdcore.bench.problems import Problem
from gdcore.bench.suites import Suite, gradcheck_suite, predict_suite, problem_named, step_suite, train_suite
from gdcore.bench.tasks import Case

from .libraries import LIBRARIES
from .libraries.products import FORMS
from .many.cases import MODELS
from .memory import QUANTITIES
from .problems import LONG_EPOCHS, PROBLEMS, SHAPES, WIDTHS, layer, layers

TRAIN = "gdcore.bench.tasks:train"
STEPPED = ("1-1", "1-16-1", "8-32-32-1", "64-128-64-10", "40-100-100-10", "8-1")
PREDICTED = (
    ("8-32-32-1", 1),
    ("8-32-32-1", 10_000),
    ("8-32-32-1", 100_000),
    ("64-128-64-10", 1),
    ("784-128-10", 1),
    ("784-128-10", 10_000),
    ("20-1", 1),
)
CHECKED = ("1-16-1", "8-32-32-1", "digits")
MULTIPLIED = ("8-32-32-1", "64-128-64-10", "784-128-10", "784-512-512-10", "1024-1024-1024-1024", "4-32-16-4")
OPTIONS = ("8-32-32-1", "64-128-64-10", "784-128-10", "784-512-512-10", "1024-1024-1024-1024")
THREADED = (*OPTIONS, "1-16-1", "4-32-16-4", "40-100-100-10")
REMEMBERED = ("8-32-32-1", "64-128-64-10")
FITTED = ("1-16-1", "8-32-32-1")
SWEPT_ROWS = 64

MANY = (
    Entry("gdcore", "benchmarks.many.with_gdcore:FitMany", "gdcore"),
    Entry("gdcore.loop", "benchmarks.many.with_gdcore:Loop", "gdcore", "gdcore"),
    Entry("jax", "benchmarks.many.with_jax:Vmapped", "jax"),
    Entry("torch.bmm", "benchmarks.many.with_torch:bmm", "torch", "torch"),
    Entry("torch.func", "benchmarks.many.with_torch:func", "torch", "torch"),
    Entry("sklearn", "benchmarks.many.with_sklearn:Joblib", "sklearn"),
)

by_name = {entry.name: entry for entry in LIBRARIES}
GDCORE = by_name["gdcore"]


def problem(name: str) -> Problem:
    """The problem of that name."""
    return problem_named(PROBLEMS, name)


def libraries(*names: str) -> tuple[Entry, ...]:
    """The libraries of these names."""
    return tuple(by_name[name] for name in names)


def isa(name: str) -> tuple[tuple[str, str], ...]:
    """The environment in which gdcore uses an instruction set."""
    return (("GDCORE_ISA", name),)


def variants(entry: Entry) -> tuple[Entry, ...]:
    """An entry on every instruction set that was built and that this machine runs, the best first."""
    return tuple(entry.variant(f"{entry.name} {name}", environment=isa(name)) for name in reversed(SUPPORTED))


def multiplier(name: str, adapter: str) -> Entry:
    """A row of the suites about products."""
    return Entry(name, f"benchmarks.libraries.products:{adapter}", name if name == "numpy" else "gdcore")


def products(shapes: list[Problem]) -> tuple[Case, ...]:
    """Every form of every product, once."""
    return tuple(Case(shape, what=form) for shape in dict.fromkeys(shapes) for form in FORMS)


MULTIPLIER = multiplier("gdcore", "GdcoreMultiplier")
PEAK = replace(multiplier("peak", "PeakMultiplier"), library="peak")
LAYERS = [each for name in MULTIPLIED for each in layers(problem(name))]
PLAIN = GDCORE.variant("plain")
WITH = (
    GDCORE.variant("adam", optimizer="adam", learning_rate=1e-3),
    GDCORE.variant("shuffle", shuffle=True),
    GDCORE.variant("dropout", dropout=0.2),
    GDCORE.variant("l2", l2=1e-4),
    GDCORE.variant("clip_norm", clip_norm=1.0),
    GDCORE.variant("float64", dtype="float64"),
    *(GDCORE.variant(name, environment=isa(name)) for name in reversed(SUPPORTED[:-1])),
)
ON_THREADS = tuple(
    by_name[name].variant(f"{name} {threads}", threads=threads)
    for name in ("gdcore", "numpy", "jax", "torch")
    for threads in (1, 2)
)

TRAINED = tuple(each for each in PROBLEMS if each not in (*SHAPES, *LONG_EPOCHS))

SUITES = (
    train_suite(TRAINED),
    step_suite(map(problem, STEPPED)),
    predict_suite((problem(name), rows) for name, rows in PREDICTED),
    gradcheck_suite(map(problem, CHECKED)),
    Suite(
        "shapes",
        "training step inside an epoch, further widths and batches",
        TRAIN,
        "final loss",
        tuple(map(Case, SHAPES)),
        libraries("gdcore", "numpy", "jax", "torch", "sklearn", "peak"),
    ),
    Suite(
        "long",
        "step of a linear model inside a long epoch",
        TRAIN,
        "final loss",
        tuple(map(Case, LONG_EPOCHS)),
        libraries("gdcore", "jax", "sklearn.sgd", "vowpalwabbit", "river"),
    ),
    Suite(
        "many",
        "step of one model of many, and the first fit of all, compiling included",
        "benchmarks.many.tasks:train",
        "final loss",
        tuple(case for models in MODELS for case in models.cases),
        MANY,
    ),
    Suite(
        "evaluate",
        "mean loss of all samples, one call",
        "benchmarks.tasks:evaluate",
        "loss",
        tuple(Case(replace(problem(name), batch=rows, samples=rows), rows) for name, rows in PREDICTED if rows > 1),
    ),
    Suite(
        "options",
        "training step of gdcore with options, against a plain one",
        TRAIN,
        "final loss",
        tuple(Case(problem(name)) for name in OPTIONS),
        (PLAIN, *WITH),
        compared=False,
    ),
    Suite(
        "threads",
        "training step inside an epoch, on one core and on two",
        TRAIN,
        "final loss",
        tuple(Case(problem(name)) for name in THREADED),
        ON_THREADS,
        cpu=True,
    ),
    Suite(
        "fits",
        "one of 16 small fits under joblib's threading backend",
        "benchmarks.fits:fits",
        "final loss",
        tuple(Case(problem(name)) for name in FITTED),
        tuple(GDCORE.variant(f"gdcore {threads}", threads=threads) for threads in (1, 2)),
        cpu=True,
    ),
    Suite(
        "widths",
        "training step inside an epoch, on all cores",
        TRAIN,
        "final loss",
        tuple(Case(each, threads=0) for each in WIDTHS),
        libraries("gdcore", "numpy", "jax", "torch"),
    ),
    Suite(
        "peak",
        "multiply-adds in registers",
        "benchmarks.tasks:product",
        "-",
        tuple(Case(layer("peak", 256, 256, 256, dtype), what=FORMS[0]) for dtype in ("float32", "float64")),
        variants(PEAK),
        unit="flop/s",
    ),
    Suite(
        "kernels",
        "products of the problems' layers, and OpenBLAS through NumPy",
        "benchmarks.tasks:product",
        "RMS",
        products([replace(shape, dtype=dtype) for dtype in ("float32", "float64") for shape in LAYERS]),
        (*variants(MULTIPLIER), multiplier("numpy", "NumpyMultiplier"), PEAK),
        unit="flop/s",
    ),
    Suite(
        "sizes",
        f"products of layers w-w, {SWEPT_ROWS} rows",
        "benchmarks.tasks:product",
        "RMS",
        products([layer("w-w", SWEPT_ROWS, w, w) for w in range(1, 65)]),
        (multiplier("gdcore", "RepeatedMultiplier"),),
        unit="flop/s",
    ),
    Suite(
        "memory",
        "bytes, and their growth over 10,000 steps",
        "benchmarks.memory:memory",
        "needed",
        tuple(Case(problem(name), what=quantity.name) for name in REMEMBERED for quantity in QUANTITIES),
        libraries("gdcore", "numpy", "jax", "torch", "sklearn"),
        unit="B",
    ),
)
