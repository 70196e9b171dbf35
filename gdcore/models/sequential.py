"""A stack of layers over one flat vector of parameters.

Design
------
- `params` is one aligned vector: layer by layer, weight then bias, C order. Layers and gradients are views.
- What a user calls is bound to compiled networks, made at the first call: a small one to predict with, and one
  with the buffers of the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from .._kernels import load
from ..activations import get_activation
from ..batches import Samples, take_samples
from ..initializers import get_initializer
from ..losses import CustomLoss, Loss, get_loss
from .layers import Dense, Dropout, Layer

if TYPE_CHECKING:
    from .._kernels.base_float64 import Network
    from ..optimizers import Optimizer
    from ..training import History, StoppingCriterion

ALIGNMENT = 64


def aligned_zeros(n: int, dtype: str) -> NDArray[Any]:
    """A zero vector of shape (n,) that begins on a cache line."""
    size = np.dtype(dtype).itemsize
    memory = np.zeros(n + ALIGNMENT // size, dtype)
    return memory[-memory.ctypes.data % ALIGNMENT // size :][:n]


def dropout_key(seed: int | None) -> int:
    """The kernels' key for a mask that `seed` fixes; 0, without dropout, where there is none."""
    return 0 if seed is None else 1 + checks.integer("dropout_seed", seed, 0, 2**64 - 2)


