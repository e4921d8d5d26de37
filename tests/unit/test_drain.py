"""What is waited for once nodes are empty: all that ran there, but what no node takes."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from samples import member, service, task

from swarmops import wait
from swarmops.errors import WaitTimeout
from swarmops.ops import drain
from swarmops.report import Progress
from swarmops.wait import Deadline


class Swarm:
    """A cluster whose one node takes no task now; `web` has one without a node, and that of `db` is in these states.

    Each state begins at a second; time passes in sleep alone.
    """

    def __init__(self, **states: float) -> None:
        self.states = states
        self.now = 0.0
        self.progress = Progress(io.StringIO())
        self.services = [service(1), replace(service(1), id="s2", name="db")]

    def ask(self, _: Any) -> Any:
        state = [state for state, since in self.states.items() if self.now >= since][-1]
        tasks = [task(1, "pending", node=""), task(1, state, service_id="s2")]
        return self.services, tasks, [member("worker01", availability="pause")]

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def awaited(monkeypatch: pytest.MonkeyPatch, swarm: Any) -> list[str]:
    """Those that no node takes, in the end."""
    monkeypatch.setattr(wait, "time", swarm)
    found = drain._await_moved(swarm, swarm.services, Deadline(60))
    assert {why for each in found.values() for why in each} == {"worker01: paused"}
    return list(found)


@pytest.mark.parametrize(
    ("states", "homeless", "seconds"),
    [
        ({"running": 0}, ["web"], 10),
        ({"starting": 0, "running": 5}, ["web"], 10),
        ({"starting": 0, "running": 25}, ["web"], 25),
        ({"starting": 0, "pending": 8, "running": 15}, ["web"], 15),
        ({"starting": 0, "pending": 8}, ["web", "db"], 18),
    ],
)
def test_what_no_node_takes_does_not_end_the_waiting_for_the_rest(
    monkeypatch: pytest.MonkeyPatch, states: dict[str, float], homeless: list[str], seconds: float
) -> None:
    swarm = Swarm(**states)
    assert awaited(monkeypatch, swarm) == homeless
    assert swarm.now == pytest.approx(seconds, abs=0.1)


def test_the_rest_that_does_not_come_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WaitTimeout, match="60 s: db 0 of 1"):
        awaited(monkeypatch, Swarm(starting=0))
