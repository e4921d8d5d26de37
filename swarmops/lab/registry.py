"""What this machine's engine does with a registry: push, and ask for digests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from docker.api.client import APIClient
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from swarmops.commands.registry import Login
from swarmops.errors import Denied, SwarmopsError
from swarmops.lab.build import SILENT_SECONDS, patient
from swarmops.report import Progress


def push(client: APIClient, repository: str, tag: str, login: Login | None, progress: Progress) -> None:
    """Pushes a tagged image, its progress shown per layer. Raises SwarmopsError."""
    try:
        events = partial(_push, client, repository, tag, login)
        follow(patient(f"the push of {repository}:{tag}", events), f"push of {repository}:{tag}", progress)
    except (DockerException, RequestException) as error:
        raise SwarmopsError(f"push of {repository}:{tag}: {error}", remedy="inv up") from error


def _push(client: APIClient, repository: str, tag: str, login: Login | None) -> Iterator[Mapping[str, Any]]:
    # The SDK would give up after the time that one answer may take: a registry that stores a large layer is silent.
    before, client.timeout = client.timeout, SILENT_SECONDS
    try:
        events: Iterator[Mapping[str, Any]] = client.push(
            repository, tag, stream=True, decode=True, auth_config=_auth(login)
        )
    finally:
        client.timeout = before
    return events


def digest(client: APIClient, repository: str, tag: str, login: Login | None) -> str | None:
    """The digest, `sha256:…`, that an image has in its registry; None when it has none, or none answers.

    Raises Denied when the registry does not know the log-in.
    """
    try:
        answer = client.inspect_distribution(f"{repository}:{tag}", auth_config=_auth(login))
    except APIError as error:
        if error.status_code == HTTPStatus.UNAUTHORIZED:
            raise Denied(f"{repository}: {error.explanation}") from error
        return None
    except (DockerException, RequestException):
        return None
    return str(answer["Descriptor"]["digest"])


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


def _auth(login: Login | None) -> dict[str, str] | None:
    """Without a log-in of the inventory's, the SDK looks for one in the operator's own docker configuration."""
    return {"username": login.username, "password": login.password.reveal()} if login else None
