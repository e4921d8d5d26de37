from __future__ import annotations

import os
from typing import Any

import pytest

from swarmops.ops.lock import Holder, home

NO_PROCESS = 2**22 + 1
"""Above the highest number that Linux gives a process."""


@pytest.mark.parametrize(
    ("where", "process", "seconds", "gone"),
    [
        (home(), os.getpid(), 10, False),
        (home(), NO_PROCESS, 10, True),
        ("elsewhere", NO_PROCESS, 10, False),
        ("elsewhere", 1, 61, True),
        (home(), os.getpid(), 61, True),
    ],
)
def test_who_is_gone(where: str, process: int, seconds: float, gone: bool) -> None:
    labels = {
        "mark": "m",
        "who": "me@desk",
        "home": where,
        "process": str(process),
        "purpose": "deploy web",
        "lasts": "60",
    }
    spec = {"Labels": {f"swarmops.lock.{key}": value for key, value in labels.items()}}
    holder = Holder.of({"ID": "id1", "Spec": spec}, seconds)
    assert holder.gone is gone
    assert str(holder) == f"deploy web, by me@desk (process {process}), for {seconds} s now"


class Api:
    """A manager whose clock shows this, and that has the lock since then."""

    def __init__(self, now: str, made: str) -> None:
        self.answers = {"/info": {"SystemTime": now}, "/configs/web.lock": {"ID": "id1", "CreatedAt": made}}
        labels = {"mark": "m", "who": "me@desk", "home": "h", "process": "1", "purpose": "p", "lasts": "60"}
        self.answers["/configs/web.lock"]["Spec"] = {"Labels": {f"swarmops.lock.{k}": v for k, v in labels.items()}}

    def get(self, path: str) -> Any:
        return self.answers[path]


@pytest.mark.parametrize("now", ["2026-01-02T03:04:15.5Z", "2026-01-02T05:04:15.500000000+02:00"])
def test_the_managers_clock_has_a_time_zone(now: str) -> None:
    holder = Holder.read(Api(now, "2026-01-02T03:04:05.123456789Z"), "web.lock")  # type: ignore[arg-type]
    assert holder
    assert round(holder.seconds) == 10
