"""The ingress."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import session


@task
def credentials(c: Context) -> None:
    """Show the address of the proxies' statistics, and the user and password for it."""
    with session(c) as cluster:
        from swarmops.ops import ingress

        shown = ingress.credentials(cluster)
        print("\n".join([*(f"url       {url}" for url in shown.urls), f"user      {shown.user}"]))
        print(f"password  {shown.password.reveal()}")


GROUPS = {"ingress": (credentials,)}
