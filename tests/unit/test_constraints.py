from __future__ import annotations

from typing import Any

import pytest
from samples import manager, member

from swarmops.constraints import FORM, eligible, excluded_by
from swarmops.facts import SwarmNode

EAST = member(
    "worker01",
    labels={"region": "East", "rack": "1"},
    platform={"OS": "linux", "Architecture": "x86_64"},
    address="10.89.0.32",
)


@pytest.mark.parametrize(
    ("constraint", "met"),
    [
        ("node.role==worker", True),
        ("node.role == worker", True),
        ("  node.role!=worker ", False),
        ("node.role==manager", False),
        ("node.role != manager", True),
        ("node.hostname==worker01", True),
        ("node.hostname==worker02", False),
        ("node.id==id-worker01", True),
        ("node.labels.region==East", True),
        ("node.labels.region==east", True),
        ("node.labels.region!=east", False),
        ("node.labels.region==west", False),
        ("node.labels.nothing==here", False),
        ("node.labels.nothing!=here", True),
        ("node.platform.os==linux", True),
        ("node.platform.os!=linux", False),
        ("node.platform.arch==x86_64", True),
        ("node.platform.arch==arm64", False),
        ("engine.labels.x==1", False),
        ("Node.Labels.region==east", True),
        ("node.ip==10.89.0.32", True),
        ("node.ip==10.89.0.0/24", True),
        ("node.ip!=10.89.0.0/24", False),
        ("node.ip==10.89.0.5/24", True),
        ("node.ip==10.90.0.0/24", False),
        ("node.ip!=nonsense", False),
        ("node.label.region==east", False),
        ("node.label.region!=east", False),
        ("nonsense", True),
    ],
)
def test_constraint(constraint: str, met: bool) -> None:
    assert excluded_by(EAST, [constraint]) == ([] if met else [constraint])


@pytest.mark.parametrize(
    ("constraint", "taken"),
    [
        ("node.labels.x==y", ("node.labels.x", "==", "y")),
        ("\tNode.Labels.x-y_z  !=  a b \n", ("Node.Labels.x-y_z", "!=", "a b")),
        (r"_x==a:b-c_d.e*f(g)h?i+j[k]l\m^n$o|p/q", ("_x", "==", r"a:b-c_d.e*f(g)h?i+j[k]l\m^n$o|p/q")),
        ("node.labels.example.com/zone == b", None),
        ("node.labels.x == a,b", None),
        ("node.labels.x == 'a'", None),
        ("node.labels.x == ä", None),
        ("node.labels.ä == a", None),
        ("node.labels.x == a == b", None),
        ("node.labels.x != a != b", None),
        ("node.labels.x != a == b", None),
        ("node.labels.x ==  ", None),
        ("1.x == a", None),
        ("x == a", None),
        ("node.role = worker", None),
    ],
)
def test_what_swarm_takes(constraint: str, taken: tuple[str, str, str] | None) -> None:
    form = FORM.fullmatch(constraint)
    assert (form and form.group("key", "op", "value")) == taken


def test_all_constraints_have_to_be_met() -> None:
    assert excluded_by(EAST, ["node.role==manager", "node.labels.rack==1", "node.id==x"]) == [
        "node.role==manager",
        "node.id==x",
    ]


@pytest.mark.parametrize(
    ("node", "placement", "may"),
    [
        (EAST, None, True),
        (EAST, {}, True),
        (EAST, {"Constraints": None}, True),
        (EAST, {"Constraints": ["node.role==worker"]}, True),
        (manager("manager"), {"Constraints": ["node.role==worker"]}, False),
        (member(state="down"), None, False),
        (member(availability="drain"), None, False),
        (member(availability="pause"), None, False),
    ],
)
def test_eligible(node: SwarmNode, placement: Any, may: bool) -> None:
    assert eligible(node, {} if placement is None else {"Placement": placement}) is may
