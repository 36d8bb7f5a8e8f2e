# SPDX-License-Identifier: MIT
"""Waiting for what happens, never for time to pass."""

import os
import time

# Sanitizers and a busy machine make everything slower, nothing wrong.
PATIENCE = float(os.environ.get("ACMED_TEST_PATIENCE", "1"))


class TimedOut(AssertionError):
    pass


def wait_for(condition, what, seconds=20):
    """Asks again until condition() is true; returns what it returned. An exception counts as "not yet"."""
    deadline = time.monotonic() + seconds * PATIENCE
    pause, last = 0.01, None
    while True:
        try:
            result = condition()
            if result:
                return result
            last = result
        except (OSError, LookupError, ValueError, AssertionError) as e:
            last = e
        if time.monotonic() > deadline:
            raise TimedOut(f"waited {seconds} s for {what}; last: {last!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
