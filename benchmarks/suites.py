"""What `python -m benchmarks` runs: the suites of `gdcore bench` over the full table of problems."""

from gdcore.bench.suites import gradcheck_suite, predict_suite, problem_named, step_suite, train_suite

from .problems import PROBLEMS

STEPPED = ("1-1", "1-16-1", "8-32-32-1", "64-128-64-10", "40-100-100-10")
PREDICTED = (
    ("8-32-32-1", 1),
    ("8-32-32-1", 100_000),
    ("64-128-64-10", 1),
    ("784-128-10", 1),
    ("784-128-10", 10_000),
)
CHECKED = ("1-16-1", "8-32-32-1")

SUITES = (
    train_suite(PROBLEMS),
    step_suite(problem_named(PROBLEMS, name) for name in STEPPED),
    predict_suite((problem_named(PROBLEMS, name), rows) for name, rows in PREDICTED),
    gradcheck_suite(problem_named(PROBLEMS, name) for name in CHECKED),
)
