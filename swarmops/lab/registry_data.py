"""The images that a lab's registry has, as files: saved, and put into another lab's registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import IO

from docker.api.client import APIClient
from docker.errors import NotFound

from swarmops.lab.build import patient
from swarmops.lab.engine import told

FOLDER, DATA = "/var/lib/registry", "docker"
"""Beside DATA lie the registry's own key and users, which are no part of what it stores."""
REMEDY = "inv up, or inv doctor"


def save(engine: APIClient, container: str) -> Iterator[bytes]:
    """The registry's data as a tar, in pieces; nothing where it has none. Raises SwarmopsError."""
    with told(container, REMEDY):
        engine.inspect_container(container)  # one that is missing is no registry without data
        with suppress(NotFound):
            pieces = partial(engine.get_archive, container, f"{FOLDER}/{DATA}")
            yield from patient(f"the copy of {container}'s data", lambda: pieces()[0])


def load(engine: APIClient, container: str, data: IO[bytes]) -> None:
    """Adds a tar that `save` made to what the registry has. Raises SwarmopsError."""
    with told(container, REMEDY):
        engine.put_archive(container, FOLDER, data)
