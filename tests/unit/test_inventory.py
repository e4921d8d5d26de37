"""What is said of a wrong inventory: file, line, path, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmops.errors import ExitCode, InputError
from swarmops.inventory import Inventory, Role, load

ROOT = Path(__file__).parents[2]

RIGHT = """\
all:
  vars:
    cluster: demo
  children:
    managers:
      hosts:
        manager:
    workers:
      hosts:
        worker[01:02]:
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str, name: str = "inventory.yaml") -> Inventory:
    path = Path.cwd() / name
    path.write_text(text)
    return load(path)


def problems(text: str) -> list[str]:
    """The problems of a file, a line each."""
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.code == ExitCode.BAD_INPUT
    said = str(caught.value)
    assert not any(word in said for word in ("pydantic", "Value error", "https://", "Input should", "Traceback"))
    head, *rest = said.splitlines()
    if not rest:
        return [head]
    assert head == f"{len(rest)} problems"
    return [line.removeprefix("  ") for line in rest]


def with_vars(text: str) -> str:
    """The right file with a further variable of the cluster, in line 4."""
    return RIGHT.replace("  children:", f"    {text}\n  children:", 1)


def of_manager(text: str) -> str:
    """The right file with a variable of the manager, in line 7."""
    return RIGHT.replace("manager:", f"manager: {{{text}}}", 1)


def test_the_shipped_inventory_is_the_lab_of_the_readme() -> None:
    inventory = load(ROOT / "inventory.yaml")
    assert (inventory.cluster, inventory.settings.transport) == ("lab", "lab")
    assert [node.name for node in inventory.managers] == ["manager"]
    assert [node.name for node in inventory.workers] == ["worker01", "worker02", "worker03"]
    assert inventory.node("manager").vars.ports == ["8000:80", "9000:9000"]
    assert sorted(inventory.settings.stacks) == ["echo", "ingress", "visualizer"]


def test_addresses_come_from_the_subnet_by_position() -> None:
    inventory = read(
        with_vars("subnet: 172.30.4.0/22").replace(
            "worker[01:02]:", "worker[01:02]:\n        edge: {address: 172.30.6.9}"
        )
    )
    assert inventory.registry_address == "172.30.4.5"
    addresses = {node.name: node.address for node in inventory.nodes}
    assert addresses == {
        "manager": "172.30.4.11",
        "worker01": "172.30.4.32",
        "worker02": "172.30.4.33",
        "edge": "172.30.6.9",
    }


def test_over_ssh_a_node_has_the_address_that_is_stated_or_connected_to() -> None:
    inventory = read(
        with_vars("transport: ssh")
        .replace("manager:", "manager: {ansible_host: 192.0.2.1, address: 10.0.0.1}")
        .replace("worker[01:02]:", "worker01: {ansible_host: 192.0.2.2}\n        worker02:")
    )
    assert [node.address for node in inventory.nodes] == ["10.0.0.1", "192.0.2.2", "worker02"]
    assert inventory.registry_address == "registry"


def test_paths_are_relative_to_the_file(here: Path) -> None:
    (here / "keys").touch()
    inventory = read(with_vars("sshd: {authorized_keys: keys}\n    ssh: {known_hosts: known}"))
    assert (inventory.authorized_keys, inventory.known_hosts) == (here / "keys", here / "known")
    inventory = read(RIGHT)
    assert (inventory.authorized_keys, inventory.known_hosts) == (None, Path.home() / ".ssh/known_hosts")
    assert inventory.project == here


def test_an_unknown_node_is_named_with_the_known_ones() -> None:
    inventory = read(RIGHT)
    assert inventory.node("worker02").role is Role.WORKER
    with pytest.raises(InputError, match=r"^inventory.yaml: there is no node worker3, did you mean worker02\?$"):
        inventory.node("worker3")
    with pytest.raises(InputError, match=r"there is no node db; there are manager, worker01, worker02$"):
        inventory.node("db")


def test_a_missing_file() -> None:
    with pytest.raises(InputError) as caught:
        load(Path.cwd() / "inventory.yml")
    assert str(caught.value).splitlines() == [
        "inventory.yml: no such file",
        "  Next: put one beside tasks.py, or name another file in SWARMOPS_INVENTORY",
    ]


