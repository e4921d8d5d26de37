"""What is wrong with the input is said in one message, with its place and what to write instead; nothing is done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from project import Project

Refused = Callable[..., str]
UNKNOWN = "eco: no such stack in inventory.yaml, did you mean echo?\n  Next: one of echo, ingress, visualizer"


def test_not_yaml(project: Project, refused: Refused) -> None:
    line = project.spoil("inventory.yaml", "subnet: 10.89.0.0/24", "\tsubnet: 10.89.0.0/24")
    message = refused("up")
    assert message.startswith(f"inventory.yaml:{line}: not YAML: ")
    assert "\n" not in message


def test_no_such_file(project: Project, refused: Refused) -> None:
    project.file.unlink()
    assert refused("up") == (
        "inventory.yaml: no such file\n  Next: put one beside tasks.py, or name another file in SWARMOPS_INVENTORY"
    )


def test_a_misspelt_key(project: Project, refused: Refused) -> None:
    line = project.spoil("inventory.yaml", "attachable: true", "atachable: true")
    message = refused("up")
    assert message == (
        f"inventory.yaml:{line}: all.vars.networks.localnet.atachable: unknown key, did you mean attachable?"
    )


def test_all_mistakes_at_once(project: Project, refused: Refused) -> None:
    first = project.spoil("inventory.yaml", "transport: lab", "transport: lap")
    second = project.spoil("inventory.yaml", "stacks/ingress.yml.j2", "stacks/ingres.yml.j2")
    head, *rest = refused("deploy", "echo").splitlines()
    assert head == "2 problems"
    assert rest[0].startswith(f"  inventory.yaml:{first}: all.vars.transport: lap is not one of ")
    assert rest[1].startswith(f"  inventory.yaml:{second}: all.vars.stacks.ingress.template: there is no file ")


def test_a_stack_without_template(project: Project, refused: Refused) -> None:
    line = project.spoil("inventory.yaml", "stacks/ingress.yml.j2", "stacks/ingres.yml.j2")
    assert refused("deploy", "ingress") == (
        f"inventory.yaml:{line}: all.vars.stacks.ingress.template: there is no file templates/stacks/ingres.yml.j2"
    )


def test_a_stack_that_states_no_template(project: Project, refused: Refused) -> None:
    line = project.spoil("inventory.yaml", "template: stacks/ingress.yml.j2", "vars: {}")
    assert refused("deploy", "ingress") == f"inventory.yaml:{line - 1}: all.vars.stacks.ingress.template: is missing"


@pytest.mark.parametrize("verb", ["promote", "demote", "drain", "activate"])
def test_an_unknown_node(refused: Refused, verb: str) -> None:
    assert refused(verb, "worker3") == "inventory.yaml: there is no node worker3, did you mean worker03?"


def test_a_node_that_is_like_no_other(refused: Refused) -> None:
    assert refused("pull", "echo", "--node", "db") == (
        "inventory.yaml: there is no node db; there are manager, worker01, worker02, worker03"
    )


@pytest.mark.parametrize("verb", ["build", "push", "pull"])
def test_an_unknown_image(refused: Refused, verb: str) -> None:
    assert refused(verb, "eco") == (
        "eco: no such image in inventory.yaml, did you mean echo?\n  Next: one of echo, haproxy, nginx, visualizer"
    )


def test_an_unknown_stack(refused: Refused) -> None:
    assert refused("deploy", "eco") == UNKNOWN


@pytest.mark.parametrize("argument", ["echo_api", "echo_api=", "=3", "echo_api=three", "echo_api=-1", "echo_api=1.5"])
def test_scale_with_a_bad_argument(refused: Refused, argument: str) -> None:
    assert refused("scale", argument) == f"{argument}: not of the form service=count\n  Next: inv scale echo_api=6"


@pytest.mark.parametrize("argument", ["a=1000000", f"a=1,b={'9' * 5000}"])
def test_scale_to_too_many(refused: Refused, argument: str) -> None:
    large = argument.rpartition(",")[2]
    assert refused("scale", argument) == f"{large}: the count should be 0 to 999999\n  Next: inv scale echo_api=6"


@pytest.mark.parametrize("seconds", ["soon", "0", "-4", "1.5", "²", "10000000", "9" * 400, "9" * 5000])
def test_a_timeout_that_is_no_number_of_seconds(refused: Refused, seconds: str) -> None:
    assert refused("up", f"--timeout={seconds}") == (
        f"--timeout {seconds}: should be a whole number of seconds, 1 to 9999999"
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("depoly echo", "depoly: no such task, did you mean deploy?\n  Next: inv --list"),
        ("--help depoly", "depoly: no such task, did you mean deploy?\n  Next: inv --list"),
        ("deploy echo visualizer", "visualizer: no such task\n  Next: inv --list, or inv --help deploy"),
        ("swarm.backup --timeout 9 x.tgz", "x.tgz: no such task\n  Next: inv --list, or inv --help swarm.backup"),
        ("deploy echo --masage x", "deploy has no option --masage, did you mean --message?\n  Next: inv --help deploy"),
        ("deploy --masage x echo", "deploy has no option --masage, did you mean --message?\n  Next: inv --help deploy"),
        ("service.rm -x", "service.rm has no option -x\n  Next: inv --help service.rm"),
        ("rollback --stack=echo drain --stak", "drain has no option --stak\n  Next: inv --help drain"),
        ("deploy echo --timeout", "--timeout needs a value\n  Next: inv --help deploy"),
        ("--bogus up", "inv has no option --bogus\n  Next: inv --help"),
        ("deploy", "deploy needs STACK\n  Next: inv --help deploy"),
        ("label", "label needs NODES and LABELS\n  Next: inv --help label"),
        ("label worker01", "label needs LABELS\n  Next: inv --help label"),
    ],
)
def test_a_command_line_that_is_not_understood(refused: Refused, args: str, said: str) -> None:
    assert refused(*args.split()) == said


@pytest.mark.parametrize(
    "args",
    ["deploy --help", "deploy -h", "deploy echo --help", "deploy --message -x --help", "rollback --stack=x deploy -h"],
)
def test_the_help_of_a_task_asked_for_behind_it(project: Project, args: str) -> None:
    assert project.inv(*args.split()).out == project.inv("--help", "deploy").out


@pytest.mark.parametrize(
    "args",
    [
        "deploy --no-rollback echo",
        "deploy --timeout 5 --stack=echo --no-pre-pull",
        "scale --no-rollback --timeout=9 echo_api=6",
        "label worker01 region=east zone- status=1",
        "rollback echo_api status",
        "rollback --stack echo --to 1 status",
        "rollback --to 1 --stack=echo",
        "history --stack echo status",
        "history echo status --json",
        "service.create web --image x --env A=1 --env B=2 -- sleep 5 --help",
        "service.update --no-rollback web --image=x",
        "logs status --tail 5 status",
        "drain worker01 --start-first activate worker01",
    ],
)
def test_a_command_line_that_is_understood(project: Project, args: str) -> None:
    said = project.inv(*args.split(), SWARMOPS_INVENTORY="nowhere.yaml")
    assert (said.code, said.err.partition("\n")[0]) == (2, "Error: nowhere.yaml: no such file")


@pytest.mark.parametrize(
    "args", [("up", "--limit="), ("plan", "--limit", ""), ("image.prune", "--node="), ("rebalance", "--service", "")]
)
def test_an_empty_narrowing_does_not_mean_all(refused: Refused, args: tuple[str, ...]) -> None:
    option = args[1].rstrip("=")
    assert refused(*args) == f"{option} is empty\n  Next: leave {option} out for all of them"


@pytest.mark.parametrize(
    ("args", "otherwise"),
    [
        (("rollback", "--stack=echo", "--to", ""), "the one before the newest"),
        (("exec", "echo_api", "--task=", "--", "true"), "the first that runs"),
        (("exec", "echo_api", "--node=", "--", "true"), "any of them"),
        (("swarm.recover", "--yes", "--node="), "the one that knows most"),
    ],
)
def test_an_empty_choice_is_not_made_by_us(refused: Refused, args: tuple[str, ...], otherwise: str) -> None:
    option = next(word.rstrip("=") for word in args if word.startswith(("--to", "--task", "--node")))
    assert refused(*args) == f"{option} is empty\n  Next: leave {option} out for {otherwise}"


def test_an_empty_role_is_not_both(refused: Refused) -> None:
    assert refused("swarm.token", "", "--rotate").startswith("role not stated: should be worker or manager")


def test_a_value_that_looks_like_an_option(refused: Refused) -> None:
    assert refused("deploy", "--message", "--help", "nope").startswith("nope: no such stack")


def test_whoever_reads_has_had_enough(project: Project) -> None:
    with subprocess.Popen(
        project.command("--list"), cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, "")


def test_what_was_compiled_is_kept(project: Project) -> None:
    kept = project.folder / "compiled"
    project.inv("--help", "deploy", PYTHONPYCACHEPREFIX=str(kept), PYTHONDONTWRITEBYTECODE="")
    assert {"tasks", "session"} <= {path.name.partition(".")[0] for path in kept.rglob("*.pyc")}


@pytest.mark.parametrize("task", [("deploy", "echo"), ("rollback", "--stack=echo"), ("remove", "echo")])
@pytest.mark.parametrize("seconds", ["soon", "9" * 5000])
def test_a_wait_for_the_lock_that_is_no_number_of_seconds(
    refused: Refused, task: tuple[str, ...], seconds: str
) -> None:
    said = f"--lock-wait {seconds}: should be a whole number of seconds, 0 to 9999999"
    assert refused(*task, f"--lock-wait={seconds}") == said


@pytest.mark.parametrize("number", ["0", "x", "-1", "9" * 5000])
def test_what_is_no_number_of_a_task(refused: Refused, number: str) -> None:
    said = f"--task {number}: should be the number of a task, 1 to 999999"
    assert refused("exec", "echo_api", f"--task={number}", "--", "true") == said


MISSING = "a name is missing"
LOCKED = "--lock-wait and --break-lock: only with --stack\n  Next: inv rollback --stack echo"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("service.rm", ""), f"{MISSING}\n  Next: inv service.rm web,api"),
        (("service.rm", ","), f"{MISSING}\n  Next: inv service.rm web,api"),
        (("service.rm", "a,,b,a"), f"{MISSING}\n  a: stated twice\n  Next: inv service.rm web,api"),
        (("network.rm", ""), f"{MISSING}\n  Next: inv network.rm front,back"),
        (("network.rm", "a,a"), "a: stated twice\n  Next: inv network.rm front,back"),
        (("scale", "a=1,a=2"), "a: stated twice\n  Next: inv scale echo_api=6"),
        (("scale", "a=1,"), f"{MISSING}\n  Next: inv scale echo_api=6"),
        (("ps", ""), f"{MISSING}\n  Next: inv ps echo"),
        (("logs", ""), f"{MISSING}\n  Next: inv logs echo"),
        (("rollback", ""), f"{MISSING}\n  Next: inv rollback echo_api, or inv rollback --stack echo"),
        (("rollback", "--stack="), f"{MISSING}\n  Next: inv rollback echo_api, or inv rollback --stack echo"),
        (("rollback", "--lock-wait", "5", "echo_api"), LOCKED),
        (("rollback", "echo_api", "--break-lock"), LOCKED),
        (("lint", "eco"), UNKNOWN), (("lint", "--stack", "eco"), UNKNOWN), (("lint", "--stack=eco"), UNKNOWN),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_names(refused: Refused, args: tuple[str, ...], said: str) -> None:
    assert refused(*args) == said


def test_files_are_those_from_where_it_was_called(project: Project) -> None:
    said = project.inv("status", SWARMOPS_INVENTORY="here.yaml", SWARMOPS_CALLED_FROM="/nowhere")
    assert (said.code, said.err.partition("\n")[0]) == (2, "Error: /nowhere/here.yaml: no such file")
