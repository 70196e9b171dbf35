"""Training: a model, a loss and an optimizer, bound together once.

Design
------
- Everything is bound in `__init__`: workspace, gradient, optimizer's state. A step passes array pointers to the
  kernels; arrays that already fit are not looked at in Python, and what the kernels refuse is explained here.
- Randomness is a function of (seed, epoch) and (seed, step): a trainer that goes on draws what it would have.
- What lasts longer than a step has a file of its own: the epoch (epoch.py), the fit (fit.py), what a fit leaves to the
  next (carried.py), how all of it is saved (resume.py), and that one call trains at a time (turn.py).
- A loss computed in Python (any callable) takes the same parts in Python's hands, batch by batch.
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
from .fit import Fit, take_fit_data
from .history import History
from .options import call_of, check_full_batch, chosen_seed, options_of
from .resume import load_state, restored, state_of
from .stopping.base import StopSpec
from .turn import Turn
from .validation import ValidationData


@final
class Trainer:
    """Trains a model by mini-batch gradient descent.

    Parameters
    ----------
    model : Sequential
        Its `params` are updated in place.
    loss : str, Loss or callable
        A name in `gdcore.LOSSES`, a record, or any (outputs, y) -> (value, d value / d outputs) in NumPy.
    optimizer : str, Optimizer or FullBatch, default "adam"
        A name in `gdcore.OPTIMIZERS` or a record, its rate a number or a schedule. Where SciPy is installed, "lbfgs" or
        "cg", which take all data at once and know `fit` alone.
    batch_size : int, default 32
        Rows of a mini-batch; more than there are means one batch of all.
    accumulate : int, default 1
        Batches whose gradients are averaged into one update, by their rows. A custom loss sees one batch at a
        time; a built-in one gives the same as a batch of all their rows, which takes no more memory.
    shuffle : bool, default True
        Whether `epoch` visits the samples in an order of its own.
    drop_last : bool, default False
        Whether `epoch` leaves out a last batch that is not full.
    l1, l2 : float, default 0.0
        Penalties l1 * sum |w| + l2/2 * sum w^2 on weights, never on biases; a layer's own stand in their place. Under
        l1 a step is proximal: weights become exactly 0, and stay so where the loss pulls no harder than l1. See Notes.
    clip_norm : float, optional
        A gradient whose norm, penalties included, is above this is scaled down to it.
    clip_value : float, optional
        Before that, each entry of the gradient, penalties included, is brought into [-clip_value, clip_value].
    layer_rates : mapping of str to float, optional
        Factors on the learning rates of layers ("dense0", "dense1", … as `model.parameters` calls them). 0 freezes a
        layer: it has no gradient, penalty or decay, and its parameters and its share of the optimizer's state stay
        as they are.
    average : Average, optional
        `gdcore.Polyak()` or `gdcore.EMA(0.999)`: a mean of the parameters over the steps, in `averaged`.
    seed : int, optional
        Of shuffling and dropout; by default the model's, or a fresh one where it has none.

    Pickling a trainer, or `copy.deepcopy`, keeps all that it needs to go on as if it had never stopped.

    Attributes
    ----------
    epochs_done, steps_done : int
    learning_rate : float
        Of the next step; may be set between steps, unless a schedule sets it.
    optimizer_state : OptimizerState
    averaged : ndarray, shape (n_params,)

    Notes
    -----
    With l1, plain SGD without clip_value makes of a weight w, g being the gradient of the rest,
    ``soft(w - rate * g, rate * l1)`` with ``soft(v, t) = sign(v) * max(|v| - t, 0)`` [1]_ [2]_. Momentum and adaptive
    rates have no one threshold that matches their moves: they see ``g + l1 * sign(w)``, ``soft(g, l1)`` where w = 0,
    and a weight that would cross 0 stops there [3]_. Under each, weights rest only where the penalized loss is
    stationary.

    One call trains at a time. From several threads, `step`, `state_dict` and `load_state_dict` wait for one another; in
    another thread's epoch or fit every call is refused (RuntimeError), as is one that trains from within a callback, a
    metric or a loss. Threads may share the model to predict, maybe in the middle of an update.

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
        self.model: Any = model    # of the class that was given
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
        names = [block.layer for block in stack.blocks if block.is_weight]
        self._layer_rates = training_checks.layer_rates({} if layer_rates is None else layer_rates, names)
        self.average = average
        training_checks.average(average, Average)
        check_full_batch(self)
        self.seed = chosen_seed(seed, stack.seed)
        self._carried = Carried()
        self._rule = self.optimizer if isinstance(self.optimizer, Optimizer) else SGD()    # the latter never steps
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
        """Only `learning_rate` may be set: the rest was bound when the trainer was made."""
        if "_run" in self.__dict__ and not name.startswith("_") and name != "learning_rate":
            raise AttributeError(f"{name} cannot be set on a Trainer, only learning_rate: make a new Trainer with it")
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (self.model, self.loss, self.optimizer, options_of(self), self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that changes: parameters, optimizer's state, counters and the place in the schedule.

        Of the settings it holds `average` and `seed`, to compare: give it to a trainer made with the same ones.
        """
        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the trainer stopped whose `state_dict` this was, bit for bit.

        Raises
        ------
        TypeError, ValueError
            For the state of another model, optimizer, average or seed, and for one that no training has come to,
            before anything is changed.
        """
        load_state(self, state)

    @property
    def epochs_done(self) -> int:
        """Epochs run so far."""
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
        """Updates made so far."""
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
        """Slots and step count, the arrays being those at work."""
        self._state.step_count = self._run.step_count
        return self._state

    @property
    def averaged(self) -> NDArray[Any]:
        """The mean of the parameters that `average` asks for, a copy; before its first step the parameters.

        `model.params = trainer.averaged` predicts with it.
        """
        if self.average is None or self._mean is None:
            raise training_checks.no_average()
        before = self.steps_done <= self.average.start
        return self.stack.params.copy() if before else self._mean.astype(self.stack.dtype)

    def step(self, xb: ArrayLike, yb: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """One update on exactly these rows.

        Parameters
        ----------
        xb : array_like, shape (n, in_features)
        yb : array_like
            Targets (n, out_features), (n,) too for one output, or labels (n,). Arrays that are contiguous and
            of the model's precision (labels: int64) are not copied.
        sample_weight : array_like, shape (n,), optional
            At least one above 0. They count relative to 1: the step follows ``sum(weight * gradient) / n``, which
            `epoch` and `fit` divide by the mean weight.

        Returns
        -------
        float
            The mean loss of these rows before the update, without penalties; with weights their weighted mean.

        Raises
        ------
        TypeError, ValueError
            For bad input, before any parameter is touched.
        DivergedError
            Where loss, gradient or update is not finite; the parameters are as they were.
        """
        if self._fast and type(xb) is np.ndarray and type(yb) is np.ndarray and sample_weight is None:
            try:
                if self._labels:
                    return self._run.step(xb, None, yb)
                target: Any = yb
                return self._run.step(xb, target[:, None] if self._column and target.ndim == 1 else target)
            except (TypeError, ValueError, RefusedStep):
                pass  # nothing was changed; what was wrong is found below, or mended by a conversion
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
        """One pass over the data in mini-batches, shuffled where the trainer shuffles.

        Where a fit has stopped within an epoch over as many samples, the rest of that one.

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
        """Run epochs until they are over or a criterion stops them.

        A second call goes on where the first one stopped, bit for bit, within an epoch as well: the rest of that epoch
        comes first, over data of as many samples; data of another number begin an epoch. After a DivergedError it is
        the refused batch that comes first: at a lower `learning_rate` it may pass. After any other exception, Ctrl-C
        included, it goes on as well. Where that came between an epoch's last step and the end of what is measured, the
        next fit begins with this: a row more than `epochs`. A callback or a signal's handler may copy the trainer.

        Parameters
        ----------
        X, y, sample_weight
            As in `epoch`.
        epochs : int, optional
            By default as many as `max_steps` takes, or as make 5000 updates, but no fewer than 10.
        max_steps : int, optional
            Updates after which the fit ends, within an epoch too. Of an epoch cut short the history's last row tells
            as far as it went; criteria are not asked about it.
        class_weight : "balanced" or dict, optional
            Class -> weight, which multiplies its samples' in `loss` and `val_loss`, and in no metric; "balanced" gives
            all classes the same share of the training data's weight.
        validation_data : (X, y) or (X, y, sample_weight), optional
            What `val_loss` is measured on, dropout left out.
        validation_split : float, optional
            Share of the samples, in (0, 1), that is held out of training for that instead: drawn at random by the
            trainer's seed, the same ones in every fit over as many samples, and of classes the same share of each.
        metrics : str, Metric, callable, or several, or a dict that names them
            Measured after each epoch on training and validation data with sample weights alone, dropout left out: names
            in `gdcore.METRICS`, records, functions (outputs, y) -> float. Each set costs one prediction.
        stop : StoppingCriterion, callable, or several
            Asked after each epoch in their order; a function (EpochEnd) -> True or the reason as a sentence. One that
            counts epochs goes on where an equal one was when the last fit ended, unless it ended that fit itself, or
            saw data or validation data of other contents.
        callbacks : Callback or several
            Told after each epoch, behind the criteria.
        record : str or several
            "layer_gradient_norm", "weight_norm", "update_ratio": what `History` holds on request.
        progress : bool, default False
            Whether a bar (where tqdm is installed) or a line shows how far the fit is.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`; a DivergedError's `history` is that of the epochs before.
        KeyboardInterrupt
            Within 100 ms; the parameters are those of the last whole step. `Callback.on_fit_end` is given the history.
        """
        data, validation = take_fit_data(self, X, y, sample_weight, class_weight, validation_data, validation_split)
        with Turn(self._run, "fit"):
            return Fit(
                self, data, validation, epochs=epochs, max_steps=max_steps, metrics=metrics, stop=stop,
                callbacks=callbacks, record=record, progress=progress,
            ).run()  # fmt: skip

    def __repr__(self) -> str:
        return call_of(self)
