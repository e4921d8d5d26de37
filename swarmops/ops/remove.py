"""Stacks removed: all that the swarm has of one, or nothing said to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import stack as commands
from swarmops.commands.stack import NAMESPACE
from swarmops.errors import CommandFailed
from swarmops.facts import Service
from swarmops.ops import configs, ingress
from swarmops.ops.ending import counted, orphans, unended
from swarmops.ops.lock import Terms, locked
from swarmops.ops.stacks import unknown_stack
from swarmops.report import Recap
from swarmops.wait import Deadline, until

REMOVE_AGAIN_SECONDS = 3.0


def remove(cluster: Cluster, name: str, timeout: float, terms: Terms) -> Recap:
    """Removes a stack and its history; returns when its services, tasks, networks, configs and secrets are gone."""
    recap = Recap()
    services = cluster.ask(lambda api: facts.services(api, name))
    if not services and name not in cluster.inventory.settings.stacks and not configs.names(cluster, name):
        raise unknown_stack(cluster, name)
    with locked(cluster, name, f"remove {name}", terms) as check:
        deadline = Deadline(timeout)
        parts = _parts(cluster, name)
        volumes = take_away(cluster, name, deadline, check)
    for service in services:
        recap.changed(service.name, "removed")
    if parts and not services:
        recap.changed(name, f"removed {', '.join(parts)}")
    if volumes:
        recap.note(f"Its volumes stay on the nodes: {', '.join(volumes)}.")
    ingress.follow(cluster, recap, deadline)
    recap.ok(name, "gone")
    return recap


def take_away(cluster: Cluster, name: str, deadline: Deadline, check: Callable[[], None]) -> list[str]:
    """Removes all that the swarm has of a stack; the names of its volumes, which stay on the nodes.

    The caller holds the stack's lock; `check` raises LockLost when it does not any more.
    """
    services = cluster.ask(lambda api: facts.services(api, name))
    ids = {service.id for service in services}
    ids |= {task.service_id for task in orphans(cluster) if task.stack == name}
    retry = Deadline(0)

    def missing() -> str:
        nonlocal retry
        left = _parts(cluster, name)
        if left and not retry.left:
            # More than once: the engine was seen to leave a part of a stack behind and say that it was done, and to
            # fail over a network whose last task was still ending. What is left is asked for, not what it says.
            check()
            with suppress(CommandFailed):
                cluster.manage(commands.remove(name))
            retry = Deadline(REMOVE_AGAIN_SECONDS)
        return ", ".join(filter(None, [*left, counted(unended(cluster, ids))]))

    until(missing, deadline, cluster.progress)
    return _volumes(services)


def _volumes(services: Iterable[Service]) -> list[str]:
    """The volumes that a stack's services have made on their nodes, by name; those without one go with their task."""
    mounts = [mount for one in services for mount in one.template.get("ContainerSpec", {}).get("Mounts") or []]
    # docker marks those of the stack itself, not the external ones.
    own = [mount for mount in mounts if NAMESPACE in ((mount.get("VolumeOptions") or {}).get("Labels") or {})]
    return sorted({mount["Source"] for mount in own})


def _parts(cluster: Cluster, stack: str) -> list[str]:
    """What the swarm still has of a stack, in words."""
    label = {"label": [f"{NAMESPACE}={stack}"]}
    left = [f"service {service.name}" for service in cluster.ask(lambda api: facts.services(api, stack))]
    left += [f"network {network['Name']}" for network in cluster.ask(lambda api: api.get("/networks", filters=label))]
    return left + configs.names(cluster, stack)
