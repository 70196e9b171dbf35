"""Arrays as a call is given them: held while it lasts, and converted where they have another format.

Design
------
- A memoryview takes its own precision alone, and a conversion in Python takes many times as long as a small step.
- Contiguous numbers of the kernels' own format are read where they stand. Others are copied into memory of the call.
- NumPy writes a format's name anew for every buffer, so it is not asked for the name of a type that is known.
- What is not in the table of formats is refused, and so is a number that becomes infinite: Python explains it.
"""

cdef extern from "machine/arrays.h" nogil:
    ctypedef bint convert_numbers(const char *source, Py_ssize_t step, Py_ssize_t n, void *to)
    ctypedef struct NumberFormat "struct number_format":
        char is_real
        char is_label
        convert_numbers *to_real
        convert_numbers *to_label
    const NumberFormat *find_format(const char *format)
    const char *REAL_FORMAT


cdef struct Held:
    Py_buffer view           # all zeros where nothing is held
    void *copy               # of the numbers, or NULL
    Py_ssize_t rows, columns


cdef inline void hold_nothing(Held *of) noexcept nogil:
    """Begin."""
    memset(of, 0, sizeof(Held))


cdef inline void let_go(Held *of) noexcept:
    """End what `hold` began."""
    free(of.copy)
    PyBuffer_Release(&of.view)


cdef inline bint is_contiguous(const Held *of) noexcept nogil:
    """Return whether the numbers stand one behind the other, row by row."""
    cdef const Py_buffer *view = &of.view
    if view.ndim == 2 and of.columns > 1 and view.strides[1] != view.itemsize:
        return False
    return of.rows <= 1 or view.strides[0] == of.columns * view.itemsize


cdef inline bint is_aligned(const Py_buffer *view) noexcept nogil:
    """Return whether every number stands at a multiple of its size."""
    cdef Py_ssize_t steps = view.strides[0] | (view.strides[1] if view.ndim == 2 else 0)
    return (<Py_ssize_t>view.buf | steps) & (view.itemsize - 1) == 0


cdef void *hold(Held *of, object array, bint labels) except NULL:
    """Return the numbers of a vector or a matrix, as `real` or as labels, row by row."""
    cdef Py_buffer *view = &of.view
    cdef const NumberFormat *format
    cdef convert_numbers *convert
    cdef Py_ssize_t r, size, step
    cdef const char *source
    cdef bint fits = True, ours = type(array) is _array and array.dtype is _dtype
    PyObject_GetBuffer(array, view, PyBUF_STRIDED_RO if ours else PyBUF_RECORDS_RO)
    format = find_format(REAL_FORMAT if ours else view.format)
    if format == NULL or not 1 <= view.ndim <= 2 or not is_aligned(view):
        raise TypeError("not an aligned array of numbers with one or two dimensions")
    of.rows, of.columns = view.shape[0], view.shape[1] if view.ndim == 2 else 1
    if (format.is_label if labels else format.is_real) and is_contiguous(of):
        return view.buf
    convert = format.to_label if labels else format.to_real
    if convert == NULL:
        raise TypeError("labels must be integers")
    size = of.columns * <Py_ssize_t>(sizeof(int64_t) if labels else sizeof(real))
    of.copy = malloc(max(<Py_ssize_t>1, of.rows * size))
    if of.copy == NULL:
        raise MemoryError(f"no memory for a copy of an array of {of.rows} x {of.columns} numbers")
    step = view.strides[1] if view.ndim == 2 else 0
    source = <const char *>view.buf
    with nogil:
        if of.columns == 1:
            fits = convert(source, view.strides[0], of.rows, of.copy)
        else:
            for r in range(of.rows):
                fits &= convert(source + r * view.strides[0], step, of.columns, <char *>of.copy + r * size)
    if not fits:
        raise ValueError("an array has a number that is too large for the model's precision")
    return of.copy


cdef object new_matrix(Py_ssize_t rows, Py_ssize_t columns, real **numbers):
    """Return an array (rows, columns) of this precision that nobody has filled, and point at its numbers."""
    cdef Py_buffer view
    matrix = _empty((rows, columns), _dtype)
    PyObject_GetBuffer(matrix, &view, PyBUF_WRITABLE)
    numbers[0] = <real *>view.buf
    PyBuffer_Release(&view)
    return matrix
