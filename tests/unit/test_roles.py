from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from samples import host, manager, member

from swarmops import facts
from swarmops.commands import Command
from swarmops.connect import Result
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed, ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.facts import SwarmNode
from swarmops.inventory import Role
from swarmops.ops import nodes as node_ops
from swarmops.ops.members import ATTEMPTS
from swarmops.ops.roles import role_not_taken, set_roles
from swarmops.report import Progress, Recap
from swarmops.wait import Deadline

UP, LOST, UNKNOWN = "reachable", "unreachable", "unknown"
BEGUN_ANEW = {"LocalNodeState": "error", "Error": ""}


class FakeCluster:
    """A swarm that is what `members` says; a command takes effect as soon as it is given, unless it is `stuck`."""

    def __init__(
        self,
        *members: SwarmNode,
        control: bool | None = None,
        swarm: Mapping[str, str] | None = None,
        lab: bool = True,
        certified: str = "",
        stuck: bool = False,
        **stated: Any,
    ) -> None:
        self.stated = stated
        """What the inventory states of every node."""
        self.members = {node.id: node for node in members}
        self.progress = Progress(io.StringIO())
        self.commands: list[str] = []
        self.inventory = SimpleNamespace(
            node=self._node,
            nodes=[self._node(node.hostname) for node in members],
            path=SimpleNamespace(name="inventory.yaml"),
        )
        self.lab = lab
        self._control = control
        self._swarm = swarm or {"LocalNodeState": "active"}
        self._certified = certified
        self._stuck = stuck
        self.version, self.races = 1, 0
        """Of every member, and how many commands find that it has changed."""

    def ask(self, question: Any) -> Any:
        if question is facts.nodes:
            return list(self.members.values())
        return question(SimpleNamespace(get=lambda _: {"Version": {"Index": self.version}}))

    def each(self, nodes: Iterable[Any], work: Callable[[Any], Any]) -> list[Any]:
        return [work(node) for node in nodes]

    def container(self, name: str) -> str:
        return f"lab-{name}"

    def manage(self, command: Command) -> None:
        if self.races:
            self.version, self.races = self.version + 1, self.races - 1
            raise CommandFailed("update out of sequence")
        self.commands.append(str(command))
        verb, node_id = command.reveal()[2], command.reveal()[-1]
        if not self._stuck:
            name = node_id.removeprefix("id-")
            state = self.members[node_id].state
            if verb != "update":
                self.members[node_id] = manager(name) if verb == "promote" else member(name, state=state)

    def api(self, name: str) -> EngineAPI:
        if f"id-{name}" not in self.members:
            raise ConnectionFailed(f"{name} does not answer")
        control = self.members[f"id-{name}"].manages if self._control is None else self._control
        info = {"Swarm": {"ControlAvailable": control, **self._swarm}, "DockerRootDir": "/data"}
        return SimpleNamespace(get=lambda _: info)  # type: ignore[return-value]

    def door(self, name: str) -> Any:
        def run(command: Command, **_: Any) -> Result:
            assert command.reveal() == ["cat", "/data/swarm/certificates/swarm-node.crt"]
            return (
                Result(0, certificate(self._certified), "") if self._certified else Result(1, "", "Permission denied")
            )

        return SimpleNamespace(run=run)

    def _node(self, name: str) -> Any:
        return host(name, Role.MANAGER if name.startswith("m") else Role.WORKER, **self.stated)


def done(verb: str, swarm: Any, *names: str, timeout: float = 1, **how: Any) -> Recap:
    """What a verb has done to these nodes."""
    recap = Recap()
    getattr(node_ops, verb)(swarm, [swarm.inventory.node(name) for name in names], timeout, recap, **how)
    return recap


def certificate(role: str) -> str:
    """As much of a node's certificate as says its role."""
    content = b64encode(b"\x30\x0c..swarm-" + role.encode() + b"..").decode()
    return f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"


def cluster(*members: SwarmNode, **how: Any) -> Any:
    return FakeCluster(*members, **how)


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


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"LocalNodeState": "pending"}, "w1 takes no part in the swarm yet: pending"),
        ({"LocalNodeState": "error", "Error": "i/o timeout"}, "w1 takes no part in the swarm yet: i/o timeout"),
        ({"LocalNodeState": "active", "Error": "no leader"}, ""),
        (BEGUN_ANEW, ""),
    ],
)
def test_a_role_is_taken_when_the_node_takes_part(role: Role, said: dict[str, str], missing: str) -> None:
    swarm = cluster(manager("w1") if role is Role.MANAGER else member("w1"), manager("m1"), swarm=said)
    assert role_not_taken(swarm, member("w1"), role) == missing


