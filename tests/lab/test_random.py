"""Whatever is done to a cluster in whatever order, it keeps its services and a leader, and `up` makes it as stated.

SWARMOPS_TEST_SEED chooses the walk, SWARMOPS_TEST_STEPS its length, and SWARMOPS_TEST_INTERRUPTS how often `up` is
interrupted; what is not stated is short, and always the same.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from engine import REPOSITORY, Lab, docker
from faults import add_stack, as_workers, ctrl_c, processes

SEED = int(os.environ.get("SWARMOPS_TEST_SEED", "1"))
STEPS = int(os.environ.get("SWARMOPS_TEST_STEPS", "20"))
INTERRUPTS = int(os.environ.get("SWARMOPS_TEST_INTERRUPTS", "6"))
STEP_SECONDS = 240
SETTLED_SECONDS = 150
"""15 s without a heartbeat make a node count as down; then its tasks have to start elsewhere, and managers to elect."""
REPLICAS = 4
IMPORTED_SECONDS = 0.3
"""Until then a Ctrl-C meets Python that loads modules, and it is Python that answers."""


@dataclass
class Walk:
    """What has been done, and what has to be true after it."""

    lab: Lab
    dice: random.Random
    managers: set[str]
    alive: set[str]
    drained: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, lab: Lab, seed: int) -> Walk:
        return cls(lab, random.Random(seed), set(lab.hosts("managers")), everybody(lab))

    def step(self) -> None:
        """One of the things that can be done now, and a look at what is true afterwards."""
        verbs = {verb: nodes for verb, nodes in self.possible().items() if nodes}
        verb = self.dice.choice(sorted(verbs))
        node = self.dice.choice(sorted(verbs[verb]))
        self.done.append(f"{verb} {node}".strip())
        getattr(self, verb)(node)
        self.check(agrees=verb == "up")

    def possible(self) -> dict[str, set[str]]:
        """The nodes that each verb may be tried on."""
        able = self.alive - self.drained
        may_go = {node for node in self.alive if self.holds_without(node) and able - {node}}
        dead = everybody(self.lab) - self.alive
        return {
            "up": {""},
            "promote": self.alive - self.managers,
            "demote": self.alive & self.managers,
            "drain": {node for node in able if able - {node}},
            "activate": self.alive & self.drained,
            "kill": may_go if len(dead) < 2 else set(),
            "restart": may_go,
            "start": dead,
        }

    def holds_without(self, node: str) -> bool:
        """Whether a quorum of the managers stays alive."""
        return 2 * len((self.managers & self.alive) - {node}) > len(self.managers)

    def up(self, _: str) -> None:
        as_workers(self.lab, "up")
        self.managers, self.alive = set(self.lab.hosts("managers")), everybody(self.lab)

    def promote(self, node: str) -> None:
        self.lab.inv("promote", node)
        self.managers.add(node)

    def demote(self, node: str) -> None:
        left = self.managers - {node}
        if 2 * len(left & self.alive) > len(left):
            as_workers(self.lab, "demote", node)
            self.managers = left
        else:
            refused = self.lab.inv("demote", node, check=1)
            assert "quorum" in refused.err or "last manager" in refused.err, refused.err

    def drain(self, node: str) -> None:
        self.lab.inv("drain", node)
        self.drained.add(node)
        assert not [name for name in self.lab.running(node) if name.startswith("steady_web.")]

    def activate(self, node: str) -> None:
        self.lab.inv("activate", node)
        self.drained.discard(node)

    def kill(self, node: str) -> None:
        docker("kill", self.lab.container(node))
        self.alive.discard(node)

    def restart(self, node: str) -> None:
        docker("restart", "--time=0", self.lab.container(node))

    def start(self, node: str) -> None:
        docker("start", self.lab.container(node))
        self.alive.add(node)

    def check(self, *, agrees: bool) -> None:
        """What always holds; `agrees` says that swarm and inventory have to be one."""
        end = time.monotonic() + SETTLED_SECONDS
        while (wrong := self.wrong()) and time.monotonic() < end:
            time.sleep(0.2)
        assert not wrong, f"{wrong} after {self.done}"
        if agrees:
            nodes = self.lab.nodes(on=self.witness())
            assert set(nodes) == everybody(self.lab), self.done
            assert {name for name, node in nodes.items() if node["Spec"]["Role"] == "manager"} == self.managers
            assert {name for name, node in nodes.items() if node["Spec"]["Availability"] == "drain"} == self.drained

    def wrong(self) -> list[str]:
        """What is not as it has to be, by the word of a living manager and of the engines of the nodes."""
        try:
            nodes = self.lab.nodes(on=self.witness())
            running = [name for node in self.alive for name in self.lab.running(node) if name.startswith("steady_web.")]
        except AssertionError as error:  # an engine that was restarted is not up yet, or there is no leader
            return [str(error).partition("\n")[0]]
        standing = {name: node.get("ManagerStatus") or {} for name, node in nodes.items()}
        leaders = [name for name, status in standing.items() if status.get("Leader")]
        reachable = {name for name, status in standing.items() if status.get("Reachability") == "reachable"}
        ready = {name for name, node in nodes.items() if node["Status"]["State"] == "ready"}
        found = [] if len(leaders) == 1 else [f"leaders: {leaders}"]
        found += [] if reachable == self.managers & self.alive else [f"reachable: {sorted(reachable)}"]
        found += [] if ready == self.alive else [f"ready: {sorted(ready)}"]
        return found + ([] if len(running) == REPLICAS else [f"{len(running)} of {REPLICAS} replicas"])

    def witness(self) -> str:
        return min(self.managers & self.alive)


def everybody(lab: Lab) -> set[str]:
    return {*lab.hosts("managers"), *lab.hosts("workers")}


@pytest.fixture
def walked(ha: Lab) -> Iterator[Lab]:
    """The lab with a service of four replicas."""
    with ha.changed():
        ha.vars["stacks"] = dict(ha.vars.get("stacks") or {})
        add_stack(ha, "steady", ["sleep", "86400"])
        ha.save()
        ha.inv("up")
        ha.inv("push", "nginx", timeout=600)
        ha.inv("deploy", "steady")
        ha.inv("scale", f"steady_web={REPLICAS}")
        yield ha
        as_workers(ha, "up")
        ha.inv("activate", ",".join(sorted(everybody(ha))))
        ha.inv("remove", "steady")


def test_a_random_walk(walked: Lab) -> None:
    walk = Walk.begin(walked, SEED)
    for _ in range(STEPS):
        signal.alarm(STEP_SECONDS)  # each step has the time of a test
        walk.step()
    signal.alarm(STEP_SECONDS)
    walk.up("")
    walk.check(agrees=True)


@pytest.fixture
def cold(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    lab = make_lab("swi", "10.90.0.0/24", (15600, 18600, 19600), workers=2, managers=3)
    yield lab
    lab.destroy()


def test_up_interrupted_at_random_moments(cold: Lab) -> None:
    """From nothing each time: half a lab, half a swarm, half of its nodes in it. Then from another inventory."""
    dice, start = random.Random(SEED), time.monotonic()
    cold.inv("up", timeout=600)
    whole = time.monotonic() - start
    for turn in range(INTERRUPTS // 2):
        signal.alarm(STEP_SECONDS)
        cold.inv("down", "--volumes")
        interrupted(cold, dice.uniform(IMPORTED_SECONDS, whole))
        # A worker moves, and so leaves and joins anew; another one changes its role.
        cold.hosts("workers")["worker02"] = {"address": cold.address(60 + turn % 2), "labels": {"turn": str(turn)}}
        cold.hosts("managers" if turn % 2 else "workers")["extra"] = {"address": cold.address(70)}
        cold.hosts("workers" if turn % 2 else "managers").pop("extra", None)
        cold.save()
        interrupted(cold, dice.uniform(IMPORTED_SECONDS, whole))


def interrupted(lab: Lab, moment: float) -> None:
    """`up`, interrupted at a moment, and then to its end: the swarm is as the inventory states."""
    interrupt(lab, moment)
    assert processes(lab) == [], f"interrupted after {moment:.2f} s"
    lab.inv("up")
    nodes = lab.nodes(on="manager01")
    assert set(nodes) == everybody(lab), f"interrupted after {moment:.2f} s"
    assert {node["Status"]["State"] for node in nodes.values()} == {"ready"}
    managers = {name for name, node in nodes.items() if (node.get("ManagerStatus") or {}).get("Reachability")}
    assert managers == set(lab.hosts("managers"))
    for name, stated in lab.hosts("workers").items():
        own = lab.node(name, "docker", "info", "--format", "{{.Swarm.NodeAddr}}").out.strip()
        assert own == (stated or {}).get("address", own), f"interrupted after {moment:.2f} s"
    assert "Nothing to change." in lab.inv("up").out


def interrupt(lab: Lab, after: float) -> None:
    """`up`, and Ctrl-C after so many seconds, unless it was faster."""
    command = [*lab.command, "up"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=lab.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, _ = process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            ctrl_c(process.pid)
            out, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 1, -signal.SIGINT), out
        assert "Traceback" not in out, f"interrupted after {after:.2f} s:\n{out}"
