"""Which nodes may take the next task of a service, and what rules the others out, as swarm's scheduler sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from swarmops.constraints import eligible, excluded_by
from swarmops.facts import Json, Service, SwarmNode, Task, host_ports

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv6l": "arm", "armv7l": "arm"}
CLOSED = {"drain": "drained", "pause": "paused"}
SHOWN_NODES = 4


@dataclass(frozen=True)
class Obstacle:
    """What keeps a node from taking a task. Waiting does not help against a `lasting` one."""

    text: str
    lasting: bool = False


def obstacle(service: Service, node: SwarmNode, tasks: Iterable[Task]) -> Obstacle | None:
    """What rules a node out for the next task of a service; `tasks` are those of the whole swarm.

    What would last comes first, so that a node that is down and will not do either is not waited for.
    """
    placement = service.template.get("Placement") or {}
    if unmet := excluded_by(node, placement.get("Constraints") or []):
        return Obstacle(" and ".join(unmet), lasting=True)
    if not _same_platform(node, placement.get("Platforms") or []):
        return Obstacle(f"its platform is {'/'.join(_platform(node.platform))}", lasting=True)
    here = [task for task in tasks if task.node_id == node.id and not task.over]
    return (
        too_small(_reserved(service.template), node, here)
        or (None if node.ready else Obstacle(node.state))
        or (Obstacle(CLOSED[node.availability]) if node.availability in CLOSED else None)
        or _port_taken(service, here)
        or _full(service, placement.get("MaxReplicas", 0), here)
    )


def too_small(wanted: Json, node: SwarmNode, here: Collection[Task] = ()) -> Obstacle | None:
    """Why a node cannot reserve what is `wanted` beside its tasks. What is reserved counts, not what is used."""
    for key, name, unit in (("NanoCPUs", "cpus", 1e9), ("MemoryBytes", "GiB of memory", 2**30)):
        want, total = wanted.get(key) or 0, node.resources.get(key)
        if not want or total is None:
            continue
        free = total - sum(_reserved(task.spec).get(key) or 0 for task in here)
        if want > free:
            has, there = (total, "there") if want > total else (max(free, 0), "free")
            text = f"{_amount(has / unit)} {name} {there}, {_amount(want / unit)} wanted"
            return Obstacle(text, lasting=want > total)
    return None


def suits(node: SwarmNode, template: Json) -> bool:
    """Whether a node may run new tasks of a service with this task template, its image's platforms among what counts.

    Swarm itself wants a global service on every `eligible` node, and finds out later which of them cannot run it.
    """
    return eligible(node, template) and _same_platform(node, (template.get("Placement") or {}).get("Platforms") or [])


def template_of(service: Json, platforms: Sequence[Json]) -> Json:
    """Where a service of a file may run, and its image by its platforms, as a task template says it."""
    constraints = (service["deploy"].get("placement") or {}).get("constraints")
    return {"Placement": {"Constraints": constraints, "Platforms": platforms}}


def obstacles(
    service: Service, nodes: Iterable[SwarmNode], tasks: Collection[Task]
) -> list[tuple[str, Obstacle | None]]:
    """The name and the obstacle of every node; one that has joined anew may be listed twice."""
    return [(node.name, obstacle(service, node, tasks)) for node in nodes]


def told(found: Iterable[tuple[str, str]]) -> list[str]:
    """`worker01, worker02: drained`: what was found on nodes, each finding once."""
    grouped: dict[str, dict[str, None]] = {}
    for name, text in found:
        grouped.setdefault(text, {})[name] = None
    return [f"{_names(list(nodes))}: {text}" for text, nodes in grouped.items()]


def mixed(nodes: Iterable[SwarmNode]) -> bool:
    """Whether nodes are of several platforms, so that swarm has to know of each image which ones it runs on."""
    return len({_platform(node.platform) for node in nodes}) > 1


def foreign(nodes: Iterable[SwarmNode], platforms: Sequence[Json]) -> str:
    """The platforms of an image in words, where no node has one of them; otherwise empty."""
    if any(_same_platform(node, platforms) for node in nodes):
        return ""
    return ", ".join(sorted({"/".join(_platform(one)) for one in platforms}))


def _names(nodes: Sequence[str]) -> str:
    more = len(nodes) - SHOWN_NODES
    return ", ".join(nodes[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")


def _platform(platform: Json) -> tuple[str, str]:
    """Of a node or a service, or of an image, whose registry writes the names of the parts small."""
    architecture = str(platform.get("Architecture") or platform.get("architecture", ""))
    return str(platform.get("OS") or platform.get("os", "")), ARCHITECTURES.get(architecture, architecture)


def _same_platform(node: SwarmNode, wanted: Iterable[Json]) -> bool:
    """Whether the node has one of the platforms that the image is made for; an empty part stands for any."""
    has = _platform(node.platform)
    platforms = [_platform(platform) for platform in wanted]
    return not platforms or any(all(want in ("", own) for want, own in zip(one, has, strict=True)) for one in platforms)


def _amount(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _reserved(template: Json) -> Json:
    return (template.get("Resources") or {}).get("Reservations") or {}


def _port_taken(service: Service, here: Iterable[Task]) -> Obstacle | None:
    wanted = host_ports((service.spec.get("EndpointSpec") or {}).get("Ports"))
    taken = sorted({port for task in here for _, port in task.ports & wanted})
    return Obstacle(f"port {', '.join(map(str, taken))} is taken") if taken else None


def _full(service: Service, limit: int, here: Iterable[Task]) -> Obstacle | None:
    own = sum(task.service_id == service.id for task in here if task.desired in ("running", "ready", "complete"))
    return Obstacle(f"has {own}, at most {limit} per node") if 0 < limit <= own else None
