"""Training: a model, a loss and an optimizer, bound together once.

Design
------
- Everything is bound in `__init__`: workspace, gradient, optimizer's state. A step passes array pointers to the
  kernels; arrays that already fit are not looked at in Python, and what the kernels refuse is explained here.
- Randomness is a function of (seed, epoch) and (seed, step): a trainer that goes on draws what it would have.
- A loss computed in Python (any callable) takes the same parts in Python's hands, batch by batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from .._kernels import load
from ..batches import Samples, take_samples
from ..errors import RefusedStep
from ..losses import CustomLoss, Loss, MeanSquaredError, get_loss
from ..models.sequential import Sequential
from ..optimizers import Optimizer, OptimizerState, get_optimizer
from .diverged import explain
from .history import History
from .stopping import EpochEnd, StoppingCriterion, criteria

OPTIONS = ("batch_size", "shuffle", "drop_last", "l1", "l2", "clip_norm", "seed")


@final
class Trainer:
    """Trains a model by mini-batch gradient descent.

    Parameters
    ----------
    model : Sequential
        Its `params` are updated in place.
    loss : str, Loss or callable
        A name in `gdcore.LOSSES`, a record, or any (outputs, y) -> (value, d value / d outputs) in NumPy.
    optimizer : str or Optimizer, default "sgd"
        A name in `gdcore.OPTIMIZERS` or a record.
    batch_size : int, default 32
        Rows of a mini-batch; more than there are means one batch of all.
    shuffle : bool, default True
        Whether `epoch` visits the samples in an order of its own.
    drop_last : bool, default False
        Whether `epoch` leaves out a last batch that is not full.
    l1, l2 : float, default 0.0
        Penalties l1 * sum |w| + l2/2 * sum w^2 on weights, never on biases.
    clip_norm : float, optional
        A gradient whose norm, penalties included, is above this is scaled down to it.
    seed : int, optional
        Of shuffling and dropout; by default the model's, or a fresh one where it has none.

    Pickling a trainer, or `copy.deepcopy`, keeps all that it needs to go on as if it had never stopped.

    Attributes
    ----------
    epochs_done, steps_done : int
    learning_rate : float
        May be set between steps.
    optimizer_state : OptimizerState

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
        model: Sequential,
        loss: str | Loss | CustomLoss,
        optimizer: str | Optimizer = "sgd",
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        drop_last: bool = False,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        seed: int | None = None,
    ) -> None:
        self.model = checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])")
        self.loss = get_loss(loss)
        self.optimizer = get_optimizer(optimizer)
        self.batch_size = checks.integer("batch_size", batch_size, 1, 2**40)
        self.shuffle = checks.boolean("shuffle", shuffle)
        self.drop_last = checks.boolean("drop_last", drop_last)
        self.l1, self.l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
        self.clip_norm = None if clip_norm is None else checks.positive("clip_norm", clip_norm)
        if seed is None:
            seed = model.seed
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self.seed = checks.integer("seed", seed, 0, 2**64 - 1)
        self._epochs_done = 0
        self._state = self.optimizer.init(model.n_params, model.dtype)
        self._grads = np.zeros(model.n_params, model.dtype)
        self._compile()
        self._labels = isinstance(self.loss, Loss) and self.loss.target == "class"
        self._column = model.out_features == 1
        self._fast = isinstance(self.loss, Loss) and self.loss.target in ("class", "real")

    def _compile(self) -> None:
        loss = self.loss if isinstance(self.loss, Loss) else MeanSquaredError()
        self._network = self.model._bind(trains=True, blocks=isinstance(self.loss, Loss))
        self._run = load(self.model.dtype).Training(
            self._network, loss.name, loss.option(),
            self.optimizer.rule, np.array(self.optimizer.hyper(), np.float64), self._state.scalars, self._state.memory,
            self._grads,
            learning_rate=self.optimizer.learning_rate, decay=self.optimizer.weight_decay,
            growth=self.optimizer.amplification(), l1=self.l1, l2=self.l2,
            clip_norm=np.inf if self.clip_norm is None else self.clip_norm, seed=self.seed,
        )  # fmt: skip

    def __setattr__(self, name: str, value: object) -> None:
        """Only `learning_rate` may be set: the rest was bound when the trainer was made."""
        if "_run" in self.__dict__ and not name.startswith("_") and name != "learning_rate":
            raise AttributeError(f"{name} cannot be set on a Trainer, only learning_rate: make a new Trainer with it")
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        options = {name: getattr(self, name) for name in OPTIONS}
        done = (self._epochs_done, self.learning_rate)
        return _restore, (self.model, self.loss, self.optimizer, options, self.optimizer_state, *done)

    @property
    def epochs_done(self) -> int:
        """Epochs run so far."""
        return self._epochs_done

    @property
    def steps_done(self) -> int:
        """Updates made so far."""
        return self._run.step_count

    @property
    def learning_rate(self) -> float:
        """Rate of the next step; may be set."""
        return self._run.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._run.learning_rate = checks.positive("learning_rate", value)

    @property
    def optimizer_state(self) -> OptimizerState:
        """Slots and step count, the arrays being those at work."""
        self._state.step_count = self._run.step_count
        return self._state

    def step(self, xb: ArrayLike, yb: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """One update on exactly these rows.

        Parameters
        ----------
        xb : array_like, shape (n, in_features)
        yb : array_like
            Targets (n, out_features), (n,) too for one output, or labels (n,). Arrays that are contiguous and
            of the model's precision (labels: int64) are not copied.
        sample_weight : array_like, shape (n,), optional

        Returns
        -------
        float
            The mean loss of these rows before the update, without penalties.

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
        data = self._take(xb, yb, sample_weight)
        try:
            if isinstance(self.loss, Loss):
                return self._run.step(data.X, data.target, data.labels, data.weight)
            return self._custom_batch(data, slice(None))
        except RefusedStep as error:
            raise explain(self, data, slice(None), error) from None

    def _refused_gradient(self) -> NDArray[Any]:
        """The gradient that a step was refused for, penalties included: shape (n_params,)."""
        return self._grads

    def _next_dropout_key(self) -> int:
        """What fixes the dropout masks of the next step; 0 where no layer drops."""
        return self._run.next_key()

    def _take(self, X: object, y: object, sample_weight: object) -> Samples:
        model = self.model
        return take_samples(
            X, y, sample_weight,
            n_in=model.in_features, n_out=model.out_features, dtype=model.dtype, loss=self.loss,
        )  # fmt: skip

    def _custom_batch(self, data: Samples, rows: slice | NDArray[np.int64]) -> float:
        """One step with a loss that Python computes."""
        X = np.ascontiguousarray(data.X[rows])
        key = self._next_dropout_key()
        outputs = self._network.outputs(X, key)[-1]
        result = self.loss(outputs, data.y[rows])  # type: ignore[operator]  # a Loss does not come here
        value, delta = checks.custom_result(result, outputs.shape, self.model.dtype)
        if not np.isfinite(value):
            raise RefusedStep("loss", 0)
        self._network.gradient_from(X, delta, self._grads, key)
        self._run.apply_gradient()
        return value

    def epoch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """One pass over the data in mini-batches, shuffled where the trainer shuffles.

        Parameters
        ----------
        X, y, sample_weight
            As in `step`.

        Returns
        -------
        float
            The mean of the samples' losses, each before its batch's update, without penalties.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`.
        """
        return self._epoch(self._take(X, y, sample_weight))

    def _epoch(self, data: Samples) -> float:
        n = len(data.X)
        batch = min(self.batch_size, n)
        order = None
        if self.shuffle and batch < n:
            order = np.empty(n, np.int64)
            load(self.model.dtype).shuffled(self.seed, self._epochs_done, order)
        try:
            if isinstance(self.loss, Loss):
                value = self._run.epoch(data.X, data.target, data.labels, data.weight, order, batch, self.drop_last)
            else:
                value = self._custom_epoch(data, order, batch)
        except RefusedStep as error:
            first = error.args[1] * batch
            rows = slice(first, first + batch) if order is None else order[first : first + batch]
            raise explain(self, data, rows, error) from None
        self._epochs_done += 1
        return value

    def _custom_epoch(self, data: Samples, order: NDArray[np.int64] | None, batch: int) -> float:
        n = len(data.X)
        total, seen = 0.0, 0
        for first in range(0, n - n % batch if self.drop_last else n, batch):
            last = min(first + batch, n)
            try:
                value = self._custom_batch(data, slice(first, last) if order is None else order[first:last])
            except RefusedStep as error:
                raise RefusedStep(error.args[0], first // batch) from None
            total += value * (last - first)
            seen += last - first
        return total / seen

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        stop: StoppingCriterion | Iterable[StoppingCriterion] = (),
    ) -> History:
        """Run epochs until they are over or a criterion stops them.

        A second call goes on where the first one stopped.

        Parameters
        ----------
        X, y, sample_weight
            As in `step`.
        epochs : int, default 10
        validation_data : (X, y), optional
            What `val_loss` is measured on, dropout left out.
        stop : StoppingCriterion or several
            Asked after each epoch in their order.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError, DivergedError
            As in `step`.
        KeyboardInterrupt
            Within 100 ms; the parameters are those of the last whole step.
        """
        epochs = checks.integer("epochs", epochs, 1)
        watches = [rule.start(validation_data is not None) for rule in criteria(stop)]
        data = self._take(X, y, sample_weight)
        validation = None
        if validation_data is not None:
            pair = checks.pair("validation_data", validation_data)
            try:
                validation = self._take(*pair, None)
            except (TypeError, ValueError) as error:
                raise type(error)(f"validation_data: {error}") from None
        history = History(stop_reason=f"all {epochs} epochs were run" if epochs > 1 else "the epoch was run")
        for epoch in range(epochs):
            began = time.perf_counter()
            history.loss.append(self._epoch(data))
            if validation is not None:
                history.val_loss.append(self.model._evaluate(validation, self.loss))
            history.seconds.append(time.perf_counter() - began)
            end = EpochEnd(
                epoch, history.loss[-1], history.val_loss[-1] if validation is not None else np.nan,
                self.model.params, lambda: self._full_gradient(data),
            )  # fmt: skip
            reasons = [reason for watch in watches if (reason := watch.observe(end))]
            if reasons:
                history.stop_reason = "; ".join(reasons)
                break
        for watch in watches:
            watch.finish(self.model.params)
        return history

    def _full_gradient(self, data: Samples) -> NDArray[Any]:
        grad = np.zeros_like(self._grads)
        self.model._evaluate(data, self.loss, self.l1, self.l2, 0, grad)
        return grad

    def __repr__(self) -> str:
        parts = [repr(self.model), repr(self.loss), repr(self.optimizer), f"batch_size={self.batch_size}"]
        defaults = {"shuffle": True, "drop_last": False, "l1": 0.0, "l2": 0.0, "clip_norm": None}
        parts += [f"{name}={getattr(self, name)!r}" for name, value in defaults.items() if getattr(self, name) != value]
        return f"Trainer({', '.join(parts)}, seed={self.seed})"


def _restore(
    model: Sequential,
    loss: Loss | CustomLoss,
    optimizer: Optimizer,
    options: dict[str, Any],
    state: OptimizerState,
    epochs_done: int,
    learning_rate: float,
) -> Trainer:
    trainer = Trainer(model, loss, optimizer, **options)
    trainer._state.slots[:], trainer._state.scalars[:] = state.slots, state.scalars
    trainer._run.step_count = state.step_count
    trainer._epochs_done = epochs_done
    trainer.learning_rate = learning_rate
    return trainer
