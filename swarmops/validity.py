"""From when to when a certificate holds. Pure; what is all that swarmops wants to know needs no library of 0.1 s."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime

# RFC 5280, 4.1.2.5: a sequence of two times, with two digits for the year until 2049 and four from then on.
_TIME = rb"(?:\x17\x0d|\x18\x0f)(\d{12,14}Z)"
_PAIR = re.compile(rb"\x30." + _TIME + _TIME, re.DOTALL)


@dataclass(frozen=True)
class Validity:
    """The time in which a certificate holds."""

    begin: datetime
    end: datetime

    @classmethod
    def of(cls, pem: str) -> Validity | None:
        """That of the first certificate in a PEM file; None for what is no such file. Nothing is verified."""
        lines = pem.partition("-----END")[0].splitlines()
        try:
            content = b64decode("".join(line for line in lines if not line.startswith("-----")))
        except ValueError:
            return None
        times = _PAIR.search(content)
        return cls(*(_read(text.decode()) for text in times.groups())) if times else None


def _read(text: str) -> datetime:
    short = len(text) == len("YYMMDDHHMMSSZ")
    century = ("19" if text >= "50" else "20") if short else ""
    return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
