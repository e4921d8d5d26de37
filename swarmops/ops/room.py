"""Whether the swarm has room for services by hand: asked before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from swarmops import definition, facts
from swarmops.cluster import Cluster
from swarmops.definition import Definition
from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.lint import Swarm, alone


def refuse_crowded(cluster: Cluster, wanted: Mapping[str, Definition], stated: Mapping[str, str] | None = None) -> None:
    """Raises InputError where services, by name, cannot have as many tasks as they should, or could not be updated.

    `stated` is what an operator wrote of each, where that is no option.
    """
    nodes, services = cluster.ask(facts.nodes), cluster.ask(facts.services)
    swarm = Swarm(nodes, services, (), frozenset(), frozenset(), route="mesh")  # what a route rules out is said before
    problems = [
        replace(problem, file=(stated or {}).get(name, problem.file))
        for name, one in wanted.items()
        for problem in alone.room(name, one, swarm)
    ]
    if problems:
        raise InputError.of(problems)


def seen(cluster: Cluster, service: Service) -> Definition:
    """A service as the swarm has it."""
    return definition.of(service.spec, networks(cluster))


def networks(cluster: Cluster) -> dict[str, str]:
    """The names of the swarm's networks, by id."""
    return {one["Id"]: one["Name"] for one in cluster.ask(facts.networks) if one["Scope"] == "swarm"}
