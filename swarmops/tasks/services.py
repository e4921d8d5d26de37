"""Services and their tasks."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.session import Seconds, session, show

TIMEOUT = "seconds to wait before it counts as failed"


@task(positional=["name"], help={"name": "a stack or a service"})
def ps(c: Context, name: str) -> None:
    """List the tasks of a stack or service, with the error of each that does not run."""
    with session(c) as cluster:
        from swarmops.ops import status

        print(status.ps(status.Status.read(cluster), name))


@task(positional=["service"], help={"service": "name of the service, such as echo_api", "timeout": TIMEOUT})
def rollback(c: Context, service: str, timeout: int = Seconds(180)) -> None:
    """Put the previous version of a service back and wait until it runs and stays up."""
    with session(c) as cluster:
        from swarmops.ops import services

        show(services.rollback(cluster, service, timeout))


@task(positional=["replicas"], help={"replicas": "service=count, such as echo_api=6", "timeout": TIMEOUT})
def scale(c: Context, replicas: str, timeout: int = Seconds(180)) -> None:
    """Set the number of replicas of a service and wait until so many run and stay up."""
    name, _, count = replicas.partition("=")
    if not name or not count.isdecimal():
        raise InputError(f"{replicas}: not of the form service=count", remedy="inv scale echo_api=6")
    with session(c) as cluster:
        from swarmops.ops import services

        show(services.scale(cluster, {name: int(count)}, timeout))


TASKS = (ps, rollback, scale)
