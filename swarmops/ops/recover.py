"""A swarm whose managers have lost their quorum, rebuilt from the one that knows most."""

from __future__ import annotations

import base64
import gzip
import time
import zlib
from contextlib import closing
from dataclasses import dataclass

from swarmops import facts
from swarmops.cluster import ELECTION_SECONDS, INFO_SECONDS, UNLOCK, Cluster
from swarmops.commands import state
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed, InputError, PendingError, SwarmopsError
from swarmops.facts import Engine
from swarmops.inventory import Node, Role
from swarmops.ops import former
from swarmops.ops.planning import ask_engines
from swarmops.ops.renewal import away, renew
from swarmops.ops.up import up
from swarmops.quorum import Quorum
from swarmops.raft import Position, position
from swarmops.report import Recap
from swarmops.wait import POLL_SECONDS, Deadline, until


@dataclass(frozen=True)
class View:
    """What one node's engine says of the managers: how many there are; or why it does not answer."""

    node: Node
    engine: Engine | None = None
    managers: int = 0
    problem: str = ""

    @property
    def survives(self) -> bool:
        """Whether it is a manager that has the swarm's state; pending where its engine has restarted since.

        One that has begun its part in the swarm anew calls itself `error`, and has the state all the same.
        """
        return self.engine is not None and self.engine.control

    @property
    def leads(self) -> bool:
        """Whether it knows a leader."""
        return self.survives and self.engine is not None and not self.engine.error

    @property
    def locked(self) -> bool:
        """Whether it has a state that it cannot read without the key."""
        return self.engine is not None and self.engine.locked


def recover(cluster: Cluster, timeout: float, recap: Recap, *, chosen: str = "", sure: bool = False) -> None:
    """Makes a swarm of one surviving manager's state; returns when the inventory's managers are reachable again.

    The survivor is the one whose log goes furthest, unless one is `chosen`. Nothing is done where there is a leader,
    but bringing managers back that are away. Raises PendingError unless `sure`, SwarmopsError where none survives.
    """
    deadline = Deadline(timeout)
    if chosen:
        cluster.inventory.node(chosen)
    cluster.check_engine()
    views = _look(cluster)
    if not any(view.leads for view in views):
        _force(cluster, _survivor(cluster, views, chosen, sure=sure), deadline, recap)
    listed = cluster.ask(facts.nodes)
    managers = list(cluster.inventory.managers)
    if missing := away(cluster, managers):
        if not sure:
            raise PendingError(f"there is a leader, and {missing}", remedy="inv up, or inv swarm.recover --yes")
        before = former.members(listed)
        try:
            managers = _bring_back(cluster, deadline, recap)
        finally:
            former.put_back(cluster, before, recap)
    renew(cluster, managers, deadline, recap, sure=sure)
    for node in managers:
        recap.ok(node.name, "reachable")


def _bring_back(cluster: Cluster, deadline: Deadline, recap: Recap) -> list[Node]:
    """Managers first, so that there is a quorum when others are demoted; returns those that are there."""
    answering = _answering(cluster, recap)
    nodes = answering or list(cluster.inventory.nodes)
    managers = [node for node in nodes if node.role is Role.MANAGER]
    up(cluster, max(deadline.left, 1), recap, managers)
    until(lambda: away(cluster, managers), deadline, cluster.progress)
    up(cluster, max(deadline.left, 1), recap, answering)
    return managers


def _look(cluster: Cluster) -> list[View]:
    """What the engines say once one knows a leader, or none has found one in the time of an election."""
    cluster.progress.waiting("the managers to elect a leader")
    end = Deadline(ELECTION_SECONDS)
    while True:
        views = _views(cluster)
        if any(view.leads for view in views) or not any(view.survives for view in views) or not end.left:
            return views
        time.sleep(POLL_SECONDS)


def _views(cluster: Cluster) -> list[View]:
    """Asks all engines at once."""

    def view(node: Node) -> View:
        try:
            api = EngineAPI(cluster.door(node.name), timeout=INFO_SECONDS)
            with closing(api):
                info = api.get("/info")
        except SwarmopsError as error:
            return View(node, problem=str(error).splitlines()[0])
        return View(node, Engine.of(info), len(info.get("Swarm", {}).get("RemoteManagers") or ()))

    return cluster.each(cluster.inventory.nodes, view)


