"""What an operator does to nodes: role and availability."""

from __future__ import annotations

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import node as commands
from swarmops.errors import SwarmopsError
from swarmops.facts import SwarmNode
from swarmops.inventory import Role
from swarmops.ops.convergence import Watch
from swarmops.ops.roles import set_role
from swarmops.plan import match
from swarmops.report import Recap
from swarmops.wait import Deadline, until


def promote(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Makes a node a manager; returns when it is reachable as one."""
    return _role(cluster, name, Role.MANAGER, timeout)


def demote(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Makes a node a worker; returns when it has left the managers. Refuses what would lose the quorum."""
    return _role(cluster, name, Role.WORKER, timeout)


def drain(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Moves all work off a node; returns when it is empty and its replicas run elsewhere."""
    deadline, recap = Deadline(timeout), Recap()
    member = find(cluster, name)
    affected = {task.service_id for task in cluster.ask(facts.tasks) if task.node_id == member.id and not task.over}
    _availability(cluster, recap, member, name, "drain")
    watch = Watch(cluster, affected)

    def missing() -> str:
        left = [task for task in cluster.ask(facts.tasks) if task.node_id == member.id and not task.over]
        if left:
            return f"{name} still has {len(left)} task{'s' if len(left) > 1 else ''}"
        return watch.missing()

    until(missing, deadline, cluster.progress)
    recap.ok(name, "empty")
    return recap


def activate(cluster: Cluster, name: str) -> Recap:
    """Lets a node take work again. Tasks that run elsewhere stay there."""
    recap = Recap()
    _availability(cluster, recap, find(cluster, name), name, "active")
    recap.ok(name)
    return recap


def find(cluster: Cluster, name: str) -> SwarmNode:
    """The member of the swarm that is a node of the inventory.

    Raises InputError for a name that the inventory has not, SwarmopsError when the node is not in the swarm.
    """
    node = cluster.inventory.node(name)
    listed = cluster.ask(facts.nodes)
    if found := match([node], listed, {}):
        return found[name]
    known = {member.id: member for member in listed}
    try:
        engine = facts.Engine.read(cluster.api(name))
    except SwarmopsError:
        engine = None
    if engine and engine.node_id in known:
        return known[engine.node_id]
    down = [member for member in listed if member.hostname == name]
    if down:
        return down[0]
    raise SwarmopsError(f"{name} is not in the swarm", remedy="inv up")


def _role(cluster: Cluster, name: str, role: Role, timeout: float) -> Recap:
    recap, deadline = Recap(), Deadline(timeout)
    member = find(cluster, name)
    # A change of role that another run began is waited for, not taken for done.
    if member.role != role or member.manages != (role is Role.MANAGER):
        set_role(cluster, member, role, deadline)
        recap.changed(name, f"is a {role}")
    recap.ok(name, f"{role}")
    stated = cluster.inventory.node(name).role
    if stated is not role:
        verb = "demotes" if stated is Role.WORKER else "promotes"
        recap.note(f"{cluster.inventory.path.name} has {name} as a {stated}: the next inv up {verb} it.")
    _warn_even(cluster, recap)
    return recap


def _warn_even(cluster: Cluster, recap: Recap) -> None:
    managers = sum(node.manages for node in cluster.ask(facts.nodes))
    if managers % 2 == 0:
        lost = f"{managers} managers bear the loss of {(managers - 1) // 2}"
        recap.note(f"{lost}, as {managers - 1} would: an odd number is better.")


def _availability(cluster: Cluster, recap: Recap, member: SwarmNode, name: str, wanted: str) -> None:
    if member.availability != wanted:
        cluster.manage(commands.update(member.id, availability=wanted))
        recap.changed(name, f"availability is {wanted}")
    stated = cluster.inventory.node(name).vars.availability
    if stated not in (None, wanted):
        recap.note(f"{cluster.inventory.path.name} has {name} as {stated}: the next inv up sets it back.")
