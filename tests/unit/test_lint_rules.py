from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from samples import manager, member, service

from swarmops import stackfile
from swarmops.errors import InputError
from swarmops.facts import Json, Service
from swarmops.lint import Finding, Note, Swarm, binds, findings, keys, lint, unsaid
from swarmops.lint.ports import handed_over, holding
from swarmops.lint.service import Wanted
from swarmops.ops.lint import ABSENT
from swarmops.stackfile import Stack, waves

NODES = (manager("manager"), member("worker01", labels={"disk": "ssd"}), member("worker02"))
OVERLAY = {"Name": "shared", "Scope": "swarm", "Driver": "overlay"}
MTU, VXLAN = "com.docker.network.driver.mtu", "com.docker.network.driver.overlay.vxlanid_list"
MESH_PORT = "{target: 80, published: 80, mode: ingress}"
HOST_PORT = "{target: 80, published: 80, mode: host}"
WORKERS = "placement: {constraints: [node.role == worker]}"


def parse(text: str) -> Stack:
    return stackfile.parse("web", text, Path("templates/docker-stack.yml"), lambda path: path.name)


def swarm(**said: Any) -> Swarm:
    usual: dict[str, Any] = {
        "nodes": NODES,
        "services": (),
        "networks": (OVERLAY,),
        "configs": frozenset({"theirs"}),
        "secrets": frozenset({"theirs"}),
        "route": "mesh",
    }
    return Swarm(**usual | said)


def seen(text: str, **said: Any) -> list[Finding]:
    stack = parse(text)
    return findings(stack, lint(stack, swarm(**said)))


def of(definition: str, rest: str = "", **said: Any) -> list[str]:
    """What is said of the service `a`, in the form `error path: text` without remedies."""
    found = seen(f"services: {{a: {{image: 'x:1', {definition}}}}}\n{rest}", **said)
    return [f"{'error' if each.error else 'warning'} {each.path}: {each.text}" for each in found]


def running(name: str, port: Json, *, mode: Any = 1, constraints: list[str] | None = None, stack: str = "") -> Service:
    template = {"ContainerSpec": {}, "Placement": {"Constraints": constraints or []}}
    labels = {"com.docker.stack.namespace": stack} if stack else {}
    return service(mode, template=template, Name=name, EndpointSpec={"Ports": [port]}, Labels=labels)


def held(mode: str, port: int = 80, protocol: str = "tcp") -> Json:
    return {"PublishedPort": port, "TargetPort": 80, "Protocol": protocol, "PublishMode": mode}


def test_a_good_stack_has_nothing_to_be_said() -> None:
    text = """
version: "3.8"
services:
  a:
    image: registry:5000/a:1.0
    networks: [shared]
    configs: [{source: theirs, target: /x}]
    secrets: [theirs]
    ports: ["8080:80"]
    volumes: ["data:/data", "/srv:/srv"]
    healthcheck: {test: [CMD, "true"]}
    deploy:
      replicas: 2
      placement: {constraints: [node.role == worker, node.labels.disk != hdd], max_replicas_per_node: 2}
      update_config: {order: start-first}
networks: {shared: {external: true}}
configs: {theirs: {external: true}}
secrets: {theirs: {external: true}}
volumes: {data: {}}
x-anything: 1
"""
    assert seen(text, checked=lambda _: False) == []


def test_a_finding_has_the_line_of_the_file_that_is_written() -> None:
    text = "# a comment\nservices:\n\n  a:\n    image: x:1\n    build: .\n"
    (found,) = seen(text)
    assert parse(text).text.splitlines()[found.line - 1].strip() == "build: ."
    said = "swarm ignores it; push the image and name it (inv push)"
    assert str(found.at("stack/lab/web.yml")) == f"stack/lab/web.yml:4: warning: services.a.build: {said}"