def test_a_directory_and_other_encodings(here: Path) -> None:
    with pytest.raises(InputError, match=r"Is a directory$"):
        load(here)
    (here / "inventory.yaml").write_bytes(b"all: \xff\n")
    with pytest.raises(InputError, match=r"^inventory.yaml: not UTF-8 text$"):
        load(here / "inventory.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "inventory.yaml: is empty; a cluster is stated under all.vars"),
        ("# nothing\n", "inventory.yaml: is empty; a cluster is stated under all.vars"),
        ("- all\n", "inventory.yaml:1: should be a mapping that begins with all:"),
        ("\nall", "inventory.yaml:2: should be a mapping that begins with all:"),
        ("all:\n  vars: [\n",
         "inventory.yaml:3: not YAML: while parsing a flow node, did not find expected node content"),
        ("all:\n\tvars:\n", "inventory.yaml:2: not YAML: while scanning for the next token, "
         "found character that cannot start any token; indent with spaces, not with a tab"),
        ("all: {}\n---\nall: {}\n", "inventory.yaml:2: not YAML: expected a single document in the stream, "
         "but found another document"),
        ("all: !vault x\n", "inventory.yaml:1: not YAML: could not determine a constructor for the tag '!vault'"),
        ("all: *x\n", "inventory.yaml:1: not YAML: found undefined alias"),
        ("all:\n  since: 2024-02-30\n",
         "inventory.yaml:2: 2024-02-30: day is out of range for month; in quotes it is text"),
        ("all: [1, 0x_]\n", "inventory.yaml:1: 0x_: invalid literal for int() with base 16: ''; in quotes it is text"),
        ("all: \x01\n", "inventory.yaml: not YAML: unacceptable character #x0001: control characters are not allowed"),
    ],
)  # fmt: skip
def test_what_is_not_a_yaml_mapping(text: str, said: str) -> None:
    assert problems(text) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vars: {}\n", "1: vars: unknown key; there are all"),
        (RIGHT.replace("all:", "al:"), "1: al: unknown key, did you mean all?"),
        (RIGHT.replace("  children:", "  childern:"), "4: all.childern: unknown key, did you mean children?"),
        (RIGHT.replace("    cluster: demo", "    clustr: demo"),
         "3: all.vars.clustr: unknown key, did you mean cluster?"),
        (RIGHT.replace("workers:\n      hosts", "workers:\n      host"),
         "9: all.children.workers.host: unknown key, did you mean hosts?"),
        (RIGHT.replace("  vars:\n    cluster", "  cluster"),
         "2: all.cluster: unknown key, variables belong under vars"),
        (RIGHT.replace("manager:", "manager: {labls: {}}"),
         "7: all.children.managers.hosts.manager.labls: unknown key, did you mean labels?"),
        (RIGHT.replace("worker[01:02]:", "worker[01:02]: {port: []}"),
         "10: all.children.workers.hosts.worker[01:02].port: unknown key, did you mean ports?"),
        (RIGHT.replace("manager:", "manager: {cluster: x}"),
         "7: all.children.managers.hosts.manager.cluster: a variable of the cluster, it belongs in all.vars"),
        (RIGHT + "      vars:\n        subnet: 10.0.0.0/24\n",
         "12: all.children.workers.vars.subnet: a variable of the cluster, it belongs in all.vars"),
        (with_vars("registry: {prt: 1}"), "4: all.vars.registry.prt: unknown key, did you mean port?"),
        (with_vars("networks: {net: {atachable: true}}"),
         "4: all.vars.networks.net.atachable: unknown key, did you mean attachable?"),
        (with_vars("images: {hubs: {}}"), "4: all.vars.images.hubs: unknown key, did you mean hub?"),
        (with_vars("images: {build: {app: {contxt: a, context: a, tag: b}}}"),
         "4: all.vars.images.build.app.contxt: unknown key, did you mean context?"),
        (with_vars("stacks: {web: {template: a, var: {}}}"),
         "4: all.vars.stacks.web.var: unknown key, did you mean vars?"),
        (with_vars("ssh: {known_host: a}"), "4: all.vars.ssh.known_host: unknown key, did you mean known_hosts?"),
        (with_vars("1: a"), "4: all.vars: the key 1 should be text, quote it"),
        (with_vars("networks: {2.5: {a: 1}}"), "4: all.vars.networks: the key 2.5 should be text, quote it"),
        (with_vars("labels: {2: a}"), "4: all.vars.labels: the key 2 should be text, quote it"),
        (with_vars("cluster: other"), "4: all.vars.cluster: stated twice, first in line 3"),
        (RIGHT.replace("manager:", "manager:\n        manager:"),
         "8: all.children.managers.hosts.manager: stated twice, first in line 7"),
    ],
)  # fmt: skip
def test_a_wrong_key(text: str, said: str) -> None:
    assert f"inventory.yaml:{said}" in problems(text)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("transport: shh", "transport: shh is not one of lab, ssh, did you mean ssh?"),
        ("routing: yes", "routing: true is not one of auto, mesh, dns"),
        ("privileges: none", "privileges: none is not one of auto, full, trimmed"),
        ("subnet: 10.89.0.1/24", "subnet: 10.89.0.1/24 should be an IPv4 subnet, did you mean 10.89.0.0/24?"),
        ("subnet: 10.89.0.0/33", "subnet: 10.89.0.0/33 should be an IPv4 subnet such as 10.89.0.0/24"),
        ("subnet: 10.89.0.0", "subnet: 10.89.0.0 should be an IPv4 subnet such as 10.89.0.0/24"),
        ("subnet: fd00::/64", "subnet: fd00::/64 should be an IPv4 subnet such as 10.89.0.0/24"),
        ("subnet: 8.8.8.0/24",
         "subnet: 8.8.8.0/24 should be a private subnet, one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
        ("bind: localhost", 'bind: "localhost" should be an IP address'),
        ("registry: {port: 0}", "registry.port: 0 should be a port from 1 to 65535"),
        ("registry: {port: true}", "registry.port: should be a whole number, not true"),
        ('registry: {port: "5000"}', 'registry.port: should be a whole number, not the text "5000"'),
        ("registry: {port: 5000.5}", "registry.port: should be a whole number, not 5000.5"),
        ("registry: {host: a b}", 'registry.host: "a b" should be a host name'),
        ("registry:", "registry: should be a mapping, not nothing"),
        ("registry: {tls: on-demand}", 'registry.tls: should be true or false, not the text "on-demand"'),
        ("registry: {username: alice}", "registry: username and password go together"),
        ("registry: {password: {file: a}}", "registry: username and password go together"),
        ('registry: {username: "a:b", password: {file: a}}',
         'registry.username: "a:b" should be a user name, without spaces and colons'),
        ("registry: {username: a, password: hunter2}", "registry.password: should say where the value is, by file, "
         "environment or command, not the value itself"),
        ("registry: {username: a, password: {file: a, command: b}}",
         "registry.password: should say exactly one of file, environment, command"),
        ("registry: {username: a, password: {command: [1]}}",
         'registry.password.command[0]: should be text, quote it: "1"'),
        ("registry: {username: a, password: {fil: a}}",
         "registry.password.fil: unknown key, did you mean file?"),
        ("registries: {ghcr.io: {username: a}}", "registries.ghcr.io.password: is missing"),
        ("registries: {ghcr.io/me: {username: a, password: {file: a}}}",
         'registries.ghcr.io/me: "ghcr.io/me" should be a host such as ghcr.io, with a port if need be'),
        ('registries: {"registry:5000": {username: a, password: {file: a}}}',
         "registries.registry:5000: is the cluster's own registry; its username and password belong in registry"),
        ("history: 0", "history: 0 should be a number from 1 to 100"),
        ("history: ten", 'history: should be a whole number, not the text "ten"'),
        ("swarm: {task_history: -1}", "swarm.task_history: -1 should be a number from 0 to 10000"),
        ("swarm: {task_histroy: 1}", "swarm.task_histroy: unknown key, did you mean task_history?"),
        ("swarm: {heartbeat: 5}", "swarm.heartbeat: 5 should be a duration such as 5s, 1h30m or 90d, 1s at least"),
        ("swarm: {heartbeat: 5sec}",
         "swarm.heartbeat: 5sec should be a duration such as 5s, 1h30m or 90d, 1s at least"),
        ("swarm: {heartbeat: 0s}", "swarm.heartbeat: 0s should be a duration such as 5s, 1h30m or 90d, 1s at least"),
        ("swarm: {cert_expiry: 59m}",
         "swarm.cert_expiry: 59m should be a duration such as 5s, 1h30m or 90d, 1h at least"),
        ("swarm: {subnet_size: 30}", "swarm.subnet_size: 30 should be a number from 8 to 29"),
        ("swarm: {data_path_port: 80}", "swarm.data_path_port: 80 should be a number from 1024 to 49151"),
        ("swarm: {address_pools: [10.89.0.0/16]}", "swarm.address_pools: 10.89.0.0/16 overlaps 10.89.0.0/24"),
        ("swarm: {address_pools: [10.1.0.0/25]}",
         "swarm.address_pools: 10.1.0.0/25 is smaller than the /24 that each network gets of it"),
        ("swarm: {unlock_key: SWMKEY-1-x}", "swarm.unlock_key: should say where the key is kept, by file, or by store "
         "and read, not the key itself"),
        ("swarm: {unlock_key: {store: a}}", "swarm.unlock_key: store and read go together"),
        ("swarm: {unlock_key: {file: a, read: b}}", "swarm.unlock_key: should say either file, or store and read"),
        ("swarm: {autolock: true}", "swarm.autolock: needs unlock_key, which says where the key is kept"),
        ("networks: []", "networks: should be a mapping, not a list"),
        ("networks: {Net: {}}",
         'networks.Net: "Net" should be made of a-z, 0-9, _ and -, 63 at most, no _ or - at its end'),
        ("networks: {net-: {}}",
         'networks.net-: "net-" should be made of a-z, 0-9, _ and -, 63 at most, no _ or - at its end'),
        ("networks: {net: {driver: bridge}}", "networks.net.driver: should be overlay, not bridge"),
        ("networks: {net: {attachable: yess}}",
         'networks.net.attachable: should be true or false, not the text "yess"'),
        ("networks: {net: {subnet: 10.89.0.128/25}}", "networks.net.subnet: 10.89.0.128/25 overlaps 10.89.0.0/24"),
        ("images: {hub: {node: Docker}}", 'images.hub.node: "Docker" should be an image such as nginx:1.26.3'),
        ("images: {build: {app: {context: a, tag: 1.10}}}", 'images.build.app.tag: should be text, quote it: "1.10"'),
        ("images: {build: {app: {context: ../a, tag: x}}}",
         'images.build.app.context: "../a" should be a path below the project, such as images/echo'),
        ("images: {build: {nginx: {context: images, tag: x}}}",
         "images.build.nginx: is stated under images.hub too"),
        (f"stacks: {{{'w' * 41}: {{template: a}}}}",
         f'stacks.{"w" * 41}: "{"w" * 41}" should be made of a-z, 0-9, _ and -, 40 characters at most'),
        ("stacks: {web: }", "stacks.web: should be a mapping, not nothing"),
        ("stacks: {web: {vars: {}}}", "stacks.web.template: is missing"),
        ("stacks: {web: {template: /etc/passwd}}",
         'stacks.web.template: "/etc/passwd" should be a path below the project, such as images/echo'),
        ("labels: {ssd: no}", 'labels.ssd: should be text, quote it: "no"'),
        ("labels: {ssd: [a]}", "labels.ssd: should be text, not a list"),
        ("labels: {a=b: c}", 'labels.a=b: "a=b" should be the name of a label, and none of swarmops\' own'),
        ("labels: {swarmops.node: a}",
         'labels.swarmops.node: "swarmops.node" should be the name of a label, and none of swarmops\' own'),
        ("sshd: {authorized_keys: ~nobody-here/k}",
         'sshd.authorized_keys: "~nobody-here/k" should be a path; there is no such user'),
        ("availability: off", "availability: false is not one of active, pause, drain"),
        ("ansible_port: 99999", "ansible_port: 99999 should be a port from 1 to 65535"),
        ("address: 10.0.0", 'address: "10.0.0" should be an IP address'),
        ("sshd: {authorized_keys: nowhere}", "sshd.authorized_keys: there is no file nowhere"),
        ("extra: &self {me: *self, you: 1}\n    ports: *self", "ports: should be a list, not a mapping"),
    ],
)  # fmt: skip
def test_a_wrong_value(stated: str, said: str) -> None:
    line = 5 if "\n" in stated else 4
    assert f"inventory.yaml:{line}: all.vars.{said}" in problems(with_vars(stated))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Demo", '"Demo" should be two or more of a-z, 0-9 and -, a letter first'),
        ("d", '"d" should be two or more of a-z, 0-9 and -, a letter first'),
        ("my_lab", '"my_lab" should be two or more of a-z, 0-9 and -, a letter first'),
        ("12", 'should be text, quote it: "12"'),
    ],
)
def test_a_wrong_cluster_name(name: str, said: str) -> None:
    assert problems(RIGHT.replace("demo", name)) == [f"inventory.yaml:3: all.vars.cluster: {said}"]


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ("9000:22", 'should be text, quote it: "9000:22"'),
        ('"8000"', '"8000" should be a port of the host and a port of the node, such as "8000:80"'),
        ('"80000:80"', '"80000:80" should be a port of the host and a port of the node, such as "8000:80"'),
        ('"0:80"', '"0:80" should be a port of the host and a port of the node, such as "8000:80"'),
    ],
)
def test_a_wrong_port_mapping(ports: str, said: str) -> None:
    path = "all.children.managers.hosts.manager.ports[0]"
    assert problems(of_manager(f"ports: [{ports}]")) == [f"inventory.yaml:7: {path}: {said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RIGHT.replace("worker[01:02]:", "manager:"),
         "10: all.children.workers.hosts.manager: manager is in managers too; a host has one role"),
        (RIGHT.replace("workers:", "wrkers:"),
         "10: all.children.wrkers.hosts.worker[01:02]: worker01 is neither in managers nor in workers, "
         "did you mean workers?"),
        (RIGHT + "    region:\n      hosts: {far:}\n".replace("far:", "far: "),
         "12: all.children.region.hosts.far: far is neither in managers nor in workers"),
        (RIGHT.replace("        manager:\n", ""),
         "4: all.children: there is no manager; a swarm needs a host in managers"),
        (RIGHT.replace("  children", "  hosts: {far: }\n  children"),
         "4: all.hosts.far: far is neither in managers nor in workers"),
        (RIGHT.replace("manager:", "m:"),
         "7: all.children.managers.hosts.m: m is too short a name: two characters at least"),
        (RIGHT.replace("manager:", "my_manager:"),
         "7: all.children.managers.hosts.my_manager: my_manager is not a host name: letters, digits and - only; "
         "a port belongs in ansible_port"),
        (RIGHT.replace("manager:", '"manager:22":'),
         "7: all.children.managers.hosts.manager:22: manager:22 is not a host name: letters, digits and - only; "
         "a port belongs in ansible_port"),
        (RIGHT.replace("manager:", "192.0.2.1:"),
         "7: all.children.managers.hosts.192.0.2.1: 192.0.2.1 is an address; give the host a name, and the address "
         "as ansible_host"),
        (RIGHT.replace("manager:", "registry:"),
         "7: all.children.managers.hosts.registry: registry is the name of the registry's container"),
        (RIGHT.replace("01:02", "01:2"),
         "10: all.children.workers.hosts.worker[01:2]: 01 and 2 should have the same number of digits"),
        (RIGHT.replace("01:02", "02:01"), "10: all.children.workers.hosts.worker[02:01]: 02 comes after 01"),
        (RIGHT.replace("01:02", "a:3"),
         "10: all.children.workers.hosts.worker[a:3]: a:3 is neither two numbers nor two letters"),
        (RIGHT.replace("01:02", "1:"),
         "10: all.children.workers.hosts.worker[1:]: 1: is neither two numbers nor two letters"),
        (RIGHT.replace("01:02", "1:4:0"),
         "10: all.children.workers.hosts.worker[1:4:0]: the step 0 of the range should be a number from 1 up"),
        (RIGHT.replace("[01:02]", "[01"),
         "10: all.children.workers.hosts.worker[01: a range is written [01:03], [a:c] or [0:8:2]"),
        (RIGHT + "      children: {inner: {children: {workers: }}}\n",
         "11: all.children.workers.children.inner.children.workers: the group workers contains inner and is inside it"),
        (RIGHT + "      children: {inner: }\n    inner: {children: {workers: }}\n",
         "12: all.children.inner.children.workers: the group workers contains inner and is inside it"),
    ],
)  # fmt: skip
def test_hosts_groups_and_ranges(text: str, said: str) -> None:
    assert f"inventory.yaml:{said}" in problems(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (with_vars("subnet: 10.0.0.0/30"),
         "4: all.vars.subnet: 10.0.0.0/30 is too small for a lab, take a /26 or a larger one"),
        (with_vars("subnet: 10.0.0.0/27"),
         "4: all.vars.subnet: 10.0.0.0/27 is too small: no address for worker01, worker02; take a larger one"),
        (RIGHT.replace("01:02", "001:300"),
         "2: all.vars.subnet: 10.89.0.0/24 is too small: no address for worker224"),
        (RIGHT.replace("manager:", "manager[01:22]:"),
         "10: all.children.workers.hosts.worker[01:02]: worker01 has the address 10.89.0.32, and so has manager22; "
         "state another address"),
        (of_manager("address: 10.89.0.33"),
         "10: all.children.workers.hosts.worker[01:02]: worker02 has the address 10.89.0.33, and so has manager; "
         "state another address"),
        (of_manager("address: 10.89.0.5"),
         "7: all.children.managers.hosts.manager: manager has the address 10.89.0.5, and so has the registry; "
         "state another address"),
        (of_manager("address: 10.90.0.5"),
         "7: all.children.managers.hosts.manager: address 10.90.0.5 is not a free one of 10.89.0.0/24"),
        (of_manager("address: 10.89.0.1"),
         "7: all.children.managers.hosts.manager: address 10.89.0.1 is not a free one of 10.89.0.0/24"),
        (of_manager('ports: ["5000:80"]'),
         "7: all.children.managers.hosts.manager: port 5000 of the host is published more than once: "
         "by the registry and manager"),
        (of_manager('ports: ["80:80", "80:81"]'),
         "7: all.children.managers.hosts.manager: port 80 of the host is published more than once: "
         "by manager and manager"),
        (RIGHT.replace("worker[01:02]:", 'worker[01:02]: {ports: ["80:80"]}'),
         "10: all.children.workers.hosts.worker[01:02]: port 80 of the host is published more than once: "
         "by worker01 and worker02"),
        (RIGHT.replace("manager:", 'manager: {ports: ["80:80"]}\n        other: {ports: ["80:81"]}'),
         "8: all.children.managers.hosts.other: port 80 of the host is published more than once: "
         "by manager and other"),
        (RIGHT.replace("manager:", 'manager: {ports: ["80:80"]}\n        edge:'),
         "8: all.children.managers.hosts.edge: edge is the name of the proxy in front of the managers"),
        (RIGHT.replace("manager:", 'manager: {ports: ["80:80"]}\n        other: {address: 10.89.0.6}'),
         "8: all.children.managers.hosts.other: other has the address 10.89.0.6, and so has the proxy in front of the "
         "managers; state another address"),
        (with_vars("transport: ssh").replace("[01:02]:", "[01:02]: {ansible_host: 192.0.2.2}"),
         "11: all.children.workers.hosts.worker[01:02]: worker02 has the address 192.0.2.2, and so has worker01; "
         "state another address"),
    ],
)  # fmt: skip
def test_addresses_and_ports(text: str, said: str) -> None:
    found = problems(text)
    assert any(problem.startswith(f"inventory.yaml:{said}") for problem in found), found


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        (RIGHT.replace("manager:", 'manager: {ports: ["80:80", "90:9000"]}'), {}),
        (RIGHT.replace("manager:", "manager[01:03]:"), {}),
        (RIGHT.replace("manager:", 'manager[01:03]: {ports: ["80:80", "90:9000"]}'), {80: 80, 90: 9000}),
        (RIGHT.replace("manager:", 'manager: {ports: ["80:80"]}\n        other: {ports: ["81:80"]}'), {80: 80, 81: 80}),
        (with_vars("transport: ssh").replace("manager:", 'manager[01:03]: {ports: ["80:80"]}'), {}),
    ],
)  # fmt: skip
def test_ports_of_several_managers_are_the_proxys(text: str, edge: dict[int, int]) -> None:
    """However many of them state a port, it is published once."""
    assert read(text).edge == edge


