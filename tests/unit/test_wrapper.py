"""./inv, run by a real sh with a python3 that only plays at making environments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Plays python3 and the environment's own python; FAKE_* of the environment make it fail. As swarmops it says where it
# runs and with what, unless FAKE_PROGRAM has it do something else.
FAKE_PYTHON = """#!/bin/sh
if [ "${1-} ${2-} ${3-}" = "-P -m swarmops" ]; then
    shift 3
    [ -z "${FAKE_PROGRAM:-}" ] || eval "$FAKE_PROGRAM"
    printf "%s\\n" "$PWD" "$@"
    exit
fi
echo "$*" >>"$FAKE_LOG"
case "$*" in
    *version_info*) exit "${FAKE_OLD:-0}" ;;
    *ensurepip*) exit "${FAKE_NO_VENV:-0}" ;;
    "-m venv"*) mkdir -p .venv/bin .venv/site && cp "$0" .venv/bin/python ;;
    "-m pip"*) [ -z "${FAKE_NO_PIP:-}" ] || exit 1 ;;
    *sysconfig*) echo "$PWD/.venv/site" ;;
esac
"""


class Project:
    """A directory with the wrapper and a lock, and a PATH on which python3 is fake."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "a project"
        self.log = directory / "log"
        (self.root / "swarmops").mkdir(parents=True)
        shutil.copy(ROOT / "inv", self.root)
        self.lock("invoke==1")
        bin_ = directory / "bin"
        bin_.mkdir()
        (bin_ / "python3").write_text(FAKE_PYTHON)
        (bin_ / "python3").chmod(0o755)
        for name in ("python3.13", "python3.12", "python3.11"):
            (bin_ / name).write_text("#!/bin/sh\nexit 1\n")
            (bin_ / name).chmod(0o755)
        self.environment = os.environ | {"PATH": f"{bin_}:{os.environ['PATH']}", "FAKE_LOG": str(self.log)}

    def lock(self, text: str) -> None:
        (self.root / "requirements.lock").write_text(text)

    def run(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        return subprocess.run(
            [script or self.root / "inv", *arguments],
            cwd=cwd,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def pythons(self) -> list[str]:
        """What the fake was asked to do in the last run."""
        return self.log.read_text().splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_first_run_makes_the_environment_and_says_so(project: Project) -> None:
    ended = project.run("up", "a b")
    assert ended.stdout.splitlines() == [str(project.root), "up", "a b"]
    assert "making .venv" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert (project.root / ".venv/site/swarmops.pth").read_text().strip() == str(project.root)


def test_packages_are_checked_against_their_hashes(project: Project) -> None:
    project.run()
    (pip,) = [line for line in project.pythons if "-m pip" in line]
    assert "--require-hashes" in pip
    assert "index" not in pip


def test_the_second_run_starts_no_python_of_its_own(project: Project) -> None:
    project.run()
    ended = project.run("status")
    assert ended.stdout.splitlines()[1:] == ["status"]
    assert ended.stderr == ""
    assert project.pythons == []


def test_a_changed_lock_is_installed_over_what_is_there(project: Project) -> None:
    project.run()
    project.lock("invoke==2")
    assert "up to date" in project.run().stderr
    assert not any("-m venv" in line for line in project.pythons)
    project.run()
    assert project.pythons == []


def test_an_interrupted_run_is_begun_anew(project: Project) -> None:
    assert project.run(FAKE_NO_PIP="1").returncode != 0
    assert project.run("up").returncode == 0
    assert any("venv --clear" in line for line in project.pythons)


def test_an_interrupted_update_is_begun_anew(project: Project) -> None:
    project.run()
    project.lock("invoke==2")
    assert project.run(FAKE_NO_PIP="1").returncode != 0
    assert project.run("up").returncode == 0
    assert any("venv --clear" in line for line in project.pythons)


def test_a_project_that_moved_gets_a_new_environment(project: Project, tmp_path: Path) -> None:
    project.run()
    project.root = project.root.rename(tmp_path / "elsewhere")
    assert project.run().stdout.splitlines() == [str(project.root)]
    assert any("venv --clear" in line for line in project.pythons)


def test_it_works_from_another_directory_and_through_links(project: Project, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "absolute").symlink_to(project.root / "inv")
    (links / "relative").symlink_to("absolute")
    for script in (project.root / "inv", links / "absolute", links / "relative"):
        assert project.run(script=script, cwd=links).stdout.splitlines() == [str(project.root)]


def test_the_exit_code_is_the_programs(project: Project) -> None:
    assert project.run(FAKE_PROGRAM="exit 3").returncode == 3


@pytest.mark.parametrize(("missing", "said"), [("FAKE_OLD", "Python 3.11 or newer"), ("FAKE_NO_VENV", "python3-venv")])
def test_what_is_missing_is_named(project: Project, missing: str, said: str) -> None:
    ended = project.run(**{missing: "1"})
    assert ended.returncode == 1
    assert said in ended.stderr
    assert not (project.root / ".venv").exists()


def test_bytecode_is_written_although_the_caller_switched_it_off(project: Project) -> None:
    project.run()
    ended = project.run(PYTHONDONTWRITEBYTECODE="1", FAKE_PROGRAM='echo "<$PYTHONDONTWRITEBYTECODE>"; exit')
    assert ended.stdout == "<>\n"


def test_the_lock_has_every_dependency_with_hashes_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*stated["dependencies"], *stated["optional-dependencies"]["dev"]]
    locked = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[<>=!~ ]", item)[0].lower() for item in wanted} <= locked
    entries = re.split(r"\n(?=\S)", lock.partition("-o requirements.lock\n")[2])
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock


def test_it_says_where_it_was_called(project: Project, tmp_path: Path) -> None:
    run = project.run("up", cwd=tmp_path, FAKE_PROGRAM='printf "%s\\n" "$SWARMOPS_CALLED_FROM"; exit')
    assert run.stdout == f"{tmp_path}\n"
