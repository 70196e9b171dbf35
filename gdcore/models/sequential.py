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

from .. import checks, checks_fit
from .._kernels import load
from .._memory import aligned_zeros
from ..activations import get_activation
from ..batches import Samples, take_samples
from ..initializers import get_initializer
from ..losses import CustomLoss, Loss, get_loss
from .evaluate import mean_loss
from .layers import Dense, Layer, checked_stack, dropout_key, stack_table
from .memory import layer_views
from .probe import hessian_vector
from .scaling import lowest_inputs
from .summary import arguments, summary

if TYPE_CHECKING:
    from .._kernels.base_float64 import Network
    from ..class_weight import ClassWeight
    from ..metrics import MetricSpec
    from ..optimizers import Optimizer
    from ..optimizers.full_batch import FullBatch
    from ..training import Average, Callback, History
    from ..training.stopping import StopSpec


@final
class Sequential:
    """Layers, one behind the other.

    Parameters
    ----------
    *layers : Dense, Dropout, Standardize, MinMax or Log1p
        Each layer's in_features is the out_features of the one before. At least one is Dense, and a Dense
        comes behind every scaling layer, which scales what it takes: the model's inputs as a rule.
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

    Raises
    ------
    TypeError, ValueError
        For what is not a layer, and for sizes that do not follow one another.

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.Sequential(gd.Dense(2, 3, "tanh"), gd.Dense(3, 1), seed=0)
    >>> net
    Sequential(Dense(2, 3, 'tanh'), Dense(3, 1), seed=0)
    >>> [(name, view.shape) for name, view in net.parameters()]
    [('dense0.weight', (2, 3)), ('dense0.bias', (3,)), ('dense1.weight', (3, 1)), ('dense1.bias', (1,))]
    >>> net.predict([[0.0, 0.0]])
    array([[0.]], dtype=float32)
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
        dense = self._dense()
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
        """Draw the initial parameters anew: the same ones where the model has a seed."""
        rng = np.random.default_rng(self.seed)
        checks_fit.own_params(self._params, self.n_params, self.dtype)
        for layer, views in zip(self._dense(), layer_views(self._dense(), self._params), strict=True):
            shape = (layer.in_features, layer.out_features)
            auto = get_activation(layer.activation).init
            views[0][...] = get_initializer(layer.weight_init, auto)(shape, rng)
            if layer.bias:
                views[1][...] = get_initializer(layer.bias_init, "zeros")((1, layer.out_features), rng)[0]

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
        """Names and views of the parameters, or of the same places in any vector of that length.

        Parameters
        ----------
        vector : ndarray, shape (n_params,), optional
            A gradient, an optimizer's slot; by default `params`.

        Returns
        -------
        list of (str, ndarray)
            "dense0.weight" (in_features, out_features), "dense0.bias" (out_features,), …
        """
        if vector is None:
            vector = checks_fit.own_params(self._params, self.n_params, self.dtype, writes=False)
        if not isinstance(vector, np.ndarray) or vector.shape != (self.n_params,):
            raise ValueError(f"vector has shape {np.shape(vector)}; expected ({self.n_params},)")
        return [
            (f"dense{i}.{kind}", view)
            for i, views in enumerate(layer_views(self._dense(), vector))
            for kind, view in zip(("weight", "bias"), views, strict=False)
        ]

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
        """Raw outputs, dropout left out.

        For class probabilities take the softmax of the outputs (cross_entropy) or their sigmoid
        (binary_cross_entropy); the class is `argmax(axis=1)`, or whether the output is above 0.

        Parameters
        ----------
        X : array_like, shape (n, in_features)

        Returns
        -------
        ndarray, shape (n, out_features)
        """
        network = self._network(False)
        if type(X) is np.ndarray:
            try:
                return network.predict(X)
            except (TypeError, ValueError):
                pass  # what does not fit as it is: converted, or explained
        return network.predict(checks.inputs(X, self.in_features, self.dtype, self._lowest))

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
            Adds l1 * sum |w| + l2/2 * sum w^2 over the weights, not the biases. A layer's own l1 or l2 stands in their
            place.
        dropout_seed : int, optional
            Fixes a dropout mask, the same in every call; without it dropout is left out.
        """
        return self._value(X, y, loss, sample_weight, l1, l2, dropout_seed, None)

    def loss_and_grad(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, *, sample_weight: ArrayLike | None = None,
        l1: float = 0.0, l2: float = 0.0, dropout_seed: int | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """The mean loss plus penalties, and its gradient.

        Parameters
        ----------
        X, y, loss, sample_weight, l1, l2, dropout_seed
            As in `loss`. The slope of |w| at 0 is taken as 0.

        Returns
        -------
        value : float
        grad : ndarray, shape (n_params,)
            In the order of `params`; `parameters(grad)` names its parts.
        """
        grad = aligned_zeros(self.n_params, self.dtype)
        return self._value(X, y, loss, sample_weight, l1, l2, dropout_seed, grad), grad

    def _value(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, sample_weight: ArrayLike | None,
        l1: float, l2: float, dropout_seed: int | None, grad: NDArray[Any] | None,
    ) -> float:
        kind = get_loss(loss)
        data = take_samples(
            X, y, sample_weight,
            n_in=self.in_features, n_out=self.out_features, dtype=self.dtype, loss=kind, lowest=self._lowest,
        )  # fmt: skip
        l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
        return self._evaluate(data, kind, l1, l2, dropout_key(dropout_seed), grad)

    def _evaluate(
        self, data: Samples, loss: Loss | CustomLoss, l1: float = 0.0, l2: float = 0.0, key: int = 0,
        grad: NDArray[Any] | None = None,
    ) -> float:
        """`loss` or `loss_and_grad` on samples that were checked before, as `mean_loss` takes them."""
        value = mean_loss(self, data, loss, key, grad)
        if l1 or l2 or any(layer.l1 or layer.l2 for layer in self._dense()):
            value += self._network(grad is not None).penalty(l1, l2, grad)
        return value

    def hessian_vector(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss, v: ArrayLike, *, sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
    ) -> NDArray[Any]:
        """The Hessian of the mean loss plus penalty, times a vector: exact, for the work of some two gradients.

        Forward over backward differentiation (Pearlmutter 1994, Neural Computation 6). Second derivatives at
        kinks (relu at 0) are taken as 0, and dropout is left out.

        Parameters
        ----------
        X, y, loss, sample_weight, l2
            As in `loss`; the loss is one of `gdcore.LOSSES`.
        v : array_like, shape (n_params,)

        Returns
        -------
        ndarray, shape (n_params,)

        Examples
        --------
        >>> import gdcore as gd
        >>> line = gd.LinearModel(1, bias=False, dtype="float64")
        >>> line.hessian_vector([[3.0]], [1.0], "mse", [1.0])   # of (3 w - 1)^2
        array([18.])
        """
        return hessian_vector(self, X, y, loss, v, sample_weight, l2)

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | CustomLoss,
        optimizer: str | Optimizer | FullBatch = "sgd",
        epochs: int | None = None,
        max_steps: int | None = None,
        batch_size: int = 32,
        accumulate: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        metrics: MetricSpec | Iterable[MetricSpec] | Mapping[str, MetricSpec] = (),
        stop: StopSpec | Iterable[StopSpec] = (),
        callbacks: Callback | Iterable[Callback] = (),
        record: str | Iterable[str] = (),
        progress: bool = False,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        layer_rates: Mapping[str, float] | None = None,
        average: Average | None = None,
        seed: int | None = None,
    ) -> History:
        """Build a `Trainer` and run it; it starts from the model's parameters as they are.

        Each call starts its optimizer and its random numbers anew. To go on where a fit has stopped, keep a
        `Trainer` and call its `fit` again.

        Parameters
        ----------
        X, y, loss
            As in `loss`.
        optimizer, batch_size, accumulate, shuffle, drop_last, l1, l2, clip_norm, clip_value, layer_rates, seed
            As in `Trainer`; the learning rate is the optimizer's, as in `gdcore.SGD(0.1)`. The optimizers' defaults are
            PyTorch's (SGD's rate is 0.001).
        average : Average, optional
            As in `Trainer`; the mean is what the model ends with, unless a criterion brings back its best epoch: with
            ``validate=True`` the mean's.
        epochs, max_steps, sample_weight, class_weight, validation_data, metrics, stop, callbacks, record, progress
            As in `Trainer.fit`.

        Returns
        -------
        History
            What was measured per epoch, and the reason why the fit stopped.

        Examples
        --------
        >>> import numpy as np, gdcore as gd
        >>> X = np.linspace(-1, 1, 50)[:, None]
        >>> net = gd.LinearModel(1, dtype="float64", seed=0)
        >>> history = net.fit(X, 2 * X, loss="mse", optimizer=gd.SGD(0.5), epochs=100)
        >>> history.loss[-1] < 1e-12
        True
        """
        from ..training.fit import Fit, take_fit_data
        from ..training.trainer import Trainer

        trainer = Trainer(
            self, loss, optimizer, batch_size=batch_size, accumulate=accumulate, shuffle=shuffle, drop_last=drop_last,
            l1=l1, l2=l2, clip_norm=clip_norm, clip_value=clip_value, layer_rates=layer_rates, average=average,
            seed=seed,
        )  # fmt: skip
        data, validation = take_fit_data(trainer, X, y, sample_weight, class_weight, validation_data)
        return Fit(
            trainer, data, validation, epochs=epochs, max_steps=max_steps, metrics=metrics, stop=stop,
            callbacks=callbacks, record=record, progress=progress, leaves_mean=average is not None,
        ).run()  # fmt: skip

    def summary(self) -> None:
        """Print a table of the layers, their output shapes and their numbers of parameters.

        Examples
        --------
        >>> import gdcore as gd
        >>> gd.MLP([2, 3, 1]).summary()
        layer                output   parameters
        ----------------------------------------
        Dense(2, 3, 'relu')  (n, 3)            9
        Dense(3, 1)          (n, 1)            4
        ----------------------------------------
        total                float32          13
        """
        print(summary(self.layers, self.dtype))

    def astype(self, dtype: str) -> Sequential:
        """A copy in another precision, with the same parameters rounded to it."""
        params = checks_fit.own_params(self._params, self.n_params, self.dtype, writes=False)
        return restore(self.layers, self.seed, dtype, params)

    def copy(self) -> Sequential:
        """A model of its own with the same layers and parameters."""
        return self.astype(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (self.layers, self.seed, self.dtype, self._params.copy())

    def __repr__(self) -> str:
        return f"Sequential({', '.join(arguments(self.layers, self.seed, self.dtype))})"


def restore(layers: tuple[Layer, ...], seed: int | None, dtype: str, params: NDArray[Any]) -> Sequential:
    """A model with these parameters, shape (n_params,); none are drawn."""
    model = Sequential.__new__(Sequential)
    model._build(layers, seed, dtype)
    model._params[:] = params
    return model
