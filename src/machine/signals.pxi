"""Signals within long runs: when to look for them, and how all threads of a job stop.

Design
------
- Long runs look for pending signals now and then, so that Ctrl-C takes effect within 100 ms on an idle machine. They
  count work first, then read the clock, and only then take the GIL. The work between two looks, rows of a block or
  groups of columns in a product, takes a core at most 20 ms. An update is never interrupted.
- Only the thread that called looks; the others see the flag that it raises.
"""

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept    # -1, with the exception set
    void PyErr_SetNone(object kind)

cdef extern from "time.h" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *now)
    enum: CLOCK_MONOTONIC


cdef extern from "machine/pool.h" nogil:
    ctypedef struct Flag:
        pass
    void flag_set(Flag *flag, bint up) noexcept
    bint flag_up(Flag *flag) noexcept

cdef struct Poll:
    Py_ssize_t work
    long nanoseconds
    Flag stopped             # whether a signal handler has raised, so that the rest of the job is skipped
    Flag asked               # whether another thread asks the job to stop, as signals reach the main thread alone

cdef struct Worker:          # one of the threads that share a job
    real *panels             # scratch of its products
    Poll *poll               # of the job; NULL: the job cannot be stopped
    int thread               # thread 0 looks for signals


cdef inline int handle_signals() except -1:
    """Run the handlers of pending signals, and raise what one of them raises."""
    return PyErr_CheckSignals()


cdef bint interrupted(Poll *poll, Py_ssize_t work) noexcept nogil:
    """Return whether a signal handler has raised, looking only if it is time to. The exception remains set."""
    cdef timespec now
    cdef long since
    poll.work += work + CALL_WORK
    if poll.work < POLL_WORK:
        return False
    poll.work = 0
    clock_gettime(CLOCK_MONOTONIC, &now)
    since = now.tv_sec * 1000000000 + now.tv_nsec - poll.nanoseconds
    if since < POLL_NANOSECONDS:
        return False
    poll.nanoseconds += since
    with gil:
        if flag_up(&poll.asked):
            PyErr_SetNone(KeyboardInterrupt)
            return True
        return PyErr_CheckSignals() != 0


cdef inline bint stops(const Worker *worker, Py_ssize_t work) noexcept nogil:
    """Return whether to stop a job. The calling thread looks for signals; the others read its flag."""
    cdef Poll *poll = worker.poll
    if poll == NULL:
        return False
    if worker.thread == 0 and not flag_up(&poll.stopped):
        flag_set(&poll.stopped, interrupted(poll, work))
    return flag_up(&poll.stopped)
