"""The network of a lab's engines, when they come back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from swarmops.cluster import ELECTION_SECONDS, Cluster
from swarmops.commands import Command
from swarmops.errors import SwarmopsError
from swarmops.inventory import Node

# 7946 in the kernel's table of what listens.
LISTENS = Command(("sh", "-c", "until grep -Eqs ':1F0A 0+:0000 0A' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done"))


def await_managers(cluster: Cluster, managers: Iterable[Node]) -> None:
    """Waits until the engines of managers that come back listen for the others; without a leader they do not.

    No longer than an election may take.
    An engine looks for the managers once when it finds its swarm, and then once a minute: if it came before them,
    names on overlay networks would be unknown to its services for so long.
    """

    def wait(node: Node) -> None:
        with suppress(SwarmopsError):
            cluster.run(node.name, LISTENS, timeout=ELECTION_SECONDS)

    cluster.each(managers, wait)
