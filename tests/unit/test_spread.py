"""Whether tasks are spread as evenly as swarm would spread them now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement, product
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
AMD64 = NEW | {"Placement": {"Platforms": [{"OS": "linux", "Architecture": "amd64"}]}}
ARM_3 = tuple(
    member(f"worker0{number}", platform={"OS": "linux", "Architecture": machine})
    for number, machine in ((1, "x86_64"), (2, "x86_64"), (3, "aarch64"))
)


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
        ((3, 3, 0), AMD64, ARM_3, False),
        ((4, 2, 0), AMD64, ARM_3, True),
        ((3, 3, 0), NEW, ARM_3, True),
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
    assert surplus_of(running) == moved


def surplus_of(running: Sequence[int], template: Any = NEW, zones: Sequence[str] = ()) -> int:
    nodes = [
        member(f"worker0{number}", labels={"zone": zone})
        for number, zone in enumerate(zones or ["anywhere"] * len(running), 1)
    ]
    return surplus(service(sum(running), template=template), tasks(*running), nodes)


def rebalanced(
    running: Sequence[int], choose: Callable[[list[int]], int], template: Any = NEW, zones: Sequence[str] = ()
) -> list[int]:
    """What swarm makes of more and then of less tasks; `choose`: which of the nodes that it may take as well.

    More go to the zone that has fewest, in it to the node that has; fewer leave the node that has most.
    """
    now, count = list(running), surplus_of(running, template, zones)
    for _ in range(count):
        totals = {zone: sum(had for had, of in zip(now, zones, strict=True) if of == zone) for zone in zones}
        into = [place for place in range(len(now)) if not zones or totals[zones[place]] == min(totals.values())]
        now[choose([place for place in into if now[place] == min(now[other] for other in into)])] += 1
    for _ in range(count):
        now[choose([place for place, had in enumerate(now) if had == max(now)])] -= 1
    return now


@pytest.mark.parametrize("nodes", [3, 4, 5])
@pytest.mark.parametrize("choose", [min, max], ids=["first", "last"])
def test_swarm_levels_every_start_at_once(nodes: int, choose: Callable[[list[int]], int]) -> None:
    for running in combinations_with_replacement(range(7), nodes):
        now = rebalanced(running, choose)
        assert sum(now) == sum(running)
        assert max(now) - min(now) <= 1, running
        assert rebalanced(now, choose) == now, "a second run changes nothing"
        moved = sum(max(0, after - before) for before, after in zip(running, now, strict=True))
        assert moved == surplus_of(running), "and no task moved for nothing"


@pytest.mark.parametrize("choose", [min, max], ids=["first", "last"])
@pytest.mark.parametrize("zones", ["abc", "abb", "aab", "abbb"])
def test_a_node_that_is_back_gets_its_part_of_each_zone(zones: str, choose: Callable[[list[int]], int]) -> None:
    """Its tasks had gone where there were fewest. Where swarm might take away the wrong ones, nothing is moved so."""
    for total, away in product(range(2, 13), range(len(zones))):
        without = [zone for place, zone in enumerate(zones) if place != away]
        running = evenly(total, without)
        running.insert(away, 0)
        now = rebalanced(running, choose, BY_ZONE, zones)
        assert sum(now) == total
        if surplus_of(running, BY_ZONE, zones):
            nodes = [member(f"worker0{number}", labels={"zone": zone}) for number, zone in enumerate(zones, 1)]
            assert not uneven(service(total, template=BY_ZONE), tasks(*now), nodes), (running, now)


def evenly(total: int, zones: Sequence[str]) -> list[int]:
    """So many tasks, put one after the other where there are fewest."""
    now = [0] * len(zones)
    for _ in range(total):
        totals = {zone: sum(had for had, of in zip(now, zones, strict=True) if of == zone) for zone in zones}
        now[min(range(len(zones)), key=lambda place: (totals[zones[place]], now[place]))] += 1
    return now


@pytest.mark.parametrize(
    ("running", "zones", "moved"),
    [
        ((4, 0, 0), "abb", 2),
        ((0, 2, 2), "abb", 0),  # with two on each node, no two of them are more likely to go
        ((0, 2, 1, 1), "aabb", 0),  # one more may come to either zone
        ((0, 0, 3, 3), "aabb", 0),
        ((3, 3, 0, 0, 0, 0), "aabbcc", 4),
        ((6, 0, 0), "abc", 4),
        ((0, 1, 1, 1, 1), "abbbb", 0),  # two of the four have to go, and swarm would take one of the two new ones
        ((2, 1, 1), "abb", 0),
    ],
)
def test_what_swarm_takes_away_by_itself(running: tuple[int, ...], zones: str, moved: int) -> None:
    assert surplus_of(running, BY_ZONE, zones) == moved
