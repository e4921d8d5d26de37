"""What this machine's engine does with a registry: push, and ask for digests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from docker.api.client import APIClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from swarmops.errors import SwarmopsError
from swarmops.report import Progress


def push(client: APIClient, repository: str, tag: str, progress: Progress) -> None:
    """Pushes a tagged image, its progress shown per layer. Raises SwarmopsError."""
    try:
        follow(client.push(repository, tag, stream=True, decode=True), f"push of {repository}:{tag}", progress)
    except (DockerException, RequestException) as error:
        raise SwarmopsError(f"push of {repository}:{tag}: {error}", remedy="inv up") from error


def digest(client: APIClient, repository: str, tag: str) -> str | None:
    """The digest, `sha256:…`, that an image has in its registry; None when it has none, or none answers."""
    try:
        return str(client.inspect_distribution(f"{repository}:{tag}")["Descriptor"]["digest"])
    except (DockerException, RequestException):
        return None


def follow(events: Iterable[Mapping[str, Any]], what: str, progress: Progress) -> None:
    """Shows what the engine says of each layer. Raises SwarmopsError for an error among the events."""
    said: dict[str, str] = {}
    for event in events:
        if "error" in event:
            raise SwarmopsError(f"{what}: {event['error']}", remedy="inv up")
        layer, status = event.get("id"), event.get("status", "")
        if not layer or status.startswith(("Waiting", "Preparing")):
            continue
        if event.get("progress"):
            progress.waiting(f"{layer} {status} {event['progress']}")
        elif said.get(layer) != status:
            progress.done(f"{layer} {status}")
        said[layer] = status
