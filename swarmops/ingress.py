"""What the ingress balances: every service on its network that declares SERVICE_PORTS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swarmops.errors import InputError, Problem

if TYPE_CHECKING:
    from swarmops.facts import Service

STACK = "ingress"
"""The stack of the inventory that has the proxies."""
PROXY, CONFIG = "haproxy", "config"
"""Its services: the proxies, and the one that they have their configuration from."""

DECLARE = ("SERVICE_PORTS", "VIRTUAL_HOST")
"""The variables by which a service says that it is to be balanced."""
Said = tuple[str, str]
"""A service, and what is to be said of it."""

_HIGHEST_PORT = 65535
_FEWEST_SLOTS = 16
# HAProxy takes a host that begins with a dash for an option. The path / is what all begin with, and counts as none.
_HOST = re.compile(r"(?P<host>(?:[A-Za-z0-9][A-Za-z0-9.-]*)?)(?:(?P<path>/[A-Za-z0-9._~/-]+)|/)?")


@dataclass(frozen=True)
class Backend:
    """A port of a service behind the proxy, and which requests are for it."""

    service: str
    """Its name in the swarm."""
    port: int
    host: str = ""
    """The name that its requests carry, in small letters; empty: any."""
    path: str = ""
    """What their paths begin with; empty: anything."""
    slots: int = _FEWEST_SLOTS
    """For how many replicas the proxy has room."""

    @property
    def name(self) -> str:
        """Its name in the proxy's configuration."""
        return f"{self.service}_{self.port}"

    @property
    def shown(self) -> str:
        """Its name as an operator knows it."""
        return f"{self.service}:{self.port}"

    @property
    def dns(self) -> str:
        """The name that Docker's DNS answers with the addresses of all tasks."""
        return f"tasks.{self.service}"

    @property
    def claim(self) -> str:
        """The host and path of its requests."""
        return self.host + self.path


def declared(stacks: Mapping[str, Mapping[str, Any]]) -> list[Backend]:
    """The backends in parsed stack files, by the names of their stacks; in the order in which the proxy tries them.

    In its environment a service declares its ports as SERVICE_PORTS, separated by commas, and which requests are for
    it as VIRTUAL_HOST: a host, a path, or both (`shop.example/cart`). What claims more comes first; of those that claim
    nothing the first in the inventory's order gets what is left. Raises InputError for what is neither.
    """
    found: list[Backend] = []
    problems: list[Problem] = []
    for stack, file in stacks.items():
        for service, definition in file["services"].items():
            try:
                environment = _environment(definition.get("environment") or {})
                stated = (definition.get("deploy") or {}).get("replicas")
                replicas = stated if isinstance(stated, int) and stated > 0 else 1  # lint speaks of anything else
                found += _backends(f"{stack}_{service}", environment, slots(replicas))
            except ValueError as error:
                problems.append(Problem(f"stack {stack}", 0, f"services.{service}.environment: {error}"))
    if problems:
        raise InputError.of(problems)
    return _tried(found)


def wrong(environment: Sequence[str]) -> str:
    """What is wrong with what a service declares in its environment, each variable as NAME=value; in words."""
    try:
        list(_backends("", _environment(environment), 0))
    except ValueError as error:
        return str(error)
    return ""


def balanced(
    services: Iterable[Service], networks: Mapping[str, str], *, stacks: Sequence[str], nodes: int
) -> tuple[list[Backend], list[Said]]:
    """The backends of the services that the swarm has on some networks, and why others that declare ports are left out.

    `networks`: their names, by what services may call them, names or ids. The order is that of `declared`, for the
    inventory's `stacks`; other services come after these, by name. A global service has as many replicas as there are
    `nodes`.
    """
    rank = {stack: number for number, stack in enumerate(stacks)}
    found: list[Backend] = []
    left: list[Said] = []
    names = " or ".join(sorted(set(networks.values())))
    for service in sorted(services, key=lambda service: (rank.get(service.stack, len(rank)), service.name)):
        stated = service.template.get("ContainerSpec", {}).get("Env") or []
        environment = _environment(stated)
        apart = environment.get("SERVICE_PORTS") and networks.keys().isdisjoint(_networks(service))
        if why := f"it is not on the network {names}" if apart else wrong(stated):
            left.append((service.name, f"{service.name} is left out: {why}"))
        else:
            found += _backends(service.name, environment, slots(service.replicas or nodes))
    return _tried(found), left


def hidden(backends: Iterable[Backend]) -> list[Said]:
    """The backends that no request reaches, because one before them claims the same."""
    first: dict[str, Backend] = {}
    return [
        (backend.service, f"{backend.shown} gets no request: {first[backend.claim].shown} has {_claimed(backend)}")
        for backend in backends
        if first.setdefault(backend.claim, backend) is not backend
    ]


def _claimed(backend: Backend) -> str:
    return backend.claim or "all that nobody claims"


def slots(replicas: int) -> int:
    """Room for at least twice as many replicas, so that few changes of their number change the configuration."""
    return max(_FEWEST_SLOTS, 1 << (2 * replicas - 1).bit_length())


def _tried(backends: Iterable[Backend]) -> list[Backend]:
    return sorted(backends, key=lambda backend: (not backend.host, -len(backend.path)))


def _backends(service: str, environment: Mapping[str, str], room: int) -> Iterator[Backend]:
    ports = [port for port in re.split(r"[,\s]+", environment.get("SERVICE_PORTS", "")) if port]
    if not ports:
        return
    stated = environment.get("VIRTUAL_HOST", "")
    match = _HOST.fullmatch(stated)
    if not match:
        raise ValueError(f'VIRTUAL_HOST "{stated}" should be a host, a path, or both: shop.example/cart')
    for port in ports:
        if not (port.isdecimal() and 1 <= int(port) <= _HIGHEST_PORT):
            raise ValueError(f'SERVICE_PORTS "{port}" should be ports of the service, separated by commas')
    for number in dict.fromkeys(map(int, ports)):  # HAProxy has no two backends of one name
        yield Backend(service, number, match["host"].lower(), match["path"] or "", room)


def _environment(stated: Mapping[str, Any] | Sequence[str]) -> dict[str, str]:
    if isinstance(stated, Mapping):
        return {key: "" if value is None else str(value) for key, value in stated.items()}
    return dict(item.partition("=")[::2] for item in stated)


def _networks(service: Service) -> list[str]:
    stated = service.template.get("Networks") or service.spec.get("Networks") or []
    return [network["Target"] for network in stated]
