"""docker stack …: stack files travel by standard input."""

from __future__ import annotations

from swarmops.commands import Command, docker

NAMESPACE = "com.docker.stack.namespace"
IMAGE_LABEL = "com.docker.stack.image"
"""What the file said when docker last deployed a service."""


def deploy(name: str, file: str, *, mixed: bool = False) -> Command:
    """Deploys a rendered stack file.

    Its images carry digests already, so that the engine need not look them up, but for the platforms that they are for
    where the nodes are of `mixed` ones.
    """
    return docker(
        "stack",
        "deploy",
        f"--resolve-image={'always' if mixed else 'never'}",
        "--with-registry-auth",
        "--compose-file=-",
        name,
        stdin=file.encode(),
    )


def config(file: str) -> Command:
    """Reads a stack file as `deploy` does, and changes nothing; exits 1 for what is refused."""
    return docker("stack", "config", "--compose-file=-", stdin=file.encode())


def remove(name: str) -> Command:
    """Removes a stack's services, networks, configurations and secrets."""
    return docker("stack", "rm", name)
