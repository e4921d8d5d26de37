"""What an operator does to services: how many, and which version."""

from __future__ import annotations

from collections.abc import Mapping

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.errors import InputError, SwarmopsError, suggest
from swarmops.facts import Service, image_of
from swarmops.ops.convergence import wait
from swarmops.report import Recap
from swarmops.wait import Deadline


def scale(cluster: Cluster, replicas: Mapping[str, int], timeout: float) -> Recap:
    """Sets the number of replicas of services; returns when so many run and stay up."""
    deadline, recap = Deadline(timeout), Recap()
    services = {name: find(cluster, name) for name in replicas}
    if fixed := [name for name, service in services.items() if service.replicas is None]:
        raise InputError(f"{', '.join(fixed)}: a {services[fixed[0]].mode} service has no number of replicas")
    wrong = {name: count for name, count in replicas.items() if services[name].replicas != count}
    if wrong:
        cluster.manage(commands.scale(wrong))
    for name, count in wrong.items():
        recap.changed(name, f"replicas {services[name].replicas} → {count}")
        if services[name].stack in cluster.inventory.settings.stacks:
            recap.note(f"The next inv deploy {services[name].stack} sets {name} back to what the stack's file says.")
    wait(cluster, [service.id for service in services.values()], deadline, settled=not wrong)
    for name in replicas:
        recap.ok(name)
    return recap


def rollback(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Puts the previous version of a service back; returns when it runs and stays up."""
    deadline, recap = Deadline(timeout), Recap()
    service = find(cluster, name)
    if service.previous is None or service.previous == service.spec:
        raise SwarmopsError(f"{name} has no previous version", remedy=f"inv ps {name} shows what runs")
    before, after = service.image, image_of(service.previous)
    cluster.manage(commands.rollback(name))
    wait(cluster, [service.id], deadline)
    now = find(cluster, name)
    if now.spec != service.previous:
        raise SwarmopsError(f"{name} was changed by somebody else during the rollback", remedy=f"inv ps {name}")
    recap.changed(name, f"rolled back from {before} to {after}" if before != after else "rolled back")
    recap.ok(name)
    return recap


def find(cluster: Cluster, name: str) -> Service:
    """A service of the swarm by its name. Raises InputError with a suggestion."""
    services = {service.name: service for service in cluster.ask(facts.services)}
    if name not in services:
        known = f"the swarm has {', '.join(services)}" if services else "the swarm has none; inv deploy makes them"
        raise InputError(f"{name}: no such service{suggest(name, services)}", remedy=known)
    return services[name]
