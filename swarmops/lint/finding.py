"""What a check says, and what it may know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from swarmops.constraints import excluded_by
from swarmops.errors import Problem
from swarmops.facts import Json, Service, SwarmNode
from swarmops.lint.service import Wanted

Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Note:
    """Something to say of a place in a stack file: an error, which swarm would refuse or never get done, or a warning.

    `remedy` is what to write instead.
    """

    where: Where
    text: str
    remedy: str = ""
    error: bool = True


@dataclass(frozen=True, order=True)
class Finding:
    """A note at its line of the rendered file."""

    line: int
    path: str
    text: str
    remedy: str = ""
    error: bool = True

    def at(self, file: str) -> Problem:
        """The finding in a file of this name."""
        said = f"{self.text}; {self.remedy}" if self.remedy else self.text
        said = f"{self.path}: {said}" if self.path else said
        return Problem(file, self.line, said if self.error else f"warning: {said}")


@dataclass(frozen=True)
class Swarm:
    """What there is already. `route` is mesh or dns."""

    nodes: Sequence[SwarmNode]
    services: Sequence[Service]
    networks: Sequence[Json]
    configs: frozenset[str]
    secrets: frozenset[str]
    route: str
    checked: Callable[[str], bool | None] = lambda _: None
    """Whether an image has a health check of its own; None where nobody knows."""

    def meeting(self, constraints: Sequence[str]) -> list[SwarmNode]:
        """The nodes that meet constraints, whether they take tasks now or not."""
        return [node for node in self.nodes if not excluded_by(node, constraints)]

    def eligible(self, constraints: Sequence[str]) -> list[SwarmNode]:
        """The nodes that may run new tasks of a service with these constraints."""
        return [node for node in self.meeting(constraints) if node.ready and node.availability == "active"]

    def eligible_for(self, service: Wanted) -> list[SwarmNode]:
        """The nodes that may run new tasks of a service of the file."""
        return self.eligible(service.constraints)
