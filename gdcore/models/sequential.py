"""A stack of layers over one flat vector of parameters.

Design
------
- `params` is one aligned vector: layer by layer, weight then bias, C order. Layers and gradients are views.
- What a user calls is bound to compiled networks, made at the first call: a small one to predict with, and one
  with the buffers of the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks, checks_fit, checks_model
from .._calls import explains_calls
from .._kernels import load
from .._memory import aligned_zeros
from ..batches import Samples
from ..losses import CustomLoss, Loss
from .answers import classify, evaluate, predict_proba, score
from .evaluate import mean_loss, objective_value
from .layers import Dense, Layer, checked_stack, stack_table
from .memory import draw_parameters, named_views
from .names import Names
from .probe import hessian_vector
from .samples import inputs_of
from .scaling import lowest_inputs
from .summary import arguments, summary
from .target import ScaledTarget

if TYPE_CHECKING:
    from .._kernels.base_float64 import Network
    from ..class_weight import ClassWeight
    from ..metrics import Metrics
    from ..optimizers import Optimizer
    from ..optimizers.full_batch import FullBatch
    from ..training import Average, Callback, History
    from ..training.stopping import StopSpec
    from ..training.validation import ValidationData


@final
class Sequential:
    """Layers, one behind the other.

    Parameters
    ----------
    *layers : Dense, Dropout, Standardize, MinMax, Log1p or ScaledTarget
        Each layer's in_features is the out_features of the one before. At least one is Dense, and a Dense comes behind
        every scaling layer, which scales what it takes: the model's inputs as a rule. A ScaledTarget is the last layer.
    seed : int, optional
        Fixes the initial weights, and shuffling and dropout in training; without it they differ from run to run.
    dtype : {"float32", "float64"}, default "float32"
        Precision of parameters and of everything computed with them.

    Attributes
    ----------
    layers : tuple
    params : ndarray, shape (n_params,)
        The flat vector of all parameters, writable in place.
    in_features, out_features, n_params : int
    trained_loss : Loss, callable or None
        Of the last trainer or fit: what `predict_proba`, `classify`, `evaluate` and `score` go by.
    feature_names : tuple of str or None
        Names of the columns of the data frame that the model was fitted on; a frame with others is refused.
    target_scale : ScaledTarget or None
        The last layer, where it is one.

    Raises
    ------
    TypeError, ValueError
        For what is not a layer, and for sizes that do not follow one another.

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.Sequential(gd.Dense(2, 3, "tanh"), gd.Dense(3, 1), seed=0)
    >>> [(name, view.shape) for name, view in net.parameters()]
    [('dense0.weight', (2, 3)), ('dense0.bias', (3,)), ('dense1.weight', (3, 1)), ('dense1.bias', (1,))]
    """

    def __init__(self, *layers: Layer, seed: int | None = None, dtype: str = "float32") -> None:
        self._build(layers, seed, dtype)
        self.reset()

    def _build(self, layers: tuple[Layer, ...], seed: int | None, dtype: str) -> None:
        """Everything but the parameters, which are 0."""
        self.layers: tuple[Layer, ...] = checked_stack(layers)
        self.seed = None if seed is None else checks.integer("seed", seed, 0, 2**64 - 1)
        self.dtype = checks.precision("dtype", dtype)
        self._table, self._lowest = stack_table(self.layers, self.dtype), lowest_inputs(self.layers)
        last, dense = self.layers[-1], self._dense()
        self.target_scale = last if isinstance(last, ScaledTarget) else None
        self.trained_loss: Loss | CustomLoss | None = None
        self.feature_names: Names | None = None
        self.in_features = dense[0].in_features
        self.out_features = dense[-1].out_features
        self.n_params = sum(layer.n_params for layer in dense)
        checks.model_size(self.n_params)
        try:
            self._params = aligned_zeros(self.n_params, self.dtype)
        except MemoryError:
            raise MemoryError(f"no memory for {self.n_params:,} parameters: use smaller layers") from None
        self._networks: dict[bool, Network] = {}

    def _dense(self) -> list[Dense]:
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    def reset(self) -> None:
        """Draw the initial parameters anew, the same ones where the model has a seed, and forget loss and names."""
        checks_fit.own_params(self._params, self.n_params, self.dtype)
        draw_parameters(self._dense(), self.seed, self._params)
        self.trained_loss = self.feature_names = None

    @property
    def params(self) -> NDArray[Any]:
        """The flat vector of all parameters, shape (n_params,); assigning copies into it."""
        return self._params

    @params.setter
    def params(self, value: ArrayLike) -> None:
        checks_fit.own_params(self._params, self.n_params, self.dtype)
        if value is not self._params:
            array = checks.numbers_array("params", value, self.dtype)
            self._params[:] = checks.vector("params", array, self.n_params, self.dtype)

    def parameters(self, vector: NDArray[Any] | None = None) -> list[tuple[str, NDArray[Any]]]:
        """Names and views of the parameters: "dense0.weight" (in_features, out_features), "dense0.bias" (…,), …

        Parameters
        ----------
        vector : ndarray, shape (n_params,), optional
            A gradient or an optimizer's slot, whose same places are given; by default `params`.
        """
        if vector is None:
            vector = checks_fit.own_params(self._params, self.n_params, self.dtype, writes=False)
        return named_views(self._dense(), vector, self.n_params)

    def _bind(self, *, trains: bool, blocks: bool = True) -> Network:
        """A compiled network over `params`, with a workspace of its own, which grows to the largest batch it meets.

        Parameters
        ----------
        trains : bool
            Whether it has the buffers of the backward pass.
        blocks : bool, default True
            Whether many rows may be cut into blocks; a loss computed in Python needs them in one.
        """
        checks_fit.own_params(self._params, self.n_params, self.dtype)
        return load(self.dtype).Network(self._table, self._params, 1, trains, blocks)

    def _network(self, trains: bool) -> Network:
        found = self._networks.get(trains)
        if found is None:
            found = self._networks[trains] = self._bind(trains=trains)
        return found

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Raw outputs, dropout left out; in the units of the targets where a `ScaledTarget` is the last layer.

        `predict_proba` gives the probabilities of classes and `classify` the classes.

        Parameters
        ----------
        X : array_like, shape (n, in_features)

        Returns
        -------
        ndarray, shape (n, out_features)
        """
        network = self._network(False)
        try:
            outputs = network.predict(X) if type(X) is np.ndarray else None
        except (TypeError, ValueError):
            outputs = None    # what does not fit as it is: converted, or explained
        if outputs is None:
            outputs = network.predict(inputs_of(self, X))
        return outputs if self.target_scale is None else self.target_scale.restored(outputs)

    @explains_calls
    def predict_proba(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[Any]:
        """Probabilities of the classes, shape (n, k).

        Of cross_entropy the softmax of the outputs. Of binary_cross_entropy with one output those of 0 and of 1,
        (n, 2) as in scikit-learn; with several, each one's probability of 1. Other losses have none.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        loss : str or Loss, optional
            By default `trained_loss`.
        """
        return predict_proba(self, X, loss)

    @explains_calls
    def classify(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[np.int64]:
        """The likeliest classes in the form of the loss's targets, (n,), or (n, k) for several yes-no questions.

        Of cross_entropy 0 … k-1, of binary_cross_entropy 0 or 1, of hinge and squared_hinge -1 or 1.

        Parameters
        ----------
        X, loss
            As in `predict_proba`.

        Examples
        --------
        >>> import gdcore as gd
        >>> net = gd.LinearModel(1, weight_init="ones", dtype="float64")
        >>> net.classify([[-1.0], [2.0]], loss="bce"), net.predict_proba([[0.0]], loss="bce")
        (array([0, 1]), array([[0.5, 0.5]]))
        """
        return classify(self, X, loss)

    @explains_calls
    def evaluate(
        self, X: ArrayLike, y: ArrayLike, metrics: Metrics = (), *, loss: str | Loss | CustomLoss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """The mean loss without penalties, as "loss", and metrics by their names.

        Parameters
        ----------
        X, y, metrics, loss, sample_weight
            As in `loss`, the loss being `trained_loss` by default, and in `Trainer.fit`.
        """
        return evaluate(self, X, y, metrics, loss, sample_weight)

    @explains_calls
    def score(
        self, X: ArrayLike, y: ArrayLike, *, loss: str | Loss | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """As scikit-learn's estimators: the share of samples whose classes are right, or R^2; for poisson D^2.

        Parameters
        ----------
        X, y, loss, sample_weight
            As in `evaluate`. Of several yes-no questions all must be right.
        """
        return score(self, X, y, loss, sample_weight)

    def loss(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, *, sample_weight: ArrayLike | None = None,
        l1: float = 0.0, l2: float = 0.0, dropout_seed: int | None = None,
    ) -> float:
        """The mean loss plus penalties.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        y : array_like
            Targets (n, out_features), (n,) too for one output; for cross_entropy labels (n,) or
            probabilities (n, out_features).
        loss : str, Loss or callable
            A name in `gdcore.LOSSES`, a record, or (outputs, y) -> (value, d value / d outputs).
        sample_weight : array_like, shape (n,), optional
            The mean becomes the weighted mean.
        l1, l2 : float, default 0
            Adds l1 * sum |w| + l2/2 * sum w^2 over weights, not biases. A layer's own l1 or l2 stands in their place.
        dropout_seed : int, optional
            Fixes a dropout mask, the same in every call; without it dropout is left out.
        """
        return objective_value(self, X, y, loss, sample_weight, l1, l2, dropout_seed)

    def loss_and_grad(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, *, sample_weight: ArrayLike | None = None,
        l1: float = 0.0, l2: float = 0.0, dropout_seed: int | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """The mean loss plus penalties, and its gradient, shape (n_params,); `parameters(grad)` names its parts.

        Parameters
        ----------
        X, y, loss, sample_weight, l1, l2, dropout_seed
            As in `loss`. The slope of |w| at 0 is taken as 0.
        """
        grad = aligned_zeros(self.n_params, self.dtype)
        return objective_value(self, X, y, loss, sample_weight, l1, l2, dropout_seed, grad), grad

    def _evaluate(
        self, data: Samples, loss: Loss | CustomLoss, l1: float = 0.0, l2: float = 0.0, key: int = 0,
        grad: NDArray[Any] | None = None,
    ) -> float:
        """`loss` or `loss_and_grad` on samples that were checked before, as `mean_loss` takes them."""
        value = mean_loss(self, data, loss, key, grad)
        if l1 or l2 or any(layer.l1 or layer.l2 for layer in self._dense()):
            value += self._network(grad is not None).penalty(l1, l2, grad)
        return value

    @explains_calls
    def hessian_vector(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss, v: ArrayLike, *, sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
    ) -> NDArray[Any]:
        """The Hessian of the mean loss plus penalty times v, (n_params,): exact, for the work of some two gradients.

        Forward over backward differentiation (Pearlmutter 1994, Neural Computation 6). Second derivatives at
        kinks (relu at 0) are taken as 0, and dropout is left out.

        Parameters
        ----------
        X, y, loss, sample_weight, l2
            As in `loss`; the loss is one of `gdcore.LOSSES`.
        v : array_like, shape (n_params,)
        """
        return hessian_vector(self, X, y, loss, v, sample_weight, l2)

    @explains_calls
    def fit(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss | None = None, *,
        optimizer: str | Optimizer | FullBatch = "adam", epochs: int | None = None, max_steps: int | None = None,
        batch_size: int = 32, accumulate: int = 1, shuffle: bool = True, drop_last: bool = False,
        sample_weight: ArrayLike | None = None, class_weight: ClassWeight | None = None,
        validation_data: ValidationData | None = None, validation_split: float | None = None,
        metrics: Metrics = (), stop: StopSpec | Iterable[StopSpec] = (), callbacks: Callback | Iterable[Callback] = (),
        record: str | Iterable[str] = (), progress: bool = False, l1: float = 0.0, l2: float = 0.0,
        clip_norm: float | None = None, clip_value: float | None = None,
        layer_rates: Mapping[str, float] | None = None, average: Average | None = None, seed: int | None = None,
    ) -> History:
        """Build a `Trainer` and run it; it starts from the model's parameters as they are.

        Each call starts its optimizer and its random numbers anew. To go on where a fit has stopped, keep a
        `Trainer` and call its `fit` again.

        Parameters
        ----------
        X, y
            As in `loss`.
        loss : str, Loss or callable
            As in `loss`; it has no default, and an error names those that go with y.
        optimizer, batch_size, accumulate, shuffle, drop_last, l1, l2, clip_norm, clip_value, layer_rates, seed
            As in `Trainer`; the learning rate is the optimizer's, as in `gdcore.Adam(0.01)`. The optimizers' defaults
            are PyTorch's (Adam's rate is 0.001).
        average : Average, optional
            As in `Trainer`; the mean is what the model ends with, unless a criterion brings back its best epoch: with
            ``validate=True`` the mean's.
        epochs, max_steps, sample_weight, class_weight, validation_data, validation_split
            As in `Trainer.fit`.
        metrics, stop, callbacks, record, progress
            As in `Trainer.fit`.

        Returns
        -------
        History

        Examples
        --------
        >>> import gdcore as gd
        >>> net = gd.LinearModel(1, dtype="float64", seed=0)
        >>> net.fit([[-1.0], [1.0]], [1.0, 3.0], "mse", optimizer=gd.SGD(0.3), epochs=99).loss[-1] < 1e-12
        True
        """
        from ..training.fit import Fit, take_fit_data
        from ..training.trainer import Trainer

        trainer = Trainer(
            self, checks_model.given_loss(loss, y), optimizer, batch_size=batch_size, accumulate=accumulate,
            shuffle=shuffle, drop_last=drop_last, l1=l1, l2=l2, clip_norm=clip_norm, clip_value=clip_value,
            layer_rates=layer_rates, average=average, seed=seed)  # fmt: skip
        data, validation = take_fit_data(trainer, X, y, sample_weight, class_weight, validation_data, validation_split)
        return Fit(
            trainer, data, validation, epochs=epochs, max_steps=max_steps, metrics=metrics, stop=stop,
            callbacks=callbacks, record=record, progress=progress, leaves_mean=average is not None,
        ).run()  # fmt: skip

    def summary(self) -> None:
        """Print a table of the layers, their output shapes and their numbers of parameters."""
        print(summary(self.layers, self.dtype))

    def astype(self, dtype: str) -> Sequential:
        """A copy in another precision, with the same parameters rounded to it."""
        params = checks_fit.own_params(self._params, self.n_params, self.dtype, writes=False)
        return restore(self.layers, self.seed, dtype, params, self.trained_loss, self.feature_names)

    def copy(self) -> Sequential:
        """A model of its own with the same layers and parameters."""
        return self.astype(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        loss = self.trained_loss if isinstance(self.trained_loss, Loss) else None    # a function may not be pickled
        return restore, (self.layers, self.seed, self.dtype, self._params.copy(), loss, self.feature_names)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(arguments(self.layers, self.seed, self.dtype))})"


def restore(
    layers: tuple[Layer, ...], seed: int | None, dtype: str, params: NDArray[Any],
    loss: Loss | CustomLoss | None = None, names: Names | None = None,
) -> Sequential:
    """A model with these parameters, shape (n_params,); none are drawn."""
    model = Sequential.__new__(Sequential)
    model._build(layers, seed, dtype)
    model._params[:] = params
    model.trained_loss, model.feature_names = loss, names
    return model


def without_target_scale(model: Sequential) -> Sequential:
    """The model whose outputs, and losses of standardized targets, are those of the kernels: itself as a rule."""
    return model if model.target_scale is None else restore(model.layers[:-1], model.seed, model.dtype, model.params)
