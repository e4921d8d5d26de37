"""A command in a running task, or on a node, with the operator's own standard input and outputs."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import NoReturn

from swarmops.cluster import Cluster
from swarmops.commands import Command, inside
from swarmops.connect import local
from swarmops.errors import SwarmopsError
from swarmops.loglines import Source
from swarmops.ops.logs import elsewhere, sources
from swarmops.ops.services import find

TRUE = Command(("true",))


def in_task(cluster: Cluster, service: str, command: Command, *, slot: int = 0, node: str = "") -> NoReturn:
    """Becomes the command in a running task of the service, the first one unless its slot or node is given.

    Raises InputError for an unknown service or node, SwarmopsError when no such task runs.
    """
    task = _choose(cluster, service, slot, node)
    _become(cluster, task.node, inside.container(task.id, command, tty=_terminal()))


def on_node(cluster: Cluster, node: str, command: Command) -> NoReturn:
    """Becomes the command on a node. Raises InputError for an unknown one, ConnectionFailed when it does not answer."""
    cluster.inventory.node(node)
    _become(cluster, node, command)


def _choose(cluster: Cluster, service: str, slot: int, node: str) -> Source:
    nodes = [cluster.inventory.node(node)] if node else cluster.inventory.nodes
    asked = [cluster.later(partial(sources, cluster, each.name)) for each in nodes]
    errors = [error for each in asked if (error := each.exception())]
    if len(errors) == len(asked):
        raise errors[0]
    found = sorted(source for each in asked if not each.exception() for source in each.result())
    running = [source for source in found if source.service == service and source.state == "running"]
    if chosen := [source for source in running if slot in (0, source.slot)]:
        return chosen[0]
    find(cluster, service)
    where = f" on {node}" if node else ""
    lost = "".join(f"\n    {str(error).splitlines()[0]}" for error in errors)
    if others := [] if node else elsewhere(cluster, service):
        lost += f"\n    {', '.join(others)}: runs it, and is not in the inventory"
    if not running:
        raise SwarmopsError(f"no task of {service} runs{where}{lost}", remedy=f"inv ps {service}")
    names = ", ".join(f"{source.task} on {source.node}" for source in running)
    raise SwarmopsError(f"{service}.{slot} does not run{where}; there are {names}{lost}", remedy=f"inv ps {service}")


def _become(cluster: Cluster, node: str, command: Command) -> NoReturn:
    """Becomes docker or ssh, which know what a terminal needs, and end with the code of the command."""
    cluster.run(node, TRUE)  # says why a node does not answer better than those can
    cluster.progress.close()
    if cluster.lab:
        from swarmops.lab.engine import environment

        local.become(inside.container(cluster.container(node), command, tty=_terminal()), environment())
    host = cluster.inventory.node(node)
    stated = host.vars
    ssh = inside.host(
        stated.ansible_host or node,
        command,
        user=stated.ansible_user,
        port=stated.ansible_port,
        key=cluster.inventory.private_key(host),
        known_hosts=cluster.inventory.known_hosts,
        tty=_terminal(),
    )
    local.become(ssh, os.environ)


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
