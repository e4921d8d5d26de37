"""What tasks print, and commands inside them."""

from __future__ import annotations

from datetime import datetime

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import session


@task(
    positional=["name"],
    help={
        "name": "a stack or a service",
        "since": "only what is younger: a span such as 10m or 1h30m, or a time such as 2024-05-01T12:00",
        "tail": "only the last so many lines of each task",
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


TASKS = (logs,)
