"""Tasks spread again: swarm itself moves none to a node that joins or takes work again."""

from __future__ import annotations

from contextlib import suppress

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.errors import SwarmopsError
from swarmops.facts import Service
from swarmops.ops import spare
from swarmops.ops.convergence import wait
from swarmops.ops.services import find
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
    services, tasks, nodes = cluster.ask(facts.overview)
    for service in services:
        if name not in ("", service.name):
            continue
        if spare.begun(service) or uneven(service, tasks, nodes):
            if halted := spare.halted(service):
                recap.note(f"{halted}.")
            else:
                try:
                    _spread(cluster, service, deadline, recap)
                except SwarmopsError:
                    gone = False
                    with suppress(SwarmopsError):  # what failed before says more
                        gone = all(now.id != service.id for now in cluster.ask(facts.services))
                    if not gone:
                        raise
                    recap.note(f"{service.name} was removed by somebody else meanwhile.")
                    continue
        recap.ok(service.name)
    if not services:
        recap.ok("cluster", "no services")
    return recap


def _spread(cluster: Cluster, service: Service, deadline: Deadline, recap: Recap) -> None:
    service = find(cluster, service.name)  # the services before it have taken their time
    _, tasks, nodes = cluster.ask(facts.overview)
    before = counts(service, tasks, nodes)
    if spare.begun(service):  # by a drain, perhaps, which levels nothing
        _back(cluster, service, deadline)
        _, tasks, nodes = cluster.ask(facts.overview)
        service = find(cluster, service.name)
    if uneven(service, tasks, nodes) and (count := surplus(service, tasks, nodes)):
        spare.more(cluster, service, count)
        _back(cluster, service, deadline)
        _, tasks, nodes = cluster.ask(facts.overview)
    if uneven(service, tasks, nodes) and preferences(service):
        _restart(cluster, service, deadline)
        _, tasks, nodes = cluster.ask(facts.overview)
    after = counts(service, tasks, nodes)
    moved = ", ".join(
        f"{host} {before[host]} → {after.get(host, 0)}" for host in before if after.get(host, 0) != before[host]
    )
    recap.changed(service.name, f"spread again: {moved}")
    recap.note(f"{service.name}: {moved or 'each node has as many tasks as before'}")
    if uneven(service, tasks, nodes):
        recap.note(f"{service.name} is still uneven: swarm goes by what else the nodes run and have left, too.")


def _back(cluster: Cluster, service: Service, deadline: Deadline) -> None:
    """Ends what has begun: additional tasks went where there are fewest, and now they go where there are most."""
    try:
        wait(cluster, [service.id], deadline)
    except SwarmopsError as failure:
        try:
            spare.back(cluster, service)
        except SwarmopsError as second:
            wanted = spare.wanted(service)
            text = f"{failure.said}\n  The number of replicas could not be put back to {wanted}: {second.said}"
            raise SwarmopsError(text, remedy=f"inv rebalance --service {service.name} goes on") from failure
        raise
    spare.back(cluster, service)
    wait(cluster, [service.id], deadline)


def _restart(cluster: Cluster, service: Service, deadline: Deadline) -> None:
    """With preferences swarm takes away without regard to them: all tasks start anew, in the service's update order."""
    if (service.spec.get("UpdateConfig") or {}).get("Order") != "start-first":
        cluster.progress.done("each task stops before a new one starts: its update order is stop-first", service.name)
    cluster.manage(commands.restart(service.name))
    wait(cluster, [service.id], deadline)
