"""A stack of layers over one flat vector of parameters, and the kernels bound to it.

Design
------
- `params` is one aligned vector: layer by layer, weight then bias, C order. Layers, gradients and an optimizer's slots
  are views of such vectors. `blocks` describes their parts, and nothing else spells a block's name.
- Samples, the objective and training work on stacks; `Sequential` is the user's view of one.
- Two compiled networks are bound when they are first needed: a small one to predict with, and one with the buffers of
  the backward pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..base import checks
from ..base.memory import aligned_zeros
from . import checks as layers_checks
from .dense import Dense
from .layer import Layer, Trained, checked_layers, first_width, layer_table
from .scaling import lowest_inputs
from .target import ScaledTarget

if TYPE_CHECKING:
    from .._kernels.base_float64 import Network, ParameterLock

Names = tuple[str, ...]


@final
@dataclass(frozen=True)
class Block:
    """A part of the flat vector: one layer's weight, gain or bias.

    Attributes
    ----------
    layer : str
        "dense0", "dense1", … in the order of the dense layers; "norm0", … of the normalizations.
    kind : str
        "weight", "gain" or "bias".
    place : slice
        Where it stands in the flat vector.
    shape : tuple of int
        (in_features, out_features), or (out_features,).
    """

    layer: str
    kind: str
    place: slice
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name such as "dense0.weight"."""
        return f"{self.layer}.{self.kind}"

    @property
    def is_weight(self) -> bool:
        """Whether it is a weight; penalties apply only to weights."""
        return self.kind == "weight"

    def of(self, vector: NDArray[Any]) -> NDArray[Any]:
        """Return the view into a flat vector (n_params,)."""
        return vector[self.place].reshape(self.shape)


def blocks_of(layers: list[Trained]) -> tuple[Block, ...]:
    """Return the blocks of layers with parameters, in the order of the flat vector."""
    found, at, counts = [], 0, Counter[str]()
    for layer in layers:
        name = f"{layer.part}{counts[layer.part]}"
        counts[layer.part] += 1
        for kind, shape in layer.shapes.items():
            size = prod(shape)
            found.append(Block(name, kind, slice(at, at + size), shape))
            at += size
    return tuple(found)


class Model(ABC):
    """Anything with a stack, which can be trained, checked and diagnosed."""

    @property
    @abstractmethod
    def stack(self) -> Stack:
        """The layers, their parameters and the kernels bound to them."""


def stack_of(model: object) -> Stack:
    """Return the stack of a model.

    Raises
    ------
    TypeError
        For what has none.
    """
    if not isinstance(model, Model):
        raise TypeError(layers_checks.no_model(model))
    return model.stack


