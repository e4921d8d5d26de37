"""Whether the swarm has room for services by hand: asked before anything changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from swarmops import definition, facts
from swarmops.cluster import Cluster
from swarmops.definition import Definition
from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.lint import Swarm, alone
from swarmops.ops.networks import networks as by_name


def refuse_crowded(
    cluster: Cluster,
    wanted: Mapping[str, Definition],
    stated: Mapping[str, str] | None = None,
    placed: Collection[str] = (),
) -> None:
    """Raises InputError where services, by name, cannot have as many tasks as they should, or could not be updated.

    `stated` is what an operator wrote of each, where that is no option; `placed` are those that need no new place.
    """
    nodes = cluster.ask(facts.nodes)
    services = [
        replace(service, replicas=wanted[service.name]["replicas"])
        if service.name in wanted and service.replicas is not None
        else service
        for service in cluster.ask(facts.services)
    ]
    swarm = Swarm(nodes, services, (), frozenset(), frozenset(), route="mesh")  # what a route rules out is said before
    problems = [
        replace(problem, file=(stated or {}).get(name, problem.file))
        for name, one in wanted.items()
        if name not in placed
        for problem in alone.room(name, one, swarm)
    ]
    if problems:
        raise InputError.of(problems)


def places(before: Definition, after: Definition) -> bool:
    """Whether an update starts tasks, or has later ones start beside what they replace."""
    changed = {name for name in after if before[name] != after[name]}
    tasks = {name for name in changed if name != "label" and not name.startswith(("update-", "rollback-"))}
    fewer = tasks == {"replicas"} and after["replicas"] < before["replicas"]
    return bool(tasks and not fewer) or bool(changed & {"update-order", "rollback-order"})


def seen(cluster: Cluster, service: Service) -> Definition:
    """A service as the swarm has it."""
    return definition.of(service.spec, networks(cluster))


def networks(cluster: Cluster) -> dict[str, str]:
    """The names of the swarm's networks, by id."""
    return {one["Id"]: name for name, one in by_name(cluster).items()}
