"""For whoever asks for help."""

from __future__ import annotations

import time

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError
from swarmops.tasks.arguments import OptionalTask, file as file_named
from swarmops.tasks.session import Seconds, session, timeout_help

ENDING = ".tar.gz"


@task(
    klass=OptionalTask,
    help={
        "file": f"where to write it, ending in {ENDING}; <cluster>-support-<time>{ENDING} here unless stated",
        "timeout": timeout_help(60).replace("it counts as failed", "what is missing is left out"),
    },
)
def support(c: Context, file: str = "", timeout: int = Seconds(60)) -> None:
    """Write one archive to attach to a bug report: inventory, rendered files, inspects, logs, versions; no secrets."""
    if file and not file.endswith(ENDING):
        raise InputError(f"{file}: should end in {ENDING}")
    with session(c) as cluster:
        from swarmops.ops.support import write

        name = file or f"{cluster.inventory.cluster}-support-{time.strftime('%Y%m%d-%H%M%S')}{ENDING}"
        print("\n".join(write(cluster, file_named(name).absolute(), timeout)))


TASKS = (support,)
