"""Foundations of all other packages: records, checks, optional libraries, text, memory, threads, settings."""
