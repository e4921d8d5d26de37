"""Stacks: rendered, deployed, verified, removed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from swarmops import facts, stackfile
from swarmops.cluster import Cluster
from swarmops.commands import service as service_commands, stack as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed, InputError, NotFound, RolledBack, suggest
from swarmops.facts import Service
from swarmops.ingress import Backend, published
from swarmops.ops.convergence import wait
from swarmops.ops.images import reference
from swarmops.ops.routing import routing
from swarmops.render import render, stack_context, write
from swarmops.report import Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline, until

REMOVE_AGAIN_SECONDS = 3.0


def deploy(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Deploys what differs of a stack and waits until exactly this version runs and stays up."""
    deadline, recap = Deadline(timeout), Recap()
    known(cluster, name)
    cluster.manager()  # where none answers, this says so best
    stack = rendered(cluster, routing(cluster))[name]
    for file, text in stack.files.items():
        write(cluster.inventory.rendered / file, text)
    stack = stackfile.pinned(stack, lambda image: digest(cluster, image))
    running = cluster.ask(lambda api: facts.services(api, name))
    changes = stackfile.differences(stack, running)
    if changes:
        _create_configs(cluster, stack)
        cluster.manage(commands.deploy(name, stackfile.only(stack, changes)), timeout=max(deadline.left, 1))
    for short, reason in changes.items():
        recap.changed(stack.full_name(short), reason)
        cluster.progress.done(f"deployed: {reason}", stack.full_name(short))
    services = cluster.ask(lambda api: facts.services(api, name))
    wanted = {stack.full_name(short) for short in stack.services}
    ids = [service.id for service in services if service.name in wanted]
    wait(cluster, ids, deadline, settled=not changes)
    services = cluster.ask(lambda api: facts.services(api, name))
    _refuse_another_version(stack, services)
    _prune(cluster, stack, services, recap)
    for service in sorted(wanted):
        recap.ok(service)
    return recap


def remove(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Removes a stack; returns when its services, tasks, networks and configurations are gone."""
    deadline, recap = Deadline(timeout), Recap()
    services = cluster.ask(lambda api: facts.services(api, name))
    ids = {service.id for service in services}
    if not services and name not in cluster.inventory.settings.stacks:
        raise unknown_stack(cluster, name)

    retry = Deadline(0)

    def missing() -> str:
        nonlocal retry
        left = cluster.ask(lambda api: _parts(api, name))
        if left and not retry.left:
            # More than once: the engine was seen to leave a part of a stack behind and say that it was done, and to
            # fail over a network whose last task was still ending. What is left is asked for, not what it says.
            with suppress(CommandFailed):
                cluster.manage(commands.remove(name))
            retry = Deadline(REMOVE_AGAIN_SECONDS)
        tasks = [task for task in cluster.ask(facts.tasks) if task.service_id in ids and not task.over]
        return ", ".join([*left, *([f"{len(tasks)} tasks"] if tasks else [])])

    until(missing, deadline, cluster.progress)
    for service in services:
        recap.changed(service.name, "removed")
    recap.ok(name, "gone")
    return recap


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
    """Every stack of the inventory, rendered. The proxy's configuration names the services of all of them."""
    names = list(cluster.inventory.settings.stacks)
    image = reference(cluster)
    first = {name: _render(cluster, name, route, image, []) for name in names}
    services = published({name: stack.file for name, stack in first.items()})
    return {name: _render(cluster, name, route, image, services) for name in names}


def _render(cluster: Cluster, name: str, route: str, image: Callable[[str], str], services: list[Backend]) -> Stack:
    inventory = cluster.inventory
    root = inventory.project / "templates"
    context = stack_context(inventory, name, route, image, services)
    template = root / inventory.settings.stacks[name].template
    text = render(template, root, context)
    return stackfile.parse(name, text, template, lambda path: render(path, root, context))


def digest(cluster: Cluster, image: str) -> str:
    """The digest that an image has in its registry, as the engine of a manager sees it."""
    try:
        answer = cluster.ask(lambda api: api.get(f"/distribution/{image}/json"))
    except CommandFailed as error:
        name = image.rpartition("/")[2].partition(":")[0]
        why = "is not in its registry" if isinstance(error, NotFound) else f"cannot be had: {error}"
        raise InputError(f"image {image} {why}", remedy=f"inv push {name}") from error
    return str(answer["Descriptor"]["digest"])


def _refuse_another_version(stack: Stack, services: list[Service]) -> None:
    """Raises RolledBack when what runs well is not what was deployed: swarm itself may have gone back."""
    other = stackfile.differences(stack, services)
    if not other:
        return
    said = {service.name: service.update_message for service in services}
    names = [stack.full_name(short) for short in other]
    raise RolledBack(
        "the version before runs again\n    " + "\n    ".join(f"{name}: {said.get(name, 'gone')}" for name in names),
        remedy=f"inv ps {stack.name}",
    )


def _create_configs(cluster: Cluster, stack: Stack) -> None:
    existing = {config["Spec"]["Name"] for config in cluster.ask(lambda api: api.get("/configs"))}
    for name, content in stack.configs.items():
        if name not in existing:
            cluster.manage(commands.create_config(name, stack.name, content))


def _prune(cluster: Cluster, stack: Stack, services: list[Service], recap: Recap) -> None:
    """Takes away what the file has no more, once what it has runs."""
    for service in stackfile.leftovers(stack, services):
        cluster.manage(service_commands.remove(service.name))
        recap.changed(service.name, "removed: not in the file any more")
    kept = _configs_in_use(cluster)
    old = [name for name in cluster.ask(lambda api: _configs(api, stack.name)) if name not in kept]
    if old:
        cluster.manage(commands.remove_configs(*old))


def _configs_in_use(cluster: Cluster) -> set[str]:
    """Those of the services as they are and as they were: a rollback needs the latter."""
    specs = [spec for service in cluster.ask(facts.services) for spec in (service.spec, service.previous) if spec]
    containers = [spec["TaskTemplate"].get("ContainerSpec", {}) for spec in specs]
    return {config["ConfigName"] for container in containers for config in container.get("Configs") or []}


def _configs(api: EngineAPI, stack: str) -> list[str]:
    found = api.get("/configs", filters={"label": [f"{commands.NAMESPACE}={stack}"]})
    return [config["Spec"]["Name"] for config in found]


def _parts(api: EngineAPI, stack: str) -> list[str]:
    """What the swarm still has of a stack, in words."""
    label = {"label": [f"{commands.NAMESPACE}={stack}"]}
    left = [f"service {service.name}" for service in facts.services(api, stack)]
    left += [f"network {network['Name']}" for network in api.get("/networks", filters=label)]
    return left + [f"config {name}" for name in _configs(api, stack)]