def _survivor(cluster: Cluster, views: list[View], chosen: str, *, sure: bool) -> Node:
    """The manager to go on with. Raises PendingError, with what would be done, unless the operator is sure."""
    survivors = [view for view in views if view.survives]
    if chosen and chosen not in [view.node.name for view in survivors]:
        raise InputError(f"{chosen} is no manager that has the swarm's state")
    if not survivors and any(view.locked for view in views):
        remedy = f"{UNLOCK}, then this again; where too few are left, inv swarm.restore of a backup"
        raise SwarmopsError("the managers that answer are locked", remedy=remedy)
    if not survivors:
        said = "".join(f"\n    {view.problem}" for view in views if view.problem)
        raise SwarmopsError(f"no manager survives:{said}", remedy="inv up, or inv swarm.restore of a backup")
    if not chosen:
        _refuse_locked(views, survivors)
    known = _positions(cluster, survivors) if len(survivors) > 1 and not chosen else {}
    best = chosen or max(survivors, key=lambda view: known.get(view.node.name, Position())).node.name
    if not sure:
        raise PendingError(_danger(views, survivors, best, known), remedy=_remedy(cluster, chosen))
    return cluster.inventory.node(best)


def _refuse_locked(views: list[View], survivors: list[View]) -> None:
    """Raises SwarmopsError where managers that are locked would bring the quorum back, without any loss."""
    locked = [view.node.name for view in views if view.locked]
    if locked and Quorum(_managers(survivors), len(survivors) + len(locked)).holds:
        raise SwarmopsError(
            f"{', '.join(locked)}: locked, and a quorum together with the managers that answer",
            remedy=f"{UNLOCK}, then this again; --node says which manager to go on with nevertheless",
        )


def _managers(survivors: list[View]) -> int:
    return max(view.managers for view in survivors)


def _positions(cluster: Cluster, survivors: list[View]) -> dict[str, Position]:
    """How far each manager's log goes. Raises SwarmopsError where one cannot be read."""

    def look(node: Node) -> Position:
        try:
            lines = cluster.run(node.name, state.log()).stdout.split()
            return position(gzip.decompress(base64.b64decode(line)) for line in lines)
        except (CommandFailed, OSError, EOFError, zlib.error, ValueError) as error:
            remedy = "--node says which manager to go on with"
            raise SwarmopsError(f"{node.name}: its log cannot be read: {error}", remedy=remedy) from error

    nodes = [view.node for view in survivors]
    return dict(zip((node.name for node in nodes), cluster.each(nodes, look), strict=True))


def _danger(views: list[View], survivors: list[View], best: str, known: dict[str, Position]) -> str:
    managers = _managers(survivors)
    needed = Quorum(managers, len(survivors)).needed
    lines = [f"{len(survivors)} of {managers} managers answer, and a quorum takes {needed}:"]
    for view in views:
        if view.survives:
            at = f", its log goes to {known[view.node.name].commit}" if view.node.name in known else ""
            lines.append(f"  {view.node.name} has the swarm's state{at}")
        elif view.locked:
            lines.append(f"  {view.node.name} is locked")
        elif view.problem and view.node.role is Role.MANAGER:
            lines.append(f"  {view.problem}")
    lines.append(f"A new swarm would be made of what {best} has. What only the others know is lost, and if they")
    lines.append("run on where it cannot be seen from here, there are two swarms.")
    return "\n  ".join(lines)


def _remedy(cluster: Cluster, chosen: str) -> str:
    first = "inv up, which starts managers again without a loss;" if cluster.lab else "bring the managers back;"
    return f"{first} where they are lost, inv swarm.recover --yes{f' --node {chosen}' if chosen else ''}"


def _force(cluster: Cluster, node: Node, deadline: Deadline, recap: Recap) -> None:
    cluster.progress.waiting(f"{node.name} to make a new swarm of its state")
    cluster.run(node.name, state.alone(node.address), timeout=max(deadline.left, 1))
    until(lambda: _leaderless(cluster, node.name), deadline, cluster.progress)
    recap.changed(node.name, "leads a new swarm, made of its state")
    cluster.progress.done("leads a new swarm, made of its state", node.name)


def _leaderless(cluster: Cluster, name: str) -> str:
    engine = Engine.read(cluster.api(name))
    return "" if engine.control and not engine.error else f"{name} to lead"


def _answering(cluster: Cluster, recap: Recap) -> list[Node] | None:
    """The nodes to bring in: None for all of them, where those that are down can be started, or none is down."""
    engines, silent = ({}, {}) if cluster.lab else ask_engines(cluster, cluster.inventory.nodes)
    for name in silent:
        recap.note(f"{name} does not answer: inv up brings it in once it runs again.")
    return [node for node in cluster.inventory.nodes if node.name in engines] if silent else None
