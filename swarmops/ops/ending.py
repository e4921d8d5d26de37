"""Services that are to end, and tasks that still have to."""

from __future__ import annotations

from collections.abc import Collection

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.errors import CommandFailed
from swarmops.facts import Service, Task


def end(cluster: Cluster, services: Collection[Service]) -> None:
    """Removes services. Those that are gone by then count as removed."""
    ids = {service.id for service in services}
    try:
        cluster.manage(commands.remove(*(service.name for service in services)))
    except CommandFailed:  # repeated after a manager was lost, it finds nothing to remove
        if any(service.id in ids for service in cluster.ask(facts.services)):
            raise


def unended(cluster: Cluster, service_ids: Collection[str]) -> list[Task]:
    """The tasks of services, by id, that have not ended, on nodes that are Ready.

    One on a node that is down is not waited for: swarm has it as running for a day. It ends when the node comes back.
    """
    tasks, nodes = cluster.ask(lambda api: (facts.tasks(api), facts.nodes(api)))
    down = {node.id for node in nodes if not node.ready}
    return [task for task in tasks if task.service_id in service_ids and not task.over and task.node_id not in down]


def orphans(cluster: Cluster) -> list[Task]:
    """The tasks of services that are gone: whoever removed these was interrupted before they had ended."""
    tasks, services = cluster.ask(lambda api: (facts.tasks(api), facts.services(api)))
    known = {service.id for service in services}
    # A container that somebody attached to a network is a task too, of no service.
    return [task for task in tasks if task.service_id and task.service_id not in known]


def counted(tasks: Collection[Task]) -> str:
    """So many tasks, in words; empty for none."""
    return f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} still to end" if tasks else ""
