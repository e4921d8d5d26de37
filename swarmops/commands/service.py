"""docker service …

Every command is detached: swarmops waits by itself, on facts and with a deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from swarmops.commands import Command, docker

Options = Iterable[tuple[str, str]]
"""Names, without their dashes, and values."""

AS_IS = "--no-resolve-image"


def create(name: str, image: str, options: Options, args: Sequence[str] = (), *, mixed: bool = False) -> Command:
    """Makes a service. Its image carries a digest; the engine looks it up where nodes are of `mixed` platforms."""
    stated = [f"--{option}={value}" for option, value in options]
    return docker(
        "service",
        "create",
        "--detach",
        *([] if mixed else [AS_IS]),
        "--with-registry-auth",
        f"--name={name}",
        *stated,
        image,
        *args,
    )


def update(name: str, options: Options, *, login: bool = False, mixed: bool = False) -> Command:
    """Changes what is given of a service. An image is as for `create`; with another one goes the log-in to get it.

    `login`: it goes in any case. The service's own is lost where docker on the node knows none.
    """
    stated = [f"--{option}={value}" for option, value in options]
    login = login or any(part.startswith("--image=") for part in stated)
    auth = ["--with-registry-auth"] if login else []
    return docker("service", "update", "--detach", *([] if mixed else [AS_IS]), *auth, *stated, name)


def restart(name: str) -> Command:
    """Starts every task of a service anew, wherever swarm puts it now."""
    return docker("service", "update", "--detach", AS_IS, "--force", name)


def scale(replicas: Mapping[str, int]) -> Command:
    """Sets the number of replicas of services."""
    return docker("service", "scale", "--detach", *(f"{name}={count}" for name, count in sorted(replicas.items())))


def rollback(name: str) -> Command:
    """Puts the previous version of a service back."""
    return docker("service", "rollback", "--detach", name)


def logs(task_or_service: str, lines: int) -> Command:
    """The last lines that a task printed."""
    return docker("service", "logs", "--raw", "--tail", str(lines), task_or_service)


def health(container: str) -> Command:
    """Prints, in JSON, how the health checks of a task's container ended; null where it has none."""
    return docker("container", "inspect", "--format", "{{json .State.Health}}", container)


def remove(*names: str) -> Command:
    """Removes services."""
    return docker("service", "rm", *names)
