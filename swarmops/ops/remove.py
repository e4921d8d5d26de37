"""Stacks removed: all that the swarm has of one, or nothing said to be done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import stack as commands
from swarmops.commands.stack import NAMESPACE
from swarmops.errors import CommandFailed, InputError
from swarmops.facts import Json, Service
from swarmops.ops import configs, ingress, networks
from swarmops.ops.ending import counted, orphans, unended
from swarmops.ops.lock import Terms, locked
from swarmops.ops.stacks import unknown_stack
from swarmops.report import Recap
from swarmops.wait import Deadline, until

REMOVE_AGAIN_SECONDS = 3.0


def remove(cluster: Cluster, name: str, timeout: float, terms: Terms) -> Recap:
    """Removes a stack and its history; returns when its services, tasks, networks, configs and secrets are gone.

    Raises InputError, before anything goes, when services that are not of the stack use a network of it.
    """
    recap = Recap()
    services = cluster.ask(lambda api: facts.services(api, name))
    if not services and name not in cluster.inventory.settings.stacks and not configs.names(cluster, name):
        raise unknown_stack(cluster, name)
    with locked(cluster, name, f"remove {name}", terms) as check:
        deadline = Deadline(timeout)
        _refuse_shared(cluster, name)
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


def _refuse_shared(cluster: Cluster, name: str) -> None:
    """A network goes when nothing is on it: with somebody else's service the stack would be half removed."""
    others = [service for service in cluster.ask(facts.services) if service.stack != name]
    found = {network["Name"]: networks.users(network, others) for network in _networks(cluster, name)}
    used = {network: [service.name for service in services] for network, services in found.items() if services}
    if used:
        lines = [f"network {network} of stack {name} is used by {', '.join(names)}" for network, names in used.items()]
        network, names = next(iter(used.items()))
        remedy = f"inv service.update {names[0]} --network-rm {network}, inv service.rm, or inv remove of its stack"
        raise InputError("\n  ".join(lines), remedy=remedy)


def take_away(cluster: Cluster, name: str, deadline: Deadline, check: Callable[[], None]) -> list[str]:
    """Removes all that the swarm has of a stack; the names of its volumes, which stay on the nodes.

    The caller holds the stack's lock; `check` raises LockLost when it does not any more.
    """
    services = cluster.ask(lambda api: facts.services(api, name))
    ids = {service.id for service in services}
    ids |= {task.service_id for task in orphans(cluster) if task.stack == name}
    said, retry = "", Deadline(0)

    def missing() -> str:
        nonlocal said, retry
        left = _parts(cluster, name)
        if left and not retry.left:
            # More than once: the engine was seen to leave a part of a stack behind and say that it was done, and to
            # fail over a network whose last task was still ending. What is left is asked for, not what it says.
            check()
            said = _ask_away(cluster, name, left)
            retry = Deadline(REMOVE_AGAIN_SECONDS)
        return ", ".join(filter(None, [*left, counted(unended(cluster, ids))])) + (said if left else "")

    until(missing, deadline, cluster.progress)
    return _volumes(services)


def _ask_away(cluster: Cluster, name: str, left: Collection[str]) -> str:
    """Has what is left of a stack removed. Where that is networks alone: why they stay, to append to a message."""
    own = [network["Name"] for network in _networks(cluster, name)]
    if len(own) == len(left):  # docker stack rm would run its reasons into one another
        return networks.ask_away(cluster, own)
    with suppress(CommandFailed):
        cluster.manage(commands.remove(name))
    return ""


def _volumes(services: Iterable[Service]) -> list[str]:
    """The volumes that a stack's services have made on their nodes, by name; those without one go with their task."""
    mounts = [mount for one in services for mount in one.template.get("ContainerSpec", {}).get("Mounts") or []]
    # docker marks those of the stack itself, not the external ones.
    own = [mount for mount in mounts if NAMESPACE in ((mount.get("VolumeOptions") or {}).get("Labels") or {})]
    return sorted({mount["Source"] for mount in own})


def _parts(cluster: Cluster, stack: str) -> list[str]:
    """What the swarm still has of a stack, in words."""
    left = [f"service {service.name}" for service in cluster.ask(lambda api: facts.services(api, stack))]
    left += [f"network {network['Name']}" for network in _networks(cluster, stack)]
    return left + configs.names(cluster, stack)


def _networks(cluster: Cluster, stack: str) -> list[Json]:
    label = {"label": [f"{NAMESPACE}={stack}"]}
    return cluster.ask(lambda api: api.get("/networks", filters=label))
