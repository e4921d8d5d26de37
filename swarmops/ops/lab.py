"""The lab as containers: put to sleep, woken up again, removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial

from swarmops import facts, gossip, plan
from swarmops.cluster import ELECTION_SECONDS, Cluster
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, InputError, SwarmopsError, WaitTimeout
from swarmops.facts import Engine
from swarmops.inventory import Node
from swarmops.lab import containers
from swarmops.lab.containers import Container
from swarmops.members import match
from swarmops.ops.autolock import is_on, restart_deaf, unlock_started
from swarmops.ops.convergence import Watch
from swarmops.ops.up import DIAL_WHEN_UP
from swarmops.report import Recap
from swarmops.wait import Deadline, until


def down(cluster: Cluster, recap: Recap, *, volumes: bool) -> None:
    """Removes what carries the cluster's label: containers and networks, and volumes when asked.

    Raises SwarmopsError where something cannot be removed; the recap has what went before.
    """
    _check_lab(cluster, "down removes")
    name = cluster.inventory.cluster
    for thing in containers.remove(cluster.engine, name, volumes=volumes):
        recap.changed("cluster", f"removed {thing}")
        cluster.progress.done(f"removed {thing}")
    recap.ok("cluster")


def stop(cluster: Cluster, timeout: float, recap: Recap) -> None:
    """Stops the lab's containers; everything in them stays. Returns when none of them runs.

    All at once: an engine leaves the swarm's work before it stops its containers, and within the 15 s in which managers
    would miss a node none is left to put its tasks elsewhere. Raises WaitTimeout.
    """
    _check_lab(cluster, "stop puts to sleep")
    seen = containers.observe(cluster.engine, cluster.inventory.cluster)
    awake = [container for container in seen.values() if container.awake]
    _all_at_once(cluster, awake, containers.stop, "stop", Deadline(timeout))
    for container in awake:
        recap.changed(container.node, "stopped")
    for container in seen.values():
        recap.ok(container.node)


def start(cluster: Cluster, timeout: float, recap: Recap) -> None:
    """Starts the lab's containers, as they are; returns when every node is Ready and every service runs again.

    Raises WaitTimeout, and SwarmopsError where containers of the inventory are missing: to make them is for `up`.
    """
    _check_lab(cluster, "start wakes up")
    deadline = Deadline(timeout)
    found = containers.observe(cluster.engine, cluster.inventory.cluster)
    seen = {name: container for name, container in found.items() if not container.stray}
    nodes = cluster.inventory.nodes
    if missing := [node.name for node in nodes if cluster.container(node.name) not in seen]:
        raise SwarmopsError(f"the lab has no container for {', '.join(missing)}", remedy="inv up makes them")
    asleep = {one.node: one for one in seen.values() if not one.running}
    managers = list(cluster.inventory.managers)  # one that is awake may be locked, or wait for the others
    workers = [node for node in cluster.inventory.workers if node.name in asleep]
    _start(cluster, asleep.keys() - {node.name for node in workers}, asleep, deadline, recap)
    # Where somebody promoted workers by hand, the managers alone may be no quorum.
    with suppress(WaitTimeout):
        _await_engines(cluster, managers, Deadline(min(deadline.left, ELECTION_SECONDS)))
    gossip.await_managers(cluster, managers)
    _start(cluster, {node.name for node in workers}, asleep, deadline, recap)
    _await_engines(cluster, [*managers, *workers], deadline)
    if cluster.ask(is_on):
        restart_deaf(cluster, [node.name for node in managers], deadline)
    until(lambda: _not_ready(cluster), deadline, cluster.progress)
    since = containers.started(cluster.engine, cluster.inventory.cluster)
    until(lambda: _not_running(cluster, since), deadline, cluster.progress)
    for container in seen.values():
        recap.ok(container.node)


def _check_lab(cluster: Cluster, does: str) -> None:
    if not cluster.lab:
        raise InputError(f"{does} a lab; the nodes of this inventory are real hosts")


def _start(
    cluster: Cluster, names: Collection[str], asleep: Mapping[str, Container], deadline: Deadline, recap: Recap
) -> None:
    chosen = [container for name, container in asleep.items() if name in names]
    _all_at_once(cluster, chosen, containers.start, "start", deadline)
    for container in chosen:
        recap.changed(container.node, "started")
        cluster.progress.done("started", container.node)


def _all_at_once(
    cluster: Cluster,
    chosen: Iterable[Container],
    action: Callable[..., None],
    verb: str,
    deadline: Deadline,
) -> None:
    """Does the action to the containers, and waits until it is done. Raises what it raises, and WaitTimeout."""
    under_way = {one.node: cluster.later(partial(action, cluster.engine, one)) for one in chosen}

    def missing() -> str:
        left = [name for name, future in under_way.items() if not future.done()]
        return f"{', '.join(left)} to {verb}" if left else ""

    until(missing, deadline, cluster.progress)
    for future in under_way.values():
        future.result()


def _await_engines(cluster: Cluster, nodes: list[Node], deadline: Deadline) -> None:
    """Waits until the engines of nodes that were started are members of the swarm again, unlocked if need be."""

    def engine(node: Node) -> Engine:
        api = EngineAPI(cluster.door(node.name), dial=DIAL_WHEN_UP, timeout=max(deadline.left, 1))
        found = Engine("", "pending", control=False, version="", error="")

        def pending() -> str:
            nonlocal found
            cluster.check_open()
            # The socket of an engine that was killed is there until the node's entry script removes it.
            with suppress(ConnectionFailed):
                found = Engine.read(api)
            return "" if found.state != "pending" else f"the engine of {node.name} to find the swarm"

        until(pending, deadline, cluster.progress)
        cluster.adopt(api)
        return found

    cluster.progress.waiting("the engines to answer")
    engines = dict(zip((node.name for node in nodes), cluster.each(nodes, engine), strict=True))
    if locked := [name for name, found in engines.items() if found.locked]:
        unlock_started(cluster, locked, max(deadline.left, 1))
    # One that began anew is a member; status says what it lacks.
    back = {name for name, found in engines.items() if found.state in ("active", "locked") or found.begun_anew}
    if lost := [name for name in engines if name not in back]:
        raise SwarmopsError(f"{', '.join(lost)} came back outside of the swarm", remedy="inv up")


def _not_ready(cluster: Cluster) -> str:
    """The nodes that are not Ready, or not reachable as managers, in words."""
    with suppress(SwarmopsError):
        listed = facts.nodes(cluster.manager())
        return plan.not_ready(cluster.inventory.nodes, match(cluster.inventory.nodes, listed, {}))
    return "the managers to elect a leader"


def _not_running(cluster: Cluster, since: Mapping[str, str]) -> str:
    """The services that do not run as they should, in words.

    A task that has run since before its node was started is one that the managers have not heard of since then.
    """
    services, tasks, nodes = cluster.ask(facts.overview)
    hosts = {node.id: node.name for node in nodes}
    stale = {
        hosts.get(task.node_id, "")
        for task in tasks
        if task.state == "running" and task.since.rstrip("Z") < since.get(hosts.get(task.node_id, ""), "").rstrip("Z")
    }
    if stale:
        return f"{', '.join(sorted(stale))} to say what runs there"
    return Watch(cluster, [service.id for service in services]).missing()  # what failed on the way is over
