"""How evenly the tasks of a service are spread over the nodes that may run it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from swarmops.facts import Service, SwarmNode, Task
from swarmops.placement import suits


def counts(service: Service, tasks: Iterable[Task], nodes: Iterable[SwarmNode]) -> dict[str, int]:
    """How many of its tasks run on each node that may run new ones of it, by host name."""
    on = [task.node_id for task in tasks if task.service_id == service.id and task.state == task.desired == "running"]
    return {node.name: on.count(node.id) for node in nodes if suits(node, service.template)}


def preferences(service: Service) -> list[str]:
    """The labels over whose values swarm spreads a service."""
    stated = (service.template.get("Placement") or {}).get("Preferences") or []
    return [item["Spread"]["SpreadDescriptor"] for item in stated]


def uneven(service: Service, tasks: Iterable[Task], nodes: Collection[SwarmNode]) -> bool:
    """Whether swarm, asked again, would put tasks elsewhere: two places differ by more than one task.

    Places are the values of the labels that the service's placement preferences name, and in each of them the nodes.
    """
    running = counts(service, tasks, nodes)
    return service.replicas is not None and _uneven(_homes(running, nodes), running, preferences(service))


def surplus(service: Service, tasks: Iterable[Task], nodes: Collection[SwarmNode]) -> int:
    """How many tasks are more than their node's share: those that have to go elsewhere, if no other is to move.

    What cannot be shared out evenly stays where there are most. So many more, which swarm puts where there are fewest,
    fill the gaps; as many less, which it takes away where a node has most, leave an even service. It knows no
    preferences then: with them this is 0 unless it is certain to put them there and to take away the right ones.
    """
    running, labels = counts(service, tasks, nodes), preferences(service)
    homes = _homes(running, nodes)
    share = _shares(homes, running, labels, sum(running.values()))
    count = sum(max(0, running[name] - share[name]) for name in running)
    if not labels or not count:
        return count
    filled = {name: max(running[name], share[name]) for name in running}
    fullest = sorted((nth for had in filled.values() for nth in range(had)), reverse=True)
    certain = _filled(homes, running, filled, labels) and fullest[count - 1] > fullest[count]
    left = {name: min(had, fullest[count - 1]) for name, had in filled.items()}
    return count if certain and not _uneven(homes, left, labels) else 0


def _filled(
    nodes: Sequence[SwarmNode], before: Mapping[str, int], after: Mapping[str, int], labels: Sequence[str]
) -> bool:
    """Whether more tasks, put where there are fewest each time, are certain to lead from the one to the other."""
    places = _places(nodes, labels[0]) if labels else {node.name: [node] for node in nodes}
    had, has = ({place: _total(members, on) for place, members in places.items()} for on in (before, after))
    inside = not labels or all(_filled(members, before, after, labels[1:]) for members in places.values())
    return inside and all(has[place] in (had[place], min(has.values())) for place in places)


def _total(nodes: Iterable[SwarmNode], running: Mapping[str, int]) -> int:
    return sum(running[node.name] for node in nodes)


def _homes(running: Mapping[str, int], nodes: Iterable[SwarmNode]) -> list[SwarmNode]:
    return [node for node in nodes if node.name in running]


def _shares(
    nodes: Sequence[SwarmNode], running: Mapping[str, int], labels: Sequence[str], total: int
) -> dict[str, int]:
    """How many of so many tasks each node should run, by host name."""
    if not labels:
        return _shared_out({node.name: running[node.name] for node in nodes}, total)
    places = _places(nodes, labels[0])
    parts = _shared_out({place: _total(members, running) for place, members in places.items()}, total)
    return {
        name: share
        for place, members in places.items()
        for name, share in _shares(members, running, labels[1:], parts[place]).items()
    }


def _shared_out(running: Mapping[str, int], total: int) -> dict[str, int]:
    share, over = divmod(total, max(len(running), 1))
    fullest = sorted(running, key=lambda place: -running[place])
    return {place: share + (number < over) for number, place in enumerate(fullest)}


def _places(nodes: Iterable[SwarmNode], label: str) -> dict[str, list[SwarmNode]]:
    places: dict[str, list[SwarmNode]] = {}
    for node in nodes:
        places.setdefault(_label(node, label), []).append(node)
    return places


def _uneven(nodes: Sequence[SwarmNode], running: Mapping[str, int], labels: Sequence[str]) -> bool:
    if not labels:
        return _differ([running[node.name] for node in nodes])
    places = _places(nodes, labels[0])
    totals = [_total(members, running) for members in places.values()]
    return _differ(totals) or any(_uneven(members, running, labels[1:]) for members in places.values())


def _differ(numbers: Sequence[int]) -> bool:
    return bool(numbers) and max(numbers) - min(numbers) > 1


def _label(node: SwarmNode, descriptor: str) -> str:
    kind, _, name = descriptor.partition(".labels.")
    return (node.engine_labels if kind == "engine" else node.labels).get(name, "")
