"""Tokens, autolock and the authority of the nodes, by the word of the engines; what status says of clocks and keys."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from engine import REPOSITORY, Lab, Run, docker, eventually, passwords, said

MANAGERS = ("manager01", "manager02", "manager03")
NODES = (*MANAGERS, "worker01", "worker02")
CERTIFICATES = "/var/lib/docker/swarm/certificates"
CERTIFICATE = f"{CERTIFICATES}/swarm-node.crt"
WRONG = "SWMKEY-1-4uYcnPKSVRNYhmEF2qg0CIKt0oxcOQWdiVkm2GQbTWs"


@pytest.fixture(scope="module")
def keys(ha: Lab) -> Iterator[Lab]:
    """The lab of three managers, with a place for the key that unlocks them."""
    (ha.folder / "keys").mkdir()
    with ha.changed():
        ha.vars["swarm"] = {"unlock_key": {"file": "keys/unlock.key"}}
        ha.save()
        yield ha
        ha.inv("up")


def key_file(lab: Lab) -> Path:
    return lab.folder / "keys/unlock.key"


def token(lab: Lab, role: str) -> str:
    return lab.node(lab.manager, "docker", "swarm", "join-token", "-q", role).out.strip()


def unlock_key(lab: Lab) -> str:
    return lab.node(lab.manager, "docker", "swarm", "unlock-key", "-q", check=False).out.strip()


def state(lab: Lab, node: str) -> str:
    return lab.node(node, "docker", "info", "--format", "{{.Swarm.LocalNodeState}}", check=False).out.strip()


def locked_on_disk(lab: Lab) -> list[bool]:
    heads = [lab.node(node, "head", "-n", "1", f"{CERTIFICATES}/swarm-node.key").out for node in MANAGERS]
    return [head.startswith("-----BEGIN ENCRYPTED") for head in heads]


def restart(lab: Lab, *nodes: str) -> None:
    """Restarts engines; returns when each says that it is locked."""
    docker("restart", "--time", "1", *(lab.container(node) for node in nodes))
    for node in nodes:
        eventually(lambda node=node: state(lab, node) == "locked", within=30, what=f"{node} is locked")  # type: ignore[misc]


def all_reachable(lab: Lab) -> bool:
    """Whether the managers are; on a busy machine one is taken for lost for a moment."""

    def reachable() -> list[str]:
        nodes = lab.nodes().items()
        return [name for name, node in nodes if node.get("ManagerStatus", {}).get("Reachability") == "reachable"]

    return eventually(lambda: reachable() == [*MANAGERS], within=30, what="the managers are reachable")


def with_input(lab: Lab, text: str, *args: str) -> Run:
    """One task that reads standard input."""
    ended = subprocess.run(
        [*lab.command, *args],
        cwd=REPOSITORY,
        env=lab.env,
        input=text,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    said.append(ended.stdout + ended.stderr)
    return Run(ended.returncode, ended.stdout, ended.stderr)


def states(lab: Lab) -> dict[str, str]:
    """What the managers say of the nodes; nothing while they elect a leader."""
    return {name: node["Status"]["State"] for name, node in lab.nodes().items()}


def authority(lab: Lab, node: str) -> str:
    """By which authority the certificate was made that a node has on its disk."""
    pem = lab.node(node, "cat", CERTIFICATE).out.encode()
    found = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    return (found.value.key_identifier or b"").hex()


def problems(lab: Lab) -> list[str]:
    found: list[str] = json.loads(lab.inv("status", "--json").out)["problems"]
    return found


def test_a_token_is_printed_when_asked_for(keys: Lab) -> None:
    for role in ("worker", "manager"):
        run = keys.inv("swarm.token", role)
        said.remove(run.text)  # the one command that may
        assert (run.out.strip(), run.err) == (token(keys, role), "")
    assert "should be worker or manager" in keys.inv("swarm.token", check=2).err


def test_new_tokens_replace_the_old_ones(keys: Lab) -> None:
    before = {role: token(keys, role) for role in ("worker", "manager")}
    keys.inv("swarm.token", "worker", "--rotate")
    assert token(keys, "worker") != before["worker"]
    assert token(keys, "manager") == before["manager"]
    keys.inv("swarm.token", "--rotate")
    assert token(keys, "manager") != before["manager"]


def test_every_node_has_a_certificate_of_the_new_authority(keys: Lab) -> None:
    before = {authority(keys, node) for node in NODES}
    out = keys.inv("swarm.rotate-ca", "--timeout", "280", timeout=300).out
    after = {authority(keys, node) for node in NODES}
    assert len(before) == len(after) == 1
    assert before != after
    assert [line.split()[0] for line in out.splitlines() if "changed=1" in line] == ["cluster", *NODES]


def test_autolock_needs_a_place_for_the_key(keys: Lab) -> None:
    with keys.changed():
        del keys.vars["swarm"]
        keys.save()
        assert "state swarm.unlock_key" in keys.inv("swarm.autolock", check=2).err
    with keys.changed():
        keys.vars["swarm"] = {"unlock_key": {"file": "nowhere/unlock.key"}}
        keys.save()
        assert "cannot be written" in keys.inv("swarm.autolock", check=1).err
    assert not unlock_key(keys).startswith("SWMKEY")
    assert locked_on_disk(keys) == [False] * 3


def test_autolock_stores_the_key_for_its_owner_alone(keys: Lab) -> None:
    keys.inv("swarm.autolock")
    passwords.append(unlock_key(keys))
    assert key_file(keys).read_text().strip() == unlock_key(keys)
    assert key_file(keys).stat().st_mode & 0o777 == 0o600
    assert locked_on_disk(keys) == [True] * 3
    assert "Nothing to change." in keys.inv("swarm.autolock").out
    key_file(keys).unlink()
    assert "changed=1" in keys.inv("swarm.autolock").out
    assert key_file(keys).read_text().strip() == unlock_key(keys)


@pytest.mark.parametrize("seen", ["unreachable", "down"])
def test_status_says_which_manager_is_locked(keys: Lab, seen: str) -> None:
    """Soon after its engine was started again, and still when the swarm has given it up."""
    if seen == "unreachable":
        restart(keys, "manager03")
    else:
        eventually(lambda: states(keys).get("manager03") == "down", within=60, what="the others to miss manager03")
    said = "manager03 is locked: inv swarm.unlock"
    eventually(lambda: said in problems(keys), within=60, what="the other managers have a leader, and status its word")


def test_one_manager_is_unlocked_with_the_stored_key(keys: Lab) -> None:
    assert state(keys, "manager03") == "locked"
    assert "manager03 cannot be reached" in keys.inv("swarm.autolock", "--off", check=1).err
    assert "manager03 is down" in keys.inv("swarm.rotate-ca", check=1).err
    key_file(keys).chmod(0o644)
    assert "others may read the key" in keys.inv("swarm.unlock", check=2).err
    key_file(keys).chmod(0o600)
    assert state(keys, "manager03") == "locked"
    keys.inv("swarm.unlock")
    assert state(keys, "manager03") == "active"
    assert all_reachable(keys)
    assert "Nothing to change." in keys.inv("swarm.unlock").out


def listens(lab: Lab, node: str) -> bool:
    """Whether its engine takes part in the network of the engines."""
    rows = [line.split() for line in lab.node(node, "cat", "/proc/net/tcp").out.splitlines()]
    return any(row[1].endswith(":1F0A") and row[3] == "0A" for row in rows)


def deafen(lab: Lab, node: str) -> None:
    """As long as its engine is not restarted, the node's own word is that it does not listen for the others."""
    begun = lab.node(node, "cut", "-d ", "-f22", "/proc/1/stat").out.strip()
    script = f"""#!/bin/sh
case "$*" in *1F0A*) [ "$(cut -d' ' -f22 /proc/1/stat)" = {begun} ] && exit 1 ;; esac
exec "$(PATH=/usr/bin:/bin command -v grep)" "$@"
"""
    put(lab, node, "/usr/local/sbin/grep", script.encode())


