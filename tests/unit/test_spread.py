"""Whether tasks are spread as evenly as swarm would spread them now."""

from __future__ import annotations

from typing import Any

import pytest
from samples import NEW, member, service, task

from swarmops.facts import SwarmNode
from swarmops.spread import counts, lacking, uneven

THREE = tuple(member(f"worker0{number}") for number in (1, 2, 3))
ZONES = tuple(
    member(f"worker0{number}", labels={"zone": zone}) for number, zone in ((1, "east"), (2, "west"), (3, "west"))
)
BY_ZONE = NEW | {"Placement": {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]}}
NOT_ON_3 = NEW | {"Placement": {"Constraints": ["node.hostname!=worker03"]}}


def tasks(*running: int) -> list[Any]:
    return [
        task(slot=10 * number + index, node=f"worker0{number}")
        for number, count in enumerate(running, 1)
        for index in range(count)
    ]


@pytest.mark.parametrize(
    ("running", "template", "nodes", "verdict"),
    [
        ((2, 2, 2), NEW, THREE, False),
        ((2, 2, 1), NEW, THREE, False),
        ((1, 1, 0), NEW, THREE, False),
        ((2, 2, 0), NEW, THREE, True),
        ((3, 1, 2), NEW, THREE, True),
        ((3, 3, 0), NOT_ON_3, THREE, False),
        ((3, 3, 0), NEW, (*THREE[:2], member("worker03", availability="drain")), False),
        ((3, 3, 0), NEW, (*THREE[:2], member("worker03", availability="pause")), False),
        ((3, 3, 0), NEW, (*THREE[:2], member("worker03", state="down")), False),
        ((2, 1, 1), BY_ZONE, ZONES, False),
        ((4, 2, 2), BY_ZONE, ZONES, False),
        ((2, 2, 2), BY_ZONE, ZONES, True),
        ((3, 3, 0), BY_ZONE, ZONES, True),
        ((0, 0, 0), NEW, (), False),
    ],
)
def test_uneven(running: tuple[int, ...], template: Any, nodes: tuple[SwarmNode, ...], verdict: bool) -> None:
    assert uneven(service(sum(running), template=template), tasks(*running), nodes) is verdict


def test_a_global_service_is_never_uneven() -> None:
    assert not uneven(service({"Global": {}}), tasks(1, 1, 0), THREE)


def test_only_tasks_that_run_and_should_count() -> None:
    ending = [task(slot=7, node="worker02", desired="shutdown"), task(slot=8, state="failed", node="worker02")]
    others = [task(slot=9, node="worker02", service_id="s2")]
    assert counts(service(2), [*tasks(2, 0), *ending, *others], THREE[:2]) == {"worker01": 2, "worker02": 0}


@pytest.mark.parametrize(
    ("running", "more"), [((2, 2, 0), 1), ((3, 3, 0), 2), ((5, 0), 2), ((5, 1, 0), 3), ((6, 6, 0, 0), 6), ((2, 2), 0)]
)
def test_how_many_more_fill_the_gaps(running: tuple[int, ...], more: int) -> None:
    assert lacking({str(place): count for place, count in enumerate(running)}) == more
