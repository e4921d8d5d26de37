"""An open cluster: its inventory, a door and an API to each node, and a manager that answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from swarmops import facts, secrets
from swarmops.commands import Command
from swarmops.commands.registry import Login
from swarmops.connect import Door, Result, local
from swarmops.connect.api import ANSWER_SECONDS, EngineAPI
from swarmops.errors import (
    CommandFailed,
    ConnectionFailed,
    EngineFailed,
    NoLeader,
    Refused,
    Silent,
    SwarmopsError,
    WaitTimeout,
)
from swarmops.facts import Json
from swarmops.inventory import Inventory, Node
from swarmops.report import Progress
from swarmops.wait import POLL_SECONDS, Deadline

if TYPE_CHECKING:
    from docker.api.client import APIClient

T = TypeVar("T")

ELECTION_SECONDS = 30.0
"""How long managers may take to elect a leader: 10 to 20 s, and once, on a very busy machine, 27 (docs/drills.md)."""
INFO_SECONDS = 45.0
"""How long a manager may take to say that it has no leader: it asks for one first."""
UNLOCK = "inv swarm.unlock"


class Cluster:
    """The nodes of an inventory, reachable. Connections open when they are first needed and are kept.

    Use as a context manager: leaving it closes every connection.
    """

    def __init__(self, inventory: Inventory, progress: Progress) -> None:
        self.inventory = inventory
        self.progress = progress
        self._lock = threading.RLock()
        self._choosing = threading.Lock()
        self._doors: dict[str, Door] = {}
        self._admitted: list[str] = []
        self._apis: dict[str, EngineAPI] = {}
        self._manager = ""
        self._engine: APIClient | None = None
        self._logins: dict[str, Login] = {}
        self._closed = False
        self.digests: dict[str, str] = {}
        """What the registries have said of images in the time of this task."""
        self.platforms: dict[str, Sequence[Json]] = {}
        """What those are made for, by digest."""
        self.unheard: dict[str, Silent] = {}
        """The registries that have not answered in time."""
        self._pool = ThreadPoolExecutor(4 * len(inventory.nodes) + 4)
        self._begun: dict[object, Future[Any]] = {}

    @property
    def lab(self) -> bool:
        """Whether the nodes are containers of one engine."""
        return self.inventory.settings.transport == "lab"

    @property
    def engine(self) -> APIClient:
        """The engine that runs the lab's containers."""
        with self._lock:
            if self._engine is None:
                from swarmops.lab.engine import connect

                self._engine = connect()
            return self._engine

    def container(self, node: str) -> str:
        """The name of a lab node's container."""
        return f"{self.inventory.cluster}-{node}"

    def door(self, name: str) -> Door:
        """The way to a node of the inventory."""
        self.check_open()
        with self._lock:
            if name not in self._doors:
                self._doors[name] = self._open(self.inventory.node(name))
            return self._doors[name]

    def admit(self, name: str) -> None:
        """Takes a node of the lab that has left the inventory for one of the cluster, which it still may lead."""
        with self._lock:
            if name not in self._doors:
                from swarmops.connect.docker import DockerDoor

                self._doors[name] = DockerDoor(self.engine, name, self.container(name))
                self._admitted.append(name)

    def api(self, name: str) -> EngineAPI:
        """The API of the engine on a node."""
        with self._lock:
            if name not in self._apis:
                self._apis[name] = EngineAPI(self.door(name))
            return self._apis[name]

    def login(self, registry: str) -> Login | None:
        """The log-in that the inventory states for a registry; read when it is first needed, and once.

        Raises InputError for a password that cannot be had.
        """
        stated = self.inventory.credentials.get(registry)
        with self._lock:
            if stated and registry not in self._logins:
                self._logins[registry] = secrets.login(stated, self.inventory.path.parent)
            return self._logins.get(registry)

    def run(self, name: str, command: Command, *, timeout: float = 60) -> Result:
        """Runs a command on a node."""
        return self.door(name).run(command, timeout=timeout)

    def manager(self) -> EngineAPI:
        """The API of a manager that answers; the last one that did comes first.

        Raises ConnectionFailed when none does, with what each of them said; NoLeader when they lack but a leader.
        """
        self.check_engine()
        before = self._manager
        with self._choosing:
            if self._manager != before:  # another thread has just asked
                return self.api(self._manager)
            said: dict[str, str] = {}
            remedy, leaderless = "inv up, or inv doctor", False
            for name in self._candidates():
                try:
                    engine = facts.Engine.read(self.api(name))
                except SwarmopsError as error:
                    remedy = error.remedy if isinstance(error, Refused) else remedy
                    leaderless = leaderless or isinstance(error, Silent)
                    said[name] = str(error).splitlines()[0]
                    continue
                if engine.control and not engine.error:
                    self._prefer(name, list(said.values()))
                    return self.api(name)
                leaderless = leaderless or engine.control
                remedy = UNLOCK if engine.locked else remedy
                said[name] = f"{name}: {engine.error or 'not a manager (' + engine.state + ')'}"
        reasons = "".join(f"\n    {said[node.name]}" for node in self.inventory.managers)
        if leaderless:
            more = "more than half of them have to run: inv up"
            locked = remedy == UNLOCK
            raise NoLeader(f"the managers have no leader:{reasons}", remedy=remedy if locked else more)
        raise ConnectionFailed(f"no manager answers:{reasons}", remedy=remedy)

    def current(self) -> EngineAPI:
        """The API of the manager that answered last, without asking it again; raises what `manager` raises."""
        return self.api(self._manager) if self._manager else self._manager_soon()

    def ask(self, question: Callable[[EngineAPI], T]) -> T:
        """Asks a manager; asks again, through another one or after an election, where that one or its leader is lost.

        What a question changes may therefore be changed twice. Raises what `manager` and the question raise, once
        ELECTION_SECONDS have brought no leader.
        """
        api = self.current()
        end: Deadline | None = None
        doubted = False
        while True:
            try:
                return question(api)
            except (ConnectionFailed, EngineFailed) as error:
                doubt = isinstance(error, EngineFailed)  # an engine says the same of what it never can do
                if end and (not end.left or (doubt and doubted)):
                    raise
                end, doubted = end or Deadline(ELECTION_SECONDS), doubt
            api = self._manager_soon()

    def manage(self, command: Command, *, timeout: float = 60, once: bool = False) -> Result:
        """Runs a command on a manager that answers.

        Runs it again where that manager, or the swarm's leader, was lost meanwhile: it may have done its work already.
        What is stated as a whole is as it should be then (`stack deploy`, `service update`, `scale`, `node update`).
        But a service that was changed twice has its present version as the one before, so that swarm's own rollback has
        nothing to go back to. `once` is for what must not be done twice.
        """
        before = self._standing()
        while True:
            try:
                return self.run(before[0], command, timeout=timeout)
            except (ConnectionFailed, CommandFailed, WaitTimeout):
                if once or (now := self._standing()) == before:
                    raise
                before = now

    def adopt(self, api: EngineAPI, timeout: float = ANSWER_SECONDS) -> None:
        """Keeps a connection that somebody else opened, for `api`; each answer may take so long from now on."""
        api.limit(timeout)
        with self._lock:
            self._apis[api.node] = api

    def later(self, work: Callable[[], T]) -> Future[T]:
        """Starts work in the background."""
        return self._pool.submit(work)

    def once(self, work: Callable[[Cluster], T]) -> Future[T]:
        """Starts work in the background, unless that has been done before."""
        with self._lock:
            if work not in self._begun:
                self._begun[work] = self._pool.submit(work, self)
            return self._begun[work]

    def each(self, nodes: Iterable[Node], work: Callable[[Node], T]) -> list[T]:
        """Does the same on several nodes at once; the results in the order of the nodes."""
        return [future.result() for future in [self._pool.submit(work, node) for node in nodes]]

    def ahead(self) -> None:
        """Begins to look for a manager, for a task that has much to import before it asks one."""
        with suppress(ConnectionFailed):  # whoever asks next says so
            self.check_engine()  # first: two threads that import take each other's time, and the nodes would wait
        self._pool.submit(self.manager)

    def check_engine(self) -> None:
        """Raises ConnectionFailed when the engine that runs the lab's nodes does not answer: then none of them can."""
        if self.lab:
            _ = self.engine

    def check_open(self) -> None:
        """Raises when the cluster has been closed: work in the background ends by it."""
        if self._closed:
            raise ConnectionFailed("interrupted")

    def close(self) -> None:
        """Closes every connection; whoever still waits on one, or would open another, gets ConnectionFailed."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for door in list(self._doors.values()):
            door.close()
        local.end_all()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, node: Node) -> Door:
        if self.lab:
            from swarmops.connect.docker import DockerDoor

            return DockerDoor(self.engine, node.name, self.container(node.name))
        from swarmops.connect.ssh import SSHDoor

        return SSHDoor(
            node.name,
            node.vars.ansible_host or node.name,
            user=node.vars.ansible_user,
            port=node.vars.ansible_port,
            key=self.inventory.private_key(node),
            known_hosts=self.inventory.known_hosts,
        )

    def _manager_soon(self) -> EngineAPI:
        """The API of a manager that answers, after an election if need be."""
        end: Deadline | None = None
        while True:
            try:
                return self.manager()
            except ConnectionFailed as error:
                lost = self._manager and len(self.inventory.managers) > 1  # the others may be about to take over
                end = end or Deadline(ELECTION_SECONDS)  # not before: the first look may have taken a while
                if self._closed or not end.left or not (lost or isinstance(error, NoLeader)):
                    raise
            self.progress.waiting("the managers to elect a leader")
            time.sleep(POLL_SECONDS)

    def _standing(self) -> tuple[str, list[str]]:
        """The manager in use, and the leader that it knows."""
        return self.ask(lambda api: (api.node, [node.id for node in facts.nodes(api) if node.leader]))

    def _candidates(self) -> list[str]:
        """Managers first; a worker may have been promoted."""
        names = [*(node.name for node in (*self.inventory.managers, *self.inventory.workers)), *self._admitted]
        return sorted(names, key=lambda name: name != self._manager)

    def _prefer(self, name: str, said: list[str]) -> None:
        if said and name != self._manager:
            self.progress.done(f"going on through {name}: {said[0]}")
        self._manager = name
