"""Waiting is a verdict on facts plus a deadline, and a deadline passed is a failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from swarmops.errors import WaitTimeout
from swarmops.report import Progress

POLL_SECONDS = 0.05
LONGEST_SECONDS = 1.0
"""So long a wait pauses at the most, where a look takes long."""


class Deadline:
    """A point in time, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never below 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self, missing: str) -> None:
        """Raises WaitTimeout that names what is missing once the time is over."""
        if self.left == 0:
            had = f"{self.seconds:.0f}" if self.seconds >= 1 else f"{self.seconds:g}"
            raise WaitTimeout(f"not done within {had} s: {missing}", remedy="--timeout gives it longer")


def until(
    look: Callable[[], str], deadline: Deadline, progress: Progress, pause: Callable[[], float] = lambda: inf
) -> None:
    """Looks every 50 ms until nothing is missing; less often where looks take longer, a third of the time at most.

    `look` returns what is still missing, in words, or the empty string; it raises when nothing can come any more.
    `pause` says for how many seconds the next look can wait, where that is less. Raises WaitTimeout.
    """
    while True:
        begun = time.monotonic()
        missing = look()
        took = time.monotonic() - begun
        if not missing:
            return
        progress.waiting(missing)
        deadline.check(missing)
        # A swarm of a thousand tasks answers slowly, and its managers have other things to do.
        time.sleep(min(pause(), max(POLL_SECONDS, min(2 * took, LONGEST_SECONDS))))
