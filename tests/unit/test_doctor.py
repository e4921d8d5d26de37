"""The preflight checks: what they find, and what they advise."""

from __future__ import annotations

import gzip
import io
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from swarmops import doctor
from swarmops.check import Level, fail, ok
from swarmops.cluster import Cluster
from swarmops.errors import CommandFailed, ConnectionFailed, Denied, NotFound, SwarmopsError
from swarmops.inventory import Inventory, load
from swarmops.lab import diagnosis, kernel, preflight, privileges
from swarmops.report import Progress

INVENTORY = """\
all:
  vars:
    cluster: demo
    subnet: 172.28.0.0/24
    {more}
  children:
    managers:
      hosts:
        manager:
          ports: ["{port}:80"]
    workers:
      hosts:
        worker01:
"""

Make = Callable[..., Inventory]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes an inventory whose manager publishes a port; the engine is this machine's."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    monkeypatch.setattr(preflight, "ROUTES", tmp_path / "no-routes")

    def write(port: int = 8000, more: str = "") -> Inventory:
        path = tmp_path / "inventory.yaml"
        path.write_text(INVENTORY.format(port=port, more=more))
        return load(path)

    return write


class Engine:
    """An engine with containers and networks, as the SDK lists them."""

    def __init__(self, containers: list[dict[str, Any]] = [], networks: list[dict[str, Any]] = []) -> None:  # noqa: B006
        self._containers, self._networks = containers, networks

    def containers(self) -> list[dict[str, Any]]:
        return self._containers

    def networks(self) -> list[dict[str, Any]]:
        return self._networks


def network(name: str, subnet: str, cluster: str = "", scope: str = "local") -> dict[str, Any]:
    labels = {"swarmops.cluster": cluster} if cluster else None
    return {"Name": name, "Scope": scope, "Labels": labels, "IPAM": {"Config": [{"Subnet": subnet}]}}


def container(name: str, port: int, cluster: str = "") -> dict[str, Any]:
    return {
        "Names": [f"/{name}"],
        "Labels": {"swarmops.cluster": cluster} if cluster else {},
        "Ports": [{"PrivatePort": 80, "PublicPort": port, "Type": "tcp"}, {"PrivatePort": 1}],
    }


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that a program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def ports(inventory: Inventory, engine: Engine) -> list[str]:
    """The problems with the manager's port; the registry's is nobody's matter here."""
    return [problem for problem in preflight.ports(inventory, engine) if "manager" in problem]  # type: ignore[arg-type]


def test_a_taken_port_is_named_with_its_node(make: Make, taken: int) -> None:
    (problem,) = ports(make(taken), Engine())
    assert problem == f"port {taken} of 127.0.0.1, published by manager, is taken by another program"


def test_a_taken_port_is_named_with_the_container_that_has_it(make: Make, taken: int) -> None:
    (problem,) = ports(make(taken), Engine([container("other-manager", taken, "other")]))
    assert problem.endswith("is taken by the container other-manager")


def test_a_process_that_ends_meanwhile_keeps_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def ended(path: Path, **how: bool) -> os.stat_result:
        if path.name == "cmdline":
            raise ProcessLookupError(path)
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", ended)
    assert not preflight._is_kept(1)


def test_the_labs_own_container_may_have_its_port(make: Make, taken: int) -> None:
    own = container("demo-manager", taken, "demo")
    assert ports(make(taken), Engine([own])) == []
    # The engine lists the newest first; the number may be published at another address, or by udp.
    assert ports(make(taken), Engine([own, container("game", taken)])) == []
    assert ports(make(taken), Engine([container("game", taken), own])) == []


