"""The images of an inventory: that the engine has them, whatever that takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from docker.api.client import APIClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from swarmops.inventory import Inventory
from swarmops.lab import debian
from swarmops.lab.build import build, is_there, pull
from swarmops.lab.engine import told
from swarmops.lab.recipes import Recipe, Source, recipe, reference
from swarmops.report import Progress

__all__ = ["LAB", "LabImages", "Source", "ensure_image", "ensure_images", "ensure_lab_images", "reference", "source"]

LAB = ("node", "registry")
EDGE = "haproxy"
"""What runs in front of several managers."""
HUB_SECONDS = 4
AT_ONCE = 2


@dataclass(frozen=True)
class LabImages:
    """The local tags of the images that a lab's containers run."""

    node: str
    registry: str
    edge: str = ""


class Shelf:
    """The images that the engine has. It is asked once for those made here, 2 ms, and about each other one."""

    def __init__(self, client: APIClient) -> None:
        self.client = client
        self._made: dict[str, Mapping[str, str]] | None = None

    def has(self, one: Recipe) -> bool:
        """Whether the engine has the image; a base only when it was made the way it would be made now."""
        if one.suite:
            return self._of_ours().get(one.tag, {}).get(debian.CONTENT_LABEL) == debian.content(one.suite)
        return one.tag in self._of_ours() if one.context else is_there(self.client, one.tag)

    def _of_ours(self) -> dict[str, Mapping[str, str]]:
        if self._made is None:
            with told("images"):
                found = self.client.images(filters={"reference": "swarmops/*"})
            self._made = {tag: image["Labels"] or {} for image in found for tag in image["RepoTags"] or ()}
        return self._made


def source(inventory: Inventory, client: APIClient) -> Source:
    """Where images come from: as stated, as the engine has a lab's images already, or the hub where it answers.

    Only that last question takes more than milliseconds: up to a few seconds.
    """
    return _source(inventory, Shelf(client))


def _source(inventory: Inventory, shelf: Shelf) -> Source:
    stated = inventory.settings.images.source
    if stated != "auto":
        return stated
    candidates: tuple[Source, ...] = ("hub", "debian")
    for candidate in candidates:
        if all(shelf.has(recipe(name, inventory, candidate)) for name in LAB):
            return candidate
    return "hub" if hub_answers(shelf.client, inventory.settings.images.hub["registry"]) else "debian"


def hub_answers(client: APIClient, image: str) -> bool:
    """Whether the engine gets an answer about `image` from where its name points."""
    before, client.timeout = client.timeout, HUB_SECONDS
    try:
        client.inspect_distribution(image)
    except (DockerException, RequestException):
        return False
    finally:
        client.timeout = before
    return True


def ensure_lab_images(inventory: Inventory, client: APIClient, progress: Progress) -> LabImages:
    """The images that a lab's containers run; makes what is missing."""
    tags = ensure_images((*LAB, *([EDGE] if inventory.edge else [])), inventory, client, progress)
    return LabImages(tags["node"], tags["registry"], tags.get(EDGE, ""))


def find_lab_images(inventory: Inventory, client: APIClient) -> tuple[LabImages, list[str]]:
    """The same, and the names of those that are missing; makes nothing."""
    shelf, names = Shelf(client), (*LAB, *([EDGE] if inventory.edge else []))
    origin = _source(inventory, shelf)
    recipes = {name: recipe(name, inventory, origin) for name in names}
    tags = {name: one.tag for name, one in recipes.items()}
    missing = [name for name, one in recipes.items() if not shelf.has(one)]
    return LabImages(tags["node"], tags["registry"], tags.get(EDGE, "")), missing


def ensure_image(name: str, inventory: Inventory, client: APIClient, progress: Progress) -> str:
    """The local tag of an image of the inventory; makes it when it is missing."""
    return ensure_images((name,), inventory, client, progress)[name]


def ensure_images(names: Iterable[str], inventory: Inventory, client: APIClient, progress: Progress) -> dict[str, str]:
    """The local tags of images of the inventory, by their names; makes what is missing, two images at a time.

    Some milliseconds when nothing is. Raises SwarmopsError with the last lines of what failed.
    """
    shelf = Shelf(client)
    origin = _source(inventory, shelf)
    recipes = {name: recipe(name, inventory, origin) for name in names}
    for stage in stages(recipes.values(), shelf.has):
        at_once([partial(make, one, client, progress) for one in stage])
    return {name: one.tag for name, one in recipes.items()}


def make(one: Recipe, client: APIClient, progress: Progress) -> None:
    """Makes the image, from parents that are there. Raises SwarmopsError when that fails."""
    if one.suite:
        debian.make(one.suite, client, progress)
    elif one.context:
        args = {arg: parent.tag for arg, parent in one.parents.items()}
        build(client, one.tag, one.context, one.dockerfile, args, progress)
    else:
        pull(client, one.tag, progress)


def stages(recipes: Iterable[Recipe], is_present: Callable[[Recipe], bool]) -> list[list[Recipe]]:
    """What has to be made: parents in an earlier stage than their children, those of one stage in any order."""
    depths: dict[str, tuple[int, Recipe | None]] = {}

    def depth(one: Recipe) -> int:
        if one.tag not in depths:
            missing = not is_present(one)
            above = max((depth(parent) for parent in one.parents.values()), default=0) if missing else 0
            depths[one.tag] = (above + 1, one) if missing else (0, None)
        return depths[one.tag][0]

    deepest = max((depth(one) for one in recipes), default=0)
    return [[one for at, one in depths.values() if one and at == stage] for stage in range(1, deepest + 1)]


def at_once(jobs: Sequence[Callable[[], None]]) -> None:
    """Does the jobs, two at a time; raises what the first that fails raises, and starts no other then.

    The threads do not hold up the end of an interrupted command; the engine ends a build whose client is gone.
    """
    waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
    for job in jobs:
        waiting.put(job)
    failures: list[Exception] = []

    def work() -> None:
        while not failures:
            try:
                waiting.get_nowait()()
            except Empty:
                return
            except Exception as error:  # noqa: BLE001 - handed over to the caller
                failures.append(error)

    if len(jobs) == 1:
        jobs[0]()
        return
    threads = [threading.Thread(target=work, daemon=True) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