def test_findings_come_in_the_order_of_the_file_and_once() -> None:
    stack = parse("services: {a: {image: x, tty: true}, b: {image: x}}")
    notes = [
        Note(("services", "b"), "second"),
        Note(("services", "a", "tty"), "first"),
        Note(("services", "b"), "second"),
    ]
    assert [(found.line, found.text) for found in findings(stack, notes)] == [(4, "first"), (5, "second")]
    assert findings(stack, [Note((), "all of it")])[0].at("f").text == "all of it"


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("build: .", ["warning services.a.build: swarm ignores it"]),
        ("container_name: x, privileged: true", ["container_name", "privileged"]),
        ("tmpfs: /run", ["warning services.a.tmpfs: swarm ignores it"]),
        ("mem_limit: 1g", ["error services.a.mem_limit: swarm refuses it"]),
        ("extends: {service: b}, platform: linux/amd64", ["error services.a.extends", "error services.a.platform"]),
        ("profiles: [dev]", ["error services.a.profiles: swarm refuses it"]),
        ("restart: always", []),
        ("restart: 'no'", ["warning services.a.restart: swarm takes it for nothing, and restarts always"]),
        ("restart: no", ["restarts always"]),
        (
            "restart: always, deploy: {restart_policy: {condition: none}}",
            ["warning services.a.restart: swarm ignores it beside deploy.restart_policy"],
        ),
        (
            "deploy: {mode: global, replicas: 2}",
            ["error services.a.deploy.replicas: swarm refuses it beside mode: global"],
        ),
        *(
            (
                f"deploy: {{mode: {mode}, {config}: {stated}}}",
                [f"{how} services.a.deploy.{config}: swarm {said} of a job"],
            )
            for mode in ("replicated-job", "global-job")
            for stated in ("{}", "{parallelism: 1}")
            for config, how, said in (
                ("update_config", "error", "refuses it"),
                ("rollback_config", "warning", "ignores it"),
            )
        ),
        ("deploy: {mode: replicated, update_config: {}, rollback_config: {}}", []),
        ("deploy: {mode: globl}", ["error services.a.deploy.mode: swarm has no mode globl"]),
        ("healthcheck: {test: [CMD, x], disable: true}", ["error services.a.healthcheck.disable: swarm refuses it"]),
        ("healthcheck: {disable: true}", []),
        (
            "networks: {default: {ipv4_address: 10.0.0.9}}",
            ["warning services.a.networks.default.ipv4_address: swarm ignores it"],
        ),
        (
            "volumes: [/y, {type: tmpfs, target: /t, tmpfs: {size: 1000, mode: 0700}}]",
            ["warning services.a.volumes[1].tmpfs.mode: swarm ignores it"],
        ),
        ("volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1000}}, {type: tmpfs, target: /u}]", []),
        ("x-mine: 1, labels: {build: x}", []),
    ],
)
def test_keys_of_a_service(definition: str, said: list[str]) -> None:
    compare(of(definition), said)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("version: '3'", []),
        ("version: 3.8", []),
        ("version: '2.4'", ['error version: swarm refuses "2.4"']),
        ("name: mine", ["error name: swarm refuses it"]),
        ("include: [other.yml]", ["error include: swarm refuses it"]),
    ],
)
def test_keys_of_a_file(rest: str, said: list[str]) -> None:
    compare(of("", rest), said)


def test_no_key_is_both_refused_and_ignored() -> None:
    assert not keys.REFUSED.keys() & keys.IGNORED.keys()


@pytest.mark.parametrize(
    ("stated", "ports"),
    [
        ("80", [(0, 80, "tcp", "ingress", "")]),
        ("'8080:80'", [(8080, 80, "tcp", "ingress", "")]),
        ("'53:53/udp'", [(53, 53, "udp", "ingress", "")]),
        ("'127.0.0.1:8080:80'", [(8080, 80, "tcp", "ingress", "127.0.0.1")]),
        ("'127.0.0.1::80'", [(0, 80, "tcp", "ingress", "127.0.0.1")]),
        ("'[::1]:8080:80'", [(8080, 80, "tcp", "ingress", "[::1]")]),
        ("'8000-8001:80-81'", [(8000, 80, "tcp", "ingress", ""), (8001, 81, "tcp", "ingress", "")]),
        ("{target: 80}", [(0, 80, "tcp", "ingress", "")]),
        ("{target: 80, published: 8080, protocol: udp, mode: host}", [(8080, 80, "udp", "host", "")]),
        ("{target: 80, published: '8080'}", []),
        ("'http'", []),
        ("null", []),
    ],
)
def test_forms_of_ports(stated: str, ports: list[tuple[Any, ...]]) -> None:
    made = parse(f"services: {{a: {{image: x, ports: [{stated}]}}}}").services["a"]
    found = Wanted("a", made).ports
    assert [(port.published, port.target, port.protocol, port.mode, port.address) for port in found] == ports


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"a: {{image: 'x:1', ports: [{MESH_PORT}, '80:81']}}", ["services.a.ports[1]"]),
        (
            f"a: {{image: 'x:1', ports: [{HOST_PORT}, {{target: 81, published: 80, mode: host}}]}}",
            ["services.a.ports[1]"],
        ),
        ("a: {image: 'x:1', ports: ['80:80', '80:80/udp', '81:80', 80, 80]}", []),
        ("a: {image: 'x:1', ports: ['8000-8002:80-82', '8002:90']}", ["services.a.ports[1]"]),
        (f"a: {{image: 'x:1', ports: [{MESH_PORT}]}}, b: {{image: 'x:1', ports: ['80:80']}}", ["services.b.ports[0]"]),
        (
            f"a: {{image: 'x:1', ports: [{MESH_PORT}]}}, b: {{image: 'x:1', ports: [{HOST_PORT}]}}",
            ["services.b.ports[0]"],
        ),
        (f"a: {{image: 'x:1', ports: [{HOST_PORT}]}}, b: {{image: 'x:1', ports: [{HOST_PORT}]}}", []),
        (
            f"a: {{image: 'x:1', ports: [{HOST_PORT}], deploy: {{mode: global}}}},"
            f" b: {{image: 'x:1', ports: [{HOST_PORT}]}}",
            ["services.b.ports[0]"],
        ),
    ],
)
def test_ports_published_twice_by_a_file(text: str, places: list[str]) -> None:
    found = seen(f"services: {{{text}}}")
    assert [each.path for each in found] == places
    assert all(each.error and "is published twice, first by services.a" in each.text for each in found)


