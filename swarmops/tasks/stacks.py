"""Stacks."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import PendingError
from swarmops.tasks.session import (
    BREAK_LOCK,
    LOCK_WAIT,
    PUT_BACK,
    LockWait,
    Seconds,
    ahead,
    session,
    show,
    timeout_help,
)

STACK = "name of the stack in the inventory"
KNOWN = "name of the stack"


@task(
    positional=["stack"],
    help={
        "stack": STACK,
        "timeout": f"{timeout_help(180)}; putting the version before back may take as long again",
        "message": "text for the history, such as why",
        "rollback": PUT_BACK,
        "keep": "leave what a first deploy made when it fails",
        "pre-pull": "have the nodes fetch new images before services are switched; --no-pre-pull leaves that to swarm",
        "lock-wait": LOCK_WAIT,
        "break-lock": BREAK_LOCK,
    },
)
def deploy(
    c: Context,
    stack: str,
    timeout: int = Seconds(180),
    message: str = "",
    rollback: bool = True,
    keep: bool = False,
    pre_pull: bool = True,
    lock_wait: int = LockWait(0),
    break_lock: bool = False,
) -> None:
    """Deploy a stack and wait until exactly this version runs and stays up; put the one before back if it does not."""
    with session(c) as cluster:
        ahead(cluster)
        from swarmops.ops import deploy as ops

        options = ops.Options(timeout, message, rollback, keep, pre_pull, lock_wait, break_lock)
        show(ops.deploy(cluster, stack, options))


@task(positional=["stack"], help={"stack": STACK})
def diff(c: Context, stack: str) -> None:
    """Show what a deploy would change in a stack; exit 3 when it would change something."""
    with session(c) as cluster:
        ahead(cluster)
        from swarmops.ops import history as ops

        if text := ops.diff(cluster, stack):
            print(text)
            raise PendingError(f"{stack} differs from what runs", remedy=f"inv deploy {stack}")
        print("Nothing to change.")


@task(positional=["stack"], help={"stack": KNOWN})
def history(c: Context, stack: str) -> None:
    """List the recorded versions of a stack."""
    with session(c) as cluster:
        from swarmops.ops import history as ops

        print(ops.history(cluster, stack))


@task(
    positional=["stack"],
    help={"stack": KNOWN, "timeout": timeout_help(120), "lock-wait": LOCK_WAIT, "break-lock": BREAK_LOCK},
)
def remove(
    c: Context, stack: str, timeout: int = Seconds(120), lock_wait: int = LockWait(0), break_lock: bool = False
) -> None:
    """Remove a stack and its history, and wait until its tasks and networks are gone."""
    with session(c) as cluster:
        from swarmops.ops import remove as ops
        from swarmops.ops.lock import MARGIN_SECONDS, Terms

        terms = Terms(timeout + MARGIN_SECONDS, lock_wait, break_lock)
        show(ops.remove(cluster, stack, timeout, terms))


TASKS = (deploy, diff, history, remove)
