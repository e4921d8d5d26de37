"""Which kernels are asked whether they can route to virtual IPs, and what follows from the answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.connect import Result
from swarmops.errors import ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.inventory import load
from swarmops.ops.routing import routing
from swarmops.report import Progress

LAB = """all:
  vars: {cluster: kernels, subnet: 10.89.0.0/24, routing: %s}
  children:
    managers: {hosts: {m1: }}
    workers: {hosts: {w1: , w2: }}
"""
HOSTS = """all:
  vars: {cluster: kernels, transport: ssh, routing: %s, registry: {host: 192.0.2.9}}
  children:
    managers: {hosts: {m1: {ansible_host: 192.0.2.1}}}
    workers: {hosts: {w1: {ansible_host: 192.0.2.2}, w2: {ansible_host: 192.0.2.3}}}
"""
DEAD, FROZEN = ConnectionFailed("there is no container"), WaitTimeout("did not end within 15 s")


class Kernels:
    """Doors to nodes: `says` has the exit code of the question there, or what keeps the node from answering."""

    def __init__(self, says: dict[str, int | SwarmopsError]) -> None:
        self.says = says
        self.asked: list[str] = []

    def open(self, name: str) -> Kernel:
        return Kernel(name, self)


class Kernel:
    def __init__(self, node: str, kernels: Kernels) -> None:
        self.node = node
        self._kernels = kernels

    def run(self, *_: Command, **__: object) -> Result:
        self._kernels.asked.append(self.node)
        answer = self._kernels.says[self.node]
        if isinstance(answer, SwarmopsError):
            raise answer
        return Result(answer, "", "")

    def close(self) -> None:
        pass


Route = Callable[..., tuple[str, list[str]]]


@pytest.fixture
def route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Route:
    """`route(inventory, m1=…, w1=…, w2=…)`: the answer, and who was asked."""

    def find(inventory: str, **says: int | SwarmopsError) -> tuple[str, list[str]]:
        kernels = Kernels(says)
        monkeypatch.setattr(Cluster, "_open", lambda _, node: kernels.open(node.name))
        monkeypatch.setattr(Cluster, "check_engine", lambda _: None)
        file = tmp_path / "inventory.yaml"
        file.write_text(inventory)
        with Cluster(load(file), Progress(io.StringIO())) as cluster:
            return routing(cluster), sorted(kernels.asked)

    return find


@pytest.mark.parametrize(("code", "expected"), [(0, "mesh"), (1, "dns")])
def test_the_nodes_of_a_lab_share_a_kernel(route: Route, code: int, expected: str) -> None:
    assert route(LAB % "auto", m1=code) == (expected, ["m1"])


@pytest.mark.parametrize("silent", [DEAD, FROZEN])
def test_another_node_of_a_lab_is_asked_where_one_does_not_answer(route: Route, silent: SwarmopsError) -> None:
    assert route(LAB % "auto", m1=silent, w1=0) == ("mesh", ["m1", "w1"])


@pytest.mark.parametrize("silent", [DEAD, FROZEN])
def test_every_real_host_is_asked(route: Route, silent: SwarmopsError) -> None:
    everybody = ["m1", "w1", "w2"]
    assert route(HOSTS % "auto", m1=0, w1=0, w2=0) == ("mesh", everybody)
    assert route(HOSTS % "auto", m1=0, w1=0, w2=1) == ("dns", everybody)
    assert route(HOSTS % "auto", m1=0, w1=0, w2=silent) == ("mesh", everybody)


@pytest.mark.parametrize("inventory", [LAB, HOSTS])
def test_nobody_answers(route: Route, inventory: str) -> None:
    with pytest.raises(SwarmopsError, match="no node answers"):
        route(inventory % "auto", m1=DEAD, w1=DEAD, w2=FROZEN)


@pytest.mark.parametrize("inventory", [LAB, HOSTS])
@pytest.mark.parametrize("stated", ["mesh", "dns"])
def test_what_is_stated_asks_nobody(route: Route, inventory: str, stated: str) -> None:
    assert route(inventory % stated) == (stated, [])
