"""A backup brought back: its swarm on the first manager of the inventory, the other nodes joined, services running."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from swarmops import archive, facts, raft
from swarmops.archive import Manifest
from swarmops.cluster import ELECTION_SECONDS, INFO_SECONDS, Cluster
from swarmops.commands import Command, Secret, node as node_commands, service as service_commands, state, swarm
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, InputError, Refused, SwarmopsError, WaitTimeout
from swarmops.facts import MARK, Engine
from swarmops.inventory import Node
from swarmops.ops import convergence, former, images
from swarmops.ops.members import change
from swarmops.ops.planning import observe
from swarmops.ops.renewal import renew
from swarmops.ops.up import up
from swarmops.report import Recap
from swarmops.verdict import PAUSED
from swarmops.wait import Deadline, until

RESTORING = "swarmops.restoring"
"""The label of the manager while a restoration is under way: the backup that it is of."""


def restore(
    cluster: Cluster, file: Path, timeout: float, recap: Recap, *, force: bool = False, key: Secret | None = None
) -> None:
    """Brings a backup back on nodes that are in no swarm; returns when every service runs.

    One that was interrupted is gone on with. With `force` a swarm that the first manager is in is lost. `key` is the
    one that unlocked managers when the backup was made, where it is not the one that the inventory has.
    Raises InputError for a file that is no backup, SwarmopsError where a node is in a swarm.
    """
    deadline = Deadline(timeout)
    manifest = archive.read(file)
    cluster.progress.done(f"read {file}: {manifest.cluster}, {manifest.made}, engine {manifest.engine}")

    @cache
    def content() -> bytes:
        return archive.state(file, _opened(cluster, file, key) if manifest.autolock else {})

    Restoration(cluster, cluster.inventory.managers[0], manifest, deadline, recap).run(file, content, force=force)
    if manifest.autolock:
        recap.note("Managers locked when the backup was made. They do now if the inventory states it, with a new key.")


def _opened(cluster: Cluster, file: Path, key: Secret | None) -> dict[str, bytes]:
    """The files that the engine could not read as they are, with the content that it can."""
    from swarmops import keystore, seal  # cryptography takes a tenth of a second

    pem = archive.content(file, archive.KEY)
    if not seal.sealed(pem):
        return {}
    if key is None:
        place = cluster.inventory.settings.swarm.unlock_key
        if place is None:
            raise InputError(f"{file}: its managers were locked", remedy="--key-stdin takes the key")
        key = keystore.read(place, cluster.inventory.path.parent)
    return {archive.KEY: seal.opened(pem, key)}


class Restoration:
    """One run of `restore`."""

    def __init__(self, cluster: Cluster, manager: Node, manifest: Manifest, deadline: Deadline, recap: Recap) -> None:
        self.cluster = cluster
        self.manager = manager
        self.manifest = manifest
        self.deadline = deadline
        self.recap = recap

    def run(self, file: Path, content: Callable[[], bytes], *, force: bool) -> None:
        """All of it, in order. `content` is asked for the state where it is not on the manager already."""
        if force or (self.cluster.lab and not observe(self.cluster)):
            content()  # it will be needed: what is wrong with it, or with its key, is said before anything starts
        if self.cluster.lab:
            self._start_lab()
        self._await_engines()
        occupied = self._occupied()
        leads = not force and self._leads(occupied)
        there = leads or (not force and self._under_way(occupied))
        packed = b"" if there else content()
        if self.cluster.lab:
            self._fill_registry(file)
        if not there:
            self._put(packed, occupied)
        if not leads:
            self._lead()
        self._on_manager(state.unmark())
        self._settle_address()
        self._rename_images()
        up(self.cluster, max(self.deadline.left, 1), self.recap)
        renew(self.cluster, [self.manager], self.deadline, self.recap)
        moved = self.manifest.node if self.manifest.name != self.manager.name else ""
        former.put_back(self.cluster, self.manifest.members, self.recap, moved=moved)
        change(self.cluster, self.manifest.node, node_commands.update(self.manifest.node, without=[RESTORING]))
        self.cluster.progress.done("the swarm is restored; what its services lack from now on, inv status tells")
        self._await_services()
        self.recap.ok("cluster")

    def _start_lab(self) -> None:
        from swarmops.lab.up import start

        _, starting = start(self.cluster, self.recap)
        if starting:
            starting.result()

    def _fill_registry(self, file: Path) -> None:
        from swarmops.lab import registry_data

        with archive.registry(file) as data:
            registry_data.load(self.cluster.engine, self.cluster.container("registry"), data)

    def _await_engines(self) -> None:
        """Returns when all answer, and none looks for its swarm, or has not found it in the time of an election."""
        for node in self.cluster.inventory.nodes:
            self.cluster.adopt(EngineAPI(self.cluster.door(node.name)), INFO_SECONDS)
        until(self._unanswering, self.deadline, self.cluster.progress)
        with suppress(WaitTimeout):
            until(self._looking, Deadline(min(ELECTION_SECONDS, self.deadline.left)), self.cluster.progress)

    def _unanswering(self) -> str:
        """The nodes whose engines do not answer yet, in words."""

        def problem(node: Node) -> str:
            try:
                Engine.read(self.cluster.api(node.name))
            except Refused:
                raise
            except ConnectionFailed as error:
                return str(error).splitlines()[0]
            return ""

        return ", ".join(filter(None, self.cluster.each(self.cluster.inventory.nodes, problem)))

    def _looking(self) -> str:
        """The nodes whose engines look for their swarm, in words."""
        looking = [name for name, engine in self._engines().items() if engine.state == "pending"]
        return f"{', '.join(looking)} to find the swarm that it is in" if looking else ""

    def _engines(self) -> dict[str, Engine]:
        nodes = self.cluster.inventory.nodes
        engines = self.cluster.each(nodes, lambda node: Engine.read(self.cluster.api(node.name)))
        return {node.name: engine for node, engine in zip(nodes, engines, strict=True)}

    def _occupied(self) -> dict[str, Engine]:
        """The nodes that have the state of a swarm or look for one, and the first manager if it is in one."""
        return {
            name: engine
            for name, engine in self._engines().items()
            if engine.control
            or engine.state in ("locked", "pending")
            or (name == self.manager.name and engine.state != "inactive")
        }

    def _leads(self, occupied: dict[str, Engine]) -> bool:
        """Whether the manager leads the swarm of this very backup, and not all is done that comes after."""
        engine = occupied.get(self.manager.name)
        if not engine or not engine.control or engine.error:
            return False
        own = [node for node in facts.nodes(self.cluster.api(self.manager.name)) if node.id == engine.node_id]
        return bool(own) and own[0].labels.get(RESTORING) == self.manifest.mark

    def _under_way(self, occupied: dict[str, Engine]) -> bool:
        """Whether this very backup is on the manager already, and not known to lead. Raises for another swarm."""
        if self.manager.name in occupied and self._on_manager(state.marked()).strip() == self.manifest.mark:
            return True
        if occupied:
            raise SwarmopsError(
                f"{', '.join(occupied)}: in a swarm already, which would be lost",
                remedy="inv down --volumes makes room in a lab; --force puts the backup in that swarm's place",
            )
        return False

    def _put(self, packed: bytes, occupied: dict[str, Engine]) -> None:
        """Puts the state on the manager. Ends the swarm that is there, as soon as nothing is in the way any more: two
        with the same nodes could not be told apart."""
        self._on_manager(state.stage(packed, self.manifest.mark))
        for name in occupied:
            self.cluster.run(name, swarm.leave())
            self._done(name, "left the swarm it was in")
        self._on_manager(state.swap())

    def _lead(self) -> None:
        """Makes a swarm of the state, with no other manager, and labels that."""
        if self._leaderless():
            self._on_manager(state.alone(self.manager.address))
        until(self._leaderless, self.deadline, self.cluster.progress)
        marks = {RESTORING: self.manifest.mark, MARK: self.manager.name}
        change(self.cluster, self.manifest.node, node_commands.update(self.manifest.node, labels=marks))
        self._done(self.manager.name, f"has the state of {self.manifest.name}, of {self.manifest.made}")

    def _on_manager(self, command: Command) -> str:
        return self.cluster.run(self.manager.name, command, timeout=max(self.deadline.left, 1)).stdout

    def _leaderless(self) -> str:
        engine = Engine.read(self.cluster.api(self.manager.name))
        return "" if engine.control and not engine.error else f"{self.manager.name} to lead"

    def _settle_address(self) -> None:
        """Has the manager found at its address of now. Nobody comes back then who knew the one before."""
        if not self._elsewhere():
            return
        for node in facts.nodes(self.cluster.api(self.manager.name)):
            if node.id != self.manifest.node:
                self.cluster.run(self.manager.name, node_commands.remove(node.id))
        self.cluster.run(self.manager.name, state.readdress(self.manager.address))
        until(self._elsewhere, self.deadline, self.cluster.progress)
        self._done(self.manager.name, f"is found at {self.manager.address}")

    def _elsewhere(self) -> str:
        """That the swarm has another address of its manager, in words."""
        listed = self.cluster.api(self.manager.name).get(f"/nodes/{self.manifest.node}")
        address = (listed.get("ManagerStatus") or {}).get("Addr", "")
        right = raft.place(self.manager.address)
        return "" if address == right else f"{self.manager.name} is known at {address}"

    def _rename_images(self) -> None:
        """The registry of another lab has another name, or port: services look for their images in this one's."""
        old, new = f"{self.manifest.registry}/", f"{self.cluster.inventory.registry}/"
        for service in self.cluster.ask(facts.services) if self.cluster.lab and self.manifest.registry else ():
            if service.image.startswith(old) and old != new:
                image = new + service.image.removeprefix(old)
                command = service_commands.update(service.name, [("image", image)])
                self.cluster.manage(images.authorized(self.cluster, command, image))
                self._done(service.name, f"takes its image from {new[:-1]}")
            elif service.update_state in PAUSED:  # the images were not there yet when a run before this one got here
                self.cluster.manage(service_commands.restart(service.name))
                self._done(service.name, "started anew")

    def _await_services(self) -> None:
        services = self.cluster.ask(facts.services)
        convergence.wait(self.cluster, [service.id for service in services], self.deadline)
        for service in services:
            self.recap.ok(service.name, "runs")

    def _done(self, node: str, text: str) -> None:
        self.recap.changed(node, text)
        self.cluster.progress.done(text, node)
