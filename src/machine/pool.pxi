"""The pool of threads, and the number of them that one call may use, which is the same for the whole process."""

cdef extern from "machine/pool.h" nogil:
    void pool_run(void (*run)(void *, int, int) noexcept nogil, void *context, int tasks, int threads) noexcept
    int pool_watch_forks() noexcept

if pool_watch_forks() != 0:
    raise MemoryError("no memory to prepare for forks")

cdef int n_threads = 1


def set_num_threads(int n):
    """Set the number of threads that one call may use."""
    global n_threads
    n_threads = max(1, min(n, <int>MAX_THREADS))


def get_num_threads():
    """Return the number of threads that one call may use."""
    return n_threads
