"""`support`: one archive that tells what is wrong with a lab, and none of its secrets."""

from __future__ import annotations

import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Lab, docker, eventually, passwords

STACK = """services:
  indiscreet:
    image: {{ image("nginx") }}
    command: [sh, -c, 'echo "it is $$(cat /run/secrets/told) and $$(base64 </run/secrets/told)"; exec sleep 3600']
    environment:
      DATABASE_PASSWORD: {{ database }}
      DATABASE_USER: somebody
    secrets: [told]
    stop_grace_period: 0s
    deploy: {endpoint_mode: dnsrr, update_config: {monitor: 1s}}
secrets:
  told: {file: told.txt}
"""
TOLD, DATABASE = "gossip-4711-über", "two words of a database"


@pytest.fixture(scope="module")
def indiscreet(deployed: Lab) -> Iterator[Lab]:
    """The lab, with a service that prints its secret, and a manager that has a key."""
    lab = deployed
    templates = lab.folder / "templates/stacks"
    (templates / "indiscreet.yml.j2").write_text(STACK)
    (templates / "told.txt").write_text(TOLD)
    passwords.append(TOLD)
    with lab.changed():
        lab.vars["stacks"]["indiscreet"] = {"template": "stacks/indiscreet.yml.j2", "vars": {"database": DATABASE}}
        lab.vars["swarm"] = {"unlock_key": {"file": "unlock.key"}}
        lab.save()
        lab.inv("deploy", "indiscreet")
        lab.inv("swarm.autolock")
        yield lab
        lab.inv("swarm.autolock", "--off")
        lab.inv("remove", "indiscreet")


def read(path: Path) -> dict[str, str]:
    """The files of an archive, without the directory that all of them are in."""
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name.partition("/")[2]: file.read().decode() for name, file in files.items() if file}


def secrets_of(lab: Lab) -> dict[str, str]:
    node = lab.node
    proxy = node("manager", "docker", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=ingress_haproxy")
    found = {
        "token of workers": node("manager", "docker", "swarm", "join-token", "-q", "worker").out,
        "token of managers": node("manager", "docker", "swarm", "join-token", "-q", "manager").out,
        "unlock key": node("manager", "docker", "swarm", "unlock-key", "-q").out,
        "statistics": node("manager", "docker", "exec", proxy.out.strip(), "cat", "/run/secrets/stats").out,
        "secret of a stack": TOLD,
        "the same in base64": b64encode(TOLD.encode()).decode(),
        "password in the environment": DATABASE,
    }
    assert all(value.strip() for value in found.values())
    return {name: value.strip() for name, value in found.items()}


def test_the_archive_has_all_but_the_secrets(indiscreet: Lab, tmp_path: Path) -> None:
    lab, path = indiscreet, tmp_path / "report.tar.gz"
    eventually(lambda: lab.tasks("indiscreet_indiscreet"), within=30, what="the service runs")
    out = lab.inv("support", str(path)).out
    files = read(path)
    assert out.startswith(f"{path}: {len(files)} files")
    assert "left out" not in out
    assert path.stat().st_mode & 0o777 == 0o600
    for what, value in secrets_of(lab).items():
        assert [name for name, text in files.items() if value in text or value in name] == [], what
    assert not [name for name, text in files.items() if "PRIVATE KEY" in text or "SWMTKN" in text or "SWMKEY" in text]
    nodes = ("manager", "worker01", "worker02", "worker03")
    assert all("level=" in files[f"nodes/{node}/engine.log"] for node in nodes)
    assert {item["Description"]["Hostname"] for item in json.loads(files["swarm/nodes.json"])} == {*nodes}
    assert all(json.loads(text) is not None for name, text in files.items() if name.endswith(".json"))
    assert "DATABASE_USER=somebody" in "".join(files.values())
    assert [text for name, text in files.items() if "indiscreet" in name and "it is ********" in text]
    assert {"inventory.yaml", "rendered/compose.yml", "rendered/echo.yml", "doctor.txt", "status.txt"} <= {*files}


def test_a_lab_that_is_broken_has_one_too(indiscreet: Lab, tmp_path: Path) -> None:
    lab, path = indiscreet, tmp_path / "broken.tar.gz"
    docker("pause", lab.container("worker01"))
    try:
        out = lab.inv("support", str(path), "--timeout", "20").out
    finally:
        docker("unpause", lab.container("worker01"))
    files = read(path)
    assert "left out: node worker01" in out
    assert "worker01" in files["left-out.txt"]
    assert "level=" in files["nodes/worker01/engine.log"]
    assert json.loads(files["nodes/worker02/info.json"])["Name"] == "worker02"


def test_what_cannot_be_written_is_said(indiscreet: Lab, tmp_path: Path) -> None:
    assert "should end in .tar.gz" in indiscreet.inv("support", str(tmp_path / "report.zip"), check=2).err
    run = indiscreet.inv("support", str(tmp_path / "nowhere/report.tar.gz"), check=1)
    assert "cannot be written: No such file or directory" in run.err
    assert [*tmp_path.iterdir()] == []
