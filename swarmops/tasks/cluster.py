"""The cluster as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.session import Seconds, inventory, progress, recap, session, show, show_json, timeout_help

if TYPE_CHECKING:
    from swarmops.cluster import Cluster


@task(help={"timeout": timeout_help(300)})
def up(c: Context, timeout: int = Seconds(300)) -> None:
    """Start the lab, make the swarm, and wait until every node is Ready and in its role."""
    with session(c) as cluster, recap() as done:
        from swarmops.ops.cluster import up as bring_up

        bring_up(cluster, timeout, done)


@task(help={"volumes": "remove the data of the nodes and of the registry too"})
def down(c: Context, volumes: bool = False) -> None:
    """Remove the lab: only what carries this cluster's label."""
    with session(c) as cluster:
        from swarmops.ops.lab import down as tear_down

        show(tear_down(cluster, volumes=volumes))


@task(help={"timeout": timeout_help(900)})
def quickstart(c: Context, timeout: int = Seconds(900)) -> None:
    """Do everything from a fresh machine: engine, images, lab, stacks; then ask the ingress."""
    with progress() as shown:
        from swarmops.ops.quickstart import quickstart as start

        print(start(inventory(c), shown, timeout))


@task(
    help={
        "json": "one JSON document instead of tables",
        "watch": "go on showing what is, until Ctrl-C, which is exit 0; in a pipe, whatever has changed",
    }
)
def status(c: Context, json: bool = False, watch: bool = False) -> None:
    """Show nodes, services, where the tasks run, what is wrong and why."""
    if json and watch:
        raise InputError("--watch shows tables: --json is one document")
    with session(c) as cluster:
        from swarmops.ops.status import Status

        if watch:
            follow(cluster)
            return
        seen = Status.whole(cluster)
        show_json(seen.json()) if json else print(seen.text())


def follow(cluster: Cluster) -> None:
    """Shows the status until Ctrl-C, or until nobody reads it any more."""
    from swarmops.ops.status import watch
    from swarmops.report import Output, Screen

    try:
        watch(cluster, Screen())
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        Output().abandon()


@task(help={"check": "write nothing; exit 3 when a file is not up to date"})
def render(c: Context, check: bool = False) -> None:
    """Write the compose and stack files from the templates and the inventory."""
    with session(c) as cluster:
        from swarmops.ops.render import render as write

        show(write(cluster, check=check))


@task
def doctor(c: Context) -> None:
    """Run every preflight check, each with its remedy."""
    with session(c) as cluster:
        from swarmops import doctor as checks

        found = checks.examine(cluster)
        print(checks.text(found))
        checks.raise_for(found)


TASKS = (quickstart, doctor, up, down, status, render)
