from __future__ import annotations

import io
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest
from samples import host, manager, member

from swarmops import facts
from swarmops.commands import Command
from swarmops.connect import Result
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.facts import SwarmNode
from swarmops.inventory import Role
from swarmops.ops import nodes as node_ops
from swarmops.ops.roles import refuse_loss_of_quorum, role_not_taken, set_role
from swarmops.report import Progress
from swarmops.wait import Deadline

UP, LOST, UNKNOWN = "reachable", "unreachable", "unknown"


class FakeCluster:
    """A swarm that is what `members` says; a command takes effect as soon as it is given, unless it is `stuck`."""

    def __init__(
        self, *members: SwarmNode, control: bool | None = None, certified: str = "", stuck: bool = False
    ) -> None:
        self.members = {node.id: node for node in members}
        self.progress = Progress(io.StringIO())
        self.commands: list[str] = []
        self.inventory = SimpleNamespace(node=self._node, path=SimpleNamespace(name="inventory.yaml"))
        self._control = control
        self._certified = certified
        self._stuck = stuck

    def ask(self, question: Any) -> Any:
        assert question is facts.nodes
        return list(self.members.values())

    def manage(self, command: Command) -> None:
        self.commands.append(str(command))
        verb, node_id = command.reveal()[2], command.reveal()[-1]
        if not self._stuck:
            name = node_id.removeprefix("id-")
            self.members[node_id] = manager(name) if verb == "promote" else member(name)

    def api(self, name: str) -> EngineAPI:
        control = self.members[f"id-{name}"].manages if self._control is None else self._control
        info = {"Swarm": {"ControlAvailable": control}, "DockerRootDir": "/data"}
        return SimpleNamespace(get=lambda _: info)  # type: ignore[return-value]

    def door(self, name: str) -> Any:
        def run(command: Command, **_: Any) -> Result:
            assert command.reveal() == ["cat", "/data/swarm/certificates/swarm-node.crt"]
            return (
                Result(0, certificate(self._certified), "") if self._certified else Result(1, "", "Permission denied")
            )

        return SimpleNamespace(run=run)

    def _node(self, name: str) -> Any:
        return host(name, Role.MANAGER if name.startswith("m") else Role.WORKER)


def certificate(role: str) -> str:
    """As much of a node's certificate as says its role."""
    content = b64encode(b"\x30\x0c..swarm-" + role.encode() + b"..").decode()
    return f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"


def cluster(*members: SwarmNode, **how: Any) -> Any:
    return FakeCluster(*members, **how)


@pytest.mark.parametrize(
    ("own", "others", "said"),
    [
        (UP, [], "m0 is the last manager"),
        (LOST, [], "m0 is the last manager"),
        (UP, [UP], ""),
        (UP, [LOST], "without m0 0 of 1 managers are reachable, and a quorum takes 1"),
        (LOST, [UP], ""),
        (UP, [UP, UP], ""),
        (UP, [UP, LOST], "without m0 1 of 2 managers are reachable, and a quorum takes 2"),
        (LOST, [UP, UP], ""),
        (UP, [UP, UNKNOWN], "without m0 1 of 2 managers"),
        (UP, [UP, UP, LOST], ""),
        (UP, [UP, LOST, LOST], "without m0 1 of 3 managers are reachable, and a quorum takes 2"),
        (UP, [UP, UP, LOST, LOST], "without m0 2 of 4 managers are reachable, and a quorum takes 3"),
        (UP, [UP, UP, UP, LOST], ""),
    ],
)
def test_the_quorum(own: str, others: list[str], said: str) -> None:
    first = manager("m0", own)
    listed = [first, *(manager(f"m{number}", how) for number, how in enumerate(others, 1)), member("w1"), member("w2")]
    if not said:
        refuse_loss_of_quorum(first, listed)
        return
    with pytest.raises(SwarmopsError) as error:
        refuse_loss_of_quorum(first, listed)
    assert str(error.value).startswith(said)
    assert error.value.code == 1
    assert error.value.remedy


@pytest.mark.parametrize(
    ("now", "control", "role", "missing"),
    [
        (manager("w1"), True, Role.MANAGER, ""),
        (member("w1"), False, Role.WORKER, ""),
        (None, False, Role.WORKER, "w1 is not in the swarm any more"),
        (member("w1", role="manager"), False, Role.MANAGER, "w1 is not reachable as a manager yet"),
        (manager("w1", UNKNOWN), True, Role.MANAGER, "w1 is not reachable as a manager yet"),
        (manager("w1", role="worker"), False, Role.WORKER, "w1 is still one of the managers"),
        (member("w1", state="down"), False, Role.WORKER, "w1 is down"),
        (manager("w1"), False, Role.MANAGER, "w1 still has its certificate as a worker"),
        (member("w1"), True, Role.WORKER, "w1 still has its certificate as a manager"),
    ],
)
def test_a_role_is_taken_when_swarm_and_node_agree(
    now: SwarmNode | None, control: bool, role: Role, missing: str
) -> None:
    swarm = cluster(*([now] if now else []), manager("m1"), control=control)
    assert role_not_taken(swarm, member("w1"), role) == missing