def test_files_that_are_not_there(here: Path) -> None:
    stated = with_vars(
        "stacks: {web: {template: stacks/web.yml.j2}}\n    images: {build: {app: {context: images/app, tag: a}}}"
    )
    assert [problem.partition(": ")[2] for problem in problems(stated)] == [
        "all.vars.images.build.app.context: there is no directory images/app"
    ]
    (here / "templates").mkdir()
    (here / "images/app").mkdir(parents=True)
    assert problems(stated) == [
        "inventory.yaml:4: all.vars.stacks.web.template: there is no file templates/stacks/web.yml.j2"
    ]
    (here / "templates/stacks").mkdir()
    (here / "templates/stacks/web.yml.j2").touch()
    assert list(read(stated).settings.stacks) == ["web"]


def test_a_private_key_that_is_not_there(here: Path) -> None:
    stated = with_vars("transport: ssh\n    ansible_ssh_private_key_file: keys/id").replace(
        "[01:02]:", "01: {address: 10.0.0.2}"
    )
    stated = stated.replace("manager:", "manager: {address: 10.0.0.1}")
    assert problems(stated) == [
        "inventory.yaml:9: all.children.managers.hosts.manager: manager: there is no file keys/id, "
        "its ansible_ssh_private_key_file"
    ]
    (here / "keys").mkdir()
    (here / "keys/id").touch()
    inventory = read(stated)
    assert inventory.private_key(inventory.nodes[0]) == here / "keys/id"


