"""What the schema cannot see: hosts and their roles, addresses, ports, and files that must be there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address
from itertools import combinations

from swarmops.errors import Problem, suggest
from swarmops.inventory.ansible import Tree
from swarmops.inventory.model import Inventory, Node
from swarmops.inventory.yaml_lines import Document

_ROLES = ("managers", "workers")
_SUBNET_SIZE = 24  # docker's own choice
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def topology(document: Document, tree: Tree, *, complete: bool) -> Iterator[Problem]:
    """Every host is a manager or a worker. `complete` says that nothing of the file was left out before."""
    for path, text in tree.wrong:
        yield document.problem(path, text)
    managers, workers = (tree.members(role) for role in _ROLES)
    for host, path in tree.members("all").items():
        if host in managers and host in workers:
            yield document.problem(workers[host], f"{host} is in managers too; a host has one role")
        elif host not in managers and host not in workers:
            hint = next((found for part in path[::-1] if (found := suggest(part, _ROLES))), "")
            yield document.problem(path, f"{host} is neither in managers nor in workers{hint}")
        if wrong := _wrong_name(host):
            yield document.problem(path, f"{host} {wrong}")
    if complete and not managers:
        yield document.problem(("all", "children"), "there is no manager; a swarm needs a host in managers")


def consistency(document: Document, tree: Tree, inventory: Inventory) -> Iterator[Problem]:
    """What is stated in one place fits what is stated in others and what is on the disk."""
    where = tree.members("all")
    if inventory.settings.transport == "lab":
        yield from _lab_addresses(document, where, inventory)
        yield from _ports(document, where, inventory)
        for node in inventory.nodes:
            if node.name in {"registry", inventory.settings.registry.host}:
                yield document.problem(where[node.name], f"{node.name} is the name of the registry's container")
            if node.name == "edge" and inventory.edge:
                yield document.problem(where[node.name], "edge is the name of the proxy in front of the managers")
    yield from _same_address(document, where, inventory)
    yield from _networks(document, inventory)
    yield from _swarm(document, inventory)
    yield from _registries(document, inventory)
    if inventory.settings.transport == "ssh":
        yield from _private_keys(document, where, inventory)
    yield from _files(document, inventory)


def _wrong_name(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return "is an address; give the host a name, and the address as ansible_host"
    if len(host) < len("n1"):
        return "is too short a name: two characters at least"
    if not all(map(_LABEL.fullmatch, host.split("."))):
        return "is not a host name: letters, digits and - only; a port belongs in ansible_port"
    return ""


def _lab_addresses(document: Document, where: dict[str, tuple[str, ...]], inventory: Inventory) -> Iterator[Problem]:
    subnet = inventory.settings.subnet
    at = ("all", "vars", "subnet")
    if IPv4Address(inventory.registry_address) not in subnet:
        yield document.problem(at, f"{subnet} is too small for a lab, take a /26 or a larger one")
        return
    small = [node for node in inventory.nodes if not node.vars.address and not _usable(node, subnet)]
    if small:
        names = ", ".join(node.name for node in small)
        yield document.problem(at, f"{subnet} is too small: no address for {names}; take a larger one")
    for node in inventory.nodes:
        if node.vars.address and not _usable(node, subnet):
            yield document.problem(where[node.name], f"address {node.address} is not a free one of {subnet}")


def _usable(node: Node, subnet: IPv4Network) -> bool:
    """Inside the subnet, and not the network's, the gateway's or the broadcast address."""
    taken = (subnet.network_address, subnet.network_address + 1, subnet.broadcast_address)
    address = ip_address(node.address)
    return address in subnet and address not in taken


def _same_address(document: Document, where: dict[str, tuple[str, ...]], inventory: Inventory) -> Iterator[Problem]:
    seen = {inventory.registry_address: "the registry"} if inventory.settings.transport == "lab" else {}
    if inventory.edge:
        seen[inventory.edge_address] = "the proxy in front of the managers"
    for node in inventory.nodes:
        if node.address in seen:
            text = f"{node.name} has the address {node.address}, and so has {seen[node.address]}; state another address"
            yield document.problem(where[node.name], text)
        seen.setdefault(node.address, node.name)


def _ports(document: Document, where: dict[str, tuple[str, ...]], inventory: Inventory) -> Iterator[Problem]:
    registry = inventory.settings.registry.port
    holders: dict[int, list[str]] = defaultdict(list, {registry: ["the registry"]})
    last: dict[int, str] = {}
    shared: dict[str, Node] = {}
    for node in inventory.nodes:
        for mapping in node.vars.ports:
            if node in inventory.managers and shared.setdefault(mapping, node) is not node:
                continue  # stated for several managers, in front of whom it is published once
            port = int(mapping.split(":")[0])
            holders[port].append(node.name)
            last[port] = node.name
    for port, names in holders.items():
        if len(names) > 1:
            text = f"port {port} of the host is published more than once: by {' and '.join(names)}"
            yield document.problem(where[last[port]], text)


def _networks(document: Document, inventory: Inventory) -> Iterator[Problem]:
    settings = inventory.settings
    subnets: dict[tuple[str, ...], IPv4Network | None]
    subnets = {("all", "vars", "networks", name, "subnet"): net.subnet for name, net in settings.networks.items()}
    if settings.transport == "lab":
        subnets = {("all", "vars", "subnet"): settings.subnet, **subnets}
    for (_, first), (path, second) in combinations(subnets.items(), 2):
        if first and second and first.overlaps(second):
            yield document.problem(path, f"{second} overlaps {first}")


def _swarm(document: Document, inventory: Inventory) -> Iterator[Problem]:
    settings, at = inventory.settings, ("all", "vars", "swarm")
    pools, size = settings.swarm.address_pools, settings.swarm.subnet_size or _SUBNET_SIZE
    taken = [settings.subnet] if settings.transport == "lab" else []
    for number, pool in enumerate(pools):
        for other in (*taken, *pools[:number]):
            if pool.overlaps(other):
                yield document.problem((*at, "address_pools"), f"{pool} overlaps {other}")
        if pool.prefixlen > size:
            text = f"{pool} is smaller than the /{size} that each network gets of it"
            yield document.problem((*at, "address_pools"), text)
    if settings.swarm.autolock and settings.swarm.unlock_key is None:
        yield document.problem((*at, "autolock"), "needs unlock_key, which says where the key is kept")


def _registries(document: Document, inventory: Inventory) -> Iterator[Problem]:
    settings, at = inventory.settings, ("all", "vars")
    if inventory.registry in settings.registries:
        path = (*at, "registries", inventory.registry)
        yield document.problem(path, "is the cluster's own registry; its username and password belong in registry")
    if settings.transport == "ssh" and settings.registry.tls:
        text = "is for the registry of a lab; real hosts trust what their /etc/docker/certs.d says"
        yield document.problem((*at, "registry", "tls"), text)


def _private_keys(document: Document, where: dict[str, tuple[str, ...]], inventory: Inventory) -> Iterator[Problem]:
    keys = {inventory.private_key(node): node for node in reversed(inventory.nodes)}
    for key, node in keys.items():
        if key and not key.is_file():
            text = f"{node.name}: there is no file {node.vars.ansible_ssh_private_key_file}"
            yield document.problem(where[node.name], f"{text}, its ansible_ssh_private_key_file")


def _files(document: Document, inventory: Inventory) -> Iterator[Problem]:
    settings, project = inventory.settings, inventory.project
    at = ("all", "vars")
    for name, build in settings.images.build.items():
        if name in settings.images.hub:
            yield document.problem((*at, "images", "build", name), "is stated under images.hub too")
        if not (project / build.context).is_dir():
            path = (*at, "images", "build", name, "context")
            yield document.problem(path, f"there is no directory {build.context}")
    for name, stack in settings.stacks.items():
        templates = project / "templates"
        if templates.is_dir() and not (templates / stack.template).is_file():
            yield document.problem((*at, "stacks", name, "template"), f"there is no file templates/{stack.template}")
    keys = inventory.authorized_keys
    if settings.sshd and keys and not keys.is_file():
        yield document.problem((*at, "sshd", "authorized_keys"), f"there is no file {settings.sshd.authorized_keys}")
