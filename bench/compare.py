"""Whole commands beside bare scripts that do the same with the docker command alone, in one run.

    python bench/compare.py [ROUNDS]

Prints seconds, each the median of the rounds, and the ratio. Needs an engine; makes and removes two labs.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
INV = [sys.executable, "-P", "-m", "swarmops"]
INVOKE = str(Path(sys.executable).with_name("inv"))
COPY = Path(tempfile.mkdtemp(prefix="swarmops-bench-"))
"""A copy of the templates: the stack is changed between two deploys, and swarm watches no update for long."""
ENVIRONMENT = os.environ | {"SWARMOPS_INVENTORY": str(COPY / "inventory.yaml")}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # as ./inv does: each run would compile the whole package anew
ECHO, OLD, NEW = "localhost:25000/echo:1.0", "bench/echo:old", "bench/echo:new"
THREE, NINE = "{api_replicas: 3, nginx_replicas: 3}", "{api_replicas: 9, nginx_replicas: 9}"
TRIMMED = [
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--device-cgroup-rule=a *:* rwm"),
    *(f"--security-opt={option}=unconfined" for option in ("seccomp", "apparmor", "systempaths")),
]

Times = defaultdict[str, dict[str, list[float]]]


def main(rounds: int) -> None:
    """Measures `rounds` times, the two sides in turn, and prints the table."""
    times: Times = defaultdict(lambda: {"swarmops": [], "bare": []})
    for part in ("templates", "images"):
        shutil.copytree(ROOT / part, COPY / part)
    shutil.copy(HERE / "inventory.yaml", COPY)
    edit("templates/stacks/update.j2", "monitor: 2s", "monitor: 1ms")
    clean()
    inv("build", "echo"), inv("build", "nginx"), inv("up"), inv("down", "--volumes")  # the images are made here
    try:
        for _ in range(rounds):
            measure_start(times)
            measure_list(times)
            measure_swarmops(times)
            measure_bare(times)
    finally:
        clean()
        shutil.rmtree(COPY)
    report(times)


def measure_start(times: Times) -> None:
    """The libraries that tasks stand on, and nothing of swarmops, beside Python alone: what no code here changes."""
    # Swarmops first: it keeps the SDK from importing paramiko.
    libraries = "import swarmops, invoke, docker, jinja2, yaml, pydantic; pydantic.BaseModel"
    timed(times, "start of libraries", "swarmops", [sys.executable, "-P", "-c", libraries])
    timed(times, "start of libraries", "bare", [sys.executable, "-S", "-c", "pass"])


def measure_list(times: Times) -> None:
    """`inv --list` beside invoke with an empty tasks.py."""
    timed(times, "--list", "swarmops", [*INV, "--list"])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tasks.py").touch()
        # It says that there are no tasks, and exits 1; that is what starting invoke alone takes.
        timed(times, "--list", "bare", [INVOKE, "--search-root", folder, "--list"], check=False)


def measure_swarmops(times: Times) -> None:
    """One life of the lab."""
    timed(times, "up, cold", "swarmops", [*INV, "up"])
    timed(times, "up, again", "swarmops", [*INV, "up"])
    inv("push", "echo"), inv("push", "nginx")
    timed(times, "deploy echo", "swarmops", [*INV, "deploy", "echo"])
    shutil.copytree(COPY / "stack/swb", COPY / "first", dirs_exist_ok=True)
    one, both = (
        "  api:\n    environment: {BENCH: changed}\n",
        "    networks: [localnet]\n    labels: {bench: changed}\n",
    )
    edit("templates/stacks/echo.yml.j2", "  api:\n", one)
    timed(times, "deploy, one changed", "swarmops", [*INV, "deploy", "echo"])
    shutil.copytree(COPY / "stack/swb", COPY / "second", dirs_exist_ok=True)
    edit("templates/stacks/echo.yml.j2", "    networks: [localnet]\n", both)
    timed(times, "deploy, all changed", "swarmops", [*INV, "deploy", "echo"])
    shutil.copytree(COPY / "stack/swb", COPY / "third", dirs_exist_ok=True)
    edit("inventory.yaml", THREE, NINE)
    inv("deploy", "echo")
    shutil.copytree(COPY / "stack/swb", COPY / "fourth", dirs_exist_ok=True)
    edit("templates/stacks/echo.yml.j2", "bench: changed", "bench: again")
    timed(times, "deploy, 18 tasks", "swarmops", [*INV, "deploy", "echo"])
    shutil.copytree(COPY / "stack/swb", COPY / "fifth", dirs_exist_ok=True)
    edit("templates/stacks/echo.yml.j2", both.replace("changed", "again"), "    networks: [localnet]\n")
    edit("templates/stacks/echo.yml.j2", one, "  api:\n")
    edit("inventory.yaml", NINE, THREE)
    inv("deploy", "echo")
    run(["docker", "tag", ECHO, OLD])
    edit("images/echo/main.go", "Hello Docker!!", "Hello again")
    inv("push", "echo")
    timed(times, "deploy, new image", "swarmops", [*INV, "deploy", "echo"])
    run(["docker", "tag", ECHO, NEW])
    edit("images/echo/main.go", "Hello again", "Hello Docker!!")
    timed(times, "drain worker01", "swarmops", [*INV, "drain", "worker01"])
    timed(times, "down --volumes", "swarmops", [*INV, "down", "--volumes"])


def measure_bare(times: Times) -> None:
    """The same life, by scripts."""
    node, registry = image("node"), image("registry")
    timed(times, "up, cold", "bare", [str(HERE / "bare/up.sh"), node, registry, *privileges()])
    timed(times, "up, again", "bare", ["docker", "exec", "bare-manager", "docker", "node", "ls"])
    run(["docker", "tag", OLD, ECHO])
    for image_name in (ECHO, "localhost:25000/nginx:trixie"):
        run(["docker", "push", "-q", image_name])
    deploy = [str(HERE / "bare/deploy.sh"), sys.executable, "bare-manager"]
    create_configs()
    timed(times, "deploy echo", "bare", [*deploy, str(COPY / "first/echo.yml")])
    timed(times, "deploy, one changed", "bare", [*deploy, str(COPY / "second/echo.yml")])
    timed(times, "deploy, all changed", "bare", [*deploy, str(COPY / "third/echo.yml")])
    run([*deploy, str(COPY / "fourth/echo.yml")])
    timed(times, "deploy, 18 tasks", "bare", [*deploy, str(COPY / "fifth/echo.yml")])
    run([*deploy, str(COPY / "first/echo.yml")])
    run(["docker", "tag", NEW, ECHO])
    run(["docker", "push", "-q", ECHO])
    timed(times, "deploy, new image", "bare", [*deploy, str(COPY / "first/echo.yml")])
    timed(times, "drain worker01", "bare", [str(HERE / "bare/drain.sh"), "bare-manager", "worker01"])
    timed(times, "down --volumes", "bare", [str(HERE / "bare/down.sh")])


def create_configs() -> None:
    """Makes the configurations of the stack that swarmops rendered in the bare swarm."""
    for config in (COPY / "stack/swb/echo").iterdir():
        run(
            ["docker", "exec", "-i", "bare-manager", "docker", "config", "create", config.name, "-"],
            config.read_bytes(),
        )


def edit(file: str, old: str, new: str) -> None:
    """Replaces text in a file of the copy."""
    path = COPY / file
    before = path.read_text()
    assert old in before, f"{file} has no {old!r}"
    path.write_text(before.replace(old, new))


def image(name: str) -> str:
    """The image that the lab's containers of that kind are made from, newest first."""
    found = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"swarmops/{name}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.split()[0]


