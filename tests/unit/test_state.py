"""The scripts that handle a manager's state, run by this machine's shell on a directory of the test."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from swarmops.commands import Command, state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of an engine's data, with the state of a swarm."""
    tools = {"docker": f"echo {tmp_path}/data", "id": "echo 0", "openssl": "true"}
    (tmp_path / "bin").mkdir()
    for name, line in tools.items():
        tool(tmp_path / "bin" / name, line)
    (tmp_path / "data/swarm").mkdir(parents=True)
    (tmp_path / "data/swarm/state").write_text("old")
    return tmp_path / "data"


def tool(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def run(root: Path, command: Command, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": f"{root.parent}/bin:{path}"}
    stdin = command.stdin if isinstance(command.stdin, bytes) else b""
    return subprocess.run(command.argv, input=stdin, env=env, capture_output=True, check=False)


def packed(text: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as out:
        entry = tarfile.TarInfo("swarm/state")
        entry.size = len(text)
        out.addfile(entry, io.BytesIO(text.encode()))
    return file.getvalue()


def test_a_state_is_put_in_two_steps(root: Path) -> None:
    assert run(root, state.stage(packed("new"), "abc")).returncode == 0
    assert (root / "swarm/state").read_text() == "old"
    assert run(root, state.marked()).stdout == b""
    assert run(root, state.swap()).returncode == 0
    assert (root / "swarm/state").read_text() == "new"
    assert run(root, state.marked()).stdout == b"abc\n"
    assert run(root, state.unmark()).returncode == 0
    assert [*root.rglob("*")] == [root / "swarm", root / "swarm/state"]


@pytest.mark.parametrize(
    ("tools", "text", "said"),
    [
        ({"id": "echo 1000"}, packed("new"), b"this takes root"),
        ({"mkdir": "echo full >&2; exit 1"}, packed("new"), b"full"),
        ({}, packed("new")[:-20], b"unexpected end of file"),
    ],
    ids=["root", "disk", "damaged"],
)
def test_what_cannot_be_put_leaves_what_is_there(root: Path, tools: dict[str, str], text: bytes, said: bytes) -> None:
    for name, line in tools.items():
        tool(root.parent / "bin" / name, line)
    ended = run(root, state.stage(text + bytes(1 << 20), "abc"))
    assert ended.returncode != 0
    assert said in ended.stderr
    assert run(root, state.swap()).returncode != 0
    assert {*root.rglob("*")} == {root / "swarm", root / "swarm/state"}
    assert (root / "swarm/state").read_text() == "old"


def test_no_openssl_is_said_before_anything_is_unpacked(root: Path) -> None:
    (root.parent / "bin/openssl").unlink()
    for name in ("sh", "cat"):
        (root.parent / "bin" / name).symlink_to(f"/bin/{name}")
    ended = run(root, state.stage(packed("new"), "abc"), path="/nowhere")
    assert (ended.returncode, ended.stderr) == (1, b"there is no openssl\n")
    assert {*root.rglob("*")} == {root / "swarm", root / "swarm/state"}
