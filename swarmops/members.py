"""The inventory's nodes and the members of the swarm: which is which. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from swarmops.facts import SwarmNode
from swarmops.inventory import Node


def match(nodes: Iterable[Node], listed: Iterable[SwarmNode], ids: Mapping[str, str]) -> dict[str, SwarmNode]:
    """The inventory's nodes among the members of the swarm, by name.

    A node whose id is known is found by it; the others by their mark or host name, among those that are Ready: an
    entry that is down may be a node's former life. Of two by one name neither is taken.
    """
    seen = list(listed)
    by_id = {member.id: member for member in seen}
    times = Counter(member.name for member in seen if member.ready)
    by_name = {member.name: member for member in seen if member.ready and times[member.name] == 1}
    found = {node.name: by_id.get(ids[node.name]) if ids.get(node.name) else by_name.get(node.name) for node in nodes}
    return {name: member for name, member in found.items() if member}


def entry(node: Node, listed: Iterable[SwarmNode]) -> SwarmNode | None:
    """What a node is, or was, in the swarm; by its name alone."""
    return next((member for member in listed if member.name == node.name), None)
