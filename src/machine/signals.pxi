"""Signals within long runs: when to look at them, and how all threads of a job leave it.

Design
------
- Long runs look at pending signals now and then, so that Ctrl-C is answered within 100 ms on an idle machine: by work
  done first, then by the clock, and only then by taking the GIL. What is between two looks takes a core some 20 ms at
  the most: rows of a block, and groups of columns in a product. An update is not left half-way.
- Only the thread that called looks; the others see the flag that it raises.
"""

cdef extern from "Python.h":
    int check_signals "PyErr_CheckSignals"() noexcept    # -1, with the exception set

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
    Flag stopped             # a signal handler has raised; what is left of the job is skipped

cdef struct Worker:          # one of the threads that share a job
    real *panels             # scratch of its products
    Poll *poll               # of the job; NULL: it is never left
    int thread               # 0: the one that looks at signals


cdef bint interrupted(Poll *poll, Py_ssize_t work) noexcept nogil:
    """Whether a signal handler has raised (KeyboardInterrupt), looking only when it is time to. It stays raised."""
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
        return check_signals() != 0


cdef inline bint stops(const Worker *worker, Py_ssize_t work) noexcept nogil:
    """Whether to leave a job where it is; the calling thread looks, the others follow."""
    cdef Poll *poll = worker.poll
    if poll == NULL:
        return False
    if worker.thread == 0 and not flag_up(&poll.stopped):
        flag_set(&poll.stopped, interrupted(poll, work))
    return flag_up(&poll.stopped)
