"""Turns: a trainer does one thing at a time, for one thread.

Design
------
- The turn is an entry of a dict of the `Training`. `dict.setdefault` takes it in one atomic call. The entry is a weak
  reference to a `Turn` that the `with` statement holds, so no exception can leave a turn taken, not even a signal's in
  the very line that begins or ends it.
- What happens while another call has the turn is settled in Python (training/turn.py).
- It is compiled because an epoch of a small network takes no longer than a turn takes in Python.
"""

_TURN = "turn"


cdef class Turn:
    """A context manager that holds a turn; while another one has it, `settle` waits, or raises."""

    cdef object __weakref__
    cdef dict turns
    cdef object entry, settle
    cdef str call
    cdef unsigned long thread
    cdef long forks_before

    def __cinit__(self, dict turns not None, str call not None, settle):
        self.turns, self.call, self.settle = turns, call, settle
        self.thread, self.forks_before = PyThread_get_thread_ident(), forks
        self.entry = PyWeakref_NewRef(self, None)

    def __enter__(self):
        while True:
            held = self.turns.setdefault(_TURN, self.entry)
            if held is self.entry:
                return
            other = held_turn(held)
            if other is not None:
                call, same_thread = other.call, other.thread == self.thread
                other = None    # while this call waits, the other one's `with` statement alone may keep its turn
                self.settle(self.call, call, same_thread)
            elif self.turns.get(_TURN) is held:
                self.turns.pop(_TURN, None)

    def __exit__(self, kind, error, traceback):
        self.turns.pop(_TURN, None)


cdef Turn held_turn(object entry):
    """Return the turn that an entry stands for; None if its holder is gone, or was there before a fork."""
    cdef Turn turn = entry()
    return turn if turn is not None and turn.forks_before == forks else None
