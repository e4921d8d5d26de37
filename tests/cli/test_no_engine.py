"""Where no engine answers, every task says so once, and what helps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project import NOWHERE, Project

NEXT = "\n  Next: inv doctor tells what is wrong, inv quickstart installs and starts an engine\n"


@pytest.mark.parametrize(
    "args",
    [
        ("up",), ("down",), ("status",), ("status", "--json"), ("render",), ("ps", "echo"), ("deploy", "echo"),
        ("remove", "echo"), ("push", "echo"), ("build", "echo"), ("pull", "echo"), ("promote", "worker01"),
        ("drain", "worker01"), ("scale", "echo_api=6"), ("rollback", "echo_api"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_engine(project: Project, args: tuple[str, ...]) -> None:
    said = project.inv(*args)
    assert (said.code, said.out) == (1, "")
    assert said.err == f"Error: no Docker engine answers at {NOWHERE} (from DOCKER_HOST): there is no such socket{NEXT}"


def test_doctor_says_so_among_the_rest(project: Project) -> None:
    said = project.inv("doctor")
    assert said.code == 1
    assert NOWHERE in said.out
    assert "Next: inv quickstart" in said.out
    assert said.err == "Error: failed: engine\n"


def test_a_socket_that_nobody_listens_on(project: Project, tmp_path: Path) -> None:
    (tmp_path / "not-a-socket").touch()
    said = project.inv("up", DOCKER_HOST=f"unix://{tmp_path}/not-a-socket")
    assert said.code == 1
    assert "no Docker engine answers" in said.err
    assert said.err.endswith(NEXT)


def test_a_context_that_is_not_there(project: Project, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "elsewhere"}))
    said = project.inv("up", DOCKER_HOST="", DOCKER_CONFIG=str(tmp_path))
    assert (said.code, said.out) == (2, "")
    assert "elsewhere" in said.err
