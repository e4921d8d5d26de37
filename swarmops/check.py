"""What a preflight check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How good it is: `warn` works with less, `fail` does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and what to do about it unless it is ok."""

    name: str
    level: Level
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name, Level.OK, detail)


def warn(name: str, detail: str, remedy: str = "") -> Check:
    """A check that found something that works with less."""
    return Check(name, Level.WARN, detail, remedy)


def fail(name: str, detail: str, remedy: str) -> Check:
    """A check that found something that does not work."""
    return Check(name, Level.FAIL, detail, remedy)
