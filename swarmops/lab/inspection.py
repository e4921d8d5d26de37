"""What this machine's engine says of a lab, in full, for somebody who looks for what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docker.api.client import APIClient

from swarmops.lab import containers
from swarmops.lab.engine import told


def log(engine: APIClient, name: str, lines: int) -> str:
    """The last lines that a container printed: of a node, what its engine did. Raises SwarmopsError."""
    with told(name, ""):
        return containers.last_words(engine, name, lines) + "\n"


def inspect(engine: APIClient, cluster: str) -> Iterator[tuple[str, Any]]:
    """The engine itself, and the lab's containers and networks, by their names. Raises SwarmopsError."""
    label = {"label": f"{containers.LABEL}={cluster}"}
    with told(containers.ENGINE, ""):
        yield "info", engine.info()
        yield "version", engine.version()
        for item in engine.containers(all=True, filters=label):
            yield item["Names"][0].lstrip("/"), engine.inspect_container(item["Id"])
        for item in engine.networks(filters=label):
            yield item["Name"], engine.inspect_network(item["Id"])
