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


def cluster(ended: Result) -> Any:
    """A manager on which every command ends like this."""
    return SimpleNamespace(
        ask=lambda _: [manager("manager")],
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
