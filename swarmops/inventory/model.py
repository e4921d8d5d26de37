"""An inventory that has been found right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from swarmops.errors import InputError, suggest
from swarmops.inventory.schema import Credentials, HostVars, Settings

_EDGE = 6
"""The edge proxy's address, counted from the start of the subnet; the registry's is the one before."""
LOCAL = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104 (compared with, not bound to)
"""The addresses that `localhost` leads to what is published on."""


class Role(StrEnum):
    """What a node is in the swarm."""

    MANAGER = "manager"
    WORKER = "worker"


@dataclass(frozen=True)
class Node:
    """A host of the inventory."""

    name: str
    role: Role
    address: str
    """Where the other nodes of the swarm find it."""
    vars: HostVars


@dataclass(frozen=True)
class Inventory:
    """A cluster as its inventory states it."""

    path: Path
    settings: Settings
    nodes: tuple[Node, ...]
    """Managers first, each role in the order of the file."""
    registry_address: str
    """Where the nodes find the registry: an address of the lab's subnet, or the registry's host name."""
    groups: dict[str, list[str]]
    """Ansible's `groups`: hosts by group."""
    hostvars: dict[str, dict[str, Any]]
    """Ansible's `hostvars`: the variables of each host as the file states them, precedence applied."""

    @property
    def project(self) -> Path:
        """The nearest directory from the inventory file upwards that holds templates/; images/ is beside it."""
        above = [folder for folder in self.path.parents if (folder / "templates").is_dir()]
        return above[0] if above else self.path.parent

    @property
    def rendered(self) -> Path:
        """Where this cluster's compose and stack files are written."""
        return self.project / "stack" / self.cluster

    @property
    def cluster(self) -> str:
        """The name of the cluster."""
        return str(self.settings.cluster)

    @property
    def managers(self) -> tuple[Node, ...]:
        """The nodes that should be managers."""
        return tuple(node for node in self.nodes if node.role is Role.MANAGER)

    @property
    def workers(self) -> tuple[Node, ...]:
        """The nodes that should be workers."""
        return tuple(node for node in self.nodes if node.role is Role.WORKER)

    @property
    def edge(self) -> dict[int, int]:
        """The ports of the host that a lab's edge proxy leads to a port of any manager; one manager needs no proxy."""
        if self.settings.transport != "lab" or len(self.managers) == 1:
            return {}
        pairs = (mapping.split(":") for node in self.managers for mapping in node.vars.ports)
        return {int(outer): int(inner) for outer, inner in pairs}

    @property
    def edge_address(self) -> str:
        """Where the lab's network has the edge proxy."""
        return str(self.settings.subnet.network_address + _EDGE)

    def published(self, port: int, *nodes: Node) -> str:
        """Where this machine answers for a port of a lab's nodes, the managers unless stated, as host:port.

        Empty where the inventory publishes it nowhere.
        """
        bind = self.settings.bind
        host = "localhost" if bind in LOCAL else f"[{bind}]" if ":" in bind else bind
        pairs = (mapping.split(":") for node in nodes or self.managers for mapping in node.vars.ports)
        return next((f"{host}:{outer}" for outer, inner in pairs if inner == str(port)), "")

    @property
    def registry(self) -> str:
        """The cluster's own registry as images name it: `registry:5000`."""
        return f"{self.settings.registry.host}:{self.settings.registry.port}"

    @property
    def credentials(self) -> dict[str, Credentials]:
        """Whom the registries know that ask for a log-in, by the hosts that images name."""
        own = self.settings.registry.credentials
        return self.settings.registries | ({self.registry: own} if own else {})

    @property
    def known_hosts(self) -> Path:
        """The file with the nodes' ssh host keys."""
        return self._file(self.settings.ssh.known_hosts)

    @property
    def authorized_keys(self) -> Path | None:
        """The file with the keys that may log in to a lab's nodes, or None when they have no sshd."""
        return self._file(self.settings.sshd.authorized_keys) if self.settings.sshd else None

    def private_key(self, node: Node) -> Path | None:
        """The file with the key that ssh logs in to a host with, or None where the operator's own do."""
        stated = node.vars.ansible_ssh_private_key_file
        return self._file(stated) if stated else None

    def node(self, name: str) -> Node:
        """The node of that name. Raises InputError, which names the known ones."""
        known = {node.name: node for node in self.nodes}
        if name not in known:
            hint = suggest(name, known) or f"; there are {', '.join(known)}"
            raise InputError(f"{self.path.name}: there is no node {name}{hint}")
        return known[name]

    def _file(self, stated: str) -> Path:
        return self.path.parent / Path(stated).expanduser()
