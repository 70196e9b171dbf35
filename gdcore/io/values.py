"""Values as JSON and tensors, and back: numbers, texts, tuples, lists, dicts, arrays and records, and nothing else.

Design
------
- A JSON list is a tuple. Everything else that JSON does not have is an object with one tag, such as
  {"record": "losses", "values": {"kind": "huber", "delta": 1.0}}, so that no data can be mistaken for it.
- A schedule that is none of gdcore's own, within an optimizer, stands beside the optimizer's record.
- Arrays, and tuples or lists of more than `MAX_INLINE` numbers, become tensors, named by where they stand. A file's
  tensors are those that its document refers to, each once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.record import Record, field_names
from . import checks as io_checks
from . import labels, vocabulary
from .errors import FileFormatError
from .header import DTYPES, plain_text
from .strict_json import LARGEST

MAX_INLINE = 16
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
KINDS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "array": lambda array: array,
    "tuple": lambda array: tuple(array.tolist()),
    "list": lambda array: array.tolist(),
}
"""What a tensor becomes."""


@final
class Writer:
    """Collects the tensors of a document while its values are encoded.

    Parameters
    ----------
    custom : mapping of str to function or class
        What is saved by name.
    """

    def __init__(self, custom: Mapping[str, Any]) -> None:
        self.custom = custom
        self.tensors: dict[str, NDArray[Any]] = {}

    def encode(self, value: Any, at: str) -> Any:
        """Return a value in JSON; `at` names its place, for tensors and messages.

        Raises
        ------
        TypeError, ValueError
            For what no file can hold.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, int) and abs(value) >= LARGEST:
            raise io_checks.large_integer(at, value)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            return _text(value, at)
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, np.ndarray):
            return self._array(value, at)
        if isinstance(value, tuple | list):
            return self._several(value, at)
        if isinstance(value, Mapping):
            return {"dict": self._named(value, at)}
        if isinstance(value, Record):
            return self._record(value, at)
        if callable(value):
            return {"custom": self.custom_name(value)}
        raise io_checks.no_value(at, value)

    def custom_name(self, value: Any) -> str:
        """Return the name that a function, or a class of the user's, is saved by.

        Raises
        ------
        ValueError
            For a function without one, and for one whose own name `custom` gives to another.
        """
        name = self.name_of(value)
        if name is None:
            raise io_checks.without_name(value)
        return name

    def name_of(self, value: Any) -> str | None:
        """Return the same name, or None for a function without one."""
        for name, known in self.custom.items():
            if value is known:
                return name
        own = str(getattr(value, "__name__", ""))
        if own in self.custom:
            raise io_checks.taken_name(own)
        return own if own.isidentifier() else None

    def _record(self, record: Record, at: str) -> dict[str, Any]:
        rate = vocabulary.own_rate(record)
        if rate is not None:
            plain: Any = record  # every optimizer is a dataclass
            rest = self._record(replace(plain, learning_rate=1.0), at)
            return {**rest, "learning_rate": self.encode(rate, f"{at}.learning_rate")}
        try:
            found = vocabulary.to_dict(record)
        except TypeError as error:
            raise io_checks.refused_record(at, error) from None
        if found is not None:
            registry, values = found
            return {"record": registry, "values": self._named(values, at)}
        own = {name: getattr(record, name) for name in field_names(type(record))}
        return {"custom": self.custom_name(type(record)), "fields": self._named(own, at)}

    def _named(self, values: Mapping[str, Any], at: str) -> dict[str, Any]:
        return {_text(name, at): self.encode(value, f"{at}.{name}") for name, value in values.items()}

    def _several(self, value: tuple[Any, ...] | list[Any], at: str) -> Any:
        kind = "tuple" if isinstance(value, tuple) else "list"
        if len(value) > MAX_INLINE:
            if all(type(entry) is float for entry in value):
                return self._tensor(np.array(value, np.float64), at, kind)
            if all(type(entry) is int and -(2**63) <= entry < 2**63 for entry in value):
                return self._tensor(np.array(value, np.int64), at, kind)
        encoded = [self.encode(entry, f"{at}.{i}") for i, entry in enumerate(value)]
        return encoded if kind == "tuple" else {"list": encoded}

    def _array(self, array: NDArray[Any], at: str) -> dict[str, Any]:
        if array.dtype.newbyteorder("<") in DTYPES.values():
            return self._tensor(array, at, "array")
        found = labels.encode(array)
        if found is None:
            raise io_checks.other_array(at, array)
        if array.dtype.kind in "UO":
            for entry in found["labels"]:
                _text(entry, at)
        return found

    def _tensor(self, array: NDArray[Any], at: str, kind: str) -> dict[str, str]:
        self.tensors[at] = array
        return {"tensor": at, "as": kind}


