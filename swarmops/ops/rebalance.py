"""Tasks spread again: swarm itself moves none to a node that joins or takes work again."""

from __future__ import annotations

from collections.abc import Mapping

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import SwarmopsError
from swarmops.facts import Service, SwarmNode, Task
from swarmops.ops.convergence import wait
from swarmops.ops.services import MORE, find
from swarmops.report import Recap
from swarmops.spread import counts, preferences, surplus, uneven
from swarmops.wait import Deadline


def rebalance(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Spreads the tasks of services that are uneven, one service after the other, or of one service alone.

    Returns when as many run as before, and stay up. Raises InputError for a service that is not there.
    """
    deadline, recap = Deadline(timeout), Recap()
    if name:
        find(cluster, name)
    services, tasks, nodes = cluster.ask(_look)
    for service in services:
        if name not in ("", service.name):
            continue
        if MORE in service.labels or uneven(service, tasks, nodes):
            _spread(cluster, service, counts(service, tasks, nodes), deadline, recap)
        recap.ok(service.name)
    if not services:
        recap.ok("cluster", "no services")
    return recap


def _spread(cluster: Cluster, service: Service, before: Mapping[str, int], deadline: Deadline, recap: Recap) -> None:
    if preferences(service):
        _restart(cluster, service, deadline)
    else:
        _more_and_back(cluster, service, surplus(before), deadline)
    _, tasks, nodes = cluster.ask(_look)
    after = counts(service, tasks, nodes)
    moved = ", ".join(
        f"{host} {before[host]} → {after.get(host, 0)}" for host in before if after.get(host, 0) != before[host]
    )
    recap.changed(service.name, f"spread again: {moved}")
    recap.note(f"{service.name}: {moved or 'each node has as many tasks as before'}")
    if uneven(service, tasks, nodes):
        recap.note(f"{service.name} is still uneven: swarm goes by what else the nodes run and have left, too.")


def _more_and_back(cluster: Cluster, service: Service, more: int, deadline: Deadline) -> None:
    """Swarm puts additional tasks where there are fewest, and takes away where there are most: nothing else moves.

    The label says how many there should be, so that the same command goes on after an interruption.
    """
    wanted = int(service.labels.get(MORE, service.replicas or 0))
    back = commands.update(service.name, [("replicas", str(wanted)), ("label-rm", MORE)])
    if MORE not in service.labels:
        cluster.manage(
            commands.update(service.name, [("replicas", str(wanted + more)), ("label-add", f"{MORE}={wanted}")])
        )
    try:
        wait(cluster, [service.id], deadline)
    except SwarmopsError as failure:
        try:
            cluster.manage(back)
        except SwarmopsError as second:
            text = f"{failure.said}\n  The number of replicas could not be put back to {wanted}: {second.said}"
            raise SwarmopsError(text, remedy=f"inv rebalance --service {service.name} goes on") from failure
        raise
    cluster.manage(back)
    wait(cluster, [service.id], deadline)


def _restart(cluster: Cluster, service: Service, deadline: Deadline) -> None:
    """With preferences swarm takes away without regard to them: all tasks start anew, in the service's update order."""
    if (service.spec.get("UpdateConfig") or {}).get("Order") != "start-first":
        cluster.progress.done("each task stops before a new one starts: its update order is stop-first", service.name)
    cluster.manage(commands.restart(service.name))
    wait(cluster, [service.id], deadline)


def _look(api: EngineAPI) -> tuple[list[Service], list[Task], list[SwarmNode]]:
    return facts.services(api), facts.tasks(api), facts.nodes(api)