@pytest.mark.parametrize(
    ("definition", "other", "said"),
    [
        ("ports: ['80:80']", running("b", held("ingress")), ["error services.a.ports[0]: port 80/tcp is taken by b"]),
        ("ports: ['80:80']", running("b", held("host")), ["taken by b"]),
        (f"ports: [{HOST_PORT}]", running("b", held("ingress")), ["taken by b"]),
        ("ports: ['80:80/udp']", running("b", held("ingress")), []),
        ("ports: ['81:80']", running("b", held("ingress")), []),
        ("ports: [80]", running("b", held("ingress")), []),
        ("ports: ['80:80']", running("web_a", held("ingress")), []),
        ("ports: ['80:80']", running("web_old", held("ingress"), stack="web"), ["taken by web_old"]),
        # In host mode it takes a node of its own, of three.
        (f"ports: [{HOST_PORT}]", running("b", held("host")), []),
        (f"ports: [{HOST_PORT}], deploy: {{replicas: 2}}", running("b", held("host")), []),
        (f"ports: [{HOST_PORT}], deploy: {{replicas: 2}}", running("b", held("host"), mode=2), ["taken by b"]),
        (f"ports: [{HOST_PORT}], deploy: {{mode: global}}", running("b", held("host")), ["taken by b"]),
        (f"ports: [{HOST_PORT}]", running("b", held("host"), mode={"Global": {}}), ["taken by b"]),
        (
            f"ports: [{HOST_PORT}], deploy: {{{WORKERS}}}",
            running("b", held("host"), mode={"Global": {}}, constraints=["node.role == manager"]),
            [],
        ),
    ],
)
def test_ports_of_others(definition: str, other: Service, said: list[str]) -> None:
    compare(of(definition, services=(other,)), said)


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("ports: ['127.0.0.1:81:80']", ["warning services.a.ports[0]: swarm ignores 127.0.0.1"]),
        (
            "ports: ['80:80'], deploy: {endpoint_mode: dnsrr}",
            ["error services.a.ports[0]: swarm refuses a port in ingress"],
        ),
        (f"ports: [{HOST_PORT}], deploy: {{endpoint_mode: dnsrr}}", []),
        (f"ports: [{HOST_PORT}], deploy: {{replicas: 3}}", []),
        (
            f"ports: [{HOST_PORT}], deploy: {{replicas: 4}}",
            ["error services.a.ports[0]: port 80/tcp in host mode has room for one task on each of 3 nodes, not for 4"],
        ),
        (
            f"ports: [{HOST_PORT}], deploy: {{replicas: 3, update_config: {{order: start-first}}}}",
            ["error services.a.deploy.update_config.order: never ends: a new task starts first"],
        ),
        (f"ports: [{HOST_PORT}], deploy: {{replicas: 2, update_config: {{order: start-first}}}}", []),
        (
            f"ports: [{HOST_PORT}], deploy: {{mode: global, rollback_config: {{order: start-first}}}}",
            ["error services.a.deploy.rollback_config.order: never ends"],
        ),
        (f"ports: [{HOST_PORT}], deploy: {{mode: global}}", []),
        ("ports: ['80:80'], deploy: {mode: global, update_config: {order: start-first}}", []),
        (
            f"ports: [{HOST_PORT}], deploy: {{replicas: 2, {WORKERS}, update_config: {{order: start-first}}}}",
            ["one task on each of 2 nodes"],
        ),
    ],
)
def test_ports_in_host_mode(definition: str, said: list[str]) -> None:
    compare(of(definition), said)


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("deploy: {endpoint_mode: dnsrr}", []),
        ("deploy: {endpoint_mode: vip}", ["error services.a.deploy.endpoint_mode: its name resolves to a virtual IP"]),
        ("tty: true", ["warning services.a: its name resolves to a virtual IP, which answers nothing"]),
        ("deploy: {mode: replicated-job}", []),
        (f"ports: [{HOST_PORT}], deploy: {{endpoint_mode: dnsrr}}", []),
        (
            "ports: ['80:80']",
            ["warning services.a: its name", "error services.a.ports[0]: a port in ingress mode answers nothing"],
        ),
    ],
)
def test_endpoints_without_ipvs(definition: str, said: list[str]) -> None:
    compare(of(definition, route="dns"), said)


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        ("placement: {constraints: [node.role == worker]}", []),
        ("placement: {constraints: [node.labels.disk == SSD]}", []),
        (
            "placement: {constraints: [node.labels.disk == hdd]}",
            ["error services.a.deploy.placement.constraints: no node"],
        ),
        (
            "placement: {constraints: [node.role == manager, node.labels.disk == ssd]}",
            ["no node of the swarm meets all of node.role == manager, node.labels.disk == ssd"],
        ),
        (
            "placement: {constraints: [node.role == manager, node.hostname == w]}",
            ["no node of the swarm meets node.hostname == w"],
        ),
        ("replicas: 0, placement: {constraints: [node.hostname == w]}", []),
        (
            "mode: global, placement: {constraints: [node.hostname == w]}",
            ["warning services.a.deploy.placement.constraints: no node of the swarm meets node.hostname == w"],
        ),
        (
            "placement: {constraints: [node.role = worker]}",
            ["error services.a.deploy.placement.constraints[0]: swarm refuses node.role = worker"],
        ),
        (
            "placement: {constraints: [node.labels.example.com/zone == b, 'node.labels.x == a,b']}",
            [
                "error services.a.deploy.placement.constraints[0]: swarm refuses node.labels.example.com/zone == b",
                "error services.a.deploy.placement.constraints[1]: swarm refuses node.labels.x == a,b",
            ],
        ),
        (
            "placement: {constraints: [node.role == worker, node.zone == x]}",
            ["error services.a.deploy.placement.constraints[1]: swarm knows no node.zone: no node meets it"],
        ),
        ("replicas: 3, placement: {max_replicas_per_node: 1}", []),
        (
            "replicas: 4, placement: {max_replicas_per_node: 1}",
            ["error services.a.deploy.placement.max_replicas_per_node: 1 per node on 3 nodes leaves room for 3"],
        ),
        (
            "replicas: 3, placement: {max_replicas_per_node: 1}, update_config: {order: start-first}",
            ["error services.a.deploy.update_config.order: never ends: a new task starts first"],
        ),
        ("replicas: 2, placement: {max_replicas_per_node: 1}, update_config: {order: start-first}", []),
        ("replicas: 3, placement: {max_replicas_per_node: 1}, update_config: {order: stop-first}", []),
        ("mode: global, placement: {max_replicas_per_node: 1}, update_config: {order: start-first}", []),
        ("replicas: 3, placement: {max_replicas_per_node: 0}, update_config: {order: start-first}", []),
        (
            "replicas: 2, placement: {constraints: [node.role == worker], max_replicas_per_node: 1},"
            " update_config: {order: start-first}, rollback_config: {order: start-first}",
            ["error services.a.deploy.update_config.order", "error services.a.deploy.rollback_config.order"],
        ),
    ],
)
def test_placement(deploy: str, said: list[str]) -> None:
    compare(of(f"deploy: {{{deploy}}}"), said)


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        ("resources: {reservations: {cpus: '2', memory: 4G}}", []),
        ("resources: {reservations: {cpus: 0.5, memory: 1073741824}}", []),
        ("resources: {reservations: {cpus: lots, memory: [1]}}", []),
        ("resources: {reservations: [cpus]}", []),
        ("resources: {reservations: {memory: 900G}}, replicas: 0", []),
        (
            "resources: {reservations: {memory: 900G}}",
            [
                "error services.a.deploy.resources.reservations.memory: no node that may run it has what it reserves: "
                "worker01, worker02: 4 GiB of memory there, 900 wanted"
            ],
        ),
        (
            "resources: {reservations: {cpus: '64', memory: 5G}}",
            ["error services.a.deploy.resources.reservations.cpus: no node that may run it has what it reserves"],
        ),
        (
            "resources: {reservations: {cpus: '4'}}, mode: global",
            ["error services.a.deploy.resources.reservations.cpus: these nodes should run it, and have not what it"],
        ),
    ],
)
def test_reservations(deploy: str, said: list[str]) -> None:
    has = {"NanoCPUs": 2 * 10**9, "MemoryBytes": 4 * 2**30}
    nodes = (member("worker01", resources=has), member("worker02", resources=has | {"NanoCPUs": 8 * 10**9}))
    compare(of(f"deploy: {{{deploy}}}", nodes=nodes), said)


