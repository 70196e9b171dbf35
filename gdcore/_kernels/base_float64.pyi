"""The compiled kernels of one (instruction set, precision), as Python calls them.

`_Reals` are C-ordered arrays of the module's own precision; the methods write into the arrays that their docstrings
say they write, and allocate only what they return. `predict` and `step` are also tried on whatever a user passed, and
raise `Unfit` where it does not fit.
"""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .records import ModelStates, RuleState, StepOptions
from .sparse_rows import SparseRows

_Reals = NDArray[np.floating[Any]]
_Inputs = _Reals | SparseRows

ACTIVATION_NAMES: tuple[str, ...]
ACTIVATION_FACTS: dict[str, dict[str, Any]]
COMPILER: str
COMPILER_FLAGS: str
ELEMENTARY: tuple[str, ...]
LANE_ORDERS: tuple[str, ...]
LOSS_FACTS: dict[str, dict[str, Any]]
LOSS_NAMES: tuple[str, ...]
MAX_THREADS: int
N_SCALARS: int
OUTCOMES: tuple[str, ...]
PRECISION: str
PRODUCTS: tuple[str, ...]

@final
class DenseProducts:
    @property
    def x(self) -> _Reals: ...
    @property
    def weight(self) -> _Reals: ...
    @property
    def delta(self) -> _Reals: ...
    def __init__(self, rows: int, n_in: int, n_out: int, chooses: bool = False) -> None: ...
    def run(self, form: int, times: int = 1) -> None: ...

@final
class ParameterLock:
    def __init__(self) -> None: ...
    def copied(self, params: _Reals) -> _Reals: ...

@final
class Network:
    @property
    def params(self) -> _Reals: ...
    @property
    def block(self) -> int: ...
    @property
    def trains(self) -> bool: ...
    def __init__(
        self,
        layers: tuple[
            tuple[str, int, int, bool, str | tuple[str, float], float | None, float | None, float | None]
            | tuple[str, int, float]
            | tuple[str, int, _Reals, _Reals, float]
            | tuple[str, int],
            ...,
        ],
        params: _Reals,
        rows: int,
        trains: bool,
        blocks: bool = True,
        lock: ParameterLock | None = None,
    ) -> None: ...
    def predict(self, X: object) -> _Reals: ...
    def penalty(self, l1: float, l2: float, grads: _Reals | None = None) -> float: ...
    def outputs(self, X: _Inputs, dropout_key: int = 0, place: int = 0) -> list[_Reals]: ...
    def gradient_from(self, X: _Inputs, delta: _Reals, grads: _Reals, dropout_key: int = 0, place: int = 0) -> None: ...
    def loss(
        self,
        loss: str,
        option: float,
        X: _Inputs,
        target: _Reals | None = None,
        labels: NDArray[np.int64] | None = None,
        weight: _Reals | None = None,
        dropout_key: int = 0,
        grads: _Reals | None = None,
    ) -> float: ...

@final
class Probe:
    def __init__(
        self,
        network: Network,
        loss: str | None,
        option: float,
        data: tuple[_Reals, _Reals | None, NDArray[np.int64] | None, _Reals | None],
        dropout_key: int = 0,
        l1: float = 0,
        l2: float = 0,
    ) -> None: ...
    def value(self) -> float: ...
    def at(
        self,
        indices: NDArray[np.int64],
        places: _Reals,
        change: NDArray[np.float64],
        noise: NDArray[np.float64],
        patterns: NDArray[np.uint64],
        outputs: _Reals | None = None,
    ) -> None: ...
    def along(
        self,
        direction: _Reals,
        steps: _Reals,
        change: NDArray[np.float64],
        noise: NDArray[np.float64],
        patterns: NDArray[np.uint64],
        outputs: _Reals | None = None,
    ) -> None: ...
    def outputs(self, out: _Reals, error: _Reals) -> None: ...
    def hessian_vector(self, direction: _Reals, out: _Reals) -> None: ...

@final
class Turn:
    def __init__(self, turns: dict[str, Any], call: str, settle: Callable[[str, str, bool], None]) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, kind: object, error: object, traceback: object) -> None: ...

