"""`up`: from an inventory to a swarm whose every node is Ready and in its role."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from time import sleep

from swarmops import facts, plan
from swarmops.cluster import Cluster
from swarmops.commands import Command, swarm
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, Refused, Silent, SwarmopsError
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Node, Role
from swarmops.ops.roles import set_role
from swarmops.report import Outcome, Recap
from swarmops.wait import POLL_SECONDS, Deadline, until

# The node itself waits for its engine: that costs one exec, where asking again and again would cost one each time.
DIAL_WHEN_UP = Command(
    ("sh", "-c", "until [ -S /var/run/docker.sock ]; do sleep 0.05; done; exec docker system dial-stdio")
)


def up(cluster: Cluster, timeout: float, recap: Recap) -> None:
    """Starts what is missing, makes the swarm and waits until every node is Ready and in its role.

    Raises WaitTimeout, or SwarmopsError with the failures of all nodes; `recap` has by then what was done.
    """
    Up(cluster, timeout, recap).run()


class Up:
    """One run of `up`: what it knows so far."""

    def __init__(self, cluster: Cluster, timeout: float, recap: Recap) -> None:
        self.cluster = cluster
        self.nodes = cluster.inventory.nodes
        self.deadline = Deadline(timeout)
        self.recap = recap
        self.ids: dict[str, str] = {}
        self.starting: Future[None] | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """All of it, in order."""
        seen = self.cluster.later(self._members_now)  # while the compose file is rendered and compared
        touched = self._start_lab() if self.cluster.lab else set()
        members = seen.result() if not touched else {}
        strangers = [node for node in self.nodes if node.name not in members]
        if strangers:
            self._form(strangers)
        if self.starting:
            self.starting.result()
        members = self._wait_ready()
        self._settle(members)
        self._networks()
        for node in self.nodes:
            self.recap.ok(node.name)

    def _start_lab(self) -> set[str]:
        from swarmops.lab.up import start

        touched, self.starting = start(self.cluster, self.recap)
        return touched

    def _members_now(self) -> dict[str, SwarmNode]:
        """The nodes that a running manager already sees Ready; none of them needs a look of its own."""
        with suppress(SwarmopsError):
            listed = facts.nodes(self.cluster.manager())
            return {name: member for name, member in plan.match(self.nodes, listed, {}).items() if member.ready}
        return {}

    def _form(self, strangers: list[Node]) -> None:
        """Makes the swarm if there is none, and brings the strangers in: managers one by one, workers at once."""
        engines = Engines(self, strangers)
        try:
            leader = self._leader(engines)
            api = self.cluster.api(leader.name)
            listed, tokens = facts.nodes(api), facts.join_tokens(api)
            if others := [node.name for node in strangers if node != leader]:
                self.cluster.progress.waiting(f"{', '.join(others)} to join")

            def bring_in(node: Node) -> str:
                try:
                    self._join(node, engines.of(node), listed, tokens[node.role], leader)
                except SwarmopsError as error:
                    self.recap.add(node.name, Outcome.FAILED, str(error))
                    return str(error)
                return ""

            failures = [bring_in(node) for node in strangers if node.role is Role.MANAGER and node != leader]
            failures += self.cluster.each([node for node in strangers if node.role is Role.WORKER], bring_in)
        finally:
            engines.close()
        if any(failures):
            raise SwarmopsError("\n    ".join(filter(None, failures)), remedy="inv up goes on from here")

    def _leader(self, engines: Engines) -> Node:
        """A manager of the swarm that exists, or the first one of a new swarm."""
        if len(engines.nodes) < len(self.nodes):
            with suppress(ConnectionFailed):
                return self.cluster.inventory.node(self.cluster.manager().node)
        managers = self.cluster.inventory.managers
        in_use = any(engines.of(node).state != "inactive" for node in managers)
        # A manager that was demoted by hand leaves the control to a node that the inventory has as a worker.
        for node in (*managers, *(self.cluster.inventory.workers if in_use else ())):
            if engines.of(node).control:
                self._know(node, engines.of(node))
                until(lambda: self._leaderless(node), self.deadline, self.cluster.progress)  # noqa: B023
                return node
        return self._init(managers[0])

    def _leaderless(self, node: Node) -> str:
        """What a manager waits for before it can speak for the swarm: others may still be coming back."""
        try:
            error = Engine.read(self.cluster.api(node.name)).error
        except Silent:
            error = "it is silent"
        return "the managers to elect a leader" if error else ""

    def _init(self, node: Node) -> Node:
        self.cluster.run(node.name, swarm.init(node.address))
        self._know(node, Engine.read(self.cluster.api(node.name)))
        self._changed(node.name, "initialised the swarm")
        return node

    def _join(self, node: Node, engine: Engine, listed: list[SwarmNode], token: object, leader: Node) -> None:
        """Joins the node unless it is a member; its id is known afterwards."""
        if node != leader and plan.may_join(node, engine, listed, own=self.cluster.lab):
            if engine.state != "inactive":
                self.cluster.run(node.name, swarm.leave())
                self._changed(node.name, "left the swarm it was in")
            command = swarm.join(token, node.address, leader.address)  # type: ignore[arg-type]
            self.cluster.run(node.name, command, timeout=max(self.deadline.left, 1))
            engine = Engine.read(self.cluster.api(node.name))
            self._changed(node.name, f"joined as {node.role}")
        self._know(node, engine)

    def _wait_ready(self) -> dict[str, SwarmNode]:
        members: dict[str, SwarmNode] = {}

        def missing() -> str:
            nonlocal members
            members = plan.match(self.nodes, self.cluster.ask(facts.nodes), self.ids)
            return plan.not_ready(self.nodes, members)

        until(missing, self.deadline, self.cluster.progress)
        return members

    def _settle(self, members: dict[str, SwarmNode]) -> None:
        """Roles, availability, labels; entries of former lives go."""
        for name, role in plan.roles(self.nodes, members):
            set_role(self.cluster, members[name], role, self.deadline)
            self._changed(name, f"is a {role} again" if role is Role.WORKER else f"became a {role}")
        actions = [action for node in self.nodes if (action := plan.settings(node, members[node.name]))]
        actions += plan.former_lives(self.nodes, self.cluster.ask(facts.nodes), members)
        for action in actions:
            self._apply(action)

    def _networks(self) -> None:
        wanted = self.cluster.inventory.settings.networks
        existing = self.cluster.ask(facts.networks)
        for action in plan.networks(wanted, existing, {"swarmops.cluster": self.cluster.inventory.cluster}):
            self._apply(action)
        for text in plan.network_drift(wanted, existing):
            self.recap.note(text)

    def _apply(self, action: plan.Action) -> None:
        self.cluster.manage(action.command)
        self._changed(action.node, action.what)

    def _know(self, node: Node, engine: Engine) -> None:
        with self._lock:
            self.ids[node.name] = engine.node_id

    def _changed(self, node: str, text: str) -> None:
        with self._lock:
            self.recap.changed(node, text)
        self.cluster.progress.done(text, node)


class Engines:
    """The engines of several nodes, each asked as soon as it answers."""

    def __init__(self, run: Up, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._run = run
        self._futures = {node.name: run.cluster.later(self._await(node)) for node in nodes}

    def of(self, node: Node) -> Engine:
        """What a node's engine says; waits for it."""
        if node.name not in self._futures:
            return Engine.read(self._run.cluster.api(node.name))
        return self._futures[node.name].result()

    def close(self) -> None:
        """Ends the waiting for those that nobody needs any more."""
        for future in self._futures.values():
            future.cancel()

    def _await(self, node: Node) -> Callable[[], Engine]:
        return lambda: await_engine(self._run, node)


def await_engine(run: Up, node: Node) -> Engine:
    """Asks a node's engine until it answers and knows whether it is in a swarm. Raises WaitTimeout."""
    cluster, problem = run.cluster, "it does not answer"
    while True:
        try:
            api = EngineAPI(cluster.door(node.name), dial=DIAL_WHEN_UP, timeout=max(run.deadline.left, 1))
            engine = Engine.read(api)
            if engine.state != "pending":
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
        cluster.check_open()
        run.deadline.check(f"{node.name}: {problem}")
        sleep(POLL_SECONDS)
