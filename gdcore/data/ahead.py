"""Reading ahead: a thread reads what comes next while the caller works on what came before.

Design
------
- One thing is read at a time and one is ready or being read, so what is in memory is bounded: the caller's, and the
  next.
- The thread lives as long as the loop. However that ends (its last item, an exception, Ctrl-C), the thread is told to
  stop, which it does after the block it is at, and is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

Task = Callable[[Event], T]
"""What reads one thing; it looks at the event now and then, and returns at once if that is set."""


class _Slot:
    """One thing on its way from the thread to the caller."""

    def __init__(self) -> None:
        self.wanted, self.ready = Event(), Event()
        self.found: object = None
        self.error: BaseException | None = None


def ahead(tasks: Iterable[Task[T]]) -> Generator[T, None, None]:
    """Yield what each task returns; the next one runs in a thread meanwhile. What a task raises is raised here.

    Examples
    --------
    >>> list(ahead(lambda stop, i=i: i * i for i in range(4)))
    [0, 1, 4, 9]
    """
    todo = list(tasks)
    slots = [_Slot() for _ in todo]
    stop = Event()

    def work() -> None:
        for task, slot in zip(todo, slots, strict=True):
            slot.wanted.wait()
            if stop.is_set():
                return
            try:
                slot.found = task(stop)
            except BaseException as error:
                slot.error = error
            slot.ready.set()
            if slot.error is not None:
                return

    thread = Thread(target=work, name="gdcore-reader", daemon=True)
    try:
        thread.start()
        for slot in slots[:1]:
            slot.wanted.set()
        for i, slot in enumerate(slots):
            slot.ready.wait()
            if slot.error is not None:
                raise slot.error
            if i + 1 < len(slots):
                slots[i + 1].wanted.set()
            found, slot.found = slot.found, None
            yield found  # type: ignore[misc]
            del found
    finally:
        stop.set()
        for slot in slots:
            slot.wanted.set()
        thread.join()
