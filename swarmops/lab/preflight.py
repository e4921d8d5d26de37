"""What must be free on the host before a lab can start: its ports and its subnet."""

from __future__ import annotations

import errno
import re
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any

from docker.api.client import APIClient

from swarmops.inventory import Inventory
from swarmops.inventory.model import LOCAL
from swarmops.lab.containers import ENGINE, LABEL
from swarmops.lab.endpoint import find
from swarmops.lab.engine import told
from swarmops.wait import POLL_SECONDS, Deadline

ROUTES = Path("/proc/net/route")
ALLOCATED = re.compile(r"Bind for \S+:(\d+) failed: port is already allocated")
KEPT = "by the engine, for no container"
STARTING_SECONDS = 10.0
"""How long a container may take to start once its ports are taken."""
POOLS = ("172.28.0.0/14", "192.168.128.0/17", "10.128.0.0/9", "172.16.0.0/12", "10.0.0.0/8")
"""Where a free subnet is looked for: first what neither docker's bridges nor overlay networks take by themselves."""


def problems(inventory: Inventory, engine: APIClient) -> list[str]:
    """Every reason why the host has no room for the lab, in words; none when it has."""
    return [*ports(inventory, engine), *subnet(inventory, engine)]


def ports(inventory: Inventory, engine: APIClient) -> list[str]:
    """The published ports that something else has taken; the lab's own containers may hold theirs.

    Of an engine on another machine only the ports that its containers publish are seen. A container that is just being
    started, as by an `up` that was interrupted, has its ports before the engine tells of it: these are looked at again.
    """
    end, found = Deadline(STARTING_SECONDS), _taken(inventory, engine)
    while end.left and any(KEPT in problem for problem in found):
        time.sleep(POLL_SECONDS)
        found = _taken(inventory, engine)
    return found


def _taken(inventory: Inventory, engine: APIClient) -> list[str]:
    bind = inventory.settings.bind
    if _is_local() and _refusal(bind, 0) in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return [f"bind: {bind} is no address of this machine"]
    # The lab's own last: another program may publish the number at another address.
    with told(ENGINE):
        containers = sorted(engine.containers(), key=lambda item: _is_own(item, inventory))
    holders = {port: item for item in containers for port in _published(item)}
    wanted = [(bind, port, node) for port, node in wanted_ports(inventory).items()]
    if bind not in LOCAL:  # pushes go to localhost
        wanted.append(("127.0.0.1", inventory.settings.registry.port, inventory.settings.registry.host))
    return [
        f"port {port} of {address}, published by {node}, is taken{_by(port, holders.get(port))}"
        for address, port, node in wanted
        if not _is_own(holders.get(port), inventory)
        and (_refusal(address, port) == errno.EADDRINUSE if _is_local() else port in holders)
    ]


def subnet(inventory: Inventory, engine: APIClient) -> list[str]:
    """The networks of the host that the lab's subnet would overlap, and a subnet that is free."""
    wanted = inventory.settings.subnet
    used = dict(_used(inventory, engine))
    clashes = [f"{network} ({owner})" for network, owner in used.items() if network.overlaps(wanted)]
    if not clashes:
        return []
    free = free_subnet(wanted.prefixlen, list(used))
    advice = f"; {free} is free" if free else ""
    return [f"the subnet {wanted} overlaps {', '.join(clashes)}{advice}"]


def wanted_ports(inventory: Inventory) -> dict[int, str]:
    """Each port that the lab publishes on the host, and which node it leads to."""
    registry = inventory.settings.registry
    published = {int(mapping.split(":")[0]): node.name for node in inventory.nodes for mapping in node.vars.ports}
    return {registry.port: registry.host} | published | dict.fromkeys(inventory.edge, "edge")


