"""What differs between the inventory and what there is, as actions: nodes, members, those that leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samples import host, manager, member

from swarmops import plan
from swarmops.errors import InputError, SwarmopsError
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Inventory, Role, load
from swarmops.members import match
from swarmops.plan import Action, Lab, Seen, Step, Swarm, leaving, members

NODES = (host("manager", Role.MANAGER), host("worker01"))
BOTH = {"manager": manager("manager"), "worker01": member("worker01")}
STATE = {"Spec": {}}

INVENTORY = """all:
  vars:
    cluster: demo
    networks: {net: {}}
  children:
    managers:
      hosts:
        manager:
    workers:
      hosts:
        worker01: {labels: {region: east}}
        worker02:
"""


def marked(name: str, **said: Any) -> SwarmNode:
    """A member that swarmops made one."""
    return member(name, labels={"swarmops.node": name, **said.pop("labels", {})}, **said)


def swarm_state(state: str, node_id: str = "id-worker01", *, control: bool = False) -> Engine:
    return Engine(node_id, state, control=control, version="26.1.5", error="")


MANAGER = marked("manager", reachability="reachable", leader=True)
RIGHT = (MANAGER, marked("worker01", labels={"region": "east"}), marked("worker02"))
NET = {"Name": "net", "Scope": "swarm", "Driver": "overlay", "Attachable": False}


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY)
    return load(file)


def line(action: Action) -> str:
    return f"{action.node}: {action.what}"


def lines(made: plan.Plan) -> list[str]:
    return [f"{line(action)} ({action.why})" for action in made.actions]


def stands(*listed: SwarmNode, **seen: Any) -> Seen:
    """A swarm of these members, with the network of the inventory."""
    return Seen(Swarm(listed, (NET,), STATE), **seen)


@pytest.mark.parametrize(
    ("listed", "ids", "found"),
    [
        ([member("worker01")], {}, {"worker01": "id-worker01"}),
        ([member("other")], {}, {}),
        ([member("worker01", state="down")], {}, {}),
        ([member("worker01", state="down")], {"worker01": "id-worker01"}, {"worker01": "id-worker01"}),
        # A former life, and the present one.
        ([member("worker01", id="old", state="down"), member("worker01", id="new")], {}, {"worker01": "new"}),
        ([member("worker01", id="new"), member("worker01", id="old", state="down")], {}, {"worker01": "new"}),
        ([member("worker01", id="old"), member("worker01", id="new")], {"worker01": "new"}, {"worker01": "new"}),
        # Which of them is it? Its engine has to say.
        ([member("worker01", id="old"), member("worker01", id="new")], {}, {}),
        # A real host whose host name is another than the inventory's.
        ([member("vm-17", id="x")], {"worker01": "x"}, {"worker01": "x"}),
        ([member("vm-17", id="x", labels={"swarmops.node": "worker01"})], {}, {"worker01": "x"}),
        ([member("worker01", id="x", labels={"swarmops.node": "web"})], {}, {}),
        ([member("worker01", id="old")], {"worker01": "not yet listed"}, {}),
        ([member("worker01")], {"worker01": ""}, {"worker01": "id-worker01"}),
    ],
)
def test_match(listed: list[SwarmNode], ids: dict[str, str], found: dict[str, str]) -> None:
    matched = match(NODES, listed, ids)
    assert {name: node.id for name, node in matched.items()} == found


@pytest.mark.parametrize(
    ("members", "missing"),
    [
        (BOTH, ""),
        ({}, "manager is not in the swarm, worker01 is not in the swarm"),
        (BOTH | {"worker01": member("worker01", state="down")}, "worker01 is down"),
        (BOTH | {"manager": manager("manager", "unreachable")}, "manager is a manager that is unreachable"),
        # A worker in the inventory that is a manager now: its role is for later, its health is not.
        (BOTH | {"worker01": manager("worker01", "unknown")}, "worker01 is a manager that is unknown"),
        (BOTH | {"manager": member("manager")}, ""),
        (BOTH | {"worker01": member("worker01", role="manager")}, "worker01 is still to be promoted"),
        (BOTH | {"worker01": manager("worker01", role="worker")}, "worker01 is still to be demoted"),
    ],
)
def test_not_ready(members: dict[str, SwarmNode], missing: str) -> None:
    assert plan.not_ready(NODES, members) == missing


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("engine", "steps"),
    [
        (swarm_state("inactive", ""), ["join as worker"]),
        (swarm_state("active"), []),
        (swarm_state("active", "id-manager"), []),
        (swarm_state("pending"), []),
    ],
)
def test_joining(engine: Engine, steps: list[str], own: bool) -> None:
    assert [action.what for action in plan.joining(NODES[1], engine, BOTH.values(), own=own)] == steps


def test_a_node_of_another_swarm() -> None:
    engine = swarm_state("active", "stranger")
    steps = plan.joining(NODES[1], engine, BOTH.values(), own=True)
    assert [action.what for action in steps] == ["leave its swarm", "join as worker"]
    with pytest.raises(SwarmopsError, match="worker01 is a member of another swarm") as error:
        plan.joining(NODES[1], engine, BOTH.values(), own=False)
    assert "docker swarm leave --force on worker01" in error.value.remedy


def test_a_locked_node_is_not_taken_out_of_its_swarm() -> None:
    with pytest.raises(SwarmopsError, match="locked"):
        plan.joining(NODES[1], swarm_state("locked", ""), BOTH.values(), own=True)


@pytest.mark.parametrize(
    ("stated", "present", "command"),
    [
        ({}, {}, []),
        ({}, {"labels": {"a": "1"}, "availability": "drain"}, []),
        ({"labels": {"a": "1"}}, {"labels": {"a": "1", "b": "2"}}, []),
        ({"availability": "active"}, {}, []),
        ({"labels": {"a": "1"}}, {}, ["docker node update --label-add=a=1 id-worker01"]),
        (
            {"labels": {"b": "2", "a": "1", "c": "3"}},
            {"labels": {"a": "0", "c": "3"}},
            ["docker node update --label-add=a=1 --label-add=b=2 id-worker01"],
        ),
        (
            {"availability": "active"},
            {"availability": "drain"},
            ["docker node update --availability=active id-worker01"],
        ),
        (
            {"availability": "pause", "labels": {"a": "1"}},
            {"availability": "drain"},
            ["docker node update --availability=pause --label-add=a=1 id-worker01"],
        ),
    ],
)
def test_settings(stated: dict[str, Any], present: dict[str, Any], command: list[str]) -> None:
    actions = members.settings(host("worker01", **stated), member("worker01", **present))
    assert [str(action.command) for action in actions] == command


def test_an_action_says_what_and_why() -> None:
    stated = host("worker01", availability="pause", labels={"b": "2", "a": "1"})
    (action,) = members.settings(stated, member("worker01", labels={"a": "0"}))
    assert (line(action), action.why) == ("worker01: set a=1, b=2, pause", "a is 0, b is not set, it is active")


def test_to_drain_is_more_than_a_command() -> None:
    stated = host("worker01", availability="drain", labels={"a": "1"})
    first, last = members.settings(stated, member("worker01"))
    assert (line(first), str(first.command)) == ("worker01: set a=1", "docker node update --label-add=a=1 id-worker01")
    assert (line(last), last.why, last.step, last.command) == ("worker01: drain", "it is active", Step.DRAIN, None)
    assert members.settings(stated, member("worker01", availability="drain", labels={"a": "1"})) == []


def test_an_even_number_of_managers_is_said(inventory: Inventory) -> None:
    inventory.path.write_text(INVENTORY.replace("        manager:", "        manager:\n        boss:"))
    two = load(inventory.path)
    there = (*RIGHT, marked("boss", reachability="reachable"))
    assert [note for note in plan.make(two, stands(*there)).notes if "odd number" in note]
    assert plan.make(two, stands(*there), two.managers).notes == ()


def test_promotions_come_before_demotions() -> None:
    nodes = (host("a"), host("b", Role.MANAGER), host("c"), host("d", Role.MANAGER), host("e", Role.MANAGER))
    there = {
        "a": member("a", role="manager"),
        "b": member("b"),
        "c": member("c", role="manager"),
        "d": member("d"),
        "e": member("e", role="manager"),
    }
    assert [line(action) for action in members.roles(nodes, there)] == [
        "b: promote to manager",
        "d: promote to manager",
        "a: demote to worker",
        "c: demote to worker",
    ]
    assert members.roles(NODES, BOTH) == []


@pytest.mark.parametrize(
    ("old", "own", "removed"),
    [
        (member("worker01", id="old", state="down"), False, ["remove entry old"]),
        (member("worker01", id="old"), False, []),
        # Swarm takes a while to see that a node is gone; a lab has one container of a name.
        (member("worker01", id="old"), True, ["remove entry old"]),
        (member("worker01", state="down"), True, []),  # the present one
        (member("foreign", id="old", state="down"), True, []),
        (manager("worker01", "unreachable", id="old", state="down"), False, ["demote entry old", "remove entry old"]),
        (member("worker01", role="manager", id="old", state="down"), False, ["remove entry old"]),
    ],
)
def test_former_lives(old: SwarmNode, own: bool, removed: list[str]) -> None:
    actions = leaving.former_lives({"manager", "worker01"}, BOTH, [*BOTH.values(), old], own=own)
    assert [action.what for action in actions] == removed


def test_nothing_differs(inventory: Inventory) -> None:
    assert plan.make(inventory, stands(*RIGHT)) == plan.Plan()
    assert plan.make(inventory, stands(*RIGHT, lab=Lab())) == plan.Plan()


def test_a_lab_that_is_not_there(inventory: Inventory) -> None:
    names = ("registry", "manager", "worker01", "worker02")
    lab = Lab(dict.fromkeys(names, "it does not exist"), ("node",), fresh=frozenset(names))
    assert lines(plan.make(inventory, Seen(lab=lab))) == [
        "cluster: make image node (this machine has none)",
        "registry: start the container (it does not exist)",
        "manager: start the container (it does not exist)",
        "worker01: start the container (it does not exist)",
        "worker02: start the container (it does not exist)",
        "manager: init the swarm (there is none; known after start)",
        "worker01: join as worker (it is not in the swarm; known after start)",
        "worker02: join as worker (it is not in the swarm; known after start)",
        "worker01: set region=east (region is not set; known after init)",
        "cluster: create network net (there is no such network; known after init)",
    ]


def test_a_lab_that_sleeps_may_have_anything_on_its_volumes(inventory: Inventory) -> None:
    lab = Lab(dict.fromkeys(("manager", "worker01", "worker02"), "it is exited"))
    made = plan.make(inventory, Seen(lab=lab))
    assert [action.what for action in made.actions] == ["start the container"] * 3
    assert made.notes == ("What else differs is known once there is an answer from manager, worker01, worker02.",)


def test_engines_without_a_swarm(inventory: Inventory) -> None:
    engines = dict.fromkeys(("manager", "worker01", "worker02"), swarm_state("inactive", ""))
    assert lines(plan.make(inventory, Seen(engines=engines)))[:3] == [
        "manager: init the swarm (there is none)",
        "worker01: join as worker (it is not in the swarm)",
        "worker02: join as worker (it is not in the swarm)",
    ]


def test_no_swarm_is_made_beside_one_that_a_promoted_worker_holds(inventory: Inventory) -> None:
    engines = {"manager": swarm_state("inactive", ""), "worker01": swarm_state("active", control=True)}
    made = plan.make(inventory, Seen(engines=engines, lab=Lab()))
    assert lines(made) == []
    assert made.awaited[0] == "manager: no manager answers"


def test_managers_that_are_lost_go_first_and_the_leader_last(inventory: Inventory) -> None:
    left = (
        marked("manager02", role="manager", reachability="reachable", leader=True),
        marked("manager03", role="manager", reachability="reachable"),
        marked("manager04", role="manager", reachability="unreachable", state="down"),
    )
    made = plan.make(inventory, stands(*RIGHT, *left))
    assert [action.node for action in made.actions if action.what == "demote to worker"] == [
        "manager04",
        "manager03",
        "manager02",
    ]


def test_a_container_that_was_killed_comes_back_as_the_member_that_it_was(inventory: Inventory) -> None:
    gone = marked("worker02", state="down")
    lab = Lab({"worker02": "it is exited"})
    made = plan.make(inventory, stands(*RIGHT[:2], gone, lab=lab))
    assert lines(made) == ["worker02: start the container (it is exited)"]
    assert made.awaited == ()


def test_a_container_whose_data_are_lost_joins_anew(inventory: Inventory) -> None:
    gone = marked("worker02", state="down")
    lab = Lab({"worker02": "it does not exist"}, fresh=frozenset({"worker02"}))
    assert lines(plan.make(inventory, stands(*RIGHT[:2], gone, lab=lab))) == [
        "worker02: start the container (it does not exist)",
        "worker02: join as worker (it is not in the swarm; known after start)",
        "worker02: remove entry id-worker02 (the node joined anew)",
    ]


def test_a_node_that_is_down_and_one_that_does_not_answer_are_waited_for(inventory: Inventory) -> None:
    gone = marked("worker02", state="down")
    engines = {"worker02": swarm_state("active", "id-worker02")}
    made = plan.make(inventory, stands(*RIGHT[:2], gone, engines=engines))
    assert (made.actions, made.awaited) == ((), ("worker02 is down",))
    made = plan.make(inventory, stands(*RIGHT[:2], gone, silent={"worker02": "no route to host"}))
    assert (made.actions, made.awaited) == ((), ("worker02 does not answer: no route to host",))


def test_a_manager_that_is_locked(inventory: Inventory) -> None:
    made = plan.make(inventory, Seen(engines={"manager": swarm_state("locked", "")}))
    assert lines(made)[0] == "manager: unlock (its engine was restarted, and waits for the key)"


def test_nodes_that_left_are_emptied_before_the_first_one_goes(inventory: Inventory) -> None:
    left = (marked("worker08"), marked("manager02", reachability="reachable"), marked("worker09", state="down"))
    lab = Lab(former={"worker08": "running", "worker10": "exited"})
    made = plan.make(inventory, stands(*RIGHT, *left, lab=lab))
    assert [line(action) for action in made.actions] == [
        "worker08: drain",
        "manager02: drain",
        "manager02: demote to worker",
        "worker08: remove from the swarm",
        "worker09: remove from the swarm",
        "manager02: remove from the swarm",
        "worker08: remove its container",
        "worker10: remove its container",
    ]
    assert {action.reason for action in made.actions} == {"it is not in the inventory any more"}
    assert made.formers["worker08"].container == "running"


def test_members_that_are_somebody_elses_are_left_alone(inventory: Inventory) -> None:
    made = plan.make(inventory, stands(*RIGHT, member("laptop", state="down")))
    assert made.actions == ()
    (note,) = made.notes
    assert note.startswith("laptop (id-laptop, down) is in the swarm and not in the inventory")


def test_a_member_without_a_mark_gets_one(inventory: Inventory) -> None:
    made = plan.make(inventory, stands(*RIGHT[:2], member("worker02")))
    assert lines(made) == ["worker02: label swarmops.node=worker02 (it marks whom swarmops looks after)"]


def test_a_limit_leaves_everything_else_alone(inventory: Inventory) -> None:
    listed = (MANAGER, marked("worker01"), member("worker02"), marked("gone"), member("laptop"))
    seen = Seen(Swarm(listed, (), STATE), lab=Lab({"worker01": "it is exited", "registry": "it is exited"}))
    made = plan.make(inventory, seen, [inventory.node("worker02")])
    assert lines(made) == ["worker02: label swarmops.node=worker02 (it marks whom swarmops looks after)"]
    assert (made.notes, made.awaited) == ((), ())
    made = plan.make(inventory, seen, [inventory.node("worker01")])
    assert [line(action) for action in made.actions] == [
        "worker01: start the container",
        "worker01: set region=east",
    ]


def test_a_limit_without_anybody_who_makes_the_swarm(inventory: Inventory) -> None:
    lab = Lab(dict.fromkeys(("manager", "worker01"), "it does not exist"), fresh=frozenset({"manager", "worker01"}))
    with pytest.raises(InputError, match="there is no swarm yet, and --limit leaves out manager"):
        plan.make(inventory, Seen(lab=lab), [inventory.node("worker01")])


def test_what_an_interrupted_making_left_goes_first(inventory: Inventory) -> None:
    strays = {"0123456789ab_demo-worker02": "worker02"}
    made = plan.make(inventory, stands(*RIGHT, lab=Lab({"worker02": "its definition changed"}, strays=strays)))
    first, second = made.actions
    assert (line(first), first.step, first.target) == (
        "worker02: remove the second container", Step.CLEAR, "0123456789ab_demo-worker02"
    )  # fmt: skip
    assert line(second) == "worker02: make the container anew"
    assert plan.make(inventory, stands(*RIGHT, lab=Lab(strays=strays)), inventory.managers).actions == ()


def test_a_worker_that_moves_joins_anew_and_keeps_what_somebody_set(inventory: Inventory) -> None:
    old = marked("worker02", labels={"own": "kept"}, availability="drain")
    lab = Lab({"worker02": "its definition changed"}, moved={"worker02": "10.89.0.34"})
    made = plan.make(inventory, stands(*RIGHT[:2], old, lab=lab))
    assert [line(action) for action in made.actions] == [
        "worker02: make the container anew",
        "worker02: leave its swarm",
        "worker02: join as worker",
        "worker02: remove entry id-worker02",
    ]
    assert made.actions[1].why == "it is 10.89.0.34 to the others, and has moved to 10.89.0.33; known after start"


MOVED = marked("worker02", labels={"swarmops.address": "10.89.0.34"})


@pytest.mark.parametrize(
    ("engine", "left"),
    [
        (Engine("id-worker02", "active", control=False, version="", error="", address="10.89.0.34"), True),
        (Engine("", "inactive", control=False, version="", error=""), False),
    ],
    ids=["before it has left", "before it has joined"],
)
def test_a_worker_that_was_interrupted_as_it_moved(inventory: Inventory, engine: Engine, left: bool) -> None:
    made = plan.make(inventory, stands(*RIGHT[:2], MOVED, engines={"worker02": engine}))
    leave = ["worker02: leave its swarm"] if left else []
    joined = ["worker02: join as worker", "worker02: remove entry id-worker02"]
    assert [line(action) for action in made.actions] == [*leave, *joined]


def test_a_worker_is_where_it_joined(inventory: Inventory) -> None:
    there = marked("worker02", labels={"swarmops.address": inventory.node("worker02").address})
    assert plan.make(inventory, stands(*RIGHT[:2], there)).actions == ()


def test_a_worker_that_manages_does_not_move(inventory: Inventory) -> None:
    promoted = marked("worker02", reachability="reachable")
    lab = Lab({"worker02": "its definition changed"}, moved={"worker02": "10.89.0.34"})
    with pytest.raises(InputError, match=r"worker02 is 10\.89\.0\.34 to the other managers") as error:
        plan.make(inventory, stands(*RIGHT[:2], promoted, lab=lab))
    assert error.value.remedy == "inv demote worker02 first, or state address: 10.89.0.34 for worker02"


def test_a_manager_does_not_move(inventory: Inventory) -> None:
    lab = Lab({"manager": "its definition changed"}, moved={"manager": "10.89.0.12"})
    with pytest.raises(InputError, match=r"manager is 10\.89\.0\.12 to the other managers") as error:
        plan.make(inventory, stands(*RIGHT, lab=lab))
    assert error.value.remedy == "state address: 10.89.0.12 for manager"


def test_nor_does_one_that_sleeps(inventory: Inventory) -> None:
    lab = Lab({"manager": "its definition changed"}, moved={"manager": "10.89.0.12"})
    with pytest.raises(InputError, match=r"10.89.0.12 to the other managers"):
        plan.make(inventory, Seen(lab=lab))


def test_a_node_that_left_makes_way_for_one_that_needs_its_address(inventory: Inventory) -> None:
    lab = Lab({"worker02": "it does not exist"}, former={"worker09": "running"}, blocked={"worker09": "worker02"})
    made = plan.make(inventory, stands(*RIGHT[:2], marked("worker09"), lab=lab))
    assert [line(action) for action in made.first] == [
        "worker09: drain",
        "worker09: remove from the swarm",
        "worker09: remove its container",
    ]
    assert line(made.actions[3]) == "worker02: start the container"


def test_the_last_manager_makes_no_way(inventory: Inventory) -> None:
    lab = Lab({"manager": "it does not exist"}, former={"boss": "running"}, blocked={"boss": "manager"})
    boss = marked("boss", reachability="reachable")
    with pytest.raises(InputError, match="manager needs its address or one of its ports; but boss is the last manager"):
        plan.make(inventory, stands(boss, *RIGHT[1:], lab=lab))
    with pytest.raises(InputError, match="no manager answers"):
        plan.make(inventory, Seen(lab=lab))


def test_a_dead_container_of_a_node_that_left_is_not_emptied(inventory: Inventory) -> None:
    made = plan.make(inventory, stands(*RIGHT, marked("worker09"), lab=Lab(former={"worker09": "exited"})))
    assert [action.what for action in made.actions] == ["remove from the swarm", "remove its container"]
