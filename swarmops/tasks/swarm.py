"""The swarm as such: its tokens, keys and certificates, its state saved and brought back."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import OptionalTask
from swarmops.tasks.recovery import RECOVERY
from swarmops.tasks.session import Seconds, asked, session, show, timeout_help

ROLES = ("worker", "manager")


@task(
    klass=OptionalTask,
    help={
        "role": "worker or manager: what the token makes of a node; with --rotate both unless stated",
        "rotate": "make new tokens, whereupon the old ones are good for nothing; prints none",
    },
)
def token(c: Context, role: str | None = None, rotate: bool = False) -> None:
    """Print the token that a node joins with, or make new ones: inv swarm.token worker."""
    if role not in (*ROLES, *((None,) if rotate else ())):
        raise InputError(f"role {role or 'not stated'}: should be worker or manager", remedy="inv swarm.token worker")
    with session(c) as cluster:
        from swarmops.ops import swarm

        if rotate:
            show(swarm.rotate_tokens(cluster, [role] if role else ROLES))
        else:
            print(swarm.token(cluster, str(role)).reveal())


@task(
    help={
        "off": "managers no longer lock",
        "timeout": timeout_help(60),
    }
)
def autolock(c: Context, off: bool = False, timeout: int = Seconds(60)) -> None:
    """Have managers lock when their engine restarts, and store the key where the inventory says."""
    with session(c) as cluster:
        from swarmops.ops import autolock as ops

        show(ops.autolock(cluster, on=not off, timeout=timeout))


@task(
    help={
        "key-stdin": "take the key from standard input instead of where the inventory says",
        "timeout": timeout_help(120),
    }
)
def unlock(c: Context, key_stdin: bool = False, timeout: int = Seconds(120)) -> None:
    """Unlock the managers that are locked, and wait until they are reachable."""
    with session(c) as cluster:
        from swarmops.commands import Secret
        from swarmops.ops import autolock as ops

        show(ops.unlock_all(cluster, timeout, Secret(asked("Unlock key: ")) if key_stdin else None))


@task(help={"timeout": timeout_help(120)})
def rotate_ca(c: Context, timeout: int = Seconds(120)) -> None:
    """Replace the authority that certifies nodes, and wait until every node has a certificate of the new one."""
    with session(c) as cluster:
        from swarmops.ops import swarm

        show(swarm.rotate_ca(cluster, timeout))


GROUPS = {"swarm": (token, autolock, unlock, rotate_ca, *RECOVERY)}
