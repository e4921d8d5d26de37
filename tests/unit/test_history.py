"""Which recorded version a rollback brings back."""

from __future__ import annotations

from typing import Any

import pytest
from samples import IMAGE, service

from swarmops.ops import history
from swarmops.record import Record
from swarmops.stackfile import SPEC_LABEL, Stack, marked


def version(number: int, **definition: Any) -> Record:
    file = marked(Stack("s", {"services": {"web": {"image": IMAGE, **definition}}})).file
    return Record("s", number, file, {}, "me@desk", "", "")


FIRST, SECOND, LEFT = (version(number, environment={"V": number}) for number in (1, 2, 3))


def running(kept: Record, replicas: int = 1, **said: Any) -> Any:
    labels = {SPEC_LABEL: kept.file["services"]["web"]["deploy"]["labels"][SPEC_LABEL]}
    return service(replicas, Name="s_web", Labels=labels, **said)


class Swarm:
    """A cluster with one service of the stack."""

    def __init__(self, *services: Any) -> None:
        self.services = list(services)

    def ask(self, _: Any) -> Any:
        return self.services


@pytest.mark.parametrize(
    ("there", "number"),
    [
        ([running(SECOND)], 1),
        ([running(SECOND, 6)], 1),
        ([running(FIRST)], 1),
        ([running(LEFT)], 2),
        ([running(SECOND), service(Name="s_new")], 2),
    ],
    ids=["the newest", "scaled", "one of it rolled back", "left by a failure", "with what a failure left"],
)
def test_the_version_before_the_newest_or_the_newest_where_what_runs_is_none(there: list[Any], number: int) -> None:
    assert history._chosen(Swarm(*there), "s", [FIRST, SECOND], None).number == number  # type: ignore[arg-type]
