"""`up`: from an inventory to a swarm whose every node is Ready and in its role."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Command, Secret, swarm
from swarmops.connect.api import DIAL, EngineAPI
from swarmops.errors import ConnectionFailed, InputError, Refused, Silent, SwarmopsError, WaitTimeout
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Node, Role
from swarmops.members import entry, match
from swarmops.ops import planning
from swarmops.ops.settling import Settling, mark, place
from swarmops.plan import Action, Lab, Seen, Step, Swarm, init, joining, make, not_ready, unlocking, without_leader
from swarmops.report import Outcome, Recap
from swarmops.wait import POLL_SECONDS, Deadline, until

if TYPE_CHECKING:
    from swarmops.lab.up import Look

# The node itself waits for its engine: that costs one exec, where asking again and again would cost one each time. No
# sshd would end that loop once nobody waits for it any more.
DIAL_WHEN_UP = Command(
    ("sh", "-c", "until [ -S /var/run/docker.sock ]; do sleep 0.05; done; exec docker system dial-stdio")
)


def up(cluster: Cluster, timeout: float, recap: Recap, chosen: Sequence[Node] | None = None) -> None:
    """Starts what is missing, makes the swarm and waits until every node is Ready and in its role.

    `chosen` are the nodes that it is about; then what concerns the cluster as a whole is left alone.
    Begins anew, once, where a node of a lab ended meanwhile. Raises WaitTimeout, or SwarmopsError with the failures of
    all nodes; `recap` has by then what was done.
    """
    first = Up(cluster, timeout, recap, chosen)
    try:
        first.run()
    except (InputError, WaitTimeout):
        raise
    except SwarmopsError:
        if first.starting:
            wait([first.starting])
        if not (ended := first.ended()):
            raise
        cluster.progress.done(f"{', '.join(ended)} ended meanwhile; beginning anew")
        recap.steps = [step for step in recap.steps if step[1] is not Outcome.FAILED]
        Up(cluster, first.deadline.left, recap, chosen).run()


@dataclass(frozen=True)
class Leader:
    """A manager that nodes join through."""

    name: str
    address: str


class Up:
    """One run of `up`: what it knows so far."""

    def __init__(self, cluster: Cluster, timeout: float, recap: Recap, chosen: Sequence[Node] | None = None) -> None:
        self.cluster = cluster
        self.chosen = chosen
        self.nodes = cluster.inventory.nodes if chosen is None else tuple(chosen)
        self.deadline = Deadline(timeout)
        self.recap = recap
        self.engines: dict[str, Engine] = {}
        self.starting: Future[None] | None = None
        self.fresh: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def run(self) -> None:
        """All of it: containers, members, and then what a plan says of the swarm that stands."""
        containers = planning.observe(self.cluster) if self.cluster.lab else {}
        looking = self.cluster.later(lambda: planning.glance(self.cluster))  # while the compose file is compared
        found = planning.look_lab(self.cluster, containers) if self.cluster.lab else None
        self.fresh = found.lab.fresh if found else frozenset()
        seen = Seen(looking.result(), lab=found.lab if found else None)
        touched = self._start(found, seen) if found else set()
        strangers = self._strangers(seen.swarm, touched)
        if strangers:
            self._form(strangers, standing=bool(seen.swarm) and self.cluster.current().node not in touched)
        if self.starting:
            self.starting.result()
        self._wait_ready()
        # Where a container is started, a former node may have made way for it.
        there = planning.look_swarm(self.cluster) if strangers or touched or not seen.swarm else seen.swarm
        self._settle(there, found)
        for node in self.nodes:
            self.recap.ok(node.name)

    def ended(self) -> list[str]:
        """The nodes of a lab whose containers do not run any more."""
        seen = planning.observe(self.cluster) if self.cluster.lab else {}
        states = {name: container.state for name, container in seen.items()}
        return [node.name for node in self.nodes if states.get(self.cluster.container(node.name)) == "exited"]

    def check_ended(self) -> None:
        """Raises SwarmopsError when nodes have ended: nobody need wait for them."""
        if ended := self.ended():
            raise SwarmopsError(f"the containers of {', '.join(ended)} have ended", remedy="docker logs tells why")

    def done(self, action: Action) -> None:
        """An action that has been carried out."""
        with self._lock:
            self.recap.changed(action.node, action.what)
        self.cluster.progress.done(action.what, action.node)

    def _start(self, found: Look, seen: Seen) -> set[str]:
        """Starts the lab's containers, in the background; the nodes that are touched."""
        from swarmops.lab.up import carry_out

        plan = make(self.cluster.inventory, seen, self.chosen)
        actions = plan.rest
        if plan.first:
            there = seen.swarm or Swarm(())
            Settling(self.cluster, plan, there, self.deadline, self.recap, self.done).carry_out(plan.first)
        self.starting = carry_out(self.cluster, found, actions, self.done)
        return {action.node for action in actions if action.step is Step.CONTAINER}

    def _strangers(self, there: Swarm | None, touched: set[str]) -> list[Node]:
        """The nodes that need a look of their own: no manager sees them Ready, or what it sees is about to end."""
        if not there or self.cluster.current().node in touched:
            return list(self.nodes)
        settled = planning.settled(self.nodes, there) - touched
        return [node for node in self.nodes if node.name not in settled]

    def _form(self, strangers: list[Node], *, standing: bool) -> None:
        """Makes the swarm if there is none, and brings the strangers in: managers one by one, workers at once."""
        engines = Engines(self, strangers)
        try:
            leader = self._leader(engines, standing=standing)
            api = self.cluster.api(leader.name)
            listed, tokens = facts.nodes(api), facts.join_tokens(api)
            if others := [node.name for node in strangers if node.name != leader.name]:
                self.cluster.progress.waiting(f"{', '.join(others)} to join")

            def bring_in(node: Node) -> SwarmopsError | None:
                try:
                    self._join(node, engines, listed, tokens[node.role], leader)
                except SwarmopsError as error:
                    self.recap.add(node.name, Outcome.FAILED, str(error))
                    return error
                return None

            tried = [bring_in(node) for node in strangers if node.role is Role.MANAGER and node.name != leader.name]
            tried += self.cluster.each([node for node in strangers if node.role is Role.WORKER], bring_in)
        finally:
            engines.close()
        if failures := [error for error in tried if error]:
            late = all(isinstance(error, WaitTimeout) for error in failures)
            text = "\n    ".join(error.said if late else str(error) for error in failures)
            if late:
                raise WaitTimeout(text, remedy="--timeout gives it longer")
            raise SwarmopsError(text, remedy="inv up goes on from here")

    def _leader(self, engines: Engines, *, standing: bool) -> Leader:
        """A manager of the swarm that exists, or the first one of a new swarm."""
        if standing or self.chosen is not None:
            with suppress(ConnectionFailed):
                return self._through(self.cluster.manager())
        managers = self.cluster.inventory.managers
        self._unlock([node for node in managers if engines.of(node).locked], engines)
        # Of nodes that somebody promoted one may be all that holds the state of the swarm: none is made beside it.
        for node in (*managers, *self._promoted(engines)):
            if engines.of(node).control:
                self._know(node, engines.of(node))
                until(lambda: self._leaderless(node), self.deadline, self.cluster.progress)  # noqa: B023
                return Leader(node.name, node.address)
        if managers[0] not in self.nodes:
            raise without_leader(managers[0])
        return self._init(managers[0], engines)

    def _promoted(self, engines: Engines) -> list[Node]:
        """The workers of the inventory that hold the state of a swarm, unlocked if need be."""
        managers, workers = self.cluster.inventory.managers, self.cluster.inventory.workers
        if not self.cluster.lab and all(engines.of(node).state == "inactive" for node in managers):
            return []  # where real hosts are in a swarm, none is made
        known = [node for node in workers if node.name not in self.fresh]
        said = self.cluster.each(known, lambda node: await_engine(self, node, settled=False))
        self._unlock([node for node, engine in zip(known, said, strict=True) if engine.locked], engines)
        return [node for node, engine in zip(known, said, strict=True) if engine.control or engine.locked]

    def _through(self, api: EngineAPI) -> Leader:
        """A manager that answers; one that has left the inventory is known by its own word."""
        stated = {node.name: node for node in self.cluster.inventory.nodes}
        if api.node not in stated:
            return Leader(api.node, api.get("/info")["Swarm"]["NodeAddr"])
        self._know(stated[api.node], Engine.read(api))
        return Leader(api.node, stated[api.node].address)

    def _leaderless(self, node: Node) -> str:
        """What a manager waits for before it can speak for the swarm: others may still be coming back."""
        try:
            error = Engine.read(self.cluster.api(node.name)).error
        except Silent:
            error = "it is silent"
        return "the managers to elect a leader" if error else ""

    def _init(self, node: Node, engines: Engines) -> Leader:
        if not self.cluster.lab:  # real hosts that are in a swarm of somebody else's are said before one is made
            for other in engines.nodes:
                joining(other, engines.of(other), (), own=False)
        action = init(self.cluster.inventory, node)
        self.cluster.run(node.name, action.command or swarm.init(node.address))
        self._know(node, Engine.read(self.cluster.api(node.name)))
        self.done(action)
        mark(self.cluster, self.engines[node.name].node_id, node.name)
        return Leader(node.name, node.address)

    def _unlock(self, nodes: list[Node], engines: Engines) -> None:
        """Gives managers the key of their state, where the inventory says where it is."""
        if not nodes:
            return
        from swarmops.ops.autolock import restart_deaf, unlock, unlock_started

        work, names = unlock_started if self.recap.any_changed else unlock, [node.name for node in nodes]
        work(self.cluster, names, max(self.deadline.left, 1))
        restart_deaf(self.cluster, names, self.deadline)
        for node in nodes:
            self.done(unlocking(node))
            engines.again(node)

    def _join(self, node: Node, engines: Engines, listed: list[SwarmNode], token: Secret, leader: Leader) -> None:
        """Joins the node unless it is a member; its id is known afterwards."""
        if engines.of(node).locked:
            self._unlock([node], engines)
        engine = engines.of(node)
        steps, old = joining(node, engine, listed, own=self.cluster.lab), entry(node, listed)
        for action in steps:
            command = swarm.leave()
            if action.step is Step.JOIN:
                command = swarm.join(token, node.address, leader.address, old.availability if old else "active")
            self.cluster.run(node.name, command, timeout=max(self.deadline.left, 1))
            self.done(action)
        if steps:
            engine = Engine.read(self.cluster.api(node.name))
            mark(self.cluster, engine.node_id, node.name, {**(old.labels if old else {}), **place(self.cluster, node)})
        self._know(node, engine)

    def _wait_ready(self) -> None:
        ids = {name: engine.node_id for name, engine in self.engines.items()}

        def missing() -> str:
            self.check_ended()
            return not_ready(self.nodes, match(self.nodes, self.cluster.ask(facts.nodes), ids))

        until(missing, self.deadline, self.cluster.progress)

    def _settle(self, there: Swarm, found: Look | None) -> None:
        """Roles, labels, settings, networks, nodes that leave: what a plan says now that all nodes are members."""
        lab = Lab(former=planning.former(self.cluster)) if found and found.lab.former else None
        plan = make(self.cluster.inventory, Seen(there, self.engines, lab=lab), self.chosen)
        Settling(self.cluster, plan, there, self.deadline, self.recap, self.done).run()
        for text in plan.notes:
            self.recap.note(text)

    def _know(self, node: Node, engine: Engine) -> None:
        with self._lock:
            self.engines[node.name] = engine


