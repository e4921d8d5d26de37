"""Autolock: managers that need a key when their engine restarts, where that key is kept, and how they get it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from swarmops import facts, gossip, keystore
from swarmops.cluster import Cluster
from swarmops.commands import Command, Secret, swarm as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, Refused, SwarmopsError, WaitTimeout
from swarmops.facts import Engine
from swarmops.health import LOCKED
from swarmops.inventory import Node
from swarmops.inventory.schema import UnlockKey
from swarmops.members import match
from swarmops.ops.roles import restarting
from swarmops.report import Recap
from swarmops.wait import Deadline, until

PLACE = "swarm.unlock_key in the inventory"
ENCRYPTED = "-----BEGIN ENCRYPTED"
RESTART_SECONDS = 30.0
"""A restart of a manager that locks takes 12 to 17 s until it is unlocked, on two busy cores."""


def autolock(cluster: Cluster, *, on: bool, timeout: float) -> Recap:
    """Has managers lock when their engine restarts, or no longer; returns when each has its state locked, or open."""
    recap = Recap()
    set_autolock(cluster, on=on, recap=recap, deadline=Deadline(timeout))
    stated = cluster.inventory.settings.swarm.autolock
    if stated not in (None, on):
        verb = "on" if stated else "off"
        recap.note(f"{cluster.inventory.path.name} has autolock {verb}: the next inv up turns it {verb}.")
    recap.ok("cluster", "autolock")
    return recap


def set_autolock(cluster: Cluster, *, on: bool, recap: Recap, deadline: Deadline) -> None:
    """As `autolock`; also stores a key that is not where the inventory says.

    Nothing stays locked whose key could not be stored. Raises InputError where the inventory has no place for it,
    SwarmopsError while a manager is away: it would come back with the key before.
    """
    place = _place(cluster) if on else None
    changed = cluster.ask(is_on) != on
    if changed:
        _refuse_absent(cluster)
    try:
        if changed:
            cluster.manage(commands.autolock(on=on))
        stored = place is not None and _keep(cluster, place)
    except BaseException:  # Ctrl-C too
        if changed and on:
            cluster.manage(commands.autolock(on=False))
        raise
    until(lambda: _not_yet(cluster, on=on), deadline, cluster.progress)
    if changed:
        recap.changed("cluster", f"managers {'lock' if on else 'no longer lock'} when their engine restarts")
    if stored and place:
        recap.changed("cluster", f"stored the key: {keystore.shown(place)}")


def unlock(cluster: Cluster, names: Iterable[str], timeout: float = 120, key: Secret | None = None) -> None:
    """Unlocks these managers, all at once: each waits for a quorum. Returns when they are reachable.

    That can take a minute: managers that lost each other look again ever more rarely. `restart_deaf` comes after it.
    The key comes from where the inventory says unless it is given. Raises InputError where it cannot be had,
    SwarmopsError for a wrong one, WaitTimeout.
    """
    nodes = [cluster.inventory.node(name) for name in names]
    deadline = Deadline(timeout)
    key = key or keystore.read(_place(cluster), cluster.inventory.path.parent)
    cluster.progress.waiting(f"{', '.join(node.name for node in nodes)} to be unlocked")
    for failure in cluster.each(nodes, lambda node: _unlock(cluster, node.name, key, deadline)):
        if failure:
            raise failure
    until(lambda: _away(cluster, [node.name for node in nodes]), deadline, cluster.progress)
    for node in nodes:
        cluster.progress.done("unlocked", node.name)


def restart_deaf(cluster: Cluster, names: Iterable[str], deadline: Deadline, key: Secret | None = None) -> None:
    """Restarts managers of a lab that were unlocked and came out of it without their network, and unlocks them again.

    Raises SwarmopsError where that is for an operator to do, as hosts are real or no time is left.
    """
    nodes = [cluster.inventory.node(name) for name in names]
    found = gossip.deaf(cluster, nodes)
    while found and cluster.lab and deadline.left >= RESTART_SECONDS:
        from swarmops.lab import containers

        node = found[0]  # one after the other, so that the others are a quorum
        cluster.progress.waiting(f"{node.name} to restart: it would refuse tasks on networks new to it")
        containers.restart(cluster.engine, cluster.container(node.name))
        cluster.progress.done("restarted: it would have refused tasks on networks new to it", node.name)
        until(lambda: _starting(cluster, node.name), deadline, cluster.progress)  # noqa: B023
        unlock(cluster, [node.name], max(deadline.left, 1), key)
        found = gossip.deaf(cluster, found)
    if found:
        raise SwarmopsError(
            f"{', '.join(node.name for node in found)} would refuse tasks on networks that are new there",
            remedy="; ".join(f"{restarting(cluster, node.name)}; inv swarm.unlock" for node in found),
        )


def unlock_started(cluster: Cluster, names: Iterable[str], timeout: float) -> None:
    """`unlock` for a task that has started these managers: what is wrong with the key is no refusal any more."""
    try:
        unlock(cluster, names, timeout)
    except InputError as error:
        raise SwarmopsError(error.said, remedy=error.remedy) from error


def unlock_all(cluster: Cluster, timeout: float, key: Secret | None = None) -> Recap:
    """Unlocks every node that is locked; returns when they are reachable and take tasks.

    Raises ConnectionFailed when no engine answers, besides what `unlock` and `restart_deaf` raise.
    """
    cluster.check_engine()
    recap, states = Recap(), _states(cluster)
    if names := [name for name, state in states.items() if state == LOCKED]:
        deadline = Deadline(timeout)
        unlock(cluster, names, timeout, key)
        restart_deaf(cluster, names, deadline, key)
    for name in names:
        recap.changed(name, "unlocked")
    for name, state in states.items():
        if state:
            recap.ok(name)
        else:
            recap.note(f"The engine of {name} does not answer: whether it is locked is not known.")
    return recap


def is_on(api: EngineAPI) -> bool:
    """Whether the swarm locks its managers."""
    return bool(api.get("/swarm")["Spec"]["EncryptionConfig"]["AutoLockManagers"])


def _place(cluster: Cluster) -> UnlockKey:
    place = cluster.inventory.settings.swarm.unlock_key
    if place is None:
        raise InputError("the inventory does not say where the unlock key is kept", remedy=f"state {PLACE}")
    return place


def _keep(cluster: Cluster, place: UnlockKey) -> bool:
    """Stores the swarm's key unless it is stored already; whether it had to be."""
    folder = cluster.inventory.path.parent
    key = Secret(cluster.ask(lambda api: api.get("/swarm/unlockkey"))["UnlockKey"])
    with suppress(InputError, WaitTimeout):
        if keystore.read(place, folder) == key:
            return False
    if kept := keystore.store(place, folder, key):
        cluster.progress.done(f"kept the key before: file {kept}")
    return True


