"""Checks before a deploy."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.session import session


@task(help={"stack": "name of the stack in the inventory; all of them unless stated"})
def lint(c: Context, stack: str = "") -> None:
    """Say what is wrong with a stack, or does not do what it seems to; exit 2 when a deploy would be refused."""
    with session(c) as cluster:
        from swarmops.ops import lint as ops

        errors, warnings = ops.of_inventory(cluster, stack)
    print("\n".join([*errors, *warnings]) or "Nothing to say.")
    if errors:
        raise InputError(f"{len(errors)} errors, {len(warnings)} warnings")


TASKS = (lint,)