def test_a_node_that_is_down_may_come_back_to_what_is_reserved() -> None:
    nodes = (member("worker01", resources={"MemoryBytes": 2**30}), member("worker02", state="down"))
    assert of("deploy: {resources: {reservations: {memory: 2G}}}", nodes=nodes) == []


def test_what_a_constraint_may_be_is_said() -> None:
    text = "services: {a: {image: 'x:1', deploy: {placement: {constraints: ['node.labels.x == a,b']}}}}"
    (found,) = seen(text)
    assert found.remedy.endswith(r"a value has spaces and : * ( ) ? + [ ] \ ^ $ | / as well")


def test_nodes_that_take_no_tasks_now() -> None:
    nodes = (manager("manager"), member("worker01", state="down"), member("worker02", availability="drain"))
    compare(
        of(f"deploy: {{{WORKERS}}}", nodes=nodes),
        ["warning services.a.deploy.placement.constraints: no node that meets them takes tasks now: worker01 is down"],
    )


@pytest.mark.parametrize(
    ("definition", "rest", "said"),
    [
        ("networks: [net]", "", ["error services.a.networks: there is no net in networks"]),
        ("networks: {nett: {}}", "networks: {net: {}}", ["there is no nett in networks, did you mean net?"]),
        ("networks: [default]", "", []),
        ("networks: [host]", "networks: {host: {external: true}}", []),
        ("networks: [shared]", "networks: {shared: {external: true}}", []),
        ("networks: [s]", "networks: {s: {external: true, name: shared}}", []),
        ("networks: [s]", "networks: {s: {external: {name: shared}}}", []),
        (
            "networks: [s]",
            "networks: {s: {external: true, name: share}}",
            ["error networks.s: the swarm has no network share, did you mean shared?"],
        ),
        (
            "networks: [local]",
            "networks: {local: {external: true}}",
            ["error networks.local: the swarm has no network"],
        ),
        ("tty: true", "networks: {s: {external: true}}", []),
        ("configs: [c]", "", ["error services.a.configs: there is no c in configs"]),
        ("configs: [c]", "configs: {c: {external: true}}", ["error configs.c: the swarm has no config c"]),
        ("configs: [{source: c, target: /c}]", "configs: {c: {external: true, name: theirs}}", []),
        ("configs: [c]", "configs: {c: {file: c.txt}}", []),
        ("secrets: [c]", "secrets: {c: {external: true}}", ["error secrets.c: the swarm has no secret c"]),
        ("secrets: [c]", "secrets: {c: {file: c.txt}}", []),
        ("volumes: ['data:/x']", "", ["error services.a.volumes[0]: there is no data in volumes"]),
        ("volumes: [{type: volume, source: dat, target: /x}]", "volumes: {data: }", ["did you mean data?"]),
        ("volumes: ['data:/x', /anonymous, {type: tmpfs, target: /t}]", "volumes: {data: }", []),
        ("volumes: ['./data:/x']", "", ["error services.a.volumes[0]: ./data is relative to nothing on a node"]),
        ("volumes: ['~/data:/x']", "", ["~/data is relative to nothing on a node"]),
    ],
)
def test_references(definition: str, rest: str, said: list[str]) -> None:
    networks = (OVERLAY, {"Name": "local", "Scope": "local", "Driver": "bridge"})
    compare(of(definition, rest, networks=networks), said)


