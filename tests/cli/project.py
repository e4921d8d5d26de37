"""The real command line in a process of its own, with no engine within its reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NOWHERE = "unix:///nonexistent.sock"
SECONDS = 60


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


class Project:
    """A copy of the shipped project, to be spoilt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "inventory.yaml"
        for name in ("templates", "images"):
            shutil.copytree(REPOSITORY / name, folder / name)
        shutil.copy(REPOSITORY / "inventory.yaml", self.file)

    def spoil(self, file: str, old: str, new: str) -> int:
        """Replaces a text of a file; returns its line."""
        path = self.folder / file
        before, found, after = path.read_text().partition(old)
        assert found, f"{old} is not in {file}"
        path.write_text(before + new + after)
        return before.count("\n") + 1

    @staticmethod
    def command(*args: str) -> list[str]:
        return [sys.executable, "-P", "-m", "swarmops", "--search-root", str(REPOSITORY), *args]

    def inv(self, *args: str, **env: str) -> Said:
        """One task, with no engine unless `env` says where one is."""
        ended = subprocess.run(
            self.command(*args),
            cwd=self.folder,
            env=os.environ | {"SWARMOPS_INVENTORY": str(self.file), "DOCKER_HOST": NOWHERE} | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
        return Said(ended.returncode, ended.stdout, ended.stderr)

    def files(self) -> set[Path]:
        return set(self.folder.rglob("*"))
