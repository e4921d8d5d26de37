from __future__ import annotations

import pytest
from invoke.exceptions import Exit

from swarmops import errors
from swarmops.errors import InputError, Problem, SwarmopsError, suggest

CODES = {
    errors.SwarmopsError: 1,
    errors.ConnectionFailed: 1,
    errors.CommandFailed: 1,
    errors.Conflict: 1,
    errors.Denied: 1,
    errors.NotFound: 1,
    errors.InputError: 2,
    errors.LockLost: 1,
    errors.PendingError: 3,
    errors.Refused: 1,
    errors.RolledBack: 4,
    errors.Silent: 1,
    errors.NoLeader: 1,
    errors.EngineFailed: 1,
    errors.WaitTimeout: 5,
}


def all_kinds(kind: type[SwarmopsError] = SwarmopsError) -> set[type[SwarmopsError]]:
    return {kind}.union(*(all_kinds(below) for below in kind.__subclasses__()))


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", None))
def test_exit_codes(kind: type[SwarmopsError], code: int) -> None:
    error = kind("broken", remedy="mend it")
    assert isinstance(error, Exit)
    assert (error.code, type(error.code)) == (code, int)
    assert error.message == "Error: broken\n  Next: mend it"
    assert str(error) == "broken\n  Next: mend it"
    assert error.remedy == "mend it"


def test_every_kind_has_its_code_here() -> None:
    assert {kind for kind in all_kinds() if kind.__module__ == errors.__name__} == set(CODES)


def test_no_remedy_no_line() -> None:
    assert SwarmopsError("broken").message == "Error: broken"


@pytest.mark.parametrize(
    ("problem", "text"),
    [(Problem("a.yaml", 3, "bad"), "a.yaml:3: bad"), (Problem("a.yaml", 0, "bad"), "a.yaml: bad")],
)
def test_problem(problem: Problem, text: str) -> None:
    assert str(problem) == text
    assert str(InputError.of([problem])) == text
    assert str(InputError.of([problem, problem])) == text


def test_problems_come_in_the_order_of_the_file() -> None:
    problems = [Problem("b", 1, "x"), Problem("a", 10, "x"), Problem("a", 9, "z"), Problem("a", 9, "y")]
    error = InputError.of(problems)
    assert str(error) == "4 problems\n  a:9: y\n  a:9: z\n  a:10: x\n  b:1: x"
    assert error.code == 2


@pytest.mark.parametrize(
    ("word", "hint"),
    [("labls", ", did you mean labels?"), ("labels", ", did you mean labels?"), ("zzz", ""), ("", "")],
)
def test_suggest(word: str, hint: str) -> None:
    assert suggest(word, ["ports", "labels"]) == hint


def test_nothing_to_suggest() -> None:
    assert suggest("labels", []) == ""
