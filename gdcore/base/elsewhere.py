"""Names that are looked for in the package itself and stand in one of its rooms."""

from __future__ import annotations

from .spelling import did_you_mean

ROOMS: dict[str, tuple[str, ...]] = {
    "sklearn": ("GDSearchCV", "MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor"),
    "schedules": (
        "Cosine",
        "Exponential",
        "InverseScaling",
        "MultiStep",
        "OneCycle",
        "Polynomial",
        "ReduceOnPlateau",
        "Schedule",
        "StepDecay",
    ),
    "interop": ("from_sklearn", "from_torch", "register_skl2onnx", "to_c", "to_onnx", "to_sklearn", "to_torch"),
    "metrics": ("MAE", "R2", "Accuracy", "BinaryAccuracy", "CustomMetric", "Metric", "TopK"),
    "data": ("Arrow", "Csv", "Npy", "Reading", "Rows", "Shards", "Source", "write_shards"),
    "datasets": ("Digits", "Regression", "friedman", "load_digits"),
    "plot": (
        "activations",
        "decision_boundary",
        "descent",
        "gradient_flow",
        "loss_function",
        "loss_plane",
        "loss_slice",
    ),
}
"""The public names of each room that the package does not have itself."""


def where(name: str, own: tuple[str, ...]) -> str:
    """Return the end of a message on a name that the package does not have: the room where it, or one like it, stands.

    Parameters
    ----------
    name : str
    own : tuple of str
        The package's own names; where one of them is near, Python suggests it.

    Examples
    --------
    >>> where("MLPClassifier", ()), where("Cosin", ()), where("Adamm", ("Adam",))
    (': it is gdcore.sklearn.MLPClassifier', '; did you mean gdcore.schedules.Cosine?', '')
    """
    rooms = {known: room for room, names in ROOMS.items() for known in names}
    if name in rooms:
        return f": it is gdcore.{rooms[name]}.{name}"
    if did_you_mean(name, own):
        return ""
    meant = [known for known in rooms if did_you_mean(name, [known], 0.8)]
    return f"; did you mean gdcore.{rooms[meant[0]]}.{meant[0]}?" if meant else ""
