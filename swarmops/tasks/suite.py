"""The project's own tests."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import inventory, progress


@task(help={"fast": "only what needs no engine"})
def test(c: Context, fast: bool = False) -> None:
    """Run all tests and the linters; installs and starts an engine where there is none."""
    project = c.config.swarmops.project
    with c.cd(project):
        c.run("ruff check . && ruff format --check . && mypy", in_stream=False)
        if fast:
            c.run("python -m pytest tests/unit tests/golden", in_stream=False)
            return
        with progress() as shown:
            from swarmops.ops.quickstart import prepare

            prepare(inventory(c), shown)
        c.run("python -m pytest tests", in_stream=False)


TASKS = (test,)
