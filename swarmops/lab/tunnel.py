"""An engine behind ssh://, reached as the docker command reaches it: `ssh HOST docker system dial-stdio`.

The SDK's own ssh transport hands out channels that are no sockets, and it costs the import of paramiko; here every
connection is one end of a socket pair, with the user's own ssh on the other.
"""

from __future__ import annotations

import socket
import subprocess
from typing import Any
from urllib.parse import urlsplit

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

CONNECT_SECONDS = 10


def ssh_command(host: str) -> list[str]:
    """The command that connects its standard input and output with the engine at `host`, an ssh:// address."""
    url = urlsplit(host)
    user = ["-l", url.username] if url.username else []
    port = ["-p", str(url.port)] if url.port else []
    engine = ["--host", f"unix://{url.path}"] if url.path.strip("/") else []
    options = ["-T", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "BatchMode=yes"]
    return ["ssh", *options, *user, *port, "--", url.hostname or "", "docker", *engine, "system", "dial-stdio"]


class _Connection(UnixHTTPConnection):
    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # Its own session: Ctrl-C ends the task, which then still needs the connection to clean up.
            end = theirs.fileno()
            subprocess.Popen(ssh_command(self.unix_socket), stdin=end, stdout=end, start_new_session=True)
        ours.settimeout(self.timeout)
        self.sock = ours


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        return _Connection(self.base_url, self.socket_path, self.timeout)  # type: ignore[arg-type]


class TunnelAdapter(UnixHTTPAdapter):
    """Sends the requests of an APIClient through ssh."""

    def __init__(self, host: str, timeout: int) -> None:
        super().__init__("/", timeout)
        self._pool = _Pool("http+docker://localhost", host, timeout)

    def get_connection(self, *_: object, **__: object) -> Any:
        """The connections to the engine."""
        return self._pool