@pytest.mark.parametrize(
    ("stated", "there", "said"),
    [
        ("{}", {}, ""),
        ("{attachable: true}", {}, "attachable is false, not true"),
        ("{}", {"Attachable": True, "Internal": True}, "attachable is true, not false; internal is true, not false"),
        ("{driver: macvlan}", {}, "driver is overlay, not macvlan"),
        ("{driver_opts: {encrypted: ''}}", {}, "encrypted is false, not true"),
        ("{driver_opts: {encrypted: ''}}", {"Options": {"encrypted": ""}}, ""),
        ("{ipam: {config: [{subnet: 10.1.0.0/24}]}}", {}, "subnet is 10.0.9.0/24, not 10.1.0.0/24"),
        ("{ipam: {config: [{subnet: 10.0.9.0/24}]}}", {}, ""),
        ("{ipam: {driver: default}}", {}, "ipam.driver is unset, not default"),
        ("{ipam: {driver: default}}", {"IPAM": {"Driver": "default"}}, ""),
        ("{}", {"IPAM": {"Driver": "default"}}, ""),
        (f"{{driver_opts: {{{MTU}: 1400}}}}", {}, f"{MTU} is unset, not 1400"),
        (f"{{driver_opts: {{{MTU}: 1400}}}}", {"Options": {MTU: "1400", VXLAN: "4097"}}, ""),
        (f"{{driver_opts: {{{MTU}: 1400}}}}", {"Options": {MTU: "1500", VXLAN: "4097"}}, f"{MTU} is 1500, not 1400"),
        ("{}", {"Options": {MTU: "1400", VXLAN: "4097"}}, f"{MTU} is 1400, not unset"),
        ("{}", {"Options": {VXLAN: "4097"}, "Labels": {"com.docker.stack.namespace": "web"}}, ""),
        ("{labels: {team: web, n: 1}}", {"Labels": {"team": "web", "n": "1"}}, ""),
        ("{labels: [team=web, n]}", {"Labels": {"team": "web", "n": ""}}, ""),
        ("{labels: {n: }}", {"Labels": {"n": ""}}, ""),
        ("{labels: {n: 1}}", {"Labels": {"n": ""}}, 'the label n is "", not 1'),
        (
            "{labels: {team: web}}",
            {"Labels": {"team": "db", "x": "y"}},
            "the label team is db, not web; the label x is y, not unset",
        ),
    ],
)
def test_networks_that_are_there_with_other_options(stated: str, there: Json, said: str) -> None:
    usual = {"Name": "web_net", "Scope": "swarm", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.0.9.0/24"}]}}
    found = of("networks: [net]", f"networks: {{net: {stated}}}", networks=({**usual, **there},))
    compare(found, [f"warning networks.net: swarm keeps the network web_net as it is: {said}"] if said else [])


def test_the_default_network_is_there_with_other_options() -> None:
    network = {"Name": "web_default", "Scope": "swarm", "Driver": "overlay", "Attachable": True}
    compare(of("tty: true", networks=(network,)), ["warning services: swarm keeps the network web_default as it is"])


def port(number: int) -> str:
    return f"[{{target: 80, published: {number}, mode: host}}]"


def test_a_port_that_goes_from_one_service_to_another_has_its_turn() -> None:
    there = [running("web_b", held("host"), stack="web"), running("web_gone", held("host", 82), stack="web")]
    stack = parse(f"services: {{a: {{image: 'x:1', ports: {port(80)}}}, b: {{image: 'x:1', ports: {port(81)}}}}}")
    assert handed_over(stack, there) == {"a": {"b"}}
    assert waves(stack, stack.services, handed_over(stack, there)) == [["b"], ["a"]]
    assert holding(stack, there) == there[:1]
    front = parse(f"services: {{a: {{image: 'x:1', ports: {port(80)}}}, b: {{image: 'x:1', depends_on: [a]}}}}")
    assert waves(front, front.services, handed_over(front, there)) == [["b"], ["a"]], (
        "ports before what depends on what"
    )
    kept = parse(f"services: {{a: {{image: 'x:1'}}, b: {{image: 'x:1', ports: {port(80)}}}}}")
    assert handed_over(kept, there) == {}


def test_ports_that_two_services_exchange_are_refused() -> None:
    there = (running("web_a", held("host", 81), stack="web"), running("web_b", held("host"), stack="web"))
    text = f"services: {{a: {{image: 'x:1', ports: {port(80)}}}, b: {{image: 'x:1', ports: {port(81)}}}}}"
    said = [each.text for each in seen(text, services=there) if each.error]
    assert len(said) == 1
    assert said[0].startswith("ports go from one service to another, and each would have to wait for the next: ")


@pytest.mark.parametrize(
    ("definition", "there", "said"),
    [
        (
            "deploy: {mode: global}",
            2,
            "error services.a.deploy.mode: swarm makes no global service of a replicated one",
        ),
        (
            "tty: true",
            {"Global": {}},
            "error services.a.deploy.mode: swarm makes no replicated service of a global one",
        ),
        (
            "deploy: {mode: global-job}",
            {"ReplicatedJob": {}},
            "error services.a.deploy.mode: swarm makes no global-job service of a replicated-job one",
        ),
        ("deploy: {mode: global-job}", {"GlobalJob": {}}, ""),
        ("tty: true", 1, ""),
    ],
)
def test_modes_that_swarm_does_not_change(definition: str, there: Any, said: str) -> None:
    compare(of(definition, services=(service(there, Name="web_a"),)), [said] if said else [])


@pytest.mark.parametrize(
    ("definition", "checked", "warned"),
    [
        ("deploy: {replicas: 2}", False, True),
        ("deploy: {replicas: 2}", True, False),
        ("deploy: {replicas: 2}", None, False),
        ("deploy: {mode: global}", False, True),
        ("deploy: {update_config: {order: stop-first}}", False, True),
        ("deploy: {replicas: 1}", False, False),
        ("deploy: {mode: replicated-job, replicas: 2}", False, False),
        ("healthcheck: {test: [CMD, x]}, deploy: {replicas: 2}", False, False),
        ("healthcheck: {disable: true}, deploy: {replicas: 2}", False, False),
        ("healthcheck: {test: [NONE]}, deploy: {replicas: 2}", False, False),
        ("healthcheck: {interval: 5s}, deploy: {replicas: 2}", False, True),
    ],
)
def test_health_checks(definition: str, checked: bool | None, warned: bool) -> None:
    found = of(definition, checked=lambda _: checked)
    compare(found, ["warning services.a: no health check: an update goes on"] if warned else [])


@pytest.mark.parametrize(
    ("definition", "condition", "checked", "said"),
    [
        ("tty: true", "service_healthy", False, "warning services.b: a waits until it is healthy, and it has no"),
        ("healthcheck: {interval: 5s}", "service_healthy", False, "warning services.b: a waits until it is healthy"),
        ("healthcheck: {disable: true}", "service_healthy", True, "error services.b.healthcheck: a waits until it is"),
        ("healthcheck: {test: [NONE]}", "service_healthy", None, "error services.b.healthcheck: a waits until it is"),
        ("healthcheck: {test: 'true'}", "service_healthy", False, ""),
        ("tty: true", "service_healthy", True, ""),
        ("tty: true", "service_healthy", None, ""),
        ("healthcheck: {disable: true}", "service_started", False, ""),
        ("deploy: {restart_policy: {condition: none}}", "service_completed_successfully", False, ""),
        ("deploy: {restart_policy: {condition: on-failure}}", "service_completed_successfully", False, ""),
        ("deploy: {mode: replicated-job}", "service_completed_successfully", False, ""),
        ("restart: on-failure", "service_completed_successfully", False, ""),
        ("restart: 'on-failure:3'", "service_completed_successfully", False, ""),
        (
            "tty: true",
            "service_completed_successfully",
            None,
            "error services.b: a waits until it has ended, and swarm",
        ),
    ],
)
def test_waits_for_the_health_of_what_nothing_checks(
    definition: str, condition: str, checked: bool | None, said: str
) -> None:
    services = f"a: {{image: 'x:1', depends_on: {{b: {{condition: {condition}}}}}}}, b: {{image: 'y:1', {definition}}}"
    found = seen(f"services: {{{services}}}", checked=lambda _: checked)
    told = [f"{'error' if each.error else 'warning'} {each.path}: {each.text}" for each in found]
    compare(told, [said] if said else [])


def test_no_image_is_looked_at_without_need() -> None:
    def looked(image: str) -> bool:
        raise AssertionError(image)

    assert of("healthcheck: {test: [CMD, x]}, deploy: {replicas: 2}", checked=looked) == []
    assert of("deploy: {replicas: 1}", checked=looked) == []


@pytest.mark.parametrize(
    ("image", "warned"),
    [
        ("nginx", True),
        ("nginx:latest", True),
        ("registry:5000/nginx", True),
        ("nginx:1.26", False),
        ("registry:5000/team/nginx:1.26", False),
        ("nginx@sha256:" + "a" * 64, False),
        ("nginx:latest@sha256:" + "a" * 64, False),
    ],
)
def test_images_without_a_version(image: str, warned: bool) -> None:
    found = seen(f"services: {{a: {{image: '{image}'}}}}")
    assert [each.path for each in found] == (["services.a.image"] if warned else [])
    assert not any(each.error for each in found)


BINDS = f"services: {{a: {{image: 'x:1', volumes: ['/srv:/x', 'v:/v'], deploy: {{{WORKERS}}}}}}}\nvolumes: {{v: }}"


def test_which_nodes_have_to_have_what_is_mounted() -> None:
    assert binds.sources(parse(BINDS), swarm()) == {"worker01": {"/srv"}, "worker02": {"/srv"}}
    assert binds.sources(parse("services: {a: {image: x, volumes: ['./x:/x', /y]}}"), swarm()) == {}


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        ({"worker01": [], "worker02": []}, ""),
        ({"worker01": ["/srv"], "worker02": ["/srv"]}, "error: none of the nodes that may run it has /srv"),
        ({"worker01": ["/srv"], "worker02": []}, "warning: worker01 may run it and has no /srv"),
        ({"worker02": ["/srv"]}, "error: none of the nodes that may run it has /srv"),
        ({"manager": ["/srv"], "worker01": [], "worker02": []}, ""),
        ({}, ""),
    ],
)
def test_what_is_mounted_and_missing(absent: dict[str, list[str]], said: str) -> None:
    notes = list(binds.missing(parse(BINDS), swarm(), absent))
    assert [f"{'error' if note.error else 'warning'}: {note.text}" for note in notes] == ([said] if said else [])
    assert all(note.where == ("services", "a", "volumes", 0) for note in notes)


