"""Where secret values come from."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from swarmops import secrets
from swarmops.errors import ExitCode, InputError
from swarmops.inventory import SecretSource

BINARY = bytes(range(256))


def source(**stated: object) -> SecretSource:
    return SecretSource.model_validate(stated)


def test_a_file_is_taken_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(BINARY + b"\r\n")
    assert secrets.read(source(file="key"), tmp_path).data() == BINARY + b"\r\n"
    assert secrets.read(source(file=str(tmp_path / "key")), Path("/elsewhere")).data() == BINARY + b"\r\n"


def test_the_environment_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", " schön\n")
    assert secrets.read(source(environment="DB_PASSWORD"), tmp_path).reveal() == " schön\n"


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("printf 's3cret\n\n'", "s3cret\n"),
        ("printf s3cret", "s3cret"),
        (["printf", "%s", "$HOME"], "$HOME"),
        ("cat beside", "from the folder"),
    ],
)
def test_a_command_runs_in_the_folder_and_loses_one_newline(tmp_path: Path, command: object, value: str) -> None:
    (tmp_path / "beside").write_text("from the folder\n")
    assert secrets.read(source(command=command), tmp_path).reveal() == value


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"file": "none.txt"}, "secret from file none.txt: {folder}/none.txt: No such file"),
        ({"file": "."}, "secret from file .: {folder}: Is a directory"),
        ({"file": "empty"}, "secret from file empty: is empty\n  Next: write the value into the file"),
        ({"environment": "NOT_SET"}, "secret from environment NOT_SET: is not set\n  Next: export it"),
        ({"environment": "EMPTY"}, "secret from environment EMPTY: is empty\n  Next: export it"),
        ({"command": "true"}, "secret from command true: is empty\n  Next: run it by hand"),
        ({"command": "echo le@ked; echo locked >&2; exit 3"}, "exited 3: locked\n"),
        ({"command": "echo le@ked; exit 4"}, "exited 4: it printed no error"),
        ({"command": r"printf 'le@ked\377'"}, "not UTF-8 text"),
        ({"command": ["no-such-program", "a b"]}, "secret from command no-such-program 'a b': "),
    ],
)
def test_a_value_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: dict[str, object], said: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(InputError) as error:
        secrets.read(source(**stated), tmp_path)
    assert said.format(folder=tmp_path) in str(error.value)
    assert "\nle@ked" not in str(error.value)
    assert error.value.code == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"file": ""},
        {"file": "a", "environment": "B"},
        {"file": None},
        {"command": []},
        {"command": " "},
        {"x": "y"},
    ],
)
def test_a_source_is_exactly_one_of_three(stated: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        source(**stated)


def test_bytes_of_any_kind_reach_the_engine(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(BINARY)
    sent = base64.b64encode(secrets.read(source(file="key"), tmp_path).data())
    assert base64.b64decode(sent) == BINARY
