"""What is said of certificates, clocks and managers before anything is lost by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from samples import manager, member

from swarmops.facts import SwarmNode
from swarmops.health import Vitals, notes, problems
from swarmops.validity import Validity

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
QUARTER = Validity(BEGIN, BEGIN + timedelta(days=90))
WORKER = [manager("manager", leader=True), member("worker01")]


def certificate(begin: datetime, end: datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swarm-ca")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin, end)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (datetime(2024, 1, 1, 12, 30, 15, tzinfo=UTC), datetime(2024, 3, 31, 1, 2, 3, tzinfo=UTC)),
        (datetime(2049, 12, 31, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)),
        (datetime(1999, 12, 31, tzinfo=UTC), datetime(2069, 1, 1, tzinfo=UTC)),
    ],
)
def test_validity_is_read_off_a_certificate(begin: datetime, end: datetime) -> None:
    text = certificate(begin, end)
    assert Validity.of(text) == Validity(begin, end)
    assert Validity.of(text + certificate(BEGIN, BEGIN + timedelta(1))) == Validity(begin, end)


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_validity(text: str) -> None:
    assert Validity.of(text) is None


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (0, []),
        (45, []),
        (72, []),
        (73, ["the certificate of worker01 ends in 17 days, and should have been renewed by now"]),
        (89, ["the certificate of worker01 ends in 24 hours, and should have been renewed by now"]),
        (90, ["the certificate of worker01 ended 0 s ago"]),
        (97, ["the certificate of worker01 ended 7 days ago"]),
    ],
)
def test_a_certificate_that_was_not_renewed(day: int, said: list[str]) -> None:
    vitals = {"worker01": Vitals(time=BEGIN + timedelta(days=day), certificate=QUARTER)}
    assert problems(WORKER, vitals) == said


@pytest.mark.parametrize(
    ("leader", "worker", "within", "said"),
    [
        (0, 0, 0.5, []),
        (0, 2.9, 0.5, []),
        (0, 3.1, 0.5, ["the clock of worker01 is 3 s ahead of manager's"]),
        (0, -300, 0.5, ["the clock of worker01 is 5 minutes behind manager's"]),
        (-300, -300, 0.5, []),  # this machine's clock is the one that is wrong
        (0, 10, 5.0, []),  # the answer took so long that nothing is known
        (None, 300, 0.5, []),  # the only clock that could be read
    ],
)
def test_clocks_are_compared_with_the_leaders(
    leader: float | None, worker: float, within: float, said: list[str]
) -> None:
    vitals = {"worker01": Vitals(ahead=worker, within=within), "manager": Vitals(ahead=leader, within=within)}
    assert problems(WORKER, vitals) == said


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([manager("m1"), manager("m2"), manager("m3")], []),
        (
            [manager("m1"), manager("m2"), manager("m3", "unreachable")],
            ["2 of 3 managers are reachable, and a quorum takes 2: with one more lost nothing can be changed"],
        ),
        (
            [*(manager(f"m{i}") for i in range(4)), manager("m5", "unreachable")],
            ["4 of 5 managers are reachable, and a quorum takes 3: 1 more may be lost"],
        ),
        (
            [manager("m1"), manager("m2", "unreachable")],
            ["1 of 2 managers are reachable, and a quorum takes 2: nothing can be changed"],
        ),
    ],
)
def test_managers_out_of_reach(members: list[SwarmNode], said: list[str]) -> None:
    assert problems(members, {}) == said


def test_a_locked_manager_is_named() -> None:
    assert problems([manager("m1")], {"m2": Vitals(state="locked"), "m3": Vitals(state="pending")}) == [
        "m2 is locked: inv swarm.unlock"
    ]


def test_a_node_that_takes_no_tasks_is_named_while_the_managers_take_it_for_well() -> None:
    members = [manager("m1"), member("w1"), member("w2", state="down")]
    vitals = {"m1": Vitals(), "w1": Vitals(deaf=True), "w2": Vitals(deaf=True)}
    assert problems(members, vitals) == ["w1 refuses tasks on networks new to it until its engine is restarted"]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, ["One manager: as long as it is away nothing can be changed. Three bear the loss of one."]),
        (2, ["2 managers bear the loss of 0, as 1 would: an odd number is better."]),
        (3, []),
        (4, ["4 managers bear the loss of 1, as 3 would: an odd number is better."]),
    ],
)
def test_notes_on_the_number_of_managers(count: int, said: list[str]) -> None:
    assert notes([*(manager(f"m{i}") for i in range(count)), member()]) == said
