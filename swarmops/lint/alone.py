"""A service made by hand, by the rules for the room that a stack of this one service would need. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from swarmops.definition import Definition
from swarmops.definition.forms import show_cpus
from swarmops.errors import Problem
from swarmops.lint import placement, ports
from swarmops.lint.finding import Note, Swarm
from swarmops.stackfile import Stack

_OPTIONS = {
    "ports": "publish",
    "constraints": "constraint",
    "max_replicas_per_node": "replicas-max-per-node",
    "update_config": "update-order",
    "rollback_config": "rollback-order",
    "cpus": "reserve-cpu",
    "memory": "reserve-memory",
}
"""What a place in a stack file is called among the options."""


def room(name: str, wanted: Definition, swarm: Swarm) -> list[Problem]:
    """Why there are not nodes enough for a service, or its updates would never end."""
    stack = Stack("", {"services": {name: _stated(wanted)}})
    others = replace(swarm, services=[service for service in swarm.services if service.name != name])
    return list(dict.fromkeys(_problems([*ports.notes(stack, others), *placement.notes(stack, others)])))


def _problems(notes: list[Note]) -> Iterator[Problem]:
    for note in notes:
        option = next((_OPTIONS[part] for part in note.where[2:] if part in _OPTIONS), "")
        if note.error and option:
            yield Problem(f"--{option}", 0, f"{note.text}; {note.remedy}")


def _stated(wanted: Definition) -> dict[str, Any]:
    """As much of it as a stack file would state of where it may run."""
    reserved = {"cpus": show_cpus(wanted["reserve-cpu"]), "memory": wanted["reserve-memory"]}
    placement = {"constraints": list(wanted["constraint"]), "max_replicas_per_node": wanted["replicas-max-per-node"]}
    return {
        "ports": [_port(key) for key in wanted["publish"]],
        "deploy": {
            "mode": wanted["mode"],
            "replicas": wanted["replicas"],
            "placement": placement,
            "resources": {"reservations": reserved},
            "update_config": {"order": wanted["update-order"]},
            "rollback_config": {"order": wanted["rollback-order"]},
        },
    }


def _port(key: str) -> dict[str, Any]:
    published, _, inner = key.partition(":")
    target, protocol, mode = inner.split("/")
    return {"published": int(published or 0), "target": int(target), "protocol": protocol, "mode": mode}
