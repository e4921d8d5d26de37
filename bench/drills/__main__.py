"""Each drill on a lab of three managers and two workers, and the medians of the rounds.

    python bench/drills [ROUNDS]

Needs an engine; makes a lab of its own, `swd`, and removes it. Ten rounds take an hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
INV = [sys.executable, "-P", "-m", "swarmops"]
ENVIRONMENT = os.environ | {"SWARMOPS_INVENTORY": str(HERE / "inventory.yaml")}


def main(rounds: str = "10") -> int:
    """Makes the lab, drills, removes the lab; the drills' exit code."""
    try:
        inv("down", "--volumes")
        for args in (("up",), *(("push", image) for image in ("echo", "nginx", "haproxy"))):
            inv(*args)
        inv("deploy", "echo"), inv("deploy", "ingress")
        return subprocess.run([*INV, "drill", "--all", "--rounds", rounds], cwd=PROJECT, env=ENVIRONMENT).returncode
    finally:
        inv("down", "--volumes")


def inv(*args: str) -> None:
    """Runs a task; what it says is shown when it fails."""
    ended = subprocess.run([*INV, *args], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, timeout=600, check=False)
    if ended.returncode:
        sys.exit(f"inv {' '.join(args)} exited {ended.returncode}\n{ended.stderr.decode()}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
