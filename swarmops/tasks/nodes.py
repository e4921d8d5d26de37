"""Nodes: role, availability and labels, and out of the swarm."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import WordsTask
from swarmops.tasks.session import MOST_COUNTED, Seconds, is_number, recap, session, timeout_help

NODES = "nodes or groups of the inventory: worker01, worker01,worker02, workers"
EACH = "{}, for each batch"
BATCH = "how many nodes at a time; {} unless stated"
FORCE = "also where a service runs that no other node may run; it does not run then"
START_FIRST = "start what runs on these nodes alone on another one before they are emptied"


@task(
    positional=["nodes"],
    help={
        "nodes": NODES,
        "start-first": START_FIRST,
        "force": FORCE,
        "batch": BATCH.format("all"),
        "timeout": EACH.format(timeout_help(120)),
    },
)
def drain(
    c: Context,
    nodes: str,
    start_first: bool = False,
    force: bool = False,
    batch: str = "",
    timeout: int = Seconds(120),
) -> None:
    """Move all work off nodes and wait until they are empty and their tasks run elsewhere."""
    size = _batch(batch, 0)
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import drain as ops

        how = ops.How(timeout, size, start_first=start_first, force=force)
        ops.drain(cluster, select(cluster.inventory, nodes), how, done)


@task(positional=["nodes"], help={"nodes": NODES})
def activate(c: Context, nodes: str) -> None:
    """Let nodes take work again."""
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import nodes as ops

        ops.activate(cluster, select(cluster.inventory, nodes), done)


@task(positional=["nodes"], help={"nodes": NODES})
def pause(c: Context, nodes: str) -> None:
    """Let nodes take no new work; what runs there stays."""
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import nodes as ops

        ops.pause(cluster, select(cluster.inventory, nodes), done)


@task(
    positional=["nodes"],
    help={"nodes": NODES, "batch": BATCH.format("1"), "timeout": EACH.format(timeout_help(60))},
)
def promote(c: Context, nodes: str, batch: str = "", timeout: int = Seconds(60)) -> None:
    """Make nodes managers and wait until they are reachable as such."""
    size = _batch(batch, 1)
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import nodes as ops

        ops.promote(cluster, select(cluster.inventory, nodes), timeout, done, batch=size)


@task(
    positional=["nodes"],
    help={"nodes": NODES, "batch": BATCH.format("1"), "timeout": EACH.format(timeout_help(60))},
)
def demote(c: Context, nodes: str, batch: str = "", timeout: int = Seconds(60)) -> None:
    """Make managers workers and wait until they have left the managers; refuses what would lose the quorum."""
    size = _batch(batch, 1)
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import nodes as ops

        ops.demote(cluster, select(cluster.inventory, nodes), timeout, done, batch=size)


@task(
    klass=WordsTask,
    positional=["nodes", "labels"],
    help={"nodes": NODES, "labels": "name=value sets one, name- takes it away; several: region=east zone-"},
)
def label(c: Context, nodes: str, labels: str) -> None:
    """Set node labels, and take them away."""
    wanted = _labels(list(labels))
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import nodes as ops

        ops.label(cluster, select(cluster.inventory, nodes), wanted, done)


@task(
    positional=["nodes"],
    help={
        "nodes": NODES,
        "force": FORCE,
        "batch": BATCH.format("all"),
        "timeout": EACH.format(timeout_help(180)),
    },
)
def remove_node(c: Context, nodes: str, force: bool = False, batch: str = "", timeout: int = Seconds(180)) -> None:
    """Empty nodes, demote them, have them leave the swarm, and wait until it knows them no more."""
    size = _batch(batch, 0)
    with session(c) as cluster, recap() as done:
        from swarmops.inventory.selection import select
        from swarmops.ops import drain as ops, removal

        removal.remove(cluster, select(cluster.inventory, nodes), ops.How(timeout, size, force=force), done)


def _batch(stated: str, usual: int) -> int:
    """The value of `--batch`. Raises InputError."""
    if stated and not is_number(stated, 1):
        raise InputError(f"--batch {stated}: should be how many nodes at a time, 1 to {MOST_COUNTED}")
    return int(stated or usual)


def _labels(words: list[str]) -> dict[str, str | None]:
    """The labels in `region=east zone-`, None for those that are to go. Raises InputError."""
    wanted: dict[str, str | None] = {}
    problems: list[str] = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign and not word.endswith("-"):
            problems.append(f"{word}: neither name=value nor name-")
            continue
        name = name if sign else word[:-1]
        if not name.strip():
            problems.append(f"{word}: a name is missing")
        elif name in wanted:
            problems.append(f"{name}: stated twice")
        elif name.startswith("swarmops."):
            problems.append(f"{name}: what begins with swarmops. is swarmops' own")
        wanted[name] = value if sign else None
    if problems:
        raise InputError("\n  ".join(problems), remedy="inv label worker01 region=east zone-")
    return wanted


TASKS = (drain, activate, pause, promote, demote, label, remove_node)
