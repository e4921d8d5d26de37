"""Ansible itself reads the same groups, hosts and variables from our inventories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from swarmops.inventory import load

ROOT = Path(__file__).parents[2]

NESTED = """
all:
  vars:
    cluster: nested
    ansible_user: from-all
    labels: {tier: from-all, only: all}
    extra: {depth: 0, list: [1, 2]}
  hosts:
    worker01: {ansible_port: 2201}
  children:
    eu:
      vars: {labels: {region: eu}, ansible_user: from-eu}
      children:
        paris:
          vars: {extra: {city: paris}, ansible_port: 2300}
          hosts:
            worker[01:02]:
            manager01: {labels: {}}
    managers:
      children:
        voters:
          vars: {availability: drain}
          hosts: {"manager[01:05:2]": }
      hosts:
        manager02: {availability: null, ansible_host: 192.0.2.1}
    workers:
      vars: {labels: {role: worker}, ansible_user: from-workers}
      hosts:
        worker[01:03]: {ansible_port: 22}
        "rack[a:c]-n[8:10]": {availability: pause}
    empty:
"""

PRIORITIES = """
all:
  children:
    zebra: {vars: {ansible_user: zebra, ansible_port: 1}, hosts: {node-b: , node-c: }}
    first:
      vars: {ansible_user: first, ansible_port: 2, ansible_group_priority: 10}
      hosts: {node-b: }
    alpha: {vars: {ansible_user: alpha, ansible_host: alpha}, hosts: {node-b: , node-c: {ansible_host: own}}}
    deep: {children: {deeper: {vars: {ansible_port: 3, ansible_group_priority: -5}, hosts: {node-c: }}}}
    workers:
      children:
        zebra:
          vars: {ansible_port: 9}
        alpha:
    managers: {hosts: {node-a: {ansible_user: one}}}
    again: {children: {managers: {hosts: {node-a: {ansible_user: two}}, vars: {ansible_host: late}}}}
  vars: {cluster: priorities, ansible_group_priority: 100, ansible_user: all}
"""

ANCHORS = """
all:
  vars:
    cluster: anchors
    extra: &base {one: 1, two: [a, {b: null}], day: "2024-01-01", "yes": no}
  children:
    managers:
      hosts:
        "m[0:1]": {extra: {<<: *base, one: 2}, labels: &l {disk: "ssd"}}
    workers: {hosts: {"w[009:011]": {labels: *l}, "w[:2]x": }}
"""


def ansible(path: Path, config: Path) -> dict[str, Any]:
    """What `ansible-inventory --list` says."""
    argv = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(path), "--list"]
    settings = {"ANSIBLE_CONFIG": str(config), "ANSIBLE_LOCALHOST_WARNING": "false", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def members(said: dict[str, Any], group: str) -> set[str]:
    body = said.get(group, {})
    return set(body.get("hosts", [])).union(*(members(said, child) for child in body.get("children", [])))


@pytest.mark.parametrize("name", ["shipped", "nested", "priorities", "anchors"])
def test_ansible_reads_the_same(name: str, tmp_path: Path) -> None:
    path = ROOT / "inventory.yaml"
    if name != "shipped":
        path = tmp_path / "inventory.yaml"
        path.write_text({"nested": NESTED, "priorities": PRIORITIES, "anchors": ANCHORS}[name])
    config = tmp_path / "ansible.cfg"
    config.touch()
    inventory, said = load(path), ansible(path, config)

    groups = {child for body in said.values() for child in body.get("children", [])} | {"all"}
    assert set(inventory.groups) == groups
    for group in groups:
        assert set(inventory.groups[group]) == members(said, group), group
    hostvars = {host: said["_meta"]["hostvars"].get(host, {}) for host in members(said, "all")}
    assert inventory.hostvars == hostvars
    assert {node.name for node in inventory.nodes} == members(said, "all")


def test_a_range_counts_as_in_ansible(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(NESTED)
    racks = [f"rack{letter}-n{number}" for letter in "abc" for number in (8, 9, 10)]
    assert [node.name for node in load(path).workers] == ["worker01", "worker02", "worker03", *racks]
    assert [node.name for node in load(path).managers] == ["manager02", "manager01", "manager03", "manager05"]