@pytest.fixture
def tree() -> Iterator[Path]:
    """Directories that another user may see, unlike those of pytest, and one that nobody but root may search."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        top.chmod(0o755)
        for path in ("open", "shut/in"):
            (top / path).mkdir(parents=True)
        (top / "file").touch()
        (top / "link").symlink_to("shut/in")
        (top / "dead").symlink_to("nowhere")
        (top / "shut").chmod(0o600)
        yield top
        (top / "shut").chmod(0o700)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", False),
        ("open", False),
        ("file", False),
        ("shut", False),
        ("none", True),
        ("none/x/", True),
        ("open/none/\\n x", True),
        ("file/x", True),
        ("shut/in", False),
        ("shut/none/x", False),
        ("link", False),
        ("link/x", False),
    ],
)
def test_what_an_ordinary_user_calls_absent(tree: Path, path: str, said: bool) -> None:
    assert absent(tree, path, user=65534 if os.getuid() == 0 else None) == ([f"{tree}/{path}"] if said else [])


@pytest.mark.skipif(os.getuid() != 0, reason="to root alone every directory is open")
@pytest.mark.parametrize(
    ("path", "said"), [("shut/in", False), ("link", False), ("shut/none", True), ("link/x", True), ("dead", True)]
)
def test_what_root_calls_absent(tree: Path, path: str, said: bool) -> None:
    assert absent(tree, path) == ([f"{tree}/{path}"] if said else [])


def absent(tree: Path, path: str, user: int | None = None) -> list[str]:
    """What the script prints of a path and of one that is there."""
    argv = ["sh", "-c", ABSENT, "sh", f"{tree}/{path}", str(tree)]
    return subprocess.run(argv, user=user, check=True, capture_output=True, text=True).stdout.splitlines()


EVERYTHING = """
services:
  a:
    image: x
    ports: ["80:80", {target: 1, published: 2, mode: host, protocol: tcp}]
    volumes: ["v:/x", {type: bind, source: /s, target: /t}]
    networks: {n: {ipv4_address: 1.1.1.1}}
    configs: [{source: c, target: /x}]
    secrets: [s]
    environment: {A: b}
    depends_on: {b: {condition: service_healthy}}
    healthcheck: {test: [CMD, x], disable: false}
    restart: always
    deploy:
      mode: replicated
      replicas: 2
      endpoint_mode: vip
      restart_policy: {condition: any}
      placement: {constraints: [node.role == worker], max_replicas_per_node: 1}
      update_config: {order: start-first}
  b: {image: y}
