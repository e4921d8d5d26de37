"""Images that nothing needs any more, removed from the nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from swarmops import facts, record
from swarmops.cluster import Cluster
from swarmops.commands import image as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import Silent, SwarmopsError, WaitTimeout
from swarmops.facts import Json, image_of
from swarmops.inventory import Node
from swarmops.report import Outcome, Recap

PRUNE_SECONDS = 300


@dataclass(frozen=True)
class Pruned:
    """What was done on a node: how many images went and stayed against the wish, and how many bytes came free."""

    removed: int
    kept: int
    freed: int | None
    """None where the engine takes too long to count them."""


def prune(cluster: Cluster, recap: Recap, node: str | None = None) -> None:
    """Removes what no container uses and neither a service, as it is and was, nor a recorded version needs.

    Raises SwarmopsError, once the others are done, where that fails on a node; WaitTimeout where it is but late.
    """
    nodes = [cluster.inventory.node(node)] if node else list(cluster.inventory.nodes)
    needed = cluster.ask(_needed)

    def work(one: Node) -> Pruned | SwarmopsError:
        try:
            return _prune(cluster, one.name, needed)
        except SwarmopsError as error:
            return error

    failed: list[SwarmopsError] = []
    for one, done in zip(nodes, cluster.each(nodes, work), strict=True):
        if isinstance(done, SwarmopsError):
            recap.add(one.name, Outcome.FAILED, done.said)
            failed.append(done)
            continue
        if done.removed:
            freed = f", {done.freed / 1e6:.1f} MB freed" if done.freed is not None else ""
            recap.changed(one.name, f"removed {done.removed} images")
            recap.note(f"{one.name}: {_plural(done.removed)} removed{freed}")
        if done.kept:
            recap.note(f"{one.name}: {_plural(done.kept)} could not be removed: others are made from them")
        recap.ok(one.name)
    if failed:
        late = all(isinstance(error, WaitTimeout) for error in failed)
        said = "\n    ".join(["images may be left:", *(error.said.splitlines()[0] for error in failed)])
        raise (WaitTimeout if late else SwarmopsError)(said, remedy="inv doctor")


def _needed(api: EngineAPI) -> set[str]:
    """The images that services and recorded versions name: their digests, and the names of those without one."""
    specs = [spec for service in facts.services(api) for spec in (service.spec, service.previous) if spec]
    names = {image_of(spec) for spec in specs} | {image for kept in record.read(api) for image in kept.images}
    return {_identity(name) for name in names}


def _identity(name: str) -> str:
    name, _, digest = name.partition("@")
    return digest or (name if ":" in name.rpartition("/")[2] else f"{name}:latest")


def _prune(cluster: Cluster, node: str, needed: Collection[str]) -> Pruned:
    api = cluster.api(node)
    before, used = _images(api), {container["ImageID"] for container in api.get("/containers/json", all="1")}
    unused = [image for image, one in before.items() if image not in used and not _names(one) & set(needed)]
    if not unused:
        return Pruned(0, 0, 0)
    size = _size(api)
    # Its exit code tells of the last one; what is left is looked at.
    cluster.door(node).run(commands.remove(*unused), timeout=PRUNE_SECONDS, check=False)
    left = _images(api).keys() & set(unused)
    now = _size(api)
    return Pruned(len(unused) - len(left), len(left), size - now if size is not None and now is not None else None)


def _images(api: EngineAPI) -> Mapping[str, Json]:
    return {image["Id"]: image for image in api.get("/images/json")}


def _names(image: Json) -> set[str]:
    """The digests and the names that an image has on its node."""
    return {name.partition("@")[2] for name in image.get("RepoDigests") or []} | set(image.get("RepoTags") or [])


def _size(api: EngineAPI) -> int | None:
    with suppress(Silent):
        return int(api.get("/system/df", type="image").get("LayersSize") or 0)
    return None


def _plural(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"
