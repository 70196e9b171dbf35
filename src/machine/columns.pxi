"""Columns of a table as the rows of a matrix (columns.h)."""

cdef extern from "machine/columns.h" nogil:
    ctypedef struct column_args:
        const char *numbers
        Py_ssize_t step
        convert_numbers *convert
    bint columns_to_rows(Py_ssize_t rows, Py_ssize_t n, const column_args *columns, real *to)


def turned_columns(list columns not None, real[:, ::1] X not None):
    """Write columns (n,) as those of X (n, n_features); return whether no finite number has become infinite."""
    cdef Py_ssize_t n = X.shape[1], rows = X.shape[0], held = 0, j
    cdef column_args *args
    cdef Py_buffer *views
    cdef const NumberFormat *format
    cdef bint fits = True
    if len(columns) != n:
        raise ValueError("there is not a column for each of the matrix")
    if n == 0 or rows == 0:
        return True
    args = <column_args *>PyMem_RawCalloc(n, sizeof(column_args))
    views = <Py_buffer *>PyMem_RawCalloc(n, sizeof(Py_buffer))
    if args == NULL or views == NULL:
        PyMem_RawFree(views)
        PyMem_RawFree(args)
        raise MemoryError(f"no memory for the places of {n} columns")
    try:
        for j in range(n):
            PyObject_GetBuffer(columns[j], &views[j], PyBUF_RECORDS_RO)
            held += 1
            format = find_format(views[j].format)
            if format == NULL or views[j].ndim != 1 or not is_aligned(&views[j]) or views[j].shape[0] != rows:
                raise TypeError("not an aligned array of numbers as long as the matrix")
            args[j].numbers, args[j].step = <const char *>views[j].buf, views[j].strides[0]
            args[j].convert = format.to_real
            if format.is_real and views[j].strides[0] == <Py_ssize_t>sizeof(real):
                args[j].convert = NULL
        with nogil:
            fits = columns_to_rows(rows, n, args, &X[0, 0])
    finally:
        for j in range(held):
            PyBuffer_Release(&views[j])
        PyMem_RawFree(views)
        PyMem_RawFree(args)
    return fits
