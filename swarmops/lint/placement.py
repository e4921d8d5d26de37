"""Whether there are nodes for what a stack wants, and room on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmops.constraints import ALLOWED, FORM
from swarmops.facts import SwarmNode
from swarmops.lint.finding import Note, Swarm
from swarmops.lint.service import Wanted, wanted
from swarmops.placement import told, too_small
from swarmops.stackfile import Stack

_KEYS = ("node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch")
_PREFIXES = ("node.labels.", "engine.labels.")


def notes(stack: Stack, swarm: Swarm) -> Iterator[Note]:
    """Constraints that nothing meets, and more tasks than the nodes may take."""
    for service in wanted(stack):
        wrong = [note for index, text in enumerate(service.constraints) for note in _form(service, index, text)]
        yield from wrong
        if not wrong:
            yield from _nodes(service, swarm)
            yield from _room(service, swarm.eligible_for(service))
            yield from _reserved(service, swarm)


def _form(service: Wanted, index: int, text: str) -> Iterator[Note]:
    where = (*service.where, "deploy", "placement", "constraints", index)
    form = FORM.fullmatch(text)
    if form is None:
        yield Note(where, f"swarm refuses {text}", f"write node.labels.disk == ssd, or !=; {ALLOWED}")
    elif form["key"].lower() not in _KEYS and not form["key"].lower().startswith(_PREFIXES):
        yield Note(
            where, f"swarm knows no {form['key']}: no node meets it", f"one of {', '.join((*_KEYS, *_PREFIXES))}"
        )


def _nodes(service: Wanted, swarm: Swarm) -> Iterator[Note]:
    constraints = service.constraints
    if not constraints or not swarm.nodes or not (service.everywhere or service.replicas):
        return
    where = (*service.where, "deploy", "placement", "constraints")
    met = swarm.meeting(constraints)
    if not met:
        alone = [text for text in constraints if not swarm.meeting([text])]
        what = " and ".join(alone) if alone else f"all of {', '.join(constraints)}"
        # A service that runs everywhere runs nowhere then, and swarm has nothing to complain of.
        remedy = "write another constraint, or state labels in the inventory (inv up); inv status shows the nodes"
        yield Note(where, f"no node of the swarm meets {what}", remedy, error=not service.everywhere)
    elif not swarm.eligible(constraints):
        said = ", ".join(f"{node.name} is {node.state} and {node.availability}" for node in met)
        yield Note(where, f"no node that meets them takes tasks now: {said}", "inv activate", error=False)


def _room(service: Wanted, nodes: Sequence[SwarmNode]) -> Iterator[Note]:
    """Room for all replicas, and for one more while a start-first update replaces them."""
    most = service.section("placement").get("max_replicas_per_node")
    if not isinstance(most, int) or most <= 0 or service.everywhere or not nodes:
        return
    where = (*service.where, "deploy")
    room = most * len(nodes)
    said = f"{most} per node on {len(nodes)} nodes leaves room for {room} replicas"
    if service.replicas > room:
        yield Note((*where, "placement", "max_replicas_per_node"), f"{said}, not for {service.replicas}", "raise it")
    elif service.replicas == room:
        for section in service.start_first:
            text = f"never ends: a new task starts first, and {said}"
            yield Note((*where, section, "order"), text, "write stop-first, or raise max_replicas_per_node")


def _reserved(service: Wanted, swarm: Swarm) -> Iterator[Note]:
    """What tasks reserve, and no node that meets their constraints has; of what runs everywhere, not every node."""
    nodes = swarm.eligible_for(service) if service.everywhere else swarm.meeting(service.constraints)
    reserved = service.reserved
    lacking = [(node.name, small.text) for node in nodes if (small := too_small(reserved, node))]
    if not lacking or not (service.everywhere or (service.replicas and len(lacking) == len(nodes))):
        return
    small_in_cpus = any(too_small({**reserved, "MemoryBytes": 0}, node) for node in nodes)
    where = (*service.where, "deploy", "resources", "reservations", "cpus" if small_in_cpus else "memory")
    whose = "these nodes should run it, and have not" if service.everywhere else "no node that may run it has"
    yield Note(where, f"{whose} what it reserves: {'; '.join(told(lacking))}", "reserve less")
