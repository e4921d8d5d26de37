"""Services and their tasks."""

from __future__ import annotations

import re
import shlex

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import EitherTask, takes
from swarmops.tasks.logs import remainder
from swarmops.tasks.service_options import CREATE, LISTS, UPDATE, stated
from swarmops.tasks.session import BREAK_LOCK, LOCK_WAIT, LockWait, Seconds, session, show

NAME = "name of the service"
TIMEOUT = "seconds to wait before it counts as failed"


@task(positional=["name"], help={"name": "a stack or a service", "all": "all that swarm still knows of, however old"})
def ps(c: Context, name: str, all: bool = False) -> None:
    """List the tasks of a stack or service, with the reason of each that does not run."""
    with session(c) as cluster:
        from swarmops.ops import status

        print(status.ps(status.Status.read(cluster), name, everything=all))


@task(
    klass=EitherTask,
    positional=["service"],
    help={
        "service": "name of the service, such as echo_api; or else",
        "stack": "name of a stack, all of which goes back to a recorded version",
        "to": "which version of the stack; the one before the newest otherwise",
        "timeout": TIMEOUT,
        "lock-wait": f"{LOCK_WAIT}, with --stack",
        "break-lock": f"{BREAK_LOCK}, with --stack",
    },
)
def rollback(
    c: Context,
    service: str = "",
    stack: str = "",
    to: str = "",
    timeout: int = Seconds(180),
    lock_wait: int = LockWait(0),
    break_lock: bool = False,
) -> None:
    """Put the previous version of a service or stack back and wait until it runs and stays up."""
    if service and stack:
        raise InputError("a service or a --stack, not both", remedy=f"inv rollback {service}")
    if to and not (stack and to.isdecimal()):
        raise InputError(f"--to {to}: should be the number of a version, of a --stack", remedy="inv history STACK")
    with session(c) as cluster:
        from swarmops.ops import deploy, history, services

        if stack:
            options = deploy.Options(timeout, lock_wait=lock_wait, break_lock=break_lock)
            show(history.rollback(cluster, stack, int(to) if to else None, options))
        else:
            show(services.rollback(cluster, service, timeout))


@task(
    positional=["replicas"],
    help={"replicas": "service=count, such as echo_api=6; several: echo_api=6,my_web=2", "timeout": TIMEOUT},
)
def scale(c: Context, replicas: str, timeout: int = Seconds(180)) -> None:
    """Set the number of replicas of services and wait until so many run and stay up."""
    wanted = dict(part.partition("=")[::2] for part in replicas.split(","))
    if wrong := [part for part in replicas.split(",") if not re.fullmatch(r"[^=\s]+=[0-9]+", part)]:
        raise InputError(f"{', '.join(wrong)}: not of the form service=count", remedy="inv scale echo_api=6")
    with session(c) as cluster:
        from swarmops.ops import services

        show(services.scale(cluster, {name: int(count) for name, count in wanted.items()}, timeout))


@task(help={"service": "this service alone", "timeout": TIMEOUT})
def rebalance(c: Context, service: str = "", timeout: int = Seconds(300)) -> None:
    """Spread tasks evenly again, after a node joined or was activated; leave services alone that are even."""
    with session(c) as cluster:
        from swarmops.ops import rebalance as ops

        show(ops.rebalance(cluster, service, timeout))


@task(
    positional=["name"],
    iterable=LISTS,
    auto_shortflags=False,
    help=CREATE | {"name": NAME, "timeout": TIMEOUT, "keep": "when it fails, leave it there"},
)
@takes(CREATE)
def create(c: Context, name: str, timeout: int = Seconds(180), keep: bool = False, **options: object) -> None:
    """Make a service and wait until it runs and stays up; leave nothing behind when it fails."""
    with session(c) as cluster:
        from swarmops.ops import by_hand

        show(by_hand.create(cluster, name, stated(options) | _words(), timeout, keep=keep))


@task(
    positional=["name"],
    iterable=LISTS,
    auto_shortflags=False,
    help=UPDATE | {"name": NAME, "timeout": TIMEOUT, "rollback": "when it fails, leave it as it is"},
)
@takes(UPDATE)
def update(c: Context, name: str, timeout: int = Seconds(180), rollback: bool = True, **options: object) -> None:
    """Change what is given of a service and wait until it runs and stays up; put the version before back otherwise."""
    with session(c) as cluster:
        from swarmops.ops import by_hand

        show(by_hand.update(cluster, name, stated(options) | _words(), timeout, rollback=rollback))


@task
def ls(c: Context) -> None:
    """List the services."""
    with session(c) as cluster:
        from swarmops.ops import services, status

        print(services.ls(status.Status.read(cluster)))


@task(positional=["names"], help={"names": "name of the service; several: web,api", "timeout": TIMEOUT})
def rm(c: Context, names: str, timeout: int = Seconds(120)) -> None:
    """Remove services and wait until their tasks are gone."""
    with session(c) as cluster:
        from swarmops.ops import services

        show(services.remove(cluster, list(dict.fromkeys(filter(None, names.split(",")))), timeout))


def _words() -> dict[str, str]:
    """The arguments for the image that stand after `--`."""
    return {"args": shlex.join(words)} if (words := remainder()) else {}


TASKS = (ps, rollback, scale, rebalance)
GROUPS = {"service": (create, update, ls, ps, rm)}
