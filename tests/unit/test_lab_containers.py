"""What is said of an engine that fails while it is asked about a lab's containers."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.api.client import APIClient
from docker.errors import APIError
from requests.exceptions import ReadTimeout

from swarmops.errors import ConnectionFailed, SwarmopsError
from swarmops.lab import containers, debian
from swarmops.ops import lab
from swarmops.report import Progress, Recap

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


class Lab:
    """An engine with a lab whose network somebody else uses, and a container that cannot be removed."""

    def __init__(self, *kept: str) -> None:
        self.kept = kept

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [{**LISTED, "Names": [f"/lab-{name}"]} for name in ("m1", "w1", "w2")]

    def networks(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Name": "lab"}]

    def volumes(self, **_: Any) -> dict[str, Any]:
        return {"Volumes": [{"Name": "lab-m1"}]}

    def remove_container(self, name: str, **_: Any) -> None:
        if name in self.kept:
            raise APIError("409 Conflict", explanation=f"{name} is in use")

    remove_network = remove_volume = remove_container


@pytest.mark.parametrize(
    ("kept", "gone"),
    [
        ("lab-m1", ["container lab-w1", "container lab-w2"]),
        ("lab", ["container lab-m1", "container lab-w1", "container lab-w2"]),
    ],
)
def test_what_down_has_removed_is_known_when_it_fails(kept: str, gone: list[str]) -> None:
    cluster: Any = SimpleNamespace(
        lab=True, engine=Lab(kept), inventory=SimpleNamespace(cluster="lab"), progress=Progress(io.StringIO())
    )
    recap = Recap()
    with pytest.raises(SwarmopsError, match=f"^{kept}: {kept} is in use"):
        lab.down(cluster, recap, volumes=True)
    assert [text for _, _, text in recap.steps] == [f"removed {thing}" for thing in gone]


def test_what_down_removes() -> None:
    removed = containers.remove(cast(APIClient, Lab()), "lab", volumes=True)
    assert [thing.partition(" ")[0] for thing in removed] == ["container"] * 3 + ["network", "volume"]
    assert "volume lab-m1" not in containers.remove(cast(APIClient, Lab()), "lab", volumes=False)