@pytest.mark.parametrize("now", [manager("w1"), member("w1")], ids=["manager", "worker"])
@pytest.mark.parametrize(
    ("lab", "remedy"), [(True, "docker restart lab-w1"), (False, "as root on w1: systemctl restart docker")]
)
def test_a_node_that_began_anew_is_not_made_a_worker(now: SwarmNode, lab: bool, remedy: str) -> None:
    swarm = cluster(manager("m1"), manager("m2"), now, swarm=BEGUN_ANEW, lab=lab)
    with pytest.raises(SwarmopsError, match="w1 would refuse tasks as a worker") as error:
        done("demote", swarm, "w1")
    assert (error.value.remedy, swarm.commands) == (f"{remedy}; then the same again", [])


def test_a_node_that_began_anew_is_a_manager() -> None:
    swarm = cluster(manager("m1"), manager("m2"), member("w1"), swarm=BEGUN_ANEW)
    notes = done("promote", swarm, "w1").notes
    assert "w1 began its part in the swarm anew. Before it is a worker again: docker restart lab-w1" in notes


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


def test_a_node_whose_certificate_is_not_to_be_had_in_time_has_not_taken_its_role() -> None:
    def late(*_: Any, **__: Any) -> Any:
        raise WaitTimeout("w1: cat did not end within 15 s")

    swarm = cluster(manager("m1"), member("w1"))
    swarm.door = lambda _: SimpleNamespace(run=late)
    assert role_not_taken(swarm, member("w1"), Role.WORKER) == "w1 does not answer"


def test_a_change_of_role_waits_until_it_is_true() -> None:
    swarm = cluster(manager("m1"), member("w1"))
    set_roles(swarm, {"w1": member("w1")}, Role.MANAGER, Deadline(1))
    set_roles(swarm, {"w1": manager("w1")}, Role.WORKER, Deadline(1))
    assert swarm.commands == ["docker node promote id-w1", "docker node demote id-w1"]


def test_no_node_is_demoted_while_it_is_being_promoted() -> None:
    swarm = cluster(manager("m1"), member("w1", role="manager"))
    with pytest.raises(WaitTimeout, match="w1 is still being promoted"):
        set_roles(swarm, {"w1": member("w1", role="manager")}, Role.WORKER, Deadline(0))
    assert swarm.commands == []


def test_a_role_that_is_never_taken() -> None:
    swarm = cluster(manager("m1"), manager("w1"), stuck=True)
    with pytest.raises(WaitTimeout, match="w1 is still one of the managers"):
        set_roles(swarm, {"w1": manager("w1")}, Role.WORKER, Deadline(0))


def test_what_would_lose_the_quorum_is_not_begun() -> None:
    swarm = cluster(manager("m1"), member("w1"))
    with pytest.raises(SwarmopsError, match="last manager"):
        set_roles(swarm, {"m1": manager("m1")}, Role.WORKER, Deadline(1))
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
    assert done(verb, swarm, name).rows() == [(name, 1, changed, 0)]
    assert swarm.commands == commands
    assert done(verb, swarm, name).rows() == [(name, 1, 0, 0)]
    assert swarm.commands == commands


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_several_at_once(batch: int) -> None:
    swarm = cluster(manager("m1"), manager("m2"), manager("m3", leader=True), member("w1"), member("w2"), member("w3"))
    recap = done("promote", swarm, "w1", "m1", "w3", batch=batch)
    assert recap.rows() == [("w1", 1, 1, 0), ("w3", 1, 1, 0), ("m1", 1, 0, 0)]
    assert swarm.commands == ["docker node promote id-w1", "docker node promote id-w3"]


def test_the_leader_is_demoted_last_and_who_is_lost_first() -> None:
    members = {name: manager(name, UP, leader=name == "m1") for name in ("m1", "m2", "m4")}
    members["m3"] = manager("m3", LOST, state="down")
    swarm = cluster(*members.values(), manager("m5"))
    set_roles(swarm, members, Role.WORKER, Deadline(1))
    assert swarm.commands == [f"docker node demote id-m{number}" for number in (3, 2, 4, 1)]


def test_those_that_would_lose_the_quorum_together_are_all_left() -> None:
    swarm = cluster(manager("m1"), manager("m2"), manager("m3"))
    with pytest.raises(SwarmopsError, match="m1, m2, m3 are all the managers"):
        done("demote", swarm, "m1", "m2", "m3")
    assert swarm.commands == []


def test_who_is_down_is_not_promoted() -> None:
    swarm = cluster(manager("m1"), member("w1", state="down"), member("w2"))
    with pytest.raises(SwarmopsError, match="w1: down, and a node takes a role itself"):
        done("promote", swarm, "w1", "w2")
    assert swarm.commands == []


def test_who_is_down_is_demoted_by_the_word_of_the_others() -> None:
    swarm = cluster(manager("m1"), manager("m2"), manager("m3", LOST, state="down"))
    recap = done("demote", swarm, "m3")
    assert swarm.commands == ["docker node demote id-m3"]
    assert "m3 is down: it takes its certificate as a worker when it comes back." in recap.notes


def test_a_promotion_that_another_run_began_is_waited_for() -> None:
    swarm = cluster(manager("m1"), member("w1", role="manager"))
    done("promote", swarm, "w1")
    assert swarm.commands == ["docker node promote id-w1"]


