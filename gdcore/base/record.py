"""Records, which hold settings, and registries, which list the records of one kind.

Design
------
- A record is a frozen dataclass. Its repr, the call that makes it, and its dict, which a file can hold, follow from its
  fields: a new record writes neither.
- A registry reads a dict. It knows every name that may stand there, so nothing is imported or evaluated by name, and
  the record's own checks see every value. Every field must be present, as defaults may change.
- A field that may hold another record names the registry of it in `registries`.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, final

from . import checks
from .per_model import PerModel, of_each_model, varies, with_tuples
from .spelling import counted_repr, did_you_mean, plain_repr

Row = TypeVar("Row")


class ClassSignature:
    """The signature of a record's class: that of its `__init__`, though `__new__` takes anything."""

    def __get__(self, instance: object, owner: Any) -> Any:
        from inspect import signature

        if instance is not None:
            raise AttributeError("a record has the signature of its __call__")
        found = signature(owner.__init__)
        return found.replace(parameters=list(found.parameters.values())[1:])


class Record:
    """Base of the frozen dataclasses that hold settings."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    name: ClassVar[str]
    """Name in strings and in saved dicts."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names in strings."""
    positional: ClassVar[int] = 0
    """Number of fields that the repr shows without names: the first one always, others if they are not the default."""
    labelled: ClassVar[tuple[str, ...]] = ()
    """Fields that the repr always shows, with their names."""
    registries: ClassVar[Mapping[str, Registry[Any]]] = {}
    """For each field that may hold a record, the registry of that record."""
    added: ClassVar[tuple[str, ...]] = ()
    """Fields that files of earlier versions lack: these have the defaults."""
    per_model: ClassVar[bool] = False
    """Whether the class takes arrays with an entry for each model, and then makes a `PerModel`."""
    independent: ClassVar[bool] = False
    """Whether each number is allowed from one end to another, whatever the others are, so that the ends of arrays tell
    whether all of their entries are."""

    if not TYPE_CHECKING:  # the arguments are those of `__init__`
        __signature__ = ClassSignature()

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            """Return a record to be filled, or for arrays the records of many models."""
            if cls.per_model and any(map(varies, (*args, *kwargs.values()))):
                args, kwargs = with_tuples(cls, args, kwargs)
                if any(map(varies, (*args, *kwargs.values()))):
                    return of_each_model(cls, args, kwargs, independent=cls.independent)
            return object.__new__(cls)

    def settings(self) -> tuple[Any, ...]:
        """Return the values of the fields in their order; the entries of a tuple stand one by one."""
        values = [getattr(self, name) for name in field_names(type(self))]
        return tuple(entry for value in values for entry in (value if isinstance(value, tuple) else (value,)))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dict of numbers, strings, lists and dicts.

        Returns
        -------
        dict
            The record's name under "kind", and its fields. `from_dict` of the registry returns an equal record. Of
            fields in `added`, only those that have not their defaults.

        Raises
        ------
        TypeError
            If a field holds a function.

        Examples
        --------
        >>> from gdcore.losses import LOSSES, Huber
        >>> Huber(0.5).to_dict()
        {'kind': 'huber', 'delta': 0.5}
        >>> LOSSES.from_dict({"kind": "huber", "delta": 0.5})
        Huber(delta=0.5)
        """
        defaults = {field.name: field.default for field in fields(self) if field.name in self.added}
        names = [name for name in field_names(type(self)) if defaults.get(name, MISSING) != getattr(self, name)]
        return {"kind": self.name, **{name: self._entry(name) for name in names}}

    def _entry(self, name: str) -> Any:
        """Return a field's value for a dict."""
        value = getattr(self, name)
        if isinstance(value, Record) and name in self.registries:
            return self.registries[name].to_dict(value)
        try:
            return plain(value)
        except TypeError:
            raise TypeError(
                f"{name} of {type(self).__name__} is {checks.short(value)}, which a dict cannot hold: "
                "pass it again to what reads the dict"
            ) from None

    def __repr__(self) -> str:
        """Return the call that makes the record."""
        parts, bare = [], True
        for i, field in enumerate(fields(self)):
            value, label = getattr(self, field.name), field.name in self.labelled
            default = field.default if field.default_factory is MISSING else field.default_factory()
            differs = default is MISSING or value != default
            required = default is MISSING and not field.kw_only
            bare = bare and not label and (required or i == 0 < self.positional or (i < self.positional and differs))
            if bare:
                parts.append(plain_repr(value))
            elif label or differs:
                parts.append(f"{field.name}={counted_repr(value) if label else plain_repr(value)}")
        return f"{type(self).__name__}({', '.join(parts)})"


