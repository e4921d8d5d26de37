"""The swarm saved, brought back, and rebuilt from what is left of it."""

from __future__ import annotations

import time

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.arguments import OptionalTask, file as file_named, named
from swarmops.tasks.session import Seconds, asked, recap, session, show, timeout_help


@task(
    klass=OptionalTask,
    help={
        "file": "where to write it; <cluster>-<time>.tar.gz in this directory unless stated",
        "registry": "with the images in the lab's own registry; --no-registry leaves them out",
        "timeout": timeout_help(300),
    },
)
def backup(c: Context, file: str = "", registry: bool = True, timeout: int = Seconds(300)) -> None:
    """Write the state of the swarm, and the images of a lab's registry, to a file, and read it back."""
    with session(c) as cluster:
        from swarmops.ops.backup import backup as write

        name = file or f"{cluster.inventory.cluster}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.tar.gz"
        show(write(cluster, file_named(name).absolute(), timeout, registry=registry))


@task(
    positional=["file"],
    help={
        "file": "a backup",
        "force": "also where the first manager is in a swarm: what that has is lost",
        "key-stdin": "take the key that unlocked managers then from standard input, not from where the inventory says",
        "timeout": timeout_help(300),
    },
)
def restore(c: Context, file: str, force: bool = False, key_stdin: bool = False, timeout: int = Seconds(300)) -> None:
    """Bring a backup back on nodes that are in no swarm, and wait until its services run."""
    with session(c) as cluster, recap() as done:
        from swarmops.commands import Secret
        from swarmops.ops.restore import restore as bring_back

        key = Secret(asked("Unlock key: ")) if key_stdin else None
        bring_back(cluster, file_named(file), timeout, done, force=force, key=key)


@task(
    help={
        "yes": "do it; without, what would be done is said",
        "node": "the manager whose state is taken; the one that knows most unless stated",
        "timeout": timeout_help(300),
    },
)
def recover(c: Context, yes: bool = False, node: str | None = None, timeout: int = Seconds(300)) -> None:
    """Rebuild a swarm whose managers have lost their quorum, from one of them, and wait until all are reachable."""
    chosen = named("node", node, "the one that knows most") or ""
    with session(c) as cluster, recap() as done:
        from swarmops.ops.recover import recover as rebuild

        rebuild(cluster, timeout, done, chosen=chosen, sure=yes)


RECOVERY = (backup, restore, recover)
