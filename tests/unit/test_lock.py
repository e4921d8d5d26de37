from __future__ import annotations

import os
import platform

import pytest

from swarmops.ops.lock import Holder

NO_PROCESS = 2**22 + 1
"""Above the highest number that Linux gives a process."""


@pytest.mark.parametrize(
    ("host", "process", "seconds", "gone"),
    [
        (platform.node(), os.getpid(), 10, False),
        (platform.node(), NO_PROCESS, 10, True),
        ("elsewhere", NO_PROCESS, 10, False),
        ("elsewhere", 1, 61, True),
        (platform.node(), os.getpid(), 61, True),
    ],
)
def test_who_is_gone(host: str, process: int, seconds: float, gone: bool) -> None:
    labels = {"mark": "m", "who": "me", "host": host, "process": str(process), "purpose": "deploy web", "lasts": "60"}
    spec = {"Labels": {f"swarmops.lock.{key}": value for key, value in labels.items()}}
    holder = Holder.of({"ID": "id1", "Spec": spec}, seconds)
    assert holder.gone is gone
    assert str(holder) == f"deploy web, by me on {host} (process {process}), for {seconds} s now"
