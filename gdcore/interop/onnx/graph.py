"""A graph of ONNX that grows node by node."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike


@final
class Graph:
    """Nodes and constants, in one precision.

    Parameters
    ----------
    onnx : module
    dtype : {"float32", "float64"}
    """

    def __init__(self, onnx: Any, dtype: str) -> None:
        self._helper, self._numpy_helper = onnx.helper, onnx.numpy_helper
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, values: ArrayLike, name: str | None = None) -> str:
        """Return the name of a constant tensor."""
        name = f"constant{len(self.initializers)}" if name is None else name
        array = np.ascontiguousarray(np.asarray(values), self.dtype).reshape(np.shape(values))
        self.initializers.append(self._numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, output: str | None = None, **options: float) -> str:
        """Add an operation, and return the name of its result."""
        output = f"{kind.lower()}{len(self.nodes)}" if output is None else output
        self.nodes.append(self._helper.make_node(kind, list(inputs), [output], **options))
        return output
