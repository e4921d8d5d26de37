"""The other door: the nodes of a lab, driven as real hosts over ssh. No verb knows the difference."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import pytest
from engine import Lab, eventually, get

SUBNET = f"10.94.{os.environ.get('SWARMOPS_TEST_RUN', '0')}"
ADDRESSES = {"manager": f"{SUBNET}.11", "worker01": f"{SUBNET}.32", "worker02": f"{SUBNET}.33"}
HOST_KEY = "/var/lib/docker/swarmops/ssh_host_ed25519_key.pub"


@pytest.fixture(scope="module")
def behind(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """A lab whose nodes run sshd, made by `up` through the engine, with the images in its registry."""
    lab = make_lab("swtssh", "10.94.0.0/24", (15200, 18200, 19200), workers=2)
    key = lab.folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    lab.vars["sshd"] = {"authorized_keys": "id_ed25519.pub"}
    lab.vars["stacks"]["echo"]["vars"] = {"api_replicas": 2, "nginx_replicas": 2}
    lab.save()
    lab.inv("up")
    for image in ("echo", "nginx", "haproxy"):
        lab.inv("push", image)
    yield lab
    lab.destroy()


@pytest.fixture(scope="module")
def hosts(behind: Lab) -> Lab:
    """The same nodes as hosts: reached by ssh at the addresses of their containers, their keys known beforehand."""
    hosts = Lab(behind.folder, deepcopy(behind.inventory), name="hosts.yaml")
    del hosts.vars["sshd"], hosts.vars["subnet"]
    hosts.vars.update(
        transport="ssh",
        ssh={"known_hosts": "known_hosts"},
        ansible_user="root",
        ansible_ssh_private_key_file=str(behind.folder / "id_ed25519"),
    )
    for group in ("managers", "workers"):
        for name, stated in hosts.hosts(group).items():
            stated.clear()
            stated["ansible_host"] = ADDRESSES[name]
    hosts.save()
    (hosts.folder / "known_hosts").write_text("".join(f"{line}\n" for line in known(behind).values()))
    return hosts


def known(lab: Lab) -> dict[str, str]:
    """The lines of known_hosts, by node; the keys come by another way than the one that they secure."""
    keys = {name: lab.node(name, "cat", HOST_KEY).out.split()[:2] for name in ADDRESSES}
    return {name: f"{ADDRESSES[name]} {' '.join(key)}" for name, key in keys.items()}


@contextmanager
def known_hosts(hosts: Lab, text: str) -> Iterator[None]:
    file = hosts.folder / "known_hosts"
    before = file.read_text()
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(before)


def test_status_says_what_the_engine_says(behind: Lab, hosts: Lab) -> None:
    status = json.loads(hosts.inv("status", "--json").out)
    assert {node["hostname"]: node["id"] for node in status["nodes"]} == {
        name: node["ID"] for name, node in behind.nodes().items()
    }


def test_up_finds_nothing_to_change_and_sets_what_is_new(behind: Lab, hosts: Lab) -> None:
    assert "Nothing to change." in hosts.inv("up").out
    with hosts.changed():
        hosts.hosts("workers")["worker02"]["labels"] = {"region": "it's east; $HOME"}
        hosts.save()
        hosts.inv("up")
    assert behind.nodes()["worker02"]["Spec"]["Labels"]["region"] == "it's east; $HOME"


def test_up_joins_a_host_that_left(behind: Lab, hosts: Lab) -> None:
    behind.node("worker02", "docker", "swarm", "leave")
    behind.node("manager", "docker", "node", "rm", "--force", "worker02")
    hosts.inv("up")
    nodes = behind.nodes()
    assert {name: node["Status"]["State"] for name, node in nodes.items()} == dict.fromkeys(ADDRESSES, "ready")
    assert nodes["worker02"]["Status"]["Addr"] == ADDRESSES["worker02"]


def test_deploy_and_drain(behind: Lab, hosts: Lab) -> None:
    for stack in ("echo", "ingress"):
        hosts.inv("deploy", stack)
    eventually(lambda: get(behind.url(80)).text.strip() == "Hello Docker!!", within=20, what="the ingress greets")
    assert "Nothing to change." in hosts.inv("deploy", "echo").out

    hosts.inv("drain", "worker01")
    assert behind.running("worker01") == []
    assert [task["Node"] for task in behind.tasks("echo_api")] == ["worker02"] * 2
    assert get(behind.url(80)).status == 200


def test_a_backup_is_brought_back(behind: Lab, hosts: Lab, tmp_path: Path) -> None:
    before = {name: node["ID"] for name, node in behind.nodes().items()}
    hosts.inv("swarm.backup", str(tmp_path / "backup"))
    behind.node("manager", "sh", "-c", "echo later | docker config create later -")
    hosts.inv("swarm.restore", str(tmp_path / "backup"), "--force", timeout=240)
    assert "later" not in [config["Name"] for config in behind.ask("config", "ls")]
    nodes = behind.nodes()
    assert {name: node["ID"] for name, node in nodes.items()} == before, (
        "the addresses are the same: so are the members"
    )
    assert {node["Status"]["State"] for node in nodes.values()} == {"ready"}
    eventually(lambda: get(behind.url(80)).text.strip() == "Hello Docker!!", within=60, what="the ingress greets")


def test_exec_shell_and_logs(hosts: Lab) -> None:
    words = ["sh", "-c", "echo 'a  b' | tee /proc/1/fd/1; echo oops >&2; exit 7"]
    run = hosts.inv("exec", "echo_nginx", "--", *words, check=7)
    assert (run.out, run.err) == ("a  b\n", "oops\n")
    assert "worker02 | a  b\n" in hosts.inv("logs", "echo_nginx").out
    assert hosts.inv("shell", "worker02", "--", "sh", "-c", "hostname; exit 3", check=3).out == "worker02\n"
    with known_hosts(hosts, ""):
        assert "its host key is not in" in hosts.inv("shell", "worker02", "--", "true", check=1).err


def test_ssh_goes_the_way_that_its_configuration_says(
    hosts: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address, user or key in the inventory, and a worker behind the manager."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    lines = [f"Host {name}\n  HostName {address}\n" for name, address in ADDRESSES.items()]
    everybody = f"Host *\n  User root\n  IdentityFile {hosts.folder}/id_ed25519\n"
    (tmp_path / ".ssh/config").write_text("".join([*lines, "Host worker01\n  ProxyJump manager\n", everybody]))
    with hosts.changed():
        del hosts.vars["ansible_user"], hosts.vars["ansible_ssh_private_key_file"]
        for group in ("managers", "workers"):
            for name, stated in hosts.hosts(group).items():
                stated["address"] = ADDRESSES[name]
                del stated["ansible_host"]
        hosts.save()
        assert "worker01  ok=1" in hosts.inv("pull", "nginx", "--node", "worker01").out
        workers = "".join(line + "\n" for line in (hosts.folder / "known_hosts").read_text().splitlines()[1:])
        with known_hosts(hosts, workers):
            assert "its host key is not in" in hosts.inv("pull", "nginx", "--node", "worker01", check=1).err


def test_an_unknown_host_key_is_refused(hosts: Lab) -> None:
    with known_hosts(hosts, ""):
        for verb in (["status"], ["up"], ["drain", "worker02"]):
            run = hosts.inv(*verb, check=1)
            assert "manager" in run.err
            assert "its host key is not in" in run.err
            assert "compare the fingerprint" in run.err
        assert (hosts.folder / "known_hosts").read_text() == "", "nothing is accepted blindly"


def test_a_changed_host_key_is_refused(behind: Lab, hosts: Lab) -> None:
    lines = known(behind)
    other = lines["worker01"].split(maxsplit=1)[1]
    with known_hosts(hosts, "".join(f"{ADDRESSES[name]} {other}\n" for name in ADDRESSES)):
        run = hosts.inv("status", check=1)
        assert "host key has changed" in run.err
        assert "manager" in run.err


def test_down_is_refused_for_real_hosts(behind: Lab, hosts: Lab) -> None:
    before = behind.remains()
    assert "real hosts" in hosts.inv("down", "--volumes", check=2).err
    assert behind.remains() == before
