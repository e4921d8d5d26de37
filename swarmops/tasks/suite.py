"""The project's own tests."""

from __future__ import annotations

import shlex
import sys

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import inventory, progress


@task(help={"fast": "only what needs no engine"})
def test(c: Context, fast: bool = False) -> None:
    """Run the linters and all tests; installs and starts an engine where there is none."""
    with c.cd(c.config.swarmops.project):
        for check in ("ruff check .", "ruff format --check .", "mypy"):
            _python(c, check)
        if fast:
            _python(c, "pytest tests/unit tests/golden tests/cli")
            return
        with progress() as shown:
            from swarmops.ops.quickstart import prepare

            prepare(inventory(c), shown)
        _python(c, "pytest tests")


def _python(c: Context, module: str) -> None:
    """Runs a module of this environment's own Python, whatever the PATH."""
    c.run(f"{shlex.quote(sys.executable)} -m {module}", in_stream=False)


TASKS = (test,)
