"""Services by hand: made and changed by options, verified, undone when they fail."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from swarmops import definition, facts, placement
from swarmops.cluster import Cluster
from swarmops.commands import Command, service as commands
from swarmops.commands.registry import familiar, host
from swarmops.definition import Definition, Stated
from swarmops.errors import (
    CommandFailed,
    ConnectionFailed,
    InputError,
    Problem,
    RolledBack,
    SwarmopsError,
    WaitTimeout,
    suggest,
)
from swarmops.facts import Json, Service
from swarmops.ops import images, ingress, spare, stacks
from swarmops.ops.convergence import wait
from swarmops.ops.ending import end
from swarmops.ops.putback import AGAIN, interruptible, left, put_back
from swarmops.ops.room import networks, places, refuse_crowded, seen
from swarmops.ops.routing import routing
from swarmops.ops.services import find, gone, note_stack, version_before
from swarmops.report import Recap
from swarmops.stackfile import check_name
from swarmops.wait import Deadline

UNPROVED = ("updating", "paused")
"""The states of an update that swarm has not completed."""


def create(cluster: Cluster, name: str, stated: Stated, timeout: float, *, keep: bool = False) -> Recap:
    """Makes a service; returns when it runs and stays up. One that is there with the same options is left alone.

    Raises InputError, before anything changes, for options that cannot be and for a service with other options;
    RolledBack when it failed, unless `keep`: nothing of it is left then.
    """
    deadline, recap = Deadline(timeout), Recap()
    _check(name, stated)
    definition.parse(stated, "host")  # what is wrong in itself is said before anybody is asked
    cluster.manager()
    route = routing(cluster)
    endpoint = str(stated.get("endpoint-mode", "dnsrr" if route == "dns" else "vip"))
    told, _ = definition.parse({**stated, "endpoint-mode": endpoint}, "host" if endpoint == "dnsrr" else "ingress")
    whole = definition.complete(told)
    wanted = _possible(cluster, whole, stated, definition.conflicts(whole, stated, route))
    existing = _existing(cluster, name)
    if existing:
        _refuse_another(existing, definition.changes(seen(cluster, existing), wanted))
    else:
        refuse_crowded(cluster, {name: wanted})
        _make(cluster, name, wanted)
        recap.changed(name, "created")
        cluster.progress.done("created", name)
    with interruptible(cluster, recap, name, left("not verified", f"inv service.rm {name}")):
        _await_new(cluster, find(cluster, name), deadline, settled=bool(existing), keep=keep or bool(existing))
    ingress.follow(cluster, recap, deadline, [name])
    recap.ok(name)
    return recap


def update(cluster: Cluster, name: str, stated: Stated, timeout: float, *, rollback: bool = True) -> Recap:
    """Sets what is stated of a service and leaves the rest; returns when that version runs and stays up.

    Raises InputError before anything changes, RolledBack when it failed and the version before runs again: when this
    changed something, or goes on from an update that was interrupted.
    """
    deadline, recap = Deadline(timeout), Recap()
    definition.parse(stated, "host")
    service = find(cluster, name)
    if "replicas" in stated and spare.begun(service):
        stated = {**stated, "label-rm": [*stated.get("label-rm", ()), spare.MORE]}
    before = seen(cluster, service)
    route = routing(cluster) if {"endpoint-mode", "publish"} & stated.keys() else "mesh"
    meshless = route == "dns" or stated.get("endpoint-mode", before["endpoint-mode"]) == "dnsrr"
    told, removed = definition.parse(stated, "host" if meshless else "ingress")
    after = definition.updated(before, told, removed)
    wrong = definition.conflicts(after, stated, route) + definition.inseparable(before, after)
    wanted = _possible(cluster, after, stated, wrong)
    changes = definition.changes(before, wanted)
    if changes:
        if places(before, wanted):
            refuse_crowded(cluster, {name: wanted})
        login = cluster.login(host(wanted["image"])) is not None
        mixed = "image" in stated and _mixed(cluster)
        command = commands.update(name, definition.to_update(before, wanted), login=login, mixed=mixed)
        _set(cluster, name, images.authorized(cluster, command, wanted["image"]), wanted)
        recap.changed(name, ", ".join(changes))
        cluster.progress.done(", ".join(changes), name)
        note_stack(cluster, recap, service)
    try:
        with interruptible(cluster, recap, name, left("not verified", f"inv rollback {name}")):
            wait(cluster, [service.id], deadline, settled=not changes)
        _refuse_another_version(cluster, service, wanted)
    except ConnectionFailed:
        raise
    except SwarmopsError as failure:
        former = service.spec if changes else version_before(service)
        if former is None or isinstance(failure, RolledBack):
            raise
        was = definition.of(former, networks(cluster))
        again = definition.updated(was, told, removed) | ({"image": wanted["image"]} if "image" in stated else {})
        # What this changes nothing of it has begun before, where the version before has something else.
        begun = service.update_state in UNPROVED and bool(definition.changes(was, again))
        if rollback and (changes or begun):
            back = partial(_as_before, cluster, service, former, timeout)
            raise put_back(cluster, failure, name, back) from failure
        remedy = f"inv rollback {name} puts the version before back"
        raise type(failure)(failure.said, remedy="; ".join(filter(None, (failure.remedy, remedy)))) from failure
    ingress.follow(cluster, recap, deadline, [name])
    recap.ok(name)
    for text in definition.unfound(before, removed):
        recap.note(text)
    return recap


def _set(cluster: Cluster, name: str, command: Command, wanted: Definition) -> None:
    """Has docker change a service once: an update without a change would make the present version the previous one."""
    try:
        cluster.manage(command, once=True)
    except (ConnectionFailed, CommandFailed, WaitTimeout):  # a manager was lost, before that or after
        if definition.changes(seen(cluster, find(cluster, name)), wanted):
            cluster.manage(command, once=True)


def _check(name: str, stated: Stated) -> None:
    check_name(name)
    if not stated.get("image"):
        raise InputError("--image is missing", remedy=f"inv service.create {name} --image echo")


def _possible(cluster: Cluster, wanted: Definition, stated: Stated, wrong: Iterable[Problem]) -> Definition:
    """The definition with its image pinned. Raises InputError with all that cannot be, and with what is `wrong`."""
    problems = [*wrong, *ingress.refused(cluster, stated.get("env", ()), list(wanted["env"].values()))]
    known = networks(cluster).values()
    for name in sorted(wanted["network"].keys() & set(stated.get("network", ())) - set(known)):
        problems.append(Problem(f"--network {name}", 0, f"the swarm has no such network{suggest(name, known)}"))
    try:
        image = pinned(cluster, str(stated["image"])) if "image" in stated else wanted["image"]
    except InputError as error:
        if not problems:
            raise
        problems.append(Problem("--image", 0, str(error).partition("\n")[0]))
    if problems:
        raise InputError.of(problems)
    return wanted | {"image": image}


def pinned(cluster: Cluster, image: str) -> str:
    """An image of the inventory by its name, or any other, at the digest that its registry gives. Raises InputError."""
    named = familiar(images.reference(cluster)(image) if image in images.names(cluster.inventory) else image)
    if "@" in named:
        return named
    tagged = named if ":" in named.rpartition("/")[2] else f"{named}:latest"
    try:
        return f"{tagged}@{stacks.digest(cluster, tagged)}"
    except InputError as error:
        if hint := suggest(image, images.names(cluster.inventory)) if named == familiar(image) else "":
            raise InputError(str(error).splitlines()[0] + hint) from error
        raise


def _existing(cluster: Cluster, name: str) -> Service | None:
    return next((service for service in cluster.ask(facts.services) if service.name == name), None)


def _make(cluster: Cluster, name: str, wanted: Definition) -> None:
    command = commands.create(
        name, wanted["image"], definition.to_create(wanted), wanted["args"], mixed=_mixed(cluster)
    )
    try:
        cluster.manage(images.authorized(cluster, command, wanted["image"]))
    except CommandFailed:  # repeated after a manager was lost, it finds the service that it made
        made = _existing(cluster, name)
        if made is None or definition.changes(seen(cluster, made), wanted):
            raise


def _mixed(cluster: Cluster) -> bool:
    return placement.mixed(cluster.ask(facts.nodes))


def _refuse_another(existing: Service, changes: list[str]) -> None:
    if changes:
        raise InputError(
            f"{existing.name} exists, and this would change it: {', '.join(changes)}",
            remedy=f"inv service.update {existing.name} changes it",
        )


def _await_new(cluster: Cluster, service: Service, deadline: Deadline, *, settled: bool, keep: bool) -> None:
    try:
        wait(cluster, [service.id], deadline, settled=settled)
    except ConnectionFailed:
        raise
    except SwarmopsError as failure:
        if keep:
            raise
        raise put_back(cluster, failure, service.name, lambda: _unmade(cluster, service, deadline.seconds)) from failure


def _unmade(cluster: Cluster, service: Service, timeout: float) -> str:
    """Nothing of a new service is left."""
    end(cluster, [service])
    gone(cluster, {service.id}, Deadline(timeout))
    return "Nothing of it is left (--keep leaves it)"


def _refuse_another_version(cluster: Cluster, before: Service, wanted: Definition) -> None:
    now = find(cluster, before.name)
    if not definition.changes(seen(cluster, now), wanted):
        return
    if now.spec == before.spec:
        raise RolledBack(f"swarm put the version before back\n    {now.update_message}", remedy=f"inv ps {now.name}")
    raise SwarmopsError(f"{now.name} was changed by somebody else meanwhile", remedy=f"inv ps {now.name}")


def _as_before(cluster: Cluster, service: Service, former: Json, timeout: float) -> str:
    """The service as it was, which runs again."""
    deadline = Deadline(timeout)
    now = find(cluster, service.name)
    if now.spec != former and now.previous == former:
        cluster.manage(commands.rollback(service.name), once=True)
    wait(cluster, [service.id], deadline)
    if find(cluster, service.name).spec != former:
        raise SwarmopsError(f"{service.name} was changed by somebody else meanwhile")
    return AGAIN
