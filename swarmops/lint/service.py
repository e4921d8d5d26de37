"""A service of a stack file, its short and long forms read alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swarmops.definition.forms import cpus, size
from swarmops.facts import Json
from swarmops.stackfile import Stack

_PORT = re.compile(
    r"(?:(?P<address>\[[^]]*\]|\d+(?:\.\d+){3}):)?(?:(?P<published>\d*)(?:-(?P<last>\d+))?:)?"
    r"(?P<target>\d+)(?:-(?P<last_target>\d+))?(?:/(?P<protocol>\w+))?"
)
_MOST_PORTS = 1000


@dataclass(frozen=True)
class Port:
    """A published port. `index` is its place in the list; `published` 0 where swarm chooses."""

    index: int
    published: int
    target: int
    protocol: str
    mode: str
    address: str = ""


@dataclass(frozen=True)
class Wanted:
    """A service as a stack file states it."""

    short: str
    definition: Mapping[str, Any]

    @property
    def where(self) -> tuple[str, str]:
        """Its path in the file."""
        return ("services", self.short)

    @property
    def deploy(self) -> Mapping[str, Any]:
        """Its section `deploy`."""
        return self.definition.get("deploy") or {}

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of `deploy`; what is no mapping is for docker to refuse."""
        found = self.deploy.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def mode(self) -> str:
        """replicated, global, replicated-job or global-job."""
        return str(self.deploy.get("mode") or "replicated")

    @property
    def everywhere(self) -> bool:
        """Whether it has a task on every eligible node."""
        return self.mode.startswith("global")

    @property
    def job(self) -> bool:
        """Whether its tasks are to end."""
        return self.mode.endswith("-job")

    @property
    def replicas(self) -> int:
        """How many tasks it has; of no meaning when it runs everywhere."""
        stated = self.deploy.get("replicas", 1)
        return stated if isinstance(stated, int) else 1

    @property
    def endpoint_mode(self) -> str:
        """What it states, or nothing."""
        return str(self.deploy.get("endpoint_mode") or "").lower()

    @property
    def constraints(self) -> list[str]:
        """Its placement constraints."""
        stated = self.section("placement").get("constraints")
        return [str(each) for each in stated] if isinstance(stated, list) else []

    @property
    def reserved(self) -> Json:
        """What each task reserves of its node, as the engine has it; what cannot be read is for docker to refuse."""
        found = self.section("resources").get("reservations")
        stated = found if isinstance(found, dict) else {}
        return {"NanoCPUs": _amount(cpus, stated.get("cpus")), "MemoryBytes": _amount(size, stated.get("memory"))}

    @property
    def start_first(self) -> list[str]:
        """The sections of `deploy` that start a new task before its old one ends."""
        if self.job:
            return []
        sections = ("update_config", "rollback_config")
        return [name for name in sections if self.section(name).get("order") == "start-first"]

    @property
    def checked(self) -> bool | None:
        """Whether the file has its health checked, or expressly not; None where it leaves that to the image."""
        stated = self.definition.get("healthcheck")
        check = stated if isinstance(stated, dict) else {}
        test = check.get("test")
        if check.get("disable") or (isinstance(test, list) and test[:1] == ["NONE"]):
            return False
        return True if test else None

    @property
    def ports(self) -> list[Port]:
        """What it publishes; what cannot be read is for docker to refuse."""
        stated = self.definition.get("ports")
        listed = enumerate(stated if isinstance(stated, list) else [])
        return [port for index, port in listed for port in _ports(index, port)]

    @property
    def mounts(self) -> list[tuple[int, str, str]]:
        """What it mounts from outside: place in the list, type, source."""
        stated = self.definition.get("volumes")
        listed = enumerate(stated if isinstance(stated, list) else [])
        return [(index, *found) for index, mount in listed if (found := _mount(mount))]

    def names(self, kind: str) -> list[str]:
        """What it refers to of the file's networks, configs or secrets, in any of the forms."""
        stated = self.definition.get(kind)
        if isinstance(stated, dict):
            return [str(name) for name in stated]
        listed = stated if isinstance(stated, list) else []
        return [str(item.get("source", "") if isinstance(item, dict) else item) for item in listed]


def wanted(stack: Stack) -> list[Wanted]:
    """The services of a stack."""
    return [Wanted(short, definition) for short, definition in stack.services.items()]


def _amount(read: Callable[[str], int], stated: Any) -> int:
    try:
        return read(str(stated))
    except ValueError:
        return 0


def _ports(index: int, stated: Any) -> Iterator[Port]:
    if isinstance(stated, dict):
        published, target = stated.get("published") or 0, stated.get("target") or 0
        if isinstance(published, int) and isinstance(target, int):
            protocol, mode = str(stated.get("protocol") or "tcp"), str(stated.get("mode") or "ingress")
            yield Port(index, published, target, protocol, mode)
    elif form := _PORT.fullmatch(str(stated)):
        first, target = int(form["published"] or 0), int(form["target"])
        last = int(form["last"] or first)
        for step in range(min(last - first, _MOST_PORTS) + 1):
            yield Port(index, first + step, target + step, form["protocol"] or "tcp", "ingress", form["address"] or "")


def _mount(stated: Any) -> tuple[str, str] | None:
    if isinstance(stated, dict):
        source = stated.get("source")
        return (str(stated.get("type")), str(source)) if source else None
    source, colon, _ = str(stated).partition(":")
    if not colon:
        return None
    return ("bind" if source[:1] in ("/", ".", "~") else "volume", source)