@final
class Stack:
    """Checked layers over a flat vector of parameters, which are 0 at first.

    Parameters
    ----------
    layers : tuple of layers
    seed : int or None
        Of the initial parameters.
    dtype : {"float32", "float64"}

    Attributes
    ----------
    dense : list of Dense
    trained : list of Dense or LayerNorm
        The layers that hold parameters.
    dense_names : tuple of str
        Name of each dense layer, as in the names of its blocks: "dense0", "dense1", …
    names : tuple of str
        The same of all layers that hold parameters.
    blocks : tuple of Block
    lowest : ndarray, shape (in_features,), or None
        What every input must be above for the layers' logarithms.
    target_scale : ScaledTarget or None
        The last layer, where it is one.
    trained_loss : Loss, callable or None
        The loss of the last trainer or fit.
    numbered_classes : bool
        Whether the outputs stand for classes 0, 1, … of which each row has one, though the loss takes other targets:
        one output for two classes, or one output for each. So are models that come from a classifier of scikit-learn;
        training ends it.
    feature_names : tuple of str or None
        Columns of the data frame of the last fit.
    predicting : Network or None
        The network for predictions, once `network` has bound it.
    """

    def __init__(self, layers: tuple[Layer, ...], seed: int | None, dtype: str) -> None:
        self.layers = checked_layers(layers)
        self.seed = None if seed is None else checks.integer("seed", seed, 0, 2**64 - 1)
        self.dtype = checks.precision("dtype", dtype)
        self.dense = [layer for layer in self.layers if isinstance(layer, Dense)]
        self.trained: list[Trained] = [layer for layer in self.layers if isinstance(layer, Trained)]
        self.blocks = blocks_of(self.trained)
        self.names = tuple(dict.fromkeys(block.layer for block in self.blocks))
        self.dense_names = tuple(block.layer for block in self.blocks if block.is_weight)
        self.lowest = lowest_inputs(self.layers)
        last = self.layers[-1]
        self.target_scale = last if isinstance(last, ScaledTarget) else None
        self.trained_loss: Any = None
        self.numbered_classes = False
        self.feature_names: Names | None = None
        self.in_features, self.out_features = first_width(self.layers), self.trained[-1].out_features
        self.n_params = sum(layer.n_params for layer in self.trained)
        self._table = layer_table(self.layers, self.dtype)
        layers_checks.model_size(self.n_params)
        try:
            self._params = aligned_zeros(self.n_params, self.dtype)
        except MemoryError:
            raise MemoryError(f"no memory for {self.n_params:,} parameters: use smaller layers") from None
        self.predicting: Network | None = None
        self._training: Network | None = None
        self._locks: dict[object, ParameterLock] = {}  # one for each compiled module

    @property
    def params(self) -> NDArray[Any]:
        """The flat vector, shape (n_params,)."""
        return self._params

    @params.setter
    def params(self, value: object) -> None:
        own = self.own_params()
        if value is not own:
            array = checks.numbers_array("params", value, self.dtype)
            own[:] = checks.vector("params", array, self.n_params, self.dtype)

    def own_params(self, *, writes: bool = True) -> NDArray[Any]:
        """Return the flat vector after checking that nobody has changed its form.

        Raises
        ------
        ValueError
            Where its dtype, shape or flags were set in place.
        """
        return layers_checks.own_params(self._params, self.n_params, self.dtype, writes)

    def copied_params(self) -> NDArray[Any]:
        """Return a copy of the flat vector, which waits for another thread that trains: it never has half of a step."""
        return self._lock().copied(self.own_params(writes=False))

    def _lock(self) -> ParameterLock:
        """Return the lock that the networks of this stack share."""
        kernels = load(self.dtype)
        return self._locks.setdefault(kernels.ParameterLock, kernels.ParameterLock())

    def reset(self) -> None:
        """Draw new initial parameters (the same ones if there is a seed) and forget loss and feature names."""
        self.draw(self.own_params(), self.seed)
        self.trained_loss = self.feature_names = None
        self.numbered_classes = False

    def draw(self, vector: NDArray[Any], seed: int | None) -> None:
        """Write the initial parameters of a seed into a flat vector (n_params,)."""
        rng, blocks = np.random.default_rng(seed), iter(self.blocks)
        for layer in self.trained:
            for value in layer.initial(rng):
                vector[next(blocks).place] = value.ravel()

    def views(self, vector: NDArray[Any] | None = None) -> list[tuple[Block, NDArray[Any]]]:
        """Return each block with its view in a flat vector (n_params,), by default the parameters."""
        if vector is None:
            vector = self.own_params(writes=False)
        layers_checks.flat_vector(vector, self.n_params)
        return [(block, block.of(vector)) for block in self.blocks]

    def parameters(self, vector: NDArray[Any] | None = None) -> list[tuple[str, NDArray[Any]]]:
        """Return names and views of the blocks of a flat vector (n_params,), by default the parameters."""
        return [(block.name, view) for block, view in self.views(vector)]

    def layer_views(self, vector: NDArray[Any]) -> Iterator[list[NDArray[Any]]]:
        """Yield each layer's parameters in a flat vector (n_params,): weight or gain, then bias if it has one."""
        at = 0
        for layer in self.trained:
            count = len(layer.shapes)
            yield [block.of(vector) for block in self.blocks[at : at + count]]
            at += count

    def bind(self, *, trains: bool, blocks: bool = True) -> Network:
        """Return a compiled network over the parameters; its workspace grows to the largest batch it meets.

        The networks of one stack make calls of several threads wait for one another.

        Parameters
        ----------
        trains : bool
            Whether it has the buffers of the backward pass.
        blocks : bool, default True
            Whether many rows may be cut into blocks; a loss computed in Python needs them in one.
        """
        return load(self.dtype).Network(self._table, self.own_params(), 1, trains, blocks, self._lock())

    def network(self, trains: bool) -> Network:
        """Return the bound network for predictions, or the one with the buffers of the backward pass."""
        if trains:
            self._training = self._training or self.bind(trains=True)
            return self._training
        self.predicting = self.predicting or self.bind(trains=False)
        return self.predicting

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return outputs (n, out_features) in the units of the targets, for checked rows (n, in_features)."""
        outputs = self.network(False).predict(X)
        return outputs if self.target_scale is None else self.target_scale.restored(outputs)

    def with_layers(self, layers: tuple[Layer, ...]) -> Stack:
        """Return a stack of other layers of the same sizes, with a copy of these parameters."""
        other = Stack(layers, self.seed, self.dtype)
        other.params[:] = self.copied_params()
        return other

    def astype(self, dtype: str) -> Stack:
        """Return a copy in another precision, its parameters rounded to it."""
        other = Stack(self.layers, self.seed, dtype)
        other.params[:] = self.copied_params()
        other.trained_loss, other.feature_names = self.trained_loss, self.feature_names
        other.numbered_classes = self.numbered_classes
        return other

    def copy(self) -> Stack:
        """Return an independent stack with the same layers and parameters."""
        return self.astype(self.dtype)

    @property
    def plain(self) -> Stack:
        """The stack as the kernels see it, with standardized outputs and targets; usually the stack itself."""
        return self if self.target_scale is None else self.with_layers(self.layers[:-1])
