"""Nodes taken out of the swarm for good."""

from __future__ import annotations

from collections.abc import Sequence

from swarmops import facts, quorum
from swarmops.cluster import Cluster
from swarmops.commands import node as commands, swarm
from swarmops.errors import CommandFailed, ConnectionFailed
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Node, Role
from swarmops.ops.drain import How, empty, refuse_stranded
from swarmops.ops.nodes import batches, seek
from swarmops.ops.roles import refuse_lost_quorum, set_roles
from swarmops.report import Recap
from swarmops.wait import Deadline


def remove(cluster: Cluster, nodes: Sequence[Node], how: How, recap: Recap) -> None:
    """Empties nodes, demotes them, has them leave the swarm and takes them off its list; what is not on it is gone.

    Raises SwarmopsError, before anything changes, where the quorum would be lost or something needs the nodes.
    """
    members = dict(sorted(seek(cluster, nodes).items(), key=lambda item: quorum.last(item[1])))
    refuse_lost_quorum(cluster, list(members.values()))
    refuse_stranded(cluster, members, how)
    for part in batches(members, how.batch):
        empty(cluster, part, how, recap)
        for name, member in part.items():
            if member.manages or (member.role == Role.MANAGER and member.ready):
                set_roles(cluster, {name: member}, Role.WORKER, Deadline(how.timeout))
                recap.changed(name, "is a worker")
            leave(cluster, name, member, recap)
            take_off(cluster, member)
            recap.changed(name, "removed")
            cluster.progress.done("removed", name)
    for node in nodes:
        recap.ok(node.name, "gone")
        recap.note(f"{cluster.inventory.path.name} has {node.name}: the next inv up has it join again.")


def leave(cluster: Cluster, name: str, member: SwarmNode, recap: Recap) -> None:
    """The node itself forgets the swarm, if it still is the member and answers."""
    try:
        if Engine.read(cluster.api(name)).node_id == member.id:
            cluster.run(name, swarm.leave())
    except ConnectionFailed as error:
        recap.note(f"{name} takes itself for a member until docker swarm leave --force there: {error}".splitlines()[0])


def take_off(cluster: Cluster, member: SwarmNode) -> None:
    """Its entries go: the member's own, and those of its former lives."""
    for old in cluster.ask(facts.nodes):
        if old.id == member.id or (old.name == member.name and old.state == "down" and not old.manages):
            try:
                cluster.manage(commands.remove(old.id))
            except CommandFailed:  # repeated after a manager was lost, it finds nothing to remove
                if any(left.id == old.id for left in cluster.ask(facts.nodes)):
                    raise
