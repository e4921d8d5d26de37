"""What a lab's registry knows its users and itself by."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import bcrypt
import pytest
from cryptography import x509
from docker.api.client import APIClient
from docker.errors import NotFound
from requests.exceptions import ReadTimeout

from swarmops.commands import Secret
from swarmops.commands.registry import Login
from swarmops.errors import ConnectionFailed, SwarmopsError
from swarmops.inventory import Inventory, load
from swarmops.lab import registry_files
from swarmops.lab.registry_files import (
    fits,
    knows,
    lacks_certificate,
    make_certificate,
    set_certificate,
    set_password,
    users,
)

ALICE = Login("alice", Secret("wörd"))
INVENTORY = """
all:
  vars: {{cluster: lab, subnet: {subnet}, registry: {{host: {host}, tls: true}}}}
  children: {{managers: {{hosts: {{manager: }}}}}}
"""


def inventory(folder: Path, host: str = "registry", subnet: str = "10.89.0.0/24") -> Inventory:
    path = folder / "inventory.yaml"
    path.write_text(INVENTORY.format(host=host, subnet=subnet))
    return load(path)


def test_a_user_is_known_by_name_and_password() -> None:
    file = users(ALICE)
    assert knows(file, ALICE)
    assert b"w\xc3\xb6rd" not in file
    assert not knows(file, Login("alice", Secret("word")))
    assert not knows(file, Login("bob", ALICE.password))
    assert users(ALICE) != file, "salted"


@pytest.mark.parametrize("file", [b"", b"alice", b"alice:", b"alice:plain", b"docker:$2y$05$broken\n"])
def test_a_file_that_knows_nobody(file: bytes) -> None:
    assert not knows(file, ALICE)


def test_a_second_user_is_one_too_many() -> None:
    other = b"mallory:" + bcrypt.hashpw(b"x", bcrypt.gensalt(4)) + b"\n"
    assert not knows(users(ALICE) + other, ALICE)
    assert not knows(other + users(ALICE), ALICE)


def test_a_certificate_fits_its_key_and_its_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = inventory(tmp_path)
    key, certificate = make_certificate(stated)
    assert fits(key, certificate, stated)
    assert not fits(make_certificate(stated)[0], certificate, stated), "another key"
    assert not fits(key, certificate, inventory(tmp_path, host="images")), "another name"
    assert not fits(key, certificate, inventory(tmp_path, subnet="10.90.0.0/24")), "another address"
    assert not fits(b"", b"", stated)
    assert not fits(key, key, stated)
    monkeypatch.setattr(registry_files, "RENEW", registry_files.VALID + timedelta(days=1))
    assert not fits(key, certificate, stated), "soon over"


def test_who_trusts_the_certificate_trusts_the_registry(tmp_path: Path) -> None:
    _, text = make_certificate(inventory(tmp_path))
    certificate = x509.load_pem_x509_certificate(text)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["registry", "localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.89.0.5", "127.0.0.1", "::1"]
    certificate.verify_directly_issued_by(certificate)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, "it can sign no other"


class Broken:
    """An engine that has lost the registry's container, or answers no more."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            raise self._error

        return fail


def test_an_engine_that_fails_is_said(tmp_path: Path) -> None:
    stated, silent, gone = inventory(tmp_path), cast(APIClient, Broken(ReadTimeout("no answer"))), NotFound("no")
    for ask in (lacks_certificate, set_certificate):
        with pytest.raises(ConnectionFailed, match=r"^lab-registry: no answer"):
            ask(silent, stated)
    with pytest.raises(ConnectionFailed, match=r"^lab-registry: no answer"):
        set_password(silent, stated, ALICE)
    for change in (lambda engine: set_password(engine, stated, ALICE), lambda engine: set_certificate(engine, stated)):
        with pytest.raises(SwarmopsError, match=r"^lab-registry: no"):
            change(cast(APIClient, Broken(gone)))
