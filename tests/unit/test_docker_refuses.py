"""What becomes of the word of `docker stack config`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from samples import manager

from swarmops.connect import Result
from swarmops.lint import Note
from swarmops.ops import lint
from swarmops.stackfile import Stack

STACK = Stack("web", {"services": {"a": {"image": "x:1"}}})


def cluster(ended: Result, engine: str = "26.1.5") -> Any:
    """A manager on which every command ends like this."""
    return SimpleNamespace(
        ask=lambda _: [manager("manager", engine=engine)],
        current=lambda: SimpleNamespace(node="manager"),
        door=lambda _: SimpleNamespace(run=lambda *_, **__: ended),
    )


@pytest.mark.parametrize(
    ("ended", "notes"),
    [
        (Result(0, "services: …", ""), []),
        (
            Result(1, "", "services.a.tty must be a boolean\n"),
            [Note(("services", "a", "tty"), "docker refuses it: must be a boolean")],
        ),
        (Result(1, "", "no such\nthing\n"), [Note((), "docker refuses it: no such thing")]),
        (Result(137, "", "\n"), [Note((), "docker refuses it: docker stack config exited 137")]),
    ],
)
def test_what_docker_says_has_its_place(ended: Result, notes: list[Note]) -> None:
    assert lint._refused(cluster(ended), STACK) == notes


@pytest.mark.parametrize("engine", ["20.10.24+dfsg1", "dev", "master-2024", ""])
def test_an_engine_that_may_have_no_such_command_is_not_asked(engine: str) -> None:
    assert lint._refused(cluster(Result(1, "", "no such command"), engine), STACK) == []


@pytest.mark.parametrize("engine", ["23.0.1", "29.0.0-rc.1"])
def test_an_engine_that_has_it_is(engine: str) -> None:
    assert lint._refused(cluster(Result(1, "", "no"), engine), STACK) == [Note((), "docker refuses it: no")]
