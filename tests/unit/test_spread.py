"""Whether tasks are spread as evenly as swarm would spread them now."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import pytest
from samples import NEW, member, service, task

from swarmops.facts import SwarmNode
from swarmops.spread import counts, surplus, uneven

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
    ("running", "moved"),
    [
        ((2, 2, 0), 1),
        ((3, 3, 0), 2),
        ((5, 0), 2),
        ((5, 1, 0), 3),
        ((6, 6, 0, 0), 6),
        ((2, 2), 0),
        ((2, 0, 0), 1),
        ((3, 1, 1), 1),
        ((5, 0, 0), 3),
        ((2, 2, 0, 0, 0), 2),
        ((), 0),
    ],
)
def test_no_more_than_the_surplus_moves(running: tuple[int, ...], moved: int) -> None:
    assert surplus({str(place): count for place, count in enumerate(running)}) == moved


def rebalanced(running: tuple[int, ...], choose: Callable[[list[int]], int]) -> list[int]:
    """What swarm makes of more and then of less tasks; `choose`: which of the nodes that it may take as well."""
    now, more = list(running), surplus({str(place): count for place, count in enumerate(running)})
    for change, level in [(1, min)] * more + [(-1, max)] * more:
        now[choose([place for place, count in enumerate(now) if count == level(now)])] += change
    return now


@pytest.mark.parametrize("nodes", [3, 4, 5])
@pytest.mark.parametrize("choose", [min, max], ids=["first", "last"])
def test_swarm_levels_every_start_at_once(nodes: int, choose: Callable[[list[int]], int]) -> None:
    for running in combinations_with_replacement(range(7), nodes):
        now = rebalanced(running, choose)
        assert sum(now) == sum(running)
        assert max(now) - min(now) <= 1, running
        assert rebalanced(tuple(now), choose) == now, "a second run changes nothing"
        moved = sum(max(0, after - before) for before, after in zip(running, now, strict=True))
        assert moved == surplus(dict(zip("abcde", running, strict=False))), "and no task moved for nothing"
