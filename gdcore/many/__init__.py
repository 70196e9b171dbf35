"""Many models at once: each is what a fit of it alone would give."""
