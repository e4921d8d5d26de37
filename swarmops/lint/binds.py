"""Directories and files of the nodes that services mount."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from swarmops.facts import SwarmNode
from swarmops.lint.finding import Note, Swarm
from swarmops.lint.service import wanted
from swarmops.stackfile import Stack


def notes(stack: Stack) -> Iterator[Note]:
    """Paths that mean nothing on a node."""
    for service in wanted(stack):
        for index, kind, source in service.mounts:
            if kind == "bind" and not source.startswith("/"):
                text = f"{source} is relative to nothing on a node"
                remedy = "write an absolute path, or name a volume; a file that services read can be a config"
                yield Note((*service.where, "volumes", index), text, remedy)


def sources(stack: Stack, swarm: Swarm) -> dict[str, set[str]]:
    """What the services mount, by the host names of the nodes that may run them."""
    found: dict[str, set[str]] = {}
    for service in wanted(stack):
        paths = {source for _, kind, source in service.mounts if kind == "bind" and source.startswith("/")}
        for node in swarm.eligible_for(service) if paths else ():
            found.setdefault(node.name, set()).update(paths)
    return found


def missing(stack: Stack, swarm: Swarm, absent: Mapping[str, Sequence[str]]) -> Iterator[Note]:
    """Mounts whose source the nodes have not; `absent` says by host name what each node that answered has not."""
    for service in wanted(stack):
        nodes = [node for node in swarm.eligible_for(service) if node.name in absent]
        for index, kind, source in service.mounts:
            without = [node for node in nodes if source in absent[node.name]] if kind == "bind" else []
            if without:
                yield Note((*service.where, "volumes", index), *_said(source, without, nodes))


def _said(source: str, without: Sequence[SwarmNode], nodes: Sequence[SwarmNode]) -> tuple[str, str, bool]:
    remedy = f"make {source} there, or constrain the service to nodes that have it"
    if len(without) == len(nodes):
        return f"none of the nodes that may run it has {source}", remedy, True
    return f"{', '.join(node.name for node in without)} may run it and has no {source}", remedy, False
