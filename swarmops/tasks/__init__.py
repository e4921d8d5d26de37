"""The tasks: one sentence each. `menu` composes them for tasks.py."""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection


def menu(project: Path) -> Collection:
    """The collection of all tasks, for a project whose inventory is `<project>/inventory.yaml` unless configured."""
    from swarmops.tasks import cluster, images, nodes, services, stacks, suite

    modules = (cluster, images, nodes, services, stacks, suite)
    tasks = Collection(*(task for module in modules for task in module.TASKS))
    tasks.configure({"swarmops": {"inventory": str(project / "inventory.yaml"), "project": str(project)}})
    return tasks
