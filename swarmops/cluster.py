"""An open cluster: its inventory, a door and an API to each node, and a manager that answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from swarmops import facts, secrets
from swarmops.commands import Command
from swarmops.commands.registry import Login
from swarmops.connect import Door, Result, local
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, Refused, SwarmopsError
from swarmops.inventory import Inventory, Node
from swarmops.report import Progress

if TYPE_CHECKING:
    from docker.api.client import APIClient

T = TypeVar("T")


class Cluster:
    """The nodes of an inventory, reachable. Connections open when they are first needed and are kept.

    Use as a context manager: leaving it closes every connection.
    """

    def __init__(self, inventory: Inventory, progress: Progress) -> None:
        self.inventory = inventory
        self.progress = progress
        self._lock = threading.RLock()
        self._doors: dict[str, Door] = {}
        self._apis: dict[str, EngineAPI] = {}
        self._manager = ""
        self._engine: APIClient | None = None
        self._logins: dict[str, Login] = {}
        self._closed = False
        self._pool = ThreadPoolExecutor(4 * len(inventory.nodes) + 4)

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

        Raises ConnectionFailed when none does, with what each of them said.
        """
        self.check_engine()
        with self._lock:
            said: dict[str, str] = {}
            remedy = "inv up, or inv doctor"
            for name in self._candidates():
                try:
                    engine = facts.Engine.read(self.api(name))
                except SwarmopsError as error:
                    remedy = error.remedy if isinstance(error, Refused) else remedy
                    said[name] = str(error).splitlines()[0]
                    continue
                if engine.control:
                    self._prefer(name, list(said.values()))
                    return self.api(name)
                said[name] = f"{name}: {engine.error or 'not a manager (' + engine.state + ')'}"
        reasons = [said[node.name] for node in self.inventory.managers]
        raise ConnectionFailed("no manager answers:\n    " + "\n    ".join(reasons), remedy=remedy)

    def ask(self, question: Callable[[EngineAPI], T]) -> T:
        """Asks a manager, and another one when that one is lost on the way."""
        api = self.api(self._manager) if self._manager else self.manager()
        try:
            return question(api)
        except ConnectionFailed:
            return question(self.manager())

    def manage(self, command: Command, *, timeout: float = 60) -> Result:
        """Runs a command on a manager that answers."""
        return self.run(self.manager().node, command, timeout=timeout)

    def adopt(self, api: EngineAPI) -> None:
        """Keeps a connection that somebody else opened, for `api`."""
        with self._lock:
            self._apis[api.node] = api

    def later(self, work: Callable[[], T]) -> Future[T]:
        """Starts work in the background."""
        return self._pool.submit(work)

    def each(self, nodes: Iterable[Node], work: Callable[[Node], T]) -> list[T]:
        """Does the same on several nodes at once; the results in the order of the nodes."""
        return [future.result() for future in [self._pool.submit(work, node) for node in nodes]]

    def check_engine(self) -> None:
        """Raises ConnectionFailed when the engine that runs the lab's nodes does not answer: then none of them can."""
        if self.lab:
            _ = self.engine

    def check_open(self) -> None:
        """Raises when the cluster has been closed: work in the background ends by it."""
        if self._closed:
            raise ConnectionFailed("interrupted")

    def close(self) -> None:
        """Closes every connection; whoever still waits on one gets ConnectionFailed."""
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
            key=node.vars.ansible_ssh_private_key_file,
            known_hosts=self.inventory.known_hosts,
        )

    def _candidates(self) -> list[str]:
        """Managers first; a worker may have been promoted."""
        names = [node.name for node in (*self.inventory.managers, *self.inventory.workers)]
        return sorted(names, key=lambda name: name != self._manager)

    def _prefer(self, name: str, said: list[str]) -> None:
        if said and name != self._manager:
            self.progress.done(f"going on through {name}: {said[0]}")
        self._manager = name
