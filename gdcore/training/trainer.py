"""`Trainer`, which binds a model, a loss and an optimizer.

Design
------
- A trainer is the public face of a `TrainingState`, which is begun in `__init__` (compiled.py). A step passes array
  pointers to the kernels; arrays that already fit are not examined in Python, and what the kernels refuse is explained
  here.
- Randomness is a function of (seed, epoch) and (seed, step), so a resumed trainer draws the same numbers.
- What takes longer has files of its own, which take the state: the epoch (epoch.py), the fit (fit.py), saving
  (resume.py), and the rule that one call trains at a time (turn.py).
- A loss computed in Python (any callable) uses the same parts from Python, batch by batch (custom.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._kernels.errors import RefusedStep, Unfit
from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.later import later
from ..data.class_weight import ClassWeight
from ..data.samples import Source
from ..layers.stack import Model, stack_of
from ..losses import CustomLoss, Loss, get_loss
from ..metrics import Metrics
from ..optimizers import Optimizer, OptimizerState
from ..optimizers.full_batch import FullBatch, get_method
from . import checks as training_checks
from .averaging import Average
from .callbacks import Callback
from .compiled import begin
from .custom import custom_step
from .diverged import explain
from .epoch import quick_epoch, run_epoch
from .fit import run_fit, run_spread
from .fit_options import BLOCKS, FitOptions, Spread, spread_here
from .history import History
from .output_sums import OutputSums, sum_outputs
from .resume import load_state_dict, snapshot_of, state_dict
from .settings import Settings
from .snapshot import Snapshot
from .stopping.base import StopSpec
from .turn import turn
from .validation import ValidationData, take_epoch_data


@final
class Trainer:
    """Trains a model by mini-batch gradient descent.

    Parameters
    ----------
    model : Sequential
        Its `params` are updated in place.
    loss : str, Loss or callable
        A name in `gdcore.LOSSES`, a loss object, or a NumPy function (outputs, y) -> (value, d value / d outputs).
    optimizer : str, Optimizer or FullBatch, default "adam"
        A name in `gdcore.OPTIMIZERS` or an optimizer object, whose rate is a number or a schedule. With SciPy also
        "lbfgs" or "cg", which take all data at once and support only `fit`.
    batch_size : int, default 32
        Rows of a mini-batch. If there are fewer rows, one batch holds them all.
    accumulate : int, default 1
        Number of batches whose gradients are averaged, weighted by their rows, into one update. A custom loss sees one
        batch at a time; a built-in loss gives the same result as one larger batch, which needs no more memory.
    shuffle : bool, default True
        Whether each epoch visits the samples in a new random order.
    drop_last : bool, default False
        Whether an epoch leaves out a last batch that is not full.
    l1, l2 : float, default 0.0
        Penalties l1 * sum |w| + l2/2 * sum w^2 on weights, never on biases; a layer's own override them. Under l1 a
        step is proximal: weights become exactly 0, and stay 0 while the loss's gradient is at most l1. See Notes.
    clip_norm : float, optional
        A gradient with a larger norm, penalties included, is scaled down to this norm.
    clip_value : float, optional
        Before that, each entry of the gradient, penalties included, is clipped to [-clip_value, clip_value].
    layer_rates : mapping of str to float, optional
        Factors on the learning rates of layers ("dense0", "norm0", … as in `model.parameters`). 0 freezes a layer: it
        has no gradient, penalty or decay, and its parameters and optimizer state do not change.
        "dense0.bias" is a further factor, above 0, on the rate of a layer's bias.
    average : Average, optional
        `gdcore.Polyak()` or `gdcore.EMA(0.999)`: a mean of the parameters over the steps, in `averaged`.
    seed : int, optional
        Seed of shuffling and dropout; by default the model's, or a fresh one if it has none.

    Attributes
    ----------
    epochs_done, steps_done : int
    learning_rate : float
        Rate of the next step; may be set between steps, unless a schedule sets it.
    optimizer_state : OptimizerState
    averaged : ndarray, shape (n_params,)

    Notes
    -----
    With l1, plain SGD without clip_value replaces a weight w by ``soft(w - rate * g, rate * l1)``, where g is the
    gradient without l1 and ``soft(v, t) = sign(v) * max(|v| - t, 0)`` [1]_ [2]_. No single threshold matches the steps
    of momentum and adaptive rates: they see ``g + l1 * sign(w)``, or ``soft(g, l1)`` if w = 0, and a weight that would
    cross 0 stops there [3]_. For batches of a few rows, ``SGD(cumulative_l1=True)`` brings weights to rest at 0.

    One call trains at a time. In several threads, `step`, `state_dict` and `load_state_dict` wait for one another;
    during another thread's epoch or fit every call raises RuntimeError, and so does training from within a callback, a
    metric or a loss. Threads may predict with the shared model, which waits for the end of a step or of an epoch.

    Pickling a trainer, or `copy.deepcopy`, keeps everything needed to resume as if training had never stopped.

    References
    ----------
    .. [1] Duchi, J. and Singer, Y. (2009). Efficient online and batch learning using forward backward splitting. JMLR.
    .. [2] Parikh, N. and Boyd, S. (2014). Proximal algorithms. Foundations and Trends in Optimization 1.
    .. [3] Andrew, G. and Gao, J. (2007). Scalable training of L1-regularized log-linear models. ICML.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> net = gd.LinearModel(1, dtype="float64", seed=0)
    >>> trainer = gd.Trainer(net, "mse", gd.SGD(0.5), batch_size=16)
    >>> history = trainer.fit(X, 3 * X + 1, epochs=50)
    >>> net.params.round(6)
    array([3., 1.])
    """

    def __init__(
        self,
        model: Model,
        loss: str | Loss | CustomLoss,
        optimizer: str | Optimizer | FullBatch = DEFAULTS.optimizer,
        *,
        batch_size: int = DEFAULTS.batch_size,
        accumulate: int = DEFAULTS.accumulate,
        shuffle: bool = DEFAULTS.shuffle,
        drop_last: bool = DEFAULTS.drop_last,
        l1: float = DEFAULTS.l1,
        l2: float = DEFAULTS.l2,
        clip_norm: float | None = DEFAULTS.clip_norm,
        clip_value: float | None = DEFAULTS.clip_value,
        layer_rates: Mapping[str, float] | None = DEFAULTS.layer_rates,
        average: Average | None = DEFAULTS.average,
        seed: int | None = DEFAULTS.seed,
    ) -> None:
        self.model: Any = model  # of whatever class was passed
        self.stack = stack = stack_of(model)
        settings = Settings(
            get_loss(loss),
            get_method(optimizer),
            batch_size=batch_size,
            accumulate=accumulate,
            shuffle=shuffle,
            drop_last=drop_last,
            l1=l1,
            l2=l2,
            clip_norm=clip_norm,
            clip_value=clip_value,
            layer_rates=layer_rates,
            average=average,
            seed=seed,
        ).checked(stack)
        self.loss, self.optimizer, self.average = settings.loss, settings.optimizer, settings.average
        self.batch_size, self.accumulate = settings.batch_size, settings.accumulate
        self.shuffle, self.drop_last = settings.shuffle, settings.drop_last
        self.l1, self.l2 = settings.l1, settings.l2
        self.clip_norm, self.clip_value = settings.clip_norm, settings.clip_value
        self._state = begin(stack, settings)
        self.seed = self._state.seed
        target = settings.loss.target if isinstance(settings.loss, Loss) else None
        self._labels = target == "class"
        plain = isinstance(settings.optimizer, Optimizer) and settings.schedule is None and stack.target_scale is None
        self._fast = plain and target is not None and not (self._labels and stack.out_features == 1)
        self._fast_epoch = self._fast and stack.lowest is None and not settings.drop_last
        self._run = self._state.run  # from here on only the learning rate can be set

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse to set anything but `learning_rate`; the rest was fixed when the trainer was made."""
        if "_run" in self.__dict__ and not name.startswith("_") and name != "learning_rate":
            raise AttributeError(f"{name} cannot be set on a Trainer, only learning_rate: make a new Trainer with it")
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        options = self._state.settings.options(self.seed)
        return partial(Trainer, **options), (self.model, self.loss, self.optimizer), self.state_dict()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything that training changes: parameters, optimizer state, counters, schedule position.

        Load it into a trainer made with the same settings; of these it holds `average` and `seed`, for comparison.
        """
        return state_dict(self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume where the trainer that returned this `state_dict` stopped, bit for bit.

        Raises
        ------
        TypeError, ValueError
            For the state of another model, optimizer, average or seed, and for an impossible state; then nothing has
            been changed.
        """
        load_state_dict(self._state, state)

    def snapshot(self) -> Snapshot:
        """Return settings and state of the training at this moment, for saving."""
        return snapshot_of(self._state)

    @explains_calls
    def save(
        self, path: str | PathLike[str], *, history: History | None = None, custom: Mapping[str, Any] | None = None
    ) -> None:
        """Save the trainer with its model as one file; `Trainer.load` returns one that resumes bit for bit.

        Parameters
        ----------
        path, history, custom
            As in `gdcore.save`. A custom loss is saved by its name, or by the name that `custom` gives it.

        Raises
        ------
        TypeError, ValueError
            For a loss without a name, or parameters that are not finite.
        OSError
            If the file cannot be written; what was there before is still there.
        """
        later("io", "save")(self, path, history=history, custom=custom)

    @classmethod
    @explains_calls
    def load(cls, path: str | PathLike[str], *, custom: Mapping[str, Any] | None = None) -> Trainer:
        """Return the trainer that `save` has saved, at the step where it stood; path and custom as in `gdcore.load`.

        A file that is damaged, or holds no trainer, raises a FileFormatError.
        """
        trainer: Trainer = later("io", "load_trainer")(path, custom=custom)
        return trainer

    @property
    def epochs_done(self) -> int:
        """Number of epochs run so far."""
        return self._run.epochs_done

    @property
    def layer_rates(self) -> dict[str, float]:
        """A copy of the factors on the layers' rates."""
        return dict(self._state.settings.layer_rates or {})

    @property
    def steps_done(self) -> int:
        """Number of updates made so far."""
        return self._run.step_count

    @property
    def learning_rate(self) -> float:
        """Rate of the next step; may be set, unless a schedule sets it."""
        return self._state.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        schedule = self._state.settings.schedule
        if schedule is not None:
            training_checks.own_rate(schedule)
        self._run.learning_rate = checks.positive("learning_rate", value)

    @property
    def optimizer_state(self) -> OptimizerState:
        """Slots and step count; the arrays are the optimizer's own."""
        return self._state.optimizer_state

    @property
    def averaged(self) -> NDArray[Any]:
        """A copy of the average of the parameters, for `model.params`; before its first step, the parameters."""
        return self._state.averaged

    def step(self, xb: ArrayLike, yb: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Make one update on exactly these rows.

        Parameters
        ----------
        xb : array_like or sparse matrix, shape (n, in_features)
        yb : array_like
            Targets (n, out_features), (n,) for one output, or labels (n,). Contiguous arrays of the model's precision
            (labels: int64) are not copied; arrays of other real numbers or integers are converted in the kernels.
        sample_weight : array_like, shape (n,), optional
            At least one is above 0. The step follows ``sum(weight * gradient) / n``; `epoch` and `fit` divide this by
            the mean weight.

        Returns
        -------
        float
            The (weighted) mean loss of these rows before the update, without penalties.

        Raises
        ------
        TypeError, ValueError
            For bad input; then no parameter has been changed.
        DivergedError
            If loss, gradient or update is not finite; the parameters are not changed.
        """
        if self._fast and type(xb) is np.ndarray and type(yb) is np.ndarray and sample_weight is None and not BLOCKS:
            try:
                return self._run.step(xb, None, yb) if self._labels else self._run.step(xb, yb)
            except (Unfit, RefusedStep):
                pass  # nothing was changed; below, the arrays are converted or the error is explained
        if isinstance(self.optimizer, FullBatch):
            training_checks.mini_batches(self.optimizer, "step")
        state = self._state
        if (block := spread_here()) is not None:
            return run_spread("step", state, (xb, yb, sample_weight), block)
        data = state.take(xb, yb, sample_weight)
        with turn(self._run, "step"):
            if state.settings.schedule is not None:
                self._run.learning_rate = state.learning_rate
            try:
                if isinstance(self.loss, Loss):
                    return self._run.step(data.X, data.target, data.labels, data.weight, True)
                return custom_step(state, data, [slice(None)])
            except RefusedStep as error:
                raise explain(state, data, slice(None), error.args[0]) from None

    @explains_calls
    def epoch(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        mean_weight: float | None = None,
    ) -> float:
        """Make one pass over the data in mini-batches, in random order if the trainer shuffles.

        If a fit or an epoch has stopped within an epoch over as many samples, run the rest of it, on whatever data.

        Parameters
        ----------
        X, y, sample_weight
            As in `step`; a batch follows ``sum(weight * gradient) / (rows * mean_weight)``. A source, such as
            `gdcore.data.Npy`, takes the place of X and y.
        mean_weight : float, optional
            What the weights count relative to: by default the mean weight of X, so that an epoch follows the weighted
            mean over X whatever the batch size; where X is a part of the data, that of all data; 1 is as in `step`.

        Returns
        -------
        float
            The (weighted) mean of the samples' losses, each before its batch's update, without penalties.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`.
        """
        if not self._fast and isinstance(self.optimizer, FullBatch):
            training_checks.mini_batches(self.optimizer, "epoch")
        if mean_weight is not None:
            checks.positive("mean_weight", mean_weight)
        state = self._state
        if (
            self._fast_epoch
            and type(X) is np.ndarray
            and type(y) is np.ndarray
            and sample_weight is None
            and not BLOCKS
        ):
            with turn(self._run, "epoch"):
                loss = quick_epoch(state, X, y, self._labels)
            if loss is not None:
                return loss
        if (block := spread_here()) is not None:
            return run_spread("epoch", state, (X, y, sample_weight), block, mean_weight)
        plain = type(X) is np.ndarray and y is not None
        data = state.take(X, y, sample_weight) if plain else take_epoch_data(state, X, y, sample_weight)
        with turn(self._run, "epoch"):
            state.memory = state.memory.outside_fits()
            return run_epoch(state, data, mean_weight=mean_weight)

    @explains_calls
    def fit(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
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
        comm: Any = None,
        shards: int | None = None,
        reduce: str = "tree",
        timeout: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
    ) -> History:
        """Run epochs until all are done or a criterion stops them.

        A second call resumes where the first one stopped, bit for bit, even within an epoch (there to roundoff, for
        sparse inputs under penalties): if the data have as many samples, the rest of that epoch comes first, otherwise
        a new epoch begins. After a DivergedError it begins with the refused batch, which may succeed at a lower
        `learning_rate`. After any other exception, such as Ctrl-C, it resumes too. If that came between an epoch's last
        step and the measurements after it, the next fit begins with these, and has a row more than `epochs`.

        Parameters
        ----------
        X, y, sample_weight
            As in `epoch`, a source in place of all three too.
        epochs : int, optional
            By default as many as `max_steps` takes; without it, as many as make 5000 updates, but at least 10.
        max_steps : int, optional
            Number of updates after which the fit ends, even within an epoch. If the last epoch is incomplete, its
            history row covers the steps made and criteria are not evaluated.
        class_weight : "balanced" or dict, optional
            Class -> weight. It multiplies the sample weights of the class in `loss` and `val_loss`, not in metrics.
            "balanced" gives all classes the same share of the training data's weight.
        validation_data : (X, y), (X, y, sample_weight) or source, optional
            Data on which `val_loss` is measured, without dropout.
        validation_split : float, optional
            Share of the samples, in (0, 1), to use as validation data instead. They are drawn with the trainer's seed,
            the same ones in every fit over as many samples, and for classes the same share of each class.
        metrics : str, Metric, callable, or several, or a dict that names them
            Measured after each epoch on training and validation data, with sample weights but no class weights, without
            dropout: names in `gdcore.METRICS`, metric objects or functions (outputs, y) -> float. They cost one
            prediction for each of the two data sets.
        stop : StoppingCriterion, callable, or several
            Evaluated after each epoch, in order. A function takes an EpochEnd and returns True, or the reason as a
            sentence, to stop. A criterion that counts epochs continues from an equal one of the last fit, unless that
            one ended the fit, or training or validation data have changed.
        callbacks : Callback or several
            Called after each epoch, after the stopping criteria; they may copy the trainer, as a signal handler may.
        record : str or several
            "layer_gradient_norm", "weight_norm", "update_ratio", "progressive": lists of `History`, filled on request.
            The last one, the loss of each step before it, costs some 20 us a step.
        progress : bool, default False
            Whether a bar (if tqdm is installed) or a line shows the fit's progress.
        comm, shards, reduce, timeout, checkpoint, checkpoint_every, resume
            For several processes, and for files to go on from: see `gdcore.distributed`.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`; the `history` of a DivergedError covers the epochs before.
        KeyboardInterrupt
            Within 100 ms; the parameters are those of the last whole step. `Callback.on_fit_end` is given the history.
        """
        given = (X, y, sample_weight, class_weight, validation_data, validation_split)
        options = FitOptions(epochs, max_steps, metrics, stop, callbacks, record, progress, leaves_mean=False)
        spread = Spread(comm, shards, reduce, timeout, checkpoint, checkpoint_every, resume)
        return run_fit(self._state, given, options, spread)

    def sum_outputs(self) -> OutputSums:
        """Let epochs from now on sum the loss of each output of a linear model by itself, and return the sums.

        Returns
        -------
        OutputSums
            `losses` (k,), the mean losses of the last epoch, and `squares` (k,), the mean squared norms of the weights.

        Other models, one output, and a loss of whole rows or of Python's raise a ValueError.
        """
        return sum_outputs(self._state)

    def __repr__(self) -> str:
        return self._state.settings.call_with(self.model, self.seed)