def _refuse_absent(cluster: Cluster) -> None:
    away = [node.name for node in cluster.ask(facts.nodes) if node.reachability not in ("", "reachable")]
    if away:
        raise SwarmopsError(
            f"{', '.join(away)} cannot be reached, and would come back with the key that is good now",
            remedy="inv up, or inv swarm.unlock, brings managers back",
        )


def _not_yet(cluster: Cluster, *, on: bool) -> str:
    """The managers whose key on disk is not yet as it should be, in words; where it may not be read, nobody knows."""

    def wrong(node: Node) -> str:
        try:
            line = cluster.door(node.name).run(head, check=False, timeout=15).stdout
        except Refused:
            raise
        except (ConnectionFailed, WaitTimeout):
            return f"{node.name} does not answer"
        right = not line or line.startswith(ENCRYPTED) is on
        return "" if right else f"{node.name} still has its state {'open' if on else 'locked'}"

    members = match(cluster.inventory.nodes, cluster.ask(facts.nodes), {})
    managers = [node for node in cluster.inventory.nodes if node.name in members and members[node.name].manages]
    root = cluster.ask(lambda api: api.get("/info"))["DockerRootDir"]
    head = Command(("head", "-n", "1", f"{root}/swarm/certificates/swarm-node.key"))
    return ", ".join(filter(None, cluster.each(managers, wrong)))


def _states(cluster: Cluster) -> dict[str, str]:
    """What each engine says of itself, by the node's name; nothing where it does not answer."""

    def state(name: str) -> str:
        with suppress(ConnectionFailed, CommandFailed):
            return Engine.read(cluster.api(name)).state
        return ""

    nodes = cluster.inventory.nodes
    states = {node.name: said for node, said in zip(nodes, cluster.each(nodes, lambda n: state(n.name)), strict=True)}
    if not any(states.values()):
        raise ConnectionFailed("no engine of a node answers", remedy="inv up, or inv doctor")
    return states


def _unlock(cluster: Cluster, name: str, key: Secret, deadline: Deadline) -> SwarmopsError | None:
    try:
        cluster.run(name, commands.unlock(key), timeout=max(deadline.left, 1))
    except WaitTimeout:
        missing = f"{name} was unlocked and has found no quorum of managers within {deadline.seconds:g} s"
        return WaitTimeout(missing, remedy="inv up brings the other managers back")
    except CommandFailed as error:
        if Engine.read(cluster.api(name)).state == LOCKED:  # otherwise somebody else was faster
            return SwarmopsError(str(error), remedy=f"compare {PLACE}; inv swarm.unlock --key-stdin takes another key")
    except SwarmopsError as error:
        return error
    return None


def _starting(cluster: Cluster, name: str) -> str:
    with suppress(ConnectionFailed):
        if Engine.read(cluster.api(name)).state in (LOCKED, "active"):
            return ""
    return f"the engine of {name} to answer"


def _away(cluster: Cluster, names: list[str]) -> str:
    members = match(cluster.inventory.nodes, cluster.ask(facts.nodes), {})
    away = [name for name in names if name not in members or members[name].reachability != "reachable"]
    return f"{', '.join(away)} to be reachable as a manager" if away else ""
