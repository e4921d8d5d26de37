"""docker service …

Every command is detached: swarmops waits by itself, on facts and with a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping

from swarmops.commands import Command, docker


def scale(replicas: Mapping[str, int]) -> Command:
    """Sets the number of replicas of services."""
    return docker("service", "scale", "--detach", *(f"{name}={count}" for name, count in sorted(replicas.items())))


def rollback(name: str) -> Command:
    """Puts the previous version of a service back."""
    return docker("service", "rollback", "--detach", name)


def logs(task_or_service: str, lines: int) -> Command:
    """The last lines that a task printed."""
    return docker("service", "logs", "--raw", "--tail", str(lines), task_or_service)


def remove(*names: str) -> Command:
    """Removes services."""
    return docker("service", "rm", *names)
