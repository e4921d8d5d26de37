"""Roles: a change is over when the node has really taken its new role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Command, node as commands
from swarmops.errors import ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.facts import Engine, Json, SwarmNode
from swarmops.inventory import Node, Role
from swarmops.ops.members import change
from swarmops.quorum import Quorum, last, refuse_loss
from swarmops.wait import Deadline, until

MOMENT_SECONDS = 5.0
"""The leader takes a manager for lost that has not answered for 2 s, until it hears of it again (swarmkit, peer.go)."""


def set_roles(cluster: Cluster, members: Mapping[str, SwarmNode], role: Role, deadline: Deadline) -> None:
    """Promotes or demotes members, by the names of the inventory, at once, and waits until it is true.

    Raises SwarmopsError where the quorum would be lost.
    """
    if role is Role.WORKER:
        # Swarm demotes no node whose promotion it has accepted and not carried out.
        until(
            lambda: _said(promotion_under_way(cluster, each) for each in members.values()), deadline, cluster.progress
        )
        refuse_lost_quorum(cluster, list(members.values()))
    command = commands.promote if role is Role.MANAGER else commands.demote
    for member in sorted(members.values(), key=last):
        change(cluster, member.id, command(member.id))
    await_roles(cluster, members, role, deadline)


def refuse_lost_quorum(cluster: Cluster, leaving: Sequence[SwarmNode]) -> None:
    """As `refuse_loss`, in the middle of a change: one that has just become a manager may seem lost for a moment."""

    def unreached() -> str:
        left = Quorum.of(cluster.ask(facts.nodes), without=leaving)
        return "" if left.holds or not left.managers else "the managers to reach each other"

    with suppress(WaitTimeout):
        until(unreached, Deadline(MOMENT_SECONDS), cluster.progress)
    refuse_loss(leaving, cluster.ask(facts.nodes))


def await_roles(cluster: Cluster, members: Mapping[str, SwarmNode], role: Role, deadline: Deadline) -> None:
    """Waits until members, by the names of the inventory, have really taken a role. Raises WaitTimeout."""

    def missing() -> str:
        return _said(role_not_taken(cluster, member, role, name) for name, member in members.items())

    until(missing, deadline, cluster.progress)


def promotion_under_way(cluster: Cluster, member: SwarmNode) -> str:
    """That a node should be a manager and is none yet, in words."""
    now = {node.id: node for node in cluster.ask(facts.nodes)}.get(member.id)
    under_way = now is not None and now.role == Role.MANAGER and not now.manages
    return f"{member.name} is still being promoted" if under_way else ""


def role_not_taken(cluster: Cluster, member: SwarmNode, role: Role, name: str = "") -> str:
    """What is still missing, in words: the swarm's word first, then the node's own.

    A member that was down when it was asked to be a worker cannot give its word. `name` is the inventory's.
    """
    name = name or member.name
    now = {node.id: node for node in cluster.ask(facts.nodes)}.get(member.id)
    if now is None:
        return f"{name} is not in the swarm any more"
    if role is Role.MANAGER and now.reachability != "reachable":
        return f"{name} is not reachable as a manager yet"
    if role is Role.WORKER and now.manages:
        return f"{name} is still one of the managers"
    if role is Role.WORKER and member.state == now.state == "down":
        return ""
    if not now.ready:
        return f"{name} is {now.state}"
    return own_word_against(cluster, name, role)


def own_word_against(cluster: Cluster, name: str, role: Role) -> str:
    """What the node itself still says against having the role, in words; nothing where it is not in the inventory.

    A manager that was demoted stops at once, and has its certificate as a worker some seconds later. Promoted before
    that it would be a manager only after 32 s: swarm makes it wait for that certificate twice 16 s.
    """
    if name not in {node.name for node in cluster.inventory.nodes}:
        return ""
    try:
        info = cluster.api(name).get("/info")
        engine = Engine.of(info)
        manages = engine.control or (role is Role.WORKER and _has_manager_certificate(cluster, name, info))
    except (ConnectionFailed, WaitTimeout):
        return f"{name} does not answer"
    if manages is not (role is Role.MANAGER):
        return f"{name} still has its certificate as a {'manager' if manages else 'worker'}"
    if engine.state == "active" or engine.begun_anew:  # no waiting changes the latter
        return ""
    return f"{name} takes no part in the swarm yet: {engine.error or engine.state}"


def refuse_begun_anew(cluster: Cluster, names: Iterable[str]) -> None:
    """Raises SwarmopsError where engines would refuse tasks once their nodes, of the inventory, are workers."""
    if found := begun_anew(cluster, names):
        raise SwarmopsError(
            f"{', '.join(found)} would refuse tasks as a worker: "
            "its part in the swarm began anew, and its engine has to be restarted first",
            remedy=f"{'; '.join(restarting(cluster, name) for name in found)}; then the same again",
        )


def begun_anew(cluster: Cluster, names: Iterable[str]) -> list[str]:
    """Those of the nodes of the inventory whose part in the swarm began anew while their engines ran on."""

    def has(node: Node) -> bool:
        try:
            return Engine.read(cluster.api(node.name)).begun_anew
        except ConnectionFailed:  # the others have its word
            return False

    nodes = [cluster.inventory.node(name) for name in names]
    return [node.name for node, found in zip(nodes, cluster.each(nodes, has), strict=True) if found]


def restarting(cluster: Cluster, name: str) -> str:
    """What an operator enters to restart a node's engine; who ssh logs in as may not be root."""
    if cluster.lab:
        return f"docker restart {cluster.container(name)}"
    return f"as root on {name}: systemctl restart docker"


def _has_manager_certificate(cluster: Cluster, name: str, info: Json) -> bool:
    """Whether the certificate on the node's disk says so; not where it may not be read."""
    command = Command(("cat", f"{info.get('DockerRootDir', '')}/swarm/certificates/swarm-node.crt"))
    return facts.certified_role(cluster.door(name).run(command, check=False, timeout=15).stdout) == Role.MANAGER


def _said(missing: Iterable[str]) -> str:
    return ", ".join(filter(None, missing))