@final
class Sequential:
    """Layers, one behind the other.

    Parameters
    ----------
    *layers : Dense or Dropout
        Each layer's in_features is the out_features of the one before. At least one is Dense.
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
        self.layers: tuple[Layer, ...] = _checked(layers)
        self.seed = None if seed is None else checks.integer("seed", seed, 0, 2**64 - 1)
        self.dtype = checks.precision("dtype", dtype)
        dense = self._dense()
        self.in_features = dense[0].in_features
        self.out_features = dense[-1].out_features
        self.n_params = sum(layer.n_params for layer in dense)
        checks.model_size(self.n_params)
        self._params = aligned_zeros(self.n_params, self.dtype)
        self._networks: dict[bool, Network] = {}
        self.reset()

    def _dense(self) -> list[Dense]:
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    def reset(self) -> None:
        """Draw the initial parameters anew: the same ones where the model has a seed."""
        rng = np.random.default_rng(self.seed)
        for layer, views in zip(self._dense(), self._views(self._params), strict=True):
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
        if value is not self._params:
            array = checks.numbers_array("params", value, self.dtype)
            self._params[:] = checks.vector("params", array, self.n_params, self.dtype)

    def _views(self, vector: NDArray[Any]) -> Iterator[list[NDArray[Any]]]:
        at = 0
        for layer in self._dense():
            size = layer.in_features * layer.out_features
            views = [vector[at : at + size].reshape(layer.in_features, layer.out_features)]
            at += size
            if layer.bias:
                views.append(vector[at : at + layer.out_features])
                at += layer.out_features
            yield views

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
            vector = self._params
        if not isinstance(vector, np.ndarray) or vector.shape != (self.n_params,):
            raise ValueError(f"vector has shape {np.shape(vector)}; expected ({self.n_params},)")
        return [
            (f"dense{i}.{kind}", view)
            for i, views in enumerate(self._views(vector))
            for kind, view in zip(("weight", "bias"), views, strict=False)
        ]

    def bind(self, *, trains: bool, blocks: bool = True) -> Network:
        """A compiled network over `params`, with a workspace of its own, which grows to the largest batch it meets.

        Parameters
        ----------
        trains : bool
            Whether it has the buffers of the backward pass.
        blocks : bool, default True
            Whether many rows may be cut into blocks; a loss computed in Python needs them in one.
        """
        table: list[tuple[str, int, int, bool, str] | tuple[str, int, float]] = []
        width = self.in_features
        for layer in self.layers:
            if isinstance(layer, Dense):
                table.append(("dense", layer.in_features, layer.out_features, layer.bias, layer.activation))
                width = layer.out_features
            else:
                table.append(("dropout", width, layer.rate))
        return load(self.dtype).Network(tuple(table), self._params, 1, trains, blocks)

    def _network(self, trains: bool) -> Network:
        found = self._networks.get(trains)
        if found is None:
            found = self._networks[trains] = self.bind(trains=trains)
        return found

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Raw outputs (logits), dropout left out.

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
        return network.predict(checks.inputs(X, self.in_features, self.dtype))

    def loss(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: str | Loss | CustomLoss,
        *,
        sample_weight: ArrayLike | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout_seed: int | None = None,
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
            Adds l1 * sum |w| + l2/2 * sum w^2 over the weights, not the biases.
        dropout_seed : int, optional
            Fixes a dropout mask, the same in every call; without it dropout is left out.
        """
        return self._evaluate(X, y, loss, sample_weight, l1, l2, dropout_seed, None)

    def loss_and_grad(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: str | Loss | CustomLoss,
        *,
        sample_weight: ArrayLike | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout_seed: int | None = None,
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
        return self._evaluate(X, y, loss, sample_weight, l1, l2, dropout_seed, grad), grad

    def _evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: str | Loss | CustomLoss,
        sample_weight: ArrayLike | None,
        l1: float,
        l2: float,
        dropout_seed: int | None,
        grad: NDArray[Any] | None,
    ) -> float:
        kind = get_loss(loss)
        data = take_samples(
            X, y, sample_weight,
            n_in=self.in_features, n_out=self.out_features, dtype=self.dtype, loss=kind,
        )  # fmt: skip
        l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
        return self.evaluate(data, kind, l1, l2, dropout_key(dropout_seed), grad)

    def evaluate(
        self,
        data: Samples,
        loss: Loss | CustomLoss,
        l1: float = 0.0,
        l2: float = 0.0,
        key: int = 0,
        grad: NDArray[Any] | None = None,
    ) -> float:
        """`loss` or `loss_and_grad` on samples that were checked before: what a loop calls.

        Parameters
        ----------
        data : Samples
            From `gdcore.batches.take_samples`, for this loss.
        loss : Loss or callable
        l1, l2 : float, default 0
        key : int, default 0
            From `dropout_key`; 0 leaves dropout out.
        grad : ndarray, shape (n_params,), optional
            Where the gradient is written.
        """
        trains = grad is not None or key != 0
        if isinstance(loss, Loss):
            network = self._network(trains)
            value = network.loss(
                loss.name, loss.option(), data.X, data.target, data.labels, data.weight, key, grad
            )
        else:
            network = self.bind(trains=trains, blocks=False)
            outputs = network.outputs(data.X, key)[-1]
            value, delta = checks.custom_result(loss(outputs, data.y), outputs.shape, self.dtype)
            if grad is not None:
                network.gradient_from(data.X, delta, grad, key)
        if l1 or l2:
            value += network.penalty(l1, l2, grad)
        return value

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | CustomLoss,
        optimizer: str | Optimizer = "sgd",
        epochs: int = 10,
        batch_size: int = 32,
        shuffle: bool = True,
        drop_last: bool = False,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        stop: StoppingCriterion | Iterable[StoppingCriterion] = (),
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        seed: int | None = None,
    ) -> History:
        """Build a `Trainer` and run it; its docstring and `Trainer.fit`'s explain the parameters.

        Returns
        -------
        History
        """
        from ..training import Trainer

        trainer = Trainer(
            self, loss, optimizer, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last,
            l1=l1, l2=l2, clip_norm=clip_norm, seed=seed,
        )  # fmt: skip
        return trainer.fit(
            X, y, epochs=epochs, sample_weight=sample_weight, validation_data=validation_data, stop=stop
        )

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
        rows = [("layer", "output", "parameters")]
        width = self.in_features
        for layer in self.layers:
            width = layer.out_features if isinstance(layer, Dense) else width
            n_params = layer.n_params if isinstance(layer, Dense) else 0
            rows.append((repr(layer), f"(n, {width})", f"{n_params:,}"))
        rows.append(("total", f"{self.dtype}", f"{self.n_params:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
        rule = "-" * len(lines[0])
        print("\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]]))

    def astype(self, dtype: str) -> Sequential:
        """A copy in another precision, with the same parameters rounded to it."""
        copy = Sequential(*self.layers, seed=self.seed, dtype=dtype)
        copy._params[:] = self._params
        return copy

    def copy(self) -> Sequential:
        """A model of its own with the same layers and parameters."""
        return self.astype(self.dtype)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Sequential:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.layers, self.seed, self.dtype, self._params.copy())

    def __repr__(self) -> str:
        parts = [repr(layer) for layer in self.layers]
        if self.seed is not None:
            parts.append(f"seed={self.seed}")
        if self.dtype != "float32":
            parts.append(f"dtype={self.dtype!r}")
        return f"Sequential({', '.join(parts)})"


def _restore(layers: tuple[Layer, ...], seed: int | None, dtype: str, params: NDArray[Any]) -> Sequential:
    model = Sequential(*layers, seed=seed, dtype=dtype)
    model.params = params
    return model


def _checked(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    width: int | None = None
    for i, layer in enumerate(layers):
        if not isinstance(layer, Dense | Dropout):
            raise TypeError(f"layer {i} must be a Dense or a Dropout, got {layer!r}")
        if isinstance(layer, Dense):
            if width is not None and layer.in_features != width:
                raise ValueError(
                    f"layer {i} takes {layer.in_features} features, but the one before it gives {width}"
                )
            width = layer.out_features
    if width is None:
        raise ValueError("a model needs at least one Dense layer")
    return layers
