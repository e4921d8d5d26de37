"""`support`: all that somebody else needs to find out what is wrong with a cluster, in one archive, secrets masked."""

from __future__ import annotations

import io
import json
import platform
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from swarmops import doctor, private
from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.connect.api import EngineAPI
from swarmops.errors import SwarmopsError
from swarmops.inventory import Node
from swarmops.loglines import Reader
from swarmops.masking import Masker
from swarmops.ops import secret_values
from swarmops.ops.status import Status
from swarmops.wait import Deadline

LINES = 2000
"""So many lines are kept of each engine's log, and of each container's."""
CONTAINERS = 60
"""Of so many containers of each node, the newest ones; the others are named."""
LIBRARIES = ("invoke", "fabric", "docker", "jinja2", "pyyaml", "pydantic", "rich", "paramiko")
SWARM = ("swarm", "nodes", "services", "tasks", "networks", "configs", "secrets")
JOURNAL = Command(
    ("journalctl", "--no-pager", f"--lines={LINES}", "--unit", "docker.service", "--unit", "containerd.service")
)

Files = Iterator[tuple[str, str]]
"""Names and contents."""


@dataclass
class Archive:
    """What was collected: texts by their names, and what could not be had, with the reason."""

    files: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def masked(self, values: list[str]) -> Archive:
        """Without these secrets, and without what looks like one."""
        masker = Masker(values)
        clean = {masker.text(name): masker.text(text) for name, text in self.files.items()}
        return Archive(clean, {name: masker.text(why) for name, why in self.missing.items()})


def write(cluster: Cluster, path: Path, timeout: float) -> list[str]:
    """Writes the archive, which its owner alone can read, and reads it back; lines that say what is in it.

    What cannot be had within the timeout, or at all, is left out, and named in the archive. Raises WaitTimeout when
    that is so with a secret value, which could not be masked, and SwarmopsError when the file cannot be written.
    """
    deadline = Deadline(timeout)
    cluster.progress.waiting("the secret values that are to be masked")
    values = secret_values.read(cluster, deadline)
    archive = collect(cluster, deadline).masked(values)
    left_out = [f"{name}: {why}" for name, why in archive.missing.items()]
    if left_out:
        archive.files["left-out.txt"] = "\n".join(left_out) + "\n"
    _write(path, archive.files)
    size = path.stat().st_size
    return [f"{path}: {len(archive.files)} files, {size // 1024 + 1} kB", *(f"left out: {line}" for line in left_out)]


def collect(cluster: Cluster, deadline: Deadline) -> Archive:
    """All of it, asked for at once."""
    archive = Archive()
    sources: dict[str, Callable[[], Files]] = {
        "about": lambda: _about(cluster),
        "project": lambda: _project(cluster),
        "doctor": lambda: iter([("doctor.txt", doctor.text(doctor.examine(cluster)) + "\n")]),
        "status": lambda: _status(cluster),
        "swarm": lambda: _swarm(cluster),
    }
    sources |= {f"node {node.name}": lambda node=node: _node(cluster, node) for node in cluster.inventory.nodes}  # type: ignore[misc]
    sources |= {f"log of {node.name}": lambda node=node: _engine_log(cluster, node) for node in cluster.inventory.nodes}  # type: ignore[misc]
    sources |= {"lab": lambda: _lab(cluster)} if cluster.lab else {}
    asked = {name: cluster.later(lambda source=source: _all(source)) for name, source in sources.items()}  # type: ignore[misc]
    for name, future in asked.items():
        cluster.progress.waiting(name)
        try:
            files, why = future.result(max(deadline.left, 0.01))
        except TimeoutError:
            files, why = {}, f"not within {deadline.seconds:g} s"
        archive.files |= files
        archive.missing |= {name: why} if why else {}
    return archive


def _all(source: Callable[[], Files]) -> tuple[dict[str, str], str]:
    """What a source gave before it failed, and why it did."""
    files: dict[str, str] = {}
    try:
        for name, text in source():
            files[name] = text
    except (SwarmopsError, OSError) as error:
        return files, " ".join(str(error).split())
    return files, ""


