"""How each image of an inventory comes to be. Reads the contexts; asks no engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import swarmops
from swarmops.errors import InputError
from swarmops.inventory import Inventory
from swarmops.lab import debian
from swarmops.lab.build import content, read

Source = Literal["hub", "debian"]

BASE = "base"
"""The image that `ARG BASE` stands for: the suite's Debian, with nothing in it."""


@dataclass(frozen=True)
class Recipe:
    """An image and its way: built from a context, made by debootstrap (it has a suite), or pulled by its own name."""

    tag: str
    context: Path | None = None
    dockerfile: str = "Dockerfile"
    parents: Mapping[str, Recipe] = field(default_factory=dict)
    """The images that the Dockerfile takes as build arguments, by the arguments' names."""
    suite: str = ""

    @property
    def identity(self) -> str:
        """What an image that is built on this one depends on."""
        return f"{self.tag}@{debian.content(self.suite)}" if self.suite else self.tag


def recipe(name: str, inventory: Inventory, source: Source) -> Recipe:
    """How an image of the inventory comes to be. Raises InputError when its context is not there or cannot be read."""
    images = inventory.settings.images
    if name == BASE:
        return _base(images.suite, source)
    if source == "hub" and name in images.hub and name != "node" and name not in images.build:
        return Recipe(images.hub[name])
    own = images.build.get(name)
    return _built(name, find_context(own.context if own else f"images/{name}", inventory), inventory, source)


def reference(name: str, inventory: Inventory, source: Source) -> str:
    """How a stack refers to an image: the cluster's registry, the name, and a tag.

    The tag is the stated one for an image of one's own, the version for one of the hub, and the suite for one that
    is built from Debian packages.
    """
    settings = inventory.settings
    if name in settings.images.build:
        tag = settings.images.build[name].tag
    elif source == "hub":
        tag = settings.images.hub[name].partition("@")[0].rpartition("/")[2].partition(":")[2] or "latest"
    else:
        tag = settings.images.suite
    return f"{settings.registry.host}:{settings.registry.port}/{name}:{tag}"


def find_context(path: str, inventory: Inventory) -> Path:
    """The directory of a build: the project's, otherwise the one that comes with swarmops."""
    for root in (inventory.project, Path(swarmops.__file__).parent.parent):
        if (root / path / "Dockerfile").is_file():
            return root / path
    raise InputError(f"{inventory.path.name}: there is no {path}/Dockerfile in {inventory.project}")


def _base(suite: str, source: Source) -> Recipe:
    return Recipe(debian.tag(suite), suite=suite) if source == "debian" else Recipe(f"debian:{suite}")


def _built(name: str, context: Path, inventory: Inventory, source: Source) -> Recipe:
    dockerfile = "Dockerfile.hub" if source == "hub" and (context / "Dockerfile.hub").is_file() else "Dockerfile"
    parents = {arg: _parent(arg, name, inventory, source) for arg in arguments(read(context / dockerfile))}
    known = {arg: parent for arg, parent in parents.items() if parent}
    made_of = content(context, dockerfile, {arg: parent.identity for arg, parent in known.items()})
    return Recipe(f"swarmops/{name}:{made_of}", context, dockerfile, known)


def arguments(dockerfile: str) -> list[str]:
    """The build arguments without a default, which name images: `ARG BASE`, `ARG GOLANG`."""
    return re.findall(r"^ARG\s+([A-Z_]+)\s*$", dockerfile, re.MULTILINE)


def _parent(arg: str, child: str, inventory: Inventory, source: Source) -> Recipe | None:
    name, hub = arg.lower(), inventory.settings.images.hub
    if name == BASE:
        return recipe(BASE, inventory, source)
    if name not in hub:
        return None
    return Recipe(hub[name]) if source == "hub" or name == child else recipe(name, inventory, source)
