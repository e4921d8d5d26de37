"""What a lab's registry needs to ask for a password and to speak TLS: files in its container.

They lie on volumes of the lab: the key and the users on the registry's own, the certificate on one that every node
has at /etc/docker/certs.d, so that its engine trusts the registry and no other.
"""

from __future__ import annotations

import io
import tarfile
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from docker.api.client import APIClient
from docker.errors import NotFound

from swarmops.commands.registry import Login
from swarmops.inventory import Inventory
from swarmops.lab.engine import told

DATA, TRUST = "/var/lib/registry", "/etc/docker/certs.d"
USERS, KEY = "swarmops/htpasswd", "swarmops/tls.key"
ROUNDS = 5  # htpasswd's own default: the registry checks a password with every request
VALID, RENEW = timedelta(days=3650), timedelta(days=30)


def lacks_password(engine: APIClient, inventory: Inventory, login: Login) -> bool:
    """Whether the registry does not know this user and no other. The container exists, and may run."""
    return not knows(_read(engine, f"{inventory.cluster}-registry", f"{DATA}/{USERS}"), login)


def lacks_certificate(engine: APIClient, inventory: Inventory) -> bool:
    """Whether the registry has no certificate that fits. The container exists, and may run."""
    container, trusted = f"{inventory.cluster}-registry", f"{inventory.registry}/ca.crt"
    key, certificate = (_read(engine, container, path) for path in (f"{DATA}/{KEY}", f"{TRUST}/{trusted}"))
    return not fits(key, certificate, inventory)


def set_password(engine: APIClient, inventory: Inventory, login: Login) -> bool:
    """Has the registry know this user and no other; whether that was a change. The container exists, and may run."""
    if not lacks_password(engine, inventory, login):
        return False
    # The registry looks at the file's time with every request: it need not be started again.
    _write(engine, f"{inventory.cluster}-registry", DATA, USERS, users(login), mode=0o600)
    return True


def set_certificate(engine: APIClient, inventory: Inventory) -> bool:
    """Has the registry own a certificate that fits; whether that was a change. The container exists, and may run."""
    container, trusted = f"{inventory.cluster}-registry", f"{inventory.registry}/ca.crt"
    if not lacks_certificate(engine, inventory):
        return False
    key, certificate = make_certificate(inventory)
    with told(container):
        running = engine.inspect_container(container)["State"]["Running"]
        if running:
            engine.stop(container)  # first: one that is found stopped later is started again, whatever happens here
        _write(engine, container, DATA, KEY, key, mode=0o600)
        _write(engine, container, TRUST, trusted, certificate, mode=0o644)
        if running:
            engine.start(container)
    return True


def users(login: Login) -> bytes:
    """The registry's file of users, in the format of htpasswd."""
    return f"{login.username}:".encode() + bcrypt.hashpw(login.password.data(), bcrypt.gensalt(ROUNDS)) + b"\n"


def knows(file: bytes, login: Login) -> bool:
    """Whether the file has this user, with this password, and no other."""
    name, _, hashed = file.strip().partition(b":")
    try:
        return name == login.username.encode() and bcrypt.checkpw(login.password.data(), hashed)
    except ValueError:
        return False


def make_certificate(inventory: Inventory) -> tuple[bytes, bytes]:
    """A key, and a certificate that it signs itself: nobody else's is trusted, and there is no CA's key to be kept."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{inventory.cluster} registry")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(_names(inventory)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form), made.public_bytes(serialization.Encoding.PEM)


def fits(key: bytes, certificate: bytes, inventory: Inventory) -> bool:
    """Whether a certificate is for this key and this registry, and for a while yet."""
    try:
        own = serialization.load_pem_private_key(key, None).public_key()
        found = x509.load_pem_x509_certificate(certificate)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    lasts = found.not_valid_after_utc > datetime.now(UTC) + RENEW
    return lasts and found.public_key() == own and set(names) == set(_names(inventory))


def _names(inventory: Inventory) -> list[x509.GeneralName]:
    addresses = (inventory.registry_address, "127.0.0.1", "::1")
    return [
        *(x509.DNSName(name) for name in (inventory.settings.registry.host, "localhost")),
        *(x509.IPAddress(ip_address(address)) for address in addresses),
    ]


def _read(engine: APIClient, container: str, path: str) -> bytes:
    """A file of a container; nothing where there is none."""
    with told(container):
        try:
            pieces, _ = engine.get_archive(container, path)
        except NotFound:
            return b""
        packed = b"".join(pieces)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        file = archive.extractfile(archive.getmembers()[0])
        return file.read() if file else b""


def _write(engine: APIClient, container: str, folder: str, name: str, content: bytes, *, mode: int) -> None:
    """Puts a file into a folder of a container; who may read it may enter what it lies in."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        above = _entry(name.rpartition("/")[0], mode | (mode & 0o444) >> 2)
        above.type = tarfile.DIRTYPE
        archive.addfile(above)
        file = _entry(name, mode)
        file.size = len(content)
        archive.addfile(file, io.BytesIO(content))
    with told(container):
        engine.put_archive(container, folder, packed.getvalue())


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = mode, int(time.time())
    return entry
