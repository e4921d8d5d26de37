"""The network of the engines: by it they tell each other which task has which address. No swarm says who is in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from swarmops.cluster import ELECTION_SECONDS, Cluster
from swarmops.commands import Command
from swarmops.errors import SwarmopsError
from swarmops.inventory import Node

LISTENS = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -Eq ':1F0A 0+:0000 0A'"
"""For a shell of the node: 7946 in the kernel's table of what listens."""
SECONDS = 10
"""An engine listens within a second of when it has found its swarm, where the machine is not busy."""


def listening(seconds: float) -> str:
    """For a shell of the node: exits 1 where its engine does not listen within so many seconds."""
    return f"left={seconds * 10:.0f}; until {LISTENS}; do [ $((left -= 1)) -gt 0 ] || exit 1; sleep 0.1; done"


def await_managers(cluster: Cluster, managers: Iterable[Node]) -> None:
    """Waits until the engines of managers that come back listen for the others; without a leader they do not.

    No longer than an election may take.
    An engine looks for the managers once when it finds its swarm, and then once a minute: if it came before them,
    names on overlay networks would be unknown to its services for so long.
    """
    command = Command(("sh", "-c", listening(ELECTION_SECONDS)))

    def wait(node: Node) -> None:
        with suppress(SwarmopsError):
            cluster.run(node.name, command, timeout=ELECTION_SECONDS)

    cluster.each(managers, wait)


def deaf(cluster: Cluster, nodes: Sequence[Node]) -> list[Node]:
    """Those of some members whose engines do not listen for the others, and refuse tasks on networks new to them.

    That is so when `docker swarm unlock`, or a swarm made anew of what one manager has, begins an engine's part in the
    swarm: it tells its network agent of the end of the part before, does not wait for the answer, and an agent that is
    late takes the new part for over (moby, cluster/swarm.go and libnetwork, agent.go). It lasts until the engine is
    restarted, and its `/info` says nothing of it. One that cannot be asked is not among them.
    """
    command = Command(("sh", "-c", listening(SECONDS)))

    def is_deaf(node: Node) -> bool:
        with suppress(SwarmopsError):
            return cluster.door(node.name).run(command, check=False, timeout=SECONDS + 10).code == 1
        return False

    return [node for node, found in zip(nodes, cluster.each(nodes, is_deaf), strict=True) if found]
