"""A backup of one lab, restored into another one of another name, subnet and ports: its services answer."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import REPOSITORY, Lab, docker, eventually, get, passwords, said

MARK = "/var/lib/docker/swarm/swarmops-restoring"
SECRET = "the contents of a secret of the swarm"


@pytest.fixture(scope="module")
def backup(deployed: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup of the lab, whose worker02 and worker03 carry what only an operator has set."""
    file = tmp_path_factory.mktemp("backup") / "lab.tar.gz"
    deployed.node("manager", "docker", "node", "update", "--label-add", "zone=west end", "worker02")
    deployed.node("manager", "docker", "node", "update", "--availability", "pause", "worker03")
    deployed.node("manager", "sh", "-c", f"printf '{SECRET}' | docker secret create kept -")
    containers = deployed.running("manager")
    deployed.inv("swarm.backup", str(file))
    assert deployed.running("manager") == containers, "its services ran on"
    yield file
    deployed.node("manager", "docker", "node", "update", "--label-rm", "zone", "worker02")
    deployed.node("manager", "docker", "node", "update", "--availability", "active", "worker03")
    deployed.node("manager", "docker", "secret", "rm", "kept")


@pytest.fixture(scope="module")
def other(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """A lab that does not exist yet, with a node less."""
    other = make_lab("swtc", "10.97.0.0/24", (15800, 18800, 19800), workers=2)
    yield other
    other.destroy()


def swarm(lab: Lab) -> tuple[str, str]:
    """The ids of the swarm and of its manager."""
    info = json.loads(lab.node("manager", "docker", "info", "--format", "{{json .Swarm}}").out)
    return info["Cluster"]["ID"], info["NodeID"]


def test_a_backup_says_what_it_is_and_is_for_its_owner_alone(deployed: Lab, backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    with tarfile.open(backup) as archive:
        names = archive.getnames()
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    version = deployed.ask("version")[0]["Server"]["Version"]
    assert (manifest["engine"], manifest["cluster"]) == (version, deployed.cluster)
    assert (manifest["swarm"], manifest["node"]) == swarm(deployed)
    assert "swarm/docker-state.json" in names
    assert set(manifest["files"]) == {name for name in names if name in manifest["files"]}
    assert deployed.node("manager", "sh", "-c", "ls -d /var/lib/docker/swarmops-*", check=False).out == ""


def test_a_file_that_exists_is_left_alone(deployed: Lab, backup: Path) -> None:
    before = backup.read_bytes()
    assert "exists already" in deployed.inv("swarm.backup", str(backup), check=2).err
    assert backup.read_bytes() == before


def test_what_is_no_backup_changes_nothing(other: Lab, backup: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(backup.read_bytes()[:-1000])
    assert "no backup that can be read" in other.inv("swarm.restore", str(damaged), check=2).err
    assert other.remains() == []


def test_a_backup_does_not_replace_a_swarm_unasked(deployed: Lab, backup: Path) -> None:
    before = swarm(deployed), deployed.lives()
    run = deployed.inv("swarm.restore", str(backup), check=1)
    assert "manager: in a swarm already, which would be lost" in run.err
    assert "--force" in run.err
    assert (swarm(deployed), deployed.lives()) == before


def test_a_restoration_is_interrupted(other: Lab, backup: Path) -> None:
    """As soon as the state lies there: nothing of the swarm tells yet whose it is."""
    with subprocess.Popen(
        [*other.command, "swarm.restore", str(backup)],
        cwd=REPOSITORY,
        env=other.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as restoring:
        eventually(
            lambda: other.node("manager", "test", "-f", MARK, check=False).code == 0,
            within=120,
            what="the state is put",
        )
        restoring.send_signal(signal.SIGINT)
        assert restoring.stdout
        said.append(restoring.stdout.read())
    assert restoring.returncode != 0


def test_a_backup_restores_into_another_lab(deployed: Lab, other: Lab, backup: Path) -> None:
    other.inv("swarm.restore", str(backup), timeout=240)
    assert other.node("manager", "test", "-e", MARK, check=False).code == 1
    greets = "Hello Docker!!"
    eventually(lambda: get(other.url(80)).text.strip() == greets, within=20, what="the restored ingress greets")
    assert swarm(other) == swarm(deployed)

    nodes = other.nodes()
    assert {name: node["Status"]["State"] for name, node in nodes.items()} == dict.fromkeys(
        ("manager", "worker01", "worker02"), "ready"
    )
    assert nodes["manager"]["ManagerStatus"]["Addr"] == f"{other.address(11)}:2377"
    assert nodes["worker02"]["Spec"]["Labels"]["zone"] == "west end"
    assert "swarmops.restoring" not in nodes["manager"]["Spec"]["Labels"]
    assert "kept" in [secret["Name"] for secret in other.ask("secret", "ls")]

    old, new = (f"registry:{lab.vars['registry']['port']}/" for lab in (deployed, other))
    before, after = deployed.services(), other.services()
    for name, service in after.items():
        image = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        assert image == before[name]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].replace(old, new)
    assert after.keys() == before.keys()
    assert get(deployed.url(80)).text.strip() == greets, "the first lab knows nothing of it"


def test_what_was_restored_is_operated_as_ever(other: Lab) -> None:
    assert "Nothing to change." in other.inv("up").out
    assert "echo_api" in other.inv("status").out
    docker("restart", other.container("worker01"))
    eventually(
        lambda: other.nodes()["worker01"]["Status"]["State"] == "ready", within=60, what="a worker finds its manager"
    )
    other.inv("deploy", "echo")
    assert get(other.url(80)).status == 200


def test_a_backup_of_managers_that_lock_takes_their_key(other: Lab, tmp_path: Path) -> None:
    """It is put in the place of the swarm that runs, whose workers find their manager again."""
    file, place = tmp_path / "locked", other.folder / "unlock.key"
    before = {name: node["ID"] for name, node in other.nodes().items()}
    with other.changed():
        other.vars["swarm"] = {"unlock_key": {"file": "unlock.key"}}
        other.save()
        other.inv("swarm.autolock")
        key = place.read_text().strip()
        passwords.append(key)
        other.inv("swarm.backup", str(file))
        assert key.encode() not in gzip.decompress(file.read_bytes())
        place.write_text("SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
        assert "with another key" in other.inv("swarm.restore", str(file), "--force", check=2).err
        place.write_text(key)
        other.node("manager", "mv", "/usr/bin/openssl", "/usr/bin/openssl.away")
        assert "there is no openssl" in other.inv("swarm.restore", str(file), "--force", check=1).err
        other.node("manager", "mv", "/usr/bin/openssl.away", "/usr/bin/openssl")
        assert {name: node["ID"] for name, node in other.nodes().items()} == before, "the swarm that was there is there"
        other.inv("swarm.restore", str(file), "--force", timeout=240)
    assert {name: node["ID"] for name, node in other.nodes().items()} == before
    assert {node["Status"]["State"] for node in other.nodes().values()} == {"ready"}
    eventually(lambda: get(other.url(80)).status == 200, within=60, what="the ingress answers")
