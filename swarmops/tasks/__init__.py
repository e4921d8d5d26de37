"""The tasks: one sentence each. `menu` composes them for tasks.py."""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection


def menu(project: Path) -> Collection:
    """The collection of all tasks, for a project whose inventory is `<project>/inventory.yaml` unless configured.

    A module's TASKS stand at the top; its GROUPS are below a name of their own: `inv service.create`.
    """
    from swarmops.tasks import (
        cluster,
        drill,
        images,
        ingress,
        lint,
        logs,
        networks,
        nodes,
        services,
        stacks,
        suite,
        support,
        swarm,
    )

    modules = (cluster, drill, images, nodes, services, networks, logs, stacks, lint, ingress, swarm, support, suite)
    tasks = Collection(*(task for module in modules for task in getattr(module, "TASKS", ())))
    for module in modules:
        for name, group in getattr(module, "GROUPS", {}).items():
            tasks.add_collection(Collection(name, *group))
    for collection in (tasks, *tasks.collections.values()):
        for each in collection.tasks.values():
            # Invoke takes the first letter that is free: -f would be --file here, --force there, --follow elsewhere.
            each.auto_shortflags = False
    tasks.configure({"swarmops": {"inventory": str(project / "inventory.yaml"), "project": str(project)}})
    return tasks
