"""`Pipeline`, which trains one model whose layers are spread over processes.

Design
------
- A process holds the layers, gradients and optimizer slots of its stage alone (pipeline_cut.py), and works in the order
  of pipeline_schedule.py. Outputs go on and slopes go back as messages that nobody waits to have sent.
- Every number follows from its own layer and micro-batch, so the bits do not depend on how the layers are cut, nor on
  the machine that holds them: one process with the same micro-batches has the same.
- With more processes than stages there are copies of the pipeline. Each takes some shards of the micro-batches, whose
  gradients are summed as those of a data parallel fit (reduction.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike
from typing import Any, final

from numpy.typing import ArrayLike, NDArray

from .._kernels import CHOSEN
from .._version import __version__
from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.later import later
from ..data.class_weight import ClassWeight
from ..layers.layer import Layer, checked_layers
from ..layers.stack import Model
from ..losses import Loss, get_loss
from ..metrics import Metrics
from ..optimizers import Optimizer
from ..optimizers.full_batch import get_method
from ..training.callbacks import Callback
from ..training.compiled import begin
from ..training.fingerprint import fingerprint
from ..training.fit_options import FitOptions, Spread
from ..training.history import History
from ..training.settings import Settings, chosen_seed
from ..training.stopping.base import StopSpec
from ..training.validation import ValidationData
from . import pipeline_checks, pipeline_fit
from .agreement import agree, checksum, together
from .alone import Alone
from .communicator import communicator
from .group import Group
from .leaving import begins, ends_with_uncaught
from .pipeline_cut import Part, cut, gate
from .pipeline_stage import StageWork
from .pipeline_steps import MOST, PipelineSteps, Place
from .shared import fails_with_others, shared


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
    micro_batches, the bits without sample weights are those of `Trainer.fit` with these shards, up to what `clip_norm`
    scales, unless the network is so small that a Trainer puts rows into the lanes of vectors.

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
        found: Any = Alone()
        if comm is not None:
            ends_with_uncaught()
            found = communicator(comm)
            begins(found)
        self._comm = found.Dup()  # so that no message is taken for the user's
        begins(self._comm)  # from here on, who leaves is missed there
        self._group = Group(None if comm is None else self._comm, None)
        first = self._comm.bcast(self._chosen(model, seed))

        def settings() -> Settings:
            return Settings(
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
                seed=first,
            )

        self._made = made = [self._comm]
        try:
            checked = together(self._group, lambda: self._plan(model, settings(), dtype))
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
                    "settings": repr(checked),
                },
            )
            self._cut(stages, micro_batches, shards)
            self._row = self._comm.Split(self.copy, self.stage)
            made.append(self._row)
            self._column = self._comm.Split(self.stage, self.copy)
            made.append(self._column)
            self._steps = together(self._group, lambda: self._begin(model, checked))
        except Exception:  # of which all ranks know
            self.close()
            raise

    def close(self) -> None:
        """Free the three communicators that a pipeline has; MPI has room for some thousands of them.

        Every process calls it, after all else. `contextlib.closing` does so at the end of a block.
        """
        while self._made:
            self._made.pop().Free()

    def _chosen(self, model: object, seed: int | None) -> int | None:
        """Return the seed of rank 0, or None where a check is to fail on every rank."""
        if seed is not None:
            return seed
        return chosen_seed(None, model.stack.seed if isinstance(model, Model) else None)

    def _plan(self, model: object, settings: Settings, dtype: str) -> Settings:
        """Check what each rank was given, and return the settings."""
        pipeline_checks.built_in(settings.loss, settings.optimizer)
        if isinstance(model, Model):
            self.layers, self.dtype = model.stack.layers, model.stack.dtype
        elif isinstance(model, list | tuple):
            self.layers, self.dtype = checked_layers(tuple(model)), checks.precision("dtype", dtype)
        else:
            raise pipeline_checks.model(model)
        return settings

    def _cut(self, stages: int | tuple[int, ...] | None, micro_batches: int, shards: int | None) -> None:
        """Share the stages and the micro-batches out; every rank is given the same, and fails alike."""
        size, rank = self._comm.Get_size(), self._comm.Get_rank()
        self._cuts = cut(self.layers, size if stages is None else stages)
        self.stages = len(self._cuts)
        pipeline_checks.ranks(size, self.stages)
        self.copies = size // self.stages
        self.copy, self.stage = divmod(rank, self.stages)
        self.micro_batches = checks.integer("micro_batches", micro_batches, 1, MOST)
        self.shards = pipeline_checks.shards(shards, self.copies, self.micro_batches)

    def _begin(self, model: object, settings: Settings) -> PipelineSteps:
        """Take the memory of this stage, and its parameters."""
        whole = model.stack if isinstance(model, Model) else None
        seed = chosen_seed(settings.seed, None)
        self._model_seed = seed if whole is None else whole.seed
        self._gate = gate(self.layers, seed, self.dtype)
        part = Part(self._cuts, self.stage, seed, self.dtype)
        if whole is None:
            part.draw(seed)
        else:
            part.take(whole.params)
        self._settings = checked = settings.checked(part.stack)
        self._state = begin(part.stack, checked)
        self.n_params = part.stack.n_params
        column = Group(self._column if self.copies > 1 else None, None)
        self.rows = -(-checked.batch_size // self.micro_batches)
        self._work = StageWork(part, self._state.run, self._row, self.rows, -(-self.micro_batches // self.shards))
        place = Place(self.stage, self.stages, self.copy, self.copies)
        parts = self.micro_batches, self.shards
        return PipelineSteps(self._state, self._gate, place, (self._group, column), self._work, parts)

    @property
    def idle(self) -> float:
        """Share of the time of all steps' gradients in which this stage has waited for others."""
        return self._work.waited / self._work.seconds if self._work.seconds else 0.0

    @property
    def epochs_done(self) -> int:
        """Number of epochs run so far."""
        return self._state.epochs_done

    @property
    def steps_done(self) -> int:
        """Number of updates made so far."""
        return self._state.steps_done

    def step(self, xb: ArrayLike, yb: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Make one update on exactly these rows, at most batch_size of them.

        Parameters
        ----------
        xb, yb, sample_weight : array_like
            As in `Trainer.step`, the same on every process.

        Returns
        -------
        float
            Their (weighted) mean loss before it, without penalties.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `Trainer.step`, on every process.
        """
        steps, group, run = self._steps, self._group, self._state.run
        with pipeline_fit.watched(steps, None):
            given = (xb, yb, sample_weight, None, None, None)
            data, _ = together(group, lambda: pipeline_fit.take(steps, given))
            agree(group, {"samples": data.n, "data": fingerprint(data, None)})
            pipeline_checks.fits(data.n, self._settings.batch_size)

            def make() -> float:
                place = run.epoch_samples, run.epoch_steps, run.epoch_of_steps, run.epochs_done
                sums = run.loss_sum, run.total_weight, run.norm_sum, run.clipped_steps
                if self._settings.schedule is not None:
                    run.learning_rate = self._state.learning_rate
                loss = steps.step(data)
                run.epoch_samples, run.epoch_steps, run.epoch_of_steps, run.epochs_done = place  # it is in no epoch
                run.loss_sum, run.total_weight, run.norm_sum, run.clipped_steps = sums
                return loss

            return shared(steps, "step", make)

    @explains_calls
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int | None = None,
        max_steps: int | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        validation_data: ValidationData | None = None,
        validation_split: float | None = None,
        metrics: Metrics = (),
        stop: StopSpec | Iterable[StopSpec] = (),
        callbacks: Callback | Iterable[Callback] = (),
        record: str | Iterable[str] = (),
        progress: bool = False,
        timeout: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
    ) -> History:
        """Run epochs over the data, whose order is that of a `Trainer` with the same seed.

        Parameters
        ----------
        X, y : array_like
            As in `Trainer.fit`, the same on every process, in memory.
        epochs, max_steps, sample_weight, class_weight, validation_data, validation_split, metrics, progress
            As in `Trainer.fit`. Losses and metrics are those of the whole model.
        stop, callbacks
            As there, on every process; of an `EpochEnd` the parameters are those of this stage, and there are no
            gradients. A `gdcore.Checkpoint` is refused: `checkpoint` takes its place.
        record : str or several
            "progressive", as there.
        timeout : float, optional
            Seconds that a step may take before the job is ended.
        checkpoint : str or path-like, optional
            "run.gdc" lets each stage write "run.stage1of3.gdc", … after every `checkpoint_every` epochs and at the end,
            and keep the one before, "run.stage1of3.1.gdc".
        resume : bool, default False
            Whether to go on from these files if they are there, with as many stages, on any number of copies.

        Returns
        -------
        History
            The same on every process.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`.
        """
        given = (X, y, sample_weight, class_weight, validation_data, validation_split)
        options = FitOptions(
            epochs, max_steps, metrics, stop, callbacks, record, progress, leaves_mean=False, advises=False
        )
        spread = Spread(None, None, "tree", timeout, checkpoint, checkpoint_every, resume)
        return pipeline_fit.fit(self._steps, given, options, spread)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs (n, out_features) of rows X (n, in_features), the same on every process."""
        with pipeline_fit.watched(self._steps, None):
            rows = together(self._group, lambda: pipeline_checks.inputs(self._gate, X))
            agree(self._group, {"rows of X": len(rows)})
            found = fails_with_others(self._group, partial(self._steps.outputs, rows))
        scale = self._gate.target_scale
        return found if scale is None else scale.restored(found)

    def gather(self) -> Any:
        """Return the whole model, a `Sequential`, on rank 0, and None on the others.

        Raises
        ------
        MemoryError
            Where rank 0 has no room for it; on the others a RankError says so.
        """
        chief = self._group.rank == 0
        made = {"seed": self._model_seed, "dtype": self.dtype}
        with pipeline_fit.watched(self._steps, None):
            whole = together(
                self._group, lambda: later("models", "Sequential")(*self.layers, **made) if chief else None
            )
            params = None if whole is None else whole.params
            fails_with_others(self._group, partial(self._steps.gather, params))
        if whole is not None:
            whole.stack.trained_loss, whole.stack.feature_names = self._settings.loss, self._gate.feature_names
        return whole
