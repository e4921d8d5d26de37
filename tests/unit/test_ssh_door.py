"""The door over ssh, on connections that lead nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from paramiko.ssh_exception import ChannelException, SSHException

from swarmops.commands import docker
from swarmops.connect import ssh
from swarmops.connect.ssh import SSHDoor
from swarmops.errors import ConnectionFailed

SESSIONS = 10


class Channel:
    """A session in which a command was started."""

    def __init__(self) -> None:
        self.command = ""
        self.exec_command = lambda text: setattr(self, "command", text)
        self.sendall = self.settimeout = self.close = self.recv = None


class Connection:
    """Opens as many sessions as sshd does."""

    made: list[Connection]

    def __init__(self, host: str, **stated: Any) -> None:
        self.client = self.transport = self
        self.sessions: list[Channel] = []
        self.is_connected = False
        self.made.append(self)

    def set_missing_host_key_policy(self, policy: object) -> None:
        self.policy = policy

    def open(self) -> None:
        assert isinstance(self.policy, ssh.Unknown), "a host is known or refused"
        self.is_connected = True

    def open_session(self, timeout: float) -> Channel:
        assert timeout <= ssh.CONNECT_SECONDS
        if len(self.sessions) == SESSIONS:
            raise ChannelException(2, "Connect failed")
        self.sessions.append(Channel())
        return self.sessions[-1]

    def close(self) -> None:
        self.is_connected = False


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections that are made."""
    monkeypatch.setattr(ssh, "Connection", Connection)
    monkeypatch.setattr(Connection, "made", [], raising=False)
    return Connection.made


def door() -> SSHDoor:
    return SSHDoor("worker01", "10.0.0.1", user=None, port=None, key=None, known_hosts=Path("/nonexistent"))


def test_a_connection_that_is_full_gets_company(connections: list[Connection]) -> None:
    opened = door()
    for _ in range(2 * SESSIONS + 1):
        opened.stream(docker("system", "dial-stdio"))
    assert [len(connection.sessions) for connection in connections] == [SESSIONS, SESSIONS, 1]
    opened.close()
    assert not [connection for connection in connections if connection.is_connected]


def test_one_connection_is_enough_for_few(connections: list[Connection]) -> None:
    opened = door()
    assert connections == [], "it is made when it is needed"
    for words in (["a"], ["b", "c  d"]):
        opened.stream(docker(*words))
    assert [channel.command for channel in connections[0].sessions] == ["docker a", "docker b 'c  d'"]
    assert len(connections) == 1


def test_a_host_that_opens_no_session_is_not_asked_for_ever(
    connections: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("test_ssh_door.SESSIONS", 0)
    with pytest.raises(ConnectionFailed, match=r"worker01 \(10\.0\.0\.1\)"):
        door().stream(docker("info"))
    assert len(connections) == 2


def test_a_host_that_hangs_is_connected_to_anew(connections: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_: Connection, timeout: float) -> None:
        raise SSHException("Timeout opening channel.")

    opened = door()
    opened.stream(docker("info"))
    with monkeypatch.context() as hanging:
        hanging.setattr(Connection, "open_session", hang)
        with pytest.raises(ConnectionFailed, match="Timeout opening channel"):
            opened.stream(docker("info"))
    opened.stream(docker("info"))
    assert [len(connection.sessions) for connection in connections] == [1, 1]
    assert connections[0].is_connected, "what runs in its other sessions goes on"


def test_what_ssh_says_is_said_of_the_node(connections: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Connection) -> None:
        raise SSHException("banner")

    monkeypatch.setattr(Connection, "open", refuse)
    with pytest.raises(ConnectionFailed, match=r"worker01 \(10\.0\.0\.1\): banner"):
        door().stream(docker("info"))
