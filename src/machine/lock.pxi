"""A lock that is held for a whole call: it handles signals while it waits, knows its holder, and survives a fork.

Design
------
- A call may run a signal handler of Python, which may call the same object again and would wait forever. So the lock
  records its holder, and such a call raises an error.
- A thread waits without the GIL, in slices, between which the main thread runs its signal handlers.
- After a fork the holder may be a thread that the child does not have. The first call in the child replaces the lock.
  The new lock is held if the thread that forked, in a signal handler, was the holder, because its call continues.
- Everything except the waiting happens under the GIL.
"""

cdef extern from "Python.h":
    ctypedef enum PyLockStatus:
        PY_LOCK_ACQUIRED
    PyLockStatus PyThread_acquire_lock_timed(
        PyThread_type_lock lock, long long microseconds, int stops_for_signals,
    ) nogil

cdef extern from "machine/threads.h" nogil:
    long forks, survivor
    long this_thread() noexcept


cdef struct Lock:
    PyThread_type_lock lock
    long holder              # a thread's number; 0: not held
    long forks               # the process's number of forks when the lock was made


cdef int make_lock(Lock *lock) except -1:
    """Make a lock that is not held."""
    cdef PyThread_type_lock made = PyThread_allocate_lock()
    if made == NULL:
        raise MemoryError("no memory for a lock")
    lock.lock, lock.holder, lock.forks = made, 0, forks
    return 0


cdef void free_lock(Lock *lock) noexcept:
    """Free a lock, if it was made."""
    if lock.lock != NULL:
        PyThread_free_lock(lock.lock)


cdef int settle_lock(Lock *lock) except -1:
    """Replace a lock from before a fork. The old one is not freed, because its state may be undefined in the child."""
    cdef long holder = lock.holder
    if lock.forks == forks:
        return 0
    make_lock(lock)
    if holder == survivor and holder != 0:
        PyThread_acquire_lock(lock.lock, NOWAIT_LOCK)
        lock.holder = holder
    return 0


cdef int take_lock(Lock *lock) except -1:
    """Take the lock, and wait if another thread holds it.

    Raises RuntimeError if this thread holds it, and whatever a signal handler raises in the meantime.
    """
    cdef long me = this_thread()
    cdef bint taken
    if lock.holder == me:
        raise RuntimeError(
            "this code, such as a signal handler, interrupted a call of the model that it calls; set a flag here, and "
            "act on it when that call has returned"
        )
    settle_lock(lock)
    taken = PyThread_acquire_lock(lock.lock, NOWAIT_LOCK)
    while not taken:
        with nogil:
            taken = PyThread_acquire_lock_timed(lock.lock, WAIT_MICROSECONDS, 1) == PY_LOCK_ACQUIRED
        if not taken:
            handle_signals()
            settle_lock(lock)
    lock.holder = me
    return 0


cdef void release_lock(Lock *lock) noexcept:
    """Release the lock. A lock from before a fork is replaced by the next call."""
    lock.holder = 0
    if lock.forks == forks:
        PyThread_release_lock(lock.lock)


cdef class ParameterLock:
    """The lock that the networks over one vector of parameters share."""

    cdef Lock lock

    def __cinit__(self):
        make_lock(&self.lock)

    def __dealloc__(self):
        free_lock(&self.lock)

    def copied(self, params):
        """Return a copy of the parameters (n_params,), of whole steps: it waits for another thread that changes them.

        A signal handler that has interrupted such a call in this thread gets them as they are; a trainer knows whether
        that is in the middle of a step.
        """
        if self.lock.holder == this_thread():
            return params.copy()
        take_lock(&self.lock)
        try:
            return params.copy()
        finally:
            release_lock(&self.lock)