def test_a_node_that_refuses_tasks_is_a_problem(keys: Lab) -> None:
    eventually(lambda: problems(keys) == [], within=60, what="all is well")
    deafen(keys, "worker01")
    warning = "worker01 refuses tasks on networks new to it until its engine is restarted"
    eventually(lambda: problems(keys) == [warning], within=30, what="worker01's own word")
    keys.node("worker01", "rm", "/usr/local/sbin/grep")
    eventually(lambda: problems(keys) == [], within=30, what="its own word again")


def test_an_engine_that_is_deaf_when_it_is_unlocked_is_restarted(keys: Lab) -> None:
    restart(keys, "manager03")
    deafen(keys, "manager03")
    before = keys.containers()[keys.container("manager03")]["State"]["StartedAt"]
    run = keys.inv("swarm.unlock")
    assert run.text.count("unlocked") > run.text.count("restarted") > 0
    assert state(keys, "manager03") == "active"
    assert all_reachable(keys)
    assert keys.containers()[keys.container("manager03")]["State"]["StartedAt"] > before
    keys.node("manager03", "rm", "/usr/local/sbin/grep")
    eventually(lambda: problems(keys) == [], within=60, what="all is well")


def test_all_managers_are_unlocked_with_a_key_from_standard_input(keys: Lab) -> None:
    key = unlock_key(keys)
    restart(keys, *MANAGERS)
    assert "Next: inv swarm.unlock" in keys.inv("status", check=1).err
    wrong = with_input(keys, f"{WRONG}\n", "swarm.unlock", "--key-stdin")
    assert (wrong.code, "invalid key" in wrong.err) == (1, True)
    assert with_input(keys, "", "swarm.unlock", "--key-stdin").code == 2
    assert [state(keys, node) for node in MANAGERS] == ["locked"] * 3
    run = with_input(keys, f"{key}\n", "swarm.unlock", "--key-stdin")
    assert run.code == 0, run.err
    assert all_reachable(keys)
    assert [node for node in MANAGERS if not listens(keys, node)] == []