class Engines:
    """The engines of several nodes, each asked as soon as it answers."""

    def __init__(self, run: Up, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._run = run
        self._futures = {node.name: run.cluster.later(self._await(node)) for node in nodes}
        self._again: dict[str, Engine] = {}

    def of(self, node: Node) -> Engine:
        """What a node's engine says; waits for it."""
        if node.name in self._again:
            return self._again[node.name]
        if node.name not in self._futures:
            return Engine.read(self._run.cluster.api(node.name))
        return self._futures[node.name].result()

    def again(self, node: Node) -> None:
        """Asks a node's engine once more."""
        self._again[node.name] = Engine.read(self._run.cluster.api(node.name))

    def close(self) -> None:
        """Ends the waiting for those that nobody needs any more."""
        for future in self._futures.values():
            future.cancel()

    def _await(self, node: Node) -> Callable[[], Engine]:
        return lambda: await_engine(self._run, node)


def await_engine(run: Up, node: Node, *, settled: bool = True) -> Engine:
    """Asks a node's engine until it answers and, where that is asked for, has found its swarm. Raises WaitTimeout."""
    cluster, problem = run.cluster, "it does not answer"
    while True:
        try:
            dial = DIAL_WHEN_UP if cluster.lab else DIAL
            api = EngineAPI(cluster.door(node.name), dial=dial, timeout=max(run.deadline.left, 1))
            engine = Engine.read(api)
            if engine.state != "pending" or not settled or _removed(cluster, engine):
                cluster.adopt(api)
                return engine
            problem = "its engine has not found the swarm's managers yet"
            api.close()
        except Refused:
            raise
        except ConnectionFailed as error:
            problem = str(error).splitlines()[0]
        if run.starting and run.starting.done():
            run.starting.result()
            run.check_ended()
        cluster.check_open()
        run.deadline.check(f"{node.name}: {problem}")
        sleep(POLL_SECONDS)


def _removed(cluster: Cluster, engine: Engine) -> bool:
    """Whether a manager that answers does not know a node that looks for its swarm: it would look for ever."""
    with suppress(SwarmopsError):
        return engine.node_id not in {member.id for member in facts.nodes(cluster.manager())}
    return False
