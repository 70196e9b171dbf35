"""The parameters of an estimator in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base import checks
from ..io.errors import FileFormatError
from ..io.values import Reader, Writer

STATE = ("keys", "position", "has_gauss", "gauss")
"""What `RandomState.get_state` returns after the generator's name."""
N_KEYS = 624
"""The state of the Mersenne Twister has so many keys; a position beyond them would be read outside of the array."""


def pack_parameters(est: Any, writer: Writer) -> Any:
    """Return the document of `get_params`, without callbacks.

    Raises
    ------
    TypeError, ValueError
        For what no file can hold.
    """
    values = {**est.get_params(deep=False), "callbacks": ()}
    if values.get("n_ensemble") == 1:
        del values["n_ensemble"]  # files of one model are as they were
    values["random_state"] = _plain_random_state(values["random_state"])
    if "class_weight" in values:
        values["class_weight"] = _plain_class_weight(values["class_weight"])
    return writer.encode(values, "parameters")


def unpack_parameters(document: Any, kind: type[Any], reader: Reader) -> dict[str, Any]:
    """Return the parameters that a document describes; whether a fit takes them, the fit says.

    Raises
    ------
    FileFormatError
        For other parameters than those of the class, and for a random state or class weights that are none.
    """
    values, names = reader.decode(document), kind().get_params(deep=False)
    if isinstance(values, dict) and "n_ensemble" in names:
        values.setdefault("n_ensemble", 1)
    if not isinstance(values, dict) or set(values) != set(names):
        raise FileFormatError(f"has {checks.short(values)} where the parameters of {kind.__name__} are due")
    if not isinstance(values["callbacks"], tuple | list) or values["callbacks"]:
        raise FileFormatError(f"has callbacks, {checks.short(values['callbacks'])}, where none can be")
    values["random_state"] = _random_state(values["random_state"])
    if "class_weight" in values:
        values["class_weight"] = _class_weight(values["class_weight"])
    return values


def _plain_random_state(value: Any) -> Any:
    """Return a random state as numbers and arrays."""
    if not isinstance(value, np.random.RandomState):
        return value
    found: Any = value.get_state(legacy=False)
    if found["bit_generator"] != "MT19937":
        raise TypeError(
            f"cannot save random_state, a {found['bit_generator']}: pass a RandomState of a seed, or a seed"
        )
    inner = found["state"]
    return dict(
        zip(STATE, (inner["key"], int(inner["pos"]), int(found["has_gauss"]), float(found["gauss"])), strict=True)
    )


def _random_state(value: Any) -> Any:
    """Return a random state from numbers and arrays."""
    if not isinstance(value, dict):
        return value
    given: list[Any] = [value.get(name) for name in STATE]
    keys, position, has, gauss = given
    right = isinstance(keys, np.ndarray) and keys.dtype == np.uint32 and keys.shape == (N_KEYS,)
    right = right and type(position) is int and 0 <= position <= N_KEYS and type(has) is int and has in (0, 1)
    if not right or type(gauss) is not float or len(value) != len(STATE):
        raise FileFormatError("has a random_state that is none")
    found = np.random.RandomState()
    found.set_state(("MT19937", keys, position, has, gauss))
    return found


def _plain_class_weight(value: Any) -> Any:
    """Return class weights with pairs in place of dicts, whose keys may be no texts."""
    if isinstance(value, Mapping):
        return tuple((label, weight) for label, weight in value.items())
    return [_plain_class_weight(each) for each in value] if isinstance(value, list | tuple) else value


def _class_weight(value: Any) -> Any:
    """Return class weights with dicts in place of pairs."""
    if isinstance(value, list):
        return [_class_weight(each) for each in value]
    if not isinstance(value, tuple):
        return value
    for pair in value:
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], bool | int | float | str):
            raise FileFormatError(f"has {checks.short(value)} where class weights are due")
    return dict(value)
