"""Services and their tasks."""

from __future__ import annotations

import re
import shlex

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import EitherTask, named, takes
from swarmops.tasks.logs import remainder
from swarmops.tasks.service_options import CREATE, LISTS, UPDATE, stated
from swarmops.tasks.session import (
    BREAK_LOCK,
    LOCK_WAIT,
    MOST_COUNTED,
    PUT_BACK,
    LockWait,
    Seconds,
    is_number,
    names as listed,
    session,
    show,
    timeout_help,
)

NAME = "name of the service, such as echo_api"


@task(
    positional=["name"],
    help={"name": "name of a stack or service", "all": "all that swarm still knows of, however old"},
)
def ps(c: Context, name: str, all: bool = False) -> None:
    """List the tasks of a stack or service, with the reason of each that does not run."""
    listed(name, "inv ps echo")
    with session(c) as cluster:
        from swarmops.ops import status

        print(status.ps(status.Status.read(cluster), name, everything=all))


@task(
    klass=EitherTask,
    positional=["service"],
    help={
        "service": f"{NAME}; this or --stack",
        "stack": "name of the stack, all of which goes back to a recorded version",
        "to": "number of the version (inv history), with --stack; unless stated the one before the newest, or the "
        "newest where what runs was never recorded; again, it goes on, or stays",
        "timeout": f"{timeout_help(180)}; with --stack putting the version before back may take as long again",
        "lock-wait": f"{LOCK_WAIT}; with --stack",
        "break-lock": f"{BREAK_LOCK}; with --stack",
    },
)
def rollback(
    c: Context,
    service: str = "",
    stack: str = "",
    to: str | None = None,
    timeout: int = Seconds(180),
    lock_wait: int = LockWait(0),
    break_lock: bool = False,
) -> None:
    """Put the previous version of a service or stack back and wait until it runs and stays up."""
    if service and stack:
        raise InputError("a service or a --stack, not both", remedy=f"inv rollback {service}")
    if (number := named("to", to, "the one before the newest")) and not (stack and is_number(number, 1)):
        raise InputError(f"--to {number}: should be the number of a version, of a --stack", remedy="inv history STACK")
    if (lock_wait or break_lock) and not stack:
        raise InputError("--lock-wait and --break-lock: only with --stack", remedy="inv rollback --stack echo")
    listed(stack or service, "inv rollback echo_api, or inv rollback --stack echo")
    with session(c) as cluster:
        from swarmops.ops import deploy, history, services

        if stack:
            options = deploy.Options(timeout, lock_wait=lock_wait, break_lock=break_lock)
            show(history.rollback(cluster, stack, int(number) if number else None, options))
        else:
            show(services.rollback(cluster, service, timeout))


@task(
    positional=["replicas"],
    help={
        "replicas": "service=count, such as echo_api=6; several: echo_api=6,my_web=2",
        "timeout": timeout_help(180),
        "rollback": "set the numbers before again when it fails; --no-rollback leaves the new ones",
    },
)
def scale(c: Context, replicas: str, timeout: int = Seconds(180), rollback: bool = True) -> None:
    """Set the number of replicas of services and wait until so many run and stay up; set those before otherwise."""
    wanted = _counts(replicas)
    with session(c) as cluster:
        from swarmops.ops import services

        show(services.scale(cluster, wanted, timeout, rollback=rollback))


@task(help={"service": f"{NAME}; all of them unless stated", "timeout": timeout_help(300)})
def rebalance(c: Context, service: str | None = None, timeout: int = Seconds(300)) -> None:
    """Spread tasks evenly again, after a node joined or was activated; leave services alone that are even."""
    with session(c) as cluster:
        from swarmops.ops import rebalance as ops

        show(ops.rebalance(cluster, named("service", service) or "", timeout))


@task(
    positional=["name"],
    iterable=LISTS,
    help=CREATE | {"name": NAME, "timeout": timeout_help(180), "keep": "leave the service there when it fails"},
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
    help=UPDATE | {"name": NAME, "timeout": timeout_help(180), "rollback": PUT_BACK},
)
@takes(UPDATE)
def update(c: Context, name: str, timeout: int = Seconds(180), rollback: bool = True, **options: object) -> None:
    """Change the options that are given, leave the others, and wait until it runs and stays up; put the \
version before back otherwise."""
    with session(c) as cluster:
        from swarmops.ops import by_hand

        show(by_hand.update(cluster, name, stated(options) | _words(), timeout, rollback=rollback))


@task
def ls(c: Context) -> None:
    """List the services."""
    with session(c) as cluster:
        from swarmops.ops import services, status

        print(services.ls(status.Status.read(cluster)))


@task(positional=["names"], help={"names": "names of services, such as web,api", "timeout": timeout_help(120)})
def rm(c: Context, names: str, timeout: int = Seconds(120)) -> None:
    """Remove services and wait until their tasks are gone."""
    wanted = listed(names, "inv service.rm web,api")
    with session(c) as cluster:
        from swarmops.ops import services

        show(services.remove(cluster, wanted, timeout))


def _counts(text: str) -> dict[str, int]:
    """The replicas in `web=2,api=3`, by service. Raises InputError."""
    remedy = "inv scale echo_api=6"
    parts = [part.partition("=") for part in text.split(",")]
    if malformed := [word for word in text.split(",") if word and not re.fullmatch(r"[^=\s]+=[0-9]+", word)]:
        raise InputError(f"{', '.join(malformed)}: not of the form service=count", remedy=remedy)
    listed(",".join(name for name, _, _ in parts), remedy)
    if large := [f"{name}={count}" for name, _, count in parts if not is_number(count, 0)]:
        raise InputError(f"{', '.join(large)}: the count should be 0 to {MOST_COUNTED}", remedy=remedy)
    return {name: int(count) for name, _, count in parts}


def _words() -> dict[str, str]:
    """The arguments for the image that stand after `--`."""
    return {"args": shlex.join(words)} if (words := remainder()) else {}


TASKS = (ps, rollback, scale, rebalance)
GROUPS = {"service": (create, update, ls, ps, rm)}
