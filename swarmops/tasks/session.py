"""What every task shares: the inventory, an open cluster, and the way a result is shown."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from invoke.context import Context

from swarmops.errors import InputError, SwarmopsError

if TYPE_CHECKING:
    from swarmops.cluster import Cluster
    from swarmops.inventory import Inventory
    from swarmops.report import Progress, Recap

LOCK_WAIT = "seconds to wait for whoever changes the stack now"
BREAK_LOCK = "take the lock from whoever changes the stack now"


class Seconds(int):
    """The value of `--timeout`. Invoke makes it by the type of the default, and `int` raises a bare ValueError."""

    option, least = "--timeout", 1

    def __new__(cls, value: int | str) -> Self:
        """Raises InputError for what is no number of seconds."""
        if not str(value).isdecimal() or int(value) < cls.least:
            raise InputError(f"{cls.option} {value}: should be a whole number of seconds, {cls.least} or more")
        return super().__new__(cls, value)


class LockWait(Seconds):
    """The value of `--lock-wait`."""

    option, least = "--lock-wait", 0


def inventory(c: Context) -> Inventory:
    """The inventory that `SWARMOPS_INVENTORY` names, or invoke's configuration `swarmops.inventory`."""
    from swarmops.inventory import load

    return load(Path(os.environ.get("SWARMOPS_INVENTORY") or c.config.swarmops.inventory))


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress on stderr; Ctrl-C ends it with one line that says how to go on."""
    from swarmops.report import Progress

    shown = Progress()
    try:
        yield shown
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # once more ends what still winds up, at once
        raise SwarmopsError("interrupted", remedy="the same command goes on from here") from None
    finally:
        shown.close()


@contextmanager
def session(c: Context) -> Iterator[Cluster]:
    """The cluster of the inventory, open until the task is over."""
    with progress() as shown:
        from swarmops.cluster import Cluster

        with Cluster(inventory(c), shown) as cluster:
            yield cluster


@contextmanager
def recap() -> Iterator[Recap]:
    """A recap that is shown also when the task fails half-way."""
    from swarmops.report import Recap

    done = Recap()
    try:
        yield done
    finally:
        if done.steps:
            show(done)


def show(recap: Recap) -> None:
    """The recap on stdout."""
    print("\n".join(recap.lines()))


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, default=str))
