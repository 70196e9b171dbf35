"""`Pipeline`, which trains one model whose layers are spread over processes.

Design
------
- A process holds the layers, gradients and optimizer slots of its stage alone (pipeline_cut.py), and works in the order
  of pipeline_schedule.py. Outputs go on and slopes go back as messages that nobody waits to have sent.
- Stages agree twice in a step: about losses and the gradient's norm, and about an update that may overflow. So a step
  that is not finite changes nothing on any of them.
- Every number follows from its own layer and micro-batch, so the bits do not depend on how the layers are cut, nor on
  the machine that holds them: one process with the same micro-batches has the same.
- With more processes than stages there are copies of the pipeline. Each takes some shards of the micro-batches, whose
  gradients are summed as those of a data parallel fit (reduction.py).
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._kernels import CHOSEN
from .._version import __version__
from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.later import later
from ..base.memory import aligned_zeros
from ..data.samples import Samples
from ..layers.layer import Layer, checked_layers
from ..layers.stack import Model
from ..losses import Loss, get_loss
from ..optimizers import Optimizer
from ..optimizers.full_batch import get_method
from ..training.compiled import begin
from ..training.epoch import extent, order_of
from ..training.errors import DivergedError
from ..training.fingerprint import fingerprint
from ..training.history import History
from ..training.settings import Settings, chosen_seed
from . import pipeline_checks
from .agreement import agree, checksum, together
from .alone import Alone
from .communicator import communicator
from .group import Group
from .pipeline_cut import Part, cut, gate
from .pipeline_stage import StageWork, Told, mean_loss
from .reduction import Reduction

T = TypeVar("T")


@final
class Pipeline:
    """Trains a model whose layers are spread over the processes of an MPI job, for models that no single one holds.

    Every process makes the same calls with the same arguments. Rank r has stage r % stages.

    Parameters
    ----------
    model : Sequential, or list of layers
        With a list, each process makes the parameters of its own layers only, which are those of a Sequential with
        this seed.
    comm : communicator, optional
        Such as mpi4py's MPI.COMM_WORLD. Without it, this process holds all stages.
    loss : str or Loss
        As in `Trainer`, but not a function.
    optimizer : str or Optimizer, default "adam"
    stages : int or tuple of int, optional
        Number of stages, which the layers are cut into so that the numbers of parameters are balanced, or the number of
        dense layers of each; by default one for each process. If there are several times as many processes, copies of
        the pipeline share the micro-batches.
    micro_batches : int, default 8
        Parts of a batch that are on their way through the stages at once. A stage waits for about
        (p - 1) / (m + p - 1) of the time, with p stages and m micro-batches.
    shards : int, optional
        Parts of the micro-batches whose gradients are summed one by one, and then in a tree; by default one for each
        copy. With the same shards the bits are the same for any number of copies. Stages wait between two shards.
    batch_size, shuffle, drop_last, l1, l2, clip_norm, clip_value
        As in `Trainer`.
    seed : int, optional
        Of shuffling and dropout, and of a list of layers; by default the model's, or a fresh one.
    dtype : {"float32", "float64"}, default "float32"
        Precision of a list of layers.

    Attributes
    ----------
    stage, stages, copies : int
        The number of this process's stage, and how many stages and copies there are.
    n_params : int
        Number of this stage's parameters.
    idle : float
        Share of the time of all steps' gradients in which this stage has waited for others.
    epochs_done, steps_done : int

    Raises
    ------
    TypeError, ValueError
        For bad arguments, on every process.

    Notes
    -----
    With the same micro_batches and shards the bits are the same for any number of stages, copies and threads, and so
    those of one process. A shard is one chain of micro-batches, whose gradients are added in order. Where shards equals
    micro_batches, the bits are those of `Trainer.fit` with these shards, up to what `clip_norm` scales, unless the
    network is so small that a Trainer puts rows into the lanes of vectors.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> from gdcore.distributed import Pipeline
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> layers = gd.Dense(1, 16, "tanh"), gd.Dense(16, 1)
    >>> pipe = Pipeline(layers, loss="mse", optimizer=gd.Adam(0.1), micro_batches=4, seed=0)
    >>> history = pipe.fit(X, X**2, epochs=200)
    >>> float(np.abs(pipe.gather().predict(X) - X**2).max()) < 0.2
    True
    """

    def __init__(
        self,
        model: Model | Sequence[Layer],
        comm: Any = None,
        *,
        loss: str | Loss,
        optimizer: str | Optimizer = DEFAULTS.optimizer,
        stages: int | tuple[int, ...] | None = None,
        micro_batches: int = 8,
        shards: int | None = None,
        batch_size: int = 256,
        shuffle: bool = DEFAULTS.shuffle,
        drop_last: bool = DEFAULTS.drop_last,
        l1: float = DEFAULTS.l1,
        l2: float = DEFAULTS.l2,
        clip_norm: float | None = DEFAULTS.clip_norm,
        clip_value: float | None = DEFAULTS.clip_value,
        seed: int | None = DEFAULTS.seed,
        dtype: str = "float32",
    ) -> None:
        found: Any = Alone() if comm is None else communicator(comm)
        self._comm = found.Dup()  # so that no message is taken for the user's
        self._group = Group(None if comm is None else self._comm, None)
        settings = Settings(
            get_loss(loss),
            get_method(optimizer),
            batch_size=batch_size,
            accumulate=DEFAULTS.accumulate,
            shuffle=shuffle,
            drop_last=drop_last,
            l1=l1,
            l2=l2,
            clip_norm=clip_norm,
            clip_value=clip_value,
            layer_rates=None,
            average=None,
            seed=self._comm.bcast(self._chosen(model, seed)),
        )
        together(self._group, lambda: self._plan(model, settings, dtype))
        agree(
            self._group,
            {
                "gdcore": __version__,
                "instruction set": CHOSEN,
                "precision": self.dtype,
                "layers": repr(self.layers),
                "stages": stages,
                "micro_batches": micro_batches,
                "shards": shards,
                "seed": seed,
                "parameters": checksum(model.stack.params) if isinstance(model, Model) else None,
                "settings": repr(settings),
            },
        )
        self._cut(stages, micro_batches, shards)
        self._row = self._comm.Split(self.copy, self.stage)
        self._column = self._comm.Split(self.stage, self.copy)
        together(self._group, lambda: self._begin(model, settings))
        self._seconds = 0.0

    def _chosen(self, model: object, seed: int | None) -> int | None:
        """Return the seed of rank 0, or None where a check is to fail on every rank."""
        if seed is not None:
            return seed
        return chosen_seed(None, model.stack.seed if isinstance(model, Model) else None)

    def _plan(self, model: object, settings: Settings, dtype: str) -> None:
        """Check what each rank was given."""
        pipeline_checks.built_in(settings.loss, settings.optimizer)
        if isinstance(model, Model):
            self.layers, self.dtype = model.stack.layers, model.stack.dtype
        elif isinstance(model, list | tuple):
            self.layers, self.dtype = checked_layers(tuple(model)), checks.precision("dtype", dtype)
        else:
            raise pipeline_checks.model(model)

    def _cut(self, stages: int | tuple[int, ...] | None, micro_batches: int, shards: int | None) -> None:
        """Share the stages and the micro-batches out; every rank is given the same, and fails alike."""
        size, rank = self._comm.Get_size(), self._comm.Get_rank()
        self._cuts = cut(self.layers, size if stages is None else stages)
        self.stages = len(self._cuts)
        pipeline_checks.ranks(size, self.stages)
        self.copies = size // self.stages
        self.copy, self.stage = divmod(rank, self.stages)
        self.micro_batches = checks.integer("micro_batches", micro_batches, 1, 2**20)
        self.shards = pipeline_checks.shards(shards, self.copies, self.micro_batches)

    def _begin(self, model: object, settings: Settings) -> None:
        """Take the memory of this stage, and its parameters."""
        whole = model.stack if isinstance(model, Model) else None
        seed = chosen_seed(settings.seed, None)
        self._model_seed = seed if whole is None else whole.seed
        self._gate = gate(self.layers, seed, self.dtype)
        self._part = part = Part(self._cuts, self.stage, seed, self.dtype)
        if whole is None:
            part.draw(seed)
        else:
            part.take(whole.params)
        self._settings = checked = settings.checked(part.stack)
        self._state = begin(part.stack, checked)
        self.n_params = part.stack.n_params
        column = self._column if self.copies > 1 else None
        self._sum = Reduction(Group(column, None), self.shards, self.n_params, self.dtype, "tree")
        alone = self.shards == 1 or self.copies > 1  # else the shards' sum stands beside the last one's gradient
        self._total = self._state.grads if alone else aligned_zeros(self.n_params, self.dtype)
        self.rows = -(-checked.batch_size // self.micro_batches)
        self._work = StageWork(part, self._state.run, self._row, self.rows, -(-self.micro_batches // self.shards))

    def _or_abort(self, call: Callable[[], T]) -> T:
        """Call a function in which the ranks wait for one another; end the job if it fails on this one alone."""
        try:
            return call()
        except DivergedError:
            raise  # on every rank
        except BaseException:
            if self._comm.Get_size() > 1:
                traceback.print_exc()
                sys.stderr.flush()
                self._comm.Abort(1)
            raise

    @property
    def idle(self) -> float:
        """Share of the time of all steps' gradients in which this stage has waited for others."""
        return self._work.waited / self._seconds if self._seconds else 0.0

    @property
    def epochs_done(self) -> int:
        """Number of epochs run so far."""
        return self._state.epochs_done

    @property
    def steps_done(self) -> int:
        """Number of updates made so far."""
        return self._state.steps_done

    def step(self, xb: ArrayLike, yb: ArrayLike) -> float:
        """Make one update on exactly these rows, at most batch_size of them.

        Parameters
        ----------
        xb, yb : array_like
            As in `Trainer.step`, the same on every process.

        Returns
        -------
        float
            Their mean loss before it, without penalties.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `Trainer.step`, on every process.
        """
        data = self._take(xb, yb, {})
        if data.n > self._settings.batch_size:
            raise ValueError(f"xb has {data.n} rows; expected at most batch_size={self._settings.batch_size}")
        return self._or_abort(lambda: self._make_step(data))

    @explains_calls
    def fit(self, X: ArrayLike, y: ArrayLike, *, epochs: int = 1) -> History:
        """Run epochs over the data, whose order is that of a `Trainer` with the same seed.

        Parameters
        ----------
        X, y : array_like
            As in `Trainer.fit`, the same on every process.
        epochs : int, default 1

        Returns
        -------
        History
            The same on every process: loss, seconds, learning_rate, gradient_norm, clipped_steps.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`.
        """
        checks.integer("epochs", epochs, 1)
        data = self._take(X, y, {"epochs": epochs})
        history = History(stop_reason=f"all {epochs} epochs were run" if epochs > 1 else "the epoch was run")
        for _ in range(epochs):
            began = time.perf_counter()
            steps = self._or_abort(lambda: self._make_epoch(data))
            run = self._state.run
            history.loss.append(run.loss_sum / run.total_weight)
            history.gradient_norm.append(run.norm_sum / steps)
            history.clipped_steps.append(run.clipped_steps)
            history.learning_rate.append(run.learning_rate)
            history.seconds.append(self._comm.bcast(time.perf_counter() - began))
        return history

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs (n, out_features) of rows X (n, in_features), the same on every process."""
        rows = together(self._group, lambda: pipeline_checks.inputs(self._gate, X))
        found = np.empty((len(rows), self._gate.out_features), self.dtype)
        self._or_abort(lambda: self._work.predict(rows, found, self.rows))
        scale = self._gate.target_scale
        return found if scale is None else scale.restored(found)

    def gather(self) -> Any:
        """Return the whole model, a `Sequential`, on rank 0, and None on the others.

        Raises
        ------
        MemoryError
            Where rank 0 has no room for it; on the others a ValueError says so.
        """
        chief = self._comm.Get_rank() == 0
        made = {"seed": self._model_seed, "dtype": self.dtype}
        whole = together(self._group, lambda: later("models", "Sequential")(*self.layers, **made) if chief else None)
        if self.copy == 0:
            params = self._part.stack.params
            self._or_abort(lambda: self._work.gather(params, None if whole is None else whole.params))
        if whole is not None:
            whole.stack.trained_loss = self._settings.loss
        return whole

    def _take(self, X: object, y: object, options: dict[str, int]) -> Samples:
        """Check the samples and what else the ranks must have alike."""
        data = together(self._group, lambda: pipeline_checks.samples(self._gate, X, y, self._settings.loss))
        agree(self._group, {"samples": data.n, "data": fingerprint(data, None), **options})
        return data

    def _make_epoch(self, data: Samples) -> int:
        """Run an epoch and return the number of its steps."""
        size, samples, steps = extent(self._state, data.n)
        order = order_of(self._state, data.n)
        self._state.run.begin_epoch(data.n, steps)
        for at in range(0, samples, size):
            end = min(at + size, samples)
            self._make_step(data.rows(at, end) if order is None else data.taken(order[at:end]))
        return steps

    def _make_step(self, data: Samples) -> float:
        """Make one step on these rows, and return their mean loss."""
        began, state, n, m = time.perf_counter(), self._state, data.n, self.micro_batches
        if self._settings.schedule is not None:
            state.run.learning_rate = state.learning_rate
        ends = [n * i // m for i in range(m + 1)]
        sums, weights = [], []

        def leaf(shard: int, grads: NDArray[Any]) -> None:
            first, last = m * shard // self.shards, m * (shard + 1) // self.shards
            parts = [(a, b) for a, b in pairwise(ends[first : last + 1]) if a < b]
            total, weight = self._work.gradient(data, parts)
            sums.append(total)
            weights.append(weight)
            if not parts:
                state.grads[:] = 0
            if grads is not state.grads:
                grads[:] = state.grads

        self._sum.sum_own(leaf, self._total)
        self._sum.exchange(self._total)
        if self._total is not state.grads:
            state.grads[:] = self._total
        squares = self._work.penalized(self._settings.clip_value is not None)
        waits = time.perf_counter()
        told: list[Told] = self._comm.allgather((self.stage, self.copy, sums, max(weights), squares))
        ended = time.perf_counter()
        self._work.waited += ended - waits
        self._seconds += ended - began
        loss, weight = mean_loss([t for t in told if t[0] == self.stages - 1])
        norms = [float(np.sqrt(sum(value for t in told if t[1] == 0 for value in t[4][i]))) for i in (0, 1)]
        if not np.isfinite(loss) or not np.isfinite(norms[0]):
            raise pipeline_checks.diverged(state, "the loss" if not np.isfinite(loss) else "the gradient's norm")
        risky = any(self._comm.allgather(self._work.kernel.risk(*norms)))
        finite = self._work.kernel.update(risky)
        good = all(self._comm.allgather(finite)) if risky else True
        self._work.kernel.settle(good, loss, weight)
        if not good:
            raise pipeline_checks.diverged(state, "the updated parameters")
        return loss
