"""The optimizers: kernels against torch.optim's recorded trajectories and against their NumPy references."""

import importlib
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest
from reference import optimizers as reference

from gdcore import optimizers
from gdcore._kernels import cpu
from gdcore._kernels.records import RuleState
from gdcore.optimizers import OPTIMIZERS, Lion, RMSprop

RECORD = np.load(Path(__file__).parents[1] / "recorded" / "torch_trajectories.npz")
START, GRADS = RECORD["start"], RECORD["grads"]
TORCH_CALLS = [str(call) for call in RECORD["calls"]]
TRAJECTORIES = dict(zip(TORCH_CALLS, RECORD["trajectories"], strict=True))
LION_CALLS = ["Lion(0.0001)", "Lion(0.1, betas=(0.8, 0.95), weight_decay=0.1)"]
CUMULATIVE_CALLS = ["SGD(0.1, cumulative_l1=True)"]
CALLS = TORCH_CALLS + LION_CALLS + CUMULATIVE_CALLS
TOLERANCE = 1e-12

each_isa = pytest.mark.parametrize("isa", cpu.supported())
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_call = pytest.mark.parametrize("call", CALLS)
each_torch_call = pytest.mark.parametrize("call", TORCH_CALLS)
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def made(call):
    return eval(call, dict(vars(optimizers)))


def kernel(isa, dtype):
    """The compiled update with a reference's signature."""
    module = importlib.import_module(f"gdcore._kernels.{isa}_{dtype}")

    def step(o, t, lr, p, g, slots, scalars, **scale):
        module.update(RuleState(o.name, np.array(o.hyper(), float), scalars, slots), lr, t, p, g, **scale)

    return step


def trajectory(step, o, start, grads, rates=None):
    """The parameters after every step."""
    p, slots, scalars = start.copy(), np.zeros((o.n_slots(), start.size), start.dtype), np.zeros(2)
    path = []
    for t, g in enumerate(grads, 1):
        step(o, t, o.learning_rate if rates is None else rates[t - 1], p, g, slots, scalars)
        path.append(p.copy())
    return np.array(path)


def deviation(path, expected):
    """The largest error of any step, relative to the largest parameter of that step."""
    return np.max(np.abs(path - expected).max(axis=1) / np.abs(expected).max(axis=1))


@each_isa
@each_torch_call
def test_kernel_follows_torch(isa, call):
    path = trajectory(kernel(isa, "float64"), made(call), START, GRADS)
    assert deviation(path, TRAJECTORIES[call]) < TOLERANCE


@each_torch_call
def test_twin_follows_torch(call):
    o = made(call)
    assert deviation(trajectory(reference.UPDATES[o.name], o, START, GRADS), TRAJECTORIES[call]) < TOLERANCE


@each_torch_call
def test_kernel_follows_torch_live(call):
    torch = pytest.importorskip("torch")
    o, rng = made(call), np.random.default_rng(5)
    start, grads = rng.normal(size=33), rng.normal(size=(100, 33))
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        params = torch.tensor(start, requires_grad=True)
        options = {key: value for key, value in asdict(o).items() if key not in ("learning_rate", "cumulative_l1")}
        theirs = getattr(torch.optim, type(o).__name__)([params], lr=o.learning_rate, **options)
        expected = []
        for grad in torch.tensor(grads):
            params.grad = grad
            theirs.step()
            expected.append(params.detach().numpy().copy())
    finally:
        torch.set_default_dtype(default)
    path = trajectory(kernel(cpu.supported()[-1], "float64"), o, start, grads)
    assert deviation(path, np.array(expected)) < TOLERANCE


@pytest.mark.parametrize("optimizer", [o for o in OPTIMIZERS if o is not Lion])
def test_defaults_are_torchs(optimizer):
    torch = pytest.importorskip("torch")
    defaults = getattr(torch.optim, optimizer.__name__)([torch.zeros(1)]).defaults
    ours = asdict(optimizer())
    assert not ours.pop("cumulative_l1", False)  # which torch does not have
    assert ours.pop("learning_rate") == defaults["lr"]
    assert ours == {key: defaults[key] for key in ours}


@each_isa
@each_call
def test_kernel_follows_reference_while_the_rate_changes(isa, call):
    o, rates = made(call), 0.1 / np.arange(1, 101)
    path = trajectory(kernel(isa, "float64"), o, START, GRADS, rates)
    assert deviation(path, trajectory(reference.UPDATES[o.name], o, START, GRADS, rates)) < TOLERANCE


@each_isa
@each_dtype
@each_call
def test_each_step_is_the_references_to_rounding(isa, dtype, call):
    """Each step starts from the kernel's own state: the bound is 16 roundings of the terms of one step."""
    o, rng = made(call), np.random.default_rng(2)
    for n in (0, 1, 2, 15, 16, 17, 33):
        p, slots, scalars = rng.normal(size=n).astype(dtype), np.zeros((o.n_slots(), n), dtype), np.zeros(2)
        for t in range(1, 21):
            g = rng.normal(size=n).astype(dtype)
            g.flags.writeable = False
            before = p.astype(float)
            exact = before.copy(), g.astype(float), slots.astype(float), scalars.copy()
            kernel(isa, dtype)(o, t, o.learning_rate, p, g, slots, scalars)
            reference.UPDATES[o.name](o, t, o.learning_rate, *exact)
            for ours, theirs, size in ((p, exact[0], before), (slots, exact[2], g)):
                bound = 16 * np.finfo(dtype).eps * (np.abs(theirs) + np.abs(size).max(initial=0))
                assert np.all(np.abs(ours - theirs) <= bound)


