"""Where the unlock key is kept: nobody else can read it, and nothing shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmops import keystore
from swarmops.commands import MASK, Secret
from swarmops.errors import InputError, SwarmopsError
from swarmops.inventory.schema import UnlockKey

KEY = Secret("SWMKEY-1-4u+Yc/npk")
FILE = UnlockKey(file="unlock.key")


def commands(store: str, read: str) -> UnlockKey:
    return UnlockKey.model_validate({"store": store, "read": read})


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "unlock.key"
    path.write_text("the key before")
    path.chmod(0o644)
    keystore.store(FILE, tmp_path, KEY)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (f"{KEY.reveal()}\n", 0o600)
    assert keystore.read(FILE, tmp_path) == KEY


def test_the_key_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "unlock.key"
    assert keystore.store(FILE, tmp_path, KEY) is None
    assert keystore.store(FILE, tmp_path, KEY) is None
    assert [*tmp_path.iterdir()] == [path]
    path.chmod(0o644)
    kept = keystore.store(FILE, tmp_path, Secret("another"))
    assert kept
    assert (kept.name[:18], kept.stat().st_mode & 0o777) == ("unlock.key.before-", 0o600)
    assert kept.read_text().strip() == KEY.reveal()
    assert {*tmp_path.iterdir()} == {path, kept}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    keystore.store(FILE, tmp_path, KEY)
    (tmp_path / "unlock.key").chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        keystore.read(FILE, tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        keystore.read(FILE, tmp_path)
    with pytest.raises(InputError, match="Not a directory"):
        keystore.read(UnlockKey(file=f"{__file__}/unlock.key"), tmp_path)
    with pytest.raises(SwarmopsError, match="cannot be read: Is a directory"):
        keystore.store(UnlockKey(file="."), tmp_path, KEY)
    with pytest.raises(SwarmopsError, match="cannot be written: No such file"):
        keystore.store(UnlockKey(file="nowhere/unlock.key"), tmp_path, KEY)


def test_commands_keep_it(tmp_path: Path) -> None:
    place = commands("umask 077; cat >kept", "cat kept")
    keystore.store(place, tmp_path, KEY)
    assert keystore.read(place, tmp_path) == KEY
    assert (tmp_path / "kept").read_text() == f"{KEY.reveal()}\n"


@pytest.mark.parametrize(
    ("store", "read", "said"),
    [
        ("cat >&2; exit 3", "true", f"exited 3: {MASK}"),
        ("cat; exit 3", "true", "it printed no error"),
        ("cat >/dev/null", "echo another", "does not give back"),
        ("cat >/dev/null", "true", "is empty"),
        ("cat >/dev/null", "exit 4", "exited 4"),
    ],
)
def test_commands_that_do_not_keep_it(tmp_path: Path, store: str, read: str, said: str) -> None:
    with pytest.raises(SwarmopsError) as failure:
        keystore.store(commands(store, read), tmp_path, KEY)
    assert said in str(failure.value)
    assert KEY.reveal() not in str(failure.value)
