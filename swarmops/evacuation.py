"""What becomes of the services on nodes that are to be emptied. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from swarmops.facts import Service, SwarmNode, Task
from swarmops.placement import CLOSED, obstacle, told


def affected(services: Iterable[Service], tasks: Iterable[Task], leaving: Iterable[SwarmNode]) -> list[Service]:
    """The services with work on nodes that are to be emptied; of a node that is drained already also what it had."""
    drained = {node.id: node.availability == "drain" for node in leaving}
    here = [task for task in tasks if task.node_id in drained]
    busy = {task.service_id for task in here if not task.over}
    had = {task.service_id for task in here if drained[task.node_id]}
    return [each for each in services if each.id in busy or (each.id in had and _lasts(each))]


def stranded(
    services: Iterable[Service], tasks: Sequence[Task], nodes: Sequence[SwarmNode], leaving: Collection[str]
) -> dict[str, list[str]]:
    """Those of the services, by name, that none but the nodes that are to be emptied, by id, may run; and why.

    A node that is down or closed counts as none. One that lacks room counts: that may change.
    """
    others, found = [node for node in nodes if node.id not in leaving], {}
    for service in services:
        against = [(node.name, why) for node in others if (why := _never(service, node, tasks))]
        if len(against) == len(others):
            found[service.name] = told(against) or ["there is no other node"]
    return found


def alone(services: Iterable[Service], tasks: Iterable[Task], leaving: Collection[str]) -> list[Service]:
    """The replicated services of which every task that runs does so on nodes that are to be emptied, by id."""
    homes: dict[str, set[str]] = {}
    for task in tasks:
        if task.state == task.desired == "running":
            homes.setdefault(task.service_id, set()).add(task.node_id)
    return [service for service in services if service.replicas and homes.get(service.id, {""}) <= set(leaving)]


def confined(
    services: Iterable[Service], tasks: Sequence[Task], nodes: Sequence[SwarmNode], leaving: Collection[str]
) -> dict[str, list[str]]:
    """Those of the services, by name, of which no other node takes a task as things are; and why."""
    others, found = [node for node in nodes if node.id not in leaving], {}
    for service in services:
        against = [(node.name, what.text) for node in others if (what := obstacle(service, node, tasks))]
        if len(against) == len(others):
            found[service.name] = told(against) or ["there is no other node"]
    return found


def waiting(services: Iterable[Service], tasks: Iterable[Task]) -> list[Service]:
    """Those of the services that have a task without a node."""
    ids = {task.service_id for task in tasks if task.state == "pending" and task.desired == "running"}
    return [service for service in services if service.id in ids]


def lines(found: Mapping[str, Sequence[str]]) -> str:
    """Services and what keeps each of them, a line each, to append to a message."""
    return "".join(f"\n    {name}: {'; '.join(why)}" for name, why in found.items())


def _lasts(service: Service) -> bool:
    """Whether it should run now that its work on a node is over."""
    return service.replicas != 0 and not service.mode.endswith("job")


def _never(service: Service, node: SwarmNode, tasks: Sequence[Task]) -> str:
    """What rules a node out whatever room it has."""
    what = obstacle(service, node, tasks)
    if what and what.lasting:
        return what.text
    return "down" if node.state == "down" else CLOSED.get(node.availability, "")
