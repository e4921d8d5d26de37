"""Roles: a change is over when the node has really taken its new role."""

from __future__ import annotations

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Command, node as commands
from swarmops.errors import ConnectionFailed, SwarmopsError
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Role
from swarmops.wait import Deadline, until


def set_role(cluster: Cluster, member: SwarmNode, role: Role, deadline: Deadline) -> None:
    """Promotes or demotes and waits until it is true. Raises SwarmopsError where the quorum would be lost."""
    if role is Role.WORKER:
        # Swarm demotes no node whose promotion it has accepted and not carried out.
        until(lambda: promotion_under_way(cluster, member), deadline, cluster.progress)
        refuse_loss_of_quorum(member, cluster.ask(facts.nodes))
    command = commands.promote(member.id) if role is Role.MANAGER else commands.demote(member.id)
    cluster.manage(command)
    until(lambda: role_not_taken(cluster, member, role), deadline, cluster.progress)


def promotion_under_way(cluster: Cluster, member: SwarmNode) -> str:
    """That a node should be a manager and is none yet, in words."""
    now = {node.id: node for node in cluster.ask(facts.nodes)}.get(member.id)
    under_way = now is not None and now.role == Role.MANAGER and not now.manages
    return f"{member.hostname} is still being promoted" if under_way else ""


def refuse_loss_of_quorum(member: SwarmNode, listed: list[SwarmNode]) -> None:
    """Raises SwarmopsError when the managers that are left would have no quorum among them."""
    left = [other for other in listed if other.manages and other.id != member.id]
    reachable = sum(other.reachability == "reachable" for other in left)
    needed = len(left) // 2 + 1
    if not left:
        raise SwarmopsError(
            f"{member.hostname} is the last manager; a swarm without one cannot be operated",
            remedy="inv promote another node first",
        )
    if reachable < needed:
        raise SwarmopsError(
            f"without {member.hostname} {reachable} of {len(left)} managers are reachable, and a quorum takes {needed}",
            remedy="bring the unreachable managers back first",
        )


def role_not_taken(cluster: Cluster, member: SwarmNode, role: Role) -> str:
    """What is still missing, in words: the swarm's word first, then the node's own."""
    now = {node.id: node for node in cluster.ask(facts.nodes)}.get(member.id)
    if now is None:
        return f"{member.hostname} is not in the swarm any more"
    if role is Role.MANAGER and now.reachability != "reachable":
        return f"{member.hostname} is not reachable as a manager yet"
    if role is Role.WORKER and now.manages:
        return f"{member.hostname} is still one of the managers"
    if not now.ready:
        return f"{member.hostname} is {now.state}"
    return own_word_against(cluster, member.hostname, role)


def own_word_against(cluster: Cluster, name: str, role: Role) -> str:
    """What the node itself still says against having the role, in words.

    A manager that was demoted stops at once, and has its certificate as a worker some seconds later. Promoted before
    that it would be a manager only after 32 s: swarm makes it wait for that certificate twice 16 s.
    """
    try:
        engine = Engine.read(cluster.api(name))
        manages = engine.control or (role is Role.WORKER and _has_manager_certificate(cluster, name))
    except ConnectionFailed:
        return f"{name} does not answer"
    if manages is (role is Role.MANAGER):
        return ""
    return f"{name} still has its certificate as a {'manager' if manages else 'worker'}"


def _has_manager_certificate(cluster: Cluster, name: str) -> bool:
    """Whether the certificate on the node's disk says so; not where it may not be read."""
    root = cluster.api(name).get("/info").get("DockerRootDir", "")
    command = Command(("cat", f"{root}/swarm/certificates/swarm-node.crt"))
    return facts.certified_role(cluster.door(name).run(command, check=False, timeout=15).stdout) == Role.MANAGER
