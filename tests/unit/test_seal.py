"""The seal on a manager's key: made here as the engine makes it, and undone."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nacl.secret import SecretBox

from swarmops.commands import Secret
from swarmops.errors import InputError
from swarmops.raft import fields
from swarmops.seal import opened, sealed

RAW, INNER = b"k" * 32, b"d" * 32
KEY = Secret("SWMKEY-1-" + base64.b64encode(RAW).decode().rstrip("=") + "\n")
PRIVATE = ec.generate_private_key(ec.SECP256R1())


def pem(algorithm: int = 1) -> bytes:
    """A key as it is on the disk of a manager that locks."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    first, rest = PRIVATE.private_bytes(*form, serialization.BestAvailableEncryption(RAW)).split(b"\n", 1)
    box = SecretBox(RAW).encrypt(INNER)
    record = b"\x08%c\x12%c%b\x1a%c%b" % (algorithm, len(box.ciphertext), box.ciphertext, len(box.nonce), box.nonce)
    return first + b"\nkek-version: 28\nraft-dek: " + base64.b64encode(record) + b"\n\n" + rest


def test_what_was_sealed_is_opened() -> None:
    key = opened(pem(), KEY)
    assert (sealed(pem()), sealed(key)) == (True, False)
    head, _, rest = key.partition(b"\n\n")
    first, version, data = head.split(b"\n")
    assert version == b"kek-version: 0"
    assert dict(fields(base64.b64decode(data.removeprefix(b"raft-dek: ")))) == {2: INNER}
    private = serialization.load_pem_private_key(first + b"\n" + rest, None)
    assert private.private_numbers() == PRIVATE.private_numbers()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "key", ["SWMKEY-1-" + base64.b64encode(b"x" * 32).decode(), "SWMKEY-1-", "no key at all", "SWMKEY-1-é"]
)
def test_another_key_does_not_open_it(key: str) -> None:
    with pytest.raises(InputError, match="with another key"):
        opened(pem(), Secret(key))


def test_another_kind_of_seal() -> None:
    with pytest.raises(InputError, match="not known here"):
        opened(pem(algorithm=2), KEY)
