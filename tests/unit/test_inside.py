"""The command lines that are given the operator's terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmops.commands import Command, inside

WORDS = Command(("sh", "-c", "echo 'a  b'"))


def host(*, tty: bool = False, **stated: Any) -> list[str]:
    usual: dict[str, Any] = {"user": None, "port": None, "key": None, "known_hosts": Path("/my files/known")}
    return inside.host("10.0.0.1", WORDS, **usual | stated, tty=tty).reveal()


@pytest.mark.parametrize(("tty", "options"), [(False, ["--interactive"]), (True, ["--interactive", "--tty"])])
def test_in_a_container_the_words_stay_as_they_are(tty: bool, options: list[str]) -> None:
    command = inside.container("lab-worker01", WORDS, tty=tty)
    assert command.reveal() == ["docker", "exec", *options, "lab-worker01", *WORDS.argv]


def test_on_a_host_they_are_quoted_for_its_shell() -> None:
    assert host()[-3:] == ["--", "10.0.0.1", "sh -c 'echo '\"'\"'a  b'\"'\"''"]


def test_a_host_is_known_or_refused() -> None:
    options = host()
    assert "StrictHostKeyChecking=yes" in options
    assert 'UserKnownHostsFile="/my files/known"' in options


@pytest.mark.parametrize(("tty", "option"), [(False, "-T"), (True, "-t")])
def test_a_host_gives_a_terminal_to_who_has_one(tty: bool, option: str) -> None:
    assert host(tty=tty)[1] == option


def test_what_is_stated_of_a_host() -> None:
    stated = host(user="root", port=2222, key="~/.ssh/id")
    assert [stated[stated.index(option) + 1] for option in ("-l", "-p", "-i")] == ["root", "2222", "~/.ssh/id"]
    assert not {"-l", "-p", "-i"} & {*host()}
