"""What the kernel of this machine can do, as far as that can be seen without loading anything."""

from __future__ import annotations

import gzip
import platform
from contextlib import suppress
from pathlib import Path

from swarmops.check import Check, fail, ok, warn

CONFIG = {"overlay": "OVERLAY_FS", "vxlan": "VXLAN", "br_netfilter": "BRIDGE_NETFILTER", "ip_vs": "IP_VS"}
NEEDED = {
    "overlay": "the file systems of containers",
    "vxlan": "overlay networks between nodes",
    "br_netfilter": "rules for traffic between containers",
}


def examine(routing: str, root: Path = Path("/")) -> list[Check]:
    """A check for each part of the kernel that a swarm uses."""
    return [*(_needed(module, use, root) for module, use in NEEDED.items()), _ipvs(routing, root)]


def has(module: str, root: Path = Path("/")) -> bool | None:
    """Whether the kernel has a module, built in or loadable; None when nothing tells."""
    if (root / "sys/module" / module).exists():
        return True
    known = None
    release = root / "lib/modules" / platform.release()
    for name in ("modules.builtin", "modules.dep"):
        with suppress(OSError):
            known = known or f"/{module}.ko" in (release / name).read_text()
    with suppress(OSError):
        config = gzip.decompress((root / "proc/config.gz").read_bytes()).decode().splitlines()
        if f"CONFIG_{CONFIG[module]}=m" not in config:  # a module is where this machine may not see it
            known = known or f"CONFIG_{CONFIG[module]}=y" in config
    return known


def _needed(module: str, use: str, root: Path) -> Check:
    name = f"kernel: {module}"
    match has(module, root):
        case True:
            return ok(name, f"there, for {use}")
        case None:
            return warn(name, "nothing on this machine tells whether the kernel has it", f"modprobe {module}")
        case _:
            return fail(name, f"missing; it is needed for {use}", f"boot a kernel that has {module}")


def _ipvs(routing: str, root: Path) -> Check:
    name = "kernel: ip_vs"
    match has("ip_vs", root):
        case True:
            return ok(name, "there, for virtual IPs and the ingress mesh")
        case None:
            return warn(name, "nothing on this machine tells whether the kernel has it", "modprobe ip_vs")
        case _ if routing == "mesh":
            return fail(name, "missing, and routing: mesh needs it", "state routing: auto or dns in the inventory")
        case _:
            return warn(name, "missing: stacks are rendered for routing by DNS")
