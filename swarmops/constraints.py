"""Placement constraints, as swarm's scheduler reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from swarmops.facts import Json, SwarmNode

# https://github.com/moby/swarmkit/blob/master/manager/constraint/constraint.go
_KEY, _VALUE = r"[a-z_][a-z0-9\-_.]+", r"a-z0-9:\-_.*()?+\[\]\\^$|/"
FORM = re.compile(
    rf"\s*(?P<key>{_KEY})\s*(?P<op>==|!=)\s*(?P<value>[{_VALUE}](?:[{_VALUE}\s]*[{_VALUE}])?)\s*", re.ASCII | re.I
)
"""What all of a constraint has to be."""
ALLOWED = r"a key has letters, digits, - _ and ., a value has spaces and : * ( ) ? + [ ] \ ^ $ | / as well"


def eligible(node: SwarmNode, template: Json) -> bool:
    """Whether a node may run new tasks of a service with this task template."""
    constraints = (template.get("Placement") or {}).get("Constraints") or []
    return node.ready and node.availability == "active" and not excluded_by(node, constraints)


def excluded_by(node: SwarmNode, constraints: Iterable[str]) -> list[str]:
    """The constraints that the node does not meet."""
    return [text for text in constraints if not _met(node, text)]


def _met(node: SwarmNode, text: str) -> bool:
    """The comparison ignores case, as swarm's does. A key that swarm does not know is met by no node."""
    form = FORM.fullmatch(text)
    if form is None:
        return True  # swarm would not have taken it
    key, value = form["key"], form["value"]
    if key.lower() == "node.ip":
        met = _within(node.address, value)
    else:
        found = _value(node, key)
        met = None if found is None else found.lower() == value.lower()
    return met is not None and met == (form["op"] == "==")


def _within(address: str, network: str) -> bool | None:
    """Whether an address is another one, or in its network; None for what is neither."""
    try:
        return ip_address(address) in ip_network(network, strict=False)  # swarm takes 10.0.0.5/24 too
    except ValueError:
        return None


def _value(node: SwarmNode, key: str) -> str | None:
    for prefix, labels in (("node.labels.", node.labels), ("engine.labels.", node.engine_labels)):
        if key.lower().startswith(prefix):
            return labels.get(key[len(prefix) :], "")
    known = {
        "node.id": node.id,
        "node.hostname": node.hostname,
        "node.role": node.role,
        "node.platform.os": node.platform.get("OS", ""),
        "node.platform.arch": node.platform.get("Architecture", ""),
    }
    return known.get(key.lower())