@pytest.mark.parametrize("host", ["bob@10.0.0.1", "10.0.0.1:22", "web..example", "a b", "-", ""])
def test_what_ssh_cannot_reach(host: str) -> None:
    stated = with_vars(f"transport: ssh\n    ansible_host: '{host}'")
    assert any("should be a host name or an address, without user and port" in problem for problem in problems(stated))


@pytest.mark.parametrize("host", ["10.0.0.1", "fd00::1", "fe80::1%eth0", "web", "my_alias", "a.example.", "1.example"])
def test_what_ssh_can_reach(host: str) -> None:
    stated = with_vars("transport: ssh").replace("manager:", f"manager: {{ansible_host: '{host}', address: 10.0.0.1}}")
    stated = stated.replace("[01:02]:", "01: {address: 10.0.0.2}")
    assert read(stated).nodes[0].vars.ansible_host == host


def test_everything_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    text = (
        RIGHT.replace("cluster: demo", "clustr: demo\n    subnet: nowhere\n    stacks: {web: {templat: x}}")
        .replace("manager:", 'manager: {ports: ["5000:1"], labls: {}}')
        .replace(
            "worker[01:02]:", "worker[1:a]:\n        w: {cluster: y}\n        edge: {address: 10.0.0.1}\n        edge:"
        )
    )
    assert [problem.removeprefix("inventory.yaml:") for problem in problems(text)] == [
        "2: all.vars.cluster: is missing",
        "3: all.vars.clustr: unknown key, did you mean cluster?",
        "4: all.vars.subnet: nowhere should be an IPv4 subnet such as 10.89.0.0/24",
        "5: all.vars.stacks.web.templat: unknown key, did you mean template?",
        "5: all.vars.stacks.web.template: is missing",
        "9: all.children.managers.hosts.manager.labls: unknown key, did you mean labels?",
        "9: all.children.managers.hosts.manager: port 5000 of the host is published more than once: "
        "by the registry and manager",
        "12: all.children.workers.hosts.worker[1:a]: 1:a is neither two numbers nor two letters",
        "13: all.children.workers.hosts.w.cluster: a variable of the cluster, it belongs in all.vars",
        "13: all.children.workers.hosts.w: w is too short a name: two characters at least",
        "15: all.children.workers.hosts.edge: stated twice, first in line 14",
    ]


def test_other_groups_give_variables() -> None:
    inventory = read(RIGHT + "    fast:\n      vars: {labels: {disk: ssd}}\n      hosts: {worker02: }\n")
    assert inventory.node("worker02").vars.labels == {"disk": "ssd"}
    assert inventory.node("worker01").vars.labels == {}
    assert inventory.groups["fast"] == ["worker02"]


def test_real_hosts_trust_registries_by_themselves() -> None:
    found = problems(with_vars("transport: ssh").replace("cluster:", "registry: {tls: true}\n    cluster:"))
    assert found == [
        "inventory.yaml:3: all.vars.registry.tls: is for the registry of a lab; "
        "real hosts trust what their /etc/docker/certs.d says"
    ]


def test_log_ins_by_registry(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        with_vars(
            "registry: {username: alice, password: {file: a}}\n"
            "    registries: {docker.io: {username: bob, password: {environment: TOKEN}}}"
        )
    )
    found = load(path).credentials
    assert {registry: stated.username for registry, stated in found.items()} == {
        "docker.io": "bob",
        "registry:5000": "alice",
    }
