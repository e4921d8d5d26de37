"""The stacks of the inventory: rendered and pinned."""

from __future__ import annotations

import os
import re
from collections import UserList
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from swarmops import composefile, facts, ingress, placement, stackfile
from swarmops.cluster import Cluster
from swarmops.commands.registry import host
from swarmops.errors import (
    CommandFailed,
    ConnectionFailed,
    Denied,
    InputError,
    NotFound,
    Problem,
    Silent,
    SwarmopsError,
    suggest,
)
from swarmops.facts import SwarmNode
from swarmops.ingress import STACK, Backend
from swarmops.ops.balanced import backends
from swarmops.ops.images import denied, headers, names as known_images, reference
from swarmops.render import render, stack_context
from swarmops.stackfile import Stack

if TYPE_CHECKING:
    from swarmops.ops.configs import Secrets


def known(cluster: Cluster, name: str) -> None:
    """Raises InputError for a stack that the inventory has not."""
    if name not in cluster.inventory.settings.stacks:
        raise unknown_stack(cluster, name)


def unknown_stack(cluster: Cluster, name: str) -> InputError:
    """The error for a name that is no stack."""
    stacks = cluster.inventory.settings.stacks
    return InputError(
        f"{name}: no such stack in {cluster.inventory.path.name}{suggest(name, stacks)}",
        remedy=f"one of {', '.join(stacks)}" if stacks else "name it below all.vars.stacks",
    )


def rendered(cluster: Cluster, route: str, *names: str) -> dict[str, Stack]:
    """These stacks of the inventory, or all of them, rendered. The proxies' configuration names what they balance."""
    known, image = cluster.inventory.settings.stacks, reference(cluster)
    chosen = names or tuple(known)

    def found() -> list[Backend]:
        return backends(cluster, [one(cluster, name, route, image, []) for name in known if name in (*chosen, STACK)])

    services = Balanced(found)
    stacks = {name: one(cluster, name, route, image, services) for name in chosen}
    if STACK in known:
        ingress.declared({name: stack.file for name, stack in stacks.items()})
    return stacks


class Balanced(UserList[Backend]):
    """What the ingress balances; found out, by `find`, once a template asks for it."""

    def __init__(self, find: Callable[[], list[Backend]]) -> None:
        self._find = find

    @cached_property
    def data(self) -> list[Backend]:  # type: ignore[override]
        """All of it."""
        return self._find()


def one(cluster: Cluster, name: str, route: str, image: Callable[[str], str], services: Sequence[Backend]) -> Stack:
    """One stack of the inventory, rendered; `services` is what the ingress balances."""
    inventory = cluster.inventory
    root = inventory.project / "templates"
    context = stack_context(inventory, name, route, image, services)
    file = template(cluster, name)

    def read(path: Path) -> str:
        return render(path, root, context)

    strange: list[Problem] = []
    variables = environment(file, inventory.project, strange.append)
    stack = stackfile.parse(name, read(file), file, read, variables, Path.read_text)
    return replace(stack, warnings=(*strange, *stack.warnings)) if strange else stack


def template(cluster: Cluster, name: str) -> Path:
    """The file that a stack of the inventory is rendered from."""
    return cluster.inventory.project / "templates" / cluster.inventory.settings.stacks[name].template


def environment(template: Path, project: Path, warn: Callable[[Problem], None] = lambda _: None) -> dict[str, str]:
    """The variables of a stack file: `.env` beside it, or that of the project, and over it the process's own.

    `warn` is told of what is strange in that file.
    """
    found = next((path for path in (template.with_name(".env"), project / ".env") if path.is_file()), None)
    try:
        stated = composefile.dotenv(found.read_text(), os.environ, warn=warn) if found else {}
        return stated | dict(os.environ)
    except UnicodeDecodeError as error:
        raise InputError(f"{found}: not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"{found}: {error.strerror}") from error


def pinned(cluster: Cluster, stack: Stack, secrets: Secrets) -> Stack:
    """The stack with every image at its digest. Raises InputError for an image that its registry has not."""
    names = {short: name for short, (name, _) in secrets.items()}
    return stackfile.pinned(stack, lambda image: digest(cluster, image), names)


def digest(cluster: Cluster, image: str) -> str:
    """The digest that an image has in its registry. Raises InputError where it cannot be had."""
    if image in cluster.digests:
        return cluster.digests[image]
    try:
        cluster.digests[image] = registered(cluster, image)
    except NotFound as error:
        raise InputError(f"image {image} is not in its registry", remedy=_way_there(cluster, image)) from error
    except (CommandFailed, ConnectionFailed) as error:
        raise InputError(unavailable(image, error), remedy="inv doctor") from error
    return cluster.digests[image]


def _way_there(cluster: Cluster, image: str) -> str:
    """How an image comes into its registry. Of an image of the inventory, `inv push` makes one tag and no other."""
    name = re.split("[:@]", image.partition("/")[2])[0]
    if host(image) == cluster.inventory.registry and name in known_images(cluster.inventory):
        with suppress(SwarmopsError):  # where nobody knows what it would be, there is less to say
            pushed = reference(cluster)(name)
            return f"inv push {name}" if pushed == image else f"write {pushed}, which inv push {name} makes"
    return "push it there, or correct its name"


def registered(cluster: Cluster, image: str) -> str:
    """The digest that an image has in its registry, as the engine of a manager sees it.

    Raises NotFound where the registry has it not, InputError where it lets nobody in or no node can run the image, and
    other errors of commands and connections where it does not answer.
    """
    if host(image) in cluster.unheard:
        raise cluster.unheard[host(image)]
    try:
        # Not by `ask`: what a registry does not answer, another manager would wait for as long.
        answer = cluster.current().get(f"/distribution/{image}/json", headers=headers(cluster, image))
    except Silent as error:
        cluster.unheard[host(image)] = error  # its other images would take as long, one after the other
        raise
    except Denied as error:
        raise InputError(f"image {image}: {denied(cluster, image)}") from error
    digest, platforms = str(answer["Descriptor"]["digest"]), answer.get("Platforms") or ()
    if strange := placement.foreign(cluster.once(_nodes).result(), platforms):
        raise InputError(
            f"image {image} is for {strange}, and no node is", remedy="build it for a platform that one has"
        )
    cluster.platforms[digest] = platforms
    return digest


def _nodes(cluster: Cluster) -> list[SwarmNode]:
    return cluster.ask(facts.nodes)


def unavailable(image: str, error: SwarmopsError) -> str:
    """That an image cannot be had, and why. An engine that waits for a registry is silent itself."""
    why = "its registry does not answer in time" if isinstance(error, Silent) else str(error).partition("\n")[0]
    return f"image {image} cannot be had: {why}"
