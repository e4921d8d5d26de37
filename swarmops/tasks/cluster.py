"""The cluster as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import named
from swarmops.tasks.session import Seconds, inventory, progress, recap, session, show, show_json, timeout_help

if TYPE_CHECKING:
    from swarmops.cluster import Cluster
    from swarmops.inventory import Node


LIMIT = "nodes and groups that it is about, with commas: worker02,managers; all, and the cluster as such, unless stated"


@task(help={"timeout": timeout_help(300), "limit": LIMIT})
def up(c: Context, timeout: int = Seconds(300), limit: str | None = None) -> None:
    """Start the lab, make the swarm, and wait until every node is Ready and in its role."""
    with session(c) as cluster, recap() as done:
        from swarmops.ops.up import up as bring_up

        bring_up(cluster, timeout, done, chosen(cluster, limit))


@task(help={"limit": LIMIT, "json": "one JSON document instead of a table"})
def plan(c: Context, limit: str | None = None, json: bool = False) -> None:
    """Show what up and deploy would change and why, changing nothing; exit 3 when it is something."""
    with session(c) as cluster:
        from swarmops.ops.planning import propose

        found = propose(cluster, chosen(cluster, limit))
        show_json(found.json()) if json else print(found.text())
        found.check()


def chosen(cluster: Cluster, limit: str | None) -> tuple[Node, ...] | None:
    """The nodes that `--limit` names; None for all of them, and the cluster as a whole."""
    from swarmops.inventory.selection import select

    names = named("limit", limit)
    return select(cluster.inventory, names) if names else None


@task(help={"timeout": timeout_help(60)})
def stop(c: Context, timeout: int = Seconds(60)) -> None:
    """Put the lab to sleep: every container stops, and keeps what it has."""
    with session(c) as cluster, recap() as done:
        from swarmops.ops.lab import stop as put_to_sleep

        put_to_sleep(cluster, timeout, done)


@task(help={"timeout": timeout_help(180)})
def start(c: Context, timeout: int = Seconds(180)) -> None:
    """Wake the lab up, and wait until every node is Ready and every service runs again."""
    with session(c) as cluster, recap() as done:
        from swarmops.ops.lab import start as wake_up

        wake_up(cluster, timeout, done)


@task(help={"volumes": "remove the data of the nodes and of the registry too"})
def down(c: Context, volumes: bool = False) -> None:
    """Remove the lab: only what carries this cluster's label."""
    with session(c) as cluster, recap() as done:
        from swarmops.ops.lab import down as tear_down

        tear_down(cluster, done, volumes=volumes)


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


TASKS = (quickstart, doctor, plan, up, stop, start, down, status, render)