@pytest.mark.parametrize(
    ("certified", "missing"),
    [("manager", "w1 still has its certificate as a manager"), ("worker", ""), ("", "")],
)
def test_a_demotion_is_over_when_the_node_has_its_new_certificate(certified: str, missing: str) -> None:
    """Where it may not be read, the node's own word is all there is."""
    swarm = cluster(member("w1"), manager("m1"), certified=certified)
    assert role_not_taken(swarm, member("w1"), Role.WORKER) == missing


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_of_a_node_certifies_nothing(text: str) -> None:
    assert facts.certified_role(text) == ""


@pytest.mark.parametrize("role", list(Role))
def test_a_node_that_does_not_answer_has_not_taken_its_role(role: Role) -> None:
    def silent(_: str) -> Any:
        raise ConnectionFailed("w1 does not answer")

    swarm = cluster(manager("w1") if role is Role.MANAGER else member("w1"))
    swarm.api = silent
    assert "w1" in role_not_taken(swarm, member("w1"), role)


def test_a_change_of_role_waits_until_it_is_true() -> None:
    swarm = cluster(manager("m1"), member("w1"))
    set_role(swarm, member("w1"), Role.MANAGER, Deadline(1))
    set_role(swarm, manager("w1"), Role.WORKER, Deadline(1))
    assert swarm.commands == ["docker node promote id-w1", "docker node demote id-w1"]


def test_no_node_is_demoted_while_it_is_being_promoted() -> None:
    swarm = cluster(manager("m1"), member("w1", role="manager"))
    with pytest.raises(WaitTimeout, match="w1 is still being promoted"):
        set_role(swarm, member("w1", role="manager"), Role.WORKER, Deadline(0))
    assert swarm.commands == []


def test_a_role_that_is_never_taken() -> None:
    swarm = cluster(manager("m1"), manager("w1"), stuck=True)
    with pytest.raises(WaitTimeout, match="w1 is still one of the managers"):
        set_role(swarm, manager("w1"), Role.WORKER, Deadline(0))


def test_what_would_lose_the_quorum_is_not_begun() -> None:
    swarm = cluster(manager("m1"), member("w1"))
    with pytest.raises(SwarmopsError, match="last manager"):
        set_role(swarm, manager("m1"), Role.WORKER, Deadline(1))
    assert swarm.commands == []


@pytest.mark.parametrize(
    ("verb", "name", "commands", "changed"),
    [
        ("promote", "w1", ["docker node promote id-w1"], 1),
        ("promote", "m1", [], 0),
        ("demote", "m2", ["docker node demote id-m2"], 1),
        ("demote", "w1", [], 0),
    ],
)
def test_a_verb_again_changes_nothing(verb: str, name: str, commands: list[str], changed: int) -> None:
    swarm = cluster(manager("m1"), manager("m2"), member("w1"))
    recap = getattr(node_ops, verb)(swarm, name, 1)
    assert swarm.commands == commands
    assert recap.rows() == [(name, 1, changed, 0)]
    assert getattr(node_ops, verb)(swarm, name, 1).rows() == [(name, 1, 0, 0)]
    assert swarm.commands == commands


def test_a_promotion_that_another_run_began_is_waited_for() -> None:
    swarm = cluster(manager("m1"), member("w1", role="manager"))
    node_ops.promote(swarm, "w1", 1)
    assert swarm.commands == ["docker node promote id-w1"]


@pytest.mark.parametrize(
    ("verb", "name", "says"),
    [
        ("promote", "w1", ["inventory.yaml has w1 as a worker: the next inv up demotes it."]),
        ("demote", "m2", ["inventory.yaml has m2 as a manager: the next inv up promotes it."]),
        ("promote", "m1", []),
    ],
)
def test_what_differs_from_the_inventory_is_said(verb: str, name: str, says: list[str]) -> None:
    notes = getattr(node_ops, verb)(cluster(manager("m1"), manager("m2"), member("w1")), name, 1).notes
    assert [note for note in notes if "inventory" in note] == says


@pytest.mark.parametrize(
    ("managers", "said"),
    [
        (1, ""),
        (2, "2 managers bear the loss of 0, as 1 would: an odd number is better."),
        (3, ""),
        (4, "4 managers bear the loss of 1"),
    ],
)
def test_an_even_number_of_managers(managers: int, said: str) -> None:
    swarm = cluster(*(manager(f"m{number}") for number in range(managers)))
    notes = node_ops.promote(swarm, "m0", 1).notes
    assert "".join(notes).startswith(said)
    assert bool(notes) is bool(said)
