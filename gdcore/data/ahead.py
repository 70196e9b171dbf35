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
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

T = TypeVar("T")

Task = Callable[[Event], T]
"""What reads one thing; it looks at the event now and then, and returns at once if that is set."""

END = object()


def ahead(tasks: Iterable[Task[T]]) -> Generator[T, None, None]:
    """Yield what each task returns; the next one runs in a thread meanwhile. What a task raises is raised here.

    The thread asks for the tasks too; a generator of them is closed there.

    Examples
    --------
    >>> list(ahead(lambda stop, i=i: i * i for i in range(4)))
    [0, 1, 4, 9]
    """
    stop, wanted = Event(), Semaphore(1)
    found: SimpleQueue[tuple[object, BaseException | None]] = SimpleQueue()

    def work() -> None:
        todo = iter(tasks)
        try:
            for task in todo:
                wanted.acquire()
                if stop.is_set():
                    return
                found.put((task(stop), None))
            found.put((END, None))
        except BaseException as error:
            found.put((END, error))
        finally:
            if isinstance(todo, Generator):
                todo.close()

    thread = Thread(target=work, name="gdcore-reader", daemon=True)
    try:
        thread.start()
        while True:
            thing, error = found.get()
            if error is not None:
                raise error
            if thing is END:
                return
            wanted.release()
            yield thing  # type: ignore[misc]
            del thing
    finally:
        stop.set()
        wanted.release()
        if thread.ident:  # else it could not be started, and the error says so
            thread.join()
