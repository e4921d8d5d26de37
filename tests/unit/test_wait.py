from __future__ import annotations

import io
from collections.abc import Iterator
from math import inf

import pytest

from swarmops import wait
from swarmops.errors import SwarmopsError, WaitTimeout
from swarmops.report import Progress
from swarmops.wait import Deadline, until


class Clock:
    """Time that passes in sleep alone."""

    def __init__(self) -> None:
        self.now = 50.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(wait, "time", clock)
    return clock


@pytest.fixture
def progress() -> Progress:
    return Progress(io.StringIO())


def answers(*texts: str) -> Iterator[str]:
    yield from texts


def test_a_deadline_never_goes_below_zero(clock: Clock) -> None:
    deadline = Deadline(2)
    clock.sleep(1.5)
    assert deadline.left == 0.5
    deadline.check("nothing")
    clock.sleep(9)
    assert deadline.left == 0


@pytest.mark.parametrize("looks", [[""], ["a", "a", ""], ["a", "b", ""]])
def test_until_looks_every_50_ms(clock: Clock, progress: Progress, looks: list[str]) -> None:
    until(answers(*looks).__next__, Deadline(1), progress)
    assert clock.naps == [0.05] * (len(looks) - 1)


@pytest.mark.parametrize(("takes", "naps"), [(0.02, 0.05), (0.3, 0.6), (20, 1)])
def test_what_takes_long_is_looked_at_less_often(clock: Clock, progress: Progress, takes: float, naps: float) -> None:
    looks = answers("a", "b", "")

    def look() -> str:
        clock.now += takes
        return next(looks)

    until(look, Deadline(100), progress)
    assert clock.naps == pytest.approx([naps, naps])


def test_it_looks_sooner_when_the_end_is_known(clock: Clock, progress: Progress) -> None:
    until(answers("a", "b", "c", "").__next__, Deadline(1), progress, iter([inf, 0.01, 0.05]).__next__)
    assert clock.naps == [0.05, 0.01, 0.05]


def test_a_deadline_passed_is_a_failure_that_names_what_is_missing(clock: Clock, progress: Progress) -> None:
    with pytest.raises(WaitTimeout, match=r"not done within 0\.2 s: worker02 is down") as error:
        until(lambda: "worker02 is down", Deadline(0.2), progress)
    assert error.value.code == 5
    assert sum(clock.naps) == pytest.approx(0.2, abs=0.06)


def test_even_without_time_it_looks_once(clock: Clock, progress: Progress) -> None:
    until(answers("").__next__, Deadline(0), progress)
    with pytest.raises(WaitTimeout):
        until(answers("a", "").__next__, Deadline(0), progress)


def test_what_never_comes_is_not_waited_for(clock: Clock, progress: Progress) -> None:
    def look() -> str:
        raise SwarmopsError("hopeless")

    with pytest.raises(SwarmopsError, match="hopeless"):
        until(look, Deadline(1), progress)
    assert clock.naps == []


def test_what_is_awaited_is_shown(clock: Clock) -> None:
    stream = io.StringIO()
    until(answers("web 0 of 1", "").__next__, Deadline(1), Progress(stream))
    assert "... web 0 of 1" in stream.getvalue()