def field_names(kind: type[Record]) -> tuple[str, ...]:
    """Return the names of a record's fields in their order."""
    return tuple(field.name for field in fields(kind))


def plain(value: object) -> Any:
    """Return a value in JSON's types: a tuple as a list, and a NumPy number as Python's.

    Raises
    ------
    TypeError
        For what JSON has no type for.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError


@final
class Registry(tuple[Row, ...]):
    """A tuple of the records of one kind, with one look-up by name.

    Parameters
    ----------
    what : str
        What messages call one of them, such as "loss".
    rows : tuple
        Classes of records, records, or other rows with a name and aliases.

    Attributes
    ----------
    what : str
    by_name : dict
        Each name and each alias -> the row.

    Examples
    --------
    >>> from gdcore.losses import LOSSES
    >>> LOSSES.find("mse")
    <class 'gdcore.losses.regression.MeanSquaredError'>
    """

    what: str
    by_name: dict[str, Row]

    def __new__(cls, what: str, rows: tuple[Any, ...]) -> Registry[Row]:
        self = super().__new__(cls, rows)
        self.what = what
        self.by_name = {name: row for row in rows for name in (row.name, *row.aliases)}
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.what, tuple(self)

    def find(self, name: object) -> Row:
        """Return the row with that name or alias, in any case.

        Raises
        ------
        ValueError
            For an unknown name; the message lists the known ones and the nearest.
        TypeError
            For what is no string.
        """
        if isinstance(name, PerModel):
            raise TypeError(f"{self.what} must be one record, got {name!r}: arrays are for gdcore.fit_many")
        return self.by_name[checks.known_name(self.what, name, tuple(self.by_name))]

    def kinds(self) -> dict[str, type[Record]]:
        """Return the classes of the records by their names."""
        found: list[Any] = [row if isinstance(row, type) else type(row) for row in self]
        return {kind.name: kind for kind in found if issubclass(kind, Record)}

    def to_dict(self, record: object) -> dict[str, Any]:
        """Return the dict of one of this registry's records.

        Raises
        ------
        TypeError
            For anything else: a function has no dict, and a record of the user's own could not be read again.
        """
        if not isinstance(record, Record) or type(record) not in self.kinds().values():
            raise TypeError(
                f"{self.what} must be one of gdcore's own records to become a dict, got {checks.short(record)}: "
                "pass it again to what reads the dict"
            )
        return record.to_dict()

    def from_dict(self, values: object) -> Any:
        """Return the record that a dict describes, as `to_dict` returned it.

        Raises
        ------
        ValueError, TypeError
            For an unknown kind, for a field that is unknown or missing, and for what the record itself refuses.

        Examples
        --------
        >>> from gdcore.losses import LOSSES
        >>> LOSSES.from_dict({"kind": "huber"})
        Traceback (most recent call last):
        ValueError: the saved loss 'huber' lacks delta: save all that to_dict() returns
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"a saved {self.what} must be a dict, got {checks.short(values)}: pass to_dict()'s result")
        if "kind" not in values:
            raise ValueError(f"the saved {self.what} lacks kind: save all that to_dict() returns")
        kinds, name = self.kinds(), values["kind"]
        if not isinstance(name, str) or name not in kinds:
            hint = did_you_mean(name, kinds) if isinstance(name, str) else ""
            raise ValueError(f"unknown kind of {self.what} {checks.short(name)}; known: {', '.join(kinds)}{hint}")
        kind = kinds[name]
        known, given = field_names(kind), [key for key in values if key != "kind"]
        missing = [field for field in known if field not in given and field not in kind.added]
        if missing:
            lacks = f"the saved {self.what} {name!r} lacks {', '.join(missing)}"
            raise ValueError(f"{lacks}: save all that to_dict() returns")
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known) or "; leave it out"
                raise ValueError(f"the saved {self.what} {name!r} has no field {checks.short(key)}{hint}")
        return kind(**{field: read(values[field], kind.registries.get(field)) for field in given})


def read(value: object, registry: Registry[Any] | None) -> object:
    """Return a field's value from that of a dict: a list as a tuple, a dict as the record that it describes."""
    if isinstance(value, list):
        return tuple(read(entry, None) for entry in value)
    return registry.from_dict(value) if registry is not None and isinstance(value, Mapping) else value
