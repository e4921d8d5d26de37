"""What the members of the swarm should be like, by the inventory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from swarmops.commands import node as commands
from swarmops.errors import InputError, SwarmopsError
from swarmops.facts import MARK, Engine, SwarmNode
from swarmops.inventory import Node, Role
from swarmops.plan.action import Action, Step

ADDRESS = "swarmops.address"
"""The node label that says with which address a worker of a lab has joined: the others look for it there."""


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
        elif member.manages is not (member.role == Role.MANAGER):
            missing.append(f"{node.name} is still to be {'demoted' if member.manages else 'promoted'}")
    return ", ".join(missing)


def joining(node: Node, engine: Engine, listed: Iterable[SwarmNode], *, own: bool, after: str = "") -> list[Action]:
    """What makes a node a member: it leaves another swarm first when its engine is in one.

    `own` says that the node was made by swarmops and so may be taken out of whatever swarm it is in.
    Raises SwarmopsError where that may not be, InputError where no address is known that it could join with.
    """
    if engine.state == "inactive" or own:
        check_address(node)
    join = Action(node.name, f"join as {node.role}", "it is not in the swarm", Step.JOIN, after=after)
    if engine.state == "inactive":
        return [join]
    if member := next((member for member in listed if member.id == engine.node_id), None):
        return moving(node, engine.address, member) if own and engine.address not in ("", node.address) else []
    if engine.locked:
        # It is a manager of a swarm whose key the operator has: to leave would throw its part of the state away.
        raise SwarmopsError(f"{node.name} is locked", remedy="inv swarm.unlock")
    if own:
        return [Action(node.name, "leave its swarm", "it is in another one", Step.LEAVE, after=after), join]
    raise SwarmopsError(
        f"{node.name} is a member of another swarm", remedy=f"docker swarm leave --force on {node.name}, if that may go"
    )


def check_address(node: Node) -> None:
    """Raises InputError for a name in the place of the address: docker takes none, and the other nodes need one."""
    try:
        ip_address(node.address)
    except ValueError:
        raise InputError(
            f"{node.name} would join with {node.address}, which is no IP address",
            remedy=f"state address: for {node.name}, one that the other nodes reach",
        ) from None


def displaced(node: Node, member: SwarmNode) -> bool:
    """Whether a worker has another address by now than it joined with: it may have been interrupted as it moved."""
    return node.role is Role.WORKER and member.labels.get(ADDRESS, node.address) != node.address


def moving(node: Node, address: str, member: SwarmNode | None = None, *, after: str = "") -> list[Action]:
    """What brings a worker of a lab to another address: the others go on to look for it at the one it joined with.

    Raises InputError for a manager, by the inventory or by the swarm, which the others know by its address.
    """
    if node.role is Role.MANAGER or (member and member.manages):
        demote = "" if node.role is Role.MANAGER else f"inv demote {node.name} first, or "
        raise InputError(
            f"{node.name} is {address} to the other managers, and would be {node.address}",
            remedy=f"{demote}state address: {address} for {node.name}",
        )
    reason = f"it is {address} to the others, and has moved to {node.address}"
    return [
        Action(node.name, "leave its swarm", reason, Step.LEAVE, after=after),
        Action(node.name, f"join as {node.role}", "it is not in the swarm then", Step.JOIN, after=after),
    ]


def roles(nodes: Iterable[Node], members: Mapping[str, SwarmNode]) -> list[Action]:
    """Roles that are not the inventory's, promotions first: the quorum never shrinks before it grows."""
    wrong = [node for node in nodes if members[node.name].role != node.role]
    return [
        Action(
            node.name,
            f"promote to {node.role}" if node.role is Role.MANAGER else f"demote to {node.role}",
            f"it is a {members[node.name].role}",
            Step.PROMOTE if node.role is Role.MANAGER else Step.DEMOTE,
            target=members[node.name].id,
        )
        for node in sorted(wrong, key=lambda node: node.role is Role.WORKER)
    ]


def marks(nodes: Iterable[Node], members: Mapping[str, SwarmNode]) -> list[Action]:
    """Members that do not say yet which node of the inventory they are."""
    return [
        Action(
            node.name,
            f"label {MARK}={node.name}",
            "it marks whom swarmops looks after",
            Step.MARK,
            target=members[node.name].id,
        )
        for node in nodes
        if members[node.name].labels.get(MARK) != node.name
    ]


def settings(node: Node, member: SwarmNode) -> list[Action]:
    """Availability and labels that the inventory states and the swarm has not; what it does not state stays.

    To drain a node is more than a command: what runs there has to run elsewhere.
    """
    labels = {key: value for key, value in sorted(node.vars.labels.items()) if member.labels.get(key) != value}
    stated = node.vars.availability if node.vars.availability != member.availability else None
    was = f"it is {member.availability}"
    drains = [Action(node.name, "drain", was, Step.DRAIN, target=member.id)] if stated == "drain" else []
    availability = None if drains else stated
    if not labels and not availability:
        return drains
    wanted = [f"{key}={value}" for key, value in labels.items()] + ([availability] if availability else [])
    now = [f"{key} is {member.labels.get(key, 'not set')}" for key in labels] + ([was] if availability else [])
    command = commands.update(member.id, availability=availability, labels=labels)
    return [Action(node.name, f"set {', '.join(wanted)}", ", ".join(now), command=command, target=member.id), *drains]
