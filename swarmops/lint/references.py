"""Networks, configs, secrets and volumes that a stack names and nobody has, or that are other than it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmops.commands.stack import NAMESPACE
from swarmops.errors import suggest
from swarmops.facts import Json
from swarmops.lint.finding import Note, Swarm, Where
from swarmops.lint.service import Wanted, wanted
from swarmops.stackfile import Stack, external

_BUILT_IN = ("bridge", "host", "none", "ingress")
_ADDED = {"com.docker.network.driver.overlay.vxlanid_list", NAMESPACE}
"""Of a network's options and labels, what swarm and `docker stack deploy` put there."""


def notes(stack: Stack, swarm: Swarm) -> Iterator[Note]:
    """References to what is not in the file, and those of the file to what is not in the swarm."""
    services = wanted(stack)
    for service in services:
        yield from _undefined(service, stack)
    used = {name for service in services for name in service.names("networks") or ["default"]}
    networks = {network["Name"]: network for network in swarm.networks if network.get("Scope") == "swarm"}
    for short, stated in (stack.file.get("networks") or {}).items():
        if short in used:
            yield from _network(stack, short, stated or {}, networks)
    if "default" in used and "default" not in (stack.file.get("networks") or {}):
        yield from _network(stack, "default", {}, networks)
    yield from _missing(stack, "configs", swarm.configs | stack.configs.keys())
    yield from _missing(stack, "secrets", swarm.secrets)


def _undefined(service: Wanted, stack: Stack) -> Iterator[Note]:
    """docker finds these out only after it has made networks and secrets."""
    for kind in ("networks", "configs", "secrets"):
        known = [*(stack.file.get(kind) or {}), *(["default"] if kind == "networks" else [])]
        for name in service.names(kind):
            if name not in known:
                remedy = f"write {kind}: {{{name}: …}} at the top"
                yield Note((*service.where, kind), f"there is no {name} in {kind}{suggest(name, known)}", remedy)
    volumes = stack.file.get("volumes") or {}
    for index, kind, source in service.mounts:
        if kind == "volume" and source not in volumes:
            text = f"there is no {source} in volumes{suggest(source, volumes)}"
            yield Note((*service.where, "volumes", index), text, f"write volumes: {{{source}: }} at the top")


def _missing(stack: Stack, kind: str, there: frozenset[str]) -> Iterator[Note]:
    for short, stated in (stack.file.get(kind) or {}).items():
        name = external(short, stated or {})
        if name and name not in there:
            remedy = f"docker {kind.removesuffix('s')} create {name} …"
            yield Note((kind, short), f"the swarm has no {kind.removesuffix('s')} {name}{suggest(name, there)}", remedy)


def _network(stack: Stack, short: str, stated: Mapping[str, Any], networks: Mapping[str, Json]) -> Iterator[Note]:
    name = stack.shared_name(short, stated)
    if external(short, stated):
        if name not in networks and name not in _BUILT_IN:
            remedy = f"write it in the inventory's networks (inv up), or inv network.create {name}"
            yield Note(("networks", short), f"the swarm has no network {name}{suggest(name, networks)}", remedy)
        return
    if name in networks:
        differing = "; ".join(_differences(stated, networks[name]))
        where: Where = ("networks", short) if short in (stack.file.get("networks") or {}) else ("services",)
        if differing:
            remedy = f"to have it as stated: inv remove {stack.name} and deploy again"
            yield Note(where, f"swarm keeps the network {name} as it is: {differing}", remedy, error=False)


def _differences(stated: Mapping[str, Any], network: Json) -> Iterator[str]:
    options, there = _texts(stated.get("driver_opts")), _texts(network.get("Options"))
    ipam, its = stated.get("ipam"), network.get("IPAM") or {}
    pairs: dict[str, tuple[Any, Any]] = {
        "driver": (stated.get("driver") or "overlay", network.get("Driver")),
        "attachable": (bool(stated.get("attachable")), bool(network.get("Attachable"))),
        "internal": (bool(stated.get("internal")), bool(network.get("Internal"))),
        "encrypted": ("encrypted" in options, "encrypted" in there),
    }
    if subnets := _subnets(ipam, "config", "subnet"):
        pairs["subnet"] = (subnets, _subnets(its, "Config", "Subnet"))
    if isinstance(ipam, dict) and ipam.get("driver"):  # more than these two docker refuses
        pairs["ipam.driver"] = (str(ipam["driver"]), its.get("Driver"))
    pairs |= {name: both for name, both in _pairs(options, there) if name != "encrypted"}  # whatever its value
    labels = _pairs(_texts(stated.get("labels")), _texts(network.get("Labels")))
    pairs |= {f"the label {name}": both for name, both in labels}
    yield from (f"{name} is {_said(is_)}, not {_said(want)}" for name, (want, is_) in pairs.items() if want != is_)


def _texts(stated: Any) -> dict[str, str]:
    """Options or labels as docker takes them, in either form."""
    if isinstance(stated, list):
        return dict(str(item).partition("=")[::2] for item in stated)
    items = stated.items() if isinstance(stated, Mapping) else ()
    return {str(name): _text(value) for name, value in items}


def _pairs(stated: Mapping[str, str], there: Mapping[str, str]) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for name in sorted(stated.keys() | there.keys() - _ADDED):
        yield name, (stated.get(name), there.get(name))


def _subnets(ipam: Any, list_key: str, key: str) -> list[str]:
    """Those of the file, or those of the API, which spell their keys otherwise. Swarm chooses where none is stated."""
    listed = ipam.get(list_key) if isinstance(ipam, dict) else None
    found = listed if isinstance(listed, list) else []
    return sorted(str(each[key]) for each in found if isinstance(each, dict) and each.get(key))


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "unset" if value is None else _text(value) or '""'


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
