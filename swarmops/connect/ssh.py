"""The door to a real host: ssh through Fabric, to hosts whose key is known beforehand."""

from __future__ import annotations

import logging
import shlex
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from fabric import Config, Connection
from paramiko import Channel, MissingHostKeyPolicy, PKey, SSHClient
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    ChannelException,
    ConfigParseError,
    SSHException,
)

from swarmops.commands import Command
from swarmops.connect import Result, checked
from swarmops.errors import ConnectionFailed, Refused, WaitTimeout

CONNECT_SECONDS = 10
NO_EXIT_STATUS = -1
"""What paramiko gives for a command whose end it was not told."""

# Paramiko's own thread logs a traceback for what is raised here as an error of ours.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SSHStream:
    """Standard input and output of a command in a session of its own."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.sendall = channel.sendall
        self.settimeout = channel.settimeout
        self.close = channel.close

    def recv_into(self, buffer: memoryview) -> int:
        """Standard output; paramiko knows no `recv_into`."""
        data = self._channel.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def complaint(self) -> str:
        """Standard error, as far as it has come: all of it once the output has ended."""
        said = bytearray()
        while self._channel.recv_stderr_ready():
            said += self._channel.recv_stderr(4096)
        return said.decode(errors="replace")


class Unknown(MissingHostKeyPolicy):
    """Lets no host in whose key is not known."""

    def __init__(self, node: str, known_hosts: Path) -> None:
        self._node = node
        self._known_hosts = known_hosts

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002 (the signature is paramiko's)
        """Raises Refused."""
        raise Refused(
            f"{self._node} ({hostname}): its host key is not in {self._known_hosts}",
            remedy="ssh-keyscan it, compare the fingerprint, and add it there",
        )


class SSHDoor:
    """Reaches the node `node` at `host`; what is not given comes from the operator's ssh configuration."""

    def __init__(
        self, node: str, host: str, *, user: str | None, port: int | None, key: Path | None, known_hosts: Path
    ) -> None:
        self.node = node
        self._known_hosts = known_hosts
        self._lock = threading.Lock()
        self._user, self._port, self._key = user, port, key
        self._connections: list[Connection] = []
        self._closed = False
        self._hung: Connection | None = None
        """The one that opened no session in time; those that it has go on."""
        self._host = host

    def run(self, command: Command, *, timeout: float = 60, check: bool = True) -> Result:
        """Runs a command in the host's shell, every argument quoted, its input sent and its outputs kept apart."""
        late = threading.Event()
        over = WaitTimeout(f"{self.node}: {command} did not end within {timeout:g} s")
        with self._translated(), closing(self._session(command, timeout)) as channel, _deadline(channel, timeout, late):
            try:
                result = _communicate(channel, command.input())
            except (OSError, EOFError):
                if late.is_set():
                    raise over from None
                raise
        if late.is_set():
            raise over
        if result.code == NO_EXIT_STATUS:
            raise ConnectionFailed(f"{self.node}: the connection ended before {command} did")
        return checked(self.node, command, result) if check else result

    def stream(self, command: Command) -> SSHStream:
        """Starts a command in a session of its own on the same connection."""
        with self._translated():
            return SSHStream(self._session(command))

    def close(self) -> None:
        """Closes the connections and every session on them, and opens no other."""
        self._closed = True
        for connection in self._connections:
            connection.close()

    def _session(self, command: Command, timeout: float = CONNECT_SECONDS) -> Channel:
        # Not Fabric's `run`: it sends input a character at a time, with a pause after each.
        connection = self._connect(timeout)
        try:
            return self._start(connection, command, timeout)
        except ChannelException:  # sshd allows ten sessions per connection
            return self._start(self._connect(timeout, full=connection), command, timeout)

    def _start(self, connection: Connection, command: Command, timeout: float) -> Channel:
        """Starts a command; paramiko would wait an hour for a host that hangs, and for ever for its next answer."""
        seconds, late = min(timeout, CONNECT_SECONDS), threading.Event()
        try:
            channel: Channel = connection.transport.open_session(timeout=seconds)
            with _deadline(channel, seconds, late):
                channel.exec_command(shlex.join(command.reveal()))
        except ChannelException:
            raise
        except SSHException:
            self._hung = connection
            raise
        return channel

    def _connect(self, timeout: float, *, full: Connection | None = None) -> Connection:
        """The newest connection, open; another one when that is the one that is full, or has hung."""
        with self._lock:
            if self._closed:
                raise ConnectionFailed("interrupted")
            newest = self._connections[-1] if self._connections else None
            if newest is None or newest is full or newest is self._hung:
                self._connections.append(self._new())
            connection = self._connections[-1]
            if not connection.is_connected:
                hop: Connection | str | None = connection
                while isinstance(hop, Connection):  # those that ssh is to jump through too
                    self._guard(hop, min(timeout, CONNECT_SECONDS))
                    hop = hop.gateway
                connection.open()
            if self._closed:  # meanwhile: one that was not open yet could not be closed
                connection.close()
                raise ConnectionFailed("interrupted")
            return connection

    def _new(self) -> Connection:
        config = Config(lazy=True)  # no configuration files of Fabric's own
        config.load_ssh_config()
        options: dict[str, Any] = {"key_filename": str(self._key)} if self._key else {}
        return Connection(self._host, user=self._user, port=self._port, connect_kwargs=options, config=config)

    def _guard(self, connection: Connection, seconds: float) -> None:
        """Fabric adds unknown hosts by itself; here a host is known or refused."""
        connection.client.set_missing_host_key_policy(Unknown(self.node, self._known_hosts))
        connection.connect_timeout = seconds
        connection.connect_kwargs["channel_timeout"] = seconds
        known = connection.client.get_host_keys()
        for line in self._known_hosts.read_text().splitlines() if self._known_hosts.exists() else ():
            with suppress(ValueError, SSHException, InvalidHostKey):  # ssh too passes over a line that it cannot read
                if entry := HostKeyEntry.from_line(line.strip()):
                    for name in entry.hostnames:
                        known.add(name, entry.key.get_name(), entry.key)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        host = f"{self.node} ({self._host})"
        try:
            yield
        except BadHostKeyException as error:
            raise Refused(
                f"{host}: the host key has changed", remedy=f"find out why, then correct {self._known_hosts}"
            ) from error
        except AuthenticationException as error:
            raise Refused(
                f"{host}: ssh refused the log-in: {error}", remedy="check ansible_user and ansible_ssh_private_key_file"
            ) from error
        except FileNotFoundError as error:
            raise Refused(
                f"{host}: there is no file {error.filename}",
                remedy="correct ansible_ssh_private_key_file, or ~/.ssh/config",
            ) from error
        except ConfigParseError as error:
            raise Refused(f"{host}: ssh's configuration: {error}", remedy="correct ~/.ssh/config") from error
        except (SSHException, OSError, EOFError) as error:
            remedy = "check ansible_host and ansible_port, and that sshd runs there"
            raise ConnectionFailed(f"{host}: {error or type(error).__name__}", remedy=remedy) from error


@contextmanager
def _deadline(channel: Channel, seconds: float, late: threading.Event) -> Iterator[None]:
    """Closes the channel after so many seconds, which ends every read from it, and sets `late`."""

    def over() -> None:
        late.set()
        channel.close()

    timer = threading.Timer(seconds, over)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _communicate(channel: Channel, data: bytes | None) -> Result:
    """Sends the input, then reads both outputs to their ends."""
    err = bytearray()
    reader = threading.Thread(target=lambda: err.extend(channel.makefile_stderr("rb").read()), daemon=True)
    reader.start()
    if data:
        channel.sendall(data)
    channel.shutdown_write()
    out = channel.makefile("rb").read()
    reader.join()
    return Result(channel.recv_exit_status(), out.decode(errors="replace"), err.decode(errors="replace"))