def _about(cluster: Cluster) -> Files:
    from swarmops import __version__

    libraries = {name: version(name) for name in LIBRARIES}
    about = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "swarmops": __version__,
        "transport": cluster.inventory.settings.transport,
        "python": sys.version,
        "system": platform.platform(),
        "libraries": libraries,
    }
    yield "about.json", _json(about)


def _project(cluster: Cluster) -> Files:
    inventory = cluster.inventory
    yield "inventory.yaml", inventory.path.read_text(errors="replace")
    for path in sorted(inventory.rendered.glob("*")):
        if path.is_file():  # what configs hold is in directories
            yield f"rendered/{path.name}", path.read_text(errors="replace")


def _status(cluster: Cluster) -> Files:
    seen = Status.whole(cluster)
    yield "status.txt", seen.text() + "\n"
    yield "status.json", _json(seen.json())


def _swarm(cluster: Cluster) -> Files:
    for kind in SWARM:
        yield f"swarm/{kind}.json", _json(_without_data(cluster.ask(lambda api: api.get(f"/{kind}"))))  # noqa: B023


def _without_data(answer: Any) -> Any:
    """Configs may hold anything, and swarmops' own, the stacks' files, are among the rendered ones."""
    for item in answer if isinstance(answer, list) else ():
        with suppress(KeyError, TypeError):
            item["Spec"]["Data"] = f"{len(item['Spec']['Data'])} characters"
    return answer


def _node(cluster: Cluster, node: Node) -> Files:
    api = cluster.api(node.name)
    folder = f"nodes/{node.name}"
    for kind in ("info", "version", "networks", "volumes"):
        yield f"{folder}/{kind}.json", _json(api.get(f"/{kind}"))
    containers = api.get("/containers/json", all="1")
    yield f"{folder}/containers.json", _json(containers)
    newest = sorted(containers, key=lambda one: -one["Created"])
    for container in newest[:CONTAINERS]:
        yield from _container(api, folder, container)
    if older := newest[CONTAINERS:]:
        raise SwarmopsError(f"containers beside the newest {CONTAINERS}: {', '.join(map(_name, older))}")


def _name(container: Mapping[str, Any]) -> str:
    return container["Names"][0].lstrip("/") if container["Names"] else str(container["Id"][:12])


def _container(api: EngineAPI, folder: str, container: Mapping[str, Any]) -> Files:
    name, path = _name(container), f"/containers/{container['Id']}"
    with suppress(SwarmopsError):  # removed meanwhile
        yield f"{folder}/containers/{name}.json", _json(api.get(f"{path}/json"))
        reader = Reader()
        answer = api.read(f"{path}/logs", stdout="1", stderr="1", timestamps="1", tail=str(LINES))
        lines = sorted([*reader.feed(answer), *reader.end()], key=lambda line: line.at)
        yield f"{folder}/containers/{name}.log", "".join(f"{line.stamp} {line.text}\n" for line in lines)


def _engine_log(cluster: Cluster, node: Node) -> Files:
    """A lab's node prints what its engine says; a host has a journal."""
    if cluster.lab:
        from swarmops.lab import inspection

        text = inspection.log(cluster.engine, cluster.container(node.name), LINES)
    else:
        text = cluster.run(node.name, JOURNAL).stdout
    yield f"nodes/{node.name}/engine.log", text


def _lab(cluster: Cluster) -> Files:
    from swarmops.lab import inspection

    for name, one in inspection.inspect(cluster.engine, cluster.inventory.cluster):
        yield f"lab/{name}.json", _json(one)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, default=str, ensure_ascii=False) + "\n"


def _write(path: Path, files: Mapping[str, str]) -> None:
    top, content = path.name.removesuffix(".tar.gz"), io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            _add(tar, f"{top}/{name}", text.encode(errors="surrogateescape"))
    private.write(path, content.getvalue())
    with tarfile.open(path) as tar:
        written = {member.name: member.size for member in tar}
    if len(written) != len(files):
        raise SwarmopsError(f"{path}: what was written cannot be read back")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
    tar.addfile(member, io.BytesIO(content))