def test_udp_takes_no_port(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    game = container("game", 8000)
    game["Ports"][0]["Type"] = "udp"
    assert ports(make(8000), Engine([game])) == []


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_an_address_of_another_machine_is_named(make: Make, address: str) -> None:
    found = preflight.ports(make(8000, f'bind: "{address}"'), Engine())  # type: ignore[arg-type]
    assert found == [f"bind: {address} is no address of this machine"]


def test_a_free_port_is_no_problem(make: Make, taken: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert ports(make(free), Engine()) == []


def test_of_an_engine_elsewhere_only_its_containers_are_seen(
    make: Make, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    assert ports(make(taken), Engine()) == []
    assert len(ports(make(taken), Engine([container("other", taken)]))) == 1


def test_a_subnet_that_clashes_is_refused_with_a_free_one(make: Make) -> None:
    used = [network("theirs", "172.28.0.0/16"), network("bridge", "172.17.0.0/16")]
    (problem,) = preflight.subnet(make(), Engine(networks=used))  # type: ignore[arg-type]
    assert problem == "the subnet 172.28.0.0/24 overlaps 172.28.0.0/16 (docker network theirs); 172.29.0.0/24 is free"


def test_the_labs_own_network_and_those_of_a_swarm_do_not_clash(make: Make) -> None:
    used = [network("demo", "172.28.0.0/24", "demo"), network("localnet", "172.28.0.0/16", scope="swarm")]
    assert preflight.subnet(make(), Engine(networks=used)) == []  # type: ignore[arg-type]


def test_a_route_of_the_host_clashes(make: Make, tmp_path: Path) -> None:
    (tmp_path / "no-routes").write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n"
        "tun0\t00001CAC\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
    )
    (problem,) = preflight.subnet(make(), Engine())  # type: ignore[arg-type]
    assert "172.28.0.0/16 (route through tun0)" in problem


def test_there_may_be_no_free_subnet() -> None:
    assert preflight.free_subnet(24, [IPv4Network("0.0.0.0/0")]) is None


@pytest.mark.parametrize(
    ("version", "gives"), [("20.10.24+dfsg1", False), ("23.0.1", True), ("26.1.5+dfsg1", True), ("29.0", True)]
)
def test_since_23_an_engine_gives_what_it_has(version: str, gives: bool) -> None:
    assert privileges.gives_what_it_has(version) is gives


def test_capabilities_that_cannot_be_seen_are_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "_engine_pid", lambda: 0)
    assert privileges.missing_capabilities() == []


@pytest.mark.parametrize(
    ("stated", "version", "missing", "level"),
    [
        ("auto", "20.10.24", [], Level.OK),
        ("auto", "20.10.24", [24], Level.OK),
        ("full", "20.10.24", [24], Level.FAIL),
        ("full", "26.1.5", [24], Level.OK),
    ],
)
def test_privileges(make: Make, stated: str, version: str, missing: list[int], level: Level) -> None:
    found = diagnosis.privileges(make(more=f"privileges: {stated}"), version, missing)
    assert found.level is level


@pytest.mark.parametrize(("version", "level"), [("19.03.1", Level.FAIL), ("20.10.24+dfsg1", Level.OK)])
def test_the_version_of_the_engine(version: str, level: Level) -> None:
    assert diagnosis.version("engine version", version).level is level


@pytest.mark.parametrize(("gigabytes", "level"), [(1, Level.FAIL), (4, Level.WARN), (40, Level.OK)])
def test_disk(gigabytes: int, level: Level) -> None:
    assert diagnosis.disk("/var/lib/docker", gigabytes << 30).level is level


def levels(routing: str, root: Path) -> dict[str, Level]:
    return {check.name.removeprefix("kernel: "): check.level for check in kernel.examine(routing, root)}


def test_a_kernel_that_tells_nothing_is_a_warning(tmp_path: Path) -> None:
    assert set(levels("auto", tmp_path).values()) == {Level.WARN}


def test_the_kernel_tells_by_modules_in_use_by_files_and_by_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "sys/module/overlay").mkdir(parents=True)
    modules = tmp_path / "lib/modules" / platform.release()
    modules.mkdir(parents=True)
    (modules / "modules.dep").write_text("kernel/drivers/net/vxlan/vxlan.ko.zst: kernel/net/ipv4/udp_tunnel.ko.zst\n")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_BRIDGE_NETFILTER=y\n# CONFIG_IP_VS is not set\n"))
    wanted = dict.fromkeys(("overlay", "vxlan", "br_netfilter"), Level.OK)
    assert levels("auto", tmp_path) == wanted | {"ip_vs": Level.WARN}
    assert levels("mesh", tmp_path) == wanted | {"ip_vs": Level.FAIL}


