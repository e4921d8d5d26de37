"""Commands on this machine."""

from __future__ import annotations

import getpass
import os
import platform
import time
from pathlib import Path
from typing import NoReturn

import pytest

from swarmops.commands import Command, Secret
from swarmops.connect import local
from swarmops.errors import CommandFailed, ConnectionFailed, WaitTimeout


def sh(script: str, stdin: bytes | None = None) -> Command:
    return Command(("sh", "-c", script), stdin)


def test_outputs_are_kept_apart_and_input_is_sent() -> None:
    ended = local.run(sh("cat; echo wrong >&2", b"given"), timeout=10)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "given", "wrong\n")


def test_lines_are_told_as_they_come() -> None:
    lines: list[str] = []
    ended = local.run(sh("cat; echo two", b"one\n"), timeout=10, on_line=lines.append)
    assert lines == ["one", "two"]
    assert ended.stdout == "one\ntwo\n"


def test_a_failure_shows_the_command_and_its_last_words_but_no_secret() -> None:
    command = Command(("sh", "-c", "echo broken >&2; exit 3", Secret("s3cret")))
    with pytest.raises(CommandFailed) as caught:
        local.run(command, timeout=10)
    assert "exited 3: broken" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert local.run(command, timeout=10, check=False).code == 3


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandFailed, match="no-such-program"):
        local.run(Command(("no-such-program",)), timeout=10)


@pytest.mark.parametrize("follow", [False, True])
def test_a_timeout_ends_the_children_too(follow: bool) -> None:
    begun = time.monotonic()
    with pytest.raises(WaitTimeout, match=r"did not end within 0\.2 s"):
        local.run(sh("sleep 30 & wait"), timeout=0.2, on_line=(lambda _: None) if follow else None)
    assert time.monotonic() - begun < 5


def test_what_is_not_permitted_is_not_started(tmp_path: Path) -> None:
    def closed() -> NoReturn:
        raise ConnectionFailed("interrupted")

    with pytest.raises(ConnectionFailed):
        local.run(Command(("touch", str(tmp_path / "started"))), timeout=10, permit=closed)
    assert not (tmp_path / "started").exists()
    assert local.run(sh("echo again"), timeout=10).stdout == "again\n"


def test_who_runs_this_has_a_name_or_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> NoReturn:
        raise KeyError("getpwuid(): uid not found: 1234")

    assert local.operator() == f"{getpass.getuser()}@{platform.node()}"
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert local.operator() == f"{os.getuid()}@{platform.node()}"
