"""Drills."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.errors import InputError, SwarmopsError
from swarmops.tasks.arguments import OptionalTask
from swarmops.tasks.session import Seconds, is_number, session, timeout_help

MOST_ROUNDS, MOST_RATE = 1000, 1000


@task(
    klass=OptionalTask,
    help={
        "name": "name of the drill, such as worker-killed",
        "all": "every drill that the lab has the nodes for, one after the other",
        "rounds": "how many times; with several the medians are printed at the end; 1 unless stated",
        "rate": "requests a second on the ingress; 50 unless stated",
        "timeout": f"{timeout_help(180)}; for each drill",
    },
)
def drill(
    c: Context, name: str = "", all: bool = False, rounds: str = "1", rate: str = "50", timeout: int = Seconds(180)
) -> None:
    """Break a running lab on purpose, mend it, and show what the users of it would have seen; inv drill --all."""
    from swarmops import drill as drills
    from swarmops.report import Output

    problems = [
        f"--{option} {value}: should be a whole number, 1 to {most}"
        for option, value, most in (("rounds", rounds, MOST_ROUNDS), ("rate", rate, MOST_RATE))
        if not is_number(value, 1, most)
    ]
    if bool(name) == all:
        problems.append("the name of one drill, or --all")
    if problems:
        raise InputError("\n  ".join(problems), remedy=f"one of {', '.join(one.name for one in drills.DRILLS)}")
    chosen = drills.DRILLS if all else (drills.named(name),)
    output, outcomes = Output(), []
    with session(c) as cluster:
        from swarmops.ops.drills import run as ops
        from swarmops.ops.drills.one import Options

        possible = ops.possible(cluster, chosen, skip=all)
        try:
            for outcome in ops.run(cluster, possible, int(rounds), Options(float(rate), timeout)):
                outcomes.append(outcome)
                output.write([outcome.text(), ""])
        finally:
            if len(outcomes) > 1:
                output.write([drills.medians(outcomes)])
    if lost := drills.lost_after(outcomes):
        raise SwarmopsError("\n  ".join(lost))


TASKS = (drill,)
