"""What many models are trained and measured on: each model's rows, of its own arrays or of arrays that models share.

Design
------
- A model's rows are a stretch of some arrays, or what a stretch of an index lists. Shared data, data of its own,
  groups, folds and bootstraps are this one case, and no row is copied.
- Weights count relative to the mean of the model's own rows, as in a fit of that model alone.
"""


cdef class ModelData:
    """Rows of `n_models` models.

    `sources` are tuples (X, target, labels, weight), one for all models or one for each, of dense inputs; both targets
    may be None. `places` (n_models, 2) holds the first row of each model and their number, in its arrays or, if `index`
    is given, within it. The rows that the index lists may be any of the arrays, in any order.
    """

    cdef Rows *sources
    cdef Py_ssize_t n_sources
    cdef const int64_t[:, ::1] places
    cdef const int64_t[::1] index
    cdef double *mean_weight       # (n_models,)
    cdef bint targets              # whether there are any
    cdef readonly Py_ssize_t n_models, longest
    cdef list owned

    def __cinit__(
        self, Network network not None, str loss, list sources not None, const int64_t[:, ::1] places not None,
        const int64_t[::1] index=None,
    ):
        cdef const real[:, ::1] X, target
        cdef const int64_t[::1] labels
        cdef const real[::1] weight
        cdef bint takes_labels = LOSS_ROWS[<int>loss_code(loss)].takes_labels
        cdef Py_ssize_t n = 0, i
        cdef Rows *source
        cdef Rows rows
        self.owned = [sources]
        self.n_sources, self.n_models = len(sources), places.shape[0]
        self.places, self.index = places, index
        if places.shape[1] != 2 or self.n_models == 0 or self.n_sources not in (1, self.n_models):
            raise ValueError(f"{self.n_sources} sources do not fit places for {self.n_models} models")
        self.sources = <Rows *>take_bytes(self.n_sources * sizeof(Rows), self.owned)
        self.mean_weight = <double *>take_bytes(self.n_models * sizeof(double), self.owned)
        self.targets = True
        for i in range(self.n_models):
            if i < self.n_sources:
                X, target, labels, weight = sources[i]
                source = &self.sources[i]
                n = bind_inputs(source, network.plan.n_in, False, X, None)
                if target is None and labels is None:
                    self.targets = False
                else:
                    bind_targets(source, n, network.plan.n_out, takes_labels, target, labels, weight)
            self.check_place(i, n)
        for i in range(self.n_models):
            self.see(i, network, &rows)
            if rows.weight != NULL:
                self.mean_weight[i] = sum_weights(rows.weight, rows.order, 0, places[i, 1]) / places[i, 1]

    cdef int check_place(self, Py_ssize_t i, Py_ssize_t n) except -1:
        """Check for memory's sake that model i has rows, within n rows of its arrays."""
        cdef Py_ssize_t first = self.places[i, 0], count = self.places[i, 1], j
        cdef Py_ssize_t end = n if self.index is None else self.index.shape[0]
        if first < 0 or count < 1 or first > end or count > end - first:
            raise ValueError(f"model {i} has rows {first} … {first + count}; expected some of {end}")
        for j in range(first, first if self.index is None else first + count):
            if not 0 <= self.index[j] < n:
                raise ValueError(f"model {i} has row {self.index[j]}; expected 0 … {n - 1}")
        self.longest = max(self.longest, count)
        return 0

    cdef inline Py_ssize_t see(self, Py_ssize_t i, Network network, Rows *rows) noexcept nogil:
        """Point at the rows of model i, in their own order, and return their number."""
        cdef Py_ssize_t first = self.places[i, 0], n = self.places[i, 1]
        rows[0] = self.sources[i if self.n_sources > 1 else 0]
        if self.index is not None:
            rows.order = &self.index[0] + first
        else:
            rows.x += first * network.plan.n_in
            if rows.target != NULL:
                rows.target += first * network.plan.n_out
            if rows.labels != NULL:
                rows.labels += first
            if rows.weight != NULL:
                rows.weight += first
        if rows.weight != NULL:
            rows.mean_weight, rows.whole_rows = self.mean_weight[i], n
        return n
