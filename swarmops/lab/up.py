"""Starts what is missing of a lab, with docker compose."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from docker.api.client import APIClient

from swarmops import gossip
from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.commands.registry import Login
from swarmops.connect import local
from swarmops.errors import CommandFailed, InputError
from swarmops.inventory import Inventory, Node
from swarmops.lab import compose, containers, preflight
from swarmops.lab.compose_file import ComposeFile, compose_file
from swarmops.lab.containers import Container
from swarmops.lab.engine import connect, environment
from swarmops.lab.images import LabImages, ensure_lab_images, find_lab_images
from swarmops.lab.privileges import grants_privileged
from swarmops.plan.action import Action, Step
from swarmops.plan.making import containers as planned
from swarmops.plan.seen import Lab
from swarmops.render import write
from swarmops.report import Recap

COMPOSE_SECONDS = 180
LONGEST_PASSWORD = 72
EDGE = "edge"
"""The service of the proxy in front of several managers in the compose file."""
REGISTRY = "registry"
"""The registry's service in the compose file."""
HALF_STARTED = re.compile(r"id already in use|task \w+: already exists")
"""What an engine says of a container for ever that was starting as the engine was killed; made anew, it starts."""
CERTIFICATE = "make a certificate"
"""What is done to a registry that has none that fits."""


@dataclass(frozen=True)
class Look:
    """A lab as it should be: its compose file, and the registry's log-in; what there is; and what is missing."""

    file: ComposeFile
    login: Login | None
    seen: Mapping[str, Container]
    lab: Lab


def look(cluster: Cluster, seen: Mapping[str, Container]) -> Look:
    """Compares a lab's containers with what they should be; changes nothing.

    Raises InputError when the host has no room for the lab: a port or the subnet is taken.
    """
    inventory, engine = cluster.inventory, cluster.engine
    login = registry_login(cluster)
    strays = {name: container.node for name, container in seen.items() if container.stray}
    seen = {name: container for name, container in seen.items() if name not in strays}
    if not seen:  # before the hub is asked for images, which may take seconds
        _refuse(inventory, preflight.problems(inventory, engine))
    images, missing = find_lab_images(inventory, engine)
    file = _file(cluster, images, seen)
    prefix = cluster.container("")
    reasons = {name.removeprefix(prefix): why for name, why in containers.differences(file.specs, seen).items()}
    if reasons and seen:
        _refuse(inventory, preflight.ports(inventory, engine))
    wanted = {name.removeprefix(prefix) for name in file.specs}
    lab = Lab(
        reasons,
        tuple(missing),
        tuple(_registry_lacks(cluster, login, exists=cluster.container(REGISTRY) in seen)),
        frozenset(reasons.keys() - containers.volumes(engine, inventory.cluster)) if reasons else frozenset(),
        edge=EDGE not in wanted and cluster.container(EDGE) in seen,
        former=former(inventory, seen),
        moved=_moved(inventory, seen, reasons),
        blocked=_blocked(inventory, seen, reasons),
        strays=strays,
    )
    return Look(file, login, seen, lab)


def former(inventory: Inventory, seen: Mapping[str, Container]) -> dict[str, str]:
    """The states of the containers of nodes that are not in the inventory, by their names."""
    known = {node.name for node in inventory.nodes} | {REGISTRY, EDGE}
    return {one.node: one.state for one in seen.values() if one.node not in known and not one.stray}


def _moved(inventory: Inventory, seen: Mapping[str, Container], starting: Collection[str]) -> dict[str, str]:
    had = {container.node: container.address for container in seen.values() if container.node in starting}
    return {
        node.name: had[node.name]
        for node in inventory.nodes
        if had.get(node.name, node.address) not in ("", node.address)
    }


def _blocked(inventory: Inventory, seen: Mapping[str, Container], starting: Collection[str]) -> dict[str, str]:
    """The nodes that have left the inventory and hold what a container to start needs, and which one that is."""
    gone = former(inventory, seen)
    needs = {node.name: {node.address, *_outer(node)} for node in inventory.nodes if node.name in starting}
    needs |= {EDGE: {inventory.edge_address, *map(str, inventory.edge)}} if EDGE in starting else {}
    return {
        container.node: name
        for container in seen.values()
        for name, what in needs.items()
        if container.node in gone and what & container.holds
    }


def _outer(node: Node) -> set[str]:
    return {mapping.split(":")[0] for mapping in node.vars.ports}


def start(cluster: Cluster, recap: Recap) -> tuple[set[str], Future[None] | None]:
    """Starts what is missing, in the background; the nodes that are touched, and the future of `carry_out`.

    Raises what `look` raises.
    """
    found = look(cluster, containers.observe(cluster.engine, cluster.inventory.cluster))
    actions = list(planned(found.lab))
    touched = {action.node for action in actions if action.step is Step.CONTAINER}
    return touched, carry_out(cluster, found, actions, lambda action: recap.changed(action.node, action.what))


