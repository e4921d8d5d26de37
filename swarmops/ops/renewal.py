"""Managers that run a swarm made anew: whether each can be reached as one, and takes tasks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from swarmops import facts, gossip
from swarmops.cluster import Cluster
from swarmops.errors import ConnectionFailed, PendingError
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Node
from swarmops.members import match
from swarmops.ops.autolock import is_on
from swarmops.ops.roles import begun_anew, restarting
from swarmops.ops.up import up
from swarmops.report import Recap
from swarmops.wait import Deadline, until


def renew(cluster: Cluster, managers: Iterable[Node], deadline: Deadline, recap: Recap, *, sure: bool = True) -> None:
    """Restarts a lab's engines whose part in the swarm began anew and that refuse tasks on networks new to them.

    Seen of the survivor, once in five recoveries. Where managers lock, or hosts are real, the operator does it.
    Raises PendingError instead of restarting anything where nobody is `sure`.
    """
    nodes = list(managers)
    anew = {*begun_anew(cluster, [node.name for node in nodes]), *(node.name for node in gossip.deaf(cluster, nodes))}
    locks = bool(anew) and cluster.ask(is_on)
    if not cluster.lab or locks:
        for name in sorted(anew):
            remedy = f"{restarting(cluster, name)}{'; inv swarm.unlock' if locks else ''}"
            recap.note(f"{name} refuses tasks on networks new to it until it is restarted: {remedy}")
        return
    if anew and not sure:
        refusing = f"{', '.join(sorted(anew))} would refuse tasks on networks that are new there"
        raise PendingError(f"there is a leader, and {refusing}", remedy="inv swarm.recover --yes")
    for name in sorted(anew):
        from swarmops.lab.containers import restart

        cluster.progress.waiting(f"{name} to restart: its part in the swarm began anew")
        restart(cluster.engine, cluster.container(name))
        node = cluster.inventory.node(name)
        until(lambda: away(cluster, [node]), deadline, cluster.progress)  # noqa: B023
        recap.changed(name, "restarted")
        up(cluster, max(deadline.left, 1), recap)  # a leader that has just been elected has yet to hear of the nodes


def away(cluster: Cluster, managers: list[Node]) -> str:
    """Those that cannot be reached as managers, or say so themselves, in words.

    One that comes back learns that it was removed, and joins again by itself within 40 s, as the member that it was.
    """
    members = match(managers, cluster.ask(facts.nodes), {})
    missing = [node.name for node in managers if not _manages(cluster, node.name, members.get(node.name))]
    return f"{', '.join(missing)} still to be reachable as a manager" if missing else ""


def _manages(cluster: Cluster, name: str, member: SwarmNode | None) -> bool:
    if not member or member.reachability != "reachable":
        return False
    with suppress(ConnectionFailed):
        return Engine.read(cluster.api(name)).control
    return False
