"""What `ps` shows of a service's tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import member, service, task

from swarmops.errors import InputError
from swarmops.facts import Service, Task
from swarmops.ops.status import Status, ps


def status(*tasks: Task, of: Service | None = None) -> Status:
    return Status([member("worker01"), member("worker02")], [of or service()], list(tasks), [])


def column(text: str, number: int) -> list[str]:
    return [line.split(maxsplit=6)[number] for line in text.split("\n\n")[0].splitlines()[1:]]


def test_the_newest_first_and_old_runs_left_out() -> None:
    runs = [task(1, "failed", at=at, error=f"error {at}") for at in range(1, 5)]
    text = ps(status(task(1, at=9), *runs), "web")
    assert column(text, 6) == ["-", "error 4", "error 3"]
    assert "2 older left out: inv ps web --all" in text
    everything = ps(status(task(1, at=9), *runs), "web", everything=True)
    assert column(everything, 6) == ["-", "error 4", "error 3", "error 2", "error 1"]
    assert "left out" not in everything


def test_what_is_not_over_is_never_left_out() -> None:
    runs = [task(1, "pending", at=at) for at in range(1, 5)]
    assert len(column(ps(status(*runs), "web"), 0)) == 4


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (task(1, error="was late"), "-"),
        (task(1, "failed", error="task: non-zero exit (7)", exit_code=7), "task: non-zero exit (7)"),
        (task(1, "shutdown", exit_code=137), "exit code 137"),
        (task(1, "shutdown", exit_code=0), "-"),
        (task(1, "rejected", error="No such image:\n  web"), "No such image: web"),
        (task(1, "pending", error="no suitable node (insufficient resources on 2 nodes)"), "no suitable node (ins"),
    ],
)
def test_why_a_task_does_not_run(run: Task, reason: str) -> None:
    assert column(ps(status(run), "web"), 6)[0].startswith(reason)


def test_a_global_service_has_a_slot_for_each_node() -> None:
    tasks = [task(0, node="worker01"), task(0, node="worker02"), task(0, "failed", node="worker01", at=3)]
    text = ps(status(*tasks, of=service({"Global": {}})), "web")
    assert column(text, 0) == ["web.worker01", "web.worker01", "web.worker02"]
    assert column(text, 2) == ["failed", "running", "running"]


def test_what_is_wrong_with_the_service_stands_below() -> None:
    assert "\n\n! web 1 of 2" in ps(status(task(1), of=service(2)), "web")
    assert "!" not in ps(status(task(1)), "web")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean web"):
        ps(status(), "wep")


def test_an_update_that_swarm_has_forgotten_is_not_wrong() -> None:
    watched, run = service(1, update="updating"), task(1)
    assert "the update is being watched" in ps(status(run, of=watched), "web")
    assert "!" not in ps(replace(status(run, of=watched), up={run.id: 36.0}), "web")
