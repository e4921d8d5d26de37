"""What quickstart makes of the first answer of the ingress."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from http.client import BadStatusLine, IncompleteRead

import pytest

from swarmops.errors import WaitTimeout
from swarmops.ops import quickstart
from swarmops.report import Progress
from swarmops.wait import Deadline

URL = "http://localhost:8000"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[bytes | Exception]:
    """What the ingress says, one after the other."""
    answers: list[bytes | Exception] = []

    def reply(*_: object, **__: object) -> io.BytesIO:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", reply)
    monkeypatch.setattr(quickstart, "POLL_SECONDS", 0)
    return answers


def test_it_is_asked_until_it_answers_in_whatever_letters(said: list[bytes | Exception]) -> None:
    said += [urllib.error.URLError("refused"), BadStatusLine("\x15"), IncompleteRead(b"H"), b"Hall\xf6\n"]
    assert quickstart.answer(URL, Progress(io.StringIO()), Deadline(60)) == "Hall\ufffd"


def test_what_is_no_answer_is_said_when_time_is_up(said: list[bytes | Exception]) -> None:
    said.append(BadStatusLine("\x15"))
    with pytest.raises(WaitTimeout, match="8000 did not answer"):
        quickstart.answer(URL, Progress(io.StringIO()), Deadline(0))
