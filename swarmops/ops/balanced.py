"""Which services the ingress balances: asked of the swarm."""

from __future__ import annotations

from collections.abc import Iterable

from swarmops import facts, ingress
from swarmops.cluster import Cluster
from swarmops.errors import ConnectionFailed
from swarmops.ingress import Backend, Said
from swarmops.stackfile import Stack


def balanced(cluster: Cluster, stack: Stack) -> tuple[list[Backend], list[Said]]:
    """The backends on the networks of the ingress's stack, and why other services are left out."""
    services, networks = cluster.ask(lambda api: (facts.services(api), facts.networks(api)))
    names = stack.networks
    targets = {name: name for name in names} | {
        network["Id"]: network["Name"] for network in networks if network["Name"] in names
    }
    inventory = cluster.inventory
    return ingress.balanced(services, targets, stacks=list(inventory.settings.stacks), nodes=len(inventory.nodes))


def backends(cluster: Cluster, stacks: Iterable[Stack]) -> list[Backend]:
    """What the proxies' configuration names: the services that run, or where no swarm answers, those of all the stacks.

    Nothing where the ingress is not among these. Raises InputError for what a stack declares wrongly.
    """
    known = {stack.name: stack for stack in stacks}
    if ingress.STACK not in known:
        return []
    stated = ingress.declared({name: stack.file for name, stack in known.items()})
    try:
        return balanced(cluster, known[ingress.STACK])[0]
    except ConnectionFailed:
        return stated
