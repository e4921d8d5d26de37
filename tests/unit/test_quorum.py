from __future__ import annotations

import pytest
from samples import manager, member

from swarmops.errors import SwarmopsError
from swarmops.quorum import Quorum, even, refuse_loss

UP, LOST, UNKNOWN = "reachable", "unreachable", "unknown"
WORKERS = [member("w1"), member("w2")]


@pytest.mark.parametrize(
    ("managers", "needed", "bears"), [(1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 3, 1), (5, 3, 2), (6, 4, 2), (7, 4, 3)]
)
def test_a_quorum_is_more_than_half(managers: int, needed: int, bears: int) -> None:
    quorum = Quorum(managers, managers)
    assert (quorum.needed, quorum.bears, quorum.spare, quorum.holds) == (needed, bears, bears, True)


@pytest.mark.parametrize(
    ("managers", "reachable", "spare"),
    [(0, 0, -1), (1, 0, -1), (2, 1, -1), (3, 2, 0), (3, 1, -1), (5, 4, 1), (5, 2, -1)],
)
def test_what_is_left_to_lose(managers: int, reachable: int, spare: int) -> None:
    quorum = Quorum(managers, reachable)
    assert (quorum.spare, quorum.holds) == (spare, spare >= 0)


def test_those_that_manage_count_whatever_role_is_desired() -> None:
    listed = [manager("m1"), manager("m2", LOST), manager("m3", UNKNOWN, role="worker"), member("w1", role="manager")]
    assert Quorum.of(listed) == Quorum(3, 1)
    assert Quorum.of(listed, without=listed[1:]) == Quorum(1, 1)


@pytest.mark.parametrize(
    ("own", "others", "said"),
    [
        ([UP], [], "m0 is the last manager"),
        ([LOST], [], "m0 is the last manager"),
        ([UP, UP], [], "m0, m1 are all the managers"),
        ([UP], [UP], ""),
        ([UP], [LOST], "without m0 0 of 1 managers are reachable, and a quorum takes 1"),
        ([LOST], [UP], ""),
        ([UP], [UP, UP], ""),
        ([UP], [UP, LOST], "without m0 1 of 2 managers are reachable, and a quorum takes 2"),
        ([LOST], [UP, UP], ""),
        ([UP], [UP, UNKNOWN], "without m0 1 of 2 managers"),
        ([UP], [UP, UP, LOST], ""),
        ([UP], [UP, LOST, LOST], "without m0 1 of 3 managers are reachable, and a quorum takes 2"),
        ([UP], [UP, UP, LOST, LOST], "without m0 2 of 4 managers are reachable, and a quorum takes 3"),
        ([UP], [UP, UP, UP, LOST], ""),
        ([UP, UP], [UP], ""),
        ([UP, LOST], [UP], ""),
        ([UP, UP], [UP, UP, LOST], ""),
        ([UP, UP], [UP, LOST, LOST], "without m0, m1 1 of 3 managers are reachable, and a quorum takes 2"),
        ([LOST, LOST], [UP, UP, UP], ""),
    ],
)
def test_what_would_lose_the_quorum(own: list[str], others: list[str], said: str) -> None:
    managers = [manager(f"m{number}", how) for number, how in enumerate([*own, *others])]
    leaving, listed = [*managers[: len(own)], WORKERS[0]], [*managers, *WORKERS]
    if not said:
        refuse_loss(leaving, listed)
        return
    with pytest.raises(SwarmopsError) as error:
        refuse_loss(leaving, listed)
    assert str(error.value).startswith(said)
    assert (error.value.code, bool(error.value.remedy)) == (1, True)


def test_workers_may_leave() -> None:
    refuse_loss(WORKERS, [manager("m0"), manager("m1", LOST), *WORKERS])
    assert not Quorum.of(WORKERS).managers


@pytest.mark.parametrize(
    ("managers", "said"),
    [
        (0, ""),
        (1, ""),
        (2, "2 managers bear the loss of 0, as 1 would: an odd number is better."),
        (3, ""),
        (4, "4 managers bear the loss of 1, as 3 would: an odd number is better."),
    ],
)
def test_an_even_number(managers: int, said: str) -> None:
    assert even(managers) == said
