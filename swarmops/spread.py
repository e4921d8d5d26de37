"""How evenly the tasks of a service are spread over the nodes that may run it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from swarmops.constraints import eligible
from swarmops.facts import Service, SwarmNode, Task


def counts(service: Service, tasks: Iterable[Task], nodes: Iterable[SwarmNode]) -> dict[str, int]:
    """How many of its tasks run on each node that may run new ones of it, by host name."""
    on = [task.node_id for task in tasks if task.service_id == service.id and task.state == task.desired == "running"]
    return {node.name: on.count(node.id) for node in nodes if eligible(node, service.template)}


def surplus(running: Mapping[str, int]) -> int:
    """How many tasks are more than their node's share: those that have to go elsewhere, if no other is to move.

    What cannot be shared out evenly stays where there are most. So many more, which swarm puts where there are fewest,
    fill every gap; as many less, which it takes away where there are most, leave an even service.
    """
    share, over = divmod(sum(running.values()), max(len(running), 1))
    fullest = sorted(running.values(), reverse=True)
    return sum(max(0, number - share - (place < over)) for place, number in enumerate(fullest))


def preferences(service: Service) -> list[str]:
    """The labels over whose values swarm spreads a service."""
    stated = (service.template.get("Placement") or {}).get("Preferences") or []
    return [item["Spread"]["SpreadDescriptor"] for item in stated]


def uneven(service: Service, tasks: Iterable[Task], nodes: Collection[SwarmNode]) -> bool:
    """Whether swarm, asked again, would put tasks elsewhere: two places differ by more than one task.

    Places are the values of the labels that the service's placement preferences name, and in each of them the nodes.
    """
    running = counts(service, tasks, nodes)
    homes = [node for node in nodes if node.name in running]
    return service.replicas is not None and _uneven(homes, running, preferences(service))


def _uneven(nodes: Sequence[SwarmNode], running: Mapping[str, int], labels: Sequence[str]) -> bool:
    if not labels:
        return _differ([running[node.name] for node in nodes])
    places: dict[str, list[SwarmNode]] = {}
    for node in nodes:
        places.setdefault(_label(node, labels[0]), []).append(node)
    totals = [sum(running[node.name] for node in members) for members in places.values()]
    return _differ(totals) or any(_uneven(members, running, labels[1:]) for members in places.values())


def _differ(numbers: Sequence[int]) -> bool:
    return bool(numbers) and max(numbers) - min(numbers) > 1


def _label(node: SwarmNode, descriptor: str) -> str:
    kind, _, name = descriptor.partition(".labels.")
    return (node.engine_labels if kind == "engine" else node.labels).get(name, "")
