"""No request is lost: what bench/requests.py measures, in short."""

from __future__ import annotations

import time
from collections import Counter

from engine import Lab, docker, eventually

from swarmops.load import Load

RATE = 150


def test_no_request_is_lost_while_the_cluster_changes(deployed: Lab) -> None:
    """Half of them are POSTs, which the proxies may not send a second time."""
    template = deployed.folder / "templates/stacks/echo.yml.j2"
    before = template.read_text()
    changed = before.replace("networks: [localnet]", "networks: [localnet]\n    labels: {is: new}")
    options = (
        "--network=localnet",
        "--env=SERVICE_PORTS=8080",
        "--env=VIRTUAL_HOST=new.example",
        "--update-monitor=1s",
    )
    lost: dict[str, int] = {}
    start = time.monotonic()
    with Load(deployed.url(80), RATE, ("GET", "POST")) as load:

        def during(*args: str) -> None:
            said = load.tally.lost.total()
            deployed.inv(*args)
            lost[" ".join(args[:3])] = load.tally.lost.total() - said

        template.write_text(changed)
        try:
            during("deploy", "echo")
        finally:
            template.write_text(before)
        during("rollback", "--stack", "echo")
        during("scale", "echo_api=6,echo_nginx=6")
        during("scale", "echo_api=3,echo_nginx=3")
        during("drain", "worker01")
        during("activate", "worker01")
        during("service.create", "new", "--image=echo", *options)
        during("service.rm", "new")
        seconds = time.monotonic() - start
        time.sleep(3)  # what the last command has told to stop has not ended yet
    assert load.tally.lost.total() == 0, f"{load.tally}: {lost}"
    assert load.tally.requests > 0.9 * RATE * seconds
    assert len(load.tally.replicas) >= 6, "both versions answered"


def test_a_deploy_that_cannot_start_is_undone_and_nobody_notices(deployed: Lab) -> None:
    template = deployed.folder / "templates/stacks/echo.yml.j2"
    before, spec = template.read_text(), deployed.services()["echo_api"]["Spec"]
    template.write_text(before.replace("  api:\n", "  api:\n    entrypoint: [/nope]\n"))
    try:
        with Load(deployed.url(80), RATE, ("GET", "POST")) as load:
            run = deployed.inv("deploy", "--stack", "echo", check=4)
    finally:
        template.write_text(before)
    assert "/nope" in run.err, "it says why"
    assert "runs again" in run.err
    assert deployed.services()["echo_api"]["Spec"] == spec
    assert load.tally.lost.total() == 0, str(load.tally)
    assert load.tally.requests > RATE, "for more than a second"


def test_no_request_that_may_be_sent_again_is_lost_with_a_worker(deployed: Lab) -> None:
    held = Counter(task["Node"] for task in deployed.tasks("echo_nginx"))
    worker = max((name for name in held if held[name] < 3), key=held.__getitem__)  # as many as can be, not all
    try:
        with Load(deployed.url(80), RATE) as load:
            time.sleep(1)
            docker("kill", deployed.container(worker))
            time.sleep(6)
    finally:
        docker("start", deployed.container(worker))
    assert load.tally.lost.total() == 0, str(load.tally)
    assert load.tally.percentile(1) > 0.3, "some had to wait for another replica"
    eventually(lambda: deployed.nodes()[worker]["Status"]["State"] == "ready", within=40, what=f"{worker} is back")
    for service in ("echo_api", "echo_nginx"):
        eventually(lambda name=service: len(alive(deployed, name)) == 3, within=40, what=f"three of {service}")


def alive(lab: Lab, service: str) -> list[str]:
    """The containers of a service that run, as the engines of the workers say: one that starts says nothing yet."""
    names = ("docker", "ps", "--format", "{{.Names}}")
    said = [lab.node(node, *names, check=False).out for node in ("worker01", "worker02", "worker03")]
    return [name for out in said for name in out.split() if name.startswith(f"{service}.")]
