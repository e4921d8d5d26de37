"""Bad input, and no engine: the command line alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def refused(project: Project) -> Callable[..., str]:
    """Runs a task that has to be refused as bad input before it did anything; returns its one message."""

    def run(*args: str) -> str:
        before = project.files()
        said = project.inv(*args)
        assert (said.code, said.out) == (2, ""), said
        assert said.err.startswith("Error: ")
        assert said.err.count("Error: ") == 1
        assert project.files() == before, "nothing is written"
        return said.err.removeprefix("Error: ").rstrip("\n")

    return run
