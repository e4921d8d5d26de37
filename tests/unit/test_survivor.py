"""Which managers survive, and when those that are locked are better unlocked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.errors import InputError, PendingError, SwarmopsError
from swarmops.facts import Engine
from swarmops.inventory import Role
from swarmops.ops.recover import View, _survivor

CLUSTER: Any = SimpleNamespace(lab=True, inventory=SimpleNamespace(node=lambda name: name))


def view(name: str, state: str, *, control: bool = True, error: str = "no leader", managers: int = 3) -> View:
    node: Any = SimpleNamespace(name=name, role=Role.MANAGER)
    return View(node, Engine(name, state, control, "26.1.5", error), managers)


LOCKED = view("c", "locked", control=False)


@pytest.mark.parametrize(
    ("seen", "survives", "leads"),
    [
        (view("a", "active"), True, False),
        (view("a", "active", error=""), True, True),
        (view("a", "pending"), True, False),
        (view("a", "pending", control=False), False, False),
        (view("a", "error"), True, False),
        (view("a", "error", error=""), True, True),
        (view("a", "error", control=False), False, False),
        (view("a", "inactive", control=False), False, False),
        (LOCKED, False, False),
    ],
)
def test_who_survives(seen: View, survives: bool, leads: bool) -> None:
    assert (seen.survives, seen.leads) == (survives, leads)


def test_a_quorum_that_is_but_locked_is_no_loss() -> None:
    for sure in (False, True):
        with pytest.raises(SwarmopsError, match="c: locked, and a quorum together with"):
            _survivor(CLUSTER, [view("a", "active"), LOCKED], "", sure=sure)
    assert _survivor(CLUSTER, [view("a", "active"), LOCKED], "a", sure=True) == "a"


def test_locked_managers_that_make_no_quorum_are_said() -> None:
    views = [view("a", "pending", managers=5), LOCKED]
    with pytest.raises(PendingError, match=r"1 of 5 managers answer(.|\n)*c is locked(.|\n)*of what a has"):
        _survivor(CLUSTER, views, "", sure=False)
    assert _survivor(CLUSTER, views, "", sure=True) == "a"


def test_none_survives() -> None:
    with pytest.raises(SwarmopsError, match="the managers that answer are locked"):
        _survivor(CLUSTER, [LOCKED], "", sure=True)
    with pytest.raises(SwarmopsError, match="no manager survives"):
        _survivor(CLUSTER, [view("a", "inactive", control=False)], "", sure=True)
    with pytest.raises(InputError, match="c is no manager that has"):
        _survivor(CLUSTER, [view("a", "active"), LOCKED], "c", sure=True)
