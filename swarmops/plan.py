"""What the cluster should be minus what it is: actions, each with its reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from swarmops.commands import Command, network, node as node_commands
from swarmops.errors import SwarmopsError
from swarmops.facts import Engine, Json, SwarmNode
from swarmops.inventory import Node, Role


@dataclass(frozen=True)
class Action:
    """One change on one node, or on the cluster, and why it is needed."""

    node: str
    what: str
    reason: str
    command: Command


def match(nodes: Iterable[Node], listed: Iterable[SwarmNode], ids: Mapping[str, str]) -> dict[str, SwarmNode]:
    """The inventory's nodes among the members of the swarm, by name.

    A node whose id is known is found by it; the others by their host name, among those that are Ready: an entry
    that is down may be a node's former life.
    """
    seen = list(listed)
    by_id = {member.id: member for member in seen}
    by_host = {member.hostname: member for member in seen if member.ready}
    found = {node.name: by_id.get(ids[node.name]) if ids.get(node.name) else by_host.get(node.name) for node in nodes}
    return {name: member for name, member in found.items() if member}


def not_ready(nodes: Iterable[Node], members: Mapping[str, SwarmNode]) -> str:
    """The nodes that are not Ready, or not yet reachable as managers, in words; empty when all are."""
    missing = []
    for node in nodes:
        member = members.get(node.name)
        if member is None:
            missing.append(f"{node.name} is not in the swarm")
        elif not member.ready:
            missing.append(f"{node.name} is {member.state}")
        elif member.manages and member.reachability != "reachable":
            missing.append(f"{node.name} is a manager that is {member.reachability}")
    return ", ".join(missing)


def may_join(node: Node, engine: Engine, members: Iterable[SwarmNode], *, own: bool) -> bool:
    """Whether the node has to join; it has to leave another swarm first when its engine is in one.

    `own` says that the node was made by swarmops and so may be taken out of whatever swarm it is in.
    Raises SwarmopsError where that may not be.
    """
    if engine.state == "inactive":
        return True
    if any(member.id == engine.node_id for member in members):
        return False
    if engine.state == "locked":
        # It is a manager of a swarm whose key the operator has: to leave would throw its part of the state away.
        raise SwarmopsError(f"{node.name} is locked", remedy=f"docker swarm unlock on {node.name}")
    if own:
        return True
    raise SwarmopsError(
        f"{node.name} is a member of another swarm", remedy=f"docker swarm leave --force on {node.name}, if that may go"
    )


def settings(node: Node, member: SwarmNode) -> Action | None:
    """Availability and labels that the inventory states and the swarm has not; what it does not state stays."""
    labels = {key: value for key, value in node.vars.labels.items() if member.labels.get(key) != value}
    availability = node.vars.availability if node.vars.availability != member.availability else None
    if not labels and not availability:
        return None
    wanted = [f"{key}={value}" for key, value in sorted(labels.items())] + ([availability] if availability else [])
    command = node_commands.update(member.id, availability=availability, labels=labels)
    return Action(node.name, f"set {', '.join(wanted)}", "the inventory states it", command)


def roles(nodes: Iterable[Node], members: Mapping[str, SwarmNode]) -> list[tuple[str, Role]]:
    """The nodes whose role is not the inventory's, promotions first: the quorum never shrinks before it grows."""
    wrong = [(node.name, node.role) for node in nodes if members[node.name].role != node.role]
    return sorted(wrong, key=lambda change: change[1] is Role.WORKER)


def former_lives(nodes: Iterable[Node], listed: Iterable[SwarmNode], members: Mapping[str, SwarmNode]) -> list[Action]:
    """Entries that are down and whose host is in the swarm under a new id."""
    known = {node.name for node in nodes}
    current = {member.id for member in members.values()}
    return [
        Action(old.hostname, f"remove entry {old.id}", "the node joined anew", node_commands.remove(old.id))
        for old in listed
        if old.hostname in known and old.id not in current and old.state == "down" and not old.manages
    ]


def networks(wanted: Mapping[str, Any], existing: Iterable[Json], labels: Mapping[str, str]) -> list[Action]:
    """The networks that are not there yet."""
    names = {item["Name"] for item in existing}
    return [
        Action(
            "cluster",
            f"create network {name}",
            "the inventory has it",
            network.create(
                name,
                driver=options.driver,
                attachable=options.attachable,
                encrypted=bool(options.encrypted),
                subnet=str(options.subnet) if options.subnet else None,
                labels=labels,
            ),
        )
        for name, options in wanted.items()
        if name not in names
    ]


def network_drift(wanted: Mapping[str, Any], existing: Iterable[Json]) -> list[str]:
    """Networks whose options are not the inventory's; an engine cannot change them in place."""
    seen = {item["Name"]: item for item in existing}
    return [
        f"network {name} is {_attachable(seen[name]['Attachable'])}, "
        f"the inventory has it {_attachable(options.attachable)}; remove the network to have it made anew"
        for name, options in wanted.items()
        if name in seen and seen[name]["Attachable"] != bool(options.attachable)
    ]


def _attachable(value: object) -> str:
    return "attachable" if value else "not attachable"
