"""Messages for calls that do not fit a function's arguments, with the right spelling.

Design
------
- Python's own TypeError says which argument is wrong, not which one to use instead. If the call itself has failed,
  before a line of the function has run, the error is raised again with the advice of `habits`. A correct call pays for
  one more frame, 0.3 to 0.7 us.
- `Trainer.step` and `Sequential.predict` are not wrapped: they are called in loops, and take about a microsecond
  themselves on a small network (`Sequential.loss` takes ten). Python's own message stands there; it names the argument.
- Constructors are wrapped in place. Signatures, help and pickles stay those of the class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from .habits import ELSEWHERE, POSITIONAL, TOO_MANY, known_as
from .not_arrays import refuse_source

F = TypeVar("F", bound=Callable[..., Any])

SHORT = 24
"""A remedy repeats at most this many characters of a value."""


def explains_calls(function: F) -> F:
    """Decorate a public function so that an unknown argument raises an error that names the right one.

    Examples
    --------
    >>> @explains_calls
    ... def train(X, *, epochs=1):
    ...     return epochs
    >>> train(0, n_iter=3)
    Traceback (most recent call last):
    TypeError: train() has no argument 'n_iter'; it is spelled epochs
    """

    @wraps(function)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # it came from within the function
            message = call_message(function, args, kwargs)
            if message is None:
                raise
        raise TypeError(message)

    return cast(F, explained)


def explains_constructor(kind: type) -> None:
    """Do the same for a class that defines its own `__init__`."""
    if "__init__" in vars(kind):
        type.__setattr__(kind, "__init__", explains_calls(vars(kind)["__init__"]))


def call_message(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a call, as a sentence; None if there is nothing better to say than Python does.

    Raises
    ------
    TypeError
        For a source where the function takes arrays alone.
    """
    owner, _, name = function.__qualname__.rpartition(".")
    parameters = list(inspect.signature(function).parameters.values())
    if owner and not owner.endswith("<locals>"):
        parameters, args = parameters[1:], args[1:]
    if name == "__init__":
        owner, name = "", owner
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = [key for key in kwargs if key not in named]
    if unknown:
        return f"{name}() has no argument {unknown[0]!r}; {_instead(unknown[0], kwargs[unknown[0]], named)}"
    remedy = f": {POSITIONAL[name]}" if name in POSITIONAL else ""
    takes = ", ".join(p.name for p in places)
    if len(args) > len(places) and all(p.kind != p.VAR_POSITIONAL for p in parameters):
        known = TOO_MANY.get(f"{owner}.{name}" if owner else name, "pass the others by name")
        remedy = remedy or (f": {known}" if len(named) > len(places) else "")
        limit = f"{len(places)} arguments by place ({takes})" if places else "no arguments by place"
        return f"{name}() takes {limit}, got {len(args)}{remedy}"
    twice = [p.name for p in places[: len(args)] if p.name in kwargs]
    if twice:
        return f"{name}({takes}) was given {twice[0]} twice, by place and by name"
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind != p.VAR_POSITIONAL and p.name not in kwargs and p not in places[: len(args)]
    ]
    if missing:
        for argument, value in [*zip((p.name for p in places), args, strict=False), *kwargs.items()]:
            refuse_source(argument, value)  # the targets that seem to be missing are in it
    return f"{name}({takes}) needs {' and '.join(missing)}{remedy}" if missing else None


def _instead(key: str, given: object, named: list[str]) -> str:
    """Return what to write instead of an unknown argument."""
    import difflib  # at the first message, not at import

    value = repr(given)
    if len(value) > SHORT or "\n" in value or " at 0x" in value:
        value = "…"
    habits = known_as(key.lower())
    for parameter, sentence in habits:
        if parameter in named or not parameter:
            return (sentence or f"it is spelled {parameter}").replace("{value}", value)
    close = difflib.get_close_matches(key.lower(), named, n=1, cutoff=0.75)
    if close:
        return f"did you mean {close[0]!r}?"
    for arguments, sentence in ELSEWHERE:
        if key in arguments:
            return sentence.replace("{key}", key).replace("{value}", value)
    if habits:
        parameter, sentence = habits[0]
        return f"another call takes it: {sentence or f'it is spelled {parameter}'}".replace("{value}", value)
    close = difflib.get_close_matches(key.lower(), named, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"it has {', '.join(named)}" if named else "it has none"
