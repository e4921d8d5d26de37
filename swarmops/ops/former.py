"""What nodes were before they joined anew: their labels and availability are put back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swarmops import facts
from swarmops.archive import Member
from swarmops.cluster import Cluster
from swarmops.commands import node as commands
from swarmops.facts import MARK, SwarmNode
from swarmops.inventory import Node
from swarmops.members import match
from swarmops.ops.members import change
from swarmops.report import Recap

OURS = "swarmops."
"""What labels begin with that no operator has set."""


def members(listed: Iterable[SwarmNode]) -> tuple[Member, ...]:
    """The members of a swarm, as far as they are kept."""
    return tuple(Member(one.name, one.id, one.role, one.availability, dict(one.labels)) for one in listed)


def put_back(cluster: Cluster, former: Iterable[Member], recap: Recap, *, moved: str = "") -> None:
    """Gives the inventory's nodes that joined anew what an operator had set of them; what the inventory states stays.

    `moved` is the id of a member that was another node before: what that one had goes.
    """
    before = list(former)
    for name, member in match(cluster.inventory.nodes, cluster.ask(facts.nodes), {}).items():
        old = next((one for one in before if one.name == name and one.id != member.id), None)
        if old or member.id == moved:
            _put_back(cluster, cluster.inventory.node(name), member, old, recap, anew=member.id != moved)


def _put_back(cluster: Cluster, node: Node, member: SwarmNode, old: Member | None, recap: Recap, *, anew: bool) -> None:
    stated = {**node.vars.labels, MARK: node.name}
    own = {key: value for key, value in (old.labels if old else {}).items() if not key.startswith(OURS)}
    wanted: Mapping[str, str] = {**own, **stated}
    labels = {key: value for key, value in wanted.items() if member.labels.get(key) != value}
    without = [] if anew else [key for key in member.labels if key not in wanted and not key.startswith(OURS)]
    before = old.availability if old else "active"
    availability = before if node.vars.availability is None and before != member.availability else None
    if not labels and not without and not availability:
        return
    change(cluster, member.id, commands.update(member.id, availability=availability, labels=labels, without=without))
    said = [f"{key}={value}" for key, value in labels.items()] + [f"{key}-" for key in without]
    said += [availability] if availability else []
    recap.changed(node.name, f"put back: {', '.join(said)}")
    cluster.progress.done(f"put back {', '.join(said)}", node.name)