@final
class Reader:
    """Gives the values of a document; each of the file's tensors is used once.

    Parameters
    ----------
    tensors : mapping of str to ndarray
    custom : mapping of str to function or class
        What the names of the user's own functions and classes stand for.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]], custom: Mapping[str, Any]) -> None:
        self.tensors = dict(tensors)
        self.custom = custom

    def decode(self, value: Any) -> Any:
        """Return a value from JSON.

        Raises
        ------
        FileFormatError
            For what `Writer.encode` never makes.
        """
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return plain_text(value, "a text")
        if isinstance(value, list):
            return tuple(map(self.decode, value))
        if len(value) == 1:
            ((tag, content),) = value.items()
            if tag == "list" and isinstance(content, list):
                return list(map(self.decode, content))
            if tag == "dict":
                return self.mapping(content)
            if tag == "float" and isinstance(content, str) and content in NOT_FINITE:
                return NOT_FINITE[content]
            if tag == "custom" and isinstance(content, str):
                return vocabulary.custom_object(content, self.custom)
        elif set(value) == {"labels", "of"}:
            return labels.decode(self.decode({"list": value["labels"]}), value["of"])
        elif set(value) == {"record", "values"}:
            return vocabulary.from_dict(value["record"], self.mapping(value["values"]))
        elif set(value) == {"record", "values", "learning_rate"}:
            optimizer = vocabulary.from_dict(value["record"], self.mapping(value["values"]))
            return vocabulary.with_rate(optimizer, self.decode(value["learning_rate"]))
        elif set(value) == {"custom", "fields"} and isinstance(value["custom"], str):
            return self._of_custom_class(value["custom"], self.mapping(value["fields"]))
        elif set(value) == {"tensor", "as"} and isinstance(value["as"], str) and value["as"] in KINDS:
            return self._of_tensor(value["tensor"], value["as"])
        raise FileFormatError(f"has a value of unknown form: {checks.short(value)}")

    def mapping(self, value: Any) -> dict[str, Any]:
        """Return an object's values by name."""
        if not isinstance(value, dict):
            raise FileFormatError(f"has {checks.short(value)} where names and values are due")
        return {plain_text(key, "a name"): self.decode(entry) for key, entry in value.items()}

    def take(self, name: Any) -> NDArray[Any]:
        """Return the tensor of that name, which nothing else can have."""
        if not isinstance(name, str) or name not in self.tensors:
            raise FileFormatError(f"has no tensor {checks.short(name)}, or refers to it twice")
        return self.tensors.pop(name)

    def finish(self) -> None:
        """Check that no tensor is left over."""
        if self.tensors:
            raise FileFormatError(f"has a tensor that nothing refers to: {next(iter(self.tensors))[:80]!r}")

    def _of_custom_class(self, name: str, fields: dict[str, Any]) -> Any:
        kind = vocabulary.custom_object(name, self.custom)
        if not (isinstance(kind, type) and issubclass(kind, Record)):
            raise io_checks.no_class(name, kind)
        try:
            return kind(**fields)
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"describes an invalid {name}: {error}") from None

    def _of_tensor(self, name: Any, kind: str) -> Any:
        array = self.take(name)
        if kind != "array" and array.ndim != 1:
            raise FileFormatError(f"has a {kind} of shape {array.shape}: {name[:80]!r}")
        return KINDS[kind](array)


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise io_checks.no_text(at, value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise io_checks.not_utf8(at, value) from None
    return value
