"""Nodes emptied: work moves off them, and what ran there runs elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from swarmops import evacuation, facts
from swarmops.cluster import Cluster
from swarmops.commands import node as commands
from swarmops.errors import InputError, SwarmopsError
from swarmops.facts import Service, SwarmNode, Task
from swarmops.inventory import Node
from swarmops.ops import spare
from swarmops.ops.convergence import Watch, wait
from swarmops.ops.members import change
from swarmops.ops.nodes import Members, batches, find_all, set_availability
from swarmops.report import Recap
from swarmops.wait import Deadline, until

HOMELESS_SECONDS = 10.0
"""So long no node takes a task, and none is waited for: what still ends on the others has made room by then."""


@dataclass(frozen=True)
class How:
    """The manner of it. `timeout` is for each batch, of so many nodes; of all nodes when it is 0."""

    timeout: float
    batch: int = 0
    start_first: bool = False
    """Services that run on these nodes alone run on another one before these are emptied."""
    force: bool = False
    """Also nodes that services need which no other node may run."""
    gone: bool = False
    """The nodes do not come back: what finds no place elsewhere is said, and keeps nobody."""


def drain(cluster: Cluster, nodes: Sequence[Node], how: How, recap: Recap) -> None:
    """Moves all work off nodes; returns when they are empty and what ran there runs elsewhere.

    Raises SwarmopsError, before anything changes, for nodes that something needs, and later for what finds no place.
    """
    members = find_all(cluster, nodes)
    refuse_stranded(cluster, members, how)
    for part in batches(members, how.batch):
        empty(cluster, part, how, recap)
    for name in members:
        recap.ok(name, "empty")


def refuse_stranded(cluster: Cluster, members: Members, how: How) -> None:
    """Raises SwarmopsError where nodes that are to be emptied run what no other node may, or cannot at once.

    InputError where one more of it first would have swarm go on with an update that it has paused.
    """
    services, tasks, nodes = cluster.ask(facts.overview)
    leaving = [member for member in members.values() if member.availability != "drain"]
    ids = [member.id for member in members.values()]
    affected = evacuation.affected(services, tasks, leaving)
    stranded = evacuation.stranded(affected, tasks, nodes, ids)
    if stranded and not how.force:
        raise SwarmopsError(
            f"nothing but {', '.join(members)} may run these:{evacuation.lines(stranded)}",
            remedy="--force empties it all the same, and they do not run then",
        )
    lone = [service for service in evacuation.alone(affected, tasks, ids) if service.name not in stranded]
    if how.start_first and (confined := evacuation.confined(lone, tasks, nodes, ids)):
        raise SwarmopsError(
            f"no other node takes one more of these now:{evacuation.lines(confined)}",
            remedy="make room, or leave out --start-first",
        )
    more = {service.id: service for service in (*lone, *filter(spare.begun, affected))}.values()
    if how.start_first and (halted := list(filter(None, map(spare.halted, more)))):
        raise InputError("\n    ".join(halted), remedy="that, or leave out --start-first")


def empty(cluster: Cluster, members: Members, how: How, recap: Recap) -> None:
    """Empties nodes, by the names to call them by, at once. Raises SwarmopsError, WaitTimeout."""
    deadline = Deadline(how.timeout)
    services, tasks, nodes = cluster.ask(facts.overview)
    affected = evacuation.affected(services, tasks, members.values())
    stranded = evacuation.stranded(affected, tasks, nodes, [member.id for member in members.values()])
    movable = [service for service in affected if service.name not in stranded]
    # What an interrupted --start-first has more is set back by this command too.
    begun = [service for service in movable if spare.begun(service) and not spare.halted(service)]
    for halted in filter(None, map(spare.halted, filter(spare.begun, movable))):
        recap.note(f"{halted}.")
    more = _start_first(cluster, members, movable, tasks, deadline) if how.start_first else begun
    set_availability(cluster, recap, members, "drain")
    until(lambda: _left(cluster, members, more), deadline, cluster.progress)
    for service in more:
        spare.back(cluster, service)
        recap.changed(service.name, "started elsewhere first")
    homeless = _await_moved(cluster, movable, deadline)
    if homeless and not how.gone:
        text = f"{', '.join(members)}: empty, and no node takes these:{evacuation.lines(homeless)}"
        raise SwarmopsError(text, remedy=f"make room for them, or inv activate {','.join(members)}")
    for name, member in members.items():
        cluster.progress.done("empty", name)
        if member.state == "down":
            recap.note(f"{name} is down: what may still run on it ends when it comes back.")
    for name, why in (stranded | homeless).items():
        recap.note(f"{name} has no node to run on: {'; '.join(why)}")


def _start_first(
    cluster: Cluster, members: Members, services: Sequence[Service], tasks: Sequence[Task], deadline: Deadline
) -> list[Service]:
    """Has one replica more of each service that runs on these nodes alone; which ones, once all of them stay up."""
    begun = [service for service in services if spare.begun(service)]
    lone = evacuation.alone(services, tasks, [member.id for member in members.values()])
    more = {service.id: service for service in (*lone, *begun)}
    stated = {node.name: node.vars.availability for node in cluster.inventory.nodes}
    # One that is paused, and need not be, has been so since this command was interrupted.
    own = [member for name, member in members.items() if begun and stated.get(name) != "pause" == member.availability]
    opened = [*own, *(member for member in members.values() if more and member.availability == "active")]
    try:
        for member in opened:  # so that the new ones come up elsewhere
            change(cluster, member.id, commands.update(member.id, availability="pause"))
        for service in more.values():
            spare.more(cluster, service, 1)
        wait(cluster, more, deadline)
    except SwarmopsError as failure:
        _undo(cluster, more.values(), opened, failure)
        raise
    return list(more.values())


def _undo(cluster: Cluster, more: Iterable[Service], opened: Iterable[SwarmNode], failure: SwarmopsError) -> None:
    """What was begun and failed is put back. Raises SwarmopsError, with the failure, when that fails too."""
    try:
        for service in more:
            spare.back(cluster, service)
        for member in opened:
            change(cluster, member.id, commands.update(member.id, availability="active"))
    except SwarmopsError as second:
        text = f"{failure.said}\n  What was begun could not be put back: {second.said}"
        raise SwarmopsError(text, remedy="the same command goes on") from failure


def _left(cluster: Cluster, members: Members, more: Iterable[Service]) -> str:
    """What is left on the nodes, and what does not run elsewhere of the services that started there first, in words."""
    _, tasks, nodes = cluster.ask(facts.overview)
    ids, down = {member.id for member in members.values()}, {node.id for node in nodes if node.state == "down"}
    said = []
    for name, member in members.items():
        count = sum(task.node_id == member.id and not task.over for task in tasks)
        if count and member.id not in down:  # swarm has what ran on a node that is down as running for a day
            said.append(f"{name} still has {count} task{'s' if count > 1 else ''}")
    for service in more:
        elsewhere = [task for task in tasks if task.service_id == service.id and task.node_id not in ids]
        count = sum(task.state == task.desired == "running" for task in elsewhere)
        if count < spare.wanted(service):
            said.append(f"{service.name} {count} of {spare.wanted(service)} elsewhere")
    return ", ".join(said)


def _await_moved(cluster: Cluster, services: Sequence[Service], deadline: Deadline) -> dict[str, list[str]]:
    """Waits until the services run as they should, but those that no node has taken for HOMELESS_SECONDS.

    Returns these, and why. Raises WaitTimeout.
    """
    watch = Watch(cluster, {service.id for service in services})
    patience: dict[str, Deadline] = {}
    homeless: dict[str, list[str]] = {}

    def missing() -> str:
        nonlocal patience, homeless
        said = watch.missing()
        found = _homeless(cluster, services) if said else {}
        patience = {name: patience.get(name) or Deadline(HOMELESS_SECONDS) for name in found}
        homeless = {name: why for name, why in found.items() if not patience[name].left}
        return watch.missing(but=homeless) if homeless else said

    until(missing, deadline, cluster.progress)
    return homeless


def _homeless(cluster: Cluster, services: Sequence[Service]) -> dict[str, list[str]]:
    _, tasks, nodes = cluster.ask(facts.overview)
    return evacuation.confined(evacuation.waiting(services, tasks), tasks, nodes, ())