def free_subnet(prefix: int, used: list[IPv4Network]) -> IPv4Network | None:
    """A private subnet of that size that overlaps none of the given ones."""
    for pool in map(IPv4Network, POOLS):
        for candidate in pool.subnets(new_prefix=max(prefix, pool.prefixlen)):
            if not any(candidate.overlaps(network) for network in used):
                return candidate
    return None


def routes(table: str) -> list[tuple[IPv4Network, str]]:
    """The subnets, with their interface, of a table in the format of /proc/net/route; without the default route."""
    rows = [line.split() for line in table.splitlines()[1:]]
    found = [(IPv4Network((_quad(row[1]), _quad(row[7])), strict=False), row[0]) for row in rows]
    return [(network, interface) for network, interface in found if network.prefixlen]


def _used(inventory: Inventory, engine: APIClient) -> Iterator[tuple[IPv4Network, str]]:
    """Networks of the engine first, because their names say more than those of their bridges."""
    with told(ENGINE):
        listed = engine.networks()
    own = {network for item in listed if _labels(item).get(LABEL) == inventory.cluster for network in _subnets(item)}
    taken = {network: f"docker network {item['Name']}" for item in listed for network in _subnets(item)}
    yield from ((network, owner) for network, owner in taken.items() if network not in own)
    if not _is_local():
        return
    with suppress(OSError):
        for network, interface in routes(ROUTES.read_text()):
            if network not in taken:
                yield network, f"route through {interface}"


def _subnets(network: Mapping[str, Any]) -> Iterator[IPv4Network]:
    if network.get("Scope") == "swarm":
        return  # lives inside the nodes of a swarm, not on the host
    for config in (network.get("IPAM") or {}).get("Config") or []:
        with suppress(ValueError, KeyError):
            yield IPv4Network(config["Subnet"], strict=False)


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    return item.get("Labels") or {}


def _published(container: Mapping[str, Any]) -> list[int]:
    """By tcp, as the lab's own are."""
    stated = (port for port in container.get("Ports") or [] if port.get("Type") == "tcp")
    return [port["PublicPort"] for port in stated if port.get("PublicPort")]


def _is_own(holder: Mapping[str, Any] | None, inventory: Inventory) -> bool:
    return holder is not None and _labels(holder).get(LABEL) == inventory.cluster


def _by(port: int, holder: Mapping[str, Any] | None) -> str:
    if holder:
        return f" by the container {holder['Names'][0].lstrip('/')}"
    if not _is_local():
        return ""
    if _is_kept(port):
        return f" {KEPT}: restart the engine, it was killed while one started"
    return " by another program"


def kept_ports(said: str, engine: APIClient) -> list[str]:
    """The ports that an engine refuses, by its words, though none of its containers publishes them.

    One that was killed while a container started keeps that container's ports until it is started once more (seen of
    20.10; moby/libnetwork issue 1790).
    """
    with told(ENGINE):
        published = {port for item in engine.containers() for port in _published(item)}
    return [port for port in ALLOCATED.findall(said) if int(port) not in published]


def _is_kept(port: int) -> bool:
    """Whether it is the engine that listens there."""
    for process in Path("/proc").glob("[0-9]*"):  # no further: it raises where one has just ended
        with suppress(OSError):
            program, *args = (process / "cmdline").read_bytes().split(b"\0")
            if program.endswith(b"docker-proxy") and [b"-host-port", b"%d" % port] in map(list, pairwise(args)):
                return True
    return False


def _refusal(address: str, port: int) -> int:
    """The number of the error with which nobody could listen there; 0 for none, the want of privileges among them.

    The engine has the privileges.
    """
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen()
    except OSError as error:
        return (error.errno or 0) if error.errno not in (errno.EACCES, errno.EPERM) else 0
    return 0


def _is_local() -> bool:
    return find().host.startswith("unix://")


def _quad(word: str) -> str:
    """An address as the kernel prints it: hexadecimal, in the machine's byte order."""
    return socket.inet_ntoa(struct.pack("=L", int(word, 16)))
