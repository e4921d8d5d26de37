"""The stacks of the inventory: rendered, pinned, removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from swarmops import composefile, facts, stackfile
from swarmops.cluster import Cluster
from swarmops.commands import stack as commands
from swarmops.errors import CommandFailed, Denied, InputError, NotFound, suggest
from swarmops.ingress import Backend
from swarmops.ops import configs
from swarmops.ops.balanced import backends
from swarmops.ops.configs import Secrets
from swarmops.ops.images import denied, headers, reference
from swarmops.ops.lock import Terms, locked
from swarmops.render import render, stack_context
from swarmops.report import Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline, until

REMOVE_AGAIN_SECONDS = 3.0


def remove(cluster: Cluster, name: str, timeout: float, terms: Terms) -> Recap:
    """Removes a stack and its history; returns when its services, tasks, networks, configs and secrets are gone."""
    deadline, recap = Deadline(timeout), Recap()
    services = cluster.ask(lambda api: facts.services(api, name))
    if not services and name not in cluster.inventory.settings.stacks and not configs.names(cluster, name):
        raise unknown_stack(cluster, name)
    with locked(cluster, name, f"remove {name}", terms):
        take_away(cluster, name, deadline)
    for service in services:
        recap.changed(service.name, "removed")
    recap.ok(name, "gone")
    return recap


def take_away(cluster: Cluster, name: str, deadline: Deadline) -> None:
    """Removes all that the swarm has of a stack; the caller holds its lock."""
    ids = {service.id for service in cluster.ask(lambda api: facts.services(api, name))}
    retry = Deadline(0)

    def missing() -> str:
        nonlocal retry
        left = _parts(cluster, name)
        if left and not retry.left:
            # More than once: the engine was seen to leave a part of a stack behind and say that it was done, and to
            # fail over a network whose last task was still ending. What is left is asked for, not what it says.
            with suppress(CommandFailed):
                cluster.manage(commands.remove(name))
            retry = Deadline(REMOVE_AGAIN_SECONDS)
        tasks = [task for task in cluster.ask(facts.tasks) if task.service_id in ids and not task.over]
        return ", ".join([*left, *([f"{len(tasks)} tasks"] if tasks else [])])

    until(missing, deadline, cluster.progress)


def known(cluster: Cluster, name: str) -> None:
    """Raises InputError for a stack that the inventory has not."""
    if name not in cluster.inventory.settings.stacks:
        raise unknown_stack(cluster, name)


def unknown_stack(cluster: Cluster, name: str) -> InputError:
    """The error for a name that is no stack."""
    stacks = cluster.inventory.settings.stacks
    return InputError(
        f"{name}: no such stack in {cluster.inventory.path.name}{suggest(name, stacks)}",
        remedy=f"one of {', '.join(stacks)}",
    )


def rendered(cluster: Cluster, route: str) -> dict[str, Stack]:
    """Every stack of the inventory, rendered. The proxies' configuration names the services that run."""
    names = list(cluster.inventory.settings.stacks)
    image = reference(cluster)
    first = {name: one(cluster, name, route, image, []) for name in names}
    services = backends(cluster, first.values())
    return {name: one(cluster, name, route, image, services) for name in names}


def one(cluster: Cluster, name: str, route: str, image: Callable[[str], str], services: list[Backend]) -> Stack:
    """One stack of the inventory, rendered; `services` is what the ingress balances."""
    inventory = cluster.inventory
    root = inventory.project / "templates"
    context = stack_context(inventory, name, route, image, services)
    file = template(cluster, name)

    def read(path: Path) -> str:
        return render(path, root, context)

    return stackfile.parse(name, read(file), file, read, environment(file, inventory.project), Path.read_text)


def template(cluster: Cluster, name: str) -> Path:
    """The file that a stack of the inventory is rendered from."""
    return cluster.inventory.project / "templates" / cluster.inventory.settings.stacks[name].template


def environment(template: Path, project: Path) -> dict[str, str]:
    """The variables of a stack file: `.env` beside it, or that of the project, and over it the process's own."""
    found = next((path for path in (template.with_name(".env"), project / ".env") if path.is_file()), None)
    return (composefile.dotenv(found.read_text(), os.environ) if found else {}) | dict(os.environ)


def pinned(cluster: Cluster, stack: Stack, secrets: Secrets) -> Stack:
    """The stack with every image at its digest. Raises InputError for all images that their registries have not."""
    found, problems = {}, []
    for image in sorted(image for image in stack.images if "@" not in image):
        try:
            found[image] = digest(cluster, image)
        except InputError as error:
            problems.append(error)
    if len(problems) > 1:
        said = [str(problem).replace("\n  Next: ", "; ") for problem in problems]
        raise InputError(f"{len(problems)} images\n  " + "\n  ".join(said))
    if problems:
        raise problems[0]
    return stackfile.pinned(stack, found.__getitem__, {short: name for short, (name, _) in secrets.items()})


def digest(cluster: Cluster, image: str) -> str:
    """The digest that an image has in its registry, as the engine of a manager sees it."""
    try:
        answer = cluster.ask(lambda api: api.get(f"/distribution/{image}/json", headers=headers(cluster, image)))
    except Denied as error:
        raise InputError(f"image {image}: {denied(cluster, image)}") from error
    except CommandFailed as error:
        name = image.rpartition("/")[2].partition(":")[0]
        why = "is not in its registry" if isinstance(error, NotFound) else f"cannot be had: {error}"
        raise InputError(f"image {image} {why}", remedy=f"inv push {name}") from error
    return str(answer["Descriptor"]["digest"])


def _parts(cluster: Cluster, stack: str) -> list[str]:
    """What the swarm still has of a stack, in words."""
    label = {"label": [f"{commands.NAMESPACE}={stack}"]}
    left = [f"service {service.name}" for service in cluster.ask(lambda api: facts.services(api, stack))]
    left += [f"network {network['Name']}" for network in cluster.ask(lambda api: api.get("/networks", filters=label))]
    return left + configs.names(cluster, stack)
