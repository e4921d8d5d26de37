"""The images that a lab's registry has, as files: saved, and put into another lab's registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO

from docker.api.client import APIClient
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from swarmops.errors import SwarmopsError
from swarmops.lab.build import patient

FOLDER, DATA = "/var/lib/registry", "docker"
"""Beside DATA lie the registry's own key and users, which are no part of what it stores."""


def save(engine: APIClient, container: str) -> Iterator[bytes]:
    """The registry's data as a tar, in pieces; nothing where it has none. Raises SwarmopsError."""
    with _translated(container):
        engine.inspect_container(container)  # one that is missing is no registry without data
        with suppress(NotFound):
            pieces = partial(engine.get_archive, container, f"{FOLDER}/{DATA}")
            yield from patient(f"the copy of {container}'s data", lambda: pieces()[0])


def load(engine: APIClient, container: str, data: IO[bytes]) -> None:
    """Adds a tar that `save` made to what the registry has. Raises SwarmopsError."""
    with _translated(container):
        engine.put_archive(container, FOLDER, data)


@contextmanager
def _translated(container: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, RequestException) as error:
        raise SwarmopsError(f"{container}: {error}", remedy="inv up, or inv doctor") from error
