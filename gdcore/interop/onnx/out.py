"""`to_onnx`: a model, an estimator or a pipeline as an ONNX graph."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ...base.calls import explains_calls
from .. import checks as interop_checks
from .model import model_to_onnx
from .pipeline import estimator_to_onnx

if TYPE_CHECKING:
    from ...models import Sequential


@explains_calls
def to_onnx(model: Sequential, *, dtype: str | None = None, output: str = "raw") -> Any:
    """Return a model as an `onnx.ModelProto`, which onnxruntime and many other programs run.

    Its input is "X" of shape (n, in_features), its output "y" of shape (n, out_features), for any n. Scaling layers
    are included; dropout is left out, as in `predict`.

    Parameters
    ----------
    model : Sequential, estimator or Pipeline
        A fitted estimator of `gdcore.sklearn`, or a Pipeline of scikit-learn, is exported by skl2onnx, which is
        told of gdcore's estimators. A classifier's outputs are "label" and "probabilities" (n, n_classes), a
        regressor's is "variable".
    dtype : {"float32", "float64"}, optional
        Precision of inputs, outputs and parameters; by default the model's.
    output : {"raw", "sigmoid", "softmax"}, default "raw"
        What is applied to the outputs: those of a model trained with binary_cross_entropy become probabilities by the
        sigmoid, those of cross_entropy by the softmax; what does not fit the loss of the last fit is refused.
        Estimators have probabilities of their own.

    Returns
    -------
    onnx.ModelProto
        Of opset 18; save it by `onnx.save`. The names of the features, if the model has them, are in its metadata
        under "feature_names", one a line.

    Raises
    ------
    ImportError
        If onnx, or for an estimator skl2onnx, is not installed: the extra "onnx".
    TypeError, ValueError
        For a layer that has no form there, or parameters that are not finite.

    Notes
    -----
    onnxruntime has the error function in float32 only. So gelu in float64 is some fifty elementary operations, right to
    roundoff; pass dtype="float32" for one that is faster.

    Examples
    --------
    >>> import gdcore as gd
    >>> graph = to_onnx(gd.MLP([2, 3, 1], seed=0))  # doctest: +SKIP
    >>> onnx.save(graph, "model.onnx")  # doctest: +SKIP
    """
    base = sys.modules.get("sklearn.base")  # an estimator has imported it
    if base is not None and isinstance(model, base.BaseEstimator):
        return estimator_to_onnx(model, interop_checks.for_estimator(dtype, output))
    return model_to_onnx(model, dtype, output)
