"""What there is, as far as it has been looked at: what a plan is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmops.facts import Engine, Json, SwarmNode


@dataclass(frozen=True)
class Swarm:
    """The swarm, as one of its managers sees it. `state` is `/swarm`; `users` use the networks that have drifted."""

    members: tuple[SwarmNode, ...]
    networks: tuple[Json, ...] = ()
    state: Json = field(default_factory=dict)
    users: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lab:
    """The containers of a lab, by the names of its nodes; the registry and the edge proxy are among them."""

    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a container has to be started, or made anew."""
    images: tuple[str, ...] = ()
    """The images that they need, and the machine has not."""
    registry: tuple[str, ...] = ()
    """What its registry has to be given."""
    fresh: frozenset[str] = frozenset()
    """The nodes to start that have no data: their engines will be in no swarm."""
    edge: bool = False
    """Whether there is an edge proxy that is not needed any more."""
    former: Mapping[str, str] = field(default_factory=dict)
    """The states of the containers of nodes that are not in the inventory."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """The addresses that containers to start had before, where they had others."""
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Those of them that have the address, or a port of the host, that a container to start needs; and which one."""
    strays: Mapping[str, str] = field(default_factory=dict)
    """The containers that an interrupted making has left, by their own names, and whose they are."""


@dataclass(frozen=True)
class Seen:
    """Everything. Without a swarm no manager answers, whether or not there is one."""

    swarm: Swarm | None = None
    engines: Mapping[str, Engine] = field(default_factory=dict)
    """What the engines say that have been asked."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """What those say instead that do not answer."""
    lab: Lab | None = None
