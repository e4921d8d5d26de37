"""A backup of the swarm: the state of one manager, and of a lab's registry, in one file."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from swarmops import archive, facts
from swarmops.archive import Manifest
from swarmops.cluster import Cluster
from swarmops.commands import state
from swarmops.connect.api import EngineAPI
from swarmops.errors import InputError, SwarmopsError
from swarmops.facts import SwarmNode
from swarmops.members import match
from swarmops.ops import former
from swarmops.quorum import Quorum
from swarmops.report import Recap
from swarmops.wait import Deadline


def backup(cluster: Cluster, path: Path, timeout: float, *, registry: bool = True) -> Recap:
    """Writes the state of a manager that is not the leader, where there is one, and reads it back.

    The manager's engine stands still while its files are copied; its containers run on. Raises InputError for a file
    that exists or cannot be.
    """
    recap = Recap()
    _refuse_taken(path)
    listed = cluster.ask(facts.nodes)
    name, member = _source(cluster, listed)
    manifest = cluster.ask(lambda api: _manifest(cluster, api, listed, member))
    cluster.progress.waiting(f"copying the state of {name}; {_cost(listed)}")
    deadline = Deadline(timeout)
    packed = cluster.run(name, state.copy(), timeout=deadline.left).stdout
    cluster.progress.done("copied its state", name)
    written = archive.write(path, manifest, base64.b64decode(packed), _registry(cluster, deadline, wanted=registry))
    recap.changed("cluster", f"wrote {path}")
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    recap.note(f"{path}: {size}, {len(written.files)} files of {name} (engine {manifest.engine}), read back.")
    recap.note(_warning(manifest))
    return recap


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path}: exists already", remedy="take another name, or remove it")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path.parent}: is no directory that can be written to")


def _source(cluster: Cluster, listed: list[SwarmNode]) -> tuple[str, SwarmNode]:
    """The manager that the swarm misses least for a moment."""
    members = match(cluster.inventory.nodes, listed, {})
    able = [(name, member) for name, member in members.items() if member.reachability == "reachable"]
    if not able:
        raise SwarmopsError("no manager of the inventory is reachable", remedy="inv status")
    return min(able, key=lambda one: one[1].leader)


def _cost(listed: list[SwarmNode]) -> str:
    """What stands still meanwhile, in words."""
    if Quorum.of(listed).spare > 0:
        return "the other managers go on"
    return "the swarm takes no changes for that moment, services run on"


def _manifest(cluster: Cluster, api: EngineAPI, listed: list[SwarmNode], source: SwarmNode) -> Manifest:
    swarm = api.get("/swarm")
    return Manifest(
        cluster=cluster.inventory.cluster,
        swarm=swarm["ID"],
        node=source.id,
        name=source.name,
        engine=source.engine,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        autolock=bool(swarm["Spec"]["EncryptionConfig"]["AutoLockManagers"]),
        registry=cluster.inventory.registry if cluster.lab else "",
        members=former.members(listed),
    )


def _registry(cluster: Cluster, deadline: Deadline, *, wanted: bool) -> Iterator[bytes]:
    """The data of a lab's registry, in pieces. Raises WaitTimeout."""
    if not cluster.lab or not wanted:
        return
    from swarmops.lab import registry_data

    for piece in registry_data.save(cluster.engine, cluster.container("registry")):
        deadline.check("the registry's data to be copied")
        yield piece


def _warning(manifest: Manifest) -> str:
    if manifest.autolock:
        return "It is of use only with the key that unlocks managers now, which is not in it: keep that elsewhere."
    return "It has the swarm's keys and secrets in it: keep it as safe as those."