@each_isa
@each_dtype
@each_call
def test_stretches_change_no_bit(isa, dtype, call):
    o, step, rng = made(call), kernel(isa, dtype), np.random.default_rng(1)
    start, grads = rng.normal(size=77).astype(dtype), rng.normal(size=(10, 77)).astype(dtype)
    whole = trajectory(step, o, start, grads)
    for cut in (1, 19, 64):
        left = trajectory(step, o, start[:cut], grads[:, :cut].copy())
        right = trajectory(step, o, start[cut:], grads[:, cut:].copy())
        np.testing.assert_array_equal(whole, np.hstack([left, right]))


@each_isa
@each_dtype
@each_call
def test_scale_multiplies_the_gradient(isa, dtype, call):
    o, step = made(call), kernel(isa, dtype)
    start, grads = START.astype(dtype), GRADS[:10].astype(dtype)

    def halving(o, t, *rest):
        step(o, t, *rest, scale=0.5**t)

    by_hand = grads * 0.5 ** np.arange(1, 11, dtype=dtype)[:, None]
    np.testing.assert_array_equal(trajectory(halving, o, start, grads), trajectory(step, o, start, by_hand))


@each_isa
@each_call
def test_nan_stays_nan_and_stays_alone(isa, call):
    grads = GRADS[:3].copy()
    grads[1, 2] = np.nan
    path = trajectory(kernel(isa, "float64"), made(call), START, grads)
    assert np.isnan(path[1:, 2]).all()
    assert np.isfinite(np.delete(path, 2, axis=1)).all()


@each_isa
@each_dtype
def test_centered_rmsprop_survives_a_constant_gradient(isa, dtype):
    """Without a floor, rounding makes the variance negative and the parameters NaN."""
    grads = np.tile(np.random.default_rng(0).normal(size=99).astype(dtype), (5000, 1))
    o, start = RMSprop(1e-3, centered=True), np.zeros(99, dtype)
    path = trajectory(kernel(isa, dtype), o, start, grads)
    known = trajectory(reference.UPDATES[o.name], o, start.astype(float), grads[:100].astype(float))
    np.testing.assert_allclose(path[:100], known, rtol=1e5 * np.finfo(dtype).eps)
    steps = -np.diff(path.astype(float), axis=0) / grads[1:]  # each divides by the deviation, which falls to 0
    assert ((steps > 0) & (steps <= 1.01 * o.learning_rate / o.eps)).all()


@each_isa
def test_lion_moves_by_the_learning_rate_whatever_the_gradients_size(isa):
    step, o, start = kernel(isa, "float64"), Lion(0.125), np.zeros(7)
    path = trajectory(step, o, start, GRADS)
    np.testing.assert_array_equal(np.abs(np.diff(path, axis=0)), 0.125)
    np.testing.assert_array_equal(path, trajectory(step, o, start, GRADS * 2.0**40))
    np.testing.assert_array_equal(trajectory(step, o, START, np.zeros((1, 7)))[-1], START)


MUTANTS = [
    ("sgd", "p -= lr * d", "p += lr * d"),
    ("sgd", "d if t == 1 else ", ""),
    ("sgd", "(1 - o.dampening)", "1"),
    ("sgd", "d + o.momentum * b if", "o.momentum * b if"),
    ("adagrad", "(t - 1)", "t"),
    ("adagrad", "(np.sqrt(slots[0]) + o.eps)", "np.sqrt(slots[0] + o.eps)"),
    ("rmsprop", "- slots[1] ** 2", "- slots[1]"),
    ("rmsprop", "(np.sqrt(variance) + o.eps)", "np.sqrt(variance + o.eps)"),
    ("adadelta", "np.sqrt(slots[1] + o.eps)", "(np.sqrt(slots[1]) + o.eps)"),
    ("adam", "+ o.weight_decay * p, slots", ", slots"),
    ("adamw", "1 - lr * o.weight_decay", "1 - o.weight_decay"),
    ("adam", "np.maximum(slots[2], v)", "v"),
    ("nadam", "(t, t + 1)", "(t - 1, t)"),
    ("adamax", "np.abs(d) + o.eps", "np.abs(d)"),
    ("radam", "rho > 5", "rho > 4"),
]


@pytest.mark.parametrize(("rule", "right", "wrong"), MUTANTS)
def test_the_comparison_catches_mutants(rule, right, wrong):
    source = Path(reference.__file__).read_text()
    assert right in source
    mutant = {}
    exec(source.replace(right, wrong), mutant)
    deviations = [
        deviation(trajectory(mutant["UPDATES"][rule], made(call), START, GRADS), TRAJECTORIES[call])
        for call in TORCH_CALLS
        if made(call).name == rule
    ]
    assert max(deviations) > 1000 * TOLERANCE


def test_the_table_of_rules_is_the_registry():
    module = importlib.import_module(f"gdcore._kernels.{cpu.supported()[-1]}_float32")
    assert module.update_rules() == tuple(optimizer.name for optimizer in OPTIMIZERS)
    assert tuple(reference.UPDATES) == module.update_rules()


@each_optimizer
def test_the_recorded_calls_use_every_option(optimizer):
    used = [made(call) for call in CALLS if type(made(call)) is optimizer]
    for field in fields(optimizer):
        assert any(getattr(o, field.name) != field.default for o in used), field.name
    assert optimizer() in used


@each_call
def test_repr_reads_like_the_call(call):
    o = made(call)
    assert repr(o) == repr(made(repr(o)))
    assert made(repr(o)) == o
