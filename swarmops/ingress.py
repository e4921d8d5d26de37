"""What the ingress balances: every service that declares SERVICE_PORTS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swarmops.errors import InputError, Problem

_HIGHEST_PORT = 65535
_HOST = re.compile(r"(?P<host>[A-Za-z0-9.-]*)(?P<path>/[A-Za-z0-9._~/-]*)?")


@dataclass(frozen=True)
class Backend:
    """A port of a service behind the proxy, and which requests are for it."""

    stack: str
    service: str
    port: int
    host: str = ""
    """The name that its requests carry; empty: any."""
    path: str = ""
    """What their paths begin with; empty: anything."""
    slots: int = 16
    """How many replicas the proxy has room for."""

    @property
    def name(self) -> str:
        """Its name in the proxy's configuration."""
        return f"{self.stack}_{self.service}_{self.port}"

    @property
    def dns(self) -> str:
        """The name that Docker's DNS answers with the addresses of all tasks."""
        return f"tasks.{self.stack}_{self.service}"


def published(stacks: Mapping[str, Mapping[str, Any]]) -> list[Backend]:
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
                found += _backends(stack, service, _environment(definition.get("environment") or {}))
            except ValueError as error:
                problems.append(Problem(f"stack {stack}", 0, f"services.{service}.environment: {error}"))
    if problems:
        raise InputError.of(problems)
    return sorted(found, key=lambda backend: (not backend.host, -len(backend.path)))


def _backends(stack: str, service: str, environment: Mapping[str, str]) -> Iterator[Backend]:
    stated = environment.get("VIRTUAL_HOST", "")
    match = _HOST.fullmatch(stated)
    if not match:
        raise ValueError(f'VIRTUAL_HOST "{stated}" should be a host, a path, or both: shop.example/cart')
    for port in filter(None, re.split(r"[,\s]+", environment.get("SERVICE_PORTS", ""))):
        if not (port.isdecimal() and 1 <= int(port) <= _HIGHEST_PORT):
            raise ValueError(f'SERVICE_PORTS "{port}" should be ports of the service, separated by commas')
        yield Backend(stack, service, int(port), match["host"], match["path"] or "")


def _environment(stated: Mapping[str, Any] | list[str]) -> dict[str, str]:
    if isinstance(stated, list):
        return dict(item.partition("=")[::2] for item in stated)
    return {key: "" if value is None else str(value) for key, value in stated.items()}
