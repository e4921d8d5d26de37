"""Which recorded version a rollback brings back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from samples import IMAGE, service

from swarmops.commands import MASK
from swarmops.ops import history
from swarmops.record import Record
from swarmops.stackdiff import details
from swarmops.stackfile import SPEC_LABEL, Stack, marked


def version(number: int, **definition: Any) -> Record:
    file = marked(Stack("s", {"services": {"web": {"image": IMAGE, **definition}}})).file
    return Record("s", number, file, {}, "me@desk", "", "")


FIRST, SECOND, THIRD = (version(number, environment={"V": number}) for number in (1, 2, 3))


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
        ([running(THIRD)], 2),
        ([running(SECOND), service(Name="s_new")], 2),
    ],
    ids=["the newest", "scaled", "one of it rolled back", "left by a failure", "with what a failure left"],
)
def test_the_version_before_the_newest_or_the_newest_where_what_runs_is_none(there: list[Any], number: int) -> None:
    assert history._chosen(Swarm(*there), "s", [FIRST, SECOND], None).number == number  # type: ignore[arg-type]


MIXED = [running(SECOND), service(Name="s_new")]


@pytest.mark.parametrize(
    ("there", "newest", "number"),
    [
        (MIXED, {"towards": 1}, 1),
        ([running(THIRD)], {"towards": 1}, 2),
        ([running(FIRST)], {"towards": 2}, 2),
        ([running(THIRD)], {"towards": 9}, 2),
        (MIXED, {"towards": 9}, 3),
        (MIXED, {"restores": 1}, 3),
        ([running(THIRD)], {"restores": 1}, 3),
        ([running(SECOND)], {"restores": 1}, 2),
    ],
    ids=[
        "interrupted", "before it changed anything", "interrupted at its end", "towards one that is forgotten",
        "interrupted, and forgotten", "left after a rollback", "again", "one of it rolled back",
    ],
)  # fmt: skip
def test_the_same_rollback_again_does_not_go_forward(there: list[Any], newest: dict[str, int], number: int) -> None:
    records = [FIRST, SECOND, replace(THIRD, **newest)]  # type: ignore[arg-type]
    assert history._chosen(Swarm(*there), "s", records, None).number == number  # type: ignore[arg-type]


def test_what_differs_from_a_service_that_no_record_has() -> None:
    file = {
        "services": {
            "web": {
                "image": "new:2",
                "environment": {"A": 2, "B": True, "TOKEN": "x"},
                "configs": [{"source": "conf", "target": "/etc/conf"}],
                "secrets": ["key"],
                "deploy": {"replicas": 3},
            }
        },
        "configs": {"conf": {"name": "s_conf_1234"}},
        "secrets": {"key": {"external": True}},
    }
    container = {
        "Image": "old:1",
        "Env": ["A=1", "B=true", "C=c"],
        "Configs": [{"ConfigName": "s_conf"}],
        "Secrets": [],
    }
    there = service(1, Name="s_web", template={"ContainerSpec": container})
    assert details(Stack("s", file), "web", there) == [
        "~ image: old:1 → new:2",
        "~ environment.A: 1 → 2",
        "- environment.C: c",
        f"+ environment.TOKEN: {MASK}",
        "~ replicas: 1 → 3",
        "- configs: s_conf",
        "+ configs: s_conf_1234",
        "+ secrets: key",
    ]


@pytest.mark.parametrize(("there", "recorded"), [(running(FIRST), True), (running(SECOND), False), (service(), False)])
def test_whether_the_record_has_what_runs(there: Any, recorded: bool) -> None:
    last = replace(FIRST, specs={"s_web": running(FIRST).spec})
    assert history._recorded(last, there) is recorded
    assert not history._recorded(None, there)
