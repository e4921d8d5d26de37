"""Tasks spread again: swarm itself moves none to a node that joins or takes work again."""

from __future__ import annotations

from collections.abc import Mapping

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.connect.api import EngineAPI
from swarmops.facts import Service, SwarmNode, Task
from swarmops.ops.convergence import wait
from swarmops.ops.services import find
from swarmops.report import Recap
from swarmops.spread import counts, uneven
from swarmops.wait import Deadline


def rebalance(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Starts the tasks of services that are spread unevenly anew, one service after the other, or of one service alone.

    Returns when they run and stay up. Raises InputError for a service that is not there.
    """
    deadline, recap = Deadline(timeout), Recap()
    if name:
        find(cluster, name)
    services, tasks, nodes = cluster.ask(_look)
    chosen = [service for service in services if name in ("", service.name)]
    for service in chosen:
        if uneven(service, tasks, nodes):
            _spread(cluster, service, counts(service, tasks, nodes), deadline, recap)
        recap.ok(service.name)
    if not chosen:
        recap.ok("cluster", "no services")
    return recap


def _spread(cluster: Cluster, service: Service, before: Mapping[str, int], deadline: Deadline, recap: Recap) -> None:
    order = (service.spec.get("UpdateConfig") or {}).get("Order", "stop-first")
    if order == "stop-first":
        cluster.progress.done("each task stops before the new one starts: its update order is stop-first", service.name)
    cluster.manage(commands.restart(service.name))
    wait(cluster, [service.id], deadline)
    _, tasks, nodes = cluster.ask(_look)
    after = counts(service, tasks, nodes)
    moved = ", ".join(
        f"{host} {before.get(host, 0)} → {after[host]}" for host in after if after[host] != before.get(host)
    )
    recap.changed(service.name, f"spread again: {moved}")
    recap.note(f"{service.name}: {moved or 'every task is where one was before'}")
    if uneven(service, tasks, nodes):
        recap.note(f"{service.name} is still uneven: swarm goes by what else the nodes run, and have left, too.")


def _look(api: EngineAPI) -> tuple[list[Service], list[Task], list[SwarmNode]]:
    return facts.services(api), facts.tasks(api), facts.nodes(api)
