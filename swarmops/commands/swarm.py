"""docker swarm …"""

from __future__ import annotations

from swarmops.commands import Command, Secret, docker

PORT = 2377


def init(address: str) -> Command:
    """Makes the first manager; the swarm listens and advertises on `address`."""
    return docker("swarm", "init", "--advertise-addr", address, "--listen-addr", f"{address}:{PORT}")


def join(token: Secret, address: str, manager: str) -> Command:
    """Joins as what the token is for, through the manager at the address `manager`."""
    return docker(
        "swarm",
        "join",
        "--token",
        token,
        "--advertise-addr",
        address,
        "--listen-addr",
        f"{address}:{PORT}",
        f"{manager}:{PORT}",
    )


def leave() -> Command:
    """Forgets the swarm that the node was in."""
    return docker("swarm", "leave", "--force")
