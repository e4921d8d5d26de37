"""Which of the two ways to route the nodes' kernels can serve."""

from __future__ import annotations

from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.errors import ConnectionFailed, SwarmopsError

# The kernel shows this directory in every network namespace once IPVS is there, built in or loaded by the engine.
IPVS = Command(("test", "-d", "/proc/sys/net/ipv4/vs"))


def routing(cluster: Cluster) -> str:
    """`mesh` or `dns`: what the inventory states, otherwise what every node that answers can serve.

    The nodes are asked once a task, `cluster.once(look)` does it ahead. Raises SwarmopsError when no node answers.
    """
    return cluster.once(look).result()


def look(cluster: Cluster) -> str:
    """What `routing` says, asked anew."""
    stated = cluster.inventory.settings.routing
    if stated != "auto":
        return str(stated)
    cluster.check_engine()
    answers = cluster.each(cluster.inventory.nodes, lambda node: _has_ipvs(cluster, node.name))
    known = [answer for answer in answers if answer is not None]
    if not known:
        raise SwarmopsError(
            "routing: auto asks the nodes' kernels, and no node answers", remedy="inv up, or state routing: mesh or dns"
        )
    return "mesh" if all(known) else "dns"


def _has_ipvs(cluster: Cluster, name: str) -> bool | None:
    try:
        return cluster.door(name).run(IPVS, check=False, timeout=15).code == 0
    except ConnectionFailed:
        return None