networks: {n: {driver_opts: {encrypted: ""}, ipam: {config: [{subnet: 10.0.0.0/24}]}}}
configs: {c: {external: {name: x}, name: q}}
secrets: {s: {external: true}}
volumes: {v: {driver: local}}
"""


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


@pytest.mark.parametrize("odd", [3, -1.5, "x", ["x"], [["x"]], {"a": {}}, {1: 2}, None, True])
def test_whatever_stands_there_is_answered(odd: Any) -> None:
    network, other = {"Name": "web_n", "Scope": "swarm"}, running("o", held("ingress"))
    around = swarm(route="dns", networks=(network,), services=(other,), checked=lambda _: False)
    for *above, key in places(yaml.safe_load(EVERYTHING)):
        file = yaml.safe_load(EVERYTHING)
        reduce(lambda value, part: value[part], above, file)[key] = odd
        with suppress(InputError):
            stack = parse(yaml.safe_dump(file))
            notes = [*lint(stack, around), *binds.missing(stack, around, {"worker01": ["/s"]})]
            assert len(findings(stack, notes)) <= len(notes)


def compare(found: list[str], said: list[str]) -> None:
    """Each finding holds what is expected of it, whatever the order."""
    assert len(found) == len(said), found
    assert all(any(part in text for text in found) for part in said), found


@pytest.mark.parametrize(
    ("path", "text", "heard"),
    [
        ("services.web", "docker refuses it: Additional property comand is not allowed", True),
        ("services.web", "docker refuses it: Additional property mem_limit is not allowed", False),
        ("services.web.mem_limit", "docker refuses it: must be a string", False),
        ("services.api", "docker refuses it: Additional property mem_limit is not allowed", True),
        ("", "docker refuses it: no such file", True),
    ],
)
def test_what_docker_says_is_said_once(path: str, text: str, heard: bool) -> None:
    found = [Finding(3, "services.web.mem_limit", "is compose's"), Finding(9, "services.api", "a warning", error=False)]
    refused = [Finding(2, path, text)]
    assert unsaid(found, refused) == (refused if heard else [])
