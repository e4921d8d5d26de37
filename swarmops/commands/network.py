"""docker network …"""

from __future__ import annotations

from collections.abc import Mapping

from swarmops.commands import Command, docker


def create(
    name: str,
    *,
    driver: str,
    attachable: bool = False,
    encrypted: bool = False,
    subnet: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Command:
    """Makes a network for the swarm's services."""
    options = ["--driver", driver]
    options += ["--attachable"] if attachable else []
    options += ["--opt", "encrypted"] if encrypted else []
    options += ["--subnet", subnet] if subnet else []
    options += [f"--label={key}={value}" for key, value in sorted((labels or {}).items())]
    return docker("network", "create", *options, name)


def remove(*names: str) -> Command:
    """Removes networks."""
    return docker("network", "rm", *names)
