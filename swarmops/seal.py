"""The seal on a manager's key: what autolock does to the file, undone with the key that unlocks managers.

The engine can be given that key only once it has loaded a state, and then waits for the other managers of that state
before anything else: a backup of several managers would never start. Formats: moby/swarmkit, manager/encryption and
ca/keyreadwriter.go.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives import serialization
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from swarmops.commands import Secret
from swarmops.errors import InputError
from swarmops.raft import fields

SEALED = b"-----BEGIN ENCRYPTED"
PREFIX = "SWMKEY-1-"
SECRETBOX = 1
DATA, NONCE, ALGORITHM = 2, 3, 1
HEADER = re.compile(rb"^([a-z-]+): (.*)\n", re.MULTILINE)


def sealed(pem: bytes) -> bool:
    """Whether the key that a manager has on disk is of no use without the key that unlocks managers."""
    return pem.startswith(SEALED)


def opened(pem: bytes, key: Secret) -> bytes:
    """The same key, not sealed. The engine seals it again as soon as it knows that its swarm locks managers.

    Raises InputError for another key than the one that it was sealed with.
    """
    headers = dict(HEADER.findall(pem))
    try:
        raw = base64.b64decode(key.reveal().strip().removeprefix(PREFIX) + "==")
        box = dict(fields(base64.b64decode(headers[b"raft-dek"])))
        if box[ALGORITHM] != SECRETBOX:
            raise InputError("the state is sealed in a way that is not known here")
        inner = SecretBox(raw).decrypt(box[DATA], box[NONCE])  # type: ignore[arg-type]
        private = serialization.load_pem_private_key(HEADER.sub(b"", pem).replace(b"\n\n", b"\n"), raw)
    except (CryptoError, ValueError, TypeError, KeyError, binascii.Error) as error:
        raise InputError("the backup was made with another key than this one") from error
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    first, rest = private.private_bytes(*form).split(b"\n", 1)
    # Version 0: whatever version the swarm has is newer.
    record = base64.b64encode(bytes((DATA << 3 | 2, len(inner))) + inner)
    return b"\n".join((first, b"kek-version: 0", b"raft-dek: " + record, b"", rest))
