"""Stacks."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import Seconds, session, show

STACK = "name of the stack in the inventory"
TIMEOUT = "seconds to wait before it counts as failed"


@task(positional=["stack"], help={"stack": STACK, "timeout": TIMEOUT})
def deploy(c: Context, stack: str, timeout: int = Seconds(180)) -> None:
    """Deploy a stack and wait until exactly this version runs and stays up."""
    with session(c) as cluster:
        from swarmops.ops import stacks

        show(stacks.deploy(cluster, stack, timeout))


@task(positional=["stack"], help={"stack": STACK, "timeout": TIMEOUT})
def remove(c: Context, stack: str, timeout: int = Seconds(120)) -> None:
    """Remove a stack and wait until its tasks and networks are gone."""
    with session(c) as cluster:
        from swarmops.ops import stacks

        show(stacks.remove(cluster, stack, timeout))


TASKS = (deploy, remove)
