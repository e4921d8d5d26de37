"""The network of a lab's engines, when they come back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.errors import SwarmopsError
from swarmops.inventory import Node

SECONDS = 25
"""The longest that managers who lost each other need to elect a leader; without one, their engines do not listen."""

# 7946 in the kernel's table of what listens.
LISTENS = Command(("sh", "-c", "until grep -Eqs ':1F0A 0+:0000 0A' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done"))


def await_managers(cluster: Cluster, managers: Iterable[Node]) -> None:
    """Waits until the engines of managers that come back listen for the others, SECONDS at most.

    An engine looks for the managers once when it finds its swarm, and then once a minute: if it came before them,
    names on overlay networks would be unknown to its services for so long.
    """

    def wait(node: Node) -> None:
        with suppress(SwarmopsError):
            cluster.run(node.name, LISTENS, timeout=SECONDS)

    cluster.each(managers, wait)
