"""docker swarm …"""

from __future__ import annotations

from collections.abc import Sequence

from swarmops.commands import Command, Secret, docker
from swarmops.raft import place

# docker takes the token in its arguments alone. The engine that runs a lab tells those of every exec in its events, so
# that a shell on the node adds it there: `ps` on that node shows it while it joins, and nothing else does.
JOIN = 'exec docker swarm join --token "$(cat)" "$@"'


def init(address: str, options: Sequence[str] = ()) -> Command:
    """Makes the first manager; the swarm listens and advertises on `address`, and has the settings of the options."""
    return docker("swarm", "init", "--advertise-addr", address, "--listen-addr", place(address), *options)


def update(options: Sequence[str]) -> Command:
    """Changes settings of the swarm."""
    return docker("swarm", "update", *options)


def join(token: Secret, address: str, manager: str, availability: str = "active") -> Command:
    """Joins as what the token is for, through the manager at the address `manager`."""
    options = [f"--availability={availability}"] if availability != "active" else []
    listen = ("--advertise-addr", address, "--listen-addr", place(address))
    rest = (*listen, *options, place(manager))
    shown = docker("swarm", "join", "--token", token, *rest)
    return Command(("sh", "-c", JOIN, "sh", *rest), token, shown=str(shown))


def leave() -> Command:
    """Forgets the swarm that the node was in."""
    return docker("swarm", "leave", "--force")


def rotate_token(role: str) -> Command:
    """Makes a new token for nodes that join in that role, and prints it."""
    return docker("swarm", "join-token", "--rotate", "--quiet", role)


def autolock(*, on: bool) -> Command:
    """Has managers lock when their engine restarts, or no longer; prints the new key when they do."""
    return docker("swarm", "update", f"--autolock={str(on).lower()}")


def unlock(key: Secret) -> Command:
    """Unlocks the node's manager; returns when it has found a leader, however long that takes."""
    return docker("swarm", "unlock", stdin=key)


def rotate_ca() -> Command:
    """Begins to replace the authority that certifies nodes, and prints the new one's certificate."""
    return docker("swarm", "ca", "--rotate", "--detach")
