"""One drill, from a lab that is well to a lab that is well again."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from swarmops.cluster import Cluster
from swarmops.drill import Drill, Outcome
from swarmops.errors import SwarmopsError, WaitTimeout
from swarmops.ingress import STACK
from swarmops.lab import faults
from swarmops.lab.containers import observe
from swarmops.lab.faults import Target
from swarmops.load import PATIENCE_SECONDS, Load, Tally
from swarmops.ops import lab
from swarmops.ops.drills import probe
from swarmops.ops.drills.eyes import Eyes, Seen
from swarmops.ops.drills.ways import WAYS
from swarmops.ops.rebalance import rebalance
from swarmops.ops.recover import recover
from swarmops.report import Recap
from swarmops.wait import Deadline, until

QUIET_SECONDS = 2.0
"""With the fault still there all has to be well for so long, with every request answered."""
AFTER_SECONDS = 5.0
"""For so long requests are counted after that: none may be lost."""
WELL_SECONDS = 30.0
"""A lab that is not well before has so long to become so: it may just have been started."""
MEND_SECONDS = 300.0
"""Mending has a time of its own: a drill whose time is over leaves nothing broken either."""
CLEAN_SECONDS = 60.0
"""What was deployed meanwhile is removed within so long."""
WARM_SECONDS, ANSWER_SECONDS = 1.0, 15.0
"""Before the fault requests have to be answered for so long, and that within so long."""


@dataclass(frozen=True)
class Options:
    """How to drill: requests a second on the ingress, and how many seconds one drill may take."""

    rate: float = 50
    timeout: float = 180


def targets(cluster: Cluster, names: Collection[str]) -> list[Target]:
    """The lab's containers of these nodes that exist and were not stopped; of no names all of them."""
    nodes = {node.name for node in cluster.inventory.nodes}
    found = observe(cluster.engine, cluster.inventory.cluster).values()
    return [
        Target(one.node, one.name, cluster.door(one.node) if one.node in nodes else None)
        for one in found
        if one.state in ("running", "paused") and (one.node in names or not names)
    ]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Has Ctrl-C do nothing for the time of the block, which is short."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Round:
    """One drill, under way."""

    def __init__(self, cluster: Cluster, drill: Drill, url: str, options: Options) -> None:
        self._cluster, self._drill, self._url, self._options = cluster, drill, url, options
        self._way = WAYS[drill.name]
        self._deadline = Deadline(options.timeout)
        self._progress = cluster.progress
        self._probe: probe.Probe | None = None
        self._sound = False

    def outcome(self) -> Outcome:
        """All of it, in order."""
        before, way = self._well(), self._way
        if lacks := before.wanting(self._drill):
            text = f"{lacks}, and the swarm has fewer, whatever the inventory says: nothing was broken"
            raise SwarmopsError(text, remedy="inv plan tells what differs")
        hit = way.choose(before)
        did = f"{way.done} {', '.join(hit) or 'all containers'}"
        victims = targets(self._cluster, hit)
        others = Eyes(self._cluster, [name for name in before.managers if name not in hit])
        with self._cleaned(), Load(self._url, self._options.rate) as load:
            self._until_answered(load)
            with self._mended(victims):
                start = time.monotonic()
                way.fault(self._cluster.engine, victims)
                self._say(did)
                new = self._begin_deploy(before) if way.deploys else None
                detected = self._until_told(others, before, hit)
                gone = hit if way.lost else []
                recovered = self._until_well(others, before, load, gone) if way.borne else None
                deployed = self._until_deployed(new) if new else None
                mended = time.monotonic()
                self._mend(victims)
            whole = self._until_well(Eyes(self._cluster, before.managers), before, load)
        after = self._after()
        return Outcome(
            drill=self._drill.name,
            did=did,
            detected=detected - start,
            recovered=(recovered or whole) - start,
            whole=whole - mended,
            sent=load.tally.requests,
            lost=load.tally.lost.total(),
            sent_after=after.requests,
            lost_after=after.lost.total(),
            deployed=deployed and deployed - start,
        )

    def _well(self) -> Seen:
        """The swarm as it is, with its tasks spread: the drill before has left them where swarm put them.

        Raises SwarmopsError when something is wrong with it already.
        """
        seen = self._cluster.ask(Seen.read)
        try:
            look = lambda: self._cluster.ask(Seen.read).missing(past=seen.past)  # noqa: E731
            until(look, Deadline(WELL_SECONDS), self._progress)
        except WaitTimeout as late:
            text = f"the lab is not well, and nothing was done to it: {late}"
            raise SwarmopsError(text.partition("\n")[0], remedy="inv up") from None
        if not seen.proxy:
            raise SwarmopsError("there is no ingress to send requests to", remedy=f"inv deploy {STACK}")
        probe.clean(self._cluster, self._options.timeout)
        for note in rebalance(self._cluster, "", self._options.timeout).notes:
            self._say(note)
        self._deadline = Deadline(self._options.timeout)
        return self._cluster.ask(Seen.read)

    def _until_answered(self, load: Load) -> None:
        """Raises SwarmopsError when nobody answers, or not everybody."""

        def missing() -> str:
            enough = len(load.tally.seconds) >= self._options.rate * WARM_SECONDS
            return "" if enough and load.settled(WARM_SECONDS) else f"{self._url} to answer every request"

        try:
            until(missing, Deadline(ANSWER_SECONDS), self._progress)
        except WaitTimeout:
            text = f"{self._url} does not answer every request, and nothing was broken: {load.tally}"
            raise SwarmopsError(text, remedy="inv status") from None

    @contextmanager
    def _cleaned(self) -> Iterator[None]:
        """Removes what was deployed meanwhile, also when something failed."""
        try:
            yield
        finally:
            if self._probe:
                self._probe.close()
                probe.clean(self._cluster, CLEAN_SECONDS)

    @contextmanager
    def _mended(self, victims: Sequence[Target]) -> Iterator[None]:
        """Undoes the fault at the end, whatever that is; another Ctrl-C does not keep it from that."""
        try:
            yield
        finally:
            if not self._sound:
                self._mend_after_all(victims)

    def _mend_after_all(self, victims: Sequence[Target]) -> None:
        undo = self._way.mend
        try:
            if undo in (None, faults.start):
                self._mend(victims)  # takes a while: another Ctrl-C ends it
        finally:
            if undo:
                with uninterrupted():
                    undo(self._cluster.engine, victims)

    def _mend(self, victims: Sequence[Target]) -> None:
        """Undoes the fault. What was killed is started as `inv start` does it: an engine may have to be unlocked."""
        if self._way.mend is None:
            recover(self._cluster, MEND_SECONDS, Recap(), sure=True)
        elif self._way.mend is faults.start:
            lab.start(self._cluster, MEND_SECONDS, Recap())
        else:
            self._way.mend(self._cluster.engine, victims)
        self._sound = True

    def _until_told(self, eyes: Eyes, before: Seen, hit: list[str]) -> float:
        """When the swarm knew."""
        until(
            lambda: "" if self._way.told(eyes.look(), before, hit) else "the swarm to notice",
            self._deadline,
            self._progress,
        )
        now = time.monotonic()
        self._say("noticed")
        return now

    def _until_well(self, eyes: Eyes, before: Seen, load: Load, gone: Collection[str] = ()) -> float:
        """When all was well, `gone` left out of account, and requests were answered: both for a while by now."""
        since, quiet = math.inf, QUIET_SECONDS if gone else self._way.quiet

        def missing() -> str:
            nonlocal since
            seen = eyes.look()
            if wrong := seen.missing(gone, before.past) if seen else "the managers to answer":
                since = math.inf
                return wrong
            since = min(since, time.monotonic())
            lasts = time.monotonic() - since > quiet and load.settled(quiet)
            return "" if lasts else f"every request to be answered for {quiet:g} s"

        until(missing, self._deadline, self._progress)
        self._say(f"all is well{' without ' if gone else ''}{', '.join(gone)}")
        return max(since, load.tally.last_lost)

    def _begin_deploy(self, before: Seen) -> Future[float]:
        self._probe = probe.Probe(self._cluster.inventory, before.proxy, self._deadline)
        return self._probe.done

    def _until_deployed(self, new: Future[float]) -> float:
        """When the new deploy was verified. Raises what kept it from that."""
        until(lambda: "" if new.done() else "the new deploy to be verified", self._deadline, self._progress)
        self._say("a new deploy works")
        return new.result()

    def _after(self) -> Tally:
        """What became of the requests after recovery."""
        wanted = self._options.rate * AFTER_SECONDS
        with Load(self._url, self._options.rate) as load:
            until(
                lambda: "" if load.tally.requests >= wanted else "requests after recovery to be answered",
                Deadline(AFTER_SECONDS + PATIENCE_SECONDS + ANSWER_SECONDS),
                self._progress,
            )
        return load.tally

    def _say(self, text: str) -> None:
        self._progress.done(text, self._drill.name)
