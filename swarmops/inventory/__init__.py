"""The inventory: the shape of Ansible's, a strict schema, and messages that name file, line and path."""

from __future__ import annotations

from swarmops.inventory.load import load
from swarmops.inventory.model import Inventory, Node, Role
from swarmops.inventory.schema import HostVars, SecretSource, Settings

__all__ = ["HostVars", "Inventory", "Node", "Role", "SecretSource", "Settings", "load"]
