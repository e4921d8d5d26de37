"""Checks before a deploy."""

from __future__ import annotations

from collections.abc import Sized

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import OptionalTask
from swarmops.tasks.session import session


@task(klass=OptionalTask, help={"stack": "name of the stack in the inventory; all of them unless stated"})
def lint(c: Context, stack: str = "") -> None:
    """Check a stack, or all of them: errors, for which a deploy would be refused (exit 2), and warnings."""
    with session(c) as cluster:
        from swarmops.ops import lint as ops

        errors, warnings = ops.of_inventory(cluster, stack)
    print("\n".join([*errors, *warnings]) or "Nothing to say.")
    if errors:
        raise InputError(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def _counted(found: Sized, what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"


TASKS = (lint,)
