"""Starts what is missing of a lab, with docker compose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future

from docker.api.client import APIClient

from swarmops.cluster import Cluster
from swarmops.commands.registry import Login
from swarmops.connect import local
from swarmops.errors import CommandFailed, InputError
from swarmops.inventory import Inventory
from swarmops.lab import compose, containers, preflight
from swarmops.lab.compose_file import ComposeFile, compose_file
from swarmops.lab.containers import Container
from swarmops.lab.engine import connect, environment
from swarmops.lab.images import ensure_lab_images
from swarmops.lab.privileges import grants_privileged
from swarmops.render import write
from swarmops.report import Recap

COMPOSE_SECONDS = 180
LONGEST_PASSWORD = 72
EDGE = "edge"
"""The service of the proxy in front of several managers in the compose file."""
REGISTRY = "registry"
"""The registry's service in the compose file."""


def start(cluster: Cluster, recap: Recap) -> tuple[set[str], Future[None] | None]:
    """Starts what is missing, in the background.

    Returns the nodes that are touched, and the future to wait for; None when everything runs as it should.
    Raises InputError when the host has no room for the lab: a port or the subnet is taken.
    """
    inventory, engine = cluster.inventory, cluster.engine
    login = registry_login(cluster)
    seen = containers.observe(engine, inventory.cluster)
    if not seen:  # before images are made, which may take minutes
        _refuse(inventory, preflight.problems(inventory, engine))
    wanted = render(cluster, seen)
    reasons = containers.differences(wanted.specs, seen)
    if reasons and seen:
        _refuse(inventory, preflight.ports(inventory, engine))
    write(inventory.rendered / "compose.yml", wanted.text)
    if (edge := cluster.container(EDGE)) in seen.keys() - wanted.specs.keys():
        containers.remove_one(engine, edge)  # before a manager takes its ports
        recap.changed(EDGE, "removed: nothing is published in front of several managers any more")
    if not reasons:
        _secure_registry(cluster, login, recap)
        return set(), None
    nodes = {name: name.removeprefix(f"{inventory.cluster}-") for name in reasons}

    def run() -> None:
        # The first manager before the others: it makes the swarm while they start.
        leader = inventory.managers[0].name
        if leader in nodes.values():
            _compose_up(inventory, [leader])
        if _is_secure(inventory) and REGISTRY in nodes.values():
            _compose_up(inventory, [REGISTRY], start=False)
        _secure_registry(cluster, login, recap)
        if others := [name for name in nodes.values() if name != leader]:
            _compose_up(inventory, others)
        for name, reason in reasons.items():
            recap.changed(nodes[name], f"started: {reason}")

    cluster.progress.waiting(f"starting {', '.join(nodes.values())}")
    starting = cluster.later(run)
    if any(name in seen and seen[name].running for name in reasons):
        starting.result()  # a container that is about to be replaced still answers, and not for long
    return set(nodes.values()), starting


def registry_login(cluster: Cluster) -> Login | None:
    """The log-in that the registry is to know. Raises InputError for a password that it could not be given."""
    login = cluster.login(cluster.inventory.registry)
    if login and len(login.password.data()) > LONGEST_PASSWORD:
        text = f"the registry's password is longer than the {LONGEST_PASSWORD} bytes that bcrypt takes"
        raise InputError(text, remedy="take a shorter one")
    return login


def _is_secure(inventory: Inventory) -> bool:
    return inventory.settings.registry.tls or inventory.registry in inventory.credentials


def _secure_registry(cluster: Cluster, login: Login | None, recap: Recap) -> None:
    if not _is_secure(cluster.inventory):
        return
    from swarmops.lab import registry_files  # cryptography and bcrypt take a tenth of a second

    engine, inventory, done = cluster.engine, cluster.inventory, []
    if login and registry_files.set_password(engine, inventory, login):
        done.append(f"knows {login.username} by the password that the inventory states")
    if inventory.settings.registry.tls and registry_files.set_certificate(engine, inventory):
        done.append("has a new certificate")
    for text in done:
        recap.changed(REGISTRY, text)
        cluster.progress.done(text, REGISTRY)


def _compose_up(inventory: Inventory, services: Iterable[str], *, start: bool = True) -> None:
    file = inventory.rendered / "compose.yml"
    command = compose.up(compose.find_compose(), inventory.cluster, file, services, start=start)
    try:
        local.run(command, timeout=COMPOSE_SECONDS, env=environment())
    except CommandFailed as error:
        connect()  # where it is the engine that died, this says what helps
        raise CommandFailed(str(error), remedy="inv doctor; inv up goes on from here") from error


def _refuse(inventory: Inventory, problems: list[str]) -> None:
    if problems:
        raise InputError("\n    ".join(problems), remedy=f"change it in {inventory.path.name}, or free it")


def render(cluster: Cluster, seen: Mapping[str, Container]) -> ComposeFile:
    """The compose file of the lab; builds or pulls the images that it names."""
    inventory, program = cluster.inventory, compose.find_compose()
    images = ensure_lab_images(inventory, cluster.engine, cluster.progress)
    return compose_file(
        inventory,
        images,
        privileged=privileged(inventory, cluster.engine, seen),
        systempaths=not program.old,
        stack_dir=inventory.rendered,
    )


def privileged(inventory: Inventory, engine: APIClient, seen: Mapping[str, Container]) -> bool:
    """Whether nodes get full privileges: as stated, as the lab has it already, or as the engine grants it."""
    if inventory.settings.privileges != "auto":
        return inventory.settings.privileges == "full"
    had = {container.privileges for container in seen.values() if container.privileges}
    return "full" in had if had else grants_privileged(engine)
