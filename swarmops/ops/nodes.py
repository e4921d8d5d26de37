"""What an operator does to nodes: role, availability and labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from swarmops import facts, quorum
from swarmops.cluster import Cluster
from swarmops.commands import node as commands
from swarmops.errors import SwarmopsError
from swarmops.facts import SwarmNode
from swarmops.inventory import Node, Role
from swarmops.members import entry, match
from swarmops.ops.members import change
from swarmops.ops.roles import await_roles, begun_anew, refuse_begun_anew, refuse_lost_quorum, restarting, set_roles
from swarmops.report import Recap
from swarmops.wait import Deadline

Members = Mapping[str, SwarmNode]
"""Members of the swarm by the names that they have in the inventory."""
Labels = Mapping[str, str | None]
"""Node labels by their names; None for one that is to go."""
T = TypeVar("T")


def promote(cluster: Cluster, nodes: Sequence[Node], timeout: float, recap: Recap, *, batch: int = 1) -> None:
    """Makes nodes managers, so many at a time; returns when all are reachable as such. `timeout` is for each batch."""
    members = find_all(cluster, nodes)
    if down := [name for name, member in members.items() if member.state == "down" and not member.manages]:
        raise SwarmopsError(f"{', '.join(down)}: down, and a node takes a role itself", remedy="inv up, or inv status")
    _role(cluster, members, Role.MANAGER, timeout, recap, batch)
    for name in begun_anew(cluster, members):
        recap.note(f"{name} began its part in the swarm anew. Before it is a worker again: {restarting(cluster, name)}")


def demote(cluster: Cluster, nodes: Sequence[Node], timeout: float, recap: Recap, *, batch: int = 1) -> None:
    """Makes nodes workers, so many at a time; returns when they have left the managers.

    Raises SwarmopsError, before anything changes, where that would lose the quorum or a node would refuse tasks.
    `timeout` is for each batch.
    """
    members = dict(sorted(find_all(cluster, nodes).items(), key=lambda item: quorum.last(item[1])))
    refuse_lost_quorum(cluster, list(members.values()))
    refuse_begun_anew(cluster, members)
    _role(cluster, members, Role.WORKER, timeout, recap, batch)


def activate(cluster: Cluster, nodes: Sequence[Node], recap: Recap) -> None:
    """Lets nodes take work again. Tasks that run elsewhere stay there."""
    _open_or_close(cluster, nodes, recap, "active")


def pause(cluster: Cluster, nodes: Sequence[Node], recap: Recap) -> None:
    """Lets nodes take no new work. Tasks that run there stay."""
    _open_or_close(cluster, nodes, recap, "pause")


def label(cluster: Cluster, nodes: Sequence[Node], wanted: Labels, recap: Recap) -> None:
    """Sets labels of nodes and takes labels away; leaves their other labels."""
    for name, member in find_all(cluster, nodes).items():
        added = {key: value for key, value in wanted.items() if value is not None and member.labels.get(key) != value}
        removed = [key for key, value in wanted.items() if value is None and key in member.labels]
        if added or removed:
            change(cluster, member.id, commands.update(member.id, labels=added, without=removed))
            said = [*(f"{key}={value}" for key, value in added.items()), *(f"{key}-" for key in removed)]
            recap.changed(name, f"labels {', '.join(said)}")
        recap.ok(name)
        stated = cluster.inventory.node(name).vars.labels
        if other := [f"{key}={stated[key]}" for key, value in wanted.items() if key in stated and stated[key] != value]:
            recap.note(
                f"{cluster.inventory.path.name} has {name} with {', '.join(other)}: the next inv up sets it back."
            )


def find_all(cluster: Cluster, nodes: Iterable[Node]) -> dict[str, SwarmNode]:
    """The members of the swarm that are nodes of the inventory. Raises SwarmopsError with those that are none."""
    wanted = list(nodes)
    found = seek(cluster, wanted)
    if missing := [node.name for node in wanted if node.name not in found]:
        number = "is" if len(missing) == 1 else "are"
        raise SwarmopsError(f"{', '.join(missing)} {number} not in the swarm", remedy="inv up")
    return found


def seek(cluster: Cluster, nodes: Iterable[Node]) -> dict[str, SwarmNode]:
    """Those of the nodes that are members of the swarm."""
    listed = cluster.ask(facts.nodes)
    wanted = list(nodes)
    found = match(wanted, listed, {})
    by_id = {member.id: member for member in listed}
    for node in wanted:
        if node.name not in found and (member := by_id.get(_own_id(cluster, node)) or entry(node, listed)):
            found[node.name] = member
    return {node.name: found[node.name] for node in wanted if node.name in found}


def set_availability(cluster: Cluster, recap: Recap, members: Members, wanted: str) -> None:
    """Sets the availability of those that have another one, and says what the next `up` does about it."""
    for name, member in members.items():
        if member.availability != wanted:
            change(cluster, member.id, commands.update(member.id, availability=wanted))
            recap.changed(name, f"availability is {wanted}")
        if name not in {node.name for node in cluster.inventory.nodes}:
            continue  # up empties nodes that have left the inventory
        stated = cluster.inventory.node(name).vars.availability
        if stated not in (None, wanted):
            recap.note(f"{cluster.inventory.path.name} has {name} as {stated}: the next inv up sets it back.")


def batches(members: Mapping[str, T], size: int) -> Iterator[dict[str, T]]:
    """So many of them at a time; all at once for 0."""
    rest = iter(members.items())
    while part := dict(islice(rest, size or None)):
        yield part


def _open_or_close(cluster: Cluster, nodes: Sequence[Node], recap: Recap, wanted: str) -> None:
    members = find_all(cluster, nodes)
    set_availability(cluster, recap, members, wanted)
    for name in members:
        recap.ok(name)


def _role(cluster: Cluster, members: Members, role: Role, timeout: float, recap: Recap, batch: int) -> None:
    # A change of role that another run began is waited for, not taken for done.
    right = {name for name, now in members.items() if now.role == role and now.manages == (role is Role.MANAGER)}
    for part in batches({name: member for name, member in members.items() if name not in right}, batch):
        set_roles(cluster, part, role, Deadline(timeout))
        for name in part:
            recap.changed(name, f"is a {role}")
            cluster.progress.done(f"is a {role}", name)
    await_roles(cluster, {name: members[name] for name in right}, role, Deadline(timeout))
    for name in members:
        recap.ok(name, f"{role}")
        stated = cluster.inventory.node(name).role
        if stated is not role:
            verb = "demotes" if stated is Role.WORKER else "promotes"
            recap.note(f"{cluster.inventory.path.name} has {name} as a {stated}: the next inv up {verb} it.")
        if role is Role.WORKER and name not in right and members[name].state == "down":
            recap.note(f"{name} is down: it takes its certificate as a worker when it comes back.")
    if said := quorum.even(quorum.Quorum.of(cluster.ask(facts.nodes)).managers):
        recap.note(said)


def _own_id(cluster: Cluster, node: Node) -> str:
    """The id that a node's own engine says it has; empty when it does not answer, or is in no swarm."""
    try:
        return facts.Engine.read(cluster.api(node.name)).node_id
    except SwarmopsError:
        return ""
