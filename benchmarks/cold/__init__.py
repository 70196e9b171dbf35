"""From a process's start to a trained network: what importing, compiling and training take together."""
