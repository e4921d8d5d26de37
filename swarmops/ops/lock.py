"""One change of a stack at a time: a config of the swarm whose name only one can have."""

from __future__ import annotations

import os
import platform
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from swarmops.cluster import Cluster
from swarmops.connect.api import EngineAPI
from swarmops.connect.local import operator
from swarmops.errors import Conflict, LockLost, NotFound, SwarmopsError
from swarmops.facts import Json
from swarmops.wait import POLL_SECONDS, Deadline

LABEL = "swarmops.lock"
MARGIN_SECONDS = 60
"""What a change may take besides its waits."""


@dataclass(frozen=True)
class Terms:
    """How to come by a lock. `lasts`: seconds after which a holder that went away holds it no more."""

    lasts: float
    wait: float = 0
    take: bool = False
    """Whether to take it from whoever holds it."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock."""

    id: str
    mark: str
    who: str
    home: str
    process: int
    purpose: str
    seconds: float
    """Since when, by the manager's clock."""
    lasts: float

    @classmethod
    def read(cls, api: EngineAPI, name: str) -> Holder | None:
        """The holder of the lock, or None. Raises SwarmopsError for a config that is called so and is no lock."""
        try:
            config = api.get(f"/configs/{name}")
        except NotFound:
            return None
        if LABEL not in (config["Spec"].get("Labels") or {}):
            raise SwarmopsError(
                f"config {name} is none of swarmops', and has the name of a lock",
                remedy=f"docker config rm {name} on a manager; what it holds needs another name",
            )
        # The manager's clock, in its own time zone, not that of this machine.
        now, made = (datetime.fromisoformat(text) for text in (api.get("/info")["SystemTime"], config["CreatedAt"]))
        return cls.of(config, (now - made).total_seconds())

    @classmethod
    def of(cls, config: Json, seconds: float) -> Holder:
        """From an element of `/configs`."""
        said = config["Spec"]["Labels"]
        return cls(
            id=config["ID"],
            mark=said[f"{LABEL}.mark"],
            who=said[f"{LABEL}.who"],
            home=said[f"{LABEL}.home"],
            process=int(said[f"{LABEL}.process"]),
            purpose=said[f"{LABEL}.purpose"],
            seconds=seconds,
            lasts=float(said[f"{LABEL}.lasts"]),
        )

    @property
    def gone(self) -> bool:
        """Whether it has had its time, or its process, one that we would see, has ended."""
        return self.seconds > self.lasts or (self.home == home() and not _runs(self.process))

    def __str__(self) -> str:
        return f"{self.purpose}, by {self.who} (process {self.process}), for {self.seconds:.0f} s now"


@contextmanager
def locked(cluster: Cluster, stack: str, purpose: str, terms: Terms) -> Iterator[Callable[[], None]]:
    """Holds the lock of a stack for the time of the block. Raises SwarmopsError when somebody else holds it.

    Its value is a check, for after each wait and before the next change: it raises LockLost when somebody has taken
    the lock meanwhile.
    """
    name, mark = f"{stack}.lock", secrets.token_hex(8)
    holder = _acquire(cluster, name, _labels(stack, mark, purpose, terms), terms)
    try:
        yield partial(_check, cluster, stack, holder)
    except BaseException:
        with suppress(SwarmopsError):  # what went wrong before says more
            _release(cluster, holder)
        raise
    _release(cluster, holder)


def _acquire(cluster: Cluster, name: str, labels: dict[str, str], terms: Terms) -> Holder:
    deadline, take = Deadline(terms.wait), terms.take
    while True:
        holder = _try(cluster, name, labels)
        if holder and holder.mark == labels[f"{LABEL}.mark"]:
            return holder
        if holder and (take or holder.gone):
            take = False
            cluster.progress.done(f"broke a lock: {holder}")
            _release(cluster, holder)
        elif holder and not deadline.left:
            raise SwarmopsError(f"locked: {holder}", remedy="--lock-wait waits for its end, --break-lock takes it")
        elif holder:
            cluster.progress.waiting(f"locked: {holder.purpose}, by {holder.who}")
            time.sleep(POLL_SECONDS)


def _try(cluster: Cluster, name: str, labels: dict[str, str]) -> Holder | None:
    """Who holds the lock once it was asked for; None when it was released in between."""
    body = {"Name": name, "Labels": labels, "Data": b64encode(b"held").decode()}  # swarm takes no empty one
    with suppress(Conflict):
        made = cluster.ask(lambda api: api.create("/configs/create", body))
        return Holder.of({"ID": made, "Spec": body}, 0)
    return cluster.ask(lambda api: Holder.read(api, name))


def _check(cluster: Cluster, stack: str, holder: Holder) -> None:
    try:
        cluster.ask(lambda api: api.get(f"/configs/{holder.id}"))
    except NotFound:
        now = cluster.ask(lambda api: Holder.read(api, f"{stack}.lock"))
        raise LockLost(
            f"somebody else took the lock of {stack}: {now or 'they are done with it by now'}\n"
            f"  {stack} is left to them: nothing is put back",
            remedy=f"inv status, or inv history {stack}",
        ) from None


def _release(cluster: Cluster, holder: Holder) -> None:
    """By its id, not by its name: the lock may have gone to somebody else by now."""
    with suppress(NotFound):
        cluster.ask(lambda api: api.delete(f"/configs/{holder.id}"))


def _labels(stack: str, mark: str, purpose: str, terms: Terms) -> dict[str, str]:
    said = {
        "mark": mark,
        "who": operator(),
        "home": home(),
        "process": str(os.getpid()),
        "purpose": purpose,
        "lasts": f"{terms.lasts:g}",
    }
    return {LABEL: stack} | {f"{LABEL}.{key}": value for key, value in said.items()}


def home() -> str:
    """Where the number of a process means this process: the machine since its last start, and its namespace."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + str(Path("/proc/self/ns/pid").readlink())
    return platform.node()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
