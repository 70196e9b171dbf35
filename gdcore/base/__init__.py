"""What every room stands on: records, the checks' grammar, optional libraries, text, memory, threads, settings."""
