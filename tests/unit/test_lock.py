from __future__ import annotations

import os

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
        "who": "me",
        "host": "desk",
        "home": where,
        "process": str(process),
        "purpose": "deploy web",
        "lasts": "60",
    }
    spec = {"Labels": {f"swarmops.lock.{key}": value for key, value in labels.items()}}
    holder = Holder.of({"ID": "id1", "Spec": spec}, seconds)
    assert holder.gone is gone
    assert str(holder) == f"deploy web, by me on desk (process {process}), for {seconds} s now"