def privileges() -> list[str]:
    """Full where the engine grants it, as `up` decides."""
    compose = (COPY / "stack/swb/compose.yml").read_text()
    return ["--privileged"] if "privileged: true" in compose else TRIMMED


def timed(times: Times, what: str, side: str, command: list[str], *, check: bool = True) -> None:
    """Runs a command to its end and keeps the seconds it took."""
    start = time.perf_counter()
    run(command, check=check)
    times[what][side].append(time.perf_counter() - start)


def inv(*args: str) -> None:
    """Runs a task that is not measured."""
    run([*INV, *args])


def run(command: list[str], stdin: bytes | None = None, *, check: bool = True) -> None:
    """Runs a command; what it says is shown when it fails."""
    ended = subprocess.run(
        command, input=stdin, capture_output=True, env=ENVIRONMENT, cwd=ROOT, timeout=300, check=False
    )
    if check and ended.returncode:
        sys.exit(f"{' '.join(command)} exited {ended.returncode}\n{ended.stderr.decode()}")


def clean() -> None:
    """Removes both labs."""
    subprocess.run([*INV, "down", "--volumes"], capture_output=True, env=ENVIRONMENT, cwd=ROOT, check=False)
    subprocess.run([str(HERE / "bare/down.sh")], capture_output=True, check=False)
    subprocess.run(["docker", "rmi", OLD, NEW], capture_output=True, check=False)


def report(times: Times) -> None:
    """The medians."""
    print(f"{'':<20}{'swarmops':>9}{'bare':>8}{'ratio':>7}   seconds, median of {len(times['--list']['bare'])}")
    for what, sides in times.items():
        ours, bare = (statistics.median(sides[side]) for side in ("swarmops", "bare"))
        print(f"{what:<20}{ours:>9.2f}{bare:>8.2f}{ours / bare:>7.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