def test_a_demotion_that_another_run_began_is_waited_for() -> None:
    swarm = cluster(manager("m1"), member("w1"), certified="manager")
    with pytest.raises(WaitTimeout, match="w1 still has its certificate as a manager"):
        done("demote", swarm, "w1", timeout=0)
    assert swarm.commands == []


@pytest.mark.parametrize(
    ("verb", "name", "says"),
    [
        ("promote", "w1", ["inventory.yaml has w1 as a worker: the next inv up demotes it."]),
        ("demote", "m2", ["inventory.yaml has m2 as a manager: the next inv up promotes it."]),
        ("promote", "m1", []),
    ],
)
def test_what_differs_from_the_inventory_is_said(verb: str, name: str, says: list[str]) -> None:
    notes = done(verb, cluster(manager("m1"), manager("m2"), member("w1")), name).notes
    assert [note for note in notes if "inventory" in note] == says


@pytest.mark.parametrize(("managers", "said"), [(1, 0), (2, 1), (3, 0), (4, 1)])
def test_an_even_number_of_managers(managers: int, said: int) -> None:
    swarm = cluster(*(manager(f"m{number}") for number in range(managers)))
    assert len(done("promote", swarm, "m0").notes) == said


@pytest.mark.parametrize("races", [1, ATTEMPTS - 1])
def test_a_member_that_changed_meanwhile_is_changed_again(races: int) -> None:
    swarm = cluster(manager("m1"), member("w1"))
    swarm.races = races
    done("promote", swarm, "w1")
    assert swarm.commands == ["docker node promote id-w1"]


def test_a_member_that_goes_on_changing_is_given_up() -> None:
    swarm = cluster(manager("m1"), member("w1"))
    swarm.races = ATTEMPTS
    with pytest.raises(CommandFailed):
        done("promote", swarm, "w1")


def test_what_fails_otherwise_is_not_repeated() -> None:
    swarm, tries = cluster(manager("m1"), member("w1")), []

    def fails(command: Command) -> None:
        tries.append(command)
        raise CommandFailed("no")

    swarm.manage = fails
    with pytest.raises(CommandFailed, match="no"):
        done("promote", swarm, "w1")
    assert len(tries) == 1


def test_who_is_not_in_the_swarm() -> None:
    swarm = cluster(manager("m1"), member("w1"))
    with pytest.raises(SwarmopsError, match="w2, w3 are not in the swarm") as error:
        done("promote", swarm, "w2", "w1", "w3")
    assert (error.value.remedy, swarm.commands) == ("inv up", [])


@pytest.mark.parametrize(
    ("wanted", "command", "changed", "note"),
    [
        ({"a": "1"}, "", "", ""),
        ({"c": None}, "", "", ""),
        ({"a": "2", "new": ""}, "--label-add=a=2 --label-add=new=", "labels a=2, new=", ""),
        ({"b": None, "a": "1"}, "--label-rm=b", "labels b-", ""),
        ({"zone": "z2"}, "--label-add=zone=z2", "labels zone=z2", "with zone=z1"),
        ({"zone": None}, "--label-rm=zone", "labels zone-", "with zone=z1"),
        ({"zone": "z1"}, "", "", ""),
    ],
)
def test_labels(wanted: dict[str, str | None], command: str, changed: str, note: str) -> None:
    swarm = cluster(member("w1", labels={"a": "1", "b": "x", "zone": "z1"}), labels={"zone": "z1"})
    recap = Recap()
    node_ops.label(swarm, [swarm.inventory.node("w1")], wanted, recap)
    assert swarm.commands == ([f"docker node update {command} id-w1"] if command else [])
    assert [text for _, outcome, text in recap.steps if outcome == "changed"] == ([changed] if changed else [])
    said = f"inventory.yaml has w1 {note}: the next inv up sets it back."
    assert recap.notes == ([said] if note else [])


@pytest.mark.parametrize("verb", ["activate", "pause"])
def test_availability(verb: str) -> None:
    wanted = {"activate": "active"}.get(verb, verb)
    swarm = cluster(
        *(member(f"w{number}", availability=how) for number, how in enumerate(("active", "pause", "drain")))
    )
    swarm.stated = {"availability": "drain"}
    recap = Recap()
    getattr(node_ops, verb)(swarm, list(swarm.inventory.nodes), recap)
    wrong = [node.id for node in swarm.members.values() if node.availability != wanted]
    assert swarm.commands == [f"docker node update --availability={wanted} {id}" for id in wrong]
    assert len(recap.notes) == 3
    assert recap.notes[0] == "inventory.yaml has w0 as drain: the next inv up sets it back."


@pytest.mark.parametrize(
    ("size", "parts"), [(0, ["abcde"]), (1, ["a", "b", "c", "d", "e"]), (2, ["ab", "cd", "e"]), (9, ["abcde"])]
)
def test_batches(size: int, parts: list[str]) -> None:
    assert ["".join(part) for part in node_ops.batches(dict.fromkeys("abcde"), size)] == parts
