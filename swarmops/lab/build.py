"""One image: whether the engine has it, what it is made of, how it is built or pulled."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any, TypeVar

from docker.api.client import APIClient
from docker.errors import DockerException, ImageNotFound
from docker.utils import exclude_paths
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from swarmops.connect import KEPT_LINES
from swarmops.connect.docker import reason
from swarmops.errors import ConnectionFailed, InputError, SwarmopsError, WaitTimeout
from swarmops.lab import apt
from swarmops.lab.engine import told
from swarmops.report import Progress

IMAGE_LABEL = "swarmops.image"
COLOUR = re.compile("\x1b\\[[0-9;]*m")
"""The engine's builder prints what comes from standard error in red."""
SILENT_SECONDS = 600
"""So long a build, a pull or a push may say nothing, as a step that compiles does."""
SHOWN = 100
"""So many characters of a step are shown."""
AHEAD = 8
"""So many pieces may wait to be used, of up to 2 MB."""

T = TypeVar("T")


def is_there(client: APIClient, tag: str) -> bool:
    """Whether the engine has an image, by whatever name it is asked for."""
    with told(f"image {tag}"):
        try:
            client.inspect_image(tag)
        except ImageNotFound:
            return False
    return True


def content(context: Path, dockerfile: str, args: Mapping[str, str]) -> str:
    """What an image is made of, in 12 hexadecimal digits: its context, modes included, and its arguments.

    Raises InputError for what cannot be read.
    """
    digest = hashlib.sha256(repr((dockerfile, sorted(args.items()))).encode())
    try:
        for name in files(context, dockerfile):
            path = context / name
            data = bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
            digest.update(repr((name, path.lstat().st_mode & 0o111 != 0, hashlib.sha256(data).digest())).encode())
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    return digest.hexdigest()[:12]


def files(context: Path, dockerfile: str) -> list[str]:
    """The files and links that the engine gets to see: those of the context that `.dockerignore` leaves.

    It also gets directories and FIFOs, which are made of nothing, and no sockets.
    """
    ignore = context / ".dockerignore"
    patterns = read(ignore).splitlines() if ignore.is_file() else []
    kept = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    names = exclude_paths(str(context), kept, dockerfile)
    return sorted(name for name in names if (context / name).is_symlink() or (context / name).is_file())


def read(path: Path) -> str:
    """A text of a context. Raises InputError for what cannot be read, or is none."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None


def build(
    client: APIClient, tag: str, context: Path, dockerfile: str, args: Mapping[str, str], progress: Progress
) -> None:
    """Builds an image on the host's network. Raises SwarmopsError with the last lines of a build that fails."""
    name = tag.partition(":")[0].rpartition("/")[2]
    try:
        events = partial(
            client.build,
            path=str(context),
            dockerfile=dockerfile,
            tag=tag,
            buildargs={**apt.proxies(), **args},
            labels={IMAGE_LABEL: name},
            network_mode="host",
            rm=True,
            forcerm=True,
            decode=True,
        )
        follow_build(name, patient(f"the build of image {name}", events), progress)
    except (DockerException, OSError) as error:  # the latter of a file too: one that is gone meanwhile, a full disk
        raise SwarmopsError(f"the build of image {name} broke off: {error}", remedy="inv doctor") from error
    progress.done(f"image {tag} built")


def patient(what: str, begin: Callable[[], Iterable[T]], seconds: float = SILENT_SECONDS) -> Iterator[T]:
    """What the engine gives of something that it has begun, as it comes: the SDK itself would wait for ever.

    Raises WaitTimeout once it has given nothing for so long, ConnectionFailed where the connection to it breaks, and
    what `begin` and its events raise.
    """
    news: Queue[T | Exception | None] = Queue(AHEAD)

    def read() -> None:
        try:
            for event in begin():
                news.put(event)
        except Exception as error:  # noqa: BLE001 (raised below, where it belongs)
            news.put(error)
        news.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            said = news.get(timeout=seconds)
        except Empty:
            raise WaitTimeout(f"{what} has said nothing for {seconds:g} s", remedy="inv doctor") from None
        if said is None:
            return
        if isinstance(said, HTTPError):  # the SDK lets those of the library below it through
            raise ConnectionFailed(f"{what} broke off: {reason(said)}", remedy="inv doctor") from said
        if isinstance(said, Exception):
            raise said
        yield said


def follow_build(name: str, events: Iterable[Mapping[str, Any]], progress: Progress) -> None:
    """Shows the steps of a build. Raises SwarmopsError with the last lines when it fails."""
    last: deque[str] = deque(maxlen=KEPT_LINES)
    for event in events:
        if "error" in event:
            said = "\n    ".join([*last, str(event["error"]).strip()])
            raise SwarmopsError(f"the build of image {name} failed:\n    {said}")
        for line in COLOUR.sub("", str(event.get("stream", ""))).splitlines():
            if line.startswith("Step "):
                progress.waiting(f"image {name}: {shorten(line)}")
            if line.strip():
                last.append(line.rstrip())


def pull(client: APIClient, tag: str, progress: Progress) -> None:
    """Pulls an image from where its name says. Raises SwarmopsError when that fails."""
    progress.waiting(f"pulling {tag}")
    try:
        events = partial(client.pull, tag, stream=True, decode=True)
        follow_pull(tag, patient(f"the pull of {tag}", events), progress)
    except (DockerException, RequestException) as error:
        raise SwarmopsError(f"pull of {tag}: {error}") from error
    progress.done(f"image {tag} pulled")


def follow_pull(tag: str, events: Iterable[Mapping[str, Any]], progress: Progress) -> None:
    """Shows how many layers are there. Raises SwarmopsError for an error among the events."""
    layers: dict[str, bool] = {}
    for event in events:
        if "error" in event:
            raise SwarmopsError(f"pull of {tag}: {event['error']}")
        status = event.get("status", "")
        if "id" in event and not status.startswith("Pulling from"):
            layers[event["id"]] = status in ("Pull complete", "Already exists")
            progress.waiting(f"pulling {tag}: {sum(layers.values())} of {len(layers)} layers")


def shorten(line: str) -> str:
    """One line, no longer than SHOWN."""
    line = " ".join(line.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