def test_a_module_whose_files_are_not_to_be_seen_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_VXLAN=m\nCONFIG_OVERLAY_FS=y\n"))
    assert [kernel.has(module, tmp_path) for module in ("vxlan", "overlay", "ip_vs")] == [None, True, False]
    modules = tmp_path / "lib/modules" / platform.release()
    modules.mkdir(parents=True)
    (modules / "modules.dep").touch()
    assert kernel.has("vxlan", tmp_path) is False


def test_without_an_engine_the_rest_is_still_checked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ConnectionFailed("no Docker engine answers", remedy=diagnosis.REMEDY)

    monkeypatch.setattr(diagnosis, "connect", refuse)
    monkeypatch.setattr(diagnosis.compose, "find_compose", refuse)
    found = diagnosis.examine(make())
    assert [(check.name, check.level) for check in found] == [("engine", Level.FAIL), ("compose", Level.FAIL)]
    assert "inv quickstart" in found[0].remedy
    assert "inv doctor" not in found[0].remedy


class NodeAPI:
    """The engine of a node: its clock is wrong by some seconds, and its registry answers with an error."""

    def __init__(self, ahead: float, registry: SwarmopsError) -> None:
        self._ahead, self._registry = ahead, registry

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        if path.startswith("/distribution/"):
            raise self._registry
        moment = datetime.fromtimestamp(time.time() + self._ahead, UTC)
        return {"ServerVersion": "26.1.5", "SystemTime": moment.isoformat()}


def test_a_log_in_that_is_refused_or_cannot_be_had(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = make(more="transport: ssh\n    registry: {username: alice, password: {environment: LAB_PASSWORD}}")
    api = NodeAPI(0, Denied("manager: unauthorized"))
    monkeypatch.setattr(Cluster, "api", lambda *_: api)
    with Cluster(inventory, Progress(io.StringIO())) as cluster:
        monkeypatch.delenv("LAB_PASSWORD", raising=False)
        unset = {check.name: check for check in doctor.examine(cluster)}["manager: registry"]
        monkeypatch.setenv("LAB_PASSWORD", "le@ked")
        refused = {check.name: check for check in doctor.examine(cluster)}["manager: registry"]
    assert (unset.level, unset.detail) == (Level.FAIL, "secret from environment LAB_PASSWORD: is not set")
    assert (refused.level, refused.detail) == (Level.FAIL, "registry:5000 does not accept the password of alice")
    assert "le@ked" not in refused.remedy


def nodes(inventory: Inventory, apis: dict[str, NodeAPI], monkeypatch: pytest.MonkeyPatch) -> dict[str, Level]:
    """The levels of the nodes' checks, where real hosts are asked."""

    def api(_: Cluster, name: str) -> NodeAPI:
        if name not in apis:
            raise ConnectionFailed(f"{name}: no route to host")
        return apis[name]

    monkeypatch.setattr(Cluster, "api", api)
    with Cluster(inventory, Progress(io.StringIO())) as cluster:
        return {check.name: check.level for check in doctor.examine(cluster)}


def test_every_node_is_asked_for_its_clock_and_its_registry(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    apis = {
        "manager": NodeAPI(0, NotFound("manager: no such image")),
        "worker01": NodeAPI(-300, CommandFailed("worker01: connection refused")),
    }
    assert nodes(make(more="transport: ssh"), apis, monkeypatch) == {
        "manager: engine": Level.OK,
        "manager: clock": Level.OK,
        "manager: registry": Level.OK,
        "worker01: engine": Level.OK,
        "worker01: clock": Level.FAIL,
        "worker01: registry": Level.FAIL,
    }


def test_a_node_that_does_not_answer_fails_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    apis = {"manager": NodeAPI(5, NotFound("no such image"))}
    found = nodes(make(more="transport: ssh"), apis, monkeypatch)
    assert found["manager: clock"] is Level.WARN
    assert found["worker01: engine"] is Level.FAIL


def test_findings_are_shown_with_their_remedies_and_failures_are_an_error() -> None:
    found = [ok("engine", "answers"), fail("compose", "not there", "inv quickstart")]
    assert doctor.text(found).splitlines() == [
        "ok    engine   answers",
        "fail  compose  not there",
        "               Next: inv quickstart",
    ]
    with pytest.raises(SwarmopsError, match="failed: compose"):
        doctor.raise_for(found)
    doctor.raise_for(found[:1])
