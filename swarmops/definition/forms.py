"""How the value of an option is written, and read. Every reader raises ValueError with what it should be. Pure."""

from __future__ import annotations

import re
import shlex
import struct
from collections.abc import Callable

from swarmops.constraints import ALLOWED, FORM

NANO = 10**9
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
UNITS = {"h": 3600 * NANO, "m": 60 * NANO, "s": NANO, "ms": 10**6, "us": 1000, "µs": 1000, "ns": 1}
MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE)
SIZES = {"t": 1 << 40, "g": 1 << 30, "m": 1 << 20, "k": 1 << 10, "": 1}
MOST = (1 << 63) - 1
"""The engine keeps its numbers in so many bits."""
NO_CHECK = "NONE"
"""What compose calls a health check that is switched off, the image's own too. No command is called so."""
LEAST_MEMORY = 4 << 20
LEAST_CPUS = 10**6
"""Bytes, and thousand-millionths of a processor: the engine refuses less."""


def duration(text: str) -> int:
    """Nanoseconds."""
    value = sum(float(number) * UNITS[unit] for number, unit in DURATION.findall(text))
    if (text != "0" and not re.fullmatch(f"(?:{DURATION.pattern})+", text)) or value >= MOST:
        raise ValueError("should be a duration such as 500ms, 10s or 1m30s")
    return round(value)


def monitor(text: str) -> int:
    """Nanoseconds for which swarm watches a task."""
    value = duration(text)
    if not value:
        raise ValueError("should be more than 0, which swarm takes for its own 5s")
    return value


def show_duration(value: int) -> str:
    """A duration, in the largest unit that needs no fraction."""
    unit = next(unit for unit, size in UNITS.items() if value % size == 0 and (value or unit == "s"))
    return f"{value // UNITS[unit]}{unit}"


def size(text: str) -> int:
    """Bytes."""
    match = MEMORY.fullmatch(text)
    value = float(match[1]) * SIZES[match[2].lower()] if match else MOST
    if value >= MOST:
        raise ValueError("should be a size such as 64m or 1.5g")
    return round(value)


def memory(text: str) -> int:
    """Bytes; 0 is no limit."""
    value = size(text)
    if 0 < value < LEAST_MEMORY:
        raise ValueError("should be 4m or more")
    return value


def show_memory(value: int) -> str:
    """A size, in the largest unit that needs no fraction."""
    unit = next(unit for unit, size in SIZES.items() if value % size == 0 and (value or not unit))
    return f"{value // SIZES[unit]}{unit}"


def cpus(text: str) -> int:
    """Thousand-millionths of a processor; 0 is no limit."""
    value = float(text) * NANO if re.fullmatch(r"\d*\.?\d+", text) else -1
    if value != 0 and not LEAST_CPUS <= value < MOST:
        raise ValueError("should be a number of processors such as 0.5 or 2")
    return round(value)


def show_cpus(value: int) -> str:
    """A number of processors, to the last digit."""
    return f"{value // NANO}.{value % NANO:09}".rstrip("0").rstrip(".")


def count(text: str) -> int:
    """A whole number."""
    if not re.fullmatch("[0-9]{1,6}", text):
        raise ValueError("should be a whole number, 0 to 999999")
    return int(text)


def ratio(text: str) -> float:
    """A part of the whole, in the fewest digits that mean the same to the engine, which keeps it in 32 bits."""
    if not re.fullmatch(r"0?\.\d+|0|1|1\.0+|0\.0+", text):
        raise ValueError("should be a number from 0 to 1")
    kept = _in_32_bits(float(text))
    shorter = (float(f"{kept:.{digits}g}") for digits in range(1, 10))
    return next(value for value in shorter if _in_32_bits(value) == kept)


def show_ratio(value: float) -> str:
    """A part of the whole, in as many digits as 32 bits have."""
    return f"{value:.9g}"


def _in_32_bits(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def check(text: str) -> str:
    """The command of a health check, or in any case that there is none."""
    return NO_CHECK if text.upper() == NO_CHECK else text


def words(text: str) -> tuple[str, ...]:
    """The words of a command line, quoted as in a shell."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        what = "a backslash stands at the end" if text.endswith("\\") else "a quotation mark does not end"
        raise ValueError(what) from None


def one_of(*known: str) -> Callable[[str], str]:
    """One of some words."""

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"should be {' or '.join(known)}")
        return text

    return read


def pair(text: str) -> tuple[str, str]:
    """NAME=value."""
    name, equals, _ = text.partition("=")
    # Without a value docker takes the one in its own environment, which is that of whichever manager answers.
    if not name or not equals:
        raise ValueError("should be NAME=value")
    return name, text


def constraint(text: str) -> tuple[str, str]:
    """A comparison of something that nodes have."""
    match = FORM.fullmatch(text)
    if not match:
        raise ValueError(f"should be such as node.role==worker or node.labels.region!=east; {ALLOWED}")
    return "".join(match.groups()), text


def preference(text: str) -> tuple[str, str]:
    """A label over whose values tasks are spread."""
    if not re.fullmatch(r"spread=(node|engine)\.labels\.\S+", text):
        raise ValueError("should be such as spread=node.labels.region")
    return text, text


def network(text: str) -> tuple[str, str]:
    """A network's name."""
    if not re.fullmatch(r"\w[\w.-]*", text):
        raise ValueError("should be the name of a network")
    return text, text
