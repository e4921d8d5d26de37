"""docker node …"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swarmops.commands import Command, docker


def update(
    node_id: str,
    *,
    availability: str | None = None,
    labels: Mapping[str, str] | None = None,
    without: Iterable[str] = (),
) -> Command:
    """Sets what is given, takes the labels `without` away and leaves the rest."""
    options = [f"--availability={availability}"] if availability else []
    options += [f"--label-add={key}={value}" for key, value in sorted((labels or {}).items())]
    options += [f"--label-rm={key}" for key in sorted(without)]
    return docker("node", "update", *options, node_id)


def promote(node_id: str) -> Command:
    """Asks for a worker to become a manager."""
    return docker("node", "promote", node_id)


def demote(node_id: str) -> Command:
    """Asks for a manager to become a worker."""
    return docker("node", "demote", node_id)


def remove(node_id: str) -> Command:
    """Takes a node off the list, whether it is down or not."""
    return docker("node", "rm", "--force", node_id)
