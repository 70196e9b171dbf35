"""The optimizers' records and states: names, repr, stepping in place, saving, convergence, errors."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from reference import optimizers as reference

from gdcore.optimizers import OPTIMIZERS, SGD, Adadelta, Adam, NAdam, OptimizerState, RMSprop, get_optimizer

RNG = np.random.default_rng(7)
START, GRADS = RNG.normal(size=7), RNG.normal(size=(20, 7))

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def test_repr_leaves_defaults_out():
    assert repr(Adam()) == "Adam(0.001)"
    assert repr(SGD(0.1, momentum=0.9, dampening=0.0)) == "SGD(0.1, momentum=0.9)"
    assert repr(SGD(np.float64(0.1))) == "SGD(0.1)"
    assert repr(Adam().init(3)) == "OptimizerState(Adam(0.001), n=3, dtype='float32', step_count=0)"


@each_optimizer
def test_optimizers_are_found_by_name(optimizer):
    assert get_optimizer(optimizer.name) == get_optimizer(optimizer.__name__) == optimizer()
    o = optimizer(0.5)
    assert get_optimizer(o) is o


@each_dtype
@each_optimizer
def test_converges_on_a_quadratic(optimizer, dtype):
    """Curvatures from 0.5 to 2; the rate falls so that rules with moves of one size settle too."""
    curvature, minimiser = np.linspace(0.5, 2, 5).astype(dtype), np.arange(5).astype(dtype) - 2
    params, state = np.zeros(5, dtype), optimizer().init(5, dtype)
    first = 20.0 if optimizer is Adadelta else 0.3
    for t in range(2000):
        state.step(params, curvature * (params - minimiser), learning_rate=first / (1 + 0.02 * t))
    np.testing.assert_allclose(params, minimiser, atol=0.01)
    assert state.step_count == 2000


@each_optimizer
def test_a_state_steps_in_place_as_the_reference_does(optimizer):
    o = optimizer()
    params, state = START.copy(), o.init(7, "float64")
    expected, slots, scalars = START.copy(), np.zeros((o.n_slots(), 7)), np.zeros(2)
    for t, g in enumerate(GRADS, 1):
        state.step(params, g)
        reference.UPDATES[o.name](o, t, o.learning_rate, expected, g, slots, scalars)
    np.testing.assert_allclose(params, expected, rtol=1e-12)
    assert state.step_count == len(GRADS)
    assert len(set(o.slot_names())) == o.n_slots() == len(state.slots)


def saved_and_restored(state):
    return OptimizerState.from_dict(state.optimizer, state.to_dict())


def pickled(state):
    return pickle.loads(pickle.dumps(state))


@pytest.mark.parametrize("copied", [saved_and_restored, pickled, copy.deepcopy])
@each_optimizer
def test_a_copied_state_goes_on_bit_for_bit(optimizer, copied):
    params, state = START.copy(), optimizer().init(7, "float64")
    for g in GRADS[:10]:
        state.step(params, g)
    other, other_params = copied(state), params.copy()
    for g in GRADS[10:20]:
        state.step(params, g)
        other.step(other_params, g)
    np.testing.assert_array_equal(params, other_params)
    assert repr(other) == repr(state)


def test_gradients_of_any_layout_are_read_and_never_written():
    grads = np.random.default_rng(0).normal(size=(7, 3))
    before = grads.copy()
    strided, packed = START.copy(), START.copy()
    SGD(0.1).init(7, "float64").step(strided, grads[:, 1])
    SGD(0.1).init(7, "float64").step(packed, grads[:, 1].copy())
    np.testing.assert_array_equal(strided, packed)
    np.testing.assert_array_equal(grads, before)
    shared = START.copy()
    SGD(0.1).init(7, "float64").step(shared, shared)
    np.testing.assert_allclose(shared, 0.9 * START, rtol=4 * np.finfo(float).eps)


def test_a_zero_gradient_and_an_own_rate():
    params = START.copy()
    state = SGD(0.5).init(7, "float64")
    state.step(params, np.zeros(7))
    np.testing.assert_array_equal(params, START)
    state.step(params, np.ones(7), learning_rate=0.25)
    np.testing.assert_array_equal(params, START - 0.25)


def step(params=None, grads=None, **options):
    good = np.zeros(3, "float32")
    SGD(0.1).init(3).step(good if params is None else params, good if grads is None else grads, **options)


def read_only():
    array = np.zeros(3, "float32")
    array.flags.writeable = False
    return array


def restored(**changes):
    return OptimizerState.from_dict(Adam(), {**Adam().init(3).to_dict(), **changes})


ERRORS = [
    (lambda: SGD(-0.1), ValueError, r"learning_rate must be > 0, got -0\.1$"),
    (lambda: SGD(0), ValueError, r"learning_rate must be > 0, got 0$"),
    (lambda: SGD(float("nan")), ValueError, r"learning_rate must be finite, got nan"),
    (lambda: SGD(float("inf")), ValueError, r"learning_rate must be finite, got inf"),
    (lambda: SGD(10**400), ValueError, r"learning_rate must be finite"),
    (lambda: SGD("fast"), TypeError, r"learning_rate must be a number or a schedule, got 'fast'"),
    (lambda: SGD(True), TypeError, r"learning_rate must be a number, got True"),
    (lambda: SGD(1j), TypeError, r"learning_rate must be a number, got 1j"),
    (lambda: SGD(momentum=-1), ValueError, r"momentum must be in \[0, 1\], got -1"),
    (lambda: SGD(0.1, momentum=1.5), ValueError, r"momentum must be in \[0, 1\], got 1\.5"),
    (lambda: SGD(momentum=0.9, dampening=1.5), ValueError, r"dampening must be in \[0, 1\], got 1\.5"),
    (lambda: SGD(momentum=0.9, dampening=-0.5), ValueError, r"dampening must be in \[0, 1\], got -0\.5"),
    (lambda: RMSprop(momentum=1.5), ValueError, r"momentum must be in \[0, 1\], got 1\.5"),
    (lambda: SGD(weight_decay=-1.0), ValueError, r"weight_decay must be >= 0, got -1\.0"),
    (lambda: SGD(nesterov=True), ValueError, r"nesterov=True needs momentum > 0 .* got momentum=0\.0"),
    (lambda: SGD(momentum=0.9, dampening=0.1, nesterov=True), ValueError, r"dampening == 0, .*=0\.1"),
    (lambda: SGD(momentum=0.9, nesterov=1), TypeError, r"nesterov must be True or False, got 1"),
    (lambda: RMSprop(alpha=1.0), ValueError, r"alpha must be in \[0, 1\), got 1\.0"),
    (lambda: Adam(betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be in \[0, 1\), got 1\.0"),
    (lambda: Adam(betas=0.9), TypeError, r"betas must be a tuple of two numbers, got 0\.9"),
    (lambda: Adam(eps=-1e-8), ValueError, r"eps must be >= 0, got -1e-08"),
    (lambda: NAdam(momentum_decay=-1), ValueError, r"momentum_decay must be >= 0, got -1"),
    (lambda: replace(Adam(), learning_rate=-1), ValueError, r"learning_rate must be > 0, got -1"),
    (lambda: get_optimizer("adan"), ValueError, r"'adan'; known: sgd, .*did you mean 'adam'\?"),
    (lambda: get_optimizer("???"), ValueError, r"unknown optimizer '\?\?\?'; known: sgd, .*lion"),
    (lambda: get_optimizer(Adam), TypeError, r"optimizer must be a name or a record, got the class Adam: pass Adam"),
    (lambda: Adam().init(-1), ValueError, r"n must be >= 0, got -1"),
    (lambda: Adam().init(2.0), TypeError, r"n must be an integer, got 2\.0"),
    (lambda: Adam().init(10**30), ValueError, r"n must be <= \d+, got 10{30}"),
    (lambda: Adam().init(3, "float16"), ValueError, r"dtype must be 'float32' or 'float64', got 'float16'"),
    (lambda: Adam().init(3, "real"), ValueError, r"dtype must be 'float32' or 'float64', got 'real'"),
    (lambda: Adam().init(3, None), ValueError, r"dtype must be 'float32' or 'float64', got None"),
    (lambda: step(params=[0, 0, 0]), TypeError, r"params must be a NumPy array, got list: pass np"),
    (lambda: step(params=np.zeros(3)), TypeError, r"params has dtype float64; expected float32: pass"),
    (lambda: step(grads=np.zeros(3, object)), TypeError, r"grads has dtype object; expected float32"),
    (lambda: step(grads=np.zeros((3, 1), "float32")), ValueError, r"shape \(3, 1\); .*pass grads\.ravel"),
    (lambda: step(grads=np.zeros(4, "float32")), ValueError, r"grads has shape \(4,\); expected \(3,\)$"),
    (lambda: step(params=read_only()), ValueError, r"params is read-only and would be written"),
    (lambda: step(params=np.zeros(6, "float32")[::2]), ValueError, r"params is not contiguous and"),
    (lambda: step(learning_rate=-0.1), ValueError, r"learning_rate must be > 0, got -0\.1"),
    (lambda: OptimizerState.from_dict(Adam(), {}), ValueError, r"the saved state lacks rule, slots, scalars"),
    (lambda: restored(rule="sgd"), ValueError, r"the saved state is of 'sgd'; expected 'adam'"),
    (lambda: restored(slots=np.zeros((3, 3))), ValueError, r"slots has shape \(3, 3\); expected \(2, n\)"),
    (lambda: restored(slots=np.zeros((2, 3), int)), ValueError, r"dtype must be 'float32' or 'float64'"),
    (lambda: restored(scalars=np.zeros(3)), ValueError, r"scalars has shape \(3,\); expected \(2,\)"),
    (lambda: restored(step_count=-1), ValueError, r"step_count must be >= 0, got -1"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@each_optimizer
@pytest.mark.parametrize("rate", [0, -1e-3, float("nan"), float("-inf")])
def test_no_optimizer_takes_a_bad_rate(optimizer, rate):
    with pytest.raises(ValueError, match="learning_rate must be"):
        optimizer(rate)


def test_a_refused_step_changes_nothing():
    params, state = START.copy(), Adam().init(7, "float64")
    with pytest.raises(ValueError, match="grads has shape"):
        state.step(params, np.zeros(8))
    np.testing.assert_array_equal(params, START)
    assert state.step_count == 0
    assert not state.slots.any()
