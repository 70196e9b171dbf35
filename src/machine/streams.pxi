"""A generator of NumPy's that draws from the streams of many seeds: see streams.h."""

cdef extern from "machine/streams.h" nogil:
    ctypedef struct stream:
        pass
    ctypedef struct seed_streams:
        stream *of
        Py_ssize_t n, at, each, left
    ctypedef struct bit_generator:
        void *state
        uint64_t (*next_uint64)(void *) noexcept nogil
        uint32_t (*next_uint32)(void *) noexcept nogil
        double (*next_double)(void *) noexcept nogil
        uint64_t (*next_raw)(void *) noexcept nogil
    void begin_stream(uint64_t seed, stream *to)
    uint64_t streams_word(void *state) noexcept
    uint32_t streams_half(void *state) noexcept
    double streams_real(void *state) noexcept


cdef class Streams:
    """The streams of `seeds` as the bit generator of a `numpy.random.Generator`, which holds on to it.

    `lock` is what the Generator takes for its calls. A stream draws what ``default_rng`` of its seed draws, as long as
    the distributions take whole 64-bit words.
    """

    cdef seed_streams all
    cdef bit_generator interface
    cdef readonly object capsule, lock
    cdef list owned

    def __cinit__(self, const uint64_t[::1] seeds not None, object lock):
        cdef Py_ssize_t i
        self.owned, self.lock, self.all.n = [], lock, seeds.shape[0]
        if self.all.n == 0:
            raise ValueError("streams need a seed")
        self.all.of = <stream *>take_bytes(self.all.n * sizeof(stream), self.owned)
        for i in range(self.all.n):
            begin_stream(seeds[i], &self.all.of[i])
        self.each(PY_SSIZE_T_MAX)
        self.interface.state = &self.all
        self.interface.next_uint64 = self.interface.next_raw = streams_word
        self.interface.next_uint32, self.interface.next_double = streams_half, streams_real
        self.capsule = PyCapsule_New(&self.interface, "BitGenerator", NULL)

    def each(self, Py_ssize_t count):
        """Draw from the first stream, and after every `count` numbers from the next one."""
        if count < 1:
            raise ValueError(f"a stream is drawn from at least once, got {count}")
        self.all.at, self.all.each, self.all.left = 0, count, count

    def only(self, Py_ssize_t i):
        """Draw from stream i alone."""
        if not 0 <= i < self.all.n:
            raise ValueError(f"there are {self.all.n} streams, and none has the number {i}")
        self.all.at, self.all.each, self.all.left = i, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX
