"""The machine's engine behind TLS, as `DOCKER_TLS_VERIFY` has it reached."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from engine import Lab
from onestack import GOOD, environment

ENGINE = "/var/run/docker.sock"


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, as ca.pem, and with its key in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, here = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(here, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(made)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(made + private)
    return folder / "both.pem"


class Front(socketserver.ThreadingTCPServer):
    """Takes connections by TLS and hands on what they say to the engine's socket."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, both: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(both)
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    server: Front

    def handle(self) -> None:
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as near,
            socket.socket(socket.AF_UNIX) as far,
        ):
            far.connect(ENGINE)
            inwards = threading.Thread(target=pass_on, args=(near, far), daemon=True)
            inwards.start()
            pass_on(far, near)


def pass_on(source: Any, target: Any) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def by_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with Front(certificate(tmp_path)) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{front.server_address[1]}")
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
        yield
        front.shutdown()


@pytest.mark.usefixtures("by_tls")
def test_what_has_input_reaches_a_node(ready: Lab, stack: Callable[..., None]) -> None:
    """A stack's file is docker's standard input on the node, which has to end there."""
    stack(GOOD)
    ready.inv("deploy", "s")
    assert environment(ready) == ["VERSION=1"]
    assert "Nothing to change." in ready.inv("up").out
