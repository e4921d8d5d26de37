"""The door over ssh, on connections that lead nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from paramiko import HostKeys
from paramiko.ssh_exception import ChannelException, SSHException

from swarmops.commands import docker
from swarmops.connect import ssh
from swarmops.connect.ssh import SSHDoor
from swarmops.errors import ConnectionFailed, Refused

SESSIONS = 10
KEY = "10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAxnmZDuz2aAJu8+2dPxEe5TgFnTb6ByiVTcAmcP1E+H"


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
        self.gateway, self.connect_kwargs = None, stated["connect_kwargs"]
        self.made.append(self)

    def set_missing_host_key_policy(self, policy: object) -> None:
        self.policy = policy

    def get_host_keys(self) -> HostKeys:
        return HostKeys()

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


def test_a_door_that_is_closed_opens_for_nobody_who_holds_it(connections: list[Connection]) -> None:
    opened = door()
    opened.stream(docker("info"))
    opened.close()
    for way in (opened.run, opened.stream):
        with pytest.raises(ConnectionFailed, match="interrupted"):
            way(docker("info"))
    assert not connections[0].is_connected


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


def test_ssh_is_configured_as_the_operator_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And hosts that it jumps through are known or refused too."""
    opened: list[Any] = []
    monkeypatch.setattr(ssh.Connection, "open", lambda connection: opened.append(connection))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(
        "Host worker01\n HostName 10.0.0.1\n Port 2222\n User ann\n IdentityFile /key\n ProxyJump bob@jump\n"
    )
    known_hosts = tmp_path / "known"
    known_hosts.write_text(
        f"other ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAACXRvbyBzaG9ydA==\n\n# a comment\n@revoked x y z\n{KEY}\n"
    )
    door = SSHDoor("worker01", "worker01", user=None, port=None, key=None, known_hosts=known_hosts)
    door._connect(9)
    (connection,) = opened
    assert (connection.host, connection.port, connection.user) == ("10.0.0.1", 2222, "ann")
    assert connection.connect_kwargs["key_filename"] == ["/key"]
    assert (connection.gateway.host, connection.gateway.user) == ("jump", "bob")
    for one in (connection, connection.gateway):
        assert isinstance(one.client._policy, ssh.Unknown)
        assert list(one.client.get_host_keys()) == ["10.0.0.1"], "a line that cannot be read is passed over"
        assert one.connect_timeout == one.connect_kwargs["channel_timeout"] == 9


def test_a_configuration_that_ssh_would_not_read_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host\n nonsense\n")
    with pytest.raises(Refused, match=r"worker01 \(10\.0\.0\.1\): ssh's configuration: "):
        door().stream(docker("info"))


def test_what_ssh_says_is_said_of_the_node(connections: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Connection) -> None:
        raise SSHException("banner")

    monkeypatch.setattr(Connection, "open", refuse)
    with pytest.raises(ConnectionFailed, match=r"worker01 \(10\.0\.0\.1\): banner"):
        door().stream(docker("info"))
