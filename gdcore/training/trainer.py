"""`Trainer`, which binds a model, a loss and an optimizer.

Design
------
- Everything is bound in `__init__`: workspace, gradient, optimizer state. A step passes array pointers to the kernels;
  arrays that already fit are not examined in Python, and what the kernels refuse is explained here.
- Randomness is a function of (seed, epoch) and (seed, step), so a resumed trainer draws the same numbers.
- Longer tasks have files of their own: the epoch (epoch.py), the fit (fit.py), what a fit leaves to the next
  (carried.py), saving (resume.py), and the rule that one call trains at a time (turn.py).
- A loss computed in Python (any callable) uses the same parts from Python, batch by batch (custom.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._kernels import load
from .._kernels.errors import RefusedStep
from ..base import checks
from ..base.calls import explains_calls
from ..base.memory import aligned_zeros
from ..data.class_weight import ClassWeight
from ..data.samples import Samples, take_samples
from ..layers.stack import Model, stack_of
from ..losses import CustomLoss, Loss, get_loss
from ..metrics import Metrics
from ..optimizers import SGD, Optimizer, OptimizerState
from ..optimizers.full_batch import FullBatch, get_method
from ..schedules import PlateauState, Schedule
from . import checks as training_checks
from .averaging import Average
from .callbacks import Callback
from .carried import Carried
from .compiled import compiled
from .custom import custom_step
from .diverged import explain
from .epoch import run_epoch
from .fit import Fit
from .history import History
from .options import call_of, check_full_batch, chosen_seed, options_of
from .resume import load_state, restored, state_of
from .stopping.base import StopSpec
from .turn import Turn
from .validation import ValidationData, take_fit_data


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
        Factors on the learning rates of layers ("dense0", "dense1", … as in `model.parameters`). 0 freezes a layer: it
        has no gradient, penalty or decay, and its parameters and optimizer state do not change.
    average : Average, optional
        `gdcore.Polyak()` or `gdcore.EMA(0.999)`: a mean of the parameters over the steps, in `averaged`.
    seed : int, optional
        Seed of shuffling and dropout; by default the model's, or a fresh one if it has none.

    Pickling a trainer, or `copy.deepcopy`, keeps everything needed to resume as if training had never stopped.

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
    cross 0 stops there [3]_. Either way, weights come to rest only where the penalized loss is stationary.

    One call trains at a time. In several threads, `step`, `state_dict` and `load_state_dict` wait for one another;
    during another thread's epoch or fit every call raises RuntimeError, and so does training from within a callback, a
    metric or a loss. Threads may predict with the shared model, possibly in the middle of an update.

    References
    ----------
    .. [1] Duchi, J. and Singer, Y. (2009). Efficient online and batch learning using forward backward splitting.
       JMLR 10.
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
        optimizer: str | Optimizer | FullBatch = "adam",
        *,
        batch_size: int = 32,
        accumulate: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        layer_rates: Mapping[str, float] | None = None,
        average: Average | None = None,
        seed: int | None = None,
    ) -> None:
        self.model: Any = model  # of whatever class was passed
        self.stack = stack_of(model)
        stack = self.stack
        self.loss = get_loss(loss)
        self.optimizer = get_method(optimizer)
        self.batch_size = checks.integer("batch_size", batch_size, 1, 2**40)
        self.accumulate = checks.integer("accumulate", accumulate, 1, 2**20)
        self.shuffle = checks.boolean("shuffle", shuffle)
        self.drop_last = checks.boolean("drop_last", drop_last)
        self.l1, self.l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
        self.clip_norm = None if clip_norm is None else checks.positive("clip_norm", clip_norm)
        self.clip_value = None if clip_value is None else checks.positive("clip_value", clip_value)
        self._layer_rates = training_checks.layer_rates({} if layer_rates is None else layer_rates, stack.names)
        self.average = average
        training_checks.average(average, Average)
        check_full_batch(self)
        self.seed = chosen_seed(seed, stack.seed)
        self._carried = Carried()
        self._rule = self.optimizer if isinstance(self.optimizer, Optimizer) else SGD()  # the latter never steps
        rate = self._rule.learning_rate
        self._schedule = rate if isinstance(rate, Schedule) else None
        self._state = self._rule.init(stack.n_params, stack.dtype)
        self._grads = aligned_zeros(stack.n_params, stack.dtype)
        self._mean = None if self.average is None else np.zeros(stack.n_params)
        self._network = stack.bind(trains=True, blocks=isinstance(self.loss, Loss))
        self._run = compiled(self, load(stack.dtype))
        target = self.loss.target if isinstance(self.loss, Loss) else None
        self._labels, self._column = target == "class", stack.out_features == 1
        plain = isinstance(self.optimizer, Optimizer) and self._schedule is None and stack.target_scale is None
        self._fast = plain and target in ("class", "real")
        stack.trained_loss = self.loss

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse to set anything but `learning_rate`; the rest was fixed when the trainer was made."""
        if "_run" in self.__dict__ and not name.startswith("_") and name != "learning_rate":
            raise AttributeError(f"{name} cannot be set on a Trainer, only learning_rate: make a new Trainer with it")
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (self.model, self.loss, self.optimizer, options_of(self), self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything that training changes: parameters, optimizer state, counters, schedule position.

        Load it into a trainer made with the same settings; of these it holds `average` and `seed`, for comparison.
        """
        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume where the trainer that returned this `state_dict` stopped, bit for bit.

        Raises
        ------
        TypeError, ValueError
            For the state of another model, optimizer, average or seed, and for an impossible state; then nothing has
            been changed.
        """
        load_state(self, state)

    @property
    def epochs_done(self) -> int:
        """Number of epochs run so far."""
        return self._run.epochs_done

    @property
    def _plateau(self) -> PlateauState:
        return self._carried.plateau

    @property
    def layer_rates(self) -> dict[str, float]:
        """A copy of the factors on the layers' rates."""
        return dict(self._layer_rates)

    @property
    def steps_done(self) -> int:
        """Number of updates made so far."""
        return self._run.step_count

    @property
    def learning_rate(self) -> float:
        """Rate of the next step; may be set, unless a schedule sets it."""
        schedule = self._schedule
        if schedule is None:
            return self._run.learning_rate
        count = {"step": self._run.step_count, "epoch": self._run.epochs_done, "plateau": self._plateau.plateaus}
        return schedule.formula(count[schedule.per])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self._schedule is not None:
            training_checks.own_rate(self._schedule)
        self._run.learning_rate = checks.positive("learning_rate", value)

    @property
    def optimizer_state(self) -> OptimizerState:
        """Slots and step count; the arrays are the optimizer's own."""
        self._state.step_count = self._run.step_count
        return self._state

    @property
    def averaged(self) -> NDArray[Any]:
        """A copy of the average of the parameters; before its first step, the parameters.

        `model.params = trainer.averaged` predicts with it.
        """
        if self.average is None or self._mean is None:
            raise training_checks.no_average()
        before = self.steps_done <= self.average.start
        return self.stack.params.copy() if before else self._mean.astype(self.stack.dtype)

    def step(self, xb: ArrayLike, yb: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Make one update on exactly these rows.

        Parameters
        ----------
        xb : array_like, shape (n, in_features)
        yb : array_like
            Targets (n, out_features), (n,) for one output, or labels (n,). Contiguous arrays of the model's precision
            (labels: int64) are not copied.
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
        if self._fast and type(xb) is np.ndarray and type(yb) is np.ndarray and sample_weight is None:
            try:
                if self._labels:
                    return self._run.step(xb, None, yb)
                target: Any = yb
                return self._run.step(xb, target[:, None] if self._column and target.ndim == 1 else target)
            except (TypeError, ValueError, RefusedStep):
                pass  # nothing was changed; below, the arrays are converted or the error is explained
        if isinstance(self.optimizer, FullBatch):
            training_checks.mini_batches(self.optimizer, "step")
        data = self._take(xb, yb, sample_weight)
        with Turn(self._run, "step"):
            if self._schedule is not None:
                self._run.learning_rate = self.learning_rate
            try:
                if isinstance(self.loss, Loss):
                    return self._run.step(data.X, data.target, data.labels, data.weight, True)
                return custom_step(self, data, [slice(None)])
            except RefusedStep as error:
                raise explain(self, data, slice(None), error.args[0]) from None

    def _take(self, X: object, y: object, sample_weight: object) -> Samples:
        return take_samples(self.stack, X, y, sample_weight, self.loss)

    @explains_calls
    def epoch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Make one pass over the data in mini-batches, in random order if the trainer shuffles.

        If a fit has stopped within an epoch over as many samples, run the rest of that epoch.

        Parameters
        ----------
        X, y, sample_weight
            As in `step`; a batch follows ``sum(weight * gradient) / (rows * mean weight of all X)``, so that an epoch
            follows the weighted mean over all X whatever the batch size.

        Returns
        -------
        float
            The (weighted) mean of the samples' losses, each before its batch's update, without penalties.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`.
        """
        if isinstance(self.optimizer, FullBatch):
            training_checks.mini_batches(self.optimizer, "epoch")
        data = self._take(X, y, sample_weight)
        with Turn(self._run, "epoch"):
            self._carried = self._carried._replace(seen=-1, before=None, gradients=None)
            return run_epoch(self, data)

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
    ) -> History:
        """Run epochs until all are done or a criterion stops them.

        A second call resumes where the first one stopped, bit for bit, even within an epoch: if the data have as many
        samples, the rest of that epoch comes first, otherwise a new epoch begins. After a DivergedError it begins with
        the refused batch, which may succeed at a lower `learning_rate`. After any other exception, such as Ctrl-C, it
        resumes too. If that came between an epoch's last step and the measurements after it, the next fit begins with
        these, and has a row more than `epochs`. A callback or a signal handler may copy the trainer.

        Parameters
        ----------
        X, y, sample_weight
            As in `epoch`.
        epochs : int, optional
            By default as many as `max_steps` takes; without it, as many as make 5000 updates, but at least 10.
        max_steps : int, optional
            Number of updates after which the fit ends, even within an epoch. If the last epoch is incomplete, its
            history row covers the steps made and criteria are not evaluated.
        class_weight : "balanced" or dict, optional
            Class -> weight. It multiplies the sample weights of the class in `loss` and `val_loss`, not in metrics.
            "balanced" gives all classes the same share of the training data's weight.
        validation_data : (X, y) or (X, y, sample_weight), optional
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
            Called after each epoch, after the stopping criteria.
        record : str or several
            "layer_gradient_norm", "weight_norm", "update_ratio": the lists of `History` that are filled on request.
        progress : bool, default False
            Whether a bar (if tqdm is installed) or a line shows the fit's progress.

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
        data, validation = take_fit_data(self, X, y, sample_weight, class_weight, validation_data, validation_split)
        with Turn(self._run, "fit"):
            return Fit(
                self,
                data,
                validation,
                epochs=epochs,
                max_steps=max_steps,
                metrics=metrics,
                stop=stop,
                callbacks=callbacks,
                record=record,
                progress=progress,
            ).run()

    def __repr__(self) -> str:
        return call_of(self)
