"""The swarm as such: its tokens, keys and certificates, its state saved and brought back."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import OptionalTask
from swarmops.tasks.session import session, show

ROLES = ("worker", "manager")


@task(
    klass=OptionalTask,
    help={
        "role": "worker or manager: what the token makes of a node; with --rotate both unless stated",
        "rotate": "make new tokens, whereupon the old ones are good for nothing; prints none",
    },
)
def token(c: Context, role: str = "", rotate: bool = False) -> None:
    """Print the token that a node joins with, or make new ones: inv swarm.token worker."""
    if role not in (*ROLES, *(("",) if rotate else ())):
        raise InputError(f"role {role or 'not stated'}: should be worker or manager", remedy="inv swarm.token worker")
    with session(c) as cluster:
        from swarmops.ops import swarm

        if rotate:
            show(swarm.rotate_tokens(cluster, [role] if role else ROLES))
        else:
            print(swarm.token(cluster, role).reveal())


GROUPS = {"swarm": (token,)}
