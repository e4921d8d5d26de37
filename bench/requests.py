"""How many of 200 requests a second are lost while a cluster changes: none should be.

    python bench/requests.py [RATE]

Prints, for each event, the requests, the lost ones and the time that answers took. Needs an engine; makes a lab of its
own, `swr`, and removes it. Half of the requests are POSTs, which nobody may send again, except while a worker dies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from swarmops.load import Load, Tally

HERE = Path(__file__).parent
PROJECT = HERE.parent
INV = [sys.executable, "-P", "-m", "swarmops"]
URL = "http://localhost:28080/"
SETTLE_SECONDS = 4
"""What has been told to stop finishes in less."""
DEAD_SECONDS = 25
"""Swarm gives a worker up after 15 s, and starts its tasks elsewhere then."""

folder = Path(tempfile.mkdtemp(prefix="swarmops-"))


def main(rate: float) -> None:
    """Makes the lab, measures every event, prints the table, removes the lab."""
    try:
        prepare()
        print(f"{'':<22}{'requests':>9}{'lost':>6}{'p50':>8}{'p99':>8}   {rate:g} a second; milliseconds", flush=True)
        for event in (nothing, rolling_update, rollback, scale, drain, new_service, no_service):
            report(event, measured(event, rate, ("GET", "POST")))
        report(worker_killed, measured(worker_killed, rate, ("GET",)))
    finally:
        inv("down", "--volumes", check=False)
        shutil.rmtree(folder)


def prepare() -> None:
    """A project of its own: what it deploys is changed as it goes."""
    for part in ("templates", "images"):
        shutil.copytree(PROJECT / part, folder / part)
    shutil.copy(HERE / "requests.yaml", folder / "inventory.yaml")
    inv("down", "--volumes", check=False)
    inv("up")
    for image in ("echo", "nginx", "haproxy"):
        inv("push", image)
    inv("deploy", "echo"), inv("deploy", "ingress")


def nothing() -> None:
    """What the other figures are to be held against."""
    time.sleep(10)


def rolling_update() -> None:
    """Both services of the stack, one task after the other."""
    template = folder / "templates/stacks/echo.yml.j2"
    template.write_text(
        template.read_text().replace("networks: [localnet]", "networks: [localnet]\n    labels: {is: new}")
    )
    inv("deploy", "echo")


def rollback() -> None:
    """To the version before."""
    inv("rollback", "--stack", "echo")


def scale() -> None:
    """3 → 6 → 3, both services."""
    for count in (6, 3):
        inv("scale", f"echo_api={count},echo_nginx={count}")


def drain() -> None:
    """A worker emptied, and back."""
    inv("drain", "worker01"), inv("activate", "worker01")


def new_service() -> None:
    """The proxies load a new configuration."""
    options = ("--network=localnet", "--env=SERVICE_PORTS=8080", "--env=VIRTUAL_HOST=new.example")
    inv("service.create", "new", "--image=echo", *options)


def no_service() -> None:
    """And another one."""
    inv("service.rm", "new")


def worker_killed() -> None:
    """Its container, with all that runs in it, and back."""
    subprocess.run(["docker", "kill", "swr-worker02"], check=True, capture_output=True)
    time.sleep(DEAD_SECONDS)
    subprocess.run(["docker", "start", "swr-worker02"], check=True, capture_output=True)


def measured(event: Callable[[], None], rate: float, methods: tuple[str, ...]) -> Tally:
    """What becomes of the requests while something happens, and until it is over."""
    with Load(URL, rate, methods) as load:
        time.sleep(1)
        event()
        time.sleep(SETTLE_SECONDS)
    return load.tally


def report(event: Callable[[], None], tally: Tally) -> None:
    """One line of the table."""
    name = event.__name__.replace("_", " ")
    times = "".join(f"{tally.percentile(share) * 1000:>8.0f}" for share in (0.5, 0.99))
    print(
        f"{name:<22}{tally.requests:>9}{tally.lost.total():>6}{times}   {dict(tally.lost) or ''}".rstrip(), flush=True
    )


def inv(*args: str, check: bool = True) -> None:
    """Runs a task; what it says is shown when it fails."""
    environment = os.environ | {"SWARMOPS_INVENTORY": str(folder / "inventory.yaml")}
    ended = subprocess.run([*INV, *args], capture_output=True, env=environment, cwd=PROJECT, timeout=600, check=False)
    if check and ended.returncode:
        sys.exit(f"inv {' '.join(args)} exited {ended.returncode}\n{ended.stderr.decode()}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 200)
