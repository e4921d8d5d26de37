"""The compose file of labs that are not the shipped one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from swarmops.inventory import load
from swarmops.lab.compose_file import compose_file

TEMPLATE = Path(__file__).parents[2] / "templates/compose.yml.j2"
IMAGES: Any = SimpleNamespace(node="swarmops/node:0123456789ab", registry="swarmops/registry:0123456789ab")
INVENTORY = """
all:
  vars:
    cluster: {cluster}
    {settings}
  children:
    managers:
      hosts:
        "on":
          ports: ["8000:80"]
    workers:
      hosts:
        "no":
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/compose.yml.j2").write_text(TEMPLATE.read_text())
    (tmp_path / "keys").touch()
    return tmp_path


def rendered(project: Path, settings: str = "", cluster: str = "lab", **how: Any) -> dict[str, Any]:
    """The file of a lab with a manager called on and a worker called no."""
    path = project / "inventory.yaml"
    path.write_text(INVENTORY.format(cluster=cluster, settings=settings))
    usual: dict[str, Any] = {"privileged": True, "systempaths": True, "stack_dir": project / "my stack"}
    file = yaml.safe_load(compose_file(load(path), IMAGES, **usual | how).text)
    assert isinstance(file, dict)
    return file


def test_names_that_yaml_reads_as_something_else_stay_names(project: Path) -> None:
    file = rendered(project, cluster='"yes"')
    assert list(file["services"]) == ["registry", "on", "no"]
    assert file["services"]["on"]["hostname"] == "on"
    assert file["services"]["on"]["labels"]["swarmops.cluster"] == "yes"
    assert file["volumes"]["no"]["name"] == "yes-no"
    assert file["networks"]["lab"]["name"] == "yes"


@pytest.mark.parametrize(
    ("bind", "registry", "url"),
    [
        ("127.0.0.1", ["127.0.0.1:5000:5000"], "localhost:8000"),
        ("0.0.0.0", ["0.0.0.0:5000:5000"], "localhost:8000"),
        ("192.0.2.5", ["192.0.2.5:5000:5000", "127.0.0.1:5000:5000"], "192.0.2.5:8000"),
        ("127.0.0.2", ["127.0.0.2:5000:5000", "127.0.0.1:5000:5000"], "127.0.0.2:8000"),
        ("2001:db8::5", ["[2001:db8::5]:5000:5000", "127.0.0.1:5000:5000"], "[2001:db8::5]:8000"),
    ],
)
def test_localhost_leads_to_the_registry_whatever_address_the_lab_has(
    project: Path, bind: str, registry: list[str], url: str
) -> None:
    """Pushes go there, as docker asks no certificate of it."""
    assert rendered(project, f'bind: "{bind}"')["services"]["registry"]["ports"] == registry
    inventory = load(project / "inventory.yaml")
    assert (inventory.published(80), inventory.published(81)) == (url, "")


def test_no_version_is_stated(project: Path) -> None:
    """Compose 1.29 needs none for these keys, later ones warn of it."""
    assert "version" not in rendered(project)


@pytest.mark.parametrize(("bind", "host"), [("127.0.0.1", "127.0.0.1"), ('"::1"', "[::1]")])
def test_ports_are_bound_to_the_address_that_is_stated(project: Path, bind: str, host: str) -> None:
    services = rendered(project, f"bind: {bind}")["services"]
    assert services["on"]["ports"] == [f"{host}:8000:80"]
    assert services["registry"]["ports"] == [f"{host}:5000:5000"]


def test_nodes_and_host_find_the_registry_at_one_port(project: Path) -> None:
    services = rendered(project, "registry: {host: images, port: 5001}")["services"]
    assert services["registry"]["ports"] == ["127.0.0.1:5001:5001"]
    assert services["registry"]["environment"] == {"REGISTRY_HTTP_ADDR": ":5001"}
    assert services["no"]["environment"]["SWARMOPS_REGISTRY"] == "images:5001"
    assert services["no"]["extra_hosts"] == ["images:10.89.0.5"]


def test_a_registry_with_tls_is_trusted_by_its_certificate(project: Path) -> None:
    file = rendered(project, "registry: {host: images, tls: true}")
    registry, node = file["services"]["registry"], file["services"]["no"]
    assert registry["environment"]["REGISTRY_HTTP_TLS_CERTIFICATE"] == "/etc/docker/certs.d/images:5000/ca.crt"
    assert registry["environment"]["REGISTRY_HTTP_TLS_KEY"].startswith("/var/lib/registry/"), "no node sees it"
    assert "registry_trust:/etc/docker/certs.d" in registry["volumes"]
    assert "registry_trust:/etc/docker/certs.d:ro" in node["volumes"]
    assert node["environment"]["SWARMOPS_REGISTRY"] == "", "it is not trusted without"
    assert file["volumes"]["registry_trust"]["labels"] == {"swarmops.cluster": "lab"}


def test_a_registry_asks_for_the_password_that_is_stated(project: Path) -> None:
    file = rendered(project, "registry: {username: alice, password: {environment: NOT_READ_HERE}}")
    registry = file["services"]["registry"]
    assert registry["environment"]["REGISTRY_AUTH"] == "htpasswd"
    assert registry["environment"]["REGISTRY_AUTH_HTPASSWD_PATH"].startswith("/var/lib/registry/")
    assert "alice" not in str(file)
    assert "registry_trust" not in file["volumes"]


def test_stacks_are_seen_by_managers_and_written_by_none(project: Path) -> None:
    services = rendered(project)["services"]
    assert f"{project}/my stack:/stack:ro" in services["on"]["volumes"]
    assert services["no"]["volumes"] == ["no:/var/lib/docker"]


def test_sshd_runs_when_the_inventory_asks_for_it(project: Path) -> None:
    assert "SWARMOPS_SSHD" not in rendered(project)["services"]["no"]["environment"]
    node = rendered(project, "sshd: {authorized_keys: keys}")["services"]["no"]
    assert node["environment"]["SWARMOPS_SSHD"] == "1"
    assert f"{project}/keys:/run/swarmops/authorized_keys:ro" in node["volumes"]


def test_what_a_node_may_do(project: Path) -> None:
    full, trimmed, old = (
        rendered(project, privileged=privileged, systempaths=systempaths)["services"]["no"]
        for privileged, systempaths in [(True, True), (False, True), (False, False)]
    )
    assert full["privileged"] is True
    assert "cap_add" not in full
    assert "privileged" not in trimmed
    assert set(trimmed["security_opt"]) - set(old["security_opt"]) == {"systempaths=unconfined"}
