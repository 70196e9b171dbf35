"""Programs that Ctrl-C ends, however the tests were started.

A shell starts a background job with SIGINT ignored, and its children inherit that: Python installs no handler then.
"""

import sys


def interruptible(code):
    """The command line of a Python program that has Python's own handler of Ctrl-C."""
    return [sys.executable, "-c", f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"]
