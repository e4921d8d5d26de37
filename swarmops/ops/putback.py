"""What becomes of a change that failed: what was before is put back, and that is said with why it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from swarmops.cluster import Cluster
from swarmops.errors import LockLost, RolledBack, SwarmopsError
from swarmops.report import Recap

AGAIN = "The version before runs again"


def put_back(cluster: Cluster, failure: SwarmopsError, name: str, work: Callable[[], str]) -> SwarmopsError:
    """Does the work that puts a stack or service back; what is to be raised then.

    That is RolledBack with what the work says of it, or a SwarmopsError with both failures when it fails too. Raises
    LockLost: whoever has the lock now goes on from what there is.
    """
    cluster.progress.done(f"failed: {failure.said}", name)
    cluster.progress.waiting("putting back what was before")
    try:
        said = work()
    except LockLost:
        raise
    except SwarmopsError as second:
        text = f"{failure.said}\n  What was before could not be put back: {second.said}"
        return SwarmopsError(text, remedy=f"inv ps {name}")
    return RolledBack(f"{failure.said}\n  {said}", remedy=failure.remedy)


def left(lacks: str, back: str) -> str:
    """What a stack or service is that was changed, and what it lacks; in words."""
    return f"left as it is now, {lacks}; {back} is the way back"


@contextmanager
def interruptible(cluster: Cluster, recap: Recap, name: str, said: str) -> Iterator[None]:
    """Says what Ctrl-C leaves, where something was changed."""
    try:
        yield
    except KeyboardInterrupt:
        if recap.any_changed:
            cluster.progress.done(said, name)
        raise
