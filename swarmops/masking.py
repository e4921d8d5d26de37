"""Secrets taken out of text: those whose values are known, and what looks like one. Pure."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from swarmops.commands import MASK

SHORTEST = 4
"""Values that are shorter are in every text by chance: masked, it could not be read; unmasked, they tell nothing."""
_KINDS = "api|access|app|auth|encryption|hmac|jwt|license|master|private|secret|session|shared|signing"
_KEY = rf"(?:unlock_?key|(?:{_KINDS})[_-]?key(?:[_-]?base)?)"
_SHORT = r"(?<![^\W_])pass|(?:db|root|user)pass|[_.-]pwd"
_WORD = rf"(?:password|passwd|passphrase|{_SHORT}|secret|token|credentials?|{_KEY}|[_-](?:passwords|secrets|tokens))"
_NAME = rf"[\w.-]*{_WORD}(?:[_-]?\d+|[_-](?:current|new|old|prev|previous))*"
SECRET_NAME = re.compile(rf"(?i){_NAME}")

_PATTERNS = (
    (re.compile(r"SWM(?:TKN|KEY)-\d+-[\w+/-]+"), MASK),
    (re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(://[^\s/:@\"']*:)[^\s@\"']+(?=@)"), rf"\1{MASK}"),
    (
        re.compile(r"(?i)\b((?:authorization|x-registry-auth)\\?\"?\s*[:=](?!\s*(?:null|\[))\s*\\?\"?)[^\"\r\n]+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    # --password abc, as a word of JSON or of a command line, and {'password': 'abc'} as Python prints it.
    (re.compile(rf'(?i)("--?[\w-]*(?:pass|{_WORD})"\s*,\s*")(?:[^"\\]|\\.)+(?=")'), rf"\1{MASK}"),
    (re.compile(rf"(?i)((?<![\w-])--[\w-]*(?:pass|{_WORD})[ =]+)(?!-)[^\s\"']+"), rf"\1{MASK}"),
    (re.compile(rf"(?i)('{_NAME}'\s*:\s*')[^'\n]+(?=')"), rf"\1{MASK}"),
    # In JSON: "PASSWORD=…" as containers have it, and "password": "…"; then PASSWORD=… and password: … of other texts.
    (re.compile(rf'(?i)("{_NAME}=)(?:[^"\\]|\\.)+(?=")'), rf"\1{MASK}"),
    (re.compile(rf'(?i)("{_NAME}"\s*:\s*")(?:[^"\\]|\\.)+(?=")'), rf"\1{MASK}"),
    (re.compile(rf"(?im)((?<![\"\w.-]){_NAME}[ \t]*[=:][ \t]*)(?![ \t])[^\r\n]+"), rf"\1{MASK}"),
)


class Masker:
    """Masks these values, in every form that a document may have them in, and what looks like a secret."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """The text without them."""
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, shown in _PATTERNS:
            text = pattern.sub(shown, text)
        return text


def _forms(value: str) -> Iterator[str]:
    """As it is, line by line, as in JSON, as in an address, and as in a configuration or a header."""
    for part in {value, value.strip(), *value.splitlines()}:
        yield part
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield quote(part, safe="", errors="surrogateescape")
        yield b64encode(part.encode(errors="surrogateescape")).decode().rstrip("=")
