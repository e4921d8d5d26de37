"""The sources of a stack's secrets: their values, what is refused, and that a refusal repeats nothing of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.errors import InputError
from swarmops.ops.configs import read_secrets
from swarmops.stackfile import Stack


def cluster(project: Path) -> Any:
    """A project, and a swarm that is asked for nothing but its id."""
    api = SimpleNamespace(get=lambda _: {"ID": "a-swarm"})
    return SimpleNamespace(inventory=SimpleNamespace(project=project), ask=lambda question: question(api))


def test_a_variable_of_the_stack_is_one_of_its_secrets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("OURS='of the project'\nTHEIRS=not this\n")
    monkeypatch.delenv("OURS", raising=False)
    monkeypatch.setenv("THEIRS", "of the process")
    stack = Stack("web", {"services": {}, "secrets": {"a": {"environment": "OURS"}, "b": {"environment": "THEIRS"}}})
    template = tmp_path / "templates/web.yml"
    read = read_secrets(cluster(tmp_path), stack, template)
    assert [value.reveal() for _, value in read.values()] == ["of the project", "of the process"]
    template.parent.mkdir()
    template.with_name(".env").write_text("OURS=beside it\n")
    assert read_secrets(cluster(tmp_path), stack, template)["a"][1].reveal() == "beside it"


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
def test_what_is_no_source(tmp_path: Path, stated: dict[str, Any], said: str) -> None:
    stack = Stack("web", {"services": {}, "secrets": {"db": stated}})
    with pytest.raises(InputError) as refused:
        read_secrets(cluster(tmp_path), stack, Path("web.yml"))
    assert str(refused.value).startswith("web.yml: secrets.db: ")
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)
