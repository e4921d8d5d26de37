"""Where the key is kept that unlocks managers: a file of its owner's alone, or by a command."""

from __future__ import annotations

import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from swarmops import private, secrets
from swarmops.commands import MASK, Command, Secret
from swarmops.connect import KEPT_LINES, local
from swarmops.errors import InputError, SwarmopsError
from swarmops.inventory.schema import SecretSource, UnlockKey

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read(place: UnlockKey, folder: Path) -> Secret:
    """The key. Raises InputError where it cannot be had, or others may read its file."""
    if place.file:
        _check_mode(_path(place.file, folder))
    return Secret(secrets.read(_source(place), folder).reveal().strip())


def store(place: UnlockKey, folder: Path, key: Secret) -> Path | None:
    """Keeps the key in place of the one before, and reads it back. Raises SwarmopsError where that cannot be done.

    Returns where the one before is from now on, if it was in a file: a backup of its time takes no other.
    """
    kept = _set_aside(_path(place.file, folder), key) if place.file else None
    if place.file:
        private.write(_path(place.file, folder), f"{key.reveal()}\n".encode())
    else:
        _hand_over(place, folder, key)
    if read(place, folder) != key:
        raise SwarmopsError(f"{secrets.shown(_source(place))} does not give back the key that was stored")
    return kept


def shown(place: UnlockKey) -> str:
    """The place in words: `file unlock.key`."""
    return secrets.shown(SecretSource(file=place.file) if place.file else SecretSource(command=place.store))


def _source(place: UnlockKey) -> SecretSource:
    return SecretSource(file=place.file) if place.file else SecretSource(command=place.read)


def _path(stated: str, folder: Path) -> Path:
    return folder / Path(stated).expanduser()


def _set_aside(path: Path, key: Secret) -> Path | None:
    """Copies a key that is not this one to a file of its own."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SwarmopsError(f"{path} cannot be read: {error.strerror}") from error
    if before.strip() in (b"", key.reveal().encode()):
        return None
    kept = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    private.write(kept, before)
    return kept


def _check_mode(path: Path) -> None:
    with suppress(OSError):  # to read it says so in its own words
        if (mode := path.stat().st_mode) & OTHERS:
            raise InputError(f"{path}: others may read the key (mode {mode & 0o777:04o})", remedy=f"chmod 600 {path}")


def _hand_over(place: UnlockKey, folder: Path, key: Secret) -> None:
    command = Command(tuple(place.store or ()), stdin=Secret(f"{key.reveal()}\n"), shown=shown(place))
    ended = local.run(command, timeout=secrets.SECONDS, check=False, cwd=folder)
    if ended.code:
        said = ended.stderr.replace(key.reveal(), MASK).strip().splitlines()[-KEPT_LINES:] or ["it printed no error"]
        raise SwarmopsError(f"{command} exited {ended.code}: " + "\n    ".join(said))
