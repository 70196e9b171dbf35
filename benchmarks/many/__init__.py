"""Many small networks at once: `gdcore.fit_many` beside what else trains them, from the same parameters."""
