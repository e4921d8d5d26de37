"""What is said of an engine that fails while it is asked about a lab's containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from docker.api.client import APIClient
from docker.errors import APIError
from requests.exceptions import ReadTimeout

from swarmops.errors import ConnectionFailed, SwarmopsError
from swarmops.lab import containers, debian

LISTED = {"Names": ["/lab-m1"], "Labels": {"swarmops.node": "m1"}, "State": "exited"}


class Engine:
    """An engine that lists its containers, and fails otherwise."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [LISTED]

    def __getattr__(self, _: str) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            raise self._error

        return fail


def failing(error: Exception) -> APIClient:
    return cast(APIClient, Engine(error))


def test_an_engine_that_does_not_answer_is_said() -> None:
    engine = failing(ReadTimeout("no answer within 60 s"))
    with pytest.raises(ConnectionFailed, match=r"^lab-m1: no answer"):
        containers.restart(engine, "lab-m1")
    for ask in (containers.started, containers.volumes):
        with pytest.raises(ConnectionFailed, match=r"^this machine's engine: no answer"):
            ask(engine, "lab")
    with pytest.raises(ConnectionFailed, match=r"^import of swarmops/debian:trixie: no answer"):
        debian._import(Path("base.tar"), "trixie", engine)


def test_an_engine_that_refuses_is_said() -> None:
    with pytest.raises(SwarmopsError, match=r"^lab-m1: it is being removed"):
        containers.restart(failing(APIError("409 Conflict", explanation="it is being removed")), "lab-m1")
