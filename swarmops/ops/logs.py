"""What the tasks of a stack or service printed, read from every node's own engine.

`docker service logs` asks a manager, which asks the nodes, and waits for those that are gone.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, Queue

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.errors import CommandFailed, Conflict, ConnectionFailed, NotFound, SwarmopsError
from swarmops.inventory import Node
from swarmops.loglines import SERVICE, Line, Reader, Request, Source, View, unix
from swarmops.ops.status import named
from swarmops.report import Output

LOOK_SECONDS = 0.5
"""So often each node is asked for new tasks, and standard output whether somebody still reads."""
KEPT_LINES = 10_000
"""So many lines wait for a slow reader; then the engines have to."""

MANAGER_SECONDS = 2.0
"""So long a manager may take to say which other hosts there are."""
PIECE_BYTES = 16384
"""Of each answer so much is taken apart at a time: lines need eight times the room of what an engine answers."""

Found = tuple[Source, Line]


def show(cluster: Cluster, name: str, request: Request, output: Output, *, follow: bool, timestamps: bool) -> None:
    """Writes the lines of all tasks of a stack or service, sorted by time; then, when `follow`, what comes, for ever.

    A node that does not answer is left out, which is said. Raises InputError for an unknown name, BrokenPipeError
    when nobody reads any more.
    """
    news: Queue[Found] = Queue(KEPT_LINES)
    logs = [_NodeLogs(cluster, node, name, request, news) for node in cluster.inventory.nodes]
    view = View(name, output.colour, timestamps=timestamps)
    past = _history(cluster, name, logs)
    view.know(sorted(past))
    _write(view, output, heapq.merge(*past.values(), key=_when))
    for each in logs if follow else ():
        _background(each.watch)
    while follow:
        output.check()
        found = _come(news)
        view.know(sorted({source for source, _ in found}))
        _write(view, output, sorted(found, key=_when))


def sources(cluster: Cluster, node: str) -> list[Source]:
    """The containers of all tasks on a node by the word of its own engine, those that have ended among them."""
    containers = cluster.api(node).get("/containers/json", filters={"label": [SERVICE]}, all="1")
    return [Source.of(container, node) for container in containers]


def elsewhere(cluster: Cluster, name: str) -> list[str]:
    """The hosts that run tasks of a stack or service, and are not in the inventory, by the word of a manager."""
    services, tasks, nodes = cluster.ask(facts.overview)
    ids = {service.id for service in named(services, name)}
    ours = {name for node in cluster.inventory.nodes for name in (node.name, node.address)}
    running = {task.node_id for task in tasks if task.service_id in ids and task.state == "running"}
    return [node.name for node in nodes if node.id in running and not {node.name, node.address} & ours]


def _history(cluster: Cluster, name: str, logs: Iterable[_NodeLogs]) -> dict[Source, Iterator[Found]]:
    asked = [(each, cluster.later(each.history)) for each in logs]
    found = {source: lines for _, answer in asked for source, lines in answer.result().items()}
    if all(each.lost for each, _ in asked):
        cluster.manager()  # raises, with what each node said
    if not any(each.known for each, _ in asked):
        named(cluster.ask(facts.services), name)
        cluster.progress.done(f"no node that answers has a task of {name}: inv ps {name} says why")
    # The nodes have said what they know: managers that have no leader just now keep nobody.
    with suppress(SwarmopsError, TimeoutError):
        if others := cluster.later(partial(elsewhere, cluster, name)).result(MANAGER_SECONDS):
            cluster.progress.done(f"{', '.join(others)}: not in the inventory; what tasks there print is left out")
    cluster.progress.close()
    return found


def _come(news: Queue[Found]) -> list[Found]:
    """What has come; waits for it for LOOK_SECONDS."""
    found: list[Found] = []
    with suppress(Empty):
        found.append(news.get(timeout=LOOK_SECONDS))
        while len(found) < KEPT_LINES:
            found.append(news.get_nowait())
    return found


def _write(view: View, output: Output, found: Iterable[Found]) -> None:
    output.write(view.line(source, line) for source, line in found)


def _when(found: Found) -> int:
    return found[1].at


class _NodeLogs:
    """The logs of one node's containers, and how far each has been read."""

    def __init__(self, cluster: Cluster, node: Node, name: str, request: Request, news: Queue[Found]) -> None:
        self.known: set[str] = set()
        self.lost = False
        self._cluster = cluster
        self._node = node.name
        self._name = name
        self._request = request
        self._news = news
        self._next: dict[str, int] = {}  # by container: lines from this time on are new
        self._ended: set[str] = set()
        self._followed: set[str] = set()

    def history(self) -> dict[Source, Iterator[Found]]:
        """What its containers have printed so far, those that have ended among them; to be read before `watch`.

        Kept as the engine answered it: a stream for each container would be a process for each, on the node.
        """
        found: dict[Source, Iterator[Found]] = {}
        with self._reachable():
            for source in self._sources():
                answer = self._past(source)
                if self._request.tail == 0:
                    list(self._lines(source, answer))
                elif answer:
                    found[source] = self._lines(source, answer)
        return found

    def watch(self) -> None:
        """Hands over what its containers print from now on, until the cluster is closed."""
        pause = threading.Event()
        with suppress(ConnectionFailed):
            while True:
                self._cluster.check_open()
                with self._reachable():
                    self._follow_new()
                pause.wait(LOOK_SECONDS)

    def _follow_new(self) -> None:
        for source in self._sources():
            if source.begun and source.id not in self._ended | self._followed:
                self._followed.add(source.id)
                _background(partial(self._follow, source))

    def _sources(self) -> list[Source]:
        found = sources(self._cluster, self._node)
        mine = [source for source in found if self._name in (source.service, source.stack)]
        self.known |= {source.id for source in mine}
        return mine

    def _past(self, source: Source) -> bytes:
        # The last line is read in any case: it tells from where on there is news.
        tail = {} if self._request.tail is None else {"tail": str(max(1, self._request.tail))}
        with self._readable(source):
            answer = self._cluster.api(self._node).read(_path(source), **self._query(source), **tail)
            if source.over:
                self._ended.add(source.id)
            return answer
        return b""

    def _lines(self, source: Source, answer: bytes) -> Iterator[Found]:
        reader = Reader()
        for start in range(0, len(answer), PIECE_BYTES):
            piece = answer[start : start + PIECE_BYTES]
            yield from ((source, line) for line in self._note(source, reader.feed(piece)))
        yield from ((source, line) for line in self._note(source, reader.end()))

    def _follow(self, source: Source) -> None:
        reader = Reader()
        with suppress(ConnectionFailed), self._readable(source):
            for piece in self._cluster.api(self._node).follow(_path(source), **self._query(source), follow="1"):
                self._hand_over(source, reader.feed(piece))
            self._hand_over(source, reader.end())
            self._ended.add(source.id)
        self._followed.discard(source.id)  # when the connection broke, the next look begins where this one ended

    def _hand_over(self, source: Source, lines: list[Line]) -> None:
        for line in self._note(source, lines):
            self._news.put((source, line))

    def _note(self, source: Source, lines: list[Line]) -> list[Line]:
        self._next[source.id] = max([self._next.get(source.id, 0), *(line.at + 1 for line in lines)])
        return lines

    def _query(self, source: Source) -> dict[str, str]:
        since = self._next.get(source.id) or self._request.since
        return {"stdout": "1", "stderr": "1", "timestamps": "1", "since": unix(since)}

    @contextmanager
    def _readable(self, source: Source) -> Iterator[None]:
        """A log that cannot be read is said once, unless its container has been removed meanwhile."""
        try:
            yield
        except CommandFailed as error:
            self._ended.add(source.id)
            if not isinstance(error, NotFound | Conflict):  # gone, or about to go
                self._say(f"{source.task} is left out: {error}")

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """A node that does not answer is said once, and so is its return."""
        try:
            yield
        except SwarmopsError as error:
            self._cluster.check_open()
            if not self.lost:
                self.lost = True
                self._say(f"left out: {str(error).splitlines()[0]}")
        else:
            if self.lost:
                self.lost = False
                self._say("answers again")

    def _say(self, text: str) -> None:
        self._cluster.progress.done(text, self._node)
        self._cluster.progress.close()  # no spinner between the lines


def _path(source: Source) -> str:
    return f"/containers/{source.id}/logs"


def _background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
