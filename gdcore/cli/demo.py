"""`gdcore demo`: the whole library on real data, with requirements that it must meet.

Design
------
- Each part prints as it goes and returns whether it held. Lines are plain and at most 80 wide, for terminals and
  log files.
- No part passes or fails by a time: times are shown, equal work is required.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import CHOSEN
from .._version import __version__
from ..base.config import instruction_sets
from ..base.threads import get_num_threads
from ..bench.problems import PROBLEMS
from ..bench.runner import QUICK, Runner
from ..bench.suites import LIBRARIES, problem_named, train_suite
from ..datasets import Digits, load_digits
from ..gradcheck import check_gradients
from ..losses import CrossEntropy
from ..models import MLP, LinearModel, Sequential
from ..optimizers import SGD
from ..training import Trainer
from .output import as_json

LOSS = CrossEntropy(label_smoothing=0.1)
OPTIMIZER = SGD(0.2, momentum=0.9)
EPOCHS = 20
BATCH_SIZE = 32
REQUIRED_ACCURACY = 0.97
CHECKED_ROWS = 16

X_PLAIN, Y_PLAIN = (1.0, 100.0), (2.0, 200.0)
X_LOG, Y_LOG = np.log1p((1.0, 10.0)), np.log1p((2.0, 20.0))
GRADIENTS = (
    ("x = (1, 100), y = (2, 200)", X_PLAIN, Y_PLAIN, -10001.0, 0.0),
    ("x = log1p(1, 10), y = log1p(2, 20)", X_LOG, Y_LOG, -1.8316, 5e-5),
)
"""Description, x, y, the gradient at w = 1, and the largest rounding error allowed."""


def demo(seed: int = 0, json: bool = False) -> int:
    """Train on the digits, check the gradients, compare the speed with NumPy's, and look at two gradients.

    Parameters
    ----------
    seed : int, default 0
        Of initial weights and shuffling.
    json : bool, default False
        Whether one document of JSON is printed instead of text.

    Returns
    -------
    int
        0, or 1 where any part failed.
    """
    began = time.perf_counter()
    digits = load_digits()
    model = MLP([64, 128, 10], activation="relu", seed=seed)
    parts: dict[str, Callable[[], bool]] = {
        "training": lambda: show_training(model, digits),
        "gradient check": lambda: show_gradient_check(model, digits),
        "speed": show_speed,
        "scale": show_gradients,
    }
    if json:
        told = [_told(name, part) for name, part in parts.items()]
        ok = all(one["passed"] for one in told)
        facts = {"gdcore": __version__, "instruction_set": CHOSEN, "threads": get_num_threads()}
        print(as_json({"passed": ok, **facts, "parts": told, "seconds": time.perf_counter() - began}))
        return 0 if ok else 1
    print(f"gdcore {__version__}, instruction set {CHOSEN}, threads: {get_num_threads()}")
    print(f"  {instruction_sets()}")
    passed = [part() for part in parts.values()]
    outcome = "every part passed" if all(passed) else f"{passed.count(False)} of {len(passed)} parts FAILED"
    print(f"\n{outcome}, in {time.perf_counter() - began:.1f} s")
    return 0 if all(passed) else 1


def _told(name: str, part: Callable[[], bool]) -> dict[str, Any]:
    """Return what a part prints, and whether it held."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        passed = part()
    return {"name": name, "passed": passed, "text": [line for line in text.getvalue().splitlines() if line.strip()]}


def verdict(ok: bool) -> str:
    """Return a word that is easy to find in a log."""
    return "pass" if ok else "FAIL"


def accuracy(model: Sequential, digits: Digits) -> float:
    """Return the share of held-out images that the model classifies correctly."""
    return float((model.predict(digits.X_test).argmax(axis=1) == digits.y_test).mean())


