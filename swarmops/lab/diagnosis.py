"""The preflight checks of a lab: this machine and its engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docker.api.client import APIClient

from swarmops.check import Check, fail, ok, warn
from swarmops.errors import SwarmopsError
from swarmops.facts import numbers
from swarmops.inventory import Inventory
from swarmops.lab import compose, kernel, preflight
from swarmops.lab.containers import ENGINE
from swarmops.lab.endpoint import find
from swarmops.lab.engine import REMEDY, connect, told
from swarmops.lab.privileges import gives_what_it_has, missing_capabilities

OLDEST = (20, 10)
ROOM = 6 << 30  # bytes: the images of both sources, and a node's own copies of them, with room to work
LITTLE_ROOM = 2 << 30


def examine(inventory: Inventory) -> list[Check]:
    """Every check of the machine that the lab runs on; without an engine, those that need none."""
    try:
        engine = connect()
    except SwarmopsError as error:
        remedy = "inv quickstart installs and starts one" if error.remedy == REMEDY else error.remedy
        return [fail("engine", str(error).splitlines()[0], remedy), *_compose()]
    return [*_with(engine, inventory), *_compose()]


def version(name: str, found: str) -> Check:
    """Whether an engine of that version is new enough."""
    if numbers(found) < OLDEST:
        return fail(name, f"{found} is too old", f"install {OLDEST[0]}.{OLDEST[1]} or newer")
    return ok(name, found)


def privileges(inventory: Inventory, found: str, missing: list[int]) -> Check:
    """Whether nodes can run as privileged as the inventory asks, on an engine of that version."""
    stated = inventory.settings.privileges
    if not missing:
        return ok("privileges", "the engine has every capability")
    listed = ", ".join(map(str, missing))
    if gives_what_it_has(found):
        return ok("privileges", f"the engine gives what it has, all but the capabilities {listed}")
    text = f"the engine lacks the capabilities {listed}, so that --privileged fails"
    if stated == "full":
        return fail("privileges", text, "state privileges: auto or trimmed in the inventory")
    return ok("privileges", f"{text}; nodes get the trimmed set")


def cgroups(info: Mapping[str, Any]) -> Check:
    """The version of the control groups."""
    found = info.get("CgroupVersion", "1")
    driver = info.get("CgroupDriver", "")
    if driver == "none":
        return warn("cgroups", "the engine has none, so that limits do nothing", "run the engine as root")
    return ok("cgroups", f"version {found}, driver {driver}")


def disk(where: str, free: int) -> Check:
    """Whether `free` bytes are enough for the images and volumes of a lab."""
    text = f"{free / (1 << 30):.1f} GB free in {where}"
    remedy = "docker system prune, or make room"
    if free < LITTLE_ROOM:
        return fail("disk", text, remedy)
    if free < ROOM:
        return warn("disk", f"{text}; a lab with all its images takes up to {ROOM >> 30} GB", remedy)
    return ok("disk", text)


def _with(engine: APIClient, inventory: Inventory) -> Iterator[Check]:
    endpoint = find()
    with told(ENGINE):
        info = engine.info()
    yield ok("engine", f"answers at {endpoint}")
    yield version("engine version", info["ServerVersion"])
    if "name=rootless" in (info.get("SecurityOptions") or []):
        yield warn("rootless", "the engine runs without root; nodes may not start", "use an engine that runs as root")
    yield privileges(inventory, info["ServerVersion"], missing_capabilities())
    yield cgroups(info)
    if endpoint.host.startswith("unix://") and Path(info["DockerRootDir"]).is_dir():
        yield from kernel.examine(inventory.settings.routing)
        yield disk(info["DockerRootDir"], shutil.disk_usage(info["DockerRootDir"]).free)
    yield from _room("ports", preflight.ports(inventory, engine))
    yield from _room("subnet", preflight.subnet(inventory, engine))


def _room(name: str, problems: list[str]) -> Iterator[Check]:
    for problem in problems:
        yield fail(name, problem, "change it in the inventory, or free it")
    if not problems:
        yield ok(name, "free, or the lab's own")


def _compose() -> Iterator[Check]:
    try:
        found = compose.find_compose()
        yield ok("compose", f"{found.version} at {found.program}")
    except SwarmopsError as error:
        yield fail("compose", str(error).splitlines()[0], error.remedy)
