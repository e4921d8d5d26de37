"""A stack made true: what differs is deployed in its order, verified, and what it has no more is taken away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from swarmops import facts, placement, stackdiff, stackfile
from swarmops.cluster import Cluster
from swarmops.commands import docker, stack as commands
from swarmops.commands.stack import IMAGE_LABEL
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, NotFound, SwarmopsError, WaitTimeout
from swarmops.facts import Json, Service
from swarmops.inventory import Node
from swarmops.lint import ports
from swarmops.members import match
from swarmops.ops import configs, spare
from swarmops.ops.convergence import Watch, over, wait
from swarmops.ops.ending import counted, end, unended
from swarmops.ops.images import authorized
from swarmops.ops.touch import touch, without
from swarmops.report import Recap
from swarmops.stackdiff import meddled
from swarmops.stackfile import COMPLETED, Stack
from swarmops.verdict import rolled_back
from swarmops.wait import Deadline, until

First = Literal["", "holding", "all"]
COMMAND_SECONDS = 60.0
"""What `docker stack deploy` may take at the least: one that is given up on goes on, on its node."""


def apply(
    cluster: Cluster,
    stack: Stack,
    deadline: Deadline,
    recap: Recap,
    *,
    check: Callable[[], None],
    recorded: Mapping[str, Json],
    secrets: configs.Secrets | None = None,
    pull: bool = True,
    proved: bool = False,
    first: First = "",
) -> list[Service]:
    """Deploys what differs of a pinned stack; its services, once exactly this version of them runs and stays up.

    The caller holds the stack's lock; `check` raises LockLost when it does not any more. `recorded` has the services'
    specifications as they were last verified; `pull` says whether nodes get the images of services that run already
    before these are switched; `proved` that what runs has been verified before, so that where nothing differs nothing
    has to be watched; `first` which of the services that the file has not go before the others come, not after them:
    none, those `holding` a port that it needs, or `all`.
    Raises SwarmopsError, WaitTimeout.
    """
    running = _services(cluster, stack)
    changes = stackdiff.differences(stack, running, recorded)
    waves = _waves(stack, changes, running, first)
    if first:
        check()
        leaving = stackdiff.leftovers(stack, running)
        holding = ports.holding(stack, leaving)
        _take_away(cluster, leaving if first == "all" else holding, recap)
        with suppress(WaitTimeout):  # what needs the port says so
            _await_end(cluster, holding, deadline)
    past = over(cluster) if changes else None  # what fails before the first look is no history
    if changes:
        configs.create(cluster, stack, secrets or {})
        if pull:
            _pull(cluster, stack, running, deadline)
    for short, reason in changes.items():
        recap.changed(stack.full_name(short), reason)
    mixed = bool(changes) and placement.mixed(cluster.ask(facts.nodes))
    given = {service.name: service.spec for service in running}
    for wave in waves:
        deadline.check(f"{', '.join(map(stack.full_name, wave))} to be deployed")
        file, empty = stackfile.only(stack, wave), stackfile.empty(stack, wave)
        command = authorized(cluster, commands.deploy(stack.name, file, mixed=mixed, empty=empty), *stack.images)
        check()
        _forget_images(cluster, stack, wave, running)
        cluster.manage(command, timeout=max(deadline.left, COMMAND_SECONDS))
        names = {stack.full_name(short): short for short in wave}
        given |= {service.name: service.spec for service in _services(cluster, stack) if service.name in names}
        for name, short in names.items():
            cluster.progress.done(f"deployed: {changes[short]}", name)
        if wave is not waves[-1]:
            _wait_for_wave(cluster, stack, wave, deadline, past)
    wanted = [stack.full_name(short) for short in stack.services]
    wait(cluster, _ids(cluster, stack, wanted), deadline, settled=proved and not changes, past=past)
    check()  # first: what somebody else deploys is another version too
    services = _services(cluster, stack)
    _check_version(stack, services, given, recap)
    leaving = stackdiff.leftovers(stack, services)
    _take_away(cluster, leaving, recap)
    try:
        _await_end(cluster, leaving, deadline)
    except WaitTimeout as late:  # no reason to undo what runs
        recap.note(f"What the file has not any more is removed, and still ends: {late.said}")
    for name in sorted(wanted):
        recap.ok(name)
    return [service for service in services if service.name in wanted]


def _waves(stack: Stack, changes: Iterable[str], running: Sequence[Service], first: First) -> list[list[str]]:
    """The order in which services are deployed.

    In what comes `first` back, and lint has not seen, ports may go the other way than services depend on each other:
    then the ports alone say it. Raises InputError.
    """
    after = ports.handed_over(stack, running)
    try:
        return stackfile.waves(stack, changes, after)
    except InputError:
        if not first:
            raise
    return stackfile.waves(replace(stack, order={}), changes, after)


def _services(cluster: Cluster, stack: Stack) -> list[Service]:
    return cluster.ask(lambda api: facts.services(api, stack.name))


def _ids(cluster: Cluster, stack: Stack, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [service.id for service in _services(cluster, stack) if service.name in wanted]


def _wait_for_wave(
    cluster: Cluster, stack: Stack, wave: Iterable[str], deadline: Deadline, past: frozenset[str] | None
) -> None:
    """Until the services of a wave run, healthy where they have a check, and have ended where that is asked for."""
    ids = _ids(cluster, stack, map(stack.full_name, wave))
    watch = Watch(cluster, ids, past=past)
    until(watch.missing, deadline, cluster.progress)
    ends = {short for waits in stack.order.values() for short, condition in waits.items() if condition == COMPLETED}
    if ended := _ids(cluster, stack, (stack.full_name(short) for short in wave if short in ends)):
        # Ended is not yet ended well: the watch tells that, and raises when no further run will come.
        until(lambda: counted(unended(cluster, ended)) or watch.missing(), deadline, cluster.progress)


def _pull(cluster: Cluster, stack: Stack, running: Iterable[Service], deadline: Deadline) -> None:
    """Has the nodes that may run them fetch the new images of services that run already."""
    before = {service.name: service.image for service in running}
    known = match(cluster.inventory.nodes, cluster.ask(facts.nodes), {})
    wanted: dict[str, set[str]] = {}
    for short, service in stack.services.items():
        if before.get(stack.full_name(short), service["image"]) == service["image"]:
            continue
        template = placement.template_of(service, cluster.platforms.get(service["image"].partition("@")[2], ()))
        for name in (name for name, member in known.items() if placement.suits(member, template)):
            wanted.setdefault(name, set()).add(service["image"])
    cluster.each(map(cluster.inventory.node, wanted), lambda node: _fetch(cluster, node, wanted[node.name], deadline))


def _fetch(cluster: Cluster, node: Node, images: Iterable[str], deadline: Deadline) -> None:
    # Swarm may reach a node that this machine does not: what runs there is verified all the same.
    with suppress(ConnectionFailed):
        for image in sorted(images):
            command = authorized(cluster, docker("pull", "--quiet", image), image)
            try:
                cluster.run(node.name, command, timeout=max(deadline.left, 1))
            except CommandFailed:
                if not _has(cluster, node, image):  # one that is there needs no registry that answers
                    raise
            cluster.progress.done(f"has {image.partition('@')[0]}", node.name)


def _has(cluster: Cluster, node: Node, image: str) -> bool:
    try:
        cluster.api(node.name).get(f"/images/{image}/json")
    except NotFound:
        return False
    return True


def _forget_images(cluster: Cluster, stack: Stack, wave: Iterable[str], running: Iterable[Service]) -> None:
    """Has docker see the images that somebody else gave to services.

    It compares the file with a label that `docker service update --image` leaves as it is, and keeps the image where
    these two agree. Without it no task changes yet.
    """
    there = {service.name: service for service in running}
    for short in wave:
        service, image = there.get(stack.full_name(short)), stack.services[short]["image"]
        if service and service.image != image == service.labels.get(IMAGE_LABEL):
            touch(cluster, service, lambda spec: without(spec, IMAGE_LABEL))


def _check_version(stack: Stack, running: list[Service], given: Mapping[str, Json], recap: Recap) -> None:
    """Raises SwarmopsError when what runs well is not what was deployed, or was there; that it was only scaled is said.

    `given` are the specifications that the services had then.
    """
    there = {service.name: service for service in running}
    reasons = stackdiff.differences(stack, running)
    others = []
    for short in stack.services:
        name, reason = stack.full_name(short), reasons.get(short)
        service = there.get(name)
        if service and rolled_back(service) and reason:
            others.append(f"{name}: swarm put the version before back: {service.update_message}")
        elif service and (changed := meddled(given.get(name, service.spec), service.spec, spare.MORE)):
            others.append(f"{name}: somebody else changed it meanwhile: {reason or changed[0]}")
        elif service and reason and stackdiff.is_scaled(stack.services[short], service):
            recap.note(f"{name} was scaled by somebody else meanwhile: {reason} by the next deploy.")
        elif reason:
            others.append(f"{name}: somebody else changed it meanwhile: {reason}")
    if others:
        raise SwarmopsError("another version runs than the one that was deployed\n    " + "\n    ".join(others))


def _take_away(cluster: Cluster, services: Iterable[Service], recap: Recap) -> None:
    """Removes services that the file has not."""
    for service in services:
        end(cluster, [service])
        recap.changed(service.name, "removed: not in the file any more")


def _await_end(cluster: Cluster, services: Collection[Service], deadline: Deadline) -> None:
    """Waits until the tasks of services that were removed have ended. Raises WaitTimeout."""
    if ids := {service.id for service in services}:
        until(lambda: counted(unended(cluster, ids)), deadline, cluster.progress)
