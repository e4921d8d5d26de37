"""Nodes: role and availability."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import Seconds, session, show, timeout_help

NODE = "name of the node in the inventory"


@task(positional=["node"], help={"node": NODE, "timeout": timeout_help(120)})
def drain(c: Context, node: str, timeout: int = Seconds(120)) -> None:
    """Move all work off a node and wait until it is empty and its tasks run elsewhere."""
    with session(c) as cluster:
        from swarmops.ops import nodes

        show(nodes.drain(cluster, node, timeout))


@task(positional=["node"], help={"node": NODE})
def activate(c: Context, node: str) -> None:
    """Let a node take work again."""
    with session(c) as cluster:
        from swarmops.ops import nodes

        show(nodes.activate(cluster, node))


@task(positional=["node"], help={"node": NODE, "timeout": timeout_help(60)})
def promote(c: Context, node: str, timeout: int = Seconds(60)) -> None:
    """Make a node a manager and wait until it is reachable as one."""
    with session(c) as cluster:
        from swarmops.ops import nodes

        show(nodes.promote(cluster, node, timeout))


@task(positional=["node"], help={"node": NODE, "timeout": timeout_help(60)})
def demote(c: Context, node: str, timeout: int = Seconds(60)) -> None:
    """Make a manager a worker and wait until it has left the managers; refuses what would lose the quorum."""
    with session(c) as cluster:
        from swarmops.ops import nodes

        show(nodes.demote(cluster, node, timeout))


TASKS = (drain, activate, promote, demote)
