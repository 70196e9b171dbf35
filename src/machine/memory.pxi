"""Memory of the kernels: zeroed and aligned, in huge pages where it is large, and freed with the list that owns it."""

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)

cdef extern from "sys/mman.h" nogil:
    int madvise(void *memory, size_t size, int advice)
    enum: MADV_HUGEPAGE

cdef enum:
    ALIGNMENT = 64
    HUGE_PAGE = 2097152


cdef void free_capsule(object capsule) noexcept:
    """Free what a capsule owns."""
    free(PyCapsule_GetPointer(capsule, NULL))


cdef void *take_bytes(size_t size, list owner) except NULL:
    """Return zeroed, aligned memory that lives as long as its owner."""
    cdef void *memory = NULL
    cdef size_t unit = HUGE_PAGE if size >= HUGE_PAGE else ALIGNMENT
    if posix_memalign(&memory, unit, (size + unit - 1) // unit * unit):
        raise MemoryError(f"no memory for a workspace of {size} bytes: take smaller batches or layers")
    if size >= HUGE_PAGE:
        madvise(memory, size, MADV_HUGEPAGE)
    memset(memory, 0, size)
    owner.append(PyCapsule_New(memory, NULL, free_capsule))
    return memory
