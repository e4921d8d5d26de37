"""What tasks print, and commands inside them."""

from __future__ import annotations

import sys
from datetime import datetime

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import named
from swarmops.tasks.session import MOST_COUNTED, is_number, names, session


@task(
    positional=["name"],
    help={
        "name": "name of a stack or service",
        "since": "only lines since then: a span such as 10m or 1h30m, or a time such as 2024-05-01T12:00",
        "tail": "only the last N lines of each task",
        "follow": "go on with what is printed from now on, by new tasks too, until Ctrl-C, which is exit 0",
        "timestamps": "begin each line with its time",
    },
)
def logs(
    c: Context, name: str, since: str = "", tail: str = "", follow: bool = False, timestamps: bool = False
) -> None:
    """Show what all tasks of a stack or service printed, from all nodes, those that have ended included."""
    from swarmops.loglines import Request
    from swarmops.ops.logs import show
    from swarmops.report import Output

    names(name, "inv logs echo")
    output = Output()
    request = Request.parse(since, tail, datetime.now().astimezone())
    with session(c) as cluster:
        try:
            show(cluster, name, request, output, follow=follow, timestamps=timestamps)
        except KeyboardInterrupt:
            if not follow:
                raise
        except BrokenPipeError:
            output.abandon()


@task(
    name="exec",
    positional=["service"],
    help={
        "service": "name of the service, such as echo_api",
        "task": "number of the task, such as 2 for echo_api.2; the first that runs unless stated; "
        "a global service has none, see --node",
        "node": "this node alone",
    },
)
def exec_(c: Context, service: str, task: str | None = None, node: str | None = None) -> None:
    """Run a command in a running task, wherever it is: inv exec echo_api -- command. Exits with the command's code."""
    number, where = named("task", task, "the first that runs"), named("node", node, "any of them")
    problems = []
    if not (words := remainder()):
        problems.append("there is no command: inv exec echo_api -- command")
    if number and not is_number(number, 1):
        problems.append(f"--task {number}: should be the number of a task, 1 to {MOST_COUNTED}")
    if problems:
        raise InputError("\n  ".join(problems))
    with session(c) as cluster:
        from swarmops.commands import Command
        from swarmops.ops.execute import in_task

        in_task(cluster, service, Command(tuple(words)), slot=int(number or 0), node=where or "")


@task(positional=["node"], help={"node": "name of the node in the inventory"})
def shell(c: Context, node: str) -> None:
    """Open a shell on a node or run a command there: inv shell worker01 [-- command]. Exits with the command's code."""
    with session(c) as cluster:
        from swarmops.commands import Command
        from swarmops.commands.inside import SHELL
        from swarmops.ops.execute import on_node

        on_node(cluster, node, Command(tuple(remainder())) if remainder() else SHELL)


def remainder() -> list[str]:
    """The words after `--`, as they were given; invoke keeps them joined by spaces."""
    return sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []


TASKS = (logs, exec_, shell)
