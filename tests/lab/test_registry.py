"""A lab whose registry asks for a password and speaks TLS."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from engine import Lab, docker, eventually, passwords

USER, PASSWORD, OTHER = "alice", "reg1stry-p@ss", "an0ther-p@ss"
passwords += [PASSWORD, OTHER]
SMALL = """
services:
  api:
    image: {{ image("echo") }}
    deploy:
      endpoint_mode: dnsrr
      placement:
        constraints: [node.role == worker]
"""


def forms(password: str) -> list[bytes]:
    """A password as it is, and the beginning of what docker makes of it for its configuration and for its headers."""
    said = json.dumps({"username": USER, "password": password}, separators=(",", ":"))
    coded = [base64.b64encode(text.encode())[:-4] for text in (f"{USER}:{password}", said)]
    return [password.encode(), *coded]


@contextmanager
def observed() -> Iterator[set[bytes]]:
    """The arguments and the environment of every process of this machine, its nodes' too, during the block."""
    seen: set[bytes] = set()
    looks: Counter[str] = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            # A few looks at each: it may become another program at first. All of them each time would take too long.
            for pid in (path.name for path in Path("/proc").glob("[0-9]*") if looks[path.name] < 8):
                looks[pid] += 1
                with suppress(OSError):
                    seen.update(Path(f"/proc/{pid}/{what}").read_bytes() for what in ("cmdline", "environ"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def ask(lab: Lab, path: str, *, password: str = "") -> int:
    """The status of an answer of the registry over TLS, its certificate looked at as a node does."""
    trust = lab.node("worker01", "cat", f"/etc/docker/certs.d/registry:{port(lab)}/ca.crt").out
    request = urllib.request.Request(f"https://localhost:{port(lab)}{path}")
    if password:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cadata=trust), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def port(lab: Lab) -> int:
    return int(lab.vars["registry"]["port"])


def password_is(lab: Lab, value: str) -> None:
    (lab.folder / "password").write_text(f"{value}\n")


@pytest.fixture(scope="module")
def secured(make_lab: Callable[..., Lab]) -> Lab:
    """A lab of its own, up."""
    lab = make_lab("swtr", "10.93.0.0/24", (15300, 18300, 19300), workers=1)
    lab.vars["registry"] |= {"tls": True, "username": USER, "password": {"file": "password"}}
    lab.vars["stacks"] = {"small": {"template": "stacks/small.yml.j2"}}
    (lab.folder / "templates/stacks/small.yml.j2").write_text(SMALL)
    lab.save()
    assert "secret from file password" in lab.inv("up", check=2).err, "before anything is started"
    assert not lab.containers()
    password_is(lab, PASSWORD)
    lab.inv("up", timeout=600)
    return lab


def test_the_registry_lets_nobody_in_without_the_password(secured: Lab) -> None:
    assert [ask(secured, "/v2/", password=word) for word in ("", OTHER, PASSWORD)] == [401, 401, 200]
    for node in ("manager", "worker01"):
        config = json.loads(secured.node(node, "docker", "info", "--format", "{{json .RegistryConfig}}").out)
        assert f"registry:{port(secured)}" not in config["IndexConfigs"], "it is trusted by its certificate alone"
    assert "Nothing to change." in secured.inv("up").out


def test_a_wrong_password_is_refused_before_anything_changes(secured: Lab) -> None:
    secured.inv("build", "echo", timeout=600)
    password_is(secured, OTHER)
    try:
        run = secured.inv("push", "echo", check=1)
        assert f"registry:{port(secured)} does not accept the password of {USER}\n  Next: inv up" in run.err
        assert "does not accept the password" in secured.inv("doctor", check=1).out
        run = secured.inv("deploy", "small", check=2)
        assert f"does not accept the password of {USER}" in run.err
    finally:
        password_is(secured, PASSWORD)
    with secured.changed():
        del secured.vars["registry"]["username"], secured.vars["registry"]["password"]
        secured.save()
        assert "push of localhost" in secured.inv("push", "echo", check=1).err
    assert ask(secured, "/v2/echo/tags/list", password=PASSWORD) == 404, "nothing was pushed"
    assert not secured.services()


def test_push_and_deploy_log_in_and_nobody_sees_it(secured: Lab) -> None:
    with observed() as seen:
        secured.inv("push", "echo")
        secured.inv("deploy", "small")
    assert any(text.endswith(b"--compose-file=-\0small\0") for text in seen), "it was looked at"
    assert not [text for text in seen if any(form in text for form in forms(PASSWORD))]
    assert len(secured.tasks("small_api")) == 1
    images = secured.node("worker01", "docker", "image", "ls", "--format", "{{.Repository}}").out.split()
    assert images == [f"registry:{port(secured)}/echo"], "the worker has pulled it by itself"
    assert "registry:" in secured.inv("doctor").out
    secured.inv("pull", "echo")
    assert "Nothing to change." in secured.inv("deploy", "small").out


def test_no_node_keeps_the_password(secured: Lab) -> None:
    """All but swarm itself, which keeps the log-in with every task: see docs/security.md."""
    places = ("/etc", "/root", "/home", "/tmp", "/run", "/dev/shm", "/var/log", "/var/lib/docker/containers")
    search = 'for form; do grep -rlaF -e "$form" {} 2>/dev/null; done; ls -A /dev/shm'.format(" ".join(places))
    wanted = [form.decode() for form in forms(PASSWORD)]
    for node in ("manager", "worker01", "registry"):
        assert secured.node(node, "sh", "-c", search, "sh", *wanted, check=False).out == ""
    hashed = secured.node("registry", "cat", "/var/lib/registry/swarmops/htpasswd").out
    assert hashed.startswith(f"{USER}:$2b$")
    made = json.dumps(list(secured.containers().values())) + docker("volume", "ls").out
    assert not any(form in made for form in wanted)


def test_another_password_and_a_node_made_anew(secured: Lab) -> None:
    before = secured.lives()
    password_is(secured, OTHER)
    docker("rm", "--force", secured.container("worker01"))
    run = secured.inv("up")
    assert f"registry: let {USER} in by the password that the inventory states" in run.err
    assert [ask(secured, "/v2/", password=word) for word in (PASSWORD, OTHER)] == [401, 200]
    assert secured.lives().keys() == before.keys()
    assert secured.lives()[f"{secured.cluster}-registry"] == before[f"{secured.cluster}-registry"], "it went on running"
    eventually(lambda: secured.running("worker01"), within=60, what="its task runs again")
    available = ("docker", "node", "update", "worker01", "--availability")
    secured.node("manager", *available, "drain")
    eventually(lambda: not secured.running("worker01"), within=60, what="nothing to need the image")
    secured.node(
        "worker01",
        "sh",
        "-c",
        "docker ps -aq | xargs -r docker rm; docker image ls -aq | xargs -r docker image rm --force",
    )
    secured.node("manager", *available, "active")
    ps = ("docker", "service", "ps", "--no-trunc", "small_api")
    eventually(lambda: "No such image" in secured.node("manager", *ps).out, within=60, what="its old log-in to fail")
    assert "changed=1" in secured.inv("service.update", "small_api", "--label=login=2").out
    assert [task["Node"] for task in secured.tasks("small_api")] == ["worker01"]
    secured.inv("pull", "echo")
    assert "Nothing to change." in secured.inv("up").out