@final
class Training:
    learning_rate: float
    step_count: int
    norm_sum: float
    clipped_steps: int
    loss_sum: float
    total_weight: float
    epoch_samples: int
    epoch_of_steps: int
    epoch_steps: int
    epochs_done: int
    torn: bool
    @property
    def has_turn(self) -> bool: ...
    @property
    def running(self) -> int: ...
    @property
    def gradient_norm(self) -> float: ...
    def __init__(
        self,
        network: Network,
        loss: str,
        option: float,
        rule: RuleState,
        grads: _Reals,
        options: StepOptions,
    ) -> None: ...
    def step(
        self,
        X: object,
        target: object = None,
        labels: object = None,
        weight: object = None,
        holds: bool = False,
    ) -> float: ...
    def epoch(
        self,
        data: tuple[_Inputs, _Reals | None, NDArray[np.int64] | None, _Reals | None],
        order: NDArray[np.int64] | None,
        batch_size: int,
        rates: NDArray[np.float64] | None = None,
        weights: _Reals | None = None,
        total: NDArray[np.float64] | None = None,
    ) -> None: ...
    def turn(self, call: str, settle: Callable[[str, str, bool], None]) -> Turn: ...
    def sum_outputs(self, sums: NDArray[np.float64]) -> None: ...
    def keep_mean(self, mean: NDArray[np.float64], decay: float, start: int) -> None: ...
    def begin_epoch(self, samples: int, of_steps: int) -> None: ...
    def next_key(self) -> int: ...
    def apply_gradient(
        self,
        counts: bool,
        loss: float = 0.0,
        weight: float = 0.0,
        total: NDArray[np.float64] | None = None,
    ) -> None: ...

@final
class PipelineStage:
    def __init__(self, training: Training, rows: int, slots: int, place: int) -> None: ...
    def forward(self, slot: int, X: _Reals, start: int, out: _Reals) -> None: ...
    def predict(self, X: _Reals, out: _Reals) -> None: ...
    def loss(
        self,
        slot: int,
        start: int,
        target: _Reals | None = None,
        labels: NDArray[np.int64] | None = None,
        weight: _Reals | None = None,
    ) -> tuple[float, float]: ...
    def backward(
        self,
        slot: int,
        X: _Reals,
        start: int,
        delta: _Reals | None = None,
        before: _Reals | None = None,
        adds: bool = False,
    ) -> None: ...
    def penalize(self, squares: NDArray[np.float64]) -> None: ...
    def clip(self, squares: NDArray[np.float64]) -> bool: ...
    def risk(self, norm: float, clipped_norm: float) -> bool: ...
    def update(self, saves: bool) -> bool: ...
    def settle(self, good: bool, loss: float = 0.0, weight: float = 0.0) -> None: ...

@final
class ModelData:
    n_models: int
    longest: int
    def __init__(
        self,
        network: Network,
        loss: str,
        sources: list[tuple[_Reals, _Reals | None, NDArray[np.int64] | None, _Reals | None]],
        places: NDArray[np.int64],
        index: NDArray[np.int64] | None = None,
    ) -> None: ...

@final
class Models:
    n_models: int
    shared_steps: int
    def __init__(self, training: Training, states: ModelStates) -> None: ...
    def run(
        self,
        data: ModelData,
        lap: tuple[int, int, int, bool, bool],
        sums: NDArray[np.float64],
        rates: NDArray[np.float64] | None = None,
    ) -> None: ...
    def stop(self) -> None: ...

@final
class Streams:
    capsule: object
    lock: Any
    def __init__(self, seeds: NDArray[np.uint64], lock: Any) -> None: ...
    def each(self, count: int) -> None: ...
    def only(self, i: int) -> None: ...

def activation(name: str, z: _Reals, a: _Reals, slope: _Reals, option: float | None = None) -> None: ...
def activation_code(name: str) -> int: ...
def all_finite(x: _Reals) -> bool: ...
def elementary(name: str, x: _Reals, out: _Reals) -> None: ...
def get_num_threads() -> int: ...
def loss_code(name: str) -> int: ...
def loss_all_kinks(name: str, option: float, z: _Reals, target: _Reals) -> _Reals: ...
def loss_rows(
    name: str,
    option: float,
    z: _Reals,
    target: _Reals | None = None,
    labels: NDArray[np.int64] | None = None,
    weight: _Reals | None = None,
    delta: _Reals | None = None,
) -> float: ...
def many_losses(
    network: Network,
    loss: tuple[str, float],
    params: _Reals,
    data: ModelData,
    out: NDArray[np.float64],
) -> None: ...
def many_outputs(network: Network, params: _Reals, data: ModelData, out: list[_Reals]) -> int: ...
def peak_flops(flops: int) -> int: ...
def set_caches(first: int, second: int) -> None: ...
def set_lanes(order: str) -> None: ...
def set_num_threads(n: int) -> None: ...
def shuffled(seed: int, epoch: int, order: NDArray[np.int64]) -> None: ...
def step_part(
    run: Training,
    data: tuple[_Inputs, _Reals | None, NDArray[np.int64] | None, _Reals | None],
    order: NDArray[np.int64] | None,
    place: int,
    factor: float,
    grads: _Reals,
) -> float: ...
def turned_columns(columns: list[NDArray[Any]], X: _Reals) -> bool: ...
def update(
    rule: RuleState,
    learning_rate: float,
    step: int,
    params: _Reals,
    grads: _Reals,
    scale: float = 1,
) -> None: ...
def update_rules() -> tuple[str, ...]: ...
def whole_epoch(run: Training, X: object, target: object, labels: object, batch_size: int, shuffles: bool) -> float: ...
