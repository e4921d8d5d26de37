"""What every task shares: the inventory, an open cluster, and the way a result is shown."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from invoke.context import Context

from swarmops.errors import InputError, SwarmopsError
from swarmops.tasks.arguments import file

if TYPE_CHECKING:
    from swarmops.cluster import Cluster
    from swarmops.inventory import Inventory
    from swarmops.report import Progress, Recap

MOST_SECONDS = 9_999_999
MOST_COUNTED = 999_999
LOCK_WAIT = "seconds to wait for whoever changes the stack now; 0 unless stated"
BREAK_LOCK = "take the lock from whoever changes the stack now"
PUT_BACK = "put the version before back when it fails; --no-rollback leaves it as it is"


class Seconds(int):
    """The value of `--timeout`. Invoke makes it by the type of the default, and `int` raises a bare ValueError."""

    option, least = "--timeout", 1

    def __new__(cls, value: int | str) -> Self:
        """Raises InputError for what is no number of seconds."""
        if not is_number(str(value), cls.least, MOST_SECONDS):
            form = f"should be a whole number of seconds, {cls.least} to {MOST_SECONDS}"
            raise InputError(f"{cls.option} {value}: {form}")
        return super().__new__(cls, value)


class LockWait(Seconds):
    """The value of `--lock-wait`."""

    option, least = "--lock-wait", 0


def timeout_help(seconds: int) -> str:
    """The help for `--timeout`, whose default is that many seconds."""
    return f"seconds to wait before it counts as failed; {seconds} unless stated"


def is_number(text: str, least: int, most: int = MOST_COUNTED) -> bool:
    """Whether a text is a whole number from `least` to `most`; of more digits than those of `most` it is none."""
    return bool(re.fullmatch(f"[0-9]{{1,{len(str(most))}}}", text)) and least <= int(text) <= most


def names(text: str, remedy: str) -> list[str]:
    """The names in `web,api`. Raises InputError, with the remedy, for one that is missing or stated twice."""
    found = text.split(",")
    problems = ["a name is missing"] if "" in found else []
    problems += [f"{name}: stated twice" for name in dict.fromkeys(found) if name and found.count(name) > 1]
    if problems:
        raise InputError("\n  ".join(problems), remedy=remedy)
    return found


def asked(prompt: str) -> str:
    """A line of standard input; a terminal asks for it and does not show it. Raises InputError for an empty one."""
    line = (getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not line:
        raise InputError("standard input has no key")
    return line


def inventory(c: Context) -> Inventory:
    """The inventory that `SWARMOPS_INVENTORY` names, or invoke's configuration `swarmops.inventory`."""
    from swarmops.inventory import load

    stated = os.environ.get("SWARMOPS_INVENTORY")
    return load(file(stated) if stated else Path(c.config.swarmops.inventory))


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress on stderr; Ctrl-C ends it with one line that says how to go on."""
    from swarmops.report import Progress

    shown = Progress()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # a shell has what it runs in the background ignore it
        signal.signal(signal.SIGINT, shown.interrupt)
    try:
        yield shown
    except KeyboardInterrupt:
        before = signal.SIG_DFL  # once more ends what still winds up, at once
        raise SwarmopsError("interrupted", remedy="the same command goes on from here") from None
    finally:
        signal.signal(signal.SIGINT, before)
        shown.close()


@contextmanager
def session(c: Context) -> Iterator[Cluster]:
    """The cluster of the inventory, open until the task is over."""
    with progress() as shown:
        from swarmops.cluster import Cluster

        with Cluster(inventory(c), shown) as cluster:
            yield cluster


def ahead(cluster: Cluster) -> None:
    """Begins what a deploy asks first, while the task goes on importing what it needs."""
    from swarmops.ops.routing import look

    cluster.ahead()
    cluster.once(look)


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