def carry_out(
    cluster: Cluster, found: Look, actions: Iterable[Action], done: Callable[[Action], None]
) -> Future[None] | None:
    """Carries out what is about the lab's containers, in the background; tells `done` of each.

    Returns the future to wait for; None when no container has to be started.
    """
    inventory, steps = cluster.inventory, list(actions)
    if images := [action for action in steps if action.step is Step.IMAGE]:
        ensure_lab_images(inventory, cluster.engine, cluster.progress)
        for action in images:
            done(action)
    write(inventory.rendered / "compose.yml", found.file.text)
    for action in steps:
        if action.step is Step.CLEAR:  # compose trips over it
            containers.remove_one(cluster.engine, action.target)
            done(action)
        if action.step is Step.EDGE:  # before a manager takes its ports
            containers.remove_one(cluster.engine, cluster.container(EDGE))
            done(action)
    secure = [action for action in steps if action.step is Step.REGISTRY]
    nodes = {action.node: action for action in steps if action.step is Step.CONTAINER}
    if not nodes:
        _secure_registry(cluster, found.login, secure, done)
        return None

    def run() -> None:
        for container in before.values():
            if container.node in nodes and container.state == "paused":
                containers.start(cluster.engine, container)  # compose cannot
        # The first manager before the others: it makes the swarm while they start. Managers that come back are first.
        back = [node for node in inventory.managers if node.name in nodes and node.name in before]
        first = [node.name for node in back or inventory.managers[:1] if node.name in nodes]
        needed = {what for node in inventory.nodes if node.name in first for what in (node.address, *_outer(node))}
        for container in before.values():  # what is to have it no more, and would be made anew after these
            if container.node in nodes and container.node not in first and container.holds & needed:
                containers.stop(cluster.engine, container)
        if first:
            _compose_up(cluster, first)
            for name in first:
                done(nodes[name])
            gossip.await_managers(cluster, back)
        if secure and REGISTRY in nodes:
            _compose_up(cluster, [REGISTRY], start=False)
        _secure_registry(cluster, found.login, secure, done)
        if others := [name for name in nodes if name not in first]:
            _compose_up(cluster, others)
            for name in others:
                done(nodes[name])

    before = {container.node: container for container in found.seen.values()}
    cluster.progress.waiting(f"starting {', '.join(nodes)}")
    starting = cluster.later(run)
    if any(before[name].running for name in before.keys() & nodes.keys()):
        starting.result()  # a container that is about to be replaced still answers, and not for long
    return starting


def registry_login(cluster: Cluster) -> Login | None:
    """The log-in that the registry is to know. Raises InputError for a password that it could not be given."""
    login = cluster.login(cluster.inventory.registry)
    if login and len(login.password.data()) > LONGEST_PASSWORD:
        text = f"the registry's password is longer than the {LONGEST_PASSWORD} bytes that bcrypt takes"
        raise InputError(text, remedy="take a shorter one")
    return login


def _registry_lacks(cluster: Cluster, login: Login | None, *, exists: bool) -> Iterator[str]:
    """What the registry has to be given, in words."""
    inventory = cluster.inventory
    tls = inventory.settings.registry.tls
    if not (login or tls):
        return
    from swarmops.lab import registry_files  # cryptography and bcrypt take a tenth of a second

    if login and (not exists or registry_files.lacks_password(cluster.engine, inventory, login)):
        yield f"let {login.username} in by the password that the inventory states"
    if tls and (not exists or registry_files.lacks_certificate(cluster.engine, inventory)):
        yield CERTIFICATE


def _secure_registry(
    cluster: Cluster, login: Login | None, actions: Iterable[Action], done: Callable[[Action], None]
) -> None:
    for action in actions:
        from swarmops.lab import registry_files

        if action.what == CERTIFICATE:
            registry_files.set_certificate(cluster.engine, cluster.inventory)
        elif login:
            registry_files.set_password(cluster.engine, cluster.inventory, login)
        done(action)


def _compose_up(cluster: Cluster, services: Collection[str], *, start: bool = True) -> None:
    inventory = cluster.inventory
    file = inventory.rendered / "compose.yml"
    command = compose.up(compose.find_compose(), inventory.cluster, file, services, start=start)
    try:
        _run_compose(cluster, command, services)
    except CommandFailed as error:
        connect()  # where it is the engine that died, this says what helps
        remedy = "inv doctor; inv up goes on from here"
        if ports := ", ".join(preflight.kept_ports(str(error), cluster.engine)):
            remedy = f"restart the engine, then inv up: killed while a container started, it keeps the port {ports}"
        raise CommandFailed(str(error), remedy=remedy) from error


def _run_compose(cluster: Cluster, command: Command, services: Collection[str]) -> None:
    """Runs compose; where it trips over containers that an engine left half started, once more without them."""

    def run() -> None:
        # Not once the task was interrupted: it has said so, and the next one may be under way.
        local.run(command, timeout=COMPOSE_SECONDS, env=environment(), permit=cluster.check_open)

    try:
        run()
    except CommandFailed as error:
        if not HALF_STARTED.search(str(error)):
            raise
        for container in containers.observe(cluster.engine, cluster.inventory.cluster).values():
            if container.node in services and container.state == "created":
                containers.remove_one(cluster.engine, container.name)
        run()


def _refuse(inventory: Inventory, problems: list[str]) -> None:
    if problems:
        raise InputError("\n    ".join(problems), remedy=f"change it in {inventory.path.name}, or free it")


def render(cluster: Cluster, seen: Mapping[str, Container]) -> ComposeFile:
    """The compose file of the lab. The images that it names may have to be made yet."""
    return _file(cluster, find_lab_images(cluster.inventory, cluster.engine)[0], seen)


def _file(cluster: Cluster, images: LabImages, seen: Mapping[str, Container]) -> ComposeFile:
    inventory, program = cluster.inventory, compose.find_compose()
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
