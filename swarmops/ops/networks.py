"""Overlay networks by hand: made, listed, removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Network

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import network as commands
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, suggest
from swarmops.facts import Json, Service
from swarmops.overlay import Options, word
from swarmops.report import Recap, table
from swarmops.stackfile import check_name
from swarmops.wait import Deadline, until

HEAD = ("NETWORK", "DRIVER", "ATTACHABLE", "ENCRYPTED", "SUBNET", "SERVICES")
REMOVE_AGAIN_SECONDS = 1.0


def create(cluster: Cluster, name: str, wanted: Options, timeout: float) -> Recap:
    """Makes a network, unless there is one with these options; returns when every manager that answers has it.

    Raises InputError, before anything changes, for what cannot be and for a network with other options.
    """
    deadline, recap = Deadline(timeout), Recap()
    check_name(name)
    wanted.check()
    existing = networks(cluster)
    if name in existing:
        if wrong := Options.of(existing[name]).differences(wanted):
            raise InputError(
                f"network {name} exists: {', '.join(wrong)}",
                remedy=f"an engine cannot change a network; inv network.rm {name}, then again",
            )
    else:
        _refuse_overlap(wanted, _taken(cluster, existing.values()))
        _make(cluster, name, wanted)
        recap.changed(name, "created")
    until(lambda: _awaited(cluster, name), deadline, cluster.progress)
    recap.ok(name)
    return recap


def _make(cluster: Cluster, name: str, wanted: Options) -> None:
    command = commands.create(
        name,
        driver=wanted.driver,
        attachable=wanted.attachable,
        encrypted=wanted.encrypted,
        subnet=wanted.subnet or None,
    )
    try:
        cluster.manage(command)
    except CommandFailed:  # repeated after a manager was lost, it finds the network that it made
        made = networks(cluster).get(name)
        if made is None or Options.of(made).differences(wanted):
            raise


def remove(cluster: Cluster, names: Collection[str], timeout: float) -> Recap:
    """Removes networks; returns when no manager that answers has them. What is not there counts as removed.

    Raises InputError when services use one of them.
    """
    deadline, recap = Deadline(timeout), Recap()
    existing = networks(cluster)
    there = [name for name in names if name in existing]
    users = {name: used_by(cluster, existing[name]) for name in there}
    if mesh := [name for name in there if existing[name].get("Ingress")]:
        raise InputError(f"network {mesh[0]} is the swarm's own, for ports in ingress mode")
    if used := [f"network {name} is used by {', '.join(found)}" for name, found in users.items() if found]:
        services = sorted({service for found in users.values() for service in found})
        raise InputError("\n  ".join(used), remedy=f"inv service.rm {','.join(services)}, or inv remove of their stack")
    take_away(cluster, there, deadline)
    for name in there:
        recap.changed(name, "removed")
        if name in cluster.inventory.settings.networks:
            recap.note(f"{cluster.inventory.path.name} has network {name}: the next inv up makes it again.")
    for name in names:
        recap.ok(name, "gone")
        if name not in existing:
            recap.note(f"There was no network {name}{suggest(name, existing)}")
    return recap


def take_away(cluster: Cluster, names: Collection[str], deadline: Deadline) -> None:
    """Removes networks that nothing uses, and waits until no manager that answers has them. Raises WaitTimeout."""
    said, retry = "", Deadline(0)

    def missing() -> str:
        nonlocal said, retry
        left = networks(cluster).keys() & set(names)
        if left and not retry.left:
            # More than once: a task that is still ending holds on to its network, and the engine says so.
            said = ask_away(cluster, left) or said
            retry = Deadline(REMOVE_AGAIN_SECONDS)
        return _left(cluster, names) + (said if left else "")

    if names:
        until(missing, deadline, cluster.progress)


def ask_away(cluster: Cluster, names: Collection[str]) -> str:
    """Has networks removed; the last reason why one cannot be, to append to a message."""
    try:
        cluster.manage(commands.remove(*sorted(names)))
    except CommandFailed as error:
        return f" ({str(error).splitlines()[-1].strip()})"
    return ""


def ls(cluster: Cluster) -> str:
    """The networks of the swarm as a table."""
    rows = []
    for name, network in sorted(networks(cluster).items()):
        options = Options.of(network)
        flags = (word(options.attachable), word(options.encrypted))
        rows.append((name, options.driver, *flags, options.subnet or "-", ", ".join(used_by(cluster, network)) or "-"))
    return table(HEAD, rows)


def networks(cluster: Cluster) -> dict[str, Json]:
    """The networks that the swarm has, by name."""
    return {one["Name"]: one for one in cluster.ask(facts.networks) if one["Scope"] == "swarm"}


def used_by(cluster: Cluster, network: Json) -> list[str]:
    """The names of the services on a network."""
    return [service.name for service in users(network, cluster.ask(facts.services))]


def users(network: Json, services: Iterable[Service]) -> list[Service]:
    """Those of the services that are on a network."""
    names = {network["Id"], network["Name"]}
    stated = ((one, one.template.get("Networks") or one.spec.get("Networks") or []) for one in services)
    return [one for one, networks in stated if names & {item["Target"] for item in networks}]


def _taken(cluster: Cluster, existing: Iterable[Json]) -> Iterator[tuple[str, str]]:
    """The subnets that there are, and whose each is. That of a lab's nodes is none that the swarm knows."""
    if cluster.lab:
        yield str(cluster.inventory.settings.subnet), "the lab itself"
    for network in existing:
        yield from ((subnet, f"network {network['Name']}") for subnet in Options.of(network).subnet.split(", "))


def _refuse_overlap(wanted: Options, taken: Iterable[tuple[str, str]]) -> None:
    """The engine takes a subnet that somebody else has, and never gives the network its addresses."""
    for subnet, whose in taken if wanted.subnet else ():
        with suppress(ValueError):
            if IPv4Network(subnet).overlaps(IPv4Network(wanted.subnet)):
                raise InputError(f"--subnet {wanted.subnet}: {whose} has {subnet}")


def _managers(cluster: Cluster) -> Iterator[tuple[str, dict[str, Json]]]:
    """The networks that each manager has, by name; of those that answer, and are managers in the swarm too."""
    for node in cluster.inventory.managers:
        with suppress(ConnectionFailed):
            api = cluster.api(node.name)
            if facts.Engine.read(api).control:
                yield node.name, {one["Name"]: one for one in facts.networks(api)}


def _awaited(cluster: Cluster, name: str) -> str:
    seen = {manager: there.get(name, {}) for manager, there in _managers(cluster)}
    # One whose subnet is not to be had is there, and never gets a driver.
    return ", ".join(f"{manager} has no addresses for {name}" for manager, one in seen.items() if not one.get("Driver"))


def _left(cluster: Cluster, names: Collection[str]) -> str:
    left = [f"{manager} has {name}" for manager, there in _managers(cluster) for name in names if name in there]
    return ", ".join(left)