def test_commands_keep_the_key_and_give_it_back(keys: Lab) -> None:
    with keys.changed():
        kept = keys.folder / "keys/kept"
        keys.vars["swarm"] = {"unlock_key": {"store": f"umask 077; cat >{kept}", "read": f"cat {kept}"}}
        keys.save()
        keys.inv("swarm.autolock")
        assert kept.read_text().strip() == unlock_key(keys)
        keys.vars["swarm"] = {"unlock_key": {"store": "tee /dev/stderr; false", "read": "true"}}
        keys.save()
        run = keys.inv("swarm.autolock", check=1)
        assert "exited 1" in run.err
        assert "********" in run.err


def test_autolock_ends(keys: Lab) -> None:
    keys.inv("swarm.autolock", "--off")
    assert locked_on_disk(keys) == [False] * 3
    docker("restart", "--time", "1", keys.container("manager02"))
    eventually(lambda: state(keys, "manager02") == "active", within=60, what="manager02 comes back by itself")
    eventually(
        lambda: states(keys) == dict.fromkeys(NODES, "ready"), within=60, what="the managers to hear of all nodes"
    )
    assert "Nothing to change." in keys.inv("swarm.autolock", "--off").out


@contextmanager
def another_file(lab: Lab, node: str, path: str, content: bytes) -> Iterator[None]:
    """Another file over one of a node's, which its engine has read already."""
    put(lab, node, "/run/another", content)
    lab.node(node, "mount", "--bind", "/run/another", path)
    try:
        yield
    finally:
        lab.node(node, "umount", path)


def put(lab: Lab, node: str, path: str, content: bytes) -> None:
    file = lab.folder / "put"
    file.write_bytes(content)
    file.chmod(0o755)
    docker("cp", str(file), f"{lab.container(node)}:{path}")


def certificate(begin: datetime, end: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swarm-ca")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin, end)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_status_warns_of_a_certificate_that_was_not_renewed(keys: Lab) -> None:
    now = datetime.now(UTC)
    old = certificate(now - timedelta(days=80), now + timedelta(days=10))
    warning = "the certificate of worker01 ends in 10 days, and should have been renewed by now"
    with another_file(keys, "worker01", CERTIFICATE, old):  # status waits two seconds for a node's own word
        eventually(lambda: warning in problems(keys), within=30, what="status to hear of worker01")
    assert not [problem for problem in problems(keys) if "certificate" in problem]


def test_status_warns_of_a_clock_that_is_wrong(keys: Lab) -> None:
    date = "/usr/local/sbin/date"
    put(keys, "worker02", date, b"#!/bin/sh\necho $(($(/bin/date +%s) + 300))\n")
    # Ahead of the leader, or of another manager where that one takes its time.
    warned = re.compile(r"the clock of worker02 is 5 minutes ahead of manager0\d's")

    def said() -> bool:
        found = problems(keys)
        print(found)
        return [bool(warned.fullmatch(problem)) for problem in found if "clock" in problem] == [True]

    try:
        eventually(said, within=60, what="its own word")
    finally:
        keys.node("worker02", "rm", date)


def test_status_goes_on_until_it_is_interrupted(keys: Lab) -> None:
    with subprocess.Popen(
        [*keys.command, "status", "--watch"], cwd=REPOSITORY, env=keys.env, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout
        lines = iter(watching.stdout)
        assert next(line for line in lines if line.startswith("worker01")).split()[3] == "active"
        keys.node(keys.manager, "docker", "node", "update", "--availability", "pause", "worker01")
        assert next(line for line in lines if line.startswith("worker01") and "pause" in line)
        keys.node(keys.manager, "docker", "node", "update", "--availability", "active", "worker01")
        watching.send_signal(signal.SIGINT)
    assert watching.returncode == 0
