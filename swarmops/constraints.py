"""Placement constraints, as swarm's scheduler reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from swarmops.facts import Json, SwarmNode

FORM = re.compile(r"\s*(?P<key>[\w.\-/]+)\s*(?P<op>==|!=)\s*(?P<value>.+?)\s*$")


def eligible(node: SwarmNode, template: Json) -> bool:
    """Whether a node may run new tasks of a service with this task template."""
    constraints = (template.get("Placement") or {}).get("Constraints") or []
    return node.ready and node.availability == "active" and not excluded_by(node, constraints)


def excluded_by(node: SwarmNode, constraints: Iterable[str]) -> list[str]:
    """The constraints that the node does not meet."""
    return [text for text in constraints if not _met(node, text)]


def _met(node: SwarmNode, text: str) -> bool:
    form = FORM.match(text)
    if form is None:
        return True
    value = _value(node, form["key"])
    # What this reader does not know it leaves to the scheduler. The comparison ignores case, as swarm's does.
    return value is None or (value.lower() == form["value"].lower()) == (form["op"] == "==")


def _value(node: SwarmNode, key: str) -> str | None:
    for prefix, labels in (("node.labels.", node.labels), ("engine.labels.", node.engine_labels)):
        if key.startswith(prefix):
            return labels.get(key.removeprefix(prefix), "")
    known = {
        "node.id": node.id,
        "node.hostname": node.hostname,
        "node.role": node.role,
        "node.platform.os": node.platform.get("OS"),
        "node.platform.arch": node.platform.get("Architecture"),
    }
    return known.get(key)
