"""What the ingress balances: every service that declares SERVICE_PORTS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Backend:
    """A port of a service behind the proxy. `host` is the name that requests for it carry; empty for all others."""

    stack: str
    service: str
    port: int
    host: str = ""

    @property
    def name(self) -> str:
        """Its name in the proxy's configuration."""
        return f"{self.stack}_{self.service}_{self.port}"

    @property
    def dns(self) -> str:
        """The name that Docker's DNS answers with the addresses of all tasks."""
        return f"tasks.{self.stack}_{self.service}"


def published(stacks: Mapping[str, Mapping[str, Any]]) -> list[Backend]:
    """The backends in parsed stack files, by the names of their stacks.

    A service declares its ports as SERVICE_PORTS, separated by commas, and may name its host as VIRTUAL_HOST, both in
    its environment.
    """
    found = []
    for stack, file in stacks.items():
        for service, definition in file["services"].items():
            variables = _environment(definition.get("environment") or {})
            ports = [port.strip() for port in variables.get("SERVICE_PORTS", "").split(",") if port.strip()]
            found += [Backend(stack, service, int(port), variables.get("VIRTUAL_HOST", "")) for port in ports]
    return sorted(found)


def _environment(stated: Mapping[str, Any] | list[str]) -> dict[str, str]:
    if isinstance(stated, list):
        return dict(item.partition("=")[::2] for item in stated)
    return {key: str(value) for key, value in stated.items()}
