"""Which of the two ways to route the nodes' kernels can serve."""

from __future__ import annotations

from functools import partial
from itertools import islice

from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.errors import ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.inventory import Node

# The kernel shows this directory in every network namespace once IPVS is there, built in or loaded by the engine.
IPVS = Command(("test", "-d", "/proc/sys/net/ipv4/vs"))


def routing(cluster: Cluster) -> str:
    """`mesh` or `dns`: what the inventory states, otherwise what the kernel of every node that answers can serve.

    The kernels are asked once a task, `cluster.once(look)` does it ahead. Raises SwarmopsError when no node answers.
    """
    return cluster.once(look).result()


def look(cluster: Cluster) -> str:
    """Finds out; `routing` knows by then, or waits."""
    stated = cluster.inventory.settings.routing
    if stated != "auto":
        return str(stated)
    cluster.check_engine()
    known = _answers(cluster)
    if not known:
        raise SwarmopsError(
            "routing: auto asks the nodes' kernels, and no node answers", remedy="inv up, or state routing: mesh or dns"
        )
    return "mesh" if all(known) else "dns"


def _answers(cluster: Cluster) -> list[bool]:
    """Which kernels have IPVS, by the nodes that answer. Those of a lab share one kernel: the first answer will do."""
    nodes, ask = cluster.inventory.nodes, partial(_has_ipvs, cluster)
    said = (answer for answer in (map(ask, nodes) if cluster.lab else cluster.each(nodes, ask)) if answer is not None)
    return list(islice(said, 1 if cluster.lab else None))


def _has_ipvs(cluster: Cluster, node: Node) -> bool | None:
    try:
        return cluster.door(node.name).run(IPVS, check=False, timeout=15).code == 0
    except (ConnectionFailed, WaitTimeout):
        return None