def show_training(model: Sequential, digits: Digits) -> bool:
    """Print a line after each epoch; return whether the last accuracy is high enough."""
    trainer = Trainer(model, LOSS, OPTIMIZER, batch_size=BATCH_SIZE)
    print(f"\nTraining: handwritten digits, {len(digits.X)} images to learn from, {len(digits.X_test)} held out,")
    print("  8 x 8 pixels, both sets by the same 13 people")
    print(f"  {model!r}")
    print(f"  {trainer.loss!r}, {trainer.optimizer!r}, batches of {trainer.batch_size}\n")
    print("  epochs     loss   held-out accuracy        ms")
    for epochs in range(1, EPOCHS + 1):
        began = time.perf_counter()
        loss = trainer.epoch(digits.X, digits.y)
        took = time.perf_counter() - began
        print(f"  {epochs:5d}  {loss:8.4f}  {accuracy(model, digits):18.2%}  {1e3 * took:8.2f}", flush=True)
    reached = accuracy(model, digits)
    n = len(digits.X_test)
    ok = reached > REQUIRED_ACCURACY
    print(f"\n  {round(reached * n)} of {n} held-out images right, {reached:.2%}; required: over 97 %: {verdict(ok)}")
    return ok


def show_gradient_check(model: Sequential, digits: Digits) -> bool:
    """Check every parameter of the network as it stands."""
    print(f"\nGradient check: all {model.n_params} parameters, in float64, on {CHECKED_ROWS} images", flush=True)
    began = time.perf_counter()
    report = check_gradients(model, digits.X[:CHECKED_ROWS], digits.y[:CHECKED_ROWS], "cross_entropy")
    took = time.perf_counter() - began
    facts = report.to_dict()
    print(f"  the worst entry is {facts['worst']}:")
    print(f"  analytic {facts['analytic']:.10g}, numeric {facts['numeric']:.10g}, bound {facts['bound']:.1e}\n")
    print(f"  {facts['failed']} of {facts['entries']} entries beyond their bounds, {took:.1f} s: {verdict(report.ok)}")
    return report.ok


def show_speed() -> bool:
    """Compare a training step with NumPy's; the work must be equal, no speed is required."""
    problem = problem_named(PROBLEMS, "digits")
    suite = train_suite((problem,))
    layers = "-".join(map(str, problem.widths))
    print(f"\nSpeed: a training step, {layers} {problem.activation}, {problem.optimizer}, batches of {problem.batch}")
    print("  gdcore and a NumPy program, the same numbers, one core each, in turn\n", flush=True)
    with Runner(LIBRARIES, QUICK) as runner:
        row = runner.run(suite, suite.cases[0])
    for name, message in row.failed.items():
        print(f"  {name} failed: {message}")
    if row.failed:
        return False
    print("  us per step    median   1st quartile   3rd quartile   loss after training")
    for name, timing in row.timings.items():
        median, low, high = (1e6 * seconds for seconds in (timing.median, timing.low, timing.high))
        print(f"  {name:<11}  {median:8.1f}   {low:12.1f}   {high:12.1f}   {row.checks[name]:19.6f}")
    print(f"\n  NumPy takes {row.ratio('numpy', 'gdcore'):.1f} times as long; equal work: {verdict(row.agrees)}")
    return row.agrees


def show_gradients() -> bool:
    """Show why the learning rate must shrink when x grows: one weight, two scales."""
    print("\nScale: y = w x, mean squared error, d loss / d w at w = 1\n")
    print("                                          gradient    expected")
    passed = []
    for description, x, y, expected, rounding in GRADIENTS:
        model = LinearModel(1, bias=False, dtype="float64")
        model.params = [1.0]
        _, gradient = model.loss_and_grad(np.reshape(x, (-1, 1)), np.reshape(y, (-1, 1)), "mean_squared_error")
        passed.append(abs(gradient[0] - expected) <= rounding)
        print(f"  {description:<36}  {gradient[0]:10.6g}  {expected:10.6g}  {verdict(passed[-1])}")
    return all(passed)
