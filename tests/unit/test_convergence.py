"""What a watch remembers from one look to the next. The verdict itself is tested on its own."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest
from samples import NEW, OLD, member, service, task

from swarmops import facts
from swarmops.errors import SwarmopsError, WaitTimeout
from swarmops.facts import Service, SwarmNode, Task
from swarmops.ops import convergence
from swarmops.ops.convergence import Watch, over, serving, wait
from swarmops.wait import Deadline

STAYS = "all tasks run; watching whether web stays up"


class Swarm:
    """A cluster that answers what was set last, and its API; time passes when it is told to."""

    def __init__(self) -> None:
        self.services: list[Service] = [service(1)]
        self.tasks: list[Task] = []
        self.now = 0.0
        self.progress = self

    def ask(self, question: Any) -> Any:
        return self.look() if question is facts.overview else question(self)

    def look(self) -> tuple[list[Service], list[Task], list[SwarmNode]]:
        return self.services, self.tasks, [member("worker01")]

    def get(self, path: str, **_: Any) -> Any:
        """For a manager in another time zone it is seven seconds after the first task was made."""
        if path == "/info":
            return {"SystemTime": "2024-01-01T02:00:07.123456789+02:00"}
        assert path == "/tasks"
        status = [{"State": task.state, "Timestamp": task.since} for task in self.tasks]
        return [
            {"ID": task.id, "Spec": task.spec, "Status": one, "DesiredState": task.desired}
            for task, one in zip(self.tasks, status, strict=True)
        ]

    def waiting(self, _: str) -> None:
        return None

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def swarm(monkeypatch: pytest.MonkeyPatch) -> Swarm:
    swarm = Swarm()
    monkeypatch.setattr(convergence, "time", swarm)
    monkeypatch.setattr(convergence, "last_words", lambda _, task: f"\n    | {task.id}")
    return swarm


def watch(swarm: Swarm, past: frozenset[str] | None = None) -> Watch:
    return Watch(swarm, ["s1"], past=past)  # type: ignore[arg-type]


def test_the_window_begins_when_a_task_is_first_seen_running_and_again_with_the_next_one(swarm: Swarm) -> None:
    seen = watch(swarm)
    swarm.now, swarm.tasks = 9, [task(1, "starting")]
    assert (seen.holds(), seen.pause()) == ("web 0 of 1 (worker01: starting)", inf)
    swarm.now, swarm.tasks = 10, [task(1)]
    assert (seen.holds(), seen.missing()) == (STAYS, "")
    swarm.now, swarm.tasks = 13, [task(1, "failed", error="exit 7"), task(1, at=1)]
    assert seen.holds() == STAYS
    swarm.now = 17.9
    assert (seen.holds(), seen.pause()) == (STAYS, pytest.approx(0.1))
    swarm.now = 18
    assert seen.holds() == ""


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ([(0, ""), (1, "is\n down\n"), (137, "")], ": is down (exit code 1)"),
        ([(1, ""), (1, ""), (-1, "")], " (exit code 1)"),
        ([(0, "fine")], None),
        ([], None),
    ],
)
def test_what_the_health_check_said(log: list[tuple[int, str]], said: str | None) -> None:
    kept = [{"ExitCode": code, "Output": output} for code, output in log]
    expected = "" if said is None else f"\n    its health check failed{said}"
    assert convergence.unhealthy({"Status": "unhealthy", "Log": kept}) == expected
    assert convergence.unhealthy({"Status": "healthy", "Log": kept}) == ""


def test_failures_of_before_are_history_and_later_ones_are_not(swarm: Swarm) -> None:
    seen, failures = watch(swarm), [task(1, "failed", at=at, error="exit 7") for at in range(4)]
    swarm.tasks = failures[:1]
    assert seen.holds() == "web 0 of 1"
    swarm.tasks = failures[:3]
    assert seen.holds() == "web 0 of 1 (worker01: exit 7)"
    assert seen.last_words() == "\n    | t1-worker01-2"
    swarm.tasks = failures
    with pytest.raises(SwarmopsError) as error:
        seen.holds()
    assert str(error.value) == "web: 3 tasks in a row failed\n    worker01: exit 7\n    | t1-worker01-3"


def test_failures_count_that_swarm_keeps_no_more(swarm: Swarm) -> None:
    seen = watch(swarm)
    assert seen.holds() == "web 0 of 1"
    for at in (1, 2):
        swarm.tasks = [task(1, "failed", at=at, error="exit 7")]
        assert seen.holds() == "web 0 of 1 (worker01: exit 7)"
    swarm.tasks = [task(1, "failed", at=3, error="exit 7")]
    with pytest.raises(SwarmopsError, match="web: 3 tasks in a row failed"):
        seen.holds()


def test_what_fails_may_be_waiting_for_what_is_still_to_come(swarm: Swarm) -> None:
    swarm.services = [service(1), replace(service(1), id="s2", name="db")]
    seen = Watch(swarm, ["s1", "s2"])  # type: ignore[arg-type]
    assert seen.holds() == "web 0 of 1, db 0 of 1"
    failures = [task(1, "failed", at=at, error="exit 7") for at in range(3)]
    starting = replace(task(1, "starting"), id="db-1", service_id="s2")
    swarm.tasks = [*failures, starting]
    assert seen.holds() == "web: 3 tasks in a row failed (worker01: exit 7), db 0 of 1 (worker01: starting)"
    swarm.tasks = [*failures, replace(starting, state="running")]
    with pytest.raises(SwarmopsError, match="web: 3 tasks in a row failed"):
        seen.holds()


def test_what_swarm_puts_back_meanwhile_has_failed(swarm: Swarm) -> None:
    seen = watch(swarm)
    swarm.services, swarm.tasks = [service(1, template=NEW, update="updating", previous=OLD)], [task(1)]
    assert seen.holds() == "web 1 of 1, the update is being watched"
    swarm.services = [service(1, template=OLD, update="rollback_started")]
    swarm.tasks = [task(1, "failed", error="exit 7"), task(1, spec=OLD, at=1)]
    with pytest.raises(SwarmopsError, match=r"web: swarm has put the version before back\n    worker01: exit 7"):
        seen.holds()
    assert watch(swarm).holds() == "web 1 of 1, the update is being watched", "what it had put back before is history"


def test_what_failed_before_the_first_look_and_after_the_change_is_no_history(swarm: Swarm) -> None:
    failures = [task(1, "failed", at=at, error="exit 7") for at in range(4)]
    swarm.services, swarm.tasks = [service(1, update="rollback_completed", begun="then")], failures[:1]
    past = over(swarm)  # type: ignore[arg-type]
    swarm.services, swarm.tasks = [service(1)], failures[:2]
    assert watch(swarm, past).holds() == "web 0 of 1 (worker01: exit 7)"
    swarm.tasks = failures
    with pytest.raises(SwarmopsError, match="3 tasks in a row failed"):
        watch(swarm, past).holds()
    assert watch(swarm).holds() == "web 0 of 1"
    swarm.services = [service(1, template=OLD, update="rollback_completed", begun="now")]
    with pytest.raises(SwarmopsError, match="swarm has put the version before back"):
        watch(swarm, past).holds()


def test_an_update_that_swarm_had_paused_before_is_history(swarm: Swarm) -> None:
    swarm.services, swarm.tasks = [service(1, update="paused", begun="then")], [task(1)]
    past = over(swarm)  # type: ignore[arg-type]
    assert watch(swarm, past).holds() == watch(swarm).holds() == STAYS
    swarm.services = [service(1, update="paused", begun="now")]
    with pytest.raises(SwarmopsError, match="web: swarm has paused the update"):
        watch(swarm, past).holds()


def settled(swarm: Swarm) -> None:
    wait(swarm, ["s1"], Deadline(0), settled=True)  # type: ignore[arg-type]


def test_what_has_run_for_its_window_is_settled_at_the_first_look(swarm: Swarm) -> None:
    swarm.tasks = [task(1, at=2)]
    settled(swarm)
    with pytest.raises(WaitTimeout, match="watching whether web stays up"):
        wait(swarm, ["s1"], Deadline(0))  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [3, 59], ids=["just begun", "its node's clock is ahead"])
def test_what_has_just_begun_to_run_is_not_settled(swarm: Swarm, at: int) -> None:
    swarm.tasks = [task(1, at=at)]
    with pytest.raises(WaitTimeout, match="watching whether web stays up"):
        settled(swarm)
    ages = swarm.ask(convergence.running_for)
    seen = Watch(swarm, ["s1"], up=ages)  # type: ignore[arg-type]
    swarm.now = 5 - ages[swarm.tasks[0].id]
    assert seen.holds() == ""


def test_what_is_being_updated_is_not_settled(swarm: Swarm) -> None:
    swarm.services, swarm.tasks = [service(1, update="updating")], [task(1)]
    with pytest.raises(WaitTimeout, match="the update is being watched"):
        settled(swarm)


def test_what_begins_to_run_later_has_to_be_seen(swarm: Swarm) -> None:
    swarm.tasks = [task(1)]
    seen = Watch(swarm, ["s1"], up=swarm.ask(convergence.running_for))  # type: ignore[arg-type]
    swarm.tasks = [task(1, "failed", error="exit 7"), task(1, at=1)]
    assert seen.holds() == STAYS


def test_a_service_that_is_gone_does_not_hold(swarm: Swarm) -> None:
    seen = watch(swarm)
    swarm.tasks = [task(1)]
    assert seen.holds() == STAYS
    swarm.services, swarm.tasks = [], []
    with pytest.raises(SwarmopsError, match="removed by somebody else"):
        seen.holds()


@pytest.mark.parametrize(
    ("at", "state", "found"), [(0, "running", True), (3, "running", False), (0, "starting", False)]
)
def test_what_serves_has_run_for_its_window(swarm: Swarm, at: int, state: str, found: bool) -> None:
    swarm.tasks = [task(1, state, at=at)]
    assert (serving(swarm, ["s1"]) == {"s1"}) is found  # type: ignore[arg-type]
    assert not serving(swarm, [])  # type: ignore[arg-type]
    assert not serving(swarm, ["another"])  # type: ignore[arg-type]


def test_a_service_of_no_replicas_serves_nobody(swarm: Swarm) -> None:
    swarm.services = [service(0)]
    assert not serving(swarm, ["s1"])  # type: ignore[arg-type]
