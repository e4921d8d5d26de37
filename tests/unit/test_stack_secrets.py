"""The sources of a stack's secrets: what is refused, and that a refusal does not repeat what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmops.errors import InputError
from swarmops.ops.configs import read_secrets
from swarmops.stackfile import Stack


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"x-command": "printf hunter2", "file": "b"}, "should say exactly one of file, environment, x-command"),
        ({"file": "hunter2", "name": "x"}, "name: not together with file"),
        ({"x-generate": 0}, "x-generate should be a number of characters, 1 to 256"),
        ({"x-generate": True}, "x-generate should be a number of characters"),
        ({"file": None}, "file should be text"),
        ({"environment": {"hunter2": 1}}, "environment should be text"),
    ],
)
def test_what_is_no_source(stated: dict[str, Any], said: str) -> None:
    stack = Stack("web", {"services": {}, "secrets": {"db": stated}})
    with pytest.raises(InputError) as refused:
        read_secrets(None, stack, Path("web.yml"))  # type: ignore[arg-type]  # it is refused before anybody is asked
    assert str(refused.value).startswith("web.yml: secrets.db: ")
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)
