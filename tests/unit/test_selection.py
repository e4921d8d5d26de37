from __future__ import annotations

from pathlib import Path

import pytest

from swarmops.errors import InputError
from swarmops.inventory import Inventory, load
from swarmops.inventory.selection import select

TEXT = """\
all:
  vars: {cluster: demo}
  children:
    managers: {hosts: {manager: }}
    workers: {hosts: {"worker[01:03]": }}
    fast: {hosts: {worker03: , worker01: }}
    nobody: {hosts: {}}
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    path = tmp_path / "inventory.yaml"
    path.write_text(TEXT)
    return load(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("worker02", ["worker02"]),
        ("worker02,manager", ["worker02", "manager"]),
        ("managers", ["manager"]),
        ("fast", ["worker03", "worker01"]),
        ("worker01,workers", ["worker01", "worker02", "worker03"]),
        ("managers,fast,worker02", ["manager", "worker03", "worker01", "worker02"]),
        ("all", ["manager", "worker01", "worker02", "worker03"]),
    ],
)
def test_nodes_and_groups(inventory: Inventory, text: str, names: list[str]) -> None:
    assert [node.name for node in select(inventory, text)] == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a name is missing"),
        (",", "a name is missing"),
        ("worker01,", "a name is missing in worker01,"),
        ("worker3", "inventory.yaml: there is no node worker3, did you mean worker03?"),
        ("worker", "inventory.yaml: there is no node worker, did you mean workers?"),
        (
            "db",
            "inventory.yaml: there is no node db; there are manager, worker01, worker02, worker03, and groups all, "
            "managers, workers, fast",
        ),
        ("nobody", "inventory.yaml: group nobody has no nodes"),
        (
            "fast,worker3,fast,,nobody",
            "a name is missing in fast,worker3,fast,,nobody\n"
            "  fast: stated twice\n"
            "  inventory.yaml: there is no node worker3, did you mean worker03?\n"
            "  inventory.yaml: group nobody has no nodes",
        ),
    ],
)
def test_what_names_no_nodes(inventory: Inventory, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        select(inventory, text)
    assert str(error.value) == said
